"""StreetMath: about how much is it, and what is it exactly?"""

import re
from collections.abc import Callable, Iterator
from decimal import ROUND_HALF_UP, Decimal
from functools import partial
from pathlib import Path

from aetia.errors import EvaluationError
from aetia.evals.item import Item
from aetia.evals.published._folder import json_lines
from aetia.evals.published._items import placed
from aetia.evals.scoring.bands import STREET_BANDS
from aetia.evals.task import Published, Tags, Target, Task
from aetia.text import clean_text

_HOME = "https://github.com/ctseng777/StreetMath"
_DIGESTS = {
    "test.jsonl": "da5f17c2235062bcae19bde4321818007a66f441b3817f0b64d984c4b8005230",
    "train.jsonl": "e6cb3a15eada73639a63a5b08c009c6a4e512ccd23dad0292d3a807c593fcce7",
}
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_CENT = Decimal("0.01")
Numbers = list[Decimal]


def _read(name: str, file: str, folder: Path) -> Iterator[Item]:
    for row in json_lines(folder / file):
        item = Item(
            task=name,
            context="",
            question=row.text("prompt"),
            form="number",
            label=repr(row.get("exact_value")) if row.number("exact_value") is not None else "",
            facts={
                "topic": row.text("topic"),
                "subtopic": row.text("subtopic"),
                "id": row.text("id"),
                "bands": dict(STREET_BANDS),
            },
        )
        yield placed(item, row, folder, "")


def exact_value(item: Item) -> str:
    """The exact value that a prompt asks an estimate of, read from the prompt alone; money to the cent.

    Raises:
        EvaluationError: AE-8110 the prompt is of no known kind.
    """
    text = item.question
    for opening, exact in _KINDS.items():
        if re.search(opening, text):
            value = exact([Decimal(number) for number in _NUMBER.findall(text)], text)
            return str(value)
    found = f"The text cannot be read: {clean_text(text, 80)!r} is no question that StreetMath asks."
    raise EvaluationError("AE-8110", found, mend="ask it without the engine.")


def _cents(value: Decimal) -> Decimal:
    return value.quantize(_CENT, ROUND_HALF_UP)


def _basket(numbers: Numbers, _: str) -> Decimal:
    return _cents(sum(numbers[1:], Decimal()))


def _bill(numbers: Numbers, _: str) -> Decimal:
    bill, fee, tip = numbers
    return _cents(bill * (100 + fee) / 100 * (100 + tip) / 100)


def _drive(numbers: Numbers, _: str) -> Decimal:
    return numbers[0] / numbers[1]


def _product(numbers: Numbers, _: str) -> Decimal:
    result = Decimal(1)
    for number in numbers:
        result *= number
    return result


def _pounds(numbers: Numbers, text: str) -> Decimal:
    return _cents(_product(numbers, text))


def _grams(numbers: Numbers, _: str) -> Decimal:
    return _cents(numbers[0] * numbers[1] / 1000)


def _every_nth_free(numbers: Numbers, _: str) -> Decimal:
    paid, free, price, taken = numbers
    groups, rest = divmod(taken, paid + free)
    return _cents((groups * paid + min(rest, paid)) * price)


def _pairs(numbers: Numbers, _: str) -> Decimal:
    prices = sorted(numbers, reverse=True)
    return _cents(sum(prices[0::2], Decimal()))


def _percent(numbers: Numbers, _: str) -> Decimal:
    *prices, share = numbers
    return _cents(sum(prices, Decimal()) * (100 - share) / 100)


def _threshold(numbers: Numbers, _: str) -> Decimal:
    off, least, *prices = numbers
    total = sum(prices, Decimal())
    return _cents(total - off if total >= least else total)


def _stacked(numbers: Numbers, _: str) -> Decimal:
    share, off, least, *prices = numbers
    total = sum(prices, Decimal()) * (100 - share) / 100
    return _cents(total - off if total >= least else total)


def _taxed(numbers: Numbers, text: str) -> Decimal:
    *prices, tax = numbers
    share = prices.pop() if "store discount" in text else Decimal()
    total = sum(prices, Decimal())
    reduced = total * (100 - share) / 100
    return _cents(reduced + (reduced if "after discount" in text else total) * tax / 100)


def open_reading(item: Item) -> tuple[str, ...]:
    """What a prompt leaves open: whether a tip is on the service fee too, as the published values take it."""
    if not item.question.startswith("Bill is"):
        return ()
    bill, fee, tip = (Decimal(number) for number in _NUMBER.findall(item.question))
    apart = _cents(bill * (100 + fee + tip) / 100)
    if str(apart) == exact_value(item):
        return ()
    return (f"the text does not say whether the tip is on the fee too; if it is not, the total is {apart}",)


_KINDS: dict[str, Callable[[Numbers, str], Decimal]] = {
    r"^You.re buying \d+ items": _basket,
    r"^Bill is": _bill,
    r"^You need to travel": _drive,
    r"^A plaza": _product,
    r"^A faucet": _drive,
    r"^You buy .* per lb": _pounds,
    r"per kg\. You take \d+ g\b": _grams,
    r"^Buy \d+ get \d+ free": _every_nth_free,
    r"^BOGO": _pairs,
    r"% discount applies to everything": _percent,
    r"^Threshold coupon": _threshold,
    r"^Stacked deal": _stacked,
    r"sales tax": _taxed,
}

TASKS = tuple(
    Task(
        name=name,
        asks="About how much is it, in a shop or on the road?",
        target=Target("none", "StreetMath", "number"),
        source=Published("streetmath", {file: _DIGESTS[file]}, partial(_read, name, file), _HOME, "", open_reading),
        chance=0.0,
        tags=Tags(("arithmetic", "estimation"), "text", "decision"),
        seeds=("122",),
        citation="Tseng et al., StreetMath, arXiv 2510.25776",
        engine=exact_value,
    )
    for name, file in (("streetmath/test", "test.jsonl"), ("streetmath/train", "train.jsonl"))
)
