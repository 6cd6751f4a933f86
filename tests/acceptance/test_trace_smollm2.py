"""The whole path on the real default model: a study, its run, its effects, and the truth of its numbers."""

import pytest
import torch

import aetia
from aetia.errors import ContrastError
from aetia.models import Cell, Intervention, Network, Outcome, Scale, Set, Site, load, record
from aetia.models.planner import plan
from aetia.models.wavefront import run_cells_with_hooks, run_planned
from aetia.studies import items_of
from aetia.tracing import TraceStudy

pytestmark = pytest.mark.model


@pytest.fixture(scope="module")
def network() -> Network:
    return load("smollm2-135m")


def _cells(network: Network, clean: tuple[int, ...], count: int) -> list[Cell]:
    components = ("resid_pre", "resid_mid", "attn_out", "mlp_out", "z", "q", "k", "v", "mlp_post", "resid_post")
    kept = [(name, layer) for name in components for layer in range(30) if not name.startswith("resid_p")]
    source = record(network, clean, kept)
    generator = torch.Generator().manual_seed(3)
    cells = []
    for n in range(count):
        layer, position, head = (int(torch.randint(high, (), generator=generator)) for high in (30, len(clean), 3))
        name = components[n % len(components)]
        site = Site(name, layer, head if name in "zqkv" else None, position=position)
        operation = Set(source.at(site, site.positions(len(clean)))) if n % 3 else Scale(0.0)
        cells.append(Cell((Intervention(site, operation),)))
    return cells


def test_planned_runs_equal_hooked_ones_on_the_real_model(network):
    items = items_of(TraceStudy(contrasts="ioi", items=1), network).items
    item = items[0]
    worlds = [record(network, item.corrupted_ids)]
    cells = _cells(network, item.clean_ids, 60)
    outcomes = [Outcome("logit_difference", item.answer_ids, item.foil_ids[0])]
    planned = run_planned(network, worlds, cells, outcomes).values
    hooked = run_cells_with_hooks(network, worlds, cells, outcomes).values
    assert float((planned - hooked).abs().max()) < 1e-4
    assert float((hooked - hooked[0]).abs().max()) > 0.1


def test_the_forecast_of_the_standard_job_bounds_what_it_says(network):
    """30 layers x 24 positions: at most 60 MB above the loaded model (its recordings included)."""
    ids = list(range(100, 124))
    world = record(network, ids)
    cells = [
        Cell((Intervention(Site("resid_pre", layer, position=position), Scale(0.0)),))
        for layer in range(30)
        for position in range(24)
    ]
    forecast = plan(network, [world], cells, [Outcome("logit_difference", (5,), 6)]).forecast
    assert forecast.bytes < 60e6
    assert forecast.hook_flops > 3.5 * forecast.flops


def test_capitals_are_traced_from_the_country_to_the_last_position(tmp_path):
    """The textbook finding: the country's own position carries the answer early, the last position late."""
    run = aetia.trace("smollm2-135m", "capitals", items=4, sites=["resid_pre"], out=tmp_path / "run")
    assert run.status == "complete"
    effects = run.effects()
    (total,) = (
        effects.where(method="baseline", component="clean").to_arrow()["estimate"].to_pylist()[0]
        - effects.where(method="baseline", component="corrupted").to_arrow()["estimate"].to_pylist()[0],
    )
    (item, *_) = items_of(TraceStudy(contrasts="capitals", items=4), load("smollm2-135m")).items
    subject = item.spans["subject"][1] - 1
    last = item.length - 1

    def effect(layer: int, position: int) -> float:
        rows = effects.where(method="patch", component="resid_pre", layer=layer, position=position)
        return rows.to_arrow()["estimate"].to_pylist()[0]

    assert effect(2, subject) > 0.8 * total
    assert effect(29, last) > 0.8 * total
    assert abs(effect(2, last)) < 0.2 * total
    assert abs(effect(29, subject)) < 0.2 * total


def test_one_question_of_ones_own_is_an_anecdote_without_intervals(tmp_path):
    pair = {
        "clean": "The capital of France is",
        "corrupted": "The capital of Italy is",
        "answer": " Paris",
        "foil": " Rome",
    }
    run = aetia.trace(pair=pair, sites=["z"], layers=[20, 21], out=tmp_path / "run")
    rows = run.effects().where(method="patch").to_arrow()
    assert len(rows) == 2 * 9
    assert rows["n"].unique().to_pylist() == [1]
    assert rows["low"].null_count == len(rows)


def test_prompts_of_unequal_length_are_shown_token_by_token(tmp_path):
    pair = {
        "clean": "The Eiffel Tower is in the city of",
        "corrupted": "The Colosseum in Italy is in the city of",
        "answer": " Paris",
        "foil": " Rome",
    }
    with pytest.raises(ContrastError) as caught:
        aetia.trace(pair=pair, out=tmp_path / "run")
    assert caught.value.code == "AE-2107"
    assert "Mend:" in str(caught.value)
