"""Which program is a network whose choices have been made?"""

from collections.abc import Sequence
from itertools import product

import torch
from torch import Tensor

from aetia.learning.network import DiscreteLayer, DiscreteTransformer
from aetia.learning.recipe import Recipe
from aetia.truth.program import POSITION, TOKEN, Head, Layer, Lookup, Program, Reading

__all__ = ["to_program", "variable_names"]


def variable_names(recipe: Recipe) -> tuple[str, ...]:
    """The variables of the network in its order: token, position, and in each layer copies, tables, counts."""
    names = [TOKEN, POSITION]
    for layer in range(recipe.layers):
        kinds = (("copied", recipe.heads), ("table", recipe.lookups), ("count", recipe.counters))
        names += [f"{kind}_{layer}_{number}" for kind, count in kinds for number in range(count)]
    return tuple(names)


@torch.no_grad()
def to_program(network: DiscreteTransformer, restart: int, vocabulary: Sequence[str]) -> Program:
    """The hard network of one restart as a program, without what its logits do not depend on.

    A count is read by a lookup of its own, `count_l_i`, which only passes it on; `matches_l_i` is the head.

    Args:
        network: In the double precision in which it is compared with the program.
        restart: Which of its networks.
        vocabulary: The tokens, BOS first.
    """
    names = variable_names(network.recipe)
    sizes = {TOKEN: len(vocabulary), POSITION: network.length}
    layers = []
    for number, layer in enumerate(network.layers):
        assert isinstance(layer, DiscreteLayer)
        heads = _heads(layer, restart, number, names, sizes)
        lookups = _lookups(layer, restart, number, names, sizes)
        layers.append(Layer(heads, lookups))
    readout = tuple(
        Reading(name, tuple(map(tuple, network.readout[restart, index, : sizes[name]].tolist())))
        for index, name in enumerate(names)
        if network.readout[restart, index].any()
    )
    return Program(tuple(vocabulary), network.length, _needed(layers, readout), readout)


def _heads(
    layer: DiscreteLayer, restart: int, number: int, names: Sequence[str], sizes: dict[str, int]
) -> tuple[Head, ...]:
    """The heads of a layer; those that copy are noted in `sizes`."""
    queries, keys, values = (_chosen(gates, restart, names) for gates in (layer.query, layer.key, layer.value))
    wanted = layer.predicate[restart].argmax(-1).tolist()  # (H + C, D): for each query value the key value
    heads = []
    for slot, (asked, key) in enumerate(zip(queries, keys, strict=True)):
        looked_for = wanted[slot][: sizes[asked]]
        # If it is the same whatever is asked with, nothing need be computed to ask with.
        is_constant = len(set(looked_for)) == 1
        query = TOKEN if is_constant else asked
        rows = looked_for[:1] * sizes[TOKEN] if is_constant else looked_for
        matches = tuple(tuple(row == holding for holding in range(sizes[key])) for row in rows)
        if slot < layer.heads:
            name = f"copied_{number}_{slot}"
            heads.append(Head(name, query, key, values[slot], matches, "nearest"))
        else:
            heads.append(Head(f"matches_{number}_{slot - layer.heads}", query, key, key, matches, "count"))
    sizes |= {head.name: sizes[head.value] for head in heads[: layer.heads]}
    return tuple(heads)


def _lookups(
    layer: DiscreteLayer, restart: int, number: int, names: Sequence[str], sizes: dict[str, int]
) -> tuple[Lookup, ...]:
    """The lookups of a layer, each over the inputs that it depends on; all of them are noted in `sizes`."""
    width = layer.predicate.shape[-1]
    pairs = torch.tensor(list(product(range(width), repeat=2)))
    both = torch.nn.functional.one_hot(pairs, width).flatten(1).to(layer.into)
    tables = layer.table(both.expand(*layer.into.shape[:2], -1, -1))[restart].argmax(-1).view(-1, width, width)
    inputs = [_chosen(layer.inputs[:, :, side], restart, names) for side in range(2)]
    lookups = [
        _lookup(f"table_{number}_{index}", first, second, tables[index], sizes)
        for index, (first, second) in enumerate(zip(*inputs, strict=True))
    ]
    length = sizes[POSITION]
    lookups += [
        Lookup(f"count_{number}_{index}", (f"matches_{number}_{index}",), length, tuple(range(length)))
        for index in range(layer.counters)
    ]
    sizes |= {lookup.name: lookup.size for lookup in lookups}
    return tuple(lookups)


def _lookup(name: str, first: str, second: str, table: Tensor, sizes: dict[str, int]) -> Lookup:
    cells = table[: sizes[first], : sizes[second]].numpy()
    inputs: tuple[str, ...] = (first, second)
    if first == second:
        inputs, cells = (first,), cells.diagonal()
    elif (cells == cells[:, :1]).all():
        inputs, cells = (first,), cells[:, 0]
    elif (cells == cells[:1]).all():
        inputs, cells = (second,), cells[0]
    return Lookup(name, inputs, int(cells.max()) + 1, tuple(cells.flatten().tolist()))


def _chosen(gates: Tensor, restart: int, names: Sequence[str]) -> list[str]:
    """The variable that each gate lets through."""
    chosen: list[int] = gates[restart].argmax(-1).tolist()
    return [names[index] for index in chosen]


def _needed(layers: Sequence[Layer], readout: Sequence[Reading]) -> tuple[Layer, ...]:
    """The layers without parts that nothing reads, and without layers of no parts."""
    wanted = {reading.variable for reading in readout}
    kept: list[Layer] = []
    for layer in reversed(layers):
        lookups = tuple(lookup for lookup in layer.lookups if lookup.name in wanted)
        wanted |= {name for lookup in lookups for name in lookup.inputs}
        heads = tuple(head for head in layer.heads if head is not None and head.name in wanted)
        wanted |= {name for head in heads for name in (head.query, head.key, head.value)}
        if heads or lookups:
            kept.append(Layer(heads, lookups))
    return tuple(reversed(kept))
