"""Which city belongs to this country, or to this landmark?"""

import random
from collections import defaultdict
from collections.abc import Iterator, Sequence

from aetia.contrasts.contrast import Contrast
from aetia.contrasts.generators.wording import fill, interchangeable, reworded, word_pairs, wording
from aetia.contrasts.tokens import Tokenizer, token_count

__all__ = ["capitals", "landmarks"]

_ROUNDS = 3  # each fact meets so many partners in each wording


def capitals(seed: int, tokenizer: Tokenizer | None, placebos: int) -> Iterator[Contrast]:
    """Two countries in one wording; the answer is the capital of the first, the foil that of the second."""
    return _contrasts("capitals", seed, tokenizer, placebos)


def landmarks(seed: int, tokenizer: Tokenizer | None, placebos: int) -> Iterator[Contrast]:
    """Two landmarks in one wording; the answer is the city of the first, the foil that of the second."""
    return _contrasts("landmarks", seed, tokenizer, placebos)


def _contrasts(name: str, seed: int, tokenizer: Tokenizer | None, placebos: int) -> Iterator[Contrast]:
    """Two facts in one sentence each; a rewording names the second's subject in another sentence."""
    data = wording(name)
    sentences = interchangeable([*data["templates"], *data["rewordings"]], {"subject": "France"}, tokenizer)
    for number, (template, (subject, city), (other, other_city)) in enumerate(_paired(name, seed, tokenizer)):
        one = f"{name}-{number:04d}"
        clean, spans = fill(template, {"subject": subject})
        corrupted, _ = fill(template, {"subject": other})
        same = reworded(corrupted, sentences[template], {"subject": other}, {}, count=placebos, stream=f"{seed} {one}")
        yield Contrast(one, clean, corrupted, f" {city}", f" {other_city}", spans, same)


def _paired(
    name: str, seed: int, tokenizer: Tokenizer | None
) -> Iterator[tuple[str, tuple[str, str], tuple[str, str]]]:
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
                yield template, first, second
    for subject in alone:
        other = next(fact for fact in facts if fact[1] != subject[1])
        yield templates[0], subject, other


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
