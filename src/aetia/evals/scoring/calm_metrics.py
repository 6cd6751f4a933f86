"""What are CaLM's seven metrics, as its scripts compute them and as its paper defines them?

Three are of a model (accuracy, robustness, volatility), three of a task (understandability, open-limited gap,
solvability), one of an adaptation (prompt volatility). Accuracies of grids are in percent, M models x P adaptations.
Where paper and scripts differ, `definition` chooses; the default is what the scripts print.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import Literal, TypeAlias, cast

import numpy as np
import numpy.typing as npt

from aetia.errors import EvaluationError, MissingError
from aetia.evals.scoring.calm_labels import CalmLabel, CalmQuestion, calm_phrases

__all__ = [
    "Definition",
    "Grid",
    "TaskMetrics",
    "accuracy",
    "model_volatility",
    "open_limited_gap",
    "prompt_volatility",
    "random_guess",
    "robustness",
    "rouge_l",
    "segmented",
    "solvability",
    "task_metrics",
    "understandability",
]

Floats: TypeAlias = npt.NDArray[np.float64]

Definition = Literal["code", "paper"]
"""Whose definition: what CaLM's scripts compute, or what its paper says."""

Segmentation = Literal["jieba", "characters"]
"""How Chinese is parted into words for ROUGE-L: as CaLM does, by the package jieba, or a character each."""

# The scripts' recursion ends in an error, which they count as 0, where the walk through a table has this many steps.
_LONGEST_WALK = 990
_GOOD, _SOLVED = 70.0, 80.0
_LIMITED_OF_TOP = {4: "moderate", 5: "large"}


@dataclass(frozen=True)
class Grid:
    """The accuracies of a task.

    Args:
        models: [M] their names.
        adaptations: [P] their names.
        percent: [M, P] accuracies, 0 to 100.
    """

    models: tuple[str, ...]
    adaptations: tuple[str, ...]
    percent: Floats

    def __post_init__(self) -> None:
        if self.percent.shape != (len(self.models), len(self.adaptations)) or not self.percent.size:
            raise ValueError(f"{len(self.models)} models x {len(self.adaptations)} adaptations: {self.percent.shape}")


@dataclass(frozen=True)
class TaskMetrics:
    """CaLM's three metrics of a task and what they rest on, in percent."""

    understandability: str
    open_limited_gap: str
    solvability: str
    median: float
    third_quartile: float
    top_models: tuple[str, ...]
    largest: float
    largest_mean: float
    third_mean: float


def accuracy(
    said: Sequence[CalmLabel],
    expected: Sequence[CalmLabel],
    question: CalmQuestion,
    definition: Definition = "code",
    segmentation: Segmentation = "jieba",
) -> float:
    """Return the share of right answers, 0 to 1; of explanations (CEG-O), the mean ROUGE-L.

    Labels are right if equal, numbers if equal when rounded to 4 decimals. The scripts take ROUGE-L's recall, which
    grows with every word that is said; the paper writes ROUGE-L, which is read as its F-measure here.

    Args:
        said: The answers, by `calm_label`.
        expected: The items' labels, by `calm_expected`.
        question: Any of the task's items.
        definition: Whose definition.
        segmentation: How Chinese is parted into words.

    Raises:
        EvaluationError: AE-8505 there are no replies.
        MissingError: AE-4201 Chinese is to be parted by jieba, which is not installed.

    Source: CaLM (arXiv 2405.00622), evaluation/accuracy of its code.
    """
    if not said:
        raise EvaluationError("AE-8505", "There are no replies to be scored.", mend="score at least one reply.")
    pairs = list(zip(said, expected, strict=True))
    if question.family == "CEG-O":
        take = 1 if definition == "paper" else 0
        score = partial(rouge_l, definition=definition, segmentation=segmentation)
        return sum(score(str(one), str(other))[take] for one, other in pairs) / len(pairs)
    if question.family == "Probability":
        return sum(_rounded(one) == _rounded(other) for one, other in pairs) / len(pairs)
    return sum(one == other for one, other in pairs) / len(pairs)


def robustness(first: Sequence[CalmLabel], second: Sequence[CalmLabel]) -> float:
    """Return the share of answers that stay as they were after the adversarial turn; wrong ones count alike.

    Source: CaLM (arXiv 2405.00622), evaluation/core_metrics.py of its code.
    """
    changed = sum(one != other for one, other in zip(first, second, strict=True))
    return 1 - changed / len(first)


def model_volatility(grid: Grid, definition: Definition = "code") -> dict[str, float]:
    """Return how much each model's accuracy varies over adaptations: its standard deviation, in points.

    The scripts divide by P - 1, the paper by P.
    """
    spread = _deviation(grid.percent, 1, 1 if definition == "code" else 0)
    return dict(zip(grid.models, spread.tolist(), strict=True))


def prompt_volatility(grid: Grid, definition: Definition = "code", basic: str = "basic") -> dict[str, float]:
    """Return how much each adaptation's accuracy varies over models: its standard deviation, in points.

    The scripts take the accuracy and divide by M - 1; the paper takes the gain over the basic prompt and divides by M.

    Raises:
        EvaluationError: AE-8506 the paper's definition needs the basic prompt, which the grid has not.
    """
    if definition == "code":
        return dict(zip(grid.adaptations, _deviation(grid.percent, 0, 1).tolist(), strict=True))
    if basic not in grid.adaptations:
        found = f"The volatility of a prompt is that of its gain over {basic!r}, which was not run."
        raise EvaluationError("AE-8506", found, mend="run it too, or take the definition of CaLM's scripts.")
    gain = grid.percent - grid.percent[:, [grid.adaptations.index(basic)]]
    return dict(zip(grid.adaptations, _deviation(gain, 0, 0).tolist(), strict=True))


def task_metrics(
    grid: Grid, question: CalmQuestion, limited: Iterable[str] | None = None, definition: Definition = "code"
) -> TaskMetrics:
    """Return CaLM's metrics of a task.

    Args:
        grid: The accuracies of all models and adaptations.
        question: Any of the task's items.
        limited: The models that are not open; CaLM's list if None.
        definition: Where guessing is hopeless (numbers, explanations) the scripts leave understandability to be set by
            hand; `paper` is what its authors set: easy for CEG, very hard for PN and PS.

    Source: CaLM (arXiv 2405.00622), evaluate.py of its code.
    """
    values = grid.percent.ravel()
    median, third = float(np.median(values)), float(np.quantile(values, 0.75))
    means = _means(grid.percent)
    order = sorted(range(len(means)), key=lambda model: -means[model])  # stable: the first of equal models leads
    top = tuple(grid.models[model] for model in order[:5])
    third_mean = means[order[: min(3, len(order))][-1]]
    guess = random_guess(question)
    is_choice = question.family not in {"Probability", "CEG-O"}
    largest = float(values.max())
    return TaskMetrics(
        understandability(third, median, guess) if is_choice else _by_hand(question, definition),
        open_limited_gap(top, limited),
        solvability(largest, max(means), third_mean, guess),
        median,
        third,
        top,
        largest,
        max(means),
        third_mean,
    )


def understandability(third_quartile: float, median: float, guess: float) -> str:
    """Return how hard a task is: `very hard` if three quarters of all runs are below guessing, `hard` if half are."""
    if third_quartile < guess:
        return "very hard"
    return "hard" if median < guess else "easy"


def open_limited_gap(top_models: Sequence[str], limited: Iterable[str] | None = None) -> str:
    """Return by how many of the five best models are not open: `small` up to 3, `moderate` 4, `large` 5."""
    closed = set(cast("list[str]", calm_phrases()["limited"]) if limited is None else limited)
    return _LIMITED_OF_TOP.get(sum(model in closed for model in top_models[:5]), "small")


def solvability(largest: float, largest_mean: float, third_mean: float, guess: float) -> str:
    """Return how near a task is to being solved, from the best run and the best models' means, in percent."""
    if largest < guess:
        return "unsolvable"
    if largest < _SOLVED:
        return "challenging"
    if largest_mean < _GOOD:
        return "potentially solvable"
    return "solvable" if third_mean < _GOOD else "well-solved"


def random_guess(question: CalmQuestion) -> float:
    """Return what guessing gets by CaLM's table, in percent: 33.3 for a third."""
    chances: Mapping[str, float] = {"CR-C": 25.0, "AS": 33.3, "Probability": 0.0, "CEG-O": 0.0}
    return chances.get(question.family, 50.0)


def rouge_l(
    said: str, expected: str, *, definition: Definition = "code", segmentation: Segmentation = "jieba"
) -> tuple[float, float]:
    """Return ROUGE-L of a text against another, its recall and its F-measure, over sets of words, by sentences.

    Sentences end with full stops; words are parted by blanks, and each counts once. For every sentence that is
    expected, the words of a longest common subsequence with each sentence that was said are united. The scripts count
    0 where their recursion runs out (some 990 words); `paper` has no such limit.

    Raises:
        MissingError: AE-4201 Chinese is to be parted by jieba, which is not installed.

    Source: Lin, ROUGE (2004), as in the package rouge 1.0.1 that CaLM uses.
    """
    if any("\u4e00" <= character <= "\u9fff" for character in said):
        said, expected = segmented(said, segmentation), segmented(expected, segmentation)
    ours, theirs = _sentences(said), _sentences(expected)
    if not ours or not theirs:
        return 0.0, 0.0
    common: set[str] = set()
    for wanted in theirs:
        for sentence in ours:
            words = _common_words(wanted, sentence, _LONGEST_WALK if definition == "code" else None)
            if words is None:
                return 0.0, 0.0
            common |= words
    recall = len(common) / len({word for sentence in theirs for word in sentence})
    precision = len(common) / len({word for sentence in ours for word in sentence})
    return recall, 2.0 * (precision * recall) / (precision + recall + 1e-8)


def segmented(text: str, segmentation: Segmentation) -> str:
    """Return a text with blanks between its words.

    Raises:
        MissingError: AE-4201 it is to be parted by jieba, which is not installed.
    """
    if segmentation == "characters":
        return " ".join(text)
    try:
        cut = cast("Callable[[str], Iterable[str]]", import_module("jieba").cut)
    except ModuleNotFoundError as error:
        found = "CaLM parts Chinese into words by the package jieba, which is not installed."
        mend = "python -m pip install jieba"
        raise MissingError("AE-4201", found, mend=mend) from error
    return " ".join(cut(text))


def _sentences(text: str) -> list[list[str]]:
    return [" ".join(part.split()).split(" ") for part in text.split(".") if part]


def _common_words(wanted: list[str], said: list[str], limit: int | None) -> set[str] | None:
    """The words of a longest common subsequence, the one that leaves out wanted words first; None beyond the limit."""
    table = np.zeros((len(wanted) + 1, len(said) + 1), dtype=np.int32)
    codes: dict[str, int] = {}
    numbers = np.array([codes.setdefault(word, len(codes)) for word in said])
    for row, word in enumerate(wanted, start=1):
        is_same = numbers == codes.get(word, -1)
        # A cell is the largest of: the cell above, and on equal words the diagonal's + 1; then of all to its left.
        best = np.where(is_same, table[row - 1, :-1] + 1, table[row - 1, 1:])
        table[row, 1:] = np.maximum.accumulate(best)
    words: set[str] = set()
    row, column, steps = len(wanted), len(said), 0
    while row and column:
        steps += 1
        if limit is not None and steps >= limit:
            return None
        if wanted[row - 1] == said[column - 1]:
            words.add(wanted[row - 1])
            row, column = row - 1, column - 1
        elif table[row - 1, column] > table[row, column - 1]:
            row -= 1
        else:
            column -= 1
    return words


def _rounded(value: CalmLabel) -> float | None:
    return round(float(value), 4) if isinstance(value, int | float) else None


def _means(percent: Floats) -> list[float]:
    # Added one adaptation after the other, as the scripts do: in another order equal models part by a last digit.
    return (np.ascontiguousarray(percent.T).sum(axis=0) / percent.shape[1]).tolist()


def _deviation(values: Floats, axis: int, missing: int) -> Floats:
    """The standard deviation along an axis; NaN for a single value where one degree of freedom is missing."""
    count = values.shape[axis]
    if count <= missing:
        return np.full(values.shape[1 - axis], np.nan)
    mean = values.sum(axis=axis, keepdims=True) / count
    return np.sqrt(((mean - values) ** 2).sum(axis=axis) / (count - missing))


def _by_hand(question: CalmQuestion, definition: Definition) -> str:
    known = {"CEG": "easy", "PN": "very hard", "PS": "very hard"} if definition == "paper" else {}
    return known.get(question.scenario, "see-manual-definition")
