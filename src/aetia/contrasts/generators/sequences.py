"""Is the later number the greater one, and does a sequence of words go on as it did before?"""

import random
import re
from collections.abc import Iterator, Sequence

from aetia.contrasts.contrast import Contrast
from aetia.contrasts.generators.wording import alike, fill, interchangeable, reworded, wording
from aetia.contrasts.tokens import Tokenizer, token_count
from aetia.errors import ContrastError

__all__ = ["greater_than", "induction"]

_DRAWS = 600
_WORDS = 8  # the length of the sequence
_REPEATED = 6  # how many of its words come again; the answer is the next one
_WORD = re.compile(r"(?:\u2581|\u0120)([a-z]{4,9})")  # how SentencePiece and byte-level vocabularies write " word"


def greater_than(seed: int, tokenizer: Tokenizer | None, placebos: int) -> Iterator[Contrast]:
    """A span of years that must end after it began: the next token completes the end year.

    Where the tokenizer writes digits singly, the answer is a decade's digit greater than the start year's and the
    foil one that is smaller (the same decade, which depends on the digit after, is neither). The corrupted start
    year has the decade 0, which excludes no foil. Where it writes pairs of digits the answer and the foil are pairs,
    and the corrupted start year ends in 01, as in the paper. Spans: `subject` the start year, `decade` what differs.

    An answer is always the larger number, so that a model that merely likes large numbers also prefers it: compare
    with the corrupted prompt, where nothing speaks against the foil. A rewording keeps the start year and the century,
    and is about something else that lasted.
    """
    data = wording("greater_than")
    chance = random.Random(seed)
    width = _digits_a_token(tokenizer)
    nouns = alike(data["nouns"], tokenizer)
    sentences = interchangeable(data["templates"], {"noun": "war", "year": "1745", "century": "17"}, tokenizer)
    seen: set[tuple[str, str, str]] = set()
    while len(seen) < _DRAWS:
        century, decade, unit = chance.choice(data["centuries"]), chance.randint(2, 7), chance.randint(2, 8)
        later, earlier = chance.randint(decade + 1, 9), chance.randint(0, decade - 1)
        answer, foil = f"{later}{chance.randint(0, 9)}"[:width], f"{earlier}{chance.randint(2, 9)}"[:width]
        values = {"noun": chance.choice(nouns), "century": century, "year": f"{century}{decade}{unit}"}
        template = chance.choice(data["templates"])
        clean, fields = fill(template, values)
        changed = values | {"year": f"{century}0{unit if width == 1 else 1}"}
        corrupted, _ = fill(template, changed)
        if (clean, corrupted, answer) in seen:
            continue
        start, stop = fields["year"]
        spans = {"subject": (start, stop), "decade": (start + 2, start + 2 + width)}
        name = f"greater-than-{len(seen):04d}"
        free = {"noun": nouns}
        same = reworded(corrupted, sentences[template], changed, free, count=placebos, stream=f"{seed} {name}")
        yield Contrast(name, clean, corrupted, answer, foil, spans, same)
        seen.add((clean, corrupted, answer))


def _digits_a_token(tokenizer: Tokenizer | None) -> int:
    """2 where a year such as 1745 is two tokens, else 1."""
    if tokenizer is None:
        return 1
    return 2 if token_count("1745", tokenizer) == 2 else 1


def induction(seed: int, tokenizer: Tokenizer | None, placebos: int) -> Iterator[Contrast]:
    """Random words, then the first of them again: the answer is the word that came next before.

    In the corrupted prompt another word came next. Spans: `earlier` is the earlier occurrence of the last word,
    `subject` the word after it, which is the answer's earlier occurrence and alone differs. A rewording keeps the last
    word and the one that came after it; all others are other words.

    Raises:
        ContrastError: AE-2115 without a tokenizer, or with one that has too few words.
    """
    words = _plain_words(tokenizer)
    chance = random.Random(seed)
    for number in range(_DRAWS):
        *sequence, other = chance.sample(words, _WORDS + 1)
        changed = [*sequence[:_REPEATED], other, *sequence[_REPEATED + 1 :]]
        clean, corrupted = (_repeated(one) for one in (sequence, changed))
        starts = [len(" ".join([*sequence[:n], ""])) for n in range(_WORDS)]
        spans = {
            name: (starts[n], starts[n] + len(sequence[n]))
            for name, n in (("earlier", _REPEATED - 1), ("subject", _REPEATED))
        }
        name = f"induction-{number:04d}"
        same = tuple(_refilled(changed, words, sequence[_REPEATED], placebos, f"{seed} {name}"))
        yield Contrast(name, clean, corrupted, f" {sequence[_REPEATED]}", f" {other}", spans, same)


def _repeated(sequence: Sequence[str]) -> str:
    return " ".join([*sequence, *sequence[:_REPEATED]])


def _refilled(sequence: Sequence[str], words: Sequence[str], answer: str, count: int, stream: str) -> Iterator[str]:
    """The sequence with only its repeated pair kept; no filler is in it already, or is the clean prompt's answer."""
    if not count:
        return
    chance = random.Random(stream)
    before, after = sequence[_REPEATED - 1], sequence[_REPEATED]
    taken = {*sequence, answer}
    for _ in range(count):
        # As many more as are taken, so that enough are left.
        drawn = chance.sample(words, _WORDS - 2 + len(taken))
        fillers = [word for word in drawn if word not in taken]
        yield _repeated([*fillers[: _REPEATED - 1], before, after, *fillers[_REPEATED - 1 : _WORDS - 2]])


def _plain_words(tokenizer: Tokenizer | None) -> list[str]:
    """Words that are one token after a space, at the start of a text, and capitalised: fragments seldom are all."""
    vocabulary = {} if tokenizer is None else tokenizer.get_vocab()
    found = []
    for token, number in vocabulary.items():
        match = _WORD.fullmatch(token)
        if match and match[1] in vocabulary and token[0] + match[1].capitalize() in vocabulary:
            found.append((number, match[1]))
    words = [word for _, word in sorted(found)]
    if len(words) < 4 * _WORDS:
        raise ContrastError(
            "AE-2115",
            "The set 'induction' draws its words from the tokenizer's vocabulary, which has too few plain words.",
            mend="name a model whose vocabulary has words, or use another set.",
        )
    return words
