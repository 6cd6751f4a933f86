"""How much is it, about? Everyday sums of money, whose exact value is known and for which an estimate is enough.

A reply is judged by its relative distance to the exact value, in the bands of the source: exact, a good approximation,
mildly off, way off. The first two are right, and a run has the share of each. Every amount here is a whole number of
cents, so that no rounding is a matter of taste.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from math import gcd
from random import Random
from typing import TYPE_CHECKING, cast

from aetia.evals.item import Item
from aetia.evals.scoring.bands import STREET_BANDS
from aetia.evals.task import Generator, Solution, Style, Tags, Target, Task, Wording
from aetia.evals.tasks._phrases import phrase, read_back

if TYPE_CHECKING:
    from aetia.runs.keys import JSON

__all__ = ["TASKS", "Bill", "Street"]


@dataclass(frozen=True)
class Bill:
    """What is to be paid for.

    Args:
        kind: The phrase that says it.
        prices: In cents.
        numbers: What else the phrase says: percentages, amounts in cents, grams, counts.
    """

    kind: str
    prices: tuple[int, ...]
    numbers: Mapping[str, int] = field(default_factory=dict)


def _prices(random: Random, low: int, high: int, step: int = 1) -> tuple[int, ...]:
    """Some prices whose sum is a multiple of so many cents."""
    draw = random.random
    drawn = [99 + int(2900 * draw() * draw()) for _ in range(low + int((high - low + 1) * draw()))]
    drawn[-1] += -sum(drawn) % step
    return tuple(drawn)


def _basket(random: Random) -> Bill:
    return Bill("basket", _prices(random, 3, 6))


def _percent(random: Random) -> Bill:
    percent = random.choice((10, 15, 20, 25, 30, 40))
    return Bill("percent", _prices(random, 2, 5, 100 // gcd(100, percent)), {"percent": percent})


def _bogo(random: Random) -> Bill:
    return Bill("bogo", _prices(random, 2, 6))


def _threshold(random: Random) -> Bill:
    off = random.choice((500, 1000))
    return Bill("threshold", _prices(random, 2, 4), {"off": off, "limit": random.choice((3000, 4000, 5000))})


def _stacked(random: Random) -> Bill:
    percent = random.choice((10, 20, 25))
    numbers = {"percent": percent, "off": random.choice((500, 1000)), "limit": random.choice((3000, 4000))}
    return Bill("stacked", _prices(random, 2, 5, 100 // gcd(100, percent)), numbers)


def _bulk(random: Random) -> Bill:
    paid, free = random.randint(2, 5), random.randint(1, 3)
    count = random.randint(paid + free, 3 * (paid + free))
    return Bill("bulk", (random.randint(99, 1499),), {"paid": paid, "free": min(free, paid), "count": count})


def _tax(random: Random) -> Bill:
    percent, tax = random.choice((10, 15, 20)), random.choice((5, 6, 7, 8))
    kind = random.choice(("tax-after", "tax-before"))
    # One sum serves both orders of tax and discount.
    step = _UNIT // gcd(_UNIT, (100 - percent) * (100 + tax), (100 - percent + tax) * 100)
    return Bill(kind, _prices(random, 2, 5, step), {"percent": percent, "tax": tax})


def _kilogram(random: Random) -> Bill:
    grams = 50 * random.randint(3, 40)
    return Bill("kilogram", (20 * random.randint(10, 120),), {"grams": grams})


def _ounce(random: Random) -> Bill:
    return Bill("ounce", (16 * random.randint(12, 120),), {"ounces": random.randint(3, 60)})


def _service(random: Random) -> Bill:
    percent, tip = random.choice((3, 4, 5, 8)), random.choice((10, 12, 15, 18, 20, 22))
    step = 100 // gcd(100, percent + tip)
    return Bill("service", (step * random.randint(1500 // step, 12_000 // step),), {"percent": percent, "tip": tip})


def _split(random: Random) -> Bill:
    tip, count = random.choice((10, 15, 20)), random.randint(2, 6)
    step = 20 * count
    return Bill("split", (step * random.randint(2000 // step, 18_000 // step),), {"tip": tip, "count": count})


_UNIT = 10_000  # sums are whole numbers of these parts of a cent, so that percentages of percentages are


def _cents(bill: Bill) -> tuple[int, dict[str, int]]:
    """What is to be paid, and what is paid by those who make a known mistake; in ten-thousandths of a cent."""
    return _RULES[bill.kind](bill, sum(bill.prices) * _UNIT)


def _basket_cents(bill: Bill, total: int) -> tuple[int, dict[str, int]]:
    return total, {"dollars-only": sum([price // 100 for price in bill.prices]) * 100 * _UNIT}


def _percent_cents(bill: Bill, total: int) -> tuple[int, dict[str, int]]:
    taken = total * bill.numbers["percent"] // 100
    return total - taken, {"part-taken-off": taken, "no-discount": total}


def _bogo_cents(bill: Bill, total: int) -> tuple[int, dict[str, int]]:
    paid, as_listed = sum(sorted(bill.prices, reverse=True)[::2]), sum(bill.prices[::2])
    return paid * _UNIT, {"as-listed": as_listed * _UNIT, "no-discount": total}


def _threshold_cents(bill: Bill, total: int) -> tuple[int, dict[str, int]]:
    off, is_reached = bill.numbers["off"] * _UNIT, total >= bill.numbers["limit"] * _UNIT
    return total - is_reached * off, {"other-side": total - (not is_reached) * off}


def _stacked_cents(bill: Bill, total: int) -> tuple[int, dict[str, int]]:
    off, limit = bill.numbers["off"] * _UNIT, bill.numbers["limit"] * _UNIT
    left = total - total * bill.numbers["percent"] // 100
    return left - (left >= limit) * off, {"limit-before-discount": left - (total >= limit) * off}


def _bulk_cents(bill: Bill, total: int) -> tuple[int, dict[str, int]]:
    paid, free, count = (bill.numbers[name] for name in ("paid", "free", "count"))
    rounds, rest = divmod(count, paid + free)
    return total * (rounds * paid + min(rest, paid)), {"no-discount": total * count}


def _tax_cents(bill: Bill, total: int) -> tuple[int, dict[str, int]]:
    percent, tax = bill.numbers["percent"], total * bill.numbers["tax"] // 100
    kept, reduced = total * (100 - percent) // 100, tax * (100 - percent) // 100
    if bill.kind == "tax-after":
        return kept + reduced, {"tax-before": kept + tax, "tax-only": reduced}
    return kept + tax, {"tax-after": kept + reduced, "tax-only": tax}


def _kilogram_cents(bill: Bill, total: int) -> tuple[int, dict[str, int]]:
    return total * bill.numbers["grams"] // 1000, {"grams-of-hundred": total * bill.numbers["grams"] // 100}


def _ounce_cents(bill: Bill, total: int) -> tuple[int, dict[str, int]]:
    return total * bill.numbers["ounces"] // 16, {"ounces-of-ten": total * bill.numbers["ounces"] // 10}


def _service_cents(bill: Bill, total: int) -> tuple[int, dict[str, int]]:
    fee, tip = total * bill.numbers["percent"] // 100, total * bill.numbers["tip"] // 100
    return total + fee + tip, {"tip-on-the-fee": total + fee + tip + fee * bill.numbers["tip"] // 100}


def _split_cents(bill: Bill, total: int) -> tuple[int, dict[str, int]]:
    count = bill.numbers["count"]
    return (total + total * bill.numbers["tip"] // 100) // count, {"no-tip": total // count}


_RULES: dict[str, Callable[[Bill, int], tuple[int, dict[str, int]]]] = {
    "basket": _basket_cents,
    "percent": _percent_cents,
    "bogo": _bogo_cents,
    "threshold": _threshold_cents,
    "stacked": _stacked_cents,
    "bulk": _bulk_cents,
    "tax-after": _tax_cents,
    "tax-before": _tax_cents,
    "kilogram": _kilogram_cents,
    "ounce": _ounce_cents,
    "service": _service_cents,
    "split": _split_cents,
}


@cache
def _dollars(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02d}"


class Street(Generator[Bill]):
    """Sums of one topic; each of its kinds comes as often as the others."""

    version = 2
    names = ("real",)
    wordings = 2

    def __init__(self, *kinds: Callable[[Random], Bill]) -> None:
        self._kinds = kinds

    def pose(self, random: Random, /) -> Bill | None:
        """Draw what is bought; None if the sum is not a whole number of cents, or a known mistake gives it too."""
        bill = random.choice(self._kinds)(random)
        value, mistakes = _cents(bill)
        return None if value % _UNIT or value in mistakes.values() else bill

    def solve(self, problem: Bill, /) -> Solution:
        """The sum, exact."""
        value, mistakes = _cents(problem)
        rivals = {name: _dollars(other // _UNIT) for name, other in mistakes.items()}
        return Solution(_dollars(value // _UNIT), derivation=_steps(problem, value // _UNIT), rivals=rivals)

    def word(self, problem: Bill, solution: Solution, style: Style, random: Random, /) -> Wording:  # noqa: ARG002
        """The bill in words, with prices as they stand on labels."""
        said = {name: _said(name, value) for name, value in problem.numbers.items()}
        prices = [_dollars(price) for price in problem.prices]
        said["prices"] = f"${', $'.join(prices)}"
        said["price"] = prices[0]
        said.setdefault("count", str(len(prices)))
        facts: dict[str, JSON] = {
            "kind": problem.kind,
            "prices": prices,
            "numbers": {name: said[name] for name in problem.numbers},
            "exact_value": solution.label,
            "bands": dict(STREET_BANDS),
        }
        context = phrase("street_maths", problem.kind, style.wording).format(**said)
        return Wording(context, phrase("street_maths", "ask", style.wording), solution.label, facts=facts)

    def changed(self, problem: Bill, random: Random, /) -> Mapping[str, Bill]:  # noqa: ARG002  nothing is drawn
        """With the tax on the other price, where there is one."""
        other = {"tax-after": "tax-before", "tax-before": "tax-after"}.get(problem.kind)
        return {"tax-order": Bill(other, problem.prices, problem.numbers)} if other else {}


def _said(name: str, value: int) -> str:
    return str(value // 100 if name in ("off", "limit") else value)


def _steps(bill: Bill, value: int) -> tuple[str, ...]:
    rules = ", ".join(f"{name} {_said(name, number)}" for name, number in bill.numbers.items())
    first = "the prices sum to" if len(bill.prices) > 1 else "the price is"
    steps = (f"{first} {_dollars(sum(bill.prices))}", f"{bill.kind}: {rules}", f"to pay: {_dollars(value)}")
    return steps if rules else (steps[0], steps[2])


def _engine(item: Item) -> str:
    """Reads the amounts off the text and pays item by item, in cents, without the generator's formulas."""
    kind, said = read_back("street_maths", tuple(_RULES), item.context)
    number = {name: Fraction(text) for name, text in said.items() if name != "prices"}
    paid = [Fraction(price.strip().lstrip("$")) for price in said.get("prices", "0").split(",")]
    return f"{float(_paid(kind, paid, number)):.2f}"


def _paid(kind: str, prices: list[Fraction], number: dict[str, Fraction]) -> Fraction:
    rate = {name: value / 100 for name, value in number.items()}
    if kind == "bogo":
        left = sorted(prices)
        return sum((left[place] for place in range(len(left) - 1, -1, -2)), Fraction(0))
    if kind == "bulk":
        turn = int(number["paid"] + number["free"])
        return sum(
            (number["price"] for place in range(int(number["count"])) if place % turn < number["paid"]), Fraction(0)
        )
    if kind in ("kilogram", "ounce"):
        return number["price"] * (number["grams"] / 1000 if kind == "kilogram" else number["ounces"] / 16)
    if kind in ("service", "split"):
        return (
            number["price"]
            * (100 + sum(number.get(name, 0) for name in ("percent", "tip")))
            / 100
            / number.get("count", 1)
        )
    due = sum(prices, Fraction(0))
    tax = rate.get("tax", Fraction(0)) * due
    if "percent" in rate:
        due -= rate["percent"] * due
    if kind == "tax-after":
        tax -= rate["percent"] * tax
    if "limit" in number and due >= number["limit"]:
        due -= number["off"]
    return due + tax


_CITATION = "Tseng et al. 2025, StreetMath: Study of LLMs' Approximation Behaviors, arXiv:2510.25776"


def _task(topic: str, asks: str, chance: float, *kinds: Callable[[Random], Bill]) -> Task:
    """The chance is the share of items that the best constant estimate is near enough to, counted on 1,000."""
    return Task(
        name=f"street-maths/{topic}",
        asks=asks,
        target=Target("none", "street maths", "number", "mathematical"),
        source=cast("Generator[object]", Street(*kinds)),
        chance=chance,
        tags=Tags(("arithmetic", "estimation"), "text", "decision"),
        seeds=("122",),
        citation=_CITATION,
        engine=_engine,
    )


TASKS = (
    _task("basket", "What do some things cost together, about?", 0.36, _basket),
    _task(
        "discount", "What is to be paid after a discount, about?", 0.29, _percent, _bogo, _threshold, _stacked, _bulk
    ),
    _task("tax", "What is to be paid with discount and tax, about?", 0.31, _tax),
    _task("units", "What does an amount cost by a price per unit, about?", 0.17, _kilogram, _ounce),
    _task("tip", "What is to be paid with service and tip, about?", 0.20, _service, _split),
)
