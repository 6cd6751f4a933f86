"""A subspace's patch: the sheet's three units, plain hooks on every family, the verdict and what it is given."""

import numpy as np
import pytest
import torch
from planted_networks import Item, balanced, blank, network_of
from tiny_models import CONFIGS, tiny_network

from aetia.errors import AetiaError, SiteError, StudyError
from aetia.features.directions import difference_in_means, learned, load_subspace, orthonormal
from aetia.features.instrument import verdict_of
from aetia.features.interchange import as_interchanges, bundles, margins
from aetia.features.readers import _inputs, read_by, row_space
from aetia.features.study import SubspaceStudy
from aetia.features.subspace import patch_parts, split
from aetia.features.values import subspace_values
from aetia.models import Intervention, Project, Set, Site, record, run_with_hooks

HIDDEN = Site("mlp_post", 0, position=-1)
X_BASE, X_SOURCE = 1.0, 4.0  # the sheet's -1 and 2, raised so that ReLU lets them pass
CAUSAL = torch.tensor([1.0, 0.0, 0.0])
ILLUSORY = torch.tensor([0.0, 1.0, 1.0])


def three_units():
    """The sheet's example: h = (x, x, 0), W_out writes h1 and h3 and not h2, y = h1 + h3 - 2.5.

    Tokens 0 to 7 are base runs and 8 to 15 are source runs, whose x differ a little from item to item; the answer of a
    base run is token 16 (y < 0), that of a source run token 17.
    """
    module = blank(18, 12, neurons=3)
    with torch.no_grad():
        spread = torch.linspace(-0.2, 0.2, 8)
        values = torch.zeros(18, 12)
        values[:8, 0], values[8:16, 0] = X_BASE + spread, X_SOURCE + spread
        values[:, 3] = 1.0  # a constant for the threshold
        module.transformer.wte.weight.copy_(balanced(values))
        module.get_parameter("transformer.h.0.mlp.c_fc.weight")[0, :2] = 1.0  # h1 and h2 read x; h3 reads nothing
        written = torch.zeros(3, 12)
        written[0, 1], written[2, 2] = 1.0, 1.0
        module.get_parameter("transformer.h.0.mlp.c_proj.weight").copy_(balanced(written))
        module.lm_head.weight[17, 1:3] = 1.0
        module.lm_head.weight[16, 3] = 2.5
    return network_of(module)


NETWORK = three_units()
ITEMS = tuple(Item(f"item-{n}", (n,), (8 + n,), (16,), (17,)) for n in range(8))


def patched(direction, items=ITEMS):
    (bundle,) = bundles(NETWORK, HIDDEN, as_interchanges(items, HIDDEN, both_ways=False))
    parts = split(orthonormal(direction[:, None]), row_space(NETWORK, HIDDEN))
    return parts, patch_parts(NETWORK, HIDDEN, bundle, parts)


def values_of(study, network=NETWORK, items=ITEMS):
    return subspace_values(study, network, items)(range(len(items)))


def study(tmp_path, direction, **fields):
    np.save(tmp_path / "direction.npy", direction.numpy())
    given = {"contrasts": "capitals", "site": str(HIDDEN), "method": "file", "file": str(tmp_path / "direction.npy")}
    return SubspaceStudy(**(given | fields))


def test_the_hidden_layer_is_the_sheets():
    run = record(NETWORK, (3,), [("mlp_post", 0)])
    x = float(run.components["mlp_post", 0][0, 0])
    assert run.components["mlp_post", 0][0].tolist() == pytest.approx([x, x, 0.0])
    assert x == pytest.approx(X_BASE + float(torch.linspace(-0.2, 0.2, 8)[3]), abs=1e-6)


def test_along_the_causal_unit_the_read_half_has_the_whole_effect_and_the_unread_none():
    parts, found = patched(CAUSAL)
    assert (parts.row_norm, parts.null_norm) == pytest.approx((1.0, 0.0), abs=1e-7)
    change = X_SOURCE - X_BASE  # in every item: base and source are spread alike
    for part, expected in {"full": change, "subspace": change, "row": change, "null": 0.0}.items():
        assert found.effects[part].tolist() == pytest.approx([expected] * 8, abs=1e-5), part


def test_along_the_illusory_direction_both_halves_do_exactly_nothing():
    parts, found = patched(ILLUSORY)
    assert (parts.row_norm, parts.null_norm) == pytest.approx((2**-0.5, 2**-0.5))
    half = (X_SOURCE - X_BASE) / 2
    for part, expected in {"full": 2 * half, "subspace": half, "row": 0.0, "null": 0.0}.items():
        assert found.effects[part].tolist() == pytest.approx([expected] * 8, abs=1e-5), part
    # The dormant half moves in no normal run, and the patch puts it where no normal run puts it.
    assert found.activity.tolist() == [0.0] * 8
    assert found.outside.tolist() == [1.0] * 8
    assert found.separated.tolist() == [0.5] * 8


def test_a_split_by_the_gradient_would_pass_the_illusion_and_ours_does_not(tmp_path):
    parts, found = patched(ILLUSORY)
    (bundle,) = bundles(NETWORK, HIDDEN, as_interchanges(ITEMS, HIDDEN, both_ways=False))
    values = bundle.base.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(margins(NETWORK, HIDDEN, bundle, values).sum(), values)
    along = gradient[0] / gradient[0].norm()
    assert along.tolist() == pytest.approx([2**-0.5, 0.0, 2**-0.5])
    # The wrong test: the part of the direction along the gradient, patched as a direction.
    wrong = split(orthonormal(((ILLUSORY @ along) * along)[:, None]), parts.space)
    kept = patch_parts(NETWORK, HIDDEN, bundle, wrong).effects["subspace"]
    assert float(kept.mean()) >= float(found.effects["subspace"].mean()) > 1.0
    assert verdict_of(study(tmp_path, ILLUSORY), values_of(study(tmp_path, ILLUSORY))).finding == "dormant"


def test_the_verdict_on_the_causal_unit_is_that_it_carries(tmp_path):
    verdict = verdict_of(study(tmp_path, CAUSAL), values_of(study(tmp_path, CAUSAL)))
    assert verdict.finding == "carried"
    assert not verdict.is_illusion
    assert any("100% of the effect" in reason for reason in verdict.reasons)


def test_a_direction_that_is_not_read_has_no_effect(tmp_path):
    disconnected = study(tmp_path, torch.tensor([0.0, 1.0, 0.0]))
    values = values_of(disconnected)
    assert verdict_of(disconnected, values).finding == "no effect"
    rows = [row["value"] for row in values.to_pylist() if row["part"] == "null" and row["measure"] == "effect"]
    assert max(map(abs, rows)) < 1e-6


def test_flips_and_the_fractional_decrease_are_those_of_the_plain_outcomes(tmp_path):
    rows = values_of(study(tmp_path, CAUSAL)).to_pylist()

    def column(part, measure):
        return [row["value"] for row in rows if (row["part"], row["measure"]) == (part, measure)]

    plain = column("none", "outcome")
    assert plain == pytest.approx([2.5 - X_BASE - s for s in torch.linspace(-0.2, 0.2, 8).tolist()], abs=1e-5)
    assert column("subspace", "flip") == [1.0] * 8  # 4 > 2.5
    assert column("null", "flip") == [0.0] * 8
    effect = sum(column("subspace", "effect")) / 8
    assert sum(column("subspace", "fldd")) / 8 == pytest.approx(100 * effect / (sum(plain) / 8))
    assert column("null", "fldd") == pytest.approx([0.0] * 8, abs=1e-3)


def test_learning_falls_for_the_illusion_where_nothing_else_is_there_and_the_guard_says_so(tmp_path):
    """Half of the hidden layer's own pathway is closed, so that only the dormant unit can be used."""
    closed = three_units()
    with torch.no_grad():
        closed.module.get_parameter("transformer.h.0.mlp.c_proj.weight")[0] = 0.0
    das = SubspaceStudy(contrasts="capitals", site=str(HIDDEN), method="das", steps=150)
    values = values_of(das, closed)
    flips = [row["value"] for row in values.to_pylist() if (row["part"], row["measure"]) == ("subspace", "effect")]
    assert min(flips) > 1.0  # an effect, learned
    verdict = verdict_of(das, values)
    assert verdict.finding == "dormant"
    assert any("whole component" in reason for reason in verdict.reasons)


def test_the_difference_in_means_is_the_direction_between_them():
    (bundle,) = bundles(NETWORK, HIDDEN, as_interchanges(ITEMS, HIDDEN, both_ways=False))
    direction = difference_in_means([bundle])[:, 0]
    assert direction.abs().tolist() == pytest.approx([2**-0.5, 2**-0.5, 0.0], abs=1e-6)
    same = as_interchanges([Item("same", (1,), (1,), (16,), (17,))], HIDDEN, both_ways=False)
    with pytest.raises(StudyError) as caught:
        difference_in_means(bundles(NETWORK, HIDDEN, same))
    assert caught.value.code == "AE-1405"


@pytest.mark.parametrize("family", CONFIGS)
def test_the_unread_half_of_neurons_does_exactly_nothing_in_every_family(family):
    network = tiny_network(family)
    site = Site("mlp_post", 1, position=4)
    width = network.site_shape("mlp_post", 1)[1]
    items = [
        Item("one", (5, 6, 7, 8, 9, 10), (5, 60, 61, 8, 9, 10), (20,), (30,)),
        Item("two", (5, 11, 12, 13, 14), (5, 40, 41, 13, 14), (21,), (31,)),
    ]
    torch.manual_seed(1)
    parts = split(orthonormal(torch.randn(width, 12)), row_space(network, site))
    assert parts.row_norm**2 + parts.null_norm**2 == pytest.approx(1.0)
    for bundle in bundles(network, site, as_interchanges(items, site, both_ways=False)):
        found = patch_parts(network, site, bundle, parts, draws=1)
        item = items[bundle.places[0]]
        assert abs(float(found.effects["null"][0])) < 2e-5
        assert abs(float(found.effects["row"][0])) > 1e-3
        source = record(network, item.corrupted_ids, [("mlp_post", 1)]).components["mlp_post", 1][4:5]
        plain = run_with_hooks(network, item.clean_ids).logits[0]
        done = Intervention(site, Project(parts.subspace, source))
        hooks = run_with_hooks(network, item.clean_ids, [done]).logits[0]
        change = (hooks - plain)[[item.foil_ids[0], item.answer_ids[0]]]
        assert float(found.effects["subspace"][0]) == pytest.approx(float(change[0] - change[1]), abs=1e-4)


@pytest.mark.parametrize("family", CONFIGS)
@pytest.mark.parametrize("receiver", ["L2.h3.q", "L2.h1.k", "L2.h0.v", "L2.mlp", "logits"])
def test_what_a_receiver_reads_is_the_residual_times_its_matrix(family, receiver):
    """Up to the norm's scale, and to what it reads of nothing: measured in the model's own forward runs."""
    network = tiny_network(family)
    residual = "resid_mid" if receiver == "L2.mlp" and "resid_mid" in network.ports[2] else "resid_pre"
    at = Site("resid_post", 2, position=3) if receiver == "logits" else Site(residual, 2, position=3)
    value = record(network, (5, 6, 7, 8, 9), [("resid_mid", 2)] if residual == "resid_mid" else ()).at(at, (3,))[0]
    read, nothing = (_read(network, at, receiver, put) for put in (value, torch.zeros(32)))
    expected = value @ read_by(network, receiver, at).float()
    cosine = torch.nn.functional.cosine_similarity(read - nothing, expected, dim=0)
    assert float(cosine) == pytest.approx(1.0, abs=1e-5)


def _read(network, at, receiver, value):
    if receiver == "logits":
        cap = getattr(network.module.config, "final_logit_softcapping", None)
        logits = network.unembed(value[None])[0]
        return logits if cap is None else torch.atanh(logits.double() / cap).float()
    if receiver != "L2.mlp":
        site = Site(receiver[-1], 2, head=int(receiver[4]), position=3)
        return run_with_hooks(network, (5, 6, 7, 8, 9), [Intervention(at, Set(value))], [site]).captured[site][0]
    seen = []
    handles = [
        module.register_forward_hook(lambda _module, _inputs, out: seen.append(out.view(5, -1)[3]))
        for module in _inputs(network, 2, "mlp")[0]
    ]
    run_with_hooks(network, (5, 6, 7, 8, 9), [Intervention(at, Set(value))])
    for handle in handles:
        handle.remove()
    return torch.cat(seen)


def test_the_row_space_of_a_head_is_the_real_projections():
    network = tiny_network("llama")
    matrix = read_by(network, "L1.h2.q")
    block = network.blocks[1]
    query = block.get_parameter("self_attn.q_proj.weight").view(4, 8, 32)[2]
    own = (query * block.get_parameter("input_layernorm.weight")).T.double()
    scale = float((matrix / own).mean())
    assert torch.allclose(matrix, scale * own, atol=1e-5 * scale)


def test_a_layer_norm_hides_the_mean_and_an_rms_norm_does_not():
    ones = torch.ones(32, dtype=torch.float64)
    assert float((ones @ read_by(tiny_network("gpt2"), "L1.mlp")).abs().max()) < 1e-4
    assert float((ones @ read_by(tiny_network("llama"), "L1.mlp")).abs().max()) > 1e-1


def test_without_receivers_a_residual_site_is_read_by_everything_and_the_verdict_is_undecided():
    network = tiny_network("llama")
    items = [Item(f"i{n}", (5, 6 + n, 7, 8), (5, 60 + n, 7, 8), (20,), (30,)) for n in range(6)]
    site = "L2.resid_post@-1"
    space = row_space(network, Site.parse(site))
    assert space.is_whole
    assert not space.is_exact
    means = SubspaceStudy(contrasts="capitals", site=site, method="means", random_draws=2)
    verdict = verdict_of(means, values_of(means, network, items))
    assert verdict.finding in ("undecided", "suspect", "no effect")  # never that it carries


def test_a_learned_direction_flips_more_than_a_random_one():
    network = tiny_network("gpt2")
    items = [Item(f"i{n}", (5, 6 + n, 7, 8), (5, 60 + n, 7, 8), (20,), (30,)) for n in range(8)]
    site = Site("resid_post", 1, position=-1)
    parts = bundles(network, site, as_interchanges(items, site, both_ways=False))
    first = learned(network, site, parts, rank=1, steps=60, rate=0.05, seed=0)
    again = learned(network, site, parts, rank=1, steps=60, rate=0.05, seed=0)
    assert torch.equal(first, again)
    found = patch_parts(network, site, parts[0], split(first, row_space(network, site)))
    assert float(found.effects["subspace"].mean()) > 2 * abs(float(found.effects["random"].mean()))


def test_directions_are_read_from_files_that_cannot_run_code(tmp_path):
    from safetensors.numpy import save_file

    rows = np.array([[0.0, 3.0, 0.0], [1.0, 1.0, 0.0]], dtype=np.float32)
    np.save(tmp_path / "two.npy", rows)
    save_file({"directions": rows}, tmp_path / "two.safetensors")
    for name in ("two.npy", "two.safetensors"):
        basis = load_subspace(tmp_path / name, 3)
        assert torch.allclose(basis.T @ basis, torch.eye(2), atol=1e-6)
        assert float(basis[2].abs().max()) == 0.0
    np.save(tmp_path / "objects.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    wrong = {"objects.npy": "AE-1404", "missing.npy": "AE-1409", "two.pt": "AE-5101", "two.pkl": "AE-5101"}
    for name, code in wrong.items():
        with pytest.raises(AetiaError) as caught:
            load_subspace(tmp_path / name, 3)
        assert caught.value.code == code, name


@pytest.mark.parametrize(
    "rows",
    [
        [[1.0, 0.0]],
        [[np.nan, 0.0, 1.0]],
        [[0.0, 0.0, 0.0]],
        [[1.0, 0.0, 0.0], [2.0, 0.0, 0.0]],
        [[[1.0, 0.0, 0.0]]],
        np.zeros((0, 3)),
        np.eye(4)[:, :3],
    ],
)
def test_a_file_that_holds_no_directions_of_the_site_is_one_clear_line(tmp_path, rows):
    np.save(tmp_path / "wrong.npy", np.asarray(rows))
    with pytest.raises(StudyError) as caught:
        load_subspace(tmp_path / "wrong.npy", 3)
    assert caught.value.code == "AE-1404"


@pytest.mark.parametrize(
    ("site", "receivers", "code"),
    [
        ("L1.q.h0@-1", (), "AE-1402"),
        ("L1.resid_post@-1", ("L1.h0.q",), "AE-1403"),
        ("L1.resid_post@-1", ("L9.h0.q",), "AE-1403"),
        ("L1.resid_post@-1", ("L2.h7.q",), "AE-1403"),
        ("L1.resid_post@-1", ("L2.mlp_post",), "AE-1403"),
    ],
)
def test_what_does_not_read_the_site_is_refused(site, receivers, code):
    with pytest.raises(SiteError) as caught:
        row_space(tiny_network("llama"), Site.parse(site), receivers)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("fields", "items", "code"),
    [
        ({"site": "L0.mlp_post@all"}, (Item("long", (1, 2), (9, 2), (16,), (17,)),) * 2, "AE-1401"),
        ({"rank": 9}, ITEMS, "AE-1407"),
        ({}, ITEMS[:1], "AE-1408"),
        ({}, (Item("no foil", (1,), (9,), (16,), ()),) * 2, "AE-1210"),
    ],
)
def test_a_study_that_cannot_be_carried_out_is_one_clear_line(fields, items, code):
    given = {"contrasts": "capitals", "site": str(HIDDEN), "method": "das"}
    with pytest.raises(StudyError) as caught:
        subspace_values(SubspaceStudy(**(given | fields)), NETWORK, items)
    assert caught.value.code == code
