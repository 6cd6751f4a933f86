"""The instruments of features and impairment on networks in memory: families, nulls, the verdict beside the effects."""

import numpy as np
import pytest
import torch
from planted_networks import Item, balanced, blank, network_of
from tiny_models import tiny_network
from truth_networks import cached_system

from aetia.errors import SiteError
from aetia.features.instrument import Alignment, Subspace
from aetia.features.study import AlignmentStudy, SubspaceStudy
from aetia.features.verdict import judge
from aetia.tracing.impairment_instrument import Impairment
from aetia.tracing.impairment_study import ImpairmentStudy

SITE = "L0.resid_post@-1"


def one_direction():
    """Tokens 0 to 23 in two classes along one direction of 16; the answers are tokens 24 and 25."""
    module = blank(26, 16)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        values = torch.randn(26, 16, generator=generator)
        values[:24, 0] = 3.0 * (2.0 * (torch.arange(24) % 2) - 1.0)
        module.transformer.wte.weight.copy_(balanced(values))
        module.lm_head.weight[24, 0], module.lm_head.weight[25, 0] = -1.0, 1.0
    return network_of(module)


NETWORK = one_direction()
ITEMS = tuple(Item(f"i{n:02}", (n,), ((n + 7) % 24,), (24 + n % 2,), (25 - n % 2,)) for n in range(24))


def cells(effects, *names):
    return {tuple(row[name] for name in names): row for row in effects.table.to_pylist()}


def test_a_subspace_study_tests_the_subspace_against_random_ones_and_says_its_verdict(tmp_path):
    np.save(tmp_path / "axis.npy", np.eye(16)[0])
    study = SubspaceStudy(
        contrasts="capitals", site=SITE, method="file", file=str(tmp_path / "axis.npy"), receivers=("logits",)
    )
    effects = Subspace().run_on(study, NETWORK, ITEMS)
    found = cells(effects, "part", "measure")
    change = found["full", "effect"]["estimate"]
    assert change == pytest.approx(12.0, abs=1e-4)
    # A layer norm cannot see the mean: along this axis the patch shifts it, along the axis' read half it does not.
    for part, share in (("subspace", 15.0 / 16.0), ("row", 1.0)):
        row = found[part, "effect"]
        assert row["estimate"] == pytest.approx(share * change, abs=1e-4)
        assert row["unit"] == "logits"
    tested = found["subspace", "effect"]
    assert (tested["null"], tested["q"]) == ("random-subspace:19", pytest.approx(0.05))
    assert found["row", "effect"]["null"] is None
    assert found["null", "effect"]["estimate"] == pytest.approx(0.0, abs=1e-4)
    assert found["random", "effect"]["null"] is None
    assert abs(found["random", "effect"]["estimate"]) < change / 2
    assert found["subspace", "flip"]["estimate"] == 1.0
    assert found["subspace", "fldd"]["estimate"] == pytest.approx(187.5, abs=1e-2)  # from 6 to -5.25
    assert effects.provenance["finding"] == "carried"
    assert "107% of the effect" in effects.provenance["reasons"]


@pytest.mark.parametrize(
    ("site", "method", "receivers", "findings"),
    [
        ("L0.z.h0@-1", "means", (), ("carried",)),  # the head that carries the colour
        ("L0.z.h2@-1", "means", (), ("no effect",)),  # the head that sleeps
        ("L0.resid_post@-1", "das", ("logits",), ("dormant",)),  # the way on that only the sleeping head would use
    ],
)
def test_the_head_that_only_a_patch_awakens_is_not_taken_for_a_cause(site, method, receivers, findings):
    system = cached_system("dormant", 0)
    study = SubspaceStudy(
        contrasts="capitals", site=site, method=method, receivers=receivers, steps=60, random_draws=2, null="none"
    )
    effects = Subspace().run_on(study, system.network, system.draw(12, 1))
    assert effects.provenance["finding"] in findings, effects.provenance["reasons"]


def test_an_alignment_study_has_both_systems_and_their_difference_with_intervals():
    study = AlignmentStudy(contrasts="capitals", site=SITE, maps=("identity",), dimensions=1)
    effects = Alignment().run_on(study, NETWORK, ITEMS)
    found = cells(effects, "map", "system", "measure")
    assert found["identity", "real", "iia"]["estimate"] == 1.0
    difference = found["identity", "difference", "iia"]
    assert difference["estimate"] == pytest.approx(1.0 - found["identity", "randomised", "iia"]["estimate"])
    assert difference["low"] <= difference["estimate"] <= difference["high"]
    excess = found["identity", "real", "excess"]
    assert (excess["estimate"], excess["null"]) == (0.5, "randomised-weights:19")
    assert excess["q"] == pytest.approx(0.05)
    assert found["identity", "real", "inverse error"]["estimate"] < 1e-5


def test_an_impairment_study_of_a_random_network_has_its_controls():
    network = tiny_network("gpt2")
    tasks = [
        [Item(f"{n}", (5, 6 + n, 7, 8), (5, 40 + n, 7, 8), (20 + n,), (30 + n,)) for n in range(start, start + 6)]
        for start in (0, 8)
    ]
    study = ImpairmentStudy(contrasts="one", other="two", top=2, controls=5, component="heads", outcome="probability")
    effects = Impairment().run_on_tasks(study, network, *tasks)
    first = effects.table.to_pylist()[0]
    assert (first["ablated"], first["unit"], first["n"]) == ("interaction", "probability", 12)
    assert first["null"] == "matched-components:5"
    assert effects.provenance["ablation"] == "mean"
    named = {row["component"] for row in effects.table.to_pylist()} - {None}
    assert 2 <= len(named) <= 8


NOTHING = {"activity": np.ones(8), "outside": np.zeros(8), "separated": np.ones(8)}


def verdict(subspace, row, full, *, unread=0.5, **fields):
    noise = np.linspace(-0.1, 0.1, 8)
    effects = {
        "full": full + noise,
        "subspace": subspace + noise,
        "row": row + noise,
        "null": 0 * noise,
        "random": 0 * noise,
    }
    return judge(effects, null_norm=0.5, unread=unread, **(NOTHING | fields)).finding


def test_the_verdict_follows_the_numbers():
    assert verdict(2.0, 1.9, 4.0) == "carried"
    assert verdict(2.0, 0.2, 4.0) == "dormant"
    assert verdict(-2.0, -0.2, -4.0) == "dormant"
    assert verdict(0.0, 0.0, 4.0) == "no effect"
    assert verdict(2.0, 1.9, 4.0, unread=0.0) == "undecided"
    assert verdict(2.0, 1.9, 0.5) == "suspect"  # the whole component does less
    assert verdict(2.0, 1.9, 1.95) == "carried"
    assert verdict(2.0, 1.9, 4.0, outside=np.ones(8)) == "suspect"
    assert verdict(2.0, 1.9, 4.0, activity=np.full(8, 0.01), unread=0.0) == "suspect"
    assert verdict(2.0, 0.2, 4.0, unread=0.0) == "dormant"


def test_one_item_gives_a_verdict_without_an_interval():
    effects = {name: np.array([2.0]) for name in ("full", "subspace", "row")} | {
        "null": np.zeros(1),
        "random": np.zeros(1),
    }
    given = {name: values[:1] for name, values in NOTHING.items()}
    assert judge(effects, null_norm=0.0, unread=0.5, **given).finding == "carried"


@pytest.mark.parametrize(
    "fields",
    [
        {"method": "file"},
        {"method": "das", "file": "a.npy"},
        {"rank": 0},
    ],
)
def test_fields_that_contradict_each_other_are_refused(fields):
    with pytest.raises(ValueError, match="validation error"):
        SubspaceStudy(**({"contrasts": "capitals", "site": SITE} | fields))


def test_a_site_that_is_none_is_refused_by_its_own_error():
    with pytest.raises(SiteError) as caught:
        SubspaceStudy(contrasts="capitals", site="nowhere")
    assert caught.value.code == "AE-3101"
