"""The planner gives what one full hooked forward a cell gives, whatever is done, wherever, to whichever family."""

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from planned_jobs import OUTCOMES, agree, interventions
from tiny_models import CONFIGS, LAYERS, VOCABULARY, tiny_network

from aetia.errors import StudyError
from aetia.models import Cell, Intervention, Network, Scale, Site
from aetia.models.planner import plan
from aetia.models.recording import Recording, record
from aetia.models.wavefront import base_outcomes, run_cells_with_hooks, run_planned

WORST = {torch.float32: 1e-4, torch.float64: 1e-4, torch.bfloat16: 0.15}
ids = st.lists(st.integers(3, VOCABULARY - 1), min_size=4, max_size=9)


@st.composite
def jobs(draw: st.DrawFn, network: Network) -> tuple[list[Recording], list[Cell]]:
    components = [(name, layer) for name in network.ports[0] for layer in range(LAYERS)] + [("embed", None)]
    first = draw(ids)
    second = draw(ids)
    source = record(network, [3 + (token + 5) % (VOCABULARY - 3) for token in max(first, second, key=len)], components)
    worlds = [record(network, first), record(network, second)]
    cells = []
    for _ in range(draw(st.integers(1, 12))):
        world = draw(st.integers(0, 1))
        length = worlds[world].length
        done = draw(st.lists(interventions(network, source, length), max_size=3))
        cells.append(Cell(tuple(done), world))
    return worlds, cells


@pytest.mark.parametrize("family", CONFIGS)
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_planned_runs_equal_hooked_ones_in_every_family(family, data):
    network = tiny_network(family)
    worlds, cells = data.draw(jobs(network))
    assert agree(network, worlds, cells, data.draw(st.sampled_from(OUTCOMES))) < WORST[torch.float32]


@pytest.mark.parametrize(
    ("attention", "dtype"), [("eager", torch.float32), (None, torch.float64), (None, torch.bfloat16)]
)
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_planned_runs_equal_hooked_ones_with_other_attention_and_precision(attention, dtype, data):
    network = tiny_network("qwen3", attention, dtype)
    worlds, cells = data.draw(jobs(network))
    assert agree(network, worlds, cells, OUTCOMES[2 if dtype == torch.bfloat16 else 0]) < WORST[dtype]


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data(), room=st.integers(0, 200_000))
def test_any_budget_gives_the_same_values_and_is_kept_in_the_forecast(data, room):
    network = tiny_network("llama")
    worlds, cells = data.draw(jobs(network))
    outcomes = [OUTCOMES[0]] * 2
    memory = sum(world.bytes for world in worlds) + room
    try:
        schedule = plan(network, worlds, cells, outcomes, memory=memory)
        free = run_planned(network, worlds, cells, outcomes).values
    except StudyError:  # less than one cell needs, or a knockout that leaves a position nothing
        return
    assert schedule.forecast.bytes <= memory
    assert torch.allclose(run_planned(network, worlds, cells, outcomes, memory=memory).values, free, atol=1e-4)


def test_a_cell_in_which_nothing_is_done_equals_its_base_run():
    network = tiny_network("llama")
    worlds = [record(network, [5, 6, 7, 8]), record(network, [9, 6, 7])]
    cells = [Cell((), 1), Cell((), 0)]
    values = run_planned(network, worlds, cells, [OUTCOMES[0]] * 2).values
    assert values.tolist() == base_outcomes(network, worlds, [OUTCOMES[0]] * 2).flip(0).tolist()


def test_captures_of_planned_runs_equal_hooked_ones():
    network = tiny_network("llama")
    world = record(network, [5, 6, 7, 8, 9, 10])
    sites = (
        Site("q", 2, 1, position=3),
        Site("mlp_post", 1, position="all"),
        Site("resid_mid", 2, position=-1),
        Site("resid_pre", 1, position="all"),
    )
    cells = [Cell((Intervention(Site("z", 0, 2, position=2), Scale(0.0)),), captures=sites)]
    planned = run_planned(network, [world], cells, [OUTCOMES[0]]).captured[0]
    hooked = run_cells_with_hooks(network, [world], cells, [OUTCOMES[0]]).captured[0]
    for site in sites:
        assert torch.allclose(planned[site], hooked[site], atol=1e-5)
