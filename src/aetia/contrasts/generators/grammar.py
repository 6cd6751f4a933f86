"""Does the verb agree with its subject, or with the noun next to it?"""

import random
from collections.abc import Iterator, Sequence

from aetia.contrasts.contrast import Contrast
from aetia.contrasts.generators.wording import fill, wording
from aetia.contrasts.tokens import Tokenizer, token_count

__all__ = ["agreement"]

_DRAWS = 600


def agreement(seed: int, tokenizer: Tokenizer | None) -> Iterator[Contrast]:
    """A subject, a distractor of either number, and then the verb; the corrupted prompt has the subject's other number.

    Spans: `subject` and `distractor`.
    """
    data = wording("agreement")
    chance = random.Random(seed)
    subjects, distractors = _nouns(data["subjects"], tokenizer), _nouns(data["distractors"], tokenizer)
    verbs = [tuple(pair) for pair in data["verbs"]]
    seen: set[tuple[str, str, str]] = set()
    while len(seen) < _DRAWS:
        template, verb = chance.choice(data["templates"]), chance.choice(verbs)
        noun, number = chance.choice(subjects), chance.randrange(2)
        distractor = chance.choice(distractors)[chance.randrange(2)]
        clean, spans = fill(template, {"subject": noun[number], "distractor": distractor})
        corrupted, _ = fill(template, {"subject": noun[1 - number], "distractor": distractor})
        if (clean, corrupted, verb[number]) in seen:
            continue
        yield Contrast(f"agreement-{len(seen):04d}", clean, corrupted, verb[number], verb[1 - number], spans)
        seen.add((clean, corrupted, verb[number]))


def _nouns(pairs: Sequence[Sequence[str]], tokenizer: Tokenizer | None) -> list[tuple[str, str]]:
    """The (singular, plural) nouns whose two forms have equally many tokens."""
    nouns = [(singular, plural) for singular, plural in pairs]
    if tokenizer is None:
        return nouns
    return [noun for noun in nouns if token_count(noun[0], tokenizer) == token_count(noun[1], tokenizer)] or nouns
