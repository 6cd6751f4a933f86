"""Which programs solve the tasks that circuits were found for, and what do their contrasts look like?

Each task gives a program and a way to draw a pair of prompts that differ in one cause. Strengths of the readout are
drawn with the seed, so that effects have graded sizes; nothing else about a task depends on it.

Letters: n tokens of a prompt, BOS included.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import cos, tau

import numpy as np

from aetia.truth.program import (
    POSITION,
    TOKEN,
    Head,
    Layer,
    Lookup,
    Program,
    Reading,
    matching,
    tabulate,
    weighing,
)

__all__ = ["TASKS", "Pair", "Task"]

BOS = "<s>"
LETTERS = tuple("abcdefghijkl")
NAMES = tuple("Ann Ben Cat Dan Eve Fay".split())
WORDS = tuple("and went to the park gave pen".split())
CUES = tuple("red green blue gold".split())
STARS = tuple(f"*{cue}" for cue in CUES)
FILLERS = tuple("p q r s t u".split())
MODULUS = 7

Random = np.random.Generator
Draw = Callable[[Random], "Pair"]


@dataclass(frozen=True)
class Pair:
    """Two prompts as words (BOS left out), the answers to each, and named positions of words, counted with BOS."""

    clean: tuple[str, ...]
    corrupted: tuple[str, ...]
    answer: str
    foil: str
    spans: dict[str, int]


@dataclass(frozen=True)
class Task:
    """A question, the program that answers it, and what its contrasts look like.

    Args:
        question: What the contrasts ask.
        build: The program, with the strengths of its readout drawn.
        draw: One pair of prompts.
    """

    question: str
    build: Callable[[Random], Program]
    draw: Draw


def _strengths(random: Random, size: int) -> np.ndarray:
    return random.integers(12, 32, size=size) / 4  # 3 to 8 logits, exact in binary


def _copied(name: str, size: int, strengths: Sequence[float] | np.ndarray) -> Reading:
    """The logit of the token that `name` holds gets that token's strength."""
    return Reading(name, weighing(size, size, lambda value, token: strengths[token] * (value == token != 0)))


def _back(length: int, steps: int) -> tuple[tuple[bool, ...], ...]:
    return matching(length, length, lambda query, key: key == query - steps)


def _words(random: Random, words: Iterable[str], count: int) -> list[str]:
    words = tuple(words)
    return [words[index] for index in random.permutation(len(words))[:count]]


def _places(random: Random, count: int, among: int) -> list[int]:
    return sorted(random.permutation(among)[:count].tolist())


def _induction(random: Random) -> Program:
    vocabulary, length = (BOS, *LETTERS), 10
    size = len(vocabulary)
    before = Head("before", POSITION, POSITION, TOKEN, _back(length, 1))
    induce = Head("induce", TOKEN, "before", TOKEN, matching(size, size, lambda query, key: query == key != 0))
    layers = (Layer((before,)), Layer((induce,)))
    return Program(vocabulary, length, layers, (_copied("induce", size, _strengths(random, size)),))


def _draw_induction(random: Random) -> Pair:
    """`x a b y c d z a` calls for b; with a and c exchanged in the context, for d."""
    a, b, c, d, *rest = _words(random, LETTERS, 8)
    blocks = [[a, b], [c, d], *([word] for word in rest)]
    order = [blocks[index] for index in random.permutation(len(blocks))]
    clean = [word for block in order for word in block] + [a]
    first, second = clean.index(a), clean.index(c)
    corrupted = list(clean)
    corrupted[first], corrupted[second] = c, a
    spans = {"first": first + 1, "second": second + 1, "after": first + 2}
    return Pair(tuple(clean), tuple(corrupted), b, d, spans)


def _name_mover(random: Random) -> Program:
    vocabulary, length = (BOS, *NAMES, *WORDS), 10
    size, names = len(vocabulary), range(1, 1 + len(NAMES))
    same = matching(size, size, lambda query, key: query == key and query in names)
    earlier = Head("earlier", TOKEN, TOKEN, POSITION, same, "first")
    again = tabulate((length, length), lambda here, first: first not in (0, here))
    repeated = Lookup("repeated", (POSITION, "earlier"), 2, again, ("new", "repeated"))
    subject = Head("subject", TOKEN, "repeated", TOKEN, matching(size, 2, lambda _, is_repeated: is_repeated == 1))
    other = matching(size, size, lambda query, key: query in names and key in names and query != key)
    mover = Head("mover", "subject", TOKEN, TOKEN, other)
    doubter = Head("doubter", "subject", TOKEN, TOKEN, other)
    layers = (Layer((earlier,), (repeated,)), Layer((subject,)), Layer((mover, doubter)))
    readout = (_copied("mover", size, 2 * _strengths(random, size)), _copied("doubter", size, np.full(size, -1.5)))
    return Program(vocabulary, length, layers, readout)


def _draw_name_mover(random: Random) -> Pair:
    """`Ann and Ben went , Ann gave` calls for Ben; not if Ben is repeated instead, nor if Ann is not there before."""
    subject, other, third = _words(random, NAMES, 3)
    is_repeated_elsewhere = random.random() < 0.5
    is_first = not is_repeated_elsewhere or random.random() < 0.5
    clean = _words(random, WORDS, 6)
    one, two, three = (place + n for n, place in enumerate(_places(random, 3, 6)))
    names = (subject, other, subject) if is_first else (other, subject, subject)
    for place, name in zip((one, two, three), names, strict=True):
        clean.insert(place, name)
    place, name = (three, other) if is_repeated_elsewhere else (one, third)
    corrupted = [*clean[:place], name, *clean[place + 1 :]]
    spans = {"first": one + 1, "second": two + 1, "subject": three + 1}
    return Pair(tuple(clean), tuple(corrupted), other, subject, spans)


def _duplicate(random: Random) -> Program:
    vocabulary, length = (BOS, "yes", "no", *LETTERS), 9
    size = len(vocabulary)
    same = matching(size, size, lambda query, key: query == key > 2)
    earlier = Head("earlier", TOKEN, TOKEN, POSITION, same, "first")
    since = tabulate((length, length), lambda here, first: max(0, here - first) if first else 0)
    distance = Lookup("distance", (POSITION, "earlier"), length, since)
    yes, no = _strengths(random, 2)
    weights = weighing(
        length, size, lambda value, token: {1: (yes + value / 4) * (value > 0), 2: no * (value == 0)}.get(token, 0)
    )
    return Program(vocabulary, length, (Layer((earlier,)), Layer((), (distance,))), (Reading("distance", weights),))


def _draw_duplicate(random: Random) -> Pair:
    """`a b c d b`: did the last letter occur before? Without its first occurrence it did not."""
    letters = _words(random, LETTERS, 8)
    other = letters.pop()
    place = int(random.integers(len(letters)))
    clean, corrupted = (*letters, letters[place]), [*letters, letters[place]]
    corrupted[place] = other
    return Pair(clean, tuple(corrupted), "yes", "no", {"earlier": place + 1})


def _previous(random: Random) -> Program:
    vocabulary, length = (BOS, *LETTERS), 8
    size = len(vocabulary)
    before = Head("before", POSITION, POSITION, TOKEN, _back(length, 1))
    twice = Head("twice", POSITION, POSITION, "before", _back(length, 1))
    layers = (Layer((before,)), Layer((twice,)))
    return Program(vocabulary, length, layers, (_copied("twice", size, _strengths(random, size)),))


def _draw_previous(random: Random) -> Pair:
    """`a b c d e` calls for c: the token two positions before the last."""
    clean = _words(random, LETTERS, 8)
    other = clean.pop()
    corrupted = [*clean[:-3], other, *clean[-2:]]
    return Pair(tuple(clean), tuple(corrupted), clean[-3], other, {"source": len(clean) - 2})


def _addition(random: Random) -> Program:
    vocabulary, length = (BOS, *map(str, range(MODULUS)), "+", "=", *FILLERS), 8
    size = len(vocabulary)
    heads = tuple(Head(name, POSITION, POSITION, TOKEN, _back(length, n)) for name, n in (("left", 3), ("right", 1)))
    digits = range(1, 1 + MODULUS)
    add = tabulate((size, size), lambda a, b: (a + b - 2) % MODULUS if a in digits and b in digits else MODULUS)
    total = Lookup("total", ("left", "right"), MODULUS + 1, add, (*map(str, range(MODULUS)), "none"))
    strength = _strengths(random, 1)[0]
    near = weighing(
        MODULUS + 1,
        size,
        lambda value, token: (
            strength * cos(tau * (token - 1 - value) / MODULUS) * (token in digits and value < MODULUS)
        ),
    )
    return Program(vocabulary, length, (Layer(heads), Layer((), (total,))), (Reading("total", near),))


def _draw_addition(random: Random) -> Pair:
    """`3 + 5 =` calls for 1 modulo 7; one of the two numbers is another in the corrupted prompt."""
    fillers = _words(random, FILLERS, 3)
    numbers, side = random.integers(MODULUS, size=2), int(random.integers(2))
    changed = numbers.copy()
    changed[side] = (changed[side] + 1 + random.integers(MODULUS - 1)) % MODULUS

    def prompt(a: int, b: int) -> tuple[str, ...]:
        return (*fillers, str(a), "+", str(b), "=")

    answer, foil = (str(int(pair.sum()) % MODULUS) for pair in (numbers, changed))
    return Pair(prompt(*numbers.tolist()), prompt(*changed.tolist()), answer, foil, {"left": 4, "right": 6})


def _depth(random: Random) -> Program:
    depths = tuple(map(str, range(7)))
    vocabulary, length = (BOS, "(", ")", ".", *depths), 11
    size = len(vocabulary)
    counts = tuple(
        Head(name, TOKEN, TOKEN, TOKEN, matching(size, size, lambda _, key, bracket=bracket: key == bracket), "count")
        for bracket, name in ((1, "opens"), (2, "closes"))
    )
    read = tuple(
        Lookup(f"{head.name}_seen", (head.name,), length, tabulate((length,), lambda count: count)) for head in counts
    )
    level = tabulate((length, length), lambda opens, closes: min(max(opens - closes, 0), len(depths) - 1))
    depth = Lookup("depth", ("opens_seen", "closes_seen"), len(depths), level, depths)
    strength = _strengths(random, 1)[0] / 4
    weights = weighing(
        len(depths),
        size,
        lambda value, token: strength * (2 * value * (token - 4) - (token - 4) ** 2) if token > 3 else -16,
    )
    return Program(vocabulary, length, (Layer(counts, read), Layer((), (depth,))), (Reading("depth", weights),))


def _draw_depth(random: Random) -> Pair:
    """`( ( . ) (` calls for 2, its depth; one symbol is another in the corrupted prompt."""
    while True:
        clean = [("(", ")", ".")[n] for n in random.choice(3, size=10, p=(0.45, 0.3, 0.25))]
        place = int(random.integers(len(clean)))
        corrupted = list(clean)
        corrupted[place] = _words(random, [symbol for symbol in "()." if symbol != clean[place]], 1)[0]
        depths = [words.count("(") - words.count(")") for words in (clean, corrupted)]
        if all(0 <= depth < 7 for depth in depths):
            return Pair(tuple(clean), tuple(corrupted), str(depths[0]), str(depths[1]), {"changed": place + 1})


def _redundant(random: Random) -> Program:
    vocabulary, length = (BOS, "none", *CUES, *FILLERS), 9
    size, cues = len(vocabulary), range(2, 2 + len(CUES))
    is_cue = matching(size, size, lambda _, key: key in cues)
    heads = (Head("one", TOKEN, TOKEN, TOKEN, is_cue), Head("two", TOKEN, TOKEN, TOKEN, is_cue, "first"))
    first = tabulate((size, size), lambda one, two: one or two)
    either = Lookup("either", ("one", "two"), size, first, vocabulary)
    strengths = _strengths(random, size)
    weights = weighing(
        size, size, lambda value, token: strengths[token] * ((token == 1) if value == 0 else (token == value))
    )
    return Program(vocabulary, length, (Layer(heads), Layer((), (either,))), (Reading("either", weights),))


def _draw_redundant(random: Random) -> Pair:
    """`p q red r` calls for red; without the colour, for none."""
    corrupted = [FILLERS[index] for index in random.integers(len(FILLERS), size=8)]
    place, cue = int(random.integers(len(corrupted))), _words(random, CUES, 1)[0]
    clean = [*corrupted[:place], cue, *corrupted[place + 1 :]]
    return Pair(tuple(clean), tuple(corrupted), cue, "none", {"cue": place + 1})


def _dormant(random: Random) -> Program:
    vocabulary, length = (BOS, *CUES, *STARS, *FILLERS), 9
    size, cues = len(vocabulary), range(1, 1 + len(CUES))
    stars = range(cues.stop, cues.stop + len(STARS))
    is_cue, is_star = (matching(size, size, lambda _, key, these=these: key in these) for these in (cues, stars))
    heads = (
        Head("carry", TOKEN, TOKEN, TOKEN, is_cue),
        Head("echo", TOKEN, TOKEN, TOKEN, is_cue, "first"),
        Head("sleeper", TOKEN, TOKEN, TOKEN, is_star),
    )
    named = Lookup("named", ("carry",), size, tabulate((size,), lambda value: value), vocabulary)
    strengths = _strengths(random, size)
    awake = weighing(
        size, size, lambda value, token: 2 * strengths[token] * (value in stars and value - len(CUES) == token)
    )
    readout = (_copied("named", size, strengths), Reading("sleeper", awake))
    return Program(vocabulary, length, (Layer(heads), Layer((), (named,))), readout)


def _draw_dormant(random: Random) -> Pair:
    """`p q red r` calls for red, `p q blue r` for blue; no prompt has a star, for which one head waits."""
    clean = [FILLERS[index] for index in random.integers(len(FILLERS), size=8)]
    place = int(random.integers(len(clean)))
    clean[place], other = _words(random, CUES, 2)
    corrupted = [*clean[:place], other, *clean[place + 1 :]]
    return Pair(tuple(clean), tuple(corrupted), clean[place], other, {"cue": place + 1})


TASKS = {
    "induction": Task("which token followed the last one's earlier occurrence", _induction, _draw_induction),
    "name-mover": Task("which of two names is not repeated", _name_mover, _draw_name_mover),
    "duplicate-token": Task("did the last token occur before", _duplicate, _draw_duplicate),
    "previous-token": Task("which token stands two positions back", _previous, _draw_previous),
    "modular-addition": Task("the sum of two numbers modulo 7", _addition, _draw_addition),
    "bracket-depth": Task("how many brackets are open", _depth, _draw_depth),
    "redundant": Task(
        "which colour is named, found by two heads of which either suffices", _redundant, _draw_redundant
    ),
    "dormant": Task("which colour is named, beside a head that no such prompt awakens", _dormant, _draw_dormant),
}
