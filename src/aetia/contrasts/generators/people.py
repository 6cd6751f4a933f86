"""Who receives the gift, and which pronoun follows a name?"""

import random
from collections.abc import Iterator

from aetia.contrasts.contrast import Contrast
from aetia.contrasts.generators.wording import alike, fill, interchangeable, reworded, wording
from aetia.contrasts.tokens import Tokenizer

__all__ = ["ioi", "pronouns"]

_DRAWS = 600


def ioi(seed: int, tokenizer: Tokenizer | None, placebos: int) -> Iterator[Contrast]:
    """Two people, one of whom gives: the answer is the other. In the corrupted prompt the other one gives.

    Both orders of the names occur (ABBA: the answer is named first; BABA: second). Spans: `io` the answer's name,
    `s1` and `s2` the giver's; only `s2` differs between the prompts. A rewording keeps the names and who gives, and
    has another sentence, place or object.
    """
    data = wording("ioi")
    chance = random.Random(seed)
    names, places, objects = (alike(data[key], tokenizer) for key in ("names", "places", "objects"))
    sample = {"first": "Mary", "second": "John", "giver": "John", "place": "store", "object": "drink"}
    sentences = interchangeable(data["templates"], sample, tokenizer)
    seen: set[str] = set()
    while len(seen) < _DRAWS:
        receiver, giver = chance.sample(names, 2)
        is_abba = chance.random() < 0.5
        first, second = (receiver, giver) if is_abba else (giver, receiver)
        values = {"first": first, "second": second, "place": chance.choice(places), "object": chance.choice(objects)}
        template = chance.choice(data["templates"])
        clean, fields = fill(template, values | {"giver": giver})
        corrupted, _ = fill(template, values | {"giver": receiver})
        if clean in seen:
            continue
        spans = {
            "io": fields["first" if is_abba else "second"],
            "s1": fields["second" if is_abba else "first"],
            "s2": fields["giver"],
        }
        name = f"ioi-{len(seen):04d}"
        same = reworded(
            corrupted,
            sentences[template],
            values | {"giver": receiver},
            {"place": places, "object": objects},
            count=placebos,
            stream=f"{seed} {name}",
        )
        yield Contrast(name, clean, corrupted, f" {receiver}", f" {giver}", spans, same)
        seen.add(clean)


def pronouns(seed: int, tokenizer: Tokenizer | None, placebos: int) -> Iterator[Contrast]:
    """A name that mostly women or mostly men bear; the corrupted prompt has a name of the other kind.

    A rewording says something else of the same person.
    """
    data = wording("pronouns")
    chance = random.Random(seed)
    female, male = (alike(data[key], tokenizer) for key in ("female", "male"))
    pronoun = dict.fromkeys(female, " she") | dict.fromkeys(male, " he")
    sentences = interchangeable([*data["templates"], *data["rewordings"]], {"subject": "Mary"}, tokenizer)
    drawn = [(template, name) for template in data["templates"] for name in pronoun]
    chance.shuffle(drawn)
    for number, (template, name) in enumerate(drawn):
        other = chance.choice(male if pronoun[name] == " she" else female)
        clean, spans = fill(template, {"subject": name})
        corrupted, _ = fill(template, {"subject": other})
        one = f"pronouns-{number:04d}"
        same = reworded(corrupted, sentences[template], {"subject": other}, {}, count=placebos, stream=f"{seed} {one}")
        yield Contrast(one, clean, corrupted, pronoun[name], pronoun[other], spans, same)
