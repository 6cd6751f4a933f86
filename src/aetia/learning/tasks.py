"""Which small tasks does a program learn, and what is right on every one of their inputs?

A causal decoder can only answer after it has read everything, so a prompt is BOS, the n letters of the input, a
separator, and one slot for each answer; the answer to slot i is what is predicted at slot i.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product

from aetia.errors import StudyError

__all__ = ["BOS", "SEPARATOR", "SLOT", "Task", "get_task", "task_names"]

BOS = "<s>"
SEPARATOR = "|"
SLOT = "_"


@dataclass(frozen=True)
class Task:
    """A function from n letters to n answers, known on all of its inputs.

    Args:
        name: What it is called.
        question: What the answers say.
        letters: The tokens that an input consists of.
        size: How many letters an input has, n.
        answers: The tokens that can be an answer; they may be letters.
        rule: The n answers to n letters.
    """

    name: str
    question: str
    letters: tuple[str, ...]
    size: int
    answers: tuple[str, ...]
    rule: Callable[[Sequence[str]], Sequence[str]]

    @cached_property
    def vocabulary(self) -> tuple[str, ...]:
        """Every token: BOS, the letters, answers that are no letters, the separator, the slot."""
        further = tuple(answer for answer in self.answers if answer not in self.letters)
        return (BOS, *self.letters, *further, SEPARATOR, SLOT)

    @property
    def length(self) -> int:
        """The tokens of a prompt with all its slots: 2 n + 2."""
        return 2 * self.size + 2

    @cached_property
    def inputs(self) -> tuple[tuple[str, ...], ...]:
        """Every input, in the order of the letters."""
        return tuple(product(self.letters, repeat=self.size))

    @property
    def slots(self) -> range:
        """The positions of the slots in a prompt."""
        return range(self.size + 2, self.length)

    def prompt(self, letters: Sequence[str], slots: int | None = None) -> tuple[str, ...]:
        """The prompt for an input, up to and with its first `slots` slots; by default all of them."""
        return (BOS, *letters, SEPARATOR, *(SLOT for _ in range(self.size if slots is None else slots)))

    def token_ids(self, tokens: Sequence[str]) -> tuple[int, ...]:
        """The number of every token in the vocabulary."""
        return tuple(self.vocabulary.index(token) for token in tokens)


def _sorted(letters: Sequence[str]) -> Sequence[str]:
    return sorted(letters)


def _reversed(letters: Sequence[str]) -> Sequence[str]:
    return letters[::-1]


def _counted(letters: Sequence[str]) -> Sequence[str]:
    return [str(letters.count(letter)) for letter in letters]


def _nested(letters: Sequence[str]) -> Sequence[str]:
    depth, answers = 0, []
    for letter in letters:
        # Once below zero a string is lost, whatever follows.
        depth = depth + (1 if letter == "(" else -1) if depth >= 0 else depth
        answers.append("invalid" if depth < 0 else "balanced" if depth == 0 else "open")
    return answers


_DIGITS, _LETTERS = "0123456789", "abcdefgh"

_QUESTIONS: Mapping[str, str] = {
    "reverse": "the letters from the last to the first",
    "sort": "the digits from the smallest to the largest",
    "histogram": "how often the letter at the same place is in the input",
    "dyck": "whether the brackets up to the same place are balanced, can still be closed (open), or cannot (invalid)",
}


def task_names() -> tuple[str, ...]:
    """The names of the tasks, from the easiest to the hardest to learn."""
    return tuple(_QUESTIONS)


def get_task(name: str, letters: int = 3, size: int = 4) -> Task:
    """The task `name` over inputs of `size` letters out of `letters`.

    Args:
        name: One of `task_names()`.
        letters: How many letters there are, 2 to 8; brackets are always two.
        size: How many letters an input has, 2 to 8.

    Raises:
        StudyError: AE-1801 if there is no such task; AE-1802 if there are more than 4096 inputs, which are all
            looked at, or a size is out of range.
    """
    if name not in _QUESTIONS:
        raise StudyError("AE-1801", f"There is no task {name!r}.", mend=f"take one of {', '.join(task_names())}.")
    letters = 2 if name == "dyck" else letters
    if not (2 <= letters <= 8 and 2 <= size <= 8 and letters**size <= 4096):
        raise StudyError(
            "AE-1802",
            f"The task {name} with {letters} letters and inputs of {size} cannot be looked at whole.",
            mend="take 2 to 8 letters and sizes of 2 to 8 so that there are at most 4096 inputs.",
        )
    question, digits, alphabet = _QUESTIONS[name], tuple(_DIGITS[:letters]), tuple(_LETTERS[:letters])
    if name == "reverse":
        return Task(name, question, alphabet, size, alphabet, _reversed)
    if name == "sort":
        return Task(name, question, digits, size, digits, _sorted)
    if name == "histogram":
        return Task(name, question, alphabet, size, tuple(map(str, range(1, size + 1))), _counted)
    return Task(name, question, ("(", ")"), size, ("balanced", "open", "invalid"), _nested)
