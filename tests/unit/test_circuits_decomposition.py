"""Contextual decomposition: every rule conserves, and known networks get their known contributions."""

import copy
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Literal, cast

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_models import LAYERS, tiny_network
from torch import Tensor, nn
from torch.nn import functional
from transformers import AutoModelForCausalLM, GPT2Config
from transformers.models.llama.modeling_llama import LlamaRMSNorm

from aetia.circuits import decomposition
from aetia.circuits.decomposition import Source, decompose, edge_relevance, node_relevance, receiver_relevance
from aetia.circuits.deviations import deviations
from aetia.circuits.graph import Graph
from aetia.circuits.rules import Parts, Rules, activation_rule, gated_rule, linear_rule, norm_rule
from aetia.circuits.wiring import wiring_of
from aetia.contrasts.contrast import AlignedContrast
from aetia.errors import StudyError
from aetia.models import Network, wrap
from aetia.models.attention import AttentionCall, handled_attention, own_attention, weights_attention
from aetia.models.hooks import mix
from aetia.models.ports import listen
from aetia.truth.systems import truth_system

FAMILIES = ("llama", "mistral", "qwen2", "qwen3", "phi3", "gpt2", "gpt_neox", "gpt_neox_sequential", "opt")
UNBIASED = ("llama", "mistral", "qwen3", "phi3")
ANSWER, FOIL = 5, 9


def contrast(clean: Sequence[int], corrupted: Sequence[int], foil: tuple[int, ...] = (FOIL,)) -> AlignedContrast:
    return AlignedContrast(
        "one", "", "", "", "", tuple(clean), tuple(corrupted), (), (), (ANSWER,), foil, {"last": (len(clean) - 1, 6)}
    )


ITEM = contrast([3, 11, 22, 33, 44, 55], [3, 11, 23, 33, 44, 55])


def clean_outcome(network: Network) -> float:
    logits = network.last_logits([ITEM.clean_ids])[0]
    return float(logits[ANSWER] - logits[FOIL])


# The rules, against the paper's own rule for the irrelevant part.

VALUES = st.integers(-256, 256).map(lambda sixtyfourths: sixtyfourths / 64)
numbers = st.lists(VALUES, min_size=8, max_size=8).map(torch.tensor)


def irrelevant_linear(module: nn.Linear, parts: Parts) -> Tensor:
    relevant, rest = parts.part @ module.weight.T, parts.rest @ module.weight.T
    if module.bias is None:
        return rest
    # The 1e-8 of the paper's denominator, without which the two shares of the bias add up to it.
    sizes = relevant.abs() + rest.abs()
    return rest + module.bias * torch.where(sizes > 0, rest.abs() / sizes.clamp(min=1e-30), torch.ones_like(rest))


def irrelevant_norm(module: nn.Module, parts: Parts) -> Tensor:
    rest, weight = parts.rest, cast("Tensor", module.weight)
    if isinstance(module, nn.LayerNorm):
        scale = (parts.whole.var(-1, unbiased=False, keepdim=True) + module.eps).sqrt()
        sizes = (parts.part.abs() + rest.abs()).clamp(min=1e-30)
        share = torch.where(parts.part == 0, torch.ones_like(rest), rest.abs() / sizes)
        return (rest - rest.mean(-1, keepdim=True)) / scale * weight + module.bias * share
    epsilon = getattr(module, "variance_epsilon", None)
    assert isinstance(epsilon, float)
    return rest / (parts.whole.square().mean(-1, keepdim=True) + epsilon).sqrt() * weight


@settings(max_examples=60, deadline=None)
@given(whole=numbers, part=numbers, seed=st.integers(0, 99))
def test_each_rule_and_the_papers_rule_for_the_rest_add_up_to_the_operation(
    whole: Tensor, part: Tensor, seed: int
) -> None:
    torch.manual_seed(seed)
    parts = Parts(whole[None], part[None, None])
    with torch.no_grad():
        for bias in (False, True):
            linear = nn.Linear(8, 8, bias=bias)
            made = linear_rule(parts, linear)
            torch.testing.assert_close(made.part + irrelevant_linear(linear, parts), made.whole.expand_as(made.part))
        for norm in (nn.LayerNorm(8), LlamaRMSNorm(8)):
            nn.init.normal_(norm.weight)
            made = norm_rule(parts, norm)
            total = made.part + irrelevant_norm(norm, parts)
            torch.testing.assert_close(total, norm(whole)[None, None], rtol=1e-4, atol=1e-3)
        made = activation_rule(parts, functional.gelu)
        torch.testing.assert_close(
            made.part + functional.gelu(whole - part), functional.gelu(whole).expand_as(part[None, None])
        )
        gate, up = parts, Parts(parts.whole.flip(-1), parts.part.roll(1, -1))
        made = gated_rule(gate, up, functional.silu)
        rest = functional.silu(gate.rest) * up.rest
        torch.testing.assert_close(made.part + rest, (functional.silu(gate.whole) * up.whole).expand_as(rest))


def test_a_bias_that_nothing_can_claim_is_irrelevant() -> None:
    linear = nn.Linear(3, 2)
    with torch.no_grad():
        made = linear_rule(Parts(torch.zeros(1, 3), torch.zeros(1, 1, 3)), linear)
    assert made.part.abs().max() == 0
    assert torch.equal(made.rest[0], linear.bias[None])


def test_the_stabiliser_gives_a_unit_of_two_signs_to_the_larger_part() -> None:
    whole = torch.tensor([[1.0, 1.0, 1.0, -2.0]])
    part = torch.tensor([[[3.0, -2.0, 0.25, 1.0]]])  # rests: -2, 3, 0.75, -3
    assert Parts(whole, part).settled(Rules(stabiliser=True)).part.tolist() == [[[1.0, 0.0, 0.25, 0.0]]]
    assert Parts(whole, part).settled(Rules()).part is part


# Whole networks.


@pytest.mark.parametrize("family", FAMILIES)
def test_parts_add_up_at_every_operation(family: str, monkeypatch: pytest.MonkeyPatch) -> None:
    network, worst, seen = tiny_network(family), [0.0], [0]

    def conserves(made: Parts, rest: Tensor) -> Parts:
        scale = made.whole.abs().max().clamp(min=1.0)
        worst[0] = max(worst[0], float((made.part + rest - made.whole).abs().max() / scale))
        seen[0] += 1
        return made

    def linear(parts: Parts, module: nn.Module) -> Parts:
        weight, bias = cast("Tensor", module.weight), cast("nn.Parameter | None", module.bias)
        weight = weight if isinstance(module, nn.Linear) else weight.T
        like = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None, device="meta")
        like.weight = nn.Parameter(weight)
        if bias is not None:
            like.bias = bias
        return conserves(linear_rule(parts, module), irrelevant_linear(like, parts))

    def norm(parts: Parts, module: nn.Module) -> Parts:
        return conserves(norm_rule(parts, module), irrelevant_norm(module, parts))

    def activation(parts: Parts, function: Callable[[Tensor], Tensor]) -> Parts:
        return conserves(activation_rule(parts, function), function(parts.rest))

    def gated(gate: Parts, up: Parts, function: Callable[[Tensor], Tensor]) -> Parts:
        return conserves(gated_rule(gate, up, function), function(gate.rest) * up.rest)

    for name, rule in (("linear", linear), ("norm", norm), ("activation", activation), ("gated", gated)):
        monkeypatch.setattr(decomposition, f"{name}_rule", rule)
    senders = ("embed", "L0.h1", "L1.mlp", "L2.h3")
    run = next(deviations(network, [ITEM], "patch"))
    for rules in (Rules(), Rules("frozen"), Rules(stabiliser=True)):
        decompose(network, run, [Source((sender,)) for sender in senders] + [Source(senders)], rules=rules)
    assert seen[0] >= 3 * 6 * LAYERS
    assert worst[0] < 1e-5


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("patterns", ["frozen", "decomposed"])
def test_nothing_accounts_for_nothing_and_everything_for_everything(family: str, patterns: str) -> None:
    network = tiny_network(family)
    run = next(deviations(network, [ITEM], "zero"))
    receivers = Graph.of(network).receivers
    for stabiliser in (False, True):
        rules = Rules("decomposed" if patterns == "decomposed" else "frozen", stabiliser=stabiliser)
        found = decompose(network, run, [Source(()), Source(("embed",))], receivers, rules=rules)
        assert found[0].abs().max() == 0
        assert found[1, -1].item() == pytest.approx(clean_outcome(network), abs=1e-4)
        torch.testing.assert_close(
            found[1, :-1], torch.ones(len(receivers) - 1, dtype=torch.float64), atol=1e-5, rtol=0
        )


def test_equal_prompts_leave_nothing_relevant() -> None:
    network = tiny_network("llama")
    same = contrast(ITEM.clean_ids, ITEM.clean_ids)
    assert node_relevance(network, [same], Graph.of(network).senders).abs().max() == 0


class _Frozen:
    """A network whose norm scales are those of its run on ITEM, and attention weights but in `free` layers."""

    def __init__(self, network: Network, free: Sequence[int]) -> None:
        self.network, self.free = network, free
        self.weights: dict[int, Tensor] = {}
        self.inputs: dict[nn.Module, Tensor] = {}
        wiring = wiring_of(network)
        self.norms = [network.final_norm, *(norm for w in wiring for norm in (w.attention_norm, w.mlp_norm))]
        with ExitStack() as stack:
            stack.enter_context(handled_attention(network.module.config, self._keep))
            for norm in self.norms:
                hook = norm.register_forward_hook(lambda module, given, _: self.inputs.update({module: given[0]}))
                stack.callback(hook.remove)
            network.logits(ITEM.clean_ids)

    def _keep(self, call: AttentionCall) -> tuple[Tensor, Tensor | None]:
        out, weights = weights_attention(call)
        self.weights[self.network.attentions[call.module]] = weights
        return out, weights

    def _mix(self, call: AttentionCall) -> tuple[Tensor, Tensor | None]:
        layer = self.network.attentions[call.module]
        return own_attention(call) if layer in self.free else (mix(self.weights[layer], call.value), None)

    def _scaled(self, module: nn.Module, given: tuple[Tensor, ...], _out: Tensor) -> Tensor:
        return irrelevant_norm(module, Parts(self.inputs[module], self.inputs[module] - given[0]))

    def outcome(self, component: str, layer: int, edit: Callable[[Tensor], None]) -> float:
        """The outcome when `edit` is done to a component's rows."""
        port = self.network.port(component, layer)
        with ExitStack() as stack:
            stack.enter_context(handled_attention(self.network.module.config, self._mix))
            for norm in self.norms:
                stack.callback(norm.register_forward_hook(self._scaled).remove)
            stack.callback(listen(port, lambda tensor: edit(port.view(tensor))).remove)
            logits = self.network.logits(ITEM.clean_ids)[-1]
        return float(logits[ANSWER] - logits[FOIL])


@pytest.mark.parametrize("family", UNBIASED)
@pytest.mark.parametrize("patterns", ["frozen", "decomposed"])
def test_without_biases_the_rest_is_the_frozen_network_with_the_source_at_its_reference(
    family: str, patterns: Literal["frozen", "decomposed"]
) -> None:
    network = tiny_network(family)
    frozen = _Frozen(network, range(LAYERS) if patterns == "decomposed" else ())
    run = next(deviations(network, [ITEM], "patch"))
    sources = [Source(("L0.h1",)), Source(("L1.h2",), (3, 5)), Source(("L1.mlp",)), Source(("L2.h0",))]
    found = decompose(network, run, sources, rules=Rules(patterns))[:, 0].tolist()

    def at_reference(component: str, layer: int, head: int | None, rows: Sequence[int]) -> float:
        change = run.mlp[layer] if head is None else run.z[layer, :, head]

        def edit(view: Tensor) -> None:
            part = view if head is None else view[:, head]
            part[list(rows)] -= change[list(rows)]

        return clean_outcome(network) - frozen.outcome(component, layer, edit)

    everywhere = range(6)
    expected = [
        at_reference("z", 0, 1, everywhere),
        at_reference("z", 1, 2, (3, 5)),
        at_reference("mlp_out", 1, None, everywhere),
        at_reference("z", 2, 0, everywhere),
    ]
    assert found == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("port", ["q", "k", "v"])
@pytest.mark.parametrize("patterns", ["frozen", "decomposed"])
def test_an_edge_acts_through_its_receiver_alone(port: str, patterns: Literal["frozen", "decomposed"]) -> None:
    network, layer, head = tiny_network("llama"), 1, 1
    # Queries and keys act through the weights of the receiver's own layer in any case.
    frozen = _Frozen(network, range(LAYERS) if patterns == "decomposed" else [layer])
    run = next(deviations(network, [ITEM], "patch"))
    wires = wiring_of(network)[layer]
    written = run.z[0, :, 2] @ wiring_of(network)[0].output[2]
    before = run.base.resid_pre[layer]
    read = norm_rule(Parts(before, written[None]), wires.attention_norm).part[0] @ wires.readers[port][0][head]

    def edit(view: Tensor) -> None:
        view[:, head] -= read

    expected = clean_outcome(network) - frozen.outcome(port, layer, edit)
    found = edge_relevance(network, [ITEM], [("L0.h2", f"L{layer}.h{head}.{port}")], rules=Rules(patterns))
    assert found.item() == pytest.approx(expected, abs=1e-4)
    source = Source(("L0.h2",), receiver=f"L{layer}.h{head}.{port}")
    shares = decompose(network, run, [source], [f"L1.h1.{p}" for p in "qkv"] + ["L1.h0.v"])[0]
    assert [float(share) > 0 for share in shares] == [port == p for p in "qkv"] + [False]


@pytest.mark.parametrize("family", UNBIASED)
def test_all_edges_into_the_logits_add_up_to_the_outcome(family: str) -> None:
    network = tiny_network(family)
    edges = [(sender, "logits") for sender in Graph.of(network).senders]
    found = edge_relevance(network, [ITEM], edges, reference="zero")
    assert found.sum().item() == pytest.approx(clean_outcome(network), abs=1e-4)


def linear_network() -> Network:
    """Two layers without attention output whose MLPs are linear maps, and norms that only centre."""
    epsilon = 1e12
    config = GPT2Config(
        vocab_size=23, n_embd=8, n_layer=2, n_head=2, n_positions=16, n_inner=8,
        activation_function="linear", layer_norm_epsilon=epsilon, bos_token_id=1, eos_token_id=2,
    )  # fmt: skip
    torch.manual_seed(3)
    module = AutoModelForCausalLM.from_config(config)
    for name, parameter in module.named_parameters():
        if "ln_" in name:
            parameter.data.fill_(epsilon**0.5 if name.endswith("weight") else 0.0)
        else:
            parameter.data.normal_(std=0.5)
        # So small a weight that attention passes no family check less, and adds nothing that float32 can see.
        if name.endswith(".bias"):
            parameter.data.zero_()
        elif "attn.c_proj" in name:
            parameter.data.mul_(1e-6)
    return wrap(module)


def test_a_linear_network_gets_its_exact_contributions() -> None:
    network = linear_network()
    item = contrast([3, 11, 2, 13, 4], [3, 11, 8, 13, 14])
    run = next(deviations(network, [item], "patch"))
    centre = torch.eye(8) - 1 / 8
    weights = network.module.state_dict()
    paths = [f"transformer.h.{layer}.mlp" for layer in range(2)]
    first, second = (weights[f"{path}.c_fc.weight"] @ weights[f"{path}.c_proj.weight"] for path in paths)
    read = centre @ (network.unembedding.weight[ANSWER] - network.unembedding.weight[FOIL])
    deviation = run.embed[-1]
    through_first = deviation @ centre @ first
    later = torch.eye(8) + centre @ second
    expected = [float(deviation @ (torch.eye(8) + centre @ first) @ later @ read), float(through_first @ later @ read)]
    sources = [Source(("embed",)), Source(("L0.mlp",)), Source(("embed",), (2,)), Source(("embed",), (4,))]
    found = decompose(network, run, sources)[:, 0].tolist()
    assert found[:2] == pytest.approx(expected, rel=1e-3, abs=1e-3)
    # Relevance of disjoint positions adds up where everything is linear.
    assert found[2] + found[3] == pytest.approx(found[0], abs=1e-4)
    edges = [("embed", "logits"), ("embed", "L0.mlp"), ("embed", "L1.mlp"), ("L0.mlp", "L1.mlp")]
    by_edge = edge_relevance(network, [item], edges)[0].tolist()
    terms = [
        deviation,
        deviation @ centre @ first @ later,
        deviation @ centre @ second,
        through_first @ centre @ second,
    ]
    assert by_edge == pytest.approx([float(term @ read) for term in terms], rel=1e-3, abs=1e-3)


@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_sources_do_not_see_each_other_and_items_are_apart(family: str, monkeypatch: pytest.MonkeyPatch) -> None:
    network = tiny_network(family)
    graph = Graph.of(network)
    other = contrast([7, 8, 9, 10, 12], [7, 8, 9, 20, 12], foil=())
    together = node_relevance(network, [ITEM, other], graph.senders)
    for index, item in enumerate((ITEM, other)):
        torch.testing.assert_close(together[index : index + 1], node_relevance(network, [item], graph.senders))
    monkeypatch.setattr(decomposition, "_CHUNK_ROWS", 1)
    monkeypatch.setattr(decomposition, "_BATCH_NUMBERS", 400)
    torch.testing.assert_close(node_relevance(network, [ITEM, other], graph.senders), together, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("family", ["llama", "gpt_neox"])
def test_only_earlier_parts_are_relevant_to_a_receiver(family: str) -> None:
    network = tiny_network(family)
    graph = Graph.of(network)
    found = receiver_relevance(network, [ITEM], graph.senders, graph.receivers)[0, :, :-1]
    assert found.min() >= 0
    assert found.max() <= 1
    for column, receiver in enumerate(graph.receivers[:-1]):
        before = int(graph.reads[column])
        assert (found[:before, column] > 0).all(), receiver
        assert found[before:, column].abs().max() == 0, receiver


def test_a_head_that_acts_through_keys_is_seen_only_where_attention_is_decomposed() -> None:
    system = truth_system("induction")
    items = system.draw(4, seed=1)
    found = {
        patterns: node_relevance(system.network, items, system.candidates, rules=Rules(patterns)).abs().mean(0)
        for patterns in ("decomposed", "frozen")
    }
    is_cause = torch.tensor([name in system.nodes for name in system.candidates])
    assert found["decomposed"][is_cause].min() > 10 * found["decomposed"][~is_cause].max()
    assert found["frozen"][is_cause].min() < 1e-4  # the previous-token head only moves the other head's attention
    edges = edge_relevance(system.network, items, system.edge_candidates).abs().mean(0)
    is_true = torch.tensor([edge in system.edges for edge in system.edge_candidates])
    assert edges[is_true].min() > edges[~is_true].max()


def test_a_mean_is_taken_over_the_clean_runs() -> None:
    network = tiny_network("llama")
    other = contrast([3, 12, 22, 13, 44, 50], ITEM.clean_ids)
    alone = node_relevance(network, [ITEM], ["L0.h0"], reference="mean")
    assert alone.abs().max() == 0
    run = next(deviations(network, [ITEM, other], "mean"))
    whole = next(deviations(network, [contrast(ITEM.clean_ids, other.clean_ids)], "patch"))
    torch.testing.assert_close(run.z, whole.z / 2)  # the mean of two lies halfway to the other
    torch.testing.assert_close(run.mlp, whole.mlp / 2, atol=1e-5, rtol=1e-4)


# What cannot be asked.


def code_of(ask: Callable[[], object]) -> str:
    with pytest.raises(StudyError) as caught:
        ask()
    return caught.value.code


@pytest.mark.parametrize("family", ["gemma2", "gemma3", "olmo2"])
def test_an_architecture_without_rules_is_one_clear_error(family: str) -> None:
    assert code_of(lambda: node_relevance(tiny_network(family), [ITEM], ["L0.h0"])) == "AE-1351"


def test_a_block_that_does_more_than_its_architecture_is_an_error() -> None:
    module = copy.deepcopy(tiny_network("llama").module)
    mlp = module.model.layers[1].mlp
    plain = mlp.forward
    mlp.forward = lambda hidden: 2 * plain(hidden)
    assert code_of(lambda: node_relevance(wrap(module), [ITEM], ["L0.h0"])) == "AE-1354"


class _MaxNorm(nn.Module):
    def forward(self, hidden: Tensor) -> Tensor:
        return hidden / hidden.abs().amax(-1, keepdim=True)


def test_an_unknown_norm_is_an_error() -> None:
    module = copy.deepcopy(tiny_network("llama").module)
    module.model.layers[1].input_layernorm = _MaxNorm()
    assert code_of(lambda: node_relevance(wrap(module), [ITEM], ["L0.h0"])) == "AE-1350"


def test_items_and_names_that_cannot_be_read_are_errors() -> None:
    network = tiny_network("llama")
    longer = contrast([*ITEM.clean_ids, 8], [*ITEM.corrupted_ids, 8])
    several = AlignedContrast("two", "", "", "", "", (1, 2), (1, 3), (), (), (4, 5), (), {})
    assert code_of(lambda: node_relevance(network, [several], ["L0.h0"])) == "AE-1352"
    assert code_of(lambda: node_relevance(network, [ITEM, longer], ["L0.h0"], reference="mean")) == "AE-1353"
    for senders, receivers in (["L0.h9"], ["logits"]), (["L0.h0.q"], ["logits"]), (["L0.h0"], ["L0.h9.q"]):
        asked = (network, [ITEM], senders, receivers)
        assert code_of(lambda asked=asked: receiver_relevance(*asked)) == "AE-1301"
    assert code_of(lambda: edge_relevance(network, [ITEM], [("L1.h0", "L0.mlp")])) == "AE-1301"
