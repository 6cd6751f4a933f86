"""What does a discrete program compute on a prompt, and what if one of its parts had another value?

A program is a causal transformer whose every variable is one of finitely many values: the program behind a network
whose causes are known by construction. It is run exactly, by enumeration and without torch, with any value of any part
set to another one, for all its readers or for one of them alone; so the true effects of a part come from here and never
from an instrument.

Names: senders are `embed`, `L0.h1` (a head), `L0.mlp`; readers are `L1.h0.q`, `L1.h0.k`, `L1.h0.v`, `L1.mlp`, `logits`.
Letters: T positions, V vocabulary.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Literal, get_args

import numpy as np

from aetia.errors import StudyError

__all__ = [
    "NOTHING",
    "POSITION",
    "TOKEN",
    "Choice",
    "Head",
    "Layer",
    "Lookup",
    "Patch",
    "Program",
    "Reading",
    "Trace",
    "Variable",
    "matching",
    "run",
    "tabulate",
    "weighing",
]

TOKEN = "token"  # noqa: S105 -- a variable's name
POSITION = "position"
NOTHING = -1
"""No value at all: what zero ablation leaves. It matches nothing, and whoever reads it gets nothing."""

Choice = Literal["nearest", "first", "count"]


@dataclass(frozen=True)
class Variable:
    """A value 0 .. size - 1 at every position; counts of positions are numbers, everything else is a category.

    Args:
        name: `token`, `position`, or the name of the head or lookup that writes it.
        size: How many values it can have.
        labels: What each value is called; empty if its number is its name.
        is_count: Whether it counts positions. Only a lookup with no other input can read a count.
    """

    name: str
    size: int
    labels: tuple[str, ...] = ()
    is_count: bool = False


@dataclass(frozen=True)
class Head:
    """Copies `value` from one matching position, or counts the matching positions, into the variable `name`.

    A position matches if it holds in `key` what `matches` allows for the asking position's `query`. The asking position
    is itself among the candidates; position 0 (BOS) never is: it is what a head reads if nothing matches.

    Args:
        name: The name of the head and of the variable that it writes.
        query: The variable read at the position that asks.
        key: The variable compared with it.
        value: The variable that is copied; a head that counts reads none, and names its key here.
        matches: `[query.size][key.size]`.
        choose: `nearest` copies from the last matching position, `first` from the first one, `count` counts them.
    """

    name: str
    query: str
    key: str
    value: str
    matches: tuple[tuple[bool, ...], ...]
    choose: Choice = "nearest"

    @cached_property
    def table(self) -> np.ndarray:
        """`matches` with one more row and column, of False, for `NOTHING`."""
        return np.pad(np.array(self.matches, dtype=bool), ((0, 1), (0, 1)))


@dataclass(frozen=True)
class Lookup:
    """A table of the values that one or more variables have at a position.

    Args:
        name: The name of the lookup and of the variable that it writes.
        inputs: The variables read.
        size: How many values the output has.
        table: The output for every combination of inputs, the last input varying fastest.
        labels: What each output value is called; empty if its number is its name.
    """

    name: str
    inputs: tuple[str, ...]
    size: int
    table: tuple[int, ...]
    labels: tuple[str, ...] = ()

    @cached_property
    def array(self) -> np.ndarray:
        """`table` as an array."""
        return np.array(self.table, dtype=np.int64)


@dataclass(frozen=True)
class Layer:
    """Heads read what stood before the layer, lookups that and the layer's heads; None is a slot without a head."""

    heads: tuple[Head | None, ...] = ()
    lookups: tuple[Lookup, ...] = ()


@dataclass(frozen=True)
class Reading:
    """What the logits get from one variable: the row of `weights` `[variable.size][V]` of its value, in logits."""

    variable: str
    weights: tuple[tuple[float, ...], ...]

    @cached_property
    def array(self) -> np.ndarray:
        """`weights` with one more row, of zeros, for `NOTHING`."""
        return np.pad(np.array(self.weights, dtype=np.float64), ((0, 1), (0, 0)))


@dataclass(frozen=True)
class Program:
    """A causal, discrete transformer.

    Args:
        vocabulary: The tokens, V of them; the first is BOS, at position 0 of every prompt and nowhere else.
        length: The longest prompt, BOS included.
        layers: The layers, in order.
        readout: What is read at a position to give its logits: their sum.

    Raises:
        StudyError: AE-1701 if a name is used twice or read before it is written, or a table has a wrong size.
    """

    vocabulary: tuple[str, ...]
    length: int
    layers: tuple[Layer, ...]
    readout: tuple[Reading, ...]

    def __post_init__(self) -> None:
        _check(self)

    @cached_property
    def variables(self) -> Mapping[str, Variable]:
        """Every variable by name, in the order of writing."""
        found = {
            TOKEN: Variable(TOKEN, len(self.vocabulary), self.vocabulary),
            POSITION: Variable(POSITION, self.length),
        }
        for layer in self.layers:
            for head in filter(None, layer.heads):
                copied = found.get(head.value)
                if head.choose == "count" or copied is None:
                    found[head.name] = Variable(head.name, self.length, is_count=True)
                else:
                    found[head.name] = Variable(head.name, copied.size, copied.labels)
            for lookup in layer.lookups:
                found[lookup.name] = Variable(lookup.name, lookup.size, lookup.labels)
        return found

    @cached_property
    def writers(self) -> Mapping[str, str]:
        """The sender of every variable."""
        found = {TOKEN: "embed", POSITION: "embed"}
        for number, layer in enumerate(self.layers):
            found |= {head.name: f"L{number}.h{slot}" for slot, head in enumerate(layer.heads) if head is not None}
            found |= {lookup.name: f"L{number}.mlp" for lookup in layer.lookups}
        return found

    @cached_property
    def readers(self) -> Mapping[str, tuple[str, ...]]:
        """The variables that each reader reads, in the order of reading."""
        found: dict[str, tuple[str, ...]] = {}
        for number, layer in enumerate(self.layers):
            for slot, head in enumerate(layer.heads):
                if head is not None:
                    found |= {f"L{number}.h{slot}.q": (head.query,), f"L{number}.h{slot}.k": (head.key,)}
                    if head.choose != "count":
                        found[f"L{number}.h{slot}.v"] = (head.value,)
            if layer.lookups:
                found[f"L{number}.mlp"] = tuple(dict.fromkeys(name for one in layer.lookups for name in one.inputs))
        found["logits"] = tuple(reading.variable for reading in self.readout)
        return found

    @cached_property
    def senders(self) -> tuple[str, ...]:
        """Every part that writes a variable, in the order of writing."""
        return tuple(dict.fromkeys(self.writers.values()))

    @cached_property
    def edges(self) -> tuple[tuple[str, str], ...]:
        """Every (sender, reader) such that the reader reads something that the sender writes."""
        pairs = [(self.writers[name], reader) for reader, names in self.readers.items() for name in names]
        return tuple(dict.fromkeys(pairs))

    def token_ids(self, tokens: Sequence[str]) -> tuple[int, ...]:
        """The numbers of `tokens`.

        Raises:
            StudyError: AE-1702 if one is not in the vocabulary.
        """
        unknown = [token for token in tokens if token not in self.vocabulary]
        if unknown:
            raise StudyError(
                "AE-1702",
                f"The program has no token {unknown[0]!r}.",
                mend=f"use its vocabulary: {' '.join(self.vocabulary)}.",
            )
        return tuple(self.vocabulary.index(token) for token in tokens)


@dataclass(frozen=True)
class Patch:
    """`variable` has `value` at `position`: for every reader, or (an edge) for `reader` alone."""

    variable: str
    position: int
    value: int
    reader: str | None = None


@dataclass(frozen=True, eq=False)
class Trace:
    """Everything a run leaves behind.

    Args:
        tokens: The prompt, length T.
        values: Every variable at every position, `[T]` each.
        attended: The position that each copying head read, `[T]` each.
        logits: `[T, V]`.
    """

    tokens: tuple[int, ...]
    values: Mapping[str, np.ndarray]
    attended: Mapping[str, np.ndarray]
    logits: np.ndarray


def run(program: Program, tokens: Sequence[int], patches: Iterable[Patch] = ()) -> Trace:
    """The program on a prompt, exactly.

    Args:
        program: The program.
        tokens: Numbers of tokens, BOS first, at most `program.length` of them.
        patches: Values that are set; whatever is computed from them follows.

    Raises:
        StudyError: AE-1702 if the prompt is too long, does not start with BOS, or has BOS elsewhere.
    """
    _check_prompt(program, tokens)
    written: dict[str, list[Patch]] = {}
    seen: dict[tuple[str, str], list[Patch]] = {}
    for patch in patches:
        home = written.setdefault(patch.variable, []) if patch.reader is None else None
        (seen.setdefault((patch.reader or "", patch.variable), []) if home is None else home).append(patch)
    values: dict[str, np.ndarray] = {}
    attended: dict[str, np.ndarray] = {}

    def write(name: str, value: np.ndarray) -> None:
        values[name] = _with(value, written.get(name, ()))

    def view(reader: str, name: str) -> np.ndarray:
        return _with(values[name], seen.get((reader, name), ()))

    write(TOKEN, np.array(tokens, dtype=np.int64))
    write(POSITION, np.arange(len(tokens), dtype=np.int64))
    for number, layer in enumerate(program.layers):
        copied: list[tuple[str, np.ndarray]] = []
        for slot, head in enumerate(layer.heads):
            if head is None:
                continue
            name = f"L{number}.h{slot}"
            allowed = _matches(head, view(f"{name}.q", head.query), view(f"{name}.k", head.key))
            if head.choose == "count":
                copied.append((head.name, allowed.sum(1)))
                continue
            attended[head.name] = _chosen(allowed, head.choose)
            copied.append((head.name, view(f"{name}.v", head.value)[attended[head.name]]))
        for name, value in copied:
            write(name, value)
        found = [(lookup.name, _look_up(program, lookup, number, view)) for lookup in layer.lookups]
        for name, value in found:
            write(name, value)
    logits = np.zeros((len(tokens), len(program.vocabulary)))
    for reading in program.readout:
        logits += reading.array[view("logits", reading.variable)]
    return Trace(tuple(tokens), values, attended, logits)


def _with(value: np.ndarray, patches: Iterable[Patch]) -> np.ndarray:
    value = value.copy()
    for patch in patches:
        value[patch.position] = patch.value
    return value


def _matches(head: Head, query: np.ndarray, key: np.ndarray) -> np.ndarray:
    allowed = np.tril(head.table[query[:, None], key[None, :]])
    allowed[:, 0] = False
    return allowed


def _chosen(allowed: np.ndarray, choose: Choice) -> np.ndarray:
    if choose == "first":
        return allowed.argmax(1)  # 0, BOS, where nothing matches
    last = allowed.shape[1] - 1 - allowed[:, ::-1].argmax(1)
    return np.where(allowed.any(1), last, 0)


def _look_up(program: Program, lookup: Lookup, layer: int, view: Callable[[str, str], np.ndarray]) -> np.ndarray:
    inputs = [view(f"L{layer}.mlp", name) for name in lookup.inputs]
    sizes = [program.variables[name].size for name in lookup.inputs]
    flat = np.ravel_multi_index([np.maximum(value, 0) for value in inputs], sizes)
    is_nothing = np.any([value == NOTHING for value in inputs], axis=0)
    return np.where(is_nothing, NOTHING, lookup.array[flat])


def _check_prompt(program: Program, tokens: Sequence[int]) -> None:
    if not 0 < len(tokens) <= program.length:
        raise StudyError(
            "AE-1702",
            f"The prompt has {len(tokens)} tokens; the program reads 1 to {program.length}.",
            mend="give a shorter prompt, BOS included.",
        )
    if tokens[0] != 0 or 0 in tokens[1:] or not all(0 <= token < len(program.vocabulary) for token in tokens):
        raise StudyError(
            "AE-1702",
            f"The prompt {list(tokens)} is none of this program's.",
            mend=f"start with token 0 (BOS) and go on with tokens 1 to {len(program.vocabulary) - 1}.",
        )


def matching(rows: int, columns: int, rule: Callable[[int, int], bool]) -> tuple[tuple[bool, ...], ...]:
    """The table `[rows][columns]` of a rule over (query, key), for `Head.matches`."""
    return tuple(tuple(bool(rule(query, key)) for key in range(columns)) for query in range(rows))


def tabulate(sizes: Sequence[int], rule: Callable[..., int]) -> tuple[int, ...]:
    """The table of a rule over as many values as there are `sizes`, for `Lookup.table`."""
    return tuple(int(rule(*values)) for values in product(*map(range, sizes)))


def weighing(size: int, vocabulary: int, rule: Callable[[int, int], float]) -> tuple[tuple[float, ...], ...]:
    """The table `[size][vocabulary]` of a rule over (value, token), for `Reading.weights`, in logits."""
    return tuple(tuple(float(rule(value, token)) for token in range(vocabulary)) for value in range(size))


def _check(program: Program) -> None:
    known: dict[str, Variable] = {name: program.variables[name] for name in (TOKEN, POSITION)}
    for problem in _problems(program, known):
        raise StudyError("AE-1701", f"This is no program: {problem}.", mend="mend the part that is named.")


def _problems(program: Program, known: dict[str, Variable]) -> Iterator[str]:
    def unreadable(who: str, names: Sequence[str], *, counts: bool = False) -> Iterator[str]:
        for name in names:
            if name not in known:
                yield f"{who} reads {name!r} before anything writes it"
            elif known[name].is_count and not counts:
                yield f"{who} reads the count {name!r}, which only a lookup with no other input can"

    for layer in program.layers:
        heads = [head for head in layer.heads if head is not None]
        for head in heads:
            yield from unreadable(head.name, (head.query, head.key, head.value))
            if head.choose not in get_args(Choice):
                yield f"{head.name} chooses {head.choose!r} instead of one of {', '.join(get_args(Choice))}"
            yield from _misfit(head.name, head.matches, known[head.query].size, known[head.key].size)
        yield from _declare(known, program, [head.name for head in heads])
        for lookup in layer.lookups:
            yield from unreadable(lookup.name, lookup.inputs, counts=len(lookup.inputs) == 1)
            cells = int(np.prod([known[name].size for name in lookup.inputs]))
            if len(lookup.table) != cells or not all(0 <= value < lookup.size for value in lookup.table):
                yield f"the table of {lookup.name} needs {cells} values from 0 to {lookup.size - 1}"
        yield from _declare(known, program, [lookup.name for lookup in layer.lookups])
    for reading in program.readout:
        yield from unreadable("the readout", (reading.variable,))
        yield from _misfit("the readout", reading.weights, known[reading.variable].size, len(program.vocabulary))


def _misfit(who: str, table: Sequence[Sequence[object]], rows: int, columns: int) -> Iterator[str]:
    if len(table) != rows or any(len(row) != columns for row in table):
        yield f"a table of {who} is not {rows} x {columns}"


def _declare(known: dict[str, Variable], program: Program, names: Sequence[str]) -> Iterator[str]:
    for name in names:
        if name in known:
            yield f"the name {name!r} is written twice"
        known[name] = program.variables[name]
