"""Alignment maps: exact inverses, the checks of each map, and rich maps that align a network that knows nothing."""

import pytest
import torch
from planted_networks import Item, balanced, blank, network_of
from tiny_models import tiny_network

from aetia.errors import StudyError
from aetia.features.alignment import Budget, compare, random_labels, score_map
from aetia.features.interchange import Interchange, as_interchanges, bundles, margins
from aetia.features.maps import Coordinates, MapClass, Reversible, Rotation, fit, parse_map
from aetia.features.study import AlignmentStudy
from aetia.features.values import alignment_values
from aetia.models import Intervention, Set, Site, run_with_hooks
from aetia.models.randomise import randomised

WIDTH, INPUTS = 8, 32
SITE = Site("resid_post", 0, position=-1)
CLASSES = torch.arange(INPUTS) % 2  # the even and the odd tokens


def linear_network():
    """Two classes of tokens, one direction between them, everything else noise; the last two tokens are the answers."""
    generator = torch.Generator().manual_seed(3)
    module = blank(INPUTS + 2, WIDTH)
    with torch.no_grad():
        values = torch.randn(INPUTS + 2, WIDTH, generator=generator)
        values[:INPUTS, 0] = 3.0 * (2.0 * CLASSES - 1.0)
        module.transformer.wte.weight.copy_(balanced(values))
        weight = torch.zeros(INPUTS + 2, WIDTH)
        weight[INPUTS, 0], weight[INPUTS + 1, 0] = -1.0, 1.0
        module.lm_head.weight.copy_(weight)
    return network_of(module)


NETWORK = linear_network()


def pairs(seed, count):
    """Interchanges of tokens of different classes, as many of them as asked for, no two alike."""
    generator = torch.Generator().manual_seed(seed)
    found = {}
    while len(found) < count:
        base, source = torch.randint(0, INPUTS, (2,), generator=generator).tolist()
        if CLASSES[base] != CLASSES[source]:
            expected = INPUTS + int(CLASSES[source])
            other = INPUTS + int(CLASSES[base])
            found[base, source] = Interchange(f"{base}-{source}", (base,), (source,), 0, expected, other)
    return tuple(found.values())


def share(values):
    return float(values.mean())


EVERY = pairs(0, 340)
TRAIN, TEST = EVERY[:228], EVERY[228:]
BUDGET = Budget(dimensions=WIDTH // 2, steps=150)
RICH = parse_map("reversible:3x64")


@pytest.fixture(scope="module")
def rich():
    return compare(NETWORK, SITE, TRAIN, TEST, RICH, BUDGET)


def test_a_rich_map_aligns_a_network_of_random_weights_and_a_rotation_does_not(rich):
    """32 random points of 8 dimensions are not linearly separable: no subspace can tell their classes apart."""
    rotation = compare(NETWORK, SITE, TRAIN, TEST, parse_map("rotation"), BUDGET)
    figures = {
        "rotation": (share(rotation.real.interchanged), share(rotation.twins.interchanged)),
        "reversible": (share(rich.real.interchanged), share(rich.twins.interchanged)),
    }
    assert figures["rotation"][0] >= 0.98, figures
    assert figures["rotation"][1] <= 0.8, figures
    assert figures["reversible"][0] >= 0.95, figures
    assert figures["reversible"][1] >= 0.95, figures
    # So the finding, the difference, is large for the rotation and next to nothing for the rich map.
    assert share(rotation.difference) >= 0.2, figures
    assert abs(share(rich.difference)) <= 0.05, figures


def test_interchanging_a_run_with_itself_gives_the_networks_own_accuracy():
    budget = Budget(dimensions=4, steps=30)
    for network in (NETWORK, randomised(NETWORK, 1)):
        for name in ("identity", "rotation", "reversible:2x16"):
            found = score_map(network, SITE, TRAIN, TEST, parse_map(name), budget)
            assert torch.equal(found.own, found.unpatched), name
            assert found.inverse_error < 1e-5, name
    assert share(found.unpatched) < 0.9  # the randomised network cannot do the task: the check is not about 1 = 1


def test_with_random_answers_a_split_that_leaks_is_above_chance_and_a_clean_one_is_not(rich):
    """Tokens are in training and test alike, so that a rich map can memorise their random answers."""
    assert share(rich.real.random_labels) > 0.8
    low = [one for one in EVERY if max(one.base_ids[0], one.source_ids[0]) < INPUTS // 2]
    high = [one for one in EVERY if min(one.base_ids[0], one.source_ids[0]) >= INPUTS // 2]
    clean = score_map(NETWORK, SITE, low, high, RICH, BUDGET)
    assert 0.2 < share(clean.random_labels) < 0.8
    assert share(clean.interchanged) > 0.9  # the network's own variable generalises to tokens never seen


def test_random_answers_belong_to_the_source_prompt():
    once, again = random_labels(EVERY, 0), random_labels(EVERY, 1)
    assert once == random_labels(EVERY, 0)
    assert once != again
    turned = {one.source_ids: new.expected != one.expected for one, new in zip(EVERY, once, strict=True)}
    assert all(turned[one.source_ids] == (new.expected != one.expected) for one, new in zip(EVERY, once, strict=True))
    assert 0.25 < sum(turned.values()) / len(turned) < 0.75


@pytest.mark.parametrize("width", [2, 5, 16])
@pytest.mark.parametrize("blocks", [1, 6])
def test_a_reversible_maps_inverse_is_exact(width, blocks):
    generator = torch.Generator().manual_seed(0)
    sample = torch.randn(40, width, generator=generator) * torch.logspace(-2, 2, width) + 7.0
    one = Reversible(sample, max(1, width // 2), blocks, 32, generator)
    with torch.no_grad():
        for parameter in one.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.1)
        back = one.inverse(one(sample))
        assert torch.allclose(back, sample, rtol=1e-5, atol=1e-5 * float(sample.abs().max()))
        assert not torch.allclose(one(sample)[:, 0], sample[:, 0])
        whole = Reversible(sample, width, blocks, 32, generator)
        assert torch.allclose(whole.interchange(sample, sample.flip(0)), sample.flip(0), rtol=1e-4, atol=1e-3)


def test_a_rotation_takes_the_subspace_and_coordinates_take_themselves():
    base, source = torch.randn(5, 4), torch.randn(5, 4)
    rotation = Rotation(torch.eye(4)[:, 1:3])
    expected = torch.cat([base[:, :1], source[:, 1:3], base[:, 3:]], dim=1)
    assert torch.allclose(rotation.interchange(base, source), expected, atol=1e-6)
    chosen = torch.tensor([False, True, True, False])
    assert torch.equal(Coordinates(chosen).interchange(base, source), expected)


def test_greedy_coordinates_find_the_unit_that_carries_the_class():
    parts = bundles(NETWORK, SITE, TRAIN)
    found = fit(NETWORK, SITE, parts, MapClass("identity"), dimensions=1, steps=0, seed=0)
    assert found.get_buffer("chosen").nonzero().flatten().tolist() == [0]
    more = fit(NETWORK, SITE, parts, MapClass("identity"), dimensions=5, steps=0, seed=0)
    assert int(more.get_buffer("chosen").sum()) == 5


@pytest.mark.parametrize("family", ["llama", "gpt2", "gemma2", "gpt_neox", "phi3_longrope"])
@pytest.mark.parametrize("site", ["L1.z.h2@-1", "L1.resid_pre@1", "L2.mlp_post.u3:20@-2", "L0.z@1", "L1.k.h0@2"])
def test_many_prompts_at_once_are_what_plain_hooks_give_one_by_one(family, site):
    network, at = tiny_network(family), Site.parse(site)
    items = [
        Item("one", (5, 6, 7, 8), (5, 60, 7, 8), (20,), (30,)),
        Item("two", (5, 6, 7, 8, 9), (5, 6, 61, 8, 9), (21,), (31,)),
        Item("three", (5, 16, 17, 8), (5, 16, 62, 8), (22,), (32,)),
    ]
    for bundle in bundles(network, at, as_interchanges(items, at, both_ways=True)):
        values = bundle.source * 0.5
        with torch.no_grad():
            got = margins(network, at, bundle, values)
        for place, number in enumerate(bundle.places):
            item, is_back = items[number // 2], number % 2
            ids = item.corrupted_ids if is_back else item.clean_ids
            (row,) = at.positions(len(ids))
            captured = run_with_hooks(network, item.clean_ids if is_back else item.corrupted_ids, (), [at.at(row)])
            value = captured.captured[at.at(row)]
            assert torch.allclose(value.flatten(), bundle.source[place], atol=1e-5)
            logits = run_with_hooks(network, ids, [Intervention(at.at(row), Set(value * 0.5))]).logits[0]
            expected, other = bundle.tokens[place].tolist()
            assert float(got[place]) == pytest.approx(float(logits[expected] - logits[other]), abs=1e-4)


def test_margins_have_the_gradient_of_the_outcome():
    network, at = tiny_network("llama"), Site.parse("L1.resid_post@-1")
    items = [Item("one", (5, 6, 7, 8), (5, 60, 7, 8), (20,), (30,))]
    (bundle,) = bundles(network, at, as_interchanges(items, at, both_ways=False))
    values = bundle.base.clone().requires_grad_()
    (slope,) = torch.autograd.grad(margins(network, at, bundle, values).sum(), values)
    step = torch.zeros_like(values)
    step[0, 3] = 1e-2
    with torch.no_grad():
        numeric = (margins(network, at, bundle, values + step) - margins(network, at, bundle, values - step)) / 2e-2
    assert float(slope[0, 3]) == pytest.approx(float(numeric), rel=2e-2)


def test_a_studys_values_have_every_map_on_both_systems_and_their_difference():
    items = [
        Item(f"i{n}", (int(a),), (int(b),), (INPUTS + int(CLASSES[a]),), (INPUTS + int(CLASSES[b]),))
        for n, (a, b) in enumerate([(k, (k + 1) % 24) for k in range(24)])
    ]
    study = AlignmentStudy(contrasts="capitals", site=str(SITE), maps=("identity", "rotation"), dimensions=2, steps=60)
    rows = alignment_values(study, NETWORK, items)(range(24)).to_pylist()
    found = {}
    for row in rows:
        found.setdefault((row["map"], row["system"], row["measure"]), []).append(row["value"])
    assert {len(values) for values in found.values()} == {24}
    mean = {cell: sum(values) / 24 for cell, values in found.items()}
    for name in ("identity", "rotation"):
        assert mean[name, "real", "iia"] > 0.95
        assert mean[name, "real", "unpatched"] == mean[name, "real", "own"] == 1.0
        difference = mean[name, "real", "iia"] - mean[name, "randomised", "iia"]
        assert mean[name, "difference", "iia"] == pytest.approx(difference)
        assert mean[name, "real", "excess"] == pytest.approx(mean[name, "real", "iia"] - 0.5)
    alone = alignment_values(study, NETWORK, items, is_draw=True)([3]).to_pylist()
    excess = {row["map"]: row["value"] for row in rows if row["item"] == "i3" and row["measure"] == "excess"}
    assert {row["map"]: row["value"] for row in alone} == excess  # a draw repeats the fit that is tested, and no more


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"maps": ("affine",)}, "AE-1406"),
        ({"maps": ("reversible:0x8",)}, "AE-1406"),
        ({"maps": ("rotation:2x2",)}, "AE-1406"),
        ({"dimensions": 9}, "AE-1407"),
        ({"site": "L0.pattern.h0@-1"}, "AE-1402"),
    ],
)
def test_a_study_that_cannot_be_carried_out_is_one_clear_line(fields, code):
    items = [Item(f"i{n}", (n,), (n + 1,), (32,), (33,)) for n in range(4)]
    with pytest.raises(StudyError) as caught:
        alignment_values(AlignmentStudy(**({"contrasts": "capitals", "site": str(SITE)} | fields)), NETWORK, items)
    assert caught.value.code == code


def test_the_size_of_a_reversible_map_is_part_of_its_name():
    assert str(parse_map("reversible:2x32")) == "reversible:2x32"
    assert parse_map("reversible") == parse_map("reversible:4x64")
    assert str(parse_map("rotation")) == "rotation"
