"""Which transformers have causes that are known by construction, and what are the causes?

Each is a discrete program (tasks.py) compiled into a Hugging Face GPT-2 (compile.py). True causes and effect sizes are
computed from the program for given items (causes.py); no instrument has a part in them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from aetia.contrasts import AlignedContrast
from aetia.errors import StudyError
from aetia.models import Network
from aetia.truth.causes import Direction, Edge, causes, edge_effects, effect, node_effects
from aetia.truth.compile import Compiled, compile_program
from aetia.truth.program import Program
from aetia.truth.tasks import TASKS, Pair, Task

__all__ = ["TruthSystem", "truth_system", "truth_systems"]

_HEADS = 4
_REFERENCE_ITEMS = 16
_TRIES = 200  # draws in a row that gave nothing new: then there is nothing new


@dataclass(frozen=True, eq=False)
class TruthSystem:
    """A network whose circuit is known.

    Args:
        name: One of `truth_systems()`.
        task: Its question, its program and its contrasts.
        compiled: The program, the network that equals it, and where its variables are.
    """

    name: str
    task: Task
    compiled: Compiled

    @property
    def question(self) -> str:
        """What the contrasts ask."""
        return self.task.question

    @property
    def network(self) -> Network:
        """The network."""
        return self.compiled.network

    @property
    def program(self) -> Program:
        """The program that the network equals; its head slots are the network's."""
        return self.compiled.program

    def draw(self, count: int, seed: int = 0) -> tuple[AlignedContrast, ...]:
        """`count` contrasts, drawn independently but with no clean prompt twice; a seed's first are always the same.

        Raises:
            StudyError: AE-1705 if the task has not as many, or `count` is below 1.
        """
        random = np.random.default_rng(seed)
        found: dict[tuple[str, ...], Pair] = {}
        idle = 0
        while len(found) < count and idle < _TRIES:
            pair = self.task.draw(random)
            idle = idle + 1 if pair.clean in found else 0
            found.setdefault(pair.clean, pair)
        if count < 1 or len(found) < count:
            raise StudyError(
                "AE-1705",
                f"{count} contrasts are asked of {self.name}; it has about {len(found) or 'a thousand'}.",
                mend="ask for at least one, and for no more than there are.",
            )
        return tuple(self._aligned(pair, f"{self.name}-{seed}-{n}") for n, pair in enumerate(found.values()))

    def _aligned(self, pair: Pair, name: str) -> AlignedContrast:
        texts = [("<s>", *(f" {word}" for word in words)) for words in (pair.clean, pair.corrupted)]
        ids = [(0, *self.program.token_ids(words)) for words in (pair.clean, pair.corrupted)]
        spans = {span: (at, at + 1) for span, at in pair.spans.items()} | {"last": (len(ids[0]) - 1, len(ids[0]))}
        return AlignedContrast(
            id=name,
            clean="".join(texts[0]),
            corrupted="".join(texts[1]),
            answer=f" {pair.answer}",
            foil=f" {pair.foil}",
            clean_ids=ids[0],
            corrupted_ids=ids[1],
            clean_tokens=texts[0],
            corrupted_tokens=texts[1],
            answer_ids=self.program.token_ids([pair.answer]),
            foil_ids=self.program.token_ids([pair.foil]),
            spans=spans,
        )

    @cached_property
    def candidates(self) -> tuple[str, ...]:
        """Every sender of the network, of the program or not: the embedding, all heads, all MLPs."""
        layers = range(len(self.program.layers))
        parts = [part for layer in layers for part in (*(f"L{layer}.h{n}" for n in range(_HEADS)), f"L{layer}.mlp")]
        return ("embed", *parts)

    @cached_property
    def edge_candidates(self) -> tuple[Edge, ...]:
        """Every (sender, receiver) of the network such that the sender comes before the receiver."""
        found: list[Edge] = []
        before = ["embed"]
        for layer in range(len(self.program.layers)):
            heads = [f"L{layer}.h{n}" for n in range(_HEADS)]
            found += [(sender, f"{head}.{part}") for head in heads for part in "qkv" for sender in before]
            before += heads
            found += [(sender, f"L{layer}.mlp") for sender in before]
            before.append(f"L{layer}.mlp")
        return (*found, *((sender, "logits") for sender in before))

    def causes(self, items: Sequence[AlignedContrast]) -> tuple[frozenset[str], frozenset[Edge]]:
        """The nodes and the edges that cause the difference between the two prompts of any of `items`."""
        found = [causes(self.program, item) for item in items]
        return frozenset().union(*(nodes for nodes, _ in found)), frozenset().union(*(edges for _, edges in found))

    @cached_property
    def _reference(self) -> tuple[frozenset[str], frozenset[Edge]]:
        return self.causes(self.draw(_REFERENCE_ITEMS))

    @property
    def nodes(self) -> frozenset[str]:
        """The true nodes: the causes of some contrast of this kind."""
        return self._reference[0]

    @property
    def edges(self) -> frozenset[Edge]:
        """The true edges: those through which some contrast of this kind acts."""
        return self._reference[1]

    def effects(self, items: Sequence[AlignedContrast], direction: Direction) -> dict[str, tuple[float, ...]]:
        """The true effect of patching each candidate node alone, at all positions: one a item, in logits."""
        found = [node_effects(self.program, item, direction) for item in items]
        return {node: tuple(one.get(node, 0.0) for one in found) for node in self.candidates}

    def edge_effects(self, items: Sequence[AlignedContrast], direction: Direction) -> dict[Edge, tuple[float, ...]]:
        """The true effect of patching each candidate edge alone, at all positions: one a item, in logits."""
        found = [edge_effects(self.program, item, direction) for item in items]
        return {edge: tuple(one.get(edge, 0.0) for one in found) for edge in self.edge_candidates}

    def joint_effect(self, item: AlignedContrast, nodes: Sequence[str], direction: Direction) -> float:
        """The true effect of patching `nodes` together, at all positions, in logits."""
        return effect(self.program, item, direction, nodes=nodes)


def truth_systems() -> tuple[str, ...]:
    """The names of the systems."""
    return tuple(TASKS)


def truth_system(name: str, seed: int = 0) -> TruthSystem:
    """The system of that name.

    Args:
        name: One of `truth_systems()`.
        seed: Of the strengths of its readout, of the slots that its heads are in, and of its distractors.

    Raises:
        StudyError: AE-1703 if there is no such system.
    """
    if name not in TASKS:
        raise StudyError("AE-1703", f"There is no truth system {name!r}.", mend=f"use one of {', '.join(TASKS)}.")
    random = np.random.default_rng([seed, *name.encode()])
    program = _scattered(TASKS[name].build(random), random)
    return TruthSystem(name, TASKS[name], compile_program(program, heads=_HEADS, seed=int(random.integers(2**31))))


def _scattered(program: Program, random: np.random.Generator) -> Program:
    """The same program with each layer's heads in slots of their own, so that a head's number says nothing."""
    layers = []
    for layer in program.layers:
        slots = [*layer.heads, *[None] * (_HEADS - len(layer.heads))]
        layers.append(replace(layer, heads=tuple(slots[n] for n in random.permutation(_HEADS))))
    return replace(program, layers=tuple(layers))
