"""Which city belongs to this country, or to this landmark?"""

import random
from collections import defaultdict
from collections.abc import Iterator, Sequence

from aetia.contrasts.contrast import Contrast
from aetia.contrasts.generators.wording import fill, word_pairs, wording
from aetia.contrasts.tokens import Tokenizer, token_count

__all__ = ["capitals", "landmarks"]

_ROUNDS = 3  # each fact meets so many partners in each wording


def capitals(seed: int, tokenizer: Tokenizer | None) -> Iterator[Contrast]:
    """Two countries in one wording; the answer is the capital of the first, the foil that of the second."""
    return _paired("capitals", seed, tokenizer)


def landmarks(seed: int, tokenizer: Tokenizer | None) -> Iterator[Contrast]:
    """Two landmarks in one wording; the answer is the city of the first, the foil that of the second."""
    return _paired("landmarks", seed, tokenizer)


def _paired(name: str, seed: int, tokenizer: Tokenizer | None) -> Iterator[Contrast]:
    """Every fact in every wording, before any comes again with another partner.

    With a tokenizer, partners are cut into equally many tokens; a fact that has no partner, because its answer is
    several tokens or its name is cut like no other, comes once at the end, so that it is counted.
    """
    templates = wording(name)["templates"]
    facts = word_pairs(name, "facts")
    chance = random.Random(seed)
    chance.shuffle(facts)
    groups, alone = _groups(facts, tokenizer)
    circles = [(template, chance.sample(group, len(group))) for template in templates for group in groups]
    number = 0
    for turn in range(1, _ROUNDS + 1):
        # The facts of a group stand in a circle, and each meets the one that is `turn` places on.
        drawn = [
            (template, fact, circle[(place + turn) % len(circle)])
            for template, circle in circles
            for place, fact in enumerate(circle)
            if turn < len(circle)
        ]
        chance.shuffle(drawn)
        for template, first, second in drawn:
            if first[1] != second[1]:
                yield _contrast(f"{name}-{number:04d}", template, first, second)
                number += 1
    for subject in alone:
        other = next(fact for fact in facts if fact[1] != subject[1])
        yield _contrast(f"{name}-{number:04d}", templates[0], subject, other)
        number += 1


def _groups(
    facts: Sequence[tuple[str, str]], tokenizer: Tokenizer | None
) -> tuple[list[list[tuple[str, str]]], list[tuple[str, str]]]:
    if tokenizer is None:
        return [list(facts)], []
    by_count: dict[int, list[tuple[str, str]]] = defaultdict(list)
    alone = []
    for fact in facts:
        if token_count(fact[1], tokenizer) == 1:
            by_count[token_count(fact[0], tokenizer)].append(fact)
        else:
            alone.append(fact)
    groups = []
    for _, group in sorted(by_count.items()):
        if len({city for _, city in group}) > 1:
            groups.append(group)
        else:
            alone += group
    return groups, alone


def _contrast(name: str, template: str, first: tuple[str, str], second: tuple[str, str]) -> Contrast:
    clean, spans = fill(template, {"subject": first[0]})
    corrupted, _ = fill(template, {"subject": second[0]})
    return Contrast(name, clean, corrupted, f" {first[1]}", f" {second[1]}", spans)
