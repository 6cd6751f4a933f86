"""The planner gives what full hooked forwards give where some of the positions are a picture's, in every family."""

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from planned_jobs import OUTCOMES, agree, interventions
from tiny_models import LAYERS, VOCABULARY
from tiny_vision_models import IMAGE_TOKEN, VISION_CONFIGS, noise, prompt, tiny_vision_network

from aetia.errors import StudyError
from aetia.models import Add, Cell, Intervention, Network, Scale, Set, Site
from aetia.models.prompts import Prompt
from aetia.models.recording import Recording, first_difference, record
from aetia.models.wavefront import run_cells_with_hooks, run_planned

WORST = 1e-4
# Of equal and of other size and shape: some families embed a position by where in a picture it lies.
PICTURES = [noise(0), noise(1), noise(2, 24, 16), noise(3, 16, 16)]
text = st.integers(7, VOCABULARY - 1)


@st.composite
def jobs(draw: st.DrawFn, network: Network) -> tuple[list[Recording], list[Cell]]:
    def one() -> Recording:
        before = draw(st.lists(text, min_size=1, max_size=3))
        pictures = draw(st.lists(st.sampled_from(PICTURES), min_size=1, max_size=2))
        return record(network, prompt(network, before, pictures, draw(st.lists(text, min_size=2, max_size=3))))

    worlds = [one(), one()]
    components = [(name, layer) for name in network.ports[0] for layer in range(LAYERS)] + [("embed", None)]
    longest = max(world.length for world in worlds)
    source = record(network, draw(st.lists(text, min_size=longest, max_size=longest)), components)
    cells = []
    for _ in range(draw(st.integers(1, 6))):
        world = draw(st.integers(0, 1))
        done = draw(st.lists(interventions(network, source, worlds[world].length), max_size=3))
        cells.append(Cell(tuple(done), world))
    return worlds, cells


def check(name: str, data: st.DataObject) -> None:
    network = tiny_vision_network(name)
    worlds, cells = data.draw(jobs(network))
    assert agree(network, worlds, cells, data.draw(st.sampled_from(OUTCOMES))) < WORST


@pytest.mark.parametrize("family", [name for name in VISION_CONFIGS if name.startswith("llava")])
@settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_planned_runs_equal_hooked_ones_with_every_language_model(family, data):
    check(family, data)


@pytest.mark.parametrize("family", [name for name in VISION_CONFIGS if not name.startswith("llava")])
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_planned_runs_equal_hooked_ones_in_every_family(family, data):
    check(family, data)


def test_worlds_whose_pictures_lie_otherwise_are_planned_together():
    network = tiny_vision_network("qwen2_5_vl")
    wide, high = (
        record(network, prompt(network, [10, 11], [picture], [20, 21])) for picture in (PICTURES[0], PICTURES[2])
    )
    late = record(network, prompt(network, [10, 11, 12], [PICTURES[0]], [20]))
    worlds = [wide, high, late]
    assert len({world.length for world in worlds}) == 1
    assert len({world.layout for world in worlds}) == 3
    cells = [Cell((Intervention(Site("z", 1, position=3), Scale(0.0)),), world) for world in range(3)]
    assert agree(network, worlds, cells, OUTCOMES[0]) < WORST


def test_what_a_model_adds_between_its_blocks_is_added_to_edited_outputs_too():
    network = tiny_vision_network("qwen3_vl")
    clean, other = (record(network, prompt(network, [10, 11], [picture], [20, 21, 22])) for picture in PICTURES[:2])
    assert [added is not None for added in clean.added] == [True, True, False]
    image = list(range(2, 8))
    added = clean.added_after(0)
    assert added is not None
    assert added[image].abs().max(-1).values.min() > 0
    assert added[[0, 1, 8, 9, 10]].abs().max() == 0

    cells = []
    for layer in range(LAYERS):
        post, pre = Site("resid_post", layer, position="2:8"), Site("resid_pre", layer, position="2:8")
        done = [
            [Intervention(post, Set(torch.zeros(6, network.width)))],
            [Intervention(post, Set(other.at(post, image)))],
            [Intervention(pre, Set(other.at(pre, image)))],
            [
                Intervention(post, Scale(0.5)),
                Intervention(Site("resid_pre", min(layer + 1, 2), position=4), Scale(2.0)),
            ],
            [
                Intervention(Site("mlp_out", 0, position=3), Scale(0.0)),
                Intervention(post, Add(torch.ones(network.width))),
            ],
        ]
        cells += [Cell(tuple(one)) for one in done]
    outcomes = [OUTCOMES[0]]
    planned = run_planned(network, [clean], cells, outcomes).values
    hooked = run_cells_with_hooks(network, [clean], cells, outcomes).values
    assert (planned - hooked).abs().max() < WORST
    assert len(set(planned.round(decimals=3).tolist())) > 10  # the edits do matter


def test_the_residual_of_an_edited_output_is_what_the_hook_saw():
    network = tiny_vision_network("qwen3_vl")
    asked = prompt(network, [10, 11], PICTURES[:1], [20, 21, 22])
    sites = [Site(name, layer) for layer in range(LAYERS) for name in ("resid_pre", "resid_post")]
    world = record(network, asked)
    seen = run_cells_with_hooks(network, [world], [Cell((), captures=tuple(sites))], [OUTCOMES[0]]).captured[0]
    for site in sites:
        assert torch.allclose(world.at(site, range(world.length)), seen[site], atol=1e-5)


def test_pictures_that_seem_one_are_refused():
    network = tiny_vision_network("qwen2_5_vl")
    with pytest.raises(StudyError, match="AE-9309"):
        record(network, Prompt([10, *[IMAGE_TOKEN] * 12, 11], PICTURES[:2], [1, 7]))


def test_half_precision_keeps_what_is_added():
    network = tiny_vision_network("qwen3_vl", dtype=torch.bfloat16)
    world = record(network, prompt(network, [10, 11], PICTURES[:1], [20, 21, 22]))
    cells = [Cell((Intervention(Site("resid_post", layer, position=4), Scale(0.0)),)) for layer in range(LAYERS)]
    assert agree(network, [world], cells, OUTCOMES[2]) < 0.15


@pytest.mark.parametrize("family", ["llava_llama", "idefics3", "qwen2_5_vl", "qwen3_vl"])
def test_runs_of_other_pictures_differ_from_the_first_image_token_on(family):
    network = tiny_vision_network(family)
    runs = [record(network, prompt(network, [10, 11], [PICTURES[0], picture], [20, 21])) for picture in PICTURES[:2]]
    second = runs[1].ids.starts[1]
    assert first_difference(*runs) == second
    assert torch.equal(runs[0].resid_pre[:, :second], runs[1].resid_pre[:, :second])
    assert not torch.allclose(runs[0].resid_pre[0, second], runs[1].resid_pre[0, second])
