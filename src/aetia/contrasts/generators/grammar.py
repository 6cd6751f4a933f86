"""Does the verb agree with its subject, or with the noun next to it?"""

import random
from collections.abc import Iterator

from aetia.contrasts.contrast import Contrast
from aetia.contrasts.generators.wording import fill, interchangeable, reworded, word_pairs, wording
from aetia.contrasts.tokens import Tokenizer, token_count

__all__ = ["agreement"]

_DRAWS = 600


def agreement(seed: int, tokenizer: Tokenizer | None, placebos: int) -> Iterator[Contrast]:
    """A subject, a distractor of either number, and then the verb; the corrupted prompt has the subject's other number.

    Spans: `subject` and `distractor`. A rewording keeps the subject, and has another sentence about it or another
    distractor of the same number.
    """
    templates = wording("agreement")["templates"]
    chance = random.Random(seed)
    subjects, distractors = (_nouns(word_pairs("agreement", key), tokenizer) for key in ("subjects", "distractors"))
    verbs = word_pairs("agreement", "verbs")
    sentences = interchangeable(templates, {"subject": "author", "distractor": "car"}, tokenizer)
    seen: set[tuple[str, str, str]] = set()
    while len(seen) < _DRAWS:
        template, verb = chance.choice(templates), chance.choice(verbs)
        noun, number = chance.choice(subjects), chance.randrange(2)
        pair = chance.choice(distractors)
        other = chance.randrange(2)
        values = {"subject": noun[1 - number], "distractor": pair[other]}
        clean, spans = fill(template, values | {"subject": noun[number]})
        corrupted, _ = fill(template, values)
        if (clean, corrupted, verb[number]) in seen:
            continue
        name = f"agreement-{len(seen):04d}"
        free = {"distractor": [one[other] for one in distractors]}
        same = reworded(corrupted, sentences[template], values, free, count=placebos, stream=f"{seed} {name}")
        yield Contrast(name, clean, corrupted, verb[number], verb[1 - number], spans, same)
        seen.add((clean, corrupted, verb[number]))


def _nouns(pairs: list[tuple[str, str]], tokenizer: Tokenizer | None) -> list[tuple[str, str]]:
    """The nouns whose singular and plural are equally many tokens."""
    if tokenizer is None:
        return pairs
    return [pair for pair in pairs if token_count(pair[0], tokenizer) == token_count(pair[1], tokenizer)] or pairs
