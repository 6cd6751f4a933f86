"""What is a cut compared with: cuts of other keys, what it does to other answers, or nothing?

Letters: B draws of random keys, k exchanges of all answers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING

from aetia.effects import draws_needed
from aetia.flow.groups import IMAGE, Cuts, Edge, cuts_of, groups_of, joined
from aetia.flow.study import FlowStudy
from aetia.studies.nulls import LABELS, relabellings
from aetia.studies.words import relabelled

if TYPE_CHECKING:
    from aetia.contrasts import AlignedContrast

__all__ = ["RANDOM_KEYS", "Chance", "chance_of", "has_random_keys", "random_keys", "random_reads"]

RANDOM_KEYS = "random-keys"


@dataclass(frozen=True)
class Chance:
    """What stands for chance at each edge of a study.

    Args:
        draws: B.
        edges: The edges that are compared with cuts of random keys.
        answers: By item, the first tokens of its answer under k exchanges of all answers, by which the runs of all
            further edges are scored; empty if these are compared with nothing.
    """

    draws: int = 0
    edges: frozenset[Edge] = frozenset()
    answers: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    def null(self, edge: Edge) -> str | None:
        """The name of the null that an edge is tested against."""
        if edge in self.edges:
            return RANDOM_KEYS
        return LABELS if self.answers else None


def chance_of(
    study: FlowStudy, items: "Sequence[AlignedContrast]", edges: Sequence[Edge], draws: int, layers: int
) -> Chance:
    """What stands for chance at the edges of a study.

    Random keys, where each item has comparable ones. Elsewhere exchanged answers, if these can trade places in ways
    enough. A token that is read because the model predicts it cannot be exchanged for another: it is the likeliest by
    choice, and whatever is cut, the likeliest loses most.

    Args:
        study: The study.
        items: All its items.
        edges: Its edges.
        draws: B; with 0 nothing is compared.
        layers: How many layers are looked at.
    """
    if not draws:
        return Chance()
    by_keys = frozenset(edge for edge in edges if all(has_random_keys(item, cuts_of(edge, item)) for item in items))
    needed = draws_needed(study.level, len(edges) * layers, study.correction)
    exchanged = relabelled(items, relabellings(items, needed) if study.read == "answer" else 0, study.seed)
    if not exchanged:
        return Chance(draws, by_keys)
    answers = {item.id: tuple(one[place].answer_ids[0] for one in exchanged) for place, item in enumerate(items)}
    return Chance(draws, by_keys, answers)


def has_random_keys(item: "AlignedContrast", cuts: Cuts) -> bool:
    """Whether readers lose at most half of what they may read of the same kind: else all draws are nearly the same."""
    kind = _kind(item, cuts)
    lost = {row: sum(key < row for key in keys) for row, keys in cuts.items()}
    return sum(place < row for row in lost for place in kind) >= 2 * sum(lost.values())


def random_keys(item: "AlignedContrast", cuts: Cuts, seed: int) -> Cuts:
    """From each row as many earlier keys cut, drawn at random from positions of the same kind: the null random-keys.

    The kind is the picture if all keys lie in it, the text if none does, else the whole prompt. Its positions are
    permuted, and what the rows lose moves with them, so that rows that lose the same are compared with rows that lose
    the same; what then does not come before a row is filled up in the order of the permutation. The real keys may be
    drawn: among all sets of that size they are one.

    Args:
        item: The item.
        cuts: What an edge's readers may no longer read.
        seed: Equal seeds permute alike, for items that depend on each other.
    """
    kind = sorted(_kind(item, cuts))
    chance = Random(seed)
    rank = [chance.random() for _ in range(item.length)]
    moved = dict(zip(kind, sorted(kind, key=rank.__getitem__), strict=True))
    lost = frozenset[int]().union(*cuts.values())
    order = [moved[place] for place in sorted(kind, key=lambda place: (place not in lost, place))]
    found = {}
    for row, keys in cuts.items():
        before = sorted(key for key in keys if key < row)
        drawn = dict.fromkeys([*(moved[key] for key in before), *order])
        found[row] = frozenset([place for place in drawn if place < row][: len(before)])
    return found


def random_reads(item: "AlignedContrast", cuts: Cuts, seed: int) -> Cuts:
    """From each row as many random keys cut of the picture, and as many of the text: `random_keys` of each kind."""
    image = frozenset(groups_of(item).get(IMAGE, ()))
    kinds = [{row: keys & image for row, keys in cuts.items()}, {row: keys - image for row, keys in cuts.items()}]
    return joined(random_keys(item, {row: keys for row, keys in kind.items() if keys}, seed) for kind in kinds)


def _kind(item: "AlignedContrast", cuts: Cuts) -> frozenset[int]:
    image = frozenset(groups_of(item).get(IMAGE, ()))
    everything = frozenset(range(item.length))
    keys = frozenset[int]().union(*cuts.values())
    return next((kind for kind in (image, everything - image) if keys <= kind), everything)
