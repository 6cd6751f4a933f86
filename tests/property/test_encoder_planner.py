"""Planned runs of an encoder give what one full hooked forward a cell gives, whatever is done, wherever."""

from functools import cache

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tiny_encoders import ENCODERS, LAYERS, random_picture, tiny_encoder, tiny_llava
from tiny_vision_models import noise, tiny_vision_network

from aetia.errors import SiteError, StudyError
from aetia.models import Add, Cell, Intervention, Knockout, Project, Replace, Scale, Set, Site
from aetia.models.encoder_planner import plan_encoder, run_encoder_cells_with_hooks, run_encoder_planned
from aetia.models.encoder_runs import EncoderRecording, record_encoder
from aetia.models.encoders import Encoder, tower_of
from aetia.models.sites import HEAD_COMPONENTS, PROJECTOR

QUICK = settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))


def output(values):
    return values


TOWERS = ("llava", "idefics3", "smolvlm", "qwen2_5_vl", "qwen3_vl")


def encoder_of(name: str) -> Encoder:
    if name == "llava":
        return tower_of(tiny_llava("clip", (0, 1, -1), "full"))
    return tower_of(tiny_vision_network(name)) if name in TOWERS else tiny_encoder(name)


@cache
def recorded(encoder: Encoder, seed: int) -> EncoderRecording:
    inner = [name for name in (*encoder.ports[0], "pattern") if not name.startswith("resid_p")]
    layers = range(len(encoder.blocks))
    # As many patches in another shape, where shapes are kept.
    picture = random_picture(seed) if encoder.vision is None else noise(seed, *((16, 24), (24, 16))[seed % 2])
    return record_encoder(encoder, picture, [(name, layer) for name in inner for layer in layers])


@st.composite
def operations(draw: st.DrawFn, site: Site, source: EncoderRecording) -> object:
    kind = draw(st.sampled_from(["set", "set", "add", "scale", "project", "replace"]))
    value = source.at(site)
    if kind == "set":
        return Set(value)
    if kind == "add":
        return Add(value * 0.5)
    if kind == "scale":
        return Scale(draw(st.sampled_from([0.0, 0.5, 2.0])))
    if kind == "project" and value.shape[-1] > 2:
        generator = torch.Generator().manual_seed(draw(st.integers(0, 9)))
        basis = torch.linalg.qr(torch.randn(value.shape[-1], 2, generator=generator)).Q
        return Project(basis, draw(st.sampled_from([None, value])))
    return Replace(lambda old: old.flip(-1))


@st.composite
def sites(draw: st.DrawFn, encoder: Encoder) -> Site:
    known = [*encoder.ports[0], "pattern"] + ([PROJECTOR] if encoder.vision is not None else [])
    component = draw(st.sampled_from(known))
    head = draw(st.sampled_from([None, 0, 1])) if component in HEAD_COMPONENTS else None
    length = 4 if component == PROJECTOR else recorded(encoder, 0).length
    if component == PROJECTOR:
        return Site(
            component, position=draw(st.one_of(st.just("all"), st.just("1:3"), st.integers(-length, length - 1)))
        )
    position = draw(st.one_of(st.just("all"), st.just("2:5"), st.integers(-length, length - 1)))
    units = draw(st.sampled_from([None, (1, 4)]))
    tower = draw(st.sampled_from(["", "vision"]))
    return Site(component, draw(st.integers(0, len(encoder.blocks) - 1)), head, units, position, tower)


@st.composite
def interventions(draw: st.DrawFn, encoder: Encoder, source: EncoderRecording) -> Intervention:
    if draw(st.integers(0, 5)) == 0:
        last = source.length - 1
        keys = draw(st.sets(st.integers(0, last), min_size=1, max_size=last))
        position = draw(st.one_of(st.just("all"), st.integers(0, last)))
        layer, head = draw(st.integers(0, len(encoder.blocks) - 1)), draw(st.sampled_from([None, 0, 1]))
        site = Site("pattern", layer, head, None, position)
        return Intervention(site, Knockout(tuple(sorted(keys))))
    site = draw(sites(encoder))
    return Intervention(site, draw(operations(site, source)))


@st.composite
def jobs(draw: st.DrawFn, encoder: Encoder) -> tuple[list[EncoderRecording], list[Cell]]:
    source, worlds = recorded(encoder, 0), [recorded(encoder, 1), recorded(encoder, 2)]
    cells = []
    for _ in range(draw(st.integers(1, 10))):
        done = draw(st.lists(interventions(encoder, source), max_size=3))
        wanted = draw(st.lists(sites(encoder), max_size=2))
        cells.append(Cell(tuple(done), draw(st.integers(0, 1)), tuple(wanted)))
    return worlds, cells


def agree(encoder: Encoder, worlds: list[EncoderRecording], cells: list[Cell]) -> float:
    try:
        hooked = run_encoder_cells_with_hooks(encoder, worlds, cells, output)
    except SiteError as error:  # knockouts of one cell that together leave a position nothing to read
        with pytest.raises(SiteError, match=error.code):
            run_encoder_planned(encoder, worlds, cells, output)
        return 0.0
    planned = run_encoder_planned(encoder, worlds, cells, output)
    pairs = [(planned.values, hooked.values)]
    assert planned.captured.keys() == hooked.captured.keys()
    for index, found in hooked.captured.items():
        assert planned.captured[index].keys() == found.keys()
        pairs += [(planned.captured[index][site], value) for site, value in found.items()]
    return max(float((one - other).abs().max()) for one, other in pairs)


@pytest.mark.parametrize("family", [*ENCODERS, *TOWERS])
@QUICK
@given(data=st.data())
def test_planned_runs_equal_hooked_ones_in_every_family(family, data):
    encoder = encoder_of(family)
    worlds, cells = data.draw(jobs(encoder))
    assert agree(encoder, worlds, cells) < 1e-4


@pytest.mark.parametrize(("attention", "dtype"), [("eager", torch.float32), ("sdpa", torch.float64)])
@QUICK
@given(data=st.data())
def test_planned_runs_equal_hooked_ones_with_other_attention_and_precision(attention, dtype, data):
    encoder = tiny_encoder("siglip", attention, dtype)
    worlds, cells = data.draw(jobs(encoder))
    assert agree(encoder, worlds, cells) < 1e-4


@QUICK
@given(data=st.data(), room=st.integers(0, 60_000))
def test_any_budget_gives_the_same_values_and_is_kept_in_the_forecast(data, room):
    encoder = tiny_encoder("clip")
    worlds, cells = data.draw(jobs(encoder))
    memory = sum(world.bytes for world in worlds) + room
    try:
        schedule = plan_encoder(encoder, worlds, cells, memory=memory)
    except StudyError:  # less than one cell needs
        return
    assert schedule.forecast.bytes <= memory
    free = run_encoder_planned(encoder, worlds, cells, output).values
    assert torch.allclose(run_encoder_planned(encoder, worlds, cells, output, memory=memory).values, free, atol=1e-4)


@pytest.mark.parametrize("family", ["vit", "clip"])
def test_a_full_grid_runs_only_the_blocks_from_each_intervention_on(family):
    encoder = tiny_encoder(family)
    world = recorded(encoder, 1)
    grid = [("resid_pre", layer) for layer in range(LAYERS)] + [("attn_out", layer) for layer in range(LAYERS)]
    cells = [
        Cell((Intervention(Site(name, layer, position=position), Scale(0.0)),))
        for name, layer in grid
        for position in range(encoder.length)
    ]
    schedule = plan_encoder(encoder, [world], cells)
    went_through = []
    handles = [
        encoder.port("mlp_out", layer).module.register_forward_hook(lambda _m, _i, out: went_through.append(len(out)))
        for layer in range(LAYERS)
    ]
    try:
        run_encoder_planned(encoder, [world], cells, output)
    finally:
        for handle in handles:
            handle.remove()
    # A cell that enters at layer l goes through L - l blocks: (L + 1) / 2 of L on average.
    assert sum(went_through) == schedule.block_runs == 2 * encoder.length * sum(range(1, LAYERS + 1))
    assert schedule.hook_block_runs == len(cells) * LAYERS
    assert schedule.forecast.flops / schedule.forecast.hook_flops == pytest.approx((LAYERS + 1) / (2 * LAYERS))


def test_a_knockout_that_leaves_nothing_to_read_is_refused_either_way():
    encoder = tiny_encoder("vit")
    world = recorded(encoder, 1)
    cut = Intervention(Site("pattern", 1, position=2), Knockout(tuple(range(encoder.length))))
    for run in (run_encoder_cells_with_hooks, run_encoder_planned):
        with pytest.raises(SiteError) as caught:
            run(encoder, [world], [Cell((cut,))], output)
        assert caught.value.code == "AE-3113"
