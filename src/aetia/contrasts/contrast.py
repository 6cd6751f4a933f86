"""What is compared: two prompts, the answer to each, and the same as tokens of one model."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from aetia.errors import ContrastError
from aetia.text import clean_text

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from aetia.models.pictures import Picture

__all__ = ["AlignedContrast", "Alignment", "Contrast", "Dropped", "Span", "quoted"]

Span = tuple[int, int]
"""A half-open range: of characters in a text, or of tokens in a prompt."""


@dataclass(frozen=True)
class Contrast:
    """A clean prompt that calls for `answer`, and a corrupted one that does not.

    Args:
        id: A name that no other contrast of the set has.
        clean: The prompt, up to where the answer would begin.
        corrupted: The same prompt with the cause changed.
        answer: What comes next in the clean prompt, with its leading space where the text needs one.
        foil: What it is compared with; empty if the answer is measured by itself.
        spans: Named parts of the clean prompt: their text, or a range of characters.
        placebos: Rewordings of the corrupted prompt that keep its cause, so that its answer stays what it is.
        cluster: A name that contrasts share which depend on each other; empty if this one depends on no other.
        pictures: What the clean prompt asks about, for a model that sees: one picture, or several such as the frames
            of a clip, in order.
        edited: The corrupted prompt's pictures, as many and each of the same size; none if they are the same.
        regions: Named parts of the pictures: true where a pixel belongs to it, `[H, W]`. `ball` lies in the first
            picture, `ball@2` is the same thing in the second.
    """

    id: str
    clean: str
    corrupted: str
    answer: str
    foil: str = ""
    spans: Mapping[str, str | Span] = field(default_factory=dict)
    placebos: tuple[str, ...] = ()
    cluster: str = ""
    pictures: "tuple[Picture, ...]" = ()
    edited: "tuple[Picture, ...]" = ()
    regions: "Mapping[str, NDArray[np.bool_]]" = field(default_factory=dict)

    def character_spans(self) -> dict[str, Span]:
        """The named parts as ranges of characters of the clean prompt.

        Raises:
            ContrastError: AE-2111 if a part is not in the prompt, is in it twice, or is called `last`.
        """
        if "last" in self.spans:
            raise ContrastError(
                "AE-2111", "A span is called 'last', the name of the last position.", mend="give it another name."
            )
        return {name: self._locate(name, part) for name, part in self.spans.items()}

    def _locate(self, name: str, part: str | Span) -> Span:
        if not isinstance(part, str):
            start, stop = part
            if not 0 <= start < stop <= len(self.clean):
                raise ContrastError(
                    "AE-2111",
                    f"The span {quoted(name)} is [{start}, {stop}]; the clean prompt has {len(self.clean)} characters.",
                    mend="give [start, end] with 0 <= start < end <= the length of the clean prompt.",
                )
            return start, stop
        start = self.clean.find(part) if part else -1
        if start < 0:
            raise ContrastError(
                "AE-2111",
                f"The span {quoted(name)} is {quoted(part)}, which is not in the clean prompt.",
                mend="give the span's text exactly as the clean prompt has it, or its [start, end] in characters.",
                details=(f"clean: {quoted(self.clean)}",),
            )
        if (again := self.clean.find(part, start + 1)) >= 0:
            raise ContrastError(
                "AE-2111",
                f"The span {quoted(name)} is {quoted(part)}, which is in the clean prompt more than once.",
                mend=f"say which: [{start}, {start + len(part)}] or [{again}, {again + len(part)}], in characters.",
                details=(f"clean: {quoted(self.clean)}",),
            )
        return start, start + len(part)


@dataclass(frozen=True)
class AlignedContrast:
    """A contrast as tokens of one model; both prompts have T tokens, and position t of one is position t of the other.

    Args:
        clean_tokens: The text of each token, as `clean_ids` T long.
        answer_ids: The tokens of the answer: one, unless whole continuations were asked for.
        foil_ids: The tokens of the foil; none if the contrast has no foil.
        spans: Named half-open ranges of token positions, among them `last`: the position that predicts the answer.
        placebo_ids: Rewordings of the corrupted prompt, T tokens each; none unless they were asked for.
        cluster: As the contrast's.
        groups: Named sets of token positions, increasing, that need not be neighbours: the parts of pictures, which
            the ids carry with them as a `Prompt`.
        grids: Rows and columns of the tokens of each picture.
    """

    id: str
    clean: str
    corrupted: str
    answer: str
    foil: str
    clean_ids: tuple[int, ...]
    corrupted_ids: tuple[int, ...]
    clean_tokens: tuple[str, ...]
    corrupted_tokens: tuple[str, ...]
    answer_ids: tuple[int, ...]
    foil_ids: tuple[int, ...]
    spans: Mapping[str, Span]
    placebo_ids: tuple[tuple[int, ...], ...] = ()
    cluster: str = ""
    groups: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    grids: tuple[tuple[int, int], ...] = ()

    @property
    def named_positions(self) -> dict[str, tuple[int, ...]]:
        """The positions of every named part of the prompt, of its text or its picture, the last position at the end."""
        found = dict(self.groups) | {name: tuple(range(*span)) for name, span in self.spans.items()}
        return {name: found[name] for name in sorted(found, key="last".__eq__)}

    @property
    def length(self) -> int:
        """The number of tokens of either prompt, T."""
        return len(self.clean_ids)


class Dropped(NamedTuple):
    """A contrast that could not be aligned, and why: the code and one sentence."""

    id: str
    reason: str


@dataclass(frozen=True)
class Alignment:
    """The contrasts that a tokenizer lets one compare, and those that it does not."""

    items: tuple[AlignedContrast, ...]
    dropped: tuple[Dropped, ...] = ()

    @property
    def reasons(self) -> dict[str, int]:
        """How many contrasts were dropped under each error code, the most frequent first."""
        return dict(Counter(drop.reason.split(" ", 1)[0] for drop in self.dropped).most_common())


def quoted(text: str, limit: int = 80) -> str:
    """`text` in quotation marks, in one line, with nothing in it that a terminal would act on."""
    return f"'{clean_text(text, limit)}'"
