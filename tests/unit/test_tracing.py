"""Tracing's identities: what is known exactly must come out exactly."""

from dataclasses import dataclass, field

import pyarrow.compute as pc
import pytest
import torch
from tiny_models import CONFIGS, LAYERS, tiny_network

from aetia.errors import AetiaError, SiteError, StudyError
from aetia.models import Intervention, Outcome, Set, Site, record, run_with_hooks
from aetia.models.sites import HEAD_COMPONENTS
from aetia.tracing import TraceStudy
from aetia.tracing.compute import Tracer
from aetia.tracing.lens import direct_attribution, direct_components, logit_lens

PAIR = {"clean": "a", "corrupted": "b", "answer": "c", "foil": "d"}


@dataclass(frozen=True)
class Item:
    """Stands in for an aligned contrast: token ids without text."""

    id: str = "one"
    clean_ids: tuple[int, ...] = (5, 6, 7, 8, 9, 10)
    corrupted_ids: tuple[int, ...] = (5, 60, 61, 8, 9, 10)
    answer_ids: tuple[int, ...] = (20,)
    foil_ids: tuple[int, ...] = (30,)
    spans: dict[str, tuple[int, int]] = field(default_factory=lambda: {"subject": (1, 3)})
    cluster: str = ""

    @property
    def length(self):
        return len(self.clean_ids)

    @property
    def named_positions(self):
        return {name: tuple(range(*span)) for name, span in self.spans.items()}


ITEMS = (Item(), Item("two", (5, 11, 12, 13, 14, 15), (5, 40, 41, 13, 14, 15), (21,), (31,)))


def trace(family="llama", items=ITEMS, **fields):
    study = TraceStudy(pair=PAIR, **fields)
    table = Tracer(study, tiny_network(family), items).compute(range(len(items)))
    return table.to_pylist()


def values(rows, method, **where):
    return [
        row["value"] for row in rows if row["method"] == method and all(row[key] == to for key, to in where.items())
    ]


def gap(rows, item="one"):
    (clean,) = values(rows, "baseline", component="clean", item=item)
    (corrupted,) = values(rows, "baseline", component="corrupted", item=item)
    return clean - corrupted


@pytest.mark.parametrize("family", CONFIGS)
def test_restoring_the_last_position_after_the_last_layer_restores_the_outcome(family):
    rows = trace(family, sites=("resid_post",), positions="last")
    for item in ("one", "two"):
        assert values(rows, "patch", layer=LAYERS - 1, item=item) == pytest.approx([gap(rows, item)], abs=1e-4)


@pytest.mark.parametrize("direction", ["denoise", "noise"])
def test_patching_all_positions_of_the_first_residual_moves_one_run_to_the_other(direction):
    rows = trace(sites=("resid_pre",), positions="joint", direction=direction)
    sign = 1 if direction == "denoise" else -1
    assert values(rows, "patch", layer=0, item="one") == pytest.approx([sign * gap(rows)], abs=1e-4)


def test_positions_before_the_first_difference_and_unreachable_ones_have_no_effect():
    rows = trace(sites=("resid_pre", "attn_out", "mlp_out"), positions="each")
    assert set(values(rows, "patch", position=0)) == {0.0}
    late = [v for row in rows if row["method"] == "patch" and row["layer"] == 0 for v in [row["value"]]]
    assert any(abs(v) > 0.01 for v in late)


@pytest.mark.parametrize("component", ["q", "k", "v", "z", "pattern", "mlp_post", "resid_mid"])
@pytest.mark.parametrize("family", ["llama", "gpt2", "phi3", "gpt_neox_sequential"])
def test_every_component_equals_a_hand_written_patch(family, component):
    network = tiny_network(family)
    rows = trace(family, sites=(component,), positions="joint", groups=1, layers=(1,))
    item = ITEMS[0]
    source = record(network, item.clean_ids, [(component, 1)])
    outcome = Outcome("logit_difference", item.answer_ids, item.foil_ids[0])
    base = outcome.from_logits(network.logits(item.corrupted_ids)[None])[0]
    heads = [None] if component not in HEAD_COMPONENTS else range(2)
    for head in heads:
        site = Site(component, 1, head)
        patch = Intervention(site, Set(source.at(site, range(6))))
        run = run_with_hooks(network, item.corrupted_ids, [patch])
        expected = float(outcome.from_logits(run.logits[None])[0] - base)
        name = "mlp_post.u0:48" if component == "mlp_post" and family != "gpt2" else None
        name = name or ("mlp_post.u0:128" if component == "mlp_post" else component)
        assert values(rows, "patch", component=name, head=head, item="one") == pytest.approx([expected], abs=1e-4)


def test_the_logit_lens_of_the_last_layer_is_the_models_own_outcome():
    for family in CONFIGS:
        network = tiny_network(family)
        run = record(network, ITEMS[0].clean_ids)
        outcome = Outcome("log_probability", (20,))
        own = outcome.from_logits(network.logits(ITEMS[0].clean_ids)[None])
        assert torch.allclose(logit_lens(network, run, outcome)[-1:], own.float(), atol=1e-4)


@pytest.mark.parametrize("family", [name for name in CONFIGS if name != "gemma2"])
def test_direct_attributions_add_up_to_the_logit_difference(family):
    """Gemma 2 caps its logits, which no sum of parts can follow."""
    network = tiny_network(family)
    run = record(network, ITEMS[0].clean_ids, direct_components(network))
    parts = direct_attribution(network, run, [(20, 30)])
    logits = network.logits(ITEMS[0].clean_ids)[-1]
    norm = network.final_norm
    bias = norm.bias if isinstance(norm, torch.nn.LayerNorm) else torch.zeros(network.width)
    written_by_none = float(bias @ (network.unembedding.weight[20] - network.unembedding.weight[30]))
    whole = sum(value for component, _, _, (value,) in parts if component != "z")
    assert whole + written_by_none == pytest.approx(float(logits[20] - logits[30]), abs=1e-3)
    heads = [value for component, layer, _, (value,) in parts if component == "z" and layer == 1]
    if heads:
        mixer = network.ports[1]["z"].module
        (attention,) = [v for component, layer, _, (v,) in parts if component == "attn_out" and layer == 1]
        if getattr(mixer, "bias", None) is None:
            assert sum(heads) == pytest.approx(attention, abs=1e-4)


def test_restoring_everything_at_the_embedding_of_a_noisy_run_restores_the_outcome():
    rows = trace(method="noise", sites=("resid_pre",), positions="joint", noise_samples=1)
    study = TraceStudy(pair=PAIR, method="noise", sites=("resid_pre",), positions="joint", noise_samples=1)
    tracer = Tracer(study, tiny_network("llama"), ITEMS)
    one = tracer._open(0)
    (runs,) = tracer._runs(0, one)
    noisy = one.outcome.read(tracer.network, runs.base.resid_pre[None, -1, -1:])
    assert values(rows, "noise", layer=0, item="one") == pytest.approx([float(one.clean_values - noisy)], abs=1e-4)
    assert abs(float(one.clean_values - noisy)) > 0.01


def test_ablating_every_value_leaves_what_zero_says():
    network = tiny_network("llama")
    rows = trace(method="zero", sites=("mlp_out",), positions="joint", layers=(1,))
    run = run_with_hooks(network, ITEMS[0].clean_ids, [Intervention(Site("mlp_out", 1), Set(torch.zeros(())))])
    outcome = Outcome("logit_difference", (20,), 30)
    expected = float(outcome.from_logits(run.logits[None])[0])
    (clean,) = values(rows, "baseline", component="clean", item="one")
    assert values(rows, "zero", item="one") == pytest.approx([expected - clean], abs=1e-4)


def test_mean_ablation_of_one_item_changes_nothing_and_resample_ablation_needs_two():
    rows = trace(method="mean", sites=("resid_pre",), items=ITEMS[:1])
    assert max(map(abs, values(rows, "mean"))) < 1e-4
    with pytest.raises(StudyError, match="another item"):
        trace(method="resample", items=ITEMS[:1])
    assert len(values(trace(method="resample", sites=("attn_out",)), "resample")) == 2 * LAYERS * 6


def test_knocking_out_no_earlier_position_is_impossible_and_far_ones_act():
    rows = trace(method="knockout")
    effects = values(rows, "knockout", item="one")
    assert len(effects) == LAYERS * 6
    assert any(abs(effect) > 0.01 for effect in effects)
    with pytest.raises(StudyError, match="no span"):
        trace(method="knockout", target="object")


def test_attribution_is_exact_where_the_rest_is_linear():
    """After the last block only the norm is left: for a small difference the gradient is the effect."""
    near = Item(corrupted_ids=ITEMS[0].clean_ids)
    rows = trace(method="attribution", sites=("attn_out", "q", "k"), items=[near])
    assert max(map(abs, values(rows, "attribution"))) < 1e-5
    rows = trace(method="attribution", sites=("resid_pre", "z", "q", "k", "v"), exact_cells=12)
    assert len(values(rows, "patch", item="one")) == 12
    assert all(abs(v) < 1e3 for v in values(rows, "attribution"))


@pytest.mark.parametrize("component", ["q", "k"])
def test_attribution_of_queries_and_keys_follows_the_softmax_exactly(component):
    """In the last layer only the linear mixing of values and the final norm follow: AtP* is then nearly exact."""
    rows = trace(method="attribution", sites=(component,), exact_cells=500, layers=(LAYERS - 1,))
    exact = torch.tensor(values(rows, "patch"))
    guess = torch.tensor(values(rows, "attribution"))
    assert torch.corrcoef(torch.stack([exact, guess]))[0, 1] > 0.8


def test_the_direct_path_to_the_end_is_the_direct_attribution_of_the_difference():
    """With everything behind the sender held, only the final norm's scale separates path patching from attribution."""
    network = tiny_network("llama")
    rows = trace(method="path", senders=("L1.z.h2",), items=ITEMS[:1])
    item = ITEMS[0]
    both = (item.clean_ids, item.corrupted_ids)
    clean, corrupted = (record(network, ids, direct_components(network)) for ids in both)
    mixer = network.ports[1]["z"].module.get_parameter("weight")
    change = clean.components["z", 1][-1, 2] - corrupted.components["z", 1][-1, 2]
    write = mixer[:, 16:24] @ change
    outcome = Outcome("logit_difference", (20,), 30)
    with torch.inference_mode():
        expected = outcome.read(network, (corrupted.resid_pre[-1, -1] + write)[None, None])
        expected = expected - outcome.read(network, corrupted.resid_pre[None, -1, -1:])
    assert values(rows, "path") == pytest.approx(expected.tolist(), abs=1e-4)


def test_a_path_to_a_receiver_before_the_sender_carries_nothing_and_to_a_later_one_something():
    rows = trace(method="path", senders=("L1.z.h0",), receivers=("L0.q.h1",))
    assert max(map(abs, values(rows, "path"))) < 1e-5
    rows = trace(method="path", senders=("L0.z.h0",), receivers=("L2.v.h1", "L2.q.h1", "L2.mlp_post"))
    assert max(map(abs, values(rows, "path"))) > 1e-4
    with pytest.raises(SiteError, match="receive"):
        trace(method="path", receivers=("L2.z.h1",))


@pytest.mark.parametrize("receiver", ["L1.mlp_post", "L1.resid_mid", "L2.resid_pre", "L2.v.h1"])
def test_a_path_to_a_receiver_is_what_two_hand_written_runs_give(receiver):
    """Patch the head with everything behind it held, read the receiver, and put that into the plain run."""
    network, item = tiny_network("llama"), ITEMS[0]
    sender, site = Site("z", 1, 2), Site.parse(receiver)
    components = [(name, layer) for name in ("z", "mlp_out") for layer in range(LAYERS)]
    clean, corrupted = (record(network, ids, components) for ids in (item.clean_ids, item.corrupted_ids))
    held = [Site("z", 2), Site("mlp_out", 1), Site("mlp_out", 2)]
    done = [Intervention(at, Set(corrupted.at(at, range(6)))) for at in held]
    first = [Intervention(sender, Set(clean.at(sender, range(6)))), *done]
    reached = run_with_hooks(network, item.corrupted_ids, first, [site]).captured[site]
    run = run_with_hooks(network, item.corrupted_ids, [Intervention(site, Set(reached))])
    outcome = Outcome("logit_difference", (20,), 30)
    expected = float(outcome.from_logits(run.logits[None])[0])
    (start,) = values(trace(sites=("z",), items=[item]), "baseline", component="corrupted")
    rows = trace(method="path", senders=("L1.z.h2",), receivers=(receiver,), items=[item])
    assert abs(expected - start) > 1e-4
    assert values(rows, "path") == pytest.approx([expected - start], abs=1e-4)


def test_senders_and_receivers_may_be_named_spans():
    rows = trace(method="path", senders=("L0.z.h1@subject",), receivers=("L2.v.h0@subject",))
    assert [row["span"] for row in rows if row["method"] == "path"] == ["subject", "subject"]


def test_all_paths_of_a_sender_in_the_last_layer_are_its_total_effect():
    total = values(trace(sites=("mlp_out",), positions="joint", layers=(LAYERS - 1,)), "patch")
    direct = values(trace(method="path", senders=(f"L{LAYERS - 1}.mlp_out",)), "path")
    assert direct == pytest.approx(total, abs=1e-4)


@pytest.mark.parametrize("outcome", ["log_probability", "probability", "kl", "accuracy"])
def test_every_outcome_is_restored_by_the_whole_residual(outcome):
    rows = trace(sites=("resid_pre",), positions="joint", outcome=outcome, layers=(0,))
    assert values(rows, "patch", item="one") == pytest.approx([gap(rows)], abs=1e-4)


def test_a_whole_continuation_is_scored():
    long = Item(answer_ids=(20, 22, 24))
    rows = trace(sites=("resid_pre",), outcome="log_probability", continuation=True, items=[long])
    network = tiny_network("llama")
    logits = network.logits((*long.clean_ids, 20, 22)).log_softmax(-1)
    expected = sum(float(logits[5 + n, token]) for n, token in enumerate((20, 22, 24)))
    assert values(rows, "baseline", component="clean") == pytest.approx([expected], abs=1e-4)
    assert len(values(rows, "patch")) == LAYERS * 6


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"sites": ("resid_mid",), "family": "gpt_neox"}, "AE-3107"),
        ({"layers": (9,)}, "AE-3108"),
        ({"method": "noise", "noise_span": "object"}, "AE-1231"),
        ({"method": "path", "senders": ("L1.z.h7",)}, "AE-3109"),
        ({"method": "path", "receivers": ("L40.q.h3",)}, "AE-3108"),
        ({"method": "path", "senders": ("L1.mlp_post.u900:901",)}, "AE-3115"),
        ({"method": "path", "senders": ("L1.z.h0@object",)}, "AE-3106"),
        ({"memory": "1KB"}, "AE-1221"),
    ],
)
def test_what_cannot_be_done_is_one_clear_error(fields, code):
    with pytest.raises(AetiaError) as caught:
        trace(**fields)
    assert caught.value.code == code
    assert "Mend:" in str(caught.value)


def test_the_order_of_the_table_is_the_order_of_the_places():
    study = TraceStudy(pair=PAIR, sites=("resid_pre",))
    table = Tracer(study, tiny_network("llama"), ITEMS).compute([1, 0])
    patched = table.filter(pc.field("method") == "patch")
    assert patched["layer"].to_pylist()[:12] == [0] * 6 + [1] * 6
    assert patched["item"].to_pylist()[0] == "two"
