"""Which question do all methods answer? Two prompts of equal length, two answers, and a grid of places to patch.

A cell of a grid is one run of the corrupted prompt in which one place holds the clean run's value. What is read is
the difference of the two answers' logits at the last position.

Letters: L layers, T positions, H heads, d head width.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedTokenizerBase

GridKind = Literal["residual", "heads", "heads-last"]
GRID_KINDS: tuple[GridKind, ...] = get_args(GridKind)


@dataclass(frozen=True)
class Pair:
    """A clean and a corrupted prompt, and the answers that belong to them."""

    clean: str
    corrupted: str
    answer: str
    foil: str


_LANDMARK = ", visited by many millions of people in every single year, is a famous landmark in the city of"
_IOI = "When Mary and John went to the quiet little book store on the corner very late today"
PAIRS = {
    # The prompts differ from the second token on, so nearly all of the grid has to be computed.
    "landmark": Pair(
        f"The Eiffel Tower{_LANDMARK}",
        f"The Colosseum{_LANDMARK}",
        " Paris",
        " Rome",
    ),
    # The prompts differ in one late token: what comes before it is the same in both runs.
    "ioi": Pair(
        f"{_IOI}, John gave a cold drink to",
        f"{_IOI}, Mary gave a cold drink to",
        " Mary",
        " John",
    ),
}


@dataclass(frozen=True)
class Place:
    """What one cell patches: a part `[positions, units]` of a layer's tensor `[T, width]`."""

    layer: int
    positions: slice
    units: slice


@dataclass(frozen=True)
class Grid:
    """A grid of cells, layers x columns.

    Args:
        name: For instance `residual/landmark`.
        kind: `residual` patches the residual entering a layer at one position; `heads` one head's output at all
            positions; `heads-last` at the last one.
        clean: Token ids, length T.
        corrupted: Token ids, length T.
        answer: The token whose logit counts.
        foil: The token whose logit is subtracted.
        layers: The rows of the grid.
        columns: Positions (residual) or heads.
        head_width: d.
        is_whole: Whether no layer and no column is left out.
    """

    name: str
    kind: GridKind
    clean: tuple[int, ...]
    corrupted: tuple[int, ...]
    answer: int
    foil: int
    layers: tuple[int, ...]
    columns: tuple[int, ...]
    head_width: int
    is_whole: bool

    @property
    def length(self) -> int:
        """How many tokens each prompt has, T."""
        return len(self.corrupted)

    @property
    def shape(self) -> tuple[int, int]:
        """Layers and columns."""
        return len(self.layers), len(self.columns)

    @property
    def cells(self) -> int:
        """How many runs the grid asks for."""
        return len(self.layers) * len(self.columns)

    @property
    def first_difference(self) -> int:
        """The first position at which the prompts differ."""
        return next(i for i, (a, b) in enumerate(zip(self.clean, self.corrupted, strict=True)) if a != b)

    def places(self) -> list[Place]:
        """The cells, row by row."""
        return [Place(layer, *self._part(column)) for layer in self.layers for column in self.columns]

    def _part(self, column: int) -> tuple[slice, slice]:
        if self.kind == "residual":
            return slice(column, column + 1), slice(None)
        first = self.length - 1 if self.kind == "heads-last" else 0
        return slice(first, self.length), slice(column * self.head_width, (column + 1) * self.head_width)


def make_grid(
    kind: str,
    pair: str | Pair,
    tokenizer: "PreTrainedTokenizerBase",
    config: "PreTrainedConfig",
    *,
    is_quick: bool,
) -> Grid:
    """The grid of a standard pair or of one's own, or a few of its layers and columns if `is_quick`.

    Raises:
        ValueError: If there is no such grid, the prompts have unequal lengths or an answer is not one token.
    """
    if kind not in GRID_KINDS:
        raise ValueError(f"there is no grid {kind}; there are {', '.join(GRID_KINDS)}")
    texts = pair if isinstance(pair, Pair) else PAIRS[pair]
    clean, corrupted = (tuple(tokenizer(text).input_ids) for text in (texts.clean, texts.corrupted))
    answers = [tokenizer(text, add_special_tokens=False).input_ids for text in (texts.answer, texts.foil)]
    if len(clean) != len(corrupted) or any(len(ids) != 1 for ids in answers):
        raise ValueError(f"{texts} does not suit this tokenizer")
    layers = range(config.num_hidden_layers)
    columns = range(len(clean) if kind == "residual" else config.num_attention_heads)
    head_width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    return Grid(
        name=f"{kind}/{pair if isinstance(pair, str) else 'item'}",
        kind=kind,
        clean=clean,
        corrupted=corrupted,
        answer=answers[0][0],
        foil=answers[1][0],
        layers=_some(layers, 3) if is_quick else tuple(layers),
        columns=_some(columns, 4) if is_quick else tuple(columns),
        head_width=head_width,
        is_whole=not is_quick,
    )


def _some(values: Sequence[int], count: int) -> tuple[int, ...]:
    """`count` of the values, evenly spread, first and last among them."""
    return tuple(values[round(i * (len(values) - 1) / (count - 1))] for i in range(count))
