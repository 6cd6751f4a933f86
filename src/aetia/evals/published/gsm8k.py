"""GSM8K: which number comes out of a story with a few steps of arithmetic?"""

import re
from collections.abc import Iterator
from fractions import Fraction
from functools import partial
from pathlib import Path

from aetia.evals.item import Item
from aetia.evals.published._arithmetic import value_of
from aetia.evals.published._folder import json_lines
from aetia.evals.published._items import placed
from aetia.evals.task import Published, Tags, Target, Task

_LICENCE = "MIT"
_HOME = "https://github.com/openai/grade-school-math"
_DIGESTS = {
    "test.jsonl": "3730d312f6e3440559ace48831e51066acaca737f6eabec99bccb9e4b3c39d14",
    "train_sample500_seed0.jsonl": "8d06ce9e40e64d59b5a07ce454b3e29b406e4c12149d39b78005a4ac9a7952c8",
}
_MARK = re.compile(r"<<([^<>=]*)=([^<>]*)>>")
_NUMBER = re.compile(r"(?:(?<![\d)\s])-|(?<=\s)-)?\d[\d,]*(?:\.\d+)?")
_SPELLED = "zero one two three four five six seven eight nine ten eleven twelve".split()
_ROUNDING = Fraction(1, 100)  # what a step may differ from its exact value: answers are in cents


def _read(name: str, file: str, folder: Path) -> Iterator[Item]:
    for row in json_lines(folder / file):
        steps, mark, answer = row.text("answer").rpartition("####")
        if not mark:
            raise row.wrong("it has no #### before the final number", "answer")
        item = Item(
            task=name,
            context="",
            question=row.text("question").strip(),
            form="number",
            label=answer.strip().replace(",", "").replace("$", ""),
            derivation=tuple(line for line in steps.strip().split("\n") if line),
        )
        yield placed(item, row, folder, _LICENCE)


def calculator_faults(item: Item) -> tuple[str, ...]:
    """What is wrong with the steps of an answer: a marked calculation that is false, or steps that end elsewhere.

    A calculation is false if its two sides differ by more than a cent and more than a percent: answers round. The
    steps end elsewhere if the answer is neither the last marked result nor a number of the last step.
    """
    faults: list[str] = []
    last: Fraction | None = None
    for left, right in _MARK.findall("\n".join(item.derivation)):
        found, told = value_of(left), value_of(right)
        if found is None or told is None:
            faults.append(f"the calculation {left}={right} cannot be read")
            continue
        last = told
        if abs(found - told) > max(_ROUNDING, abs(found) / 100):
            faults.append(f"the calculation {left}={right} is false: it is {float(found):g}")
    label = value_of(item.label)
    if label is None:
        return (*faults, f"the answer {item.label!r} is no number")
    step = _MARK.sub("", item.derivation[-1]) if item.derivation else ""
    spelled = {Fraction(place) for place, word in enumerate(_SPELLED) if re.search(rf"\b{word}\b", step.lower())}
    ends = {value_of(number) for number in _NUMBER.findall(step)} | spelled
    # A price may be asked in cents and worked out in dollars.
    if last is not None and not {label, label / 100} & {last, *ends}:
        faults.append(f"the steps end in {float(last):g}, and the answer is {item.label}")
    return tuple(faults)


TASKS = tuple(
    Task(
        name=name,
        asks="Which number comes out of a story with a few steps of arithmetic?",
        target=Target("none", "GSM8K", "number"),
        source=Published(
            "gsm8k", {file: _DIGESTS[file]}, partial(_read, name, file), _HOME, _LICENCE, calculator_faults
        ),
        chance=0.0,
        tags=Tags(("arithmetic",), "text"),
        citation="Cobbe et al., Training Verifiers to Solve Math Word Problems, arXiv 2110.14168",
    )
    for name, file in (("gsm8k/test", "test.jsonl"), ("gsm8k/train-sample", "train_sample500_seed0.jsonl"))
)
