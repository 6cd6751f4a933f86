"""What are variables called that could be anything?

Letters, words of the world and words that mean nothing; the words of the world have no known effects on each other in
the combinations drawn, so that nothing but the text tells the graph. Names for an item are one draw from rows that are
shuffled once.
"""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from random import Random
from string import ascii_uppercase

from aetia.evals.item import Language
from aetia.evals.task import Names

__all__ = ["drawn_names", "name_rows", "words_file"]

_ROWS = 1 << 12
_WIDTH = 8
_FOLDER = Path(__file__).parent / "wordings"


@cache
def words_file(family: str, language: Language) -> Mapping[str, object]:
    """The wordings of a family in a language: the file beside this module."""
    return json.loads((_FOLDER / f"{family}.{language}.json").read_text(encoding="utf-8"))


def _nonsense() -> list[str]:
    """Words of four letters that can be pronounced and mean nothing in English."""
    starts, vowels, ends = "bdfgklmnprtvz", "aeiou", ("lk", "mp", "nt", "rv", "sk", "xt", "zz", "ph")
    every = [start + vowel + end for start in starts for vowel in vowels for end in ends]
    return sorted({word + tail for word, tail in zip(every, "aeiou" * len(every), strict=False)})


@cache
def name_rows(kind: Names, language: Language) -> tuple[tuple[str, ...], ...]:
    """Rows of eight different names each; two languages have the same letters and nonsense."""
    random = Random(f"names of variables: {kind}")
    if kind == "random":
        words = list(ascii_uppercase)
    elif kind == "nonsense":
        words = _nonsense()
    else:
        told = words_file("calm_graphs", language)["names"]
        words = [str(word) for word in told] if isinstance(told, list) else []
    return tuple(tuple(random.sample(words, _WIDTH)) for _ in range(_ROWS))


def drawn_names(kind: Names, language: Language, random: Random) -> tuple[str, ...]:
    """Eight different names; the draw takes the same from `random` in every kind and language."""
    return name_rows(kind, language)[random.getrandbits(12)]
