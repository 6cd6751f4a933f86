"""What are the people and things of a text called: by real names, by random letters, or by words that mean nothing?"""

from random import Random

from aetia.evals.task import Names
from aetia.evals.tasks._draws import sampled

__all__ = ["people"]

_REAL = (
    "Ada Amir Anna Bela Boris Carla Chen Dana David Elif Elena Emil Farah Felix Grace Hana Hugo Ida Igor Ines Ivan "
    "Jana Jonas Julia Kaya Karim Lara Leo Lina Lucas Maja Marco Mina Nadia Nils Nora Olga Omar Oscar Paula Petra Rania "
    "Raul Rosa Samir Sara Simon Sofia Tara Theo Tomas Ugo Vera Viktor Wanda Yara Yusuf Zoe"
).split()
_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
_STARTS = "b br d dr f fl g gr k kl l m n p pl r s sk t tr v z".split()
_VOWELS = "aeiou"
_ENDS = "b d g k l m n p r s t v x".split()


def people(kind: Names, count: int, random: Random) -> list[str]:
    """So many names, no two of them alike."""
    if kind == "real":
        return sampled(random, _REAL, count) if count > 1 else [random.choice(_REAL)]
    found: dict[str, None] = {}
    while len(found) < count:
        found[_letters(random) if kind == "random" else _nonsense(random)] = None
    return list(found)


def _letters(random: Random) -> str:
    return "".join(random.choices(_LETTERS, k=3))


def _nonsense(random: Random) -> str:
    draw = random.choice
    return (draw(_STARTS) + draw(_VOWELS) + draw(_STARTS) + draw(_VOWELS) + draw(_ENDS)).capitalize()
