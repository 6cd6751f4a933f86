"""Which parts of a program cause the difference between two prompts, and by how much?

Effects are those of the patches that instruments make, computed by running the program: in the direction `denoise` a
part's clean value is put into the corrupted run, in the direction `noise` its corrupted value into the clean run. What
is a cause is decided by contingencies, since under redundancy no single patch shows one: a part is a cause of the
contrast if, with some other parts held at their values of the other run, its own value of the other run changes the
outcome. A part whose values are the same in both runs (a dormant one) is none.

Source: Halpern 2015, A modification of the Halpern-Pearl definition of causality (arXiv 1505.00162), whose
contingencies hold variables at actual values; here both runs are actual.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, combinations
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from aetia.errors import StudyError
from aetia.truth.program import Patch, Program, Trace, run

if TYPE_CHECKING:
    from aetia.contrasts import AlignedContrast

__all__ = [
    "Direction",
    "Edge",
    "causes",
    "edge_effects",
    "edge_patches",
    "effect",
    "node_effects",
    "node_patches",
    "site_patches",
]

Direction = Literal["denoise", "noise"]
Edge = tuple[str, str]

_SURE = 1e-9  # effects are sums of a few weights: what is not zero is far above this


@dataclass(frozen=True, eq=False)
class _Pair:
    """An item in one direction: the run that is patched, and the run that values come from."""

    program: Program
    base: Trace
    source: Trace
    answer: int
    foil: int

    def value(self, patches: Iterable[Patch] = ()) -> float:
        return self.read(run(self.program, self.base.tokens, patches))

    def read(self, trace: Trace) -> float:
        return float(trace.logits[-1, self.answer] - trace.logits[-1, self.foil])


def _pair(program: Program, item: "AlignedContrast", direction: Direction) -> _Pair:
    if direction not in get_args(Direction):
        raise StudyError("AE-1706", f"There is no direction {direction!r}.", mend="use denoise or noise.")
    clean, corrupted = run(program, item.clean_ids), run(program, item.corrupted_ids)
    base, source = (corrupted, clean) if direction == "denoise" else (clean, corrupted)
    return _Pair(program, base, source, item.answer_ids[0], item.foil_ids[0])


def node_patches(program: Program, node: str, source: Trace) -> tuple[Patch, ...]:
    """Everything that `node` writes, at all positions, as in the run `source`; nothing for a part that is not used."""
    return tuple(
        Patch(name, position, int(value))
        for name, writer in program.writers.items()
        if writer == node
        for position, value in enumerate(source.values[name])
    )


def edge_patches(program: Program, edge: Edge, source: Trace) -> tuple[Patch, ...]:
    """What the edge's reader sees of its sender, at all positions, as in the run `source`."""
    sender, reader = edge
    read = program.readers.get(reader, ())
    return tuple(
        Patch(p.variable, p.position, p.value, reader)
        for p in node_patches(program, sender, source)
        if p.variable in read
    )


def site_patches(
    program: Program, component: str, layer: int | None, head: int | None, positions: Iterable[int], source: Trace
) -> tuple[Patch, ...]:
    """What a patch of a network's site is in the program that the network was compiled from.

    Args:
        program: The program.
        component: As in `aetia.models.Site`, except `pattern`, which holds no values of variables.
        layer: The block; None for `embed`.
        head: One head, or None for all of them.
        positions: The positions that are patched.
        source: The run that the values come from.
    """
    places = tuple(positions)
    return tuple(
        Patch(name, position, int(source.values[name][position]), reader)
        for name, reader in _views(program, component, layer, head)
        for position in places
    )


def _views(program: Program, component: str, layer: int | None, head: int | None) -> Iterator[tuple[str, str | None]]:
    """The (variable, reader) pairs that a component holds; the reader None stands for all of them."""
    if layer is None:
        yield "token", None
    elif component in ("q", "k", "v"):
        for reader, names in program.readers.items():
            prefix = f"L{layer}.h" if head is None else f"L{layer}.h{head}."
            if reader.startswith(prefix) and reader.endswith(f".{component}"):
                yield from ((name, reader) for name in names)
    elif component in ("z", "attn_out", "mlp_post", "mlp_out"):
        part = f"L{layer}.mlp" if component.startswith("mlp") else f"L{layer}.h" + ("" if head is None else str(head))
        is_whole = part.endswith("mlp") or head is not None
        for name, writer in program.writers.items():
            if writer == part or (not is_whole and writer.startswith(part)):
                yield name, None
    else:
        # Half layers: attention of layer l is 2 l, its MLP 2 l + 1; a residual lies before one of them.
        start = {"resid_pre": 2 * layer, "resid_mid": 2 * layer + 1, "resid_post": 2 * layer + 2}[component]
        for name, writer in program.writers.items():
            if _half_layer(writer) < start:
                for reader, names in program.readers.items():
                    if name in names and _half_layer(reader) >= start:
                        yield name, reader


def _half_layer(part: str) -> float:
    if part in ("embed", "logits"):
        return -1 if part == "embed" else float("inf")
    layer, rest = part[1:].split(".", 1)
    return 2 * int(layer) + (rest == "mlp")


def effect(
    program: Program,
    item: "AlignedContrast",
    direction: Direction,
    *,
    nodes: Iterable[str] = (),
    edges: Iterable[Edge] = (),
) -> float:
    """What patching all of `nodes` and `edges` together does to the logit difference, in logits.

    Raises:
        StudyError: AE-1706 if the direction is neither `denoise` nor `noise`.
    """
    pair = _pair(program, item, direction)
    return pair.value(_joint(program, pair.source, nodes, edges)) - pair.value()


def _joint(program: Program, source: Trace, nodes: Iterable[str], edges: Iterable[Edge]) -> list[Patch]:
    whole = [patch for node in nodes for patch in node_patches(program, node, source)]
    return whole + [patch for edge in edges for patch in edge_patches(program, edge, source)]


def node_effects(program: Program, item: "AlignedContrast", direction: Direction) -> dict[str, float]:
    """The effect of patching each sender of the program alone, at all positions, in logits."""
    pair = _pair(program, item, direction)
    start = pair.value()
    return {node: pair.value(node_patches(program, node, pair.source)) - start for node in program.senders}


def edge_effects(program: Program, item: "AlignedContrast", direction: Direction) -> dict[Edge, float]:
    """The effect of patching each edge of the program alone, at all positions, in logits."""
    pair = _pair(program, item, direction)
    start = pair.value()
    return {edge: pair.value(edge_patches(program, edge, pair.source)) - start for edge in program.edges}


def causes(
    program: Program, item: "AlignedContrast", *, contingency: int = 2
) -> tuple[frozenset[str], frozenset[Edge]]:
    """The parts and edges that cause the difference between the item's two prompts, by enumeration of contingencies.

    Args:
        program: The program.
        item: The two prompts, and the answers whose logits are compared.
        contingency: How many other parts may be held at their values of the other run: a part that n others stand in
            for shows itself with n of them held.
    """
    nodes: set[str] = set()
    edges: set[Edge] = set()
    for direction in get_args(Direction):
        pair = _pair(program, item, direction)
        differing = [node for node in program.senders if _differs(program, node, pair)]
        starting = [edge for edge in program.edges if edge[0] in differing]
        for others in chain.from_iterable(combinations(differing, size) for size in range(contingency + 1)):
            held = _Held(pair, others)
            nodes |= {
                node
                for node in differing
                if node not in nodes and node not in others and held.acts(node_patches(program, node, pair.source))
            }
            edges |= {
                edge
                for edge in starting
                if edge not in edges and edge[0] not in others and held.acts(edge_patches(program, edge, pair.source))
            }
    return frozenset(nodes), frozenset(edges)


class _Held:
    """A run in which some parts are held at their values of the other run: does anything more change its outcome?"""

    def __init__(self, pair: _Pair, others: Iterable[str]) -> None:
        self.pair = pair
        self.fixed = _joint(pair.program, pair.source, others, ())
        self.trace = run(pair.program, pair.base.tokens, self.fixed)
        self.start = pair.read(self.trace)

    def acts(self, patches: Iterable[Patch]) -> bool:
        changes = [patch for patch in patches if self.trace.values[patch.variable][patch.position] != patch.value]
        return bool(changes) and abs(self.pair.value([*self.fixed, *changes]) - self.start) > _SURE


def _differs(program: Program, node: str, pair: _Pair) -> bool:
    names = [name for name, writer in program.writers.items() if writer == node]
    return any(not np.array_equal(pair.base.values[name], pair.source.values[name]) for name in names)
