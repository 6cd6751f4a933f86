"""In which ways can the words of a study's items trade places?

A word is the tokens of an answer or of a foil. If which word is which has nothing to do with what is asked, a study
would be as likely with its words exchanged: not item by item, but each word for the same other one in all items.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import factorial, prod
from random import Random
from typing import TYPE_CHECKING, TypeAlias

from aetia.errors import StudyError

if TYPE_CHECKING:
    from aetia.contrasts import AlignedContrast

__all__ = ["exchanges", "relabelled"]

Word: TypeAlias = tuple[int, ...]


def exchanges(items: Sequence["AlignedContrast"]) -> int:
    """Return in how many ways the words can trade places, besides staying where they are."""
    return prod(factorial(len(words)) for words in _exchangeable(items)) - 1


def relabelled(items: Sequence["AlignedContrast"], draws: int, seed: int) -> "list[tuple[AlignedContrast, ...]]":
    """Return the items under some other exchanges of their words, no two alike.

    In a draw every word takes another's place, or keeps its own, in all items alike: an item with the answer a and the
    foil f gets π(a) and π(f). The exchanges are a group, so that the test against all others is exact; fewer of them
    are a random sample. Whether items depend on each other makes no difference.

    Args:
        items: The items.
        draws: How many, at most `exchanges(items)`; the first ones are those of fewer draws.
        seed: Of the exchanges.

    Raises:
        StudyError: AE-1603 there are not as many.
    """
    if not draws:
        return []
    if draws > exchanges(items):
        found = f"The answers and foils of these items can trade places in {exchanges(items)} ways, fewer than {draws}."
        raise StudyError("AE-1603", found, mend="use --null randomised-weights:19.")
    kinds, chance = _exchangeable(items), Random(seed)
    words = tuple(word for kind in kinds for word in kind)
    texts = {item.foil_ids: item.foil for item in items} | {item.answer_ids: item.answer for item in items}
    found = {words: tuple(items)}
    while len(found) <= draws:
        drawn = tuple(word for kind in kinds for word in chance.sample(kind, len(kind)))
        if drawn not in found:
            taken = {(): (), **dict(zip(words, drawn, strict=True))}  # an item without a foil keeps none
            found[drawn] = tuple(_with_words(item, taken, texts) for item in items)
    return list(found.values())[1:]


def _exchangeable(items: Sequence["AlignedContrast"]) -> list[list[Word]]:
    """The words that may take each other's places.

    Where no answer is a foil too, they are of two kinds: that every answer is better than every foil does not tell
    which answer belongs where, so that answers trade places with answers and foils with foils.
    """
    answers, foils = {item.answer_ids for item in items}, {item.foil_ids for item in items if item.foil_ids}
    return [sorted(answers | foils)] if answers & foils else [sorted(answers), sorted(foils)]


def _with_words(item: "AlignedContrast", taken: Mapping[Word, Word], texts: Mapping[Word, str]) -> "AlignedContrast":
    answer, foil = taken[item.answer_ids], taken[item.foil_ids]
    return replace(item, answer=texts[answer], foil=texts[foil], answer_ids=answer, foil_ids=foil)
