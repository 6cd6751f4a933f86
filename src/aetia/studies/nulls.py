"""Under which explicit alternative would an effect be chance?

A null is a map of (network, items) to others in which the cause that is asked about is absent. The whole instrument,
its search included, is run again on every draw of it, and what it finds there is the yardstick.
"""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

from aetia.effects import check_draws, draws_needed
from aetia.effects.nulls import NULLS
from aetia.errors import StudyError
from aetia.models.prompts import pictures_of
from aetia.runs.keys import key_of
from aetia.studies.clusters import clusters_of, counted
from aetia.studies.study import ContrastStudy
from aetia.studies.words import exchanges, relabelled

if TYPE_CHECKING:
    from aetia.contrasts import AlignedContrast
    from aetia.models.network import Network

__all__ = ["LABELS", "PLACEBO", "SYSTEM_NULLS", "Null", "changes_items", "drawn", "null_of", "relabellings", "ways_of"]

LABELS = "label-permutation"
PLACEBO = "paraphrase-placebo"

SYSTEM_NULLS = (LABELS, "randomised-weights", "permuted-pairs", "unrelated-contrast", PLACEBO)
"""The nulls that any instrument can be run on; the others are an intervention's own."""

_OF_ITEMS = "random-keys"
_OF_TEXT = ("unrelated-contrast", PLACEBO)
_DRAWS = 19
_FEWEST_PARTNERS, _FEWEST_PLACEBOS = 6, 10  # with fewer, draws repeat each other and the test errs too often
_TRIES = 50
_RELABELLINGS = 39  # with them two of forty may be as large; more hardly find more, and a search is made in each


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
            `label-permutation` where the method supports it and there are items and words enough.
        items: The study's items.
        supported: The nulls that the instrument supports for this study.
        comparisons: How many places are looked at.

    Raises:
        StudyError: AE-1601 no such null, or not one that this study supports; AE-1602 too few words, or AE-1108 too few
            draws, for the level ever to be reached.
    """
    needed = draws_needed(study.level, comparisons, study.correction)
    if study.null == "auto":
        draws = relabellings(items, needed) if LABELS in supported else 0
        return Null(LABELS, draws) if draws else None
    if study.null == "none":
        return None
    null = _parsed(study.null, supported)
    if null.name == LABELS:
        ways = ways_of(items)
        null = Null(LABELS, min(null.draws, ways))
        if null.draws == ways < needed:
            found = f"Answers and foils of {counted(items)} trade places in {ways} ways at most; a test takes {needed}."
            mend = f"give items with more different answers, or --null randomised-weights:{needed}."
            raise StudyError("AE-1602", found, mend=mend)
    # Draws that are an item's own are exchanged item by item: a few of them make very many draws of all items.
    draws = (null.draws + 1) ** len(clusters_of(items)) - 1 if null.name == _OF_ITEMS else null.draws
    check_draws(draws, study.level, comparisons, study.correction)
    return null


def relabellings(items: Sequence["AlignedContrast"], needed: int) -> int:
    """Return how often label-permutation is drawn unless a number is asked for; 0 if it is not.

    The words have to trade places in as many ways as are needed. There have to be more independent items than that,
    too: the largest of many places of few items is large by chance, and a test would only pale what is to be looked at.
    """
    ways = ways_of(items)
    return min(ways, max(_RELABELLINGS, needed)) if min(ways, len(clusters_of(items)) - 1) >= needed else 0


def ways_of(items: Sequence["AlignedContrast"]) -> int:
    """Return in how many ways the items can be relabelled; where all of them are one cluster, nothing is tested."""
    return exchanges(items) if len(clusters_of(items)) > 1 else 0


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


def changes_items(null: Null) -> bool:
    """Whether a draw of the null is other items, and not another network or an intervention of its own."""
    return null.name in _ITEMS


def drawn(
    null: Null, draw: int, study: ContrastStudy, network: "Network", items: Sequence["AlignedContrast"]
) -> "tuple[Network, tuple[AlignedContrast, ...]]":
    """Return the network and the items of one draw of a null; the same for the same study and draw.

    Raises:
        StudyError: AE-1603 the items do not allow this null.
    """
    if null.name == "randomised-weights":
        from aetia.models.randomise import randomised

        return randomised(network, _seed(study, null.name, draw)), tuple(items)
    if null.name in _OF_TEXT and any(pictures_of(item.clean_ids) for item in items):
        found = f"{null.name} puts other text in the prompt's place, and these prompts have pictures."
        raise StudyError("AE-1603", found, mend="use --null permuted-pairs:19 or randomised-weights:19.")
    return network, _ITEMS[null.name](study, network, items, draw)


def _met(
    places: Sequence[int], others: Sequence[int], items: Sequence["AlignedContrast"]
) -> "Iterator[tuple[int, AlignedContrast]]":
    """Which item of another cluster each item of a cluster meets: in turn, again from the first if they run out."""
    return ((place, items[others[number % len(others)]]) for number, place in enumerate(places))


def _seed(study: ContrastStudy, name: str, draw: int) -> int:
    return int(key_of(study.seed, name, draw)[:8], 16)


def _relabelled(
    study: ContrastStudy, _network: "Network", items: Sequence["AlignedContrast"], draw: int
) -> "tuple[AlignedContrast, ...]":
    return relabelled(items, draw + 1, study.seed)[draw]


def _permuted(
    study: ContrastStudy, _network: "Network", items: Sequence["AlignedContrast"], draw: int
) -> "tuple[AlignedContrast, ...]":
    """Every clean prompt is that of an item with another answer, of the same length and with the same spans.

    The clean prompts of a cluster go to the items of one other.
    """
    chance = random.Random(_seed(study, "permuted-pairs", draw))
    found = list(items)
    alike: dict[str, list[list[int]]] = {}
    for places in clusters_of(items):
        shapes = [f"{items[place].length} {sorted(items[place].spans.items())}" for place in places]
        alike.setdefault(shapes[0] if len(set(shapes)) == 1 else str(shapes), []).append(places)
    for clusters in alike.values():
        for places, others in zip(clusters, _partners(items, clusters, chance), strict=True):
            for place, source in _met(places, others, items):
                found[place] = replace(
                    items[place], clean=source.clean, clean_ids=source.clean_ids, clean_tokens=source.clean_tokens
                )
    return tuple(found)


def _partners(
    items: Sequence["AlignedContrast"], clusters: Sequence[list[int]], chance: random.Random
) -> list[list[int]]:
    """A random permutation of the clusters in which no item meets one with its own answer."""
    if len(clusters) < _FEWEST_PARTNERS:
        raise StudyError(
            "AE-1603",
            f"Only {counted(items, len(clusters))} have the length and the spans of {items[clusters[0][0]].id}: too "
            "few to exchange clean prompts in ways that differ.",
            mend=f"give at least {counted(items, _FEWEST_PARTNERS)} of each length, or --null randomised-weights:19.",
        )

    def differ(one: int, other: int) -> bool:
        met = _met(clusters[one], clusters[other], items)
        return all(items[place].answer_ids != source.answer_ids for place, source in met)

    numbers = range(len(clusters))
    partners = list(numbers)
    for _ in range(_TRIES):
        chance.shuffle(partners)
        for at in numbers:
            if not differ(at, partners[at]):
                # The first later place where exchanging the two partners helps both.
                for other in numbers:
                    if differ(at, partners[other]) and differ(other, partners[at]):
                        partners[at], partners[other] = partners[other], partners[at]
                        break
        if all(differ(at, partners[at]) for at in numbers):
            return [clusters[number] for number in partners]
    found = "The items' answers are too much alike for everyone to meet a clean prompt with another answer."
    raise StudyError("AE-1603", found, mend="use --null randomised-weights:19.")


def _unrelated(
    study: ContrastStudy, network: "Network", items: Sequence["AlignedContrast"], draw: int
) -> "tuple[AlignedContrast, ...]":
    """Every clean prompt is cut from the prompts of the other built-in sets; its first token stays.

    Items of one cluster that share their clean prompt share what takes its place.
    """
    if network.tokenizer is None or study.chat:
        reason = "a chat template, which they do not have" if study.chat else "no tokenizer"
        found = f"unrelated-contrast takes prompts from the built-in sets, and this study has {reason}."
        raise StudyError("AE-1603", found, mend="use --null permuted-pairs:19 or randomised-weights:19.")
    chance = random.Random(_seed(study, "unrelated-contrast", draw))
    prompts = _other_prompts(network, study.contrasts, study.seed)
    cut: dict[tuple[str, tuple[int, ...]], tuple[int, ...]] = {}
    keys = [(item.cluster or item.id, item.clean_ids) for item in items]
    for key, item in zip(keys, items, strict=True):
        ids: list[int] = []
        while key not in cut and len(ids) < item.length - 1:
            ids += chance.choice(prompts)
        cut.setdefault(key, (item.clean_ids[0], *ids[: item.length - 1]))
    return tuple(_with_clean(network, item, cut[key]) for key, item in zip(keys, items, strict=True))


@lru_cache(maxsize=2)
def _other_prompts(network: "Network", name: str | None, seed: int) -> tuple[tuple[int, ...], ...]:
    """Prompts of all built-in sets but the one of this name, as tokens without any special ones."""
    from aetia.contrasts import contrast_sets

    assert network.tokenizer is not None
    return tuple(
        tuple(network.tokenizer(f" {contrast.clean}", add_special_tokens=False).input_ids)
        for other, one in contrast_sets().items()
        if other != name
        for contrast in one.draw(network.tokenizer, 32, seed=seed).items
    )


def _placebo(
    study: ContrastStudy, network: "Network", items: Sequence["AlignedContrast"], draw: int
) -> "tuple[AlignedContrast, ...]":
    """Every clean prompt is a rewording of the corrupted one."""
    chance = random.Random(_seed(study, PLACEBO, draw))
    found = []
    for item in items:
        if len(item.placebo_ids) < _FEWEST_PLACEBOS:
            raise StudyError(
                "AE-1603",
                f"The item {item.id} has {len(item.placebo_ids)} usable rewordings; with fewer than "
                f"{_FEWEST_PLACEBOS} the draws of {PLACEBO} are too much alike.",
                mend="give more in the contrasts' field `placebos`, or use --null permuted-pairs:19.",
            )
        found.append(_with_clean(network, item, chance.choice(item.placebo_ids)))
    return tuple(found)


def _with_clean(network: "Network", item: "AlignedContrast", ids: tuple[int, ...]) -> "AlignedContrast":
    tokenizer = network.tokenizer
    if tokenizer is None:
        return replace(item, clean_ids=ids)
    tokens = tuple(str(tokenizer.decode([token])) for token in ids)
    return replace(item, clean_ids=ids, clean="".join(tokens), clean_tokens=tokens)


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
