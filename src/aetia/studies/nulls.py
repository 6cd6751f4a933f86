"""Under which explicit alternative would an effect be chance?

A null is a map of (network, items) to others in which the cause that is asked about is absent. The whole instrument,
its search included, is run again on every draw of it, and what it finds there is the yardstick.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from aetia.effects import check_draws, draws_needed
from aetia.effects.nulls import NULLS
from aetia.errors import StudyError
from aetia.runs.keys import key_of
from aetia.studies.study import ContrastStudy

if TYPE_CHECKING:
    import random

    from aetia.contrasts import AlignedContrast
    from aetia.models.network import Network

__all__ = ["LABELS", "PLACEBO", "SYSTEM_NULLS", "Null", "drawn", "null_of", "shifted"]

LABELS = "label-permutation"
PLACEBO = "paraphrase-placebo"

SYSTEM_NULLS = (LABELS, "randomised-weights", "permuted-pairs", "unrelated-contrast", PLACEBO)
"""The nulls that any instrument can be run on; the others are an intervention's own."""

_DRAWS = 19
_RELABELLINGS = 99  # they cost no further run of most methods


@dataclass(frozen=True)
class Null:
    """A null and how often it is drawn.

    Args:
        name: One of `aetia.effects.nulls.NULLS`.
        draws: B; the smallest p-value is 1 / (B + 1).
    """

    name: str
    draws: int

    def __str__(self) -> str:
        return f"{self.name}:{self.draws}"


def null_of(
    study: ContrastStudy, items: Sequence["AlignedContrast"], supported: Sequence[str], *, comparisons: int
) -> Null | None:
    """Return the null that the study asks for, drawn as often as it can be; None if there is to be none.

    Args:
        study: The study; `auto` stands for the cheapest null that can reach the study's level, which is
            `label-permutation` where the method supports it and there are items enough, with labels that differ.
        items: The study's items.
        supported: The nulls that the instrument supports for this study.
        comparisons: How many places are looked at.

    Raises:
        StudyError: AE-1601 no such null, or not one that this study supports; AE-1602 too few items, or AE-1108 too few
            draws, for the level ever to be reached.
    """
    needed = draws_needed(study.level, comparisons, study.correction)
    if study.null == "auto":
        is_able = LABELS in supported and len(items) > needed and _have_labels(items)
        return Null(LABELS, min(len(items) - 1, _RELABELLINGS)) if is_able else None
    if study.null == "none":
        return None
    null = _parsed(study.null, supported)
    if null.name == LABELS:
        null = Null(LABELS, min(null.draws, len(items) - 1))
    if null.name == LABELS and null.draws == len(items) - 1 and null.draws < needed:
        found = f"{len(items)} items can be relabelled in {null.draws} ways; to pass a corrected test takes {needed}."
        mend = f"give at least {needed + 1} items, or --null randomised-weights:{needed}."
        raise StudyError("AE-1602", found, mend=mend)
    check_draws(null.draws, study.level, comparisons, study.correction)
    return null


def _parsed(text: str, supported: Sequence[str]) -> Null:
    name, _, number = text.partition(":")
    known = f"this study supports {', '.join(supported) or 'none'}"
    if name not in NULLS:
        raise StudyError("AE-1601", f"There is no null {name!r}.", details=(known,), mend="name one of them, or none.")
    if name not in supported:
        found = f"The null {name} does not go with this model, method and outcome."
        raise StudyError("AE-1601", found, details=(known,), mend="name one of them, or none.")
    if number and not (number.isascii() and number.isdigit() and int(number) > 0):
        found = f"The number of draws of a null is a whole number from 1; got {text!r}."
        raise StudyError("AE-1601", found, mend=f"write it like {name}:19.")
    return Null(name, int(number) if number else (_RELABELLINGS if name == LABELS else _DRAWS))


def drawn(
    null: Null, draw: int, study: ContrastStudy, network: "Network", items: Sequence["AlignedContrast"]
) -> "tuple[Network, tuple[AlignedContrast, ...]]":
    """Return the network and the items of one draw of a null; the same for the same study and draw.

    Raises:
        StudyError: AE-1603 the items do not allow this null.
    """
    if null.name == "randomised-weights":
        from aetia.models.randomise import randomised

        return randomised(network, _seed(study, null, draw)), tuple(items)
    return network, _ITEMS[null.name](study, network, items, draw)


def shifted(items: Sequence["AlignedContrast"], draw: int) -> "tuple[AlignedContrast, ...]":
    """Return the items, each with the answer and the foil of the one `draw + 1` places on; the last wrap around.

    The n shifts form a group, so that a test that compares the observed order with the n - 1 others is exact.

    Raises:
        StudyError: AE-1603 all items have the same answer and foil.
    """
    if not _have_labels(items):
        found = f"All {len(items)} items have the same answer and foil, so that exchanging them changes nothing."
        raise StudyError("AE-1603", found, mend="use --null randomised-weights:19 or permuted-pairs:19.")
    after = [items[(place + draw + 1) % len(items)] for place in range(len(items))]
    return tuple(
        replace(one, answer=other.answer, foil=other.foil, answer_ids=other.answer_ids, foil_ids=other.foil_ids)
        for one, other in zip(items, after, strict=True)
    )


def _have_labels(items: Sequence["AlignedContrast"]) -> bool:
    """Whether there are two different pairs of an answer and a foil."""
    return len({(item.answer_ids, item.foil_ids) for item in items}) > 1


def _seed(study: ContrastStudy, null: Null, draw: int) -> int:
    return int(key_of(study.seed, null.name, draw)[:8], 16)


def _chance(study: ContrastStudy, name: str, draw: int) -> "random.Random":
    import random

    return random.Random(_seed(study, Null(name, 1), draw))


def _relabelled(
    _study: ContrastStudy, _network: "Network", items: Sequence["AlignedContrast"], draw: int
) -> "tuple[AlignedContrast, ...]":
    return shifted(items, draw)


def _permuted(
    study: ContrastStudy, _network: "Network", items: Sequence["AlignedContrast"], draw: int
) -> "tuple[AlignedContrast, ...]":
    """Every clean prompt is another item's of the same length; no item keeps its own."""
    chance = _chance(study, "permuted-pairs", draw)
    found = list(items)
    for length in dict.fromkeys(item.length for item in items):
        places = [place for place, item in enumerate(items) if item.length == length]
        if len(places) < 2:
            raise StudyError(
                "AE-1603",
                f"Only one item has {length} tokens, so that it cannot exchange its clean prompt with another.",
                mend="use items of one length, or --null randomised-weights:19.",
            )
        chance.shuffle(places)
        # A cycle through a random order leaves no item with its own prompt.
        for place, other in zip(places, [*places[1:], places[0]], strict=True):
            found[place] = _with_clean(items[place], items[other].clean_ids, items[other])
    return tuple(found)


def _with_clean(
    item: "AlignedContrast", ids: tuple[int, ...], other: "AlignedContrast | None" = None
) -> "AlignedContrast":
    if other is not None:
        return replace(item, clean=other.clean, clean_ids=ids, clean_tokens=other.clean_tokens)
    return replace(item, clean_ids=ids)


def _unrelated(
    study: ContrastStudy, network: "Network", items: Sequence["AlignedContrast"], draw: int
) -> "tuple[AlignedContrast, ...]":
    """Every clean prompt is cut from the prompts of the other built-in sets; its first token stays."""
    from aetia.contrasts import contrast_sets

    if network.tokenizer is None:
        found = "unrelated-contrast takes prompts from the built-in sets, and this model has no tokenizer."
        raise StudyError("AE-1603", found, mend="use --null permuted-pairs:19 or randomised-weights:19.")
    chance = _chance(study, "unrelated-contrast", draw)
    texts = [
        contrast.clean
        for name, one in contrast_sets().items()
        if name != study.contrasts
        for contrast in one.draw(network.tokenizer, 32, seed=study.seed).items
    ]
    found = []
    for item in items:
        ids: list[int] = []
        while len(ids) < item.length:
            ids += network.tokenize(" " + chance.choice(texts)).ids
        found.append(_with_clean(item, (item.clean_ids[0], *ids[1 : item.length])))
    return tuple(found)


def _placebo(
    study: ContrastStudy, _network: "Network", items: Sequence["AlignedContrast"], draw: int
) -> "tuple[AlignedContrast, ...]":
    """Every clean prompt is a rewording of the corrupted one."""
    chance = _chance(study, PLACEBO, draw)
    found = []
    for item in items:
        if not item.placebo_ids:
            raise StudyError(
                "AE-1603",
                f"The item {item.id} has no rewordings of its corrupted prompt for {PLACEBO}.",
                mend="give them in the contrasts' field `placebos`, or use --null permuted-pairs:19.",
            )
        found.append(_with_clean(item, chance.choice(item.placebo_ids)))
    return tuple(found)


_ITEMS: Mapping[
    str,
    Callable[
        [ContrastStudy, "Network", Sequence["AlignedContrast"], int],
        "tuple[AlignedContrast, ...]",
    ],
] = {
    LABELS: _relabelled,
    "permuted-pairs": _permuted,
    "unrelated-contrast": _unrelated,
    PLACEBO: _placebo,
}
