"""Which questions are built in, and which contrasts does a study ask for?"""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from aetia.contrasts.align import align_first, other_length
from aetia.contrasts.contrast import AlignedContrast, Alignment, Contrast, Dropped, Span, quoted
from aetia.contrasts.files import read_contrasts
from aetia.contrasts.generators import facts, grammar, people, scenes, sequences
from aetia.contrasts.own import own_contrast
from aetia.contrasts.tokens import Tokenizer, encode
from aetia.errors import ContrastError

if TYPE_CHECKING:
    from aetia.models.vision import Vision

__all__ = ["ContrastSet", "contrast_sets", "find_set", "picture_sets", "study_contrasts"]


_MOST_PICTURES = 1000  # where all are asked for of a set that does not end
_FUTILE = 100  # so many contrasts of such a set may be dropped
_PLACEBOS = 24  # rewordings of a corrupted prompt: more than the 19 draws that reach a level of 5%


@dataclass(frozen=True)
class ContrastSet:
    """A built-in question: generated contrasts that differ in one cause.

    Args:
        question: What a correct answer shows that the model knows or can do.
        source: The paper that the set follows, or where its facts come from.
        spans: The named parts of every prompt.
        contrasts: Makes the contrasts from a seed, a tokenizer, and how many rewordings each is to have at most.
        is_pictured: Whether they are about pictures, of which there is no end.
    """

    name: str
    question: str
    source: str
    spans: tuple[str, ...]
    contrasts: Callable[[int, Tokenizer | None, int], Iterator[Contrast]]
    is_pictured: bool = False

    def generate(
        self, seed: int = 0, tokenizer: Tokenizer | None = None, *, placebos: bool = False
    ) -> Iterator[Contrast]:
        """The contrasts in the order that the seed gives; the same seed and tokenizer give the same contrasts.

        No clean prompt comes a second time before all have come once.

        Args:
            seed: Decides which words meet, and in which order.
            tokenizer: Where given, words are chosen that it cuts alike, so that few contrasts are dropped later.
            placebos: Give each up to 24 rewordings of its corrupted prompt; the contrasts stay the same.
        """
        return _distinct_first(self.contrasts(seed, tokenizer, _PLACEBOS if placebos else 0))

    def draw(
        self,
        tokenizer: Tokenizer,
        items: int | None = None,
        *,
        seed: int = 0,
        continuation: bool = False,
        chat: bool = False,
        placebos: bool = False,
        vision: "Vision | None" = None,
    ) -> Alignment:
        """The set's contrasts as tokens, all of the length that most of them have.

        If more are asked for than there are clean prompts, those that share one are a cluster.

        Args:
            tokenizer: The model's own.
            items: Stop when so many are aligned; by default take all. Fewer items are the first of more.
            seed: As in `generate`.
            continuation: As in `align`.
            chat: As in `align`.
            placebos: As in `align`.
            vision: The model's own, for a set of pictures.

        Raises:
            ContrastError: If none can be aligned.
        """
        if self.is_pictured:
            most = _MOST_PICTURES if items is None else items + _FUTILE  # what cannot be aligned at all must end
            contrasts = islice(self.contrasts(seed, tokenizer, 0), most)
            return align_first(contrasts, tokenizer, items, continuation=continuation, vision=vision)
        generated = list(self.generate(seed, tokenizer))
        counts = [len(encode(contrast.clean, tokenizer).ids) for contrast in generated]
        common = Counter(counts).most_common(1)[0][0]
        # Made again as they are taken: to reword all of them would take longer than to align the few asked for.
        taken = self.generate(seed, tokenizer, placebos=True) if placebos else generated
        others: list[Dropped] = []

        def of_common_length() -> Iterator[Contrast]:
            for contrast, count in zip(taken, counts, strict=True):
                if count == common:
                    yield contrast
                else:
                    others.append(other_length(contrast.id, count, common))

        found = align_first(
            of_common_length(), tokenizer, items, continuation=continuation, chat=chat, placebos=placebos
        )
        return Alignment(_clustered(found.items), found.dropped + tuple(others))


def _distinct_first(contrasts: Iterable[Contrast]) -> Iterator[Contrast]:
    """The contrasts, those whose clean prompt was there before at the end."""
    seen: set[str] = set()
    repeated: list[Contrast] = []
    for contrast in contrasts:
        if contrast.clean in seen:
            repeated.append(contrast)
        else:
            seen.add(contrast.clean)
            yield contrast
    yield from repeated


def _clustered(items: tuple[AlignedContrast, ...]) -> tuple[AlignedContrast, ...]:
    """The items, in clusters by their clean prompt if any two share one."""
    if len({item.clean for item in items}) == len(items):
        return items
    return tuple(replace(item, cluster=item.clean) for item in items)


_SETS = (
    ContrastSet(
        "capitals",
        "Which city is the capital of this country?",
        "facts checked by hand; task of Merullo et al. 2023, Language Models Implement Simple Word2Vec-style Vectors",
        ("subject",),
        facts.capitals,
    ),
    ContrastSet(
        "landmarks",
        "In which city does this landmark stand?",
        "facts checked by hand; task of Meng et al. 2022, Locating and Editing Factual Associations in GPT",
        ("subject",),
        facts.landmarks,
    ),
    ContrastSet(
        "ioi",
        "Who receives the gift, when one of two named people gives it?",
        "Wang et al. 2022, Interpretability in the Wild: indirect object identification",
        ("io", "s1", "s2"),
        people.ioi,
    ),
    ContrastSet(
        "agreement",
        "Does the verb agree with its subject across a distractor noun?",
        "Linzen et al. 2016, Assessing the Ability of LSTMs to Learn Syntax-Sensitive Dependencies",
        ("subject", "distractor"),
        grammar.agreement,
    ),
    ContrastSet(
        "greater-than",
        "Does a span of years end after it began?",
        "Hanna et al. 2023, How does GPT-2 compute greater-than?",
        ("subject", "decade"),
        sequences.greater_than,
    ),
    ContrastSet(
        "pronouns",
        "Which pronoun follows a name that mostly women or mostly men bear?",
        "Mathwin et al. 2023, Identifying a Preliminary Circuit for Predicting Gendered Pronouns in GPT-2 Small",
        ("subject",),
        people.pronouns,
    ),
    ContrastSet(
        "induction",
        "Which word came next when this sequence of random words was seen before?",
        "Olsson et al. 2022, In-context Learning and Induction Heads",
        ("earlier", "subject"),
        sequences.induction,
    ),
)


_PICTURE_SETS = tuple(
    ContrastSet(
        f"scenes:{change}",
        f"What does the model see differently when {what}?",
        "scenes rendered by aetia, whose every fact is known; edited pairs as in NOTICE, Golovanevsky et al. 2025",
        (),
        partial(scenes.edited, change),
        is_pictured=True,
    )
    for change, what in scenes.CHANGES.items()
)


def contrast_sets() -> dict[str, ContrastSet]:
    """The built-in sets of text by name."""
    return {one.name: one for one in _SETS}


def picture_sets() -> dict[str, ContrastSet]:
    """The built-in sets about pictures, for models that see, by name."""
    return {one.name: one for one in _PICTURE_SETS}


def find_set(name: str) -> ContrastSet:
    """The built-in set of that name.

    Raises:
        ContrastError: AE-2101 if there is none.
    """
    known = contrast_sets() | picture_sets()
    if name not in known:
        near = get_close_matches(name, known, n=1)
        raise ContrastError(
            "AE-2101",
            f"There is no set of contrasts and no file {quoted(name)}.",
            mend=f"did you mean {near[0]}?" if near else "name a set, or a .jsonl or .csv file that exists.",
            details=(f"sets: {', '.join(known)}",),
        )
    return known[name]


def study_contrasts(
    name_or_path: str | None,
    pair: Mapping[str, str | Mapping[str, str | Span]] | None,
    tokenizer: Tokenizer | None,
    *,
    items: int,
    seed: int = 0,
    chat: bool = False,
    continuation: bool = False,
    placebos: bool = False,
    vision: "Vision | None" = None,
) -> Alignment:
    """The contrasts that a study names: a built-in set, a file, or one pair of its own; at most `items` of them.

    Args:
        name_or_path: A built-in set, which is drawn with `seed` and has items of one length; or a JSONL or CSV file,
            which is taken in its order with whatever lengths it has.
        pair: The fields of `Contrast` but its id, where `name_or_path` is None.
        tokenizer: The model's own; None if it has none, which is an error.
        items: Stop when so many are aligned.
        seed: Decides what is drawn from a built-in set.
        chat: As in `align`.
        continuation: As in `align`.
        placebos: As in `align`.
        vision: The part of the model that sees; None if it reads text alone.

    Raises:
        ContrastError: If there is no such set or file, or nothing in it can be aligned.
    """
    if tokenizer is None:
        raise ContrastError(
            "AE-2115", "Contrasts are text, and this model has no tokenizer.", mend="use a model that has one."
        )
    if pair is not None:
        asked = partial(align_first, items=None, continuation=continuation, chat=chat, placebos=placebos, vision=vision)
        return asked([own_contrast(pair)], tokenizer)
    name = name_or_path or ""
    # Path.exists raises on a name that is too long for the file system; os.path.exists does not.
    if name not in contrast_sets() | picture_sets() and (Path(name).suffix or os.path.exists(name)):  # noqa: PTH110
        contrasts = read_contrasts(name)
        return align_first(
            contrasts, tokenizer, items, continuation=continuation, chat=chat, placebos=placebos, vision=vision
        )
    one = find_set(name)
    return one.draw(tokenizer, items, seed=seed, continuation=continuation, chat=chat, placebos=placebos, vision=vision)
