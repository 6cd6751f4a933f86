"""What is in the black box, and what does it make of something new? Functions told by their inputs and outputs alone.

Where an output is asked for, every function that may be in the box and agrees with the examples gives the same one;
where a description is asked for, one agrees with all examples and each of the others contradicts at least one. The
descriptions are built alike, and which of them is the true one is drawn last: they give nothing away.
"""

import re
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from itertools import product
from random import Random
from typing import TYPE_CHECKING, NamedTuple, cast

from aetia.evals.item import Form, Item
from aetia.evals.task import Generator, Solution, Style, Tags, Target, Task, Wording
from aetia.evals.tasks._black_boxes import (
    INPUTS,
    PARAMETERS,
    Box,
    Step,
    Value,
    boxes,
    fitting,
    output,
    steps_of,
)
from aetia.evals.tasks._draws import sampled
from aetia.evals.tasks._phrases import pairs_told, phrase, phrases, read, unreadable

if TYPE_CHECKING:
    from aetia.runs.keys import JSON

__all__ = ["TASKS", "Descriptions", "Outputs"]

_FAMILY = "find_functions"
_EXAMPLES = 6


class Unseen(NamedTuple):
    """A box, what was seen of it, and the input whose output is asked for."""

    box: int
    seen: tuple[Value, ...]
    asked: Value


class Outputs(Generator[Unseen]):
    """Outputs of a box for inputs that were not seen, determined by what was seen.

    Args:
        kind: `numeric` or `strings`.
    """

    names = ("real",)
    wordings = 2

    def __init__(self, kind: str) -> None:
        self._kind = kind

    def pose(self, random: Random, /) -> Unseen | None:
        """Draw a box and inputs; None if boxes that agree on what was seen differ on what is asked."""
        kind = boxes(self._kind)
        place = int(len(kind.boxes) * random.random())
        table = kind.outputs[place]
        *seen, asked = sampled(random, kind.inputs, _EXAMPLES + 1)
        left = fitting(kind, [(value, table[value]) for value in seen])
        is_settled = left & ~kind.masks[asked, table[asked]] == 0
        has_changes = len({table[value] for value in seen}) > _EXAMPLES // 2 and "" not in table.values()
        return Unseen(place, tuple(seen), asked) if is_settled and has_changes else None

    def solve(self, problem: Unseen, /) -> Solution:
        """What the box gives, and in which steps."""
        kind = boxes(self._kind)
        box = kind.boxes[problem.box]
        value, swapped = (kind.rows[one][problem.asked] for one in (box, Box(box.second, box.first)))
        rivals = {"other-order": str(swapped)} if swapped not in (value, "") else {}
        return Solution(str(value), derivation=(_described(box, 0), f"{problem.asked} gives {value}"), rivals=rivals)

    def word(self, problem: Unseen, solution: Solution, style: Style, random: Random, /) -> Wording:  # noqa: ARG002
        """The steps that there are, the examples, and the input."""
        table = boxes(self._kind).outputs[problem.box]
        said = _examples([(value, table[value]) for value in problem.seen], style.wording)
        before, after = _around_examples(self._kind, style.wording)
        question = phrase(_FAMILY, "output", style.wording).format(input=problem.asked)
        box = boxes(self._kind).boxes[problem.box]
        facts: dict[str, JSON] = {"function": _described(box, 0), "input": problem.asked}
        return Wording(f"{before}{said}{after}", question, solution.label, facts=facts)

    def changed(self, problem: Unseen, random: Random, /) -> Mapping[str, Unseen]:
        """Another input, whose output what was seen settles as well."""
        kind, table = boxes(self._kind), boxes(self._kind).outputs[problem.box]
        left = fitting(kind, [(value, table[value]) for value in problem.seen])
        others = [
            value
            for value in kind.inputs
            if value not in (*problem.seen, problem.asked) and left & ~kind.masks[value, table[value]] == 0
        ]
        return {"other-input": problem._replace(asked=random.choice(others))} if others else {}


class Interval(NamedTuple):
    """Where a box is broken, and what it then gives."""

    low: int
    high: int
    constant: int


class Described(NamedTuple):
    """Four descriptions, inputs with what each box makes of them, and which description is the true one."""

    boxes: tuple[tuple[Box, Interval | None], ...]
    seen: tuple[Value, ...]
    made: tuple[tuple[Value, ...], ...]
    true: int


class Descriptions(Generator[Described]):
    """Which of four descriptions fits: all pairs of two first steps and two second ones, or of boxes and intervals.

    Args:
        kind: `numeric`, `strings`, or `corrupted`: numeric, with another output on an interval.
    """

    names = ("real",)
    wordings = 2
    has_order = True

    def __init__(self, kind: str) -> None:
        self._kind = kind

    def pose(self, random: Random, /) -> Described | None:
        """Draw four near descriptions and inputs; None if some of them agree on all that is seen."""
        if self._kind == "corrupted":
            steps = sampled(random, steps_of("numeric"), 4)
            pairs = product((Box(*steps[:2]), Box(*steps[2:])), _intervals(random))
            found: list[tuple[Box, Interval | None]] = list(pairs)
        else:
            steps = sampled(random, steps_of(self._kind), 4)
            found = [(Box(first, second), None) for first, second in product(steps[:2], steps[2:])]
        order = sorted(found, key=lambda _: random.random())
        kind = boxes(_kind_of(self._kind))
        seen = sampled(random, kind.inputs, _EXAMPLES + 5 * (self._kind == "corrupted"))
        # Each pair must differ on what is seen: so each may be the true one, and what is seen tells which.
        made = tuple([_outputs(kind.rows[box], interval, seen) for box, interval in order])
        if len(set(made)) < len(order) or any("" in row for row in made):
            return None
        return Described(tuple(order), tuple(seen), made, int(len(order) * random.random()))

    def solve(self, problem: Described, /) -> Solution:
        """The description that is true, and where each other one is wrong."""
        right = problem.made[problem.true]
        steps: list[str] = []
        for place, other in enumerate(problem.boxes):
            if place != problem.true:
                rows = zip(problem.seen, problem.made[place], right, strict=True)
                value, made = next((value, made) for value, made, due in rows if made != due)
                steps.append(f"for {value} this would give {made}: {_said(other, 0)}")
        return Solution(str(problem.true), derivation=tuple(steps))

    def word(self, problem: Described, solution: Solution, style: Style, random: Random, /) -> Wording:  # noqa: ARG002
        """The examples, and the descriptions in their order."""
        true = int(solution.label)
        said = _examples(list(zip(problem.seen, problem.made[true], strict=True)), style.wording)
        name = "strings-description" if self._kind == "strings" else "numeric-description"
        context = phrase(_FAMILY, name, style.wording).format(examples=said)
        turn = style.order % len(problem.boxes)
        order = [*range(turn, len(problem.boxes)), *range(turn)]
        options = tuple([_said(problem.boxes[place], style.wording) for place in order])
        label = str(1 + order.index(true))
        question = phrase(_FAMILY, "describe", style.wording)
        return Wording(context, question, label, options, facts={"function": _said(problem.boxes[true], 0)})

    def changed(self, problem: Described, random: Random, /) -> Mapping[str, Described]:
        """The same descriptions and inputs, with another function in the box."""
        others = [place for place in range(len(problem.boxes)) if place != problem.true]
        return {"other-function": problem._replace(true=random.choice(others))}


def _intervals(random: Random) -> list[Interval]:
    """Two intervals with the same output on them."""
    constant = int(100 * random.random()) - 50
    found: list[Interval] = []
    while len(found) < 2:
        low = INPUTS[0] + int((len(INPUTS) - 8) * random.random())
        one = Interval(low, low + 3 + int(5 * random.random()), constant)
        if one not in found:
            found.append(one)
    return found


def _kind_of(kind: str) -> str:
    return "strings" if kind == "strings" else "numeric"


def _outputs(table: Mapping[Value, Value], interval: Interval | None, values: Sequence[Value]) -> tuple[Value, ...]:
    """What a box makes of some inputs, broken as it is."""
    if interval is None:
        return tuple([table[value] for value in values])
    low, high, constant = interval.low, interval.high, interval.constant
    return tuple([constant if low <= int(value) <= high else table[value] for value in values])


@cache
def _step(step: Step, wording: int) -> str:
    return phrase(_FAMILY, step.name, wording).format(c=step.parameter)


@cache
def _described(box: Box, wording: int) -> str:
    said = phrase(_FAMILY, "composed", wording).format(
        first=_step(box.first, wording), second=_step(box.second, wording)
    )
    return said[0].upper() + said[1:]


@lru_cache(maxsize=64)  # an item says each of its descriptions several times
def _said(one: tuple[Box, Interval | None], wording: int) -> str:
    box, interval = one
    if interval is None:
        return _described(box, wording)
    steps = {"first": _step(box.first, wording), "second": _step(box.second, wording)}
    return phrase(_FAMILY, "corrupted", wording).format(**steps, **interval._asdict())


def _examples(seen: list[tuple[Value, Value]], wording: int) -> str:
    return ", ".join(pairs_told(phrase(_FAMILY, "example", wording), seen))


@cache
def _around_examples(kind: str, wording: int) -> tuple[str, str]:
    """What stands before the examples, the list of steps among it, and what after them."""
    names = dict.fromkeys(step.name for step in steps_of(kind))
    listed = "; ".join(phrase(_FAMILY, name, wording).format(c="c") for name in names)
    before, _, after = phrase(_FAMILY, kind, wording).partition("{examples}")
    least, most = PARAMETERS[0], PARAMETERS[-1]
    return before.format(steps=listed, c="c", low=least, high=most), after.format(c="c", low=least, high=most)


def _seen(text: str) -> list[tuple[Value, Value]]:
    found = [pair.groups() for pair in re.finditer(r"(-?\d+|[a-z]+) (?:->|gives) (-?\d+|[a-z]+)", text)]
    return [(_value(first), _value(second)) for first, second in found]


def _value(text: str) -> Value:
    return int(text) if text.lstrip("-").isdigit() else text


def _read_step(text: str, kind: str) -> Step:
    for step in steps_of(kind):
        if _step(step, 0) == text:
            return step
    raise unreadable(text)


def _read_box(text: str, kind: str) -> tuple[Box, Interval | None]:
    for name in ("corrupted", "composed"):
        for template in phrases(_FAMILY)[name]:
            found = read(template, text)
            if found:
                first = found["first"][0].lower() + found["first"][1:]
                box = Box(_read_step(first, kind), _read_step(found["second"], kind))
                limits = [int(found[part]) for part in ("low", "high", "constant") if part in found]
                return box, Interval(*limits) if limits else None
    raise unreadable(text)


def _made(one: tuple[Box, Interval | None], value: Value) -> Value:
    box, interval = one
    is_broken = interval is not None and isinstance(value, int) and interval.low <= value <= interval.high
    return interval.constant if interval is not None and is_broken else output(box, value)


def _engine(item: Item) -> str:
    """Tries every box, or every description, on the examples that the text gives."""
    seen = _seen(item.context)
    kind = "strings" if isinstance(seen[0][0], str) else "numeric"
    if item.form == "choice":
        told = [_read_box(option, kind) for option in item.options]
        fit = [place for place, one in enumerate(told) if all(_made(one, value) == made for value, made in seen)]
        return str(1 + fit[0]) if len(fit) == 1 else ""
    asked = next(found["input"] for one in phrases(_FAMILY)["output"] if (found := read(one, item.question)))
    pairs = product(steps_of(kind), repeat=2)
    tried = [Box(*pair) for pair in pairs if kind == "numeric" or pair[0] != pair[1]]
    fit = {output(box, _value(asked)) for box in tried if all(output(box, value) == made for value, made in seen)}
    return str(fit.pop()) if len(fit) == 1 else ""


def _task(name: str, asks: str, form: Form, source: Outputs | Descriptions) -> Task:
    return Task(
        name=f"find/{name}",
        asks=asks,
        target=Target("none", "function interpretation", form, "symbolic"),
        source=cast("Generator[object]", source),
        chance=0.25 if form == "choice" else 0.0,
        tags=Tags(("induction", "arithmetic" if "numeric" in name else "spelling"), "text", "interpretation"),
        seeds=("125",),
        citation="Schwettmann et al. 2023, FIND: A Function Description Benchmark, arXiv:2309.03886",
        engine=_engine,
    )


TASKS = (
    _task("numeric-output", "What does a function of numbers give for something new?", "number", Outputs("numeric")),
    _task("numeric-description", "Which function of numbers is it?", "choice", Descriptions("numeric")),
    _task("numeric-corrupted", "Which function, and where is it broken?", "choice", Descriptions("corrupted")),
    _task("strings-output", "What does a program make of another word?", "text", Outputs("strings")),
    _task("strings-description", "Which program is it?", "choice", Descriptions("strings")),
)
