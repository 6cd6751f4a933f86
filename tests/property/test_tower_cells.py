"""Interventions in a vision tower give the answer that hooks on the whole vision-language model give."""

from functools import cache

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tiny_encoders import LAYERS, tiny_llava
from tiny_vision_models import noise, tiny_vision_network

from aetia.errors import SiteError, StudyError
from aetia.models import Add, Cell, Intervention, Knockout, Outcome, Scale, Set, Site, record, run_planned
from aetia.models.encoder_runs import EncoderRecording, record_encoder
from aetia.models.encoders import tower_of
from aetia.models.hooks import hooked
from aetia.models.network import Network
from aetia.models.prompts import Prompt
from aetia.models.sites import COMPONENTS, HEAD_COMPONENTS, PROJECTOR
from aetia.models.tower_cells import tower_cells, tower_hooked

QUICK = settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
OUTCOME = Outcome("logit_difference", (20,), 21)
LLAVAS = {
    "last": ("clip", -1, "default"),
    "before the last": ("clip", -2, "default"),
    "several layers": ("clip", (0, 1, -1), "default"),
    "no class token": ("siglip", -1, "full"),
    "class token kept": ("clip", -1, "full"),
}
OTHERS = ("idefics3", "smolvlm", "qwen2_5_vl", "qwen3_vl")
PICTURES = (noise(0), noise(1, 24, 16), noise(2, 16, 40))
"""Of several shapes, which Qwen's towers keep; the first two have as many patches."""


def network_of(kind: str) -> Network:
    return tiny_llava(*LLAVAS[kind]) if kind in LLAVAS else tiny_vision_network(kind)


def prompt_of(network: Network, pictures: int) -> Prompt:
    assert network.vision is not None
    ids, starts = [1], []
    for number, picture in enumerate(PICTURES[:pictures]):
        starts.append(len(ids))
        ids += [3] * network.vision.positions(picture) + [10 + number]
    return Prompt([*ids, 30, 31], PICTURES[:pictures], starts)


@cache
def recorded(network: Network, number: int) -> EncoderRecording:
    encoder = tower_of(network)
    inner = [name for name in (*encoder.ports[0], "pattern") if not name.startswith("resid_p")]
    layers = range(len(encoder.blocks))
    return record_encoder(encoder, PICTURES[number], [(name, layer) for name in inner for layer in layers])


@cache
def world(network: Network, pictures: int):
    return record(network, prompt_of(network, pictures))


@st.composite
def seen(draw: st.DrawFn, network: Network, pictures: int) -> Intervention:
    encoder, source = tower_of(network), recorded(network, 2)
    kind = draw(st.sampled_from(["knockout", "projector", "block", "block", "block"]))
    layer = draw(st.integers(0, len(encoder.blocks) - 1))
    lengths = [recorded(network, number).length for number in range(pictures)]
    length = sum(lengths)
    if kind == "knockout":
        keys = draw(st.sets(st.integers(0, length - 1), min_size=1, max_size=source.length - 1))
        position = draw(st.one_of(st.just("all"), st.integers(0, length - 1)))
        return Intervention(Site("pattern", layer, position=position, tower="vision"), Knockout(tuple(sorted(keys))))
    if kind == "projector":
        length = sum(len(recorded(network, number).output) for number in range(pictures))
        site = Site(PROJECTOR, position=draw(st.one_of(st.just("all"), st.just("2:4"), st.integers(0, length - 1))))
    else:
        component = draw(st.sampled_from([*encoder.ports[0], "pattern"]))
        position = draw(st.one_of(st.just("all"), st.just("3:5,7"), st.integers(-length, length - 1)))
        head = draw(st.sampled_from([None, 1])) if component in HEAD_COMPONENTS else None
        site = Site(component, layer, head, None, position, "vision")
    once = source.at(Site(site.component, site.layer, site.head))
    value = once[[row % len(once) for row in site.rows(length)]]
    if site.component == "pattern":  # as wide as a picture has positions
        value = value[..., :1]
    return Intervention(site, draw(st.sampled_from([Set(value), Add(0.5 * value), Scale(0.0), Scale(2.0)])))


@st.composite
def said(draw: st.DrawFn, network: Network, length: int) -> Intervention:
    component = draw(st.sampled_from([*network.ports[0], "embed"]))
    layer = None if component == "embed" else draw(st.integers(0, LAYERS - 1))
    return Intervention(Site(component, layer, position=draw(st.integers(0, length - 1))), Scale(0.5))


def whole(network: Network, prompt: Prompt, cell: Cell) -> torch.Tensor:
    tower = [i for i in cell.interventions if i.site.is_seen]
    decoder = [i for i in cell.interventions if not i.site.is_seen]
    with torch.inference_mode(), tower_hooked(network, prompt, tower), hooked(network, len(prompt), decoder):
        return OUTCOME.from_logits(network.module(**network.inputs([prompt]), use_cache=False).logits)[0]


@pytest.mark.parametrize("kind", [*LLAVAS, *OTHERS])
@QUICK
@given(data=st.data())
def test_cells_of_a_tower_equal_hooks_on_the_whole_network(kind, data):
    network = network_of(kind)
    pictures = data.draw(st.integers(1, len(PICTURES)))
    prompt = prompt_of(network, pictures)
    cells = [
        Cell(
            (
                *data.draw(st.lists(seen(network, pictures), max_size=2)),
                *data.draw(st.lists(said(network, len(prompt)), max_size=1)),
            )
        )
        for _ in range(data.draw(st.integers(1, 5)))
    ]
    try:
        hooks = torch.stack([whole(network, prompt, cell) for cell in cells])
    except SiteError:  # a knockout that leaves a position nothing
        with pytest.raises(SiteError):
            tower_cells(network, prompt, cells)
        return
    planned = run_planned(network, [world(network, pictures)], tower_cells(network, prompt, cells), [OUTCOME])
    assert float((planned.values - hooks).abs().max()) < 1e-4


def test_cutting_attention_in_tower_and_language_model_at_once_acts_in_both():
    network = tiny_llava()
    prompt = prompt_of(network, 1)
    tower = Intervention(Site("pattern", 1, position=0, tower="vision"), Knockout((3, 4, 5)))
    decoder = Intervention(Site("pattern", 1, position=len(prompt) - 1), Knockout((1, 2)))
    cells = [Cell((tower,)), Cell((decoder,)), Cell((tower, decoder))]
    hooks = [float(whole(network, prompt, cell)) for cell in cells]
    assert len({round(value, 4) for value in hooks}) == 3
    planned = run_planned(network, [world(network, 1)], tower_cells(network, prompt, cells), [OUTCOME])
    assert planned.values.tolist() == pytest.approx(hooks, abs=1e-4)


def test_a_projector_row_changes_its_own_position_alone_and_a_tower_row_all():
    network = tiny_llava()
    prompt = prompt_of(network, 1)
    rows = [
        Intervention(Site.parse("projector@4"), Scale(0.0)),
        Intervention(Site.parse("vision.L0.mlp_out@5"), Scale(0.0)),
        Intervention(Site.parse("vision.L2.mlp_out@5"), Scale(0.0)),
        Intervention(Site.parse("vision.L2.mlp_out@0"), Scale(0.0)),
    ]
    found = tower_cells(network, prompt, [Cell((row,)) for row in rows])
    sites = [[str(i.site) for i in cell.interventions] for cell in found]
    # Position 1 is the first image token; the class token (0 of the tower) is not among them.
    assert sites == [["L0.resid_pre@5"], ["L0.resid_pre@1:10"], ["L0.resid_pre@5"], []]


def test_blocks_behind_the_layer_that_is_read_do_nothing_and_are_not_run():
    network = tiny_llava("clip", -2)
    prompt = prompt_of(network, 1)
    late = Cell((Intervention(Site.parse("vision.L2.attn_out@all"), Scale(0.0)),))
    assert tower_of(network).depth == 2
    assert tower_cells(network, prompt, [late])[0].interventions == ()
    assert float(whole(network, prompt, late)) == pytest.approx(float(whole(network, prompt, Cell(()))), abs=1e-6)


def test_what_a_tower_cannot_give_is_refused_in_one_line():
    network = tiny_llava()
    prompt = prompt_of(network, 1)
    seen_site = Site.parse("vision.L1.attn_out@2")
    cut = Cell((Intervention(seen_site, Scale(0.0)),))
    with pytest.raises(SiteError) as caught:
        run_planned(network, [world(network, 1)], [cut], [OUTCOME])
    assert caught.value.code == "AE-9404"
    with pytest.raises(SiteError) as caught:
        tower_cells(network, prompt, [Cell((), captures=(seen_site,))])
    assert caught.value.code == "AE-9411"
    with pytest.raises(StudyError) as caught:
        tower_cells(network, Prompt([1, 30, 31]), [cut])
    assert caught.value.code == "AE-9410"


towers = st.sampled_from(["", "vision"])
positions = st.one_of(st.integers(-40, 40), st.sampled_from(["all", "2:5", "1,4:6", "image"]))


@given(
    component=st.sampled_from([name for name in COMPONENTS if name != "embed"]),
    layer=st.integers(0, 99),
    head=st.one_of(st.none(), st.integers(0, 99)),
    start=st.one_of(st.none(), st.integers(0, 99)),
    position=positions,
    tower=towers,
)
def test_addresses_are_read_as_they_are_written(component, layer, head, start, position, tower):
    head = head if component in HEAD_COMPONENTS else None
    units = None if start is None else (start, start + 3)
    site = Site(component, layer, head, units, position, tower)
    assert Site.parse(str(site)) == site
    assert str(site).startswith("vision.") == (tower == "vision")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("vision.embed@3", "AE-9403"),
        ("vision.projector@3", "AE-9403"),
        ("L2.projector@3", "AE-3102"),
        ("projector.h1@3", "AE-3103"),
        ("audio.L2.attn_out", "AE-3104"),
        ("vision.L2", "AE-3104"),
        ("vision.L2.gate", "AE-3101"),
        ("vision.attn_out", "AE-3102"),
    ],
)
def test_an_address_with_a_coordinate_too_many_or_unknown_is_refused(text, code):
    with pytest.raises(SiteError) as caught:
        Site.parse(text)
    assert caught.value.code == code
