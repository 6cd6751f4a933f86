"""How is one row of a table of effects named and written for a reader?"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import pyarrow as pa

from aetia.effects import passes
from aetia.text import clean_text

__all__ = [
    "Row",
    "chance_text",
    "decimals",
    "interval_text",
    "number",
    "percent",
    "rate_of",
    "rate_text",
    "read_rows",
    "shown_token",
    "strongest",
    "token_text",
]

_NAME_LIMIT = 80
_TOKEN_LIMIT = 60
_LARGEST, _SMALLEST = 1e15, 1e-12
_ONE_SIDED = frozenset({"excess"})  # an accuracy below chance is no sign of the variable
_SPANS = {"all": "all positions", "last": "the last position"}
MINUS = "\N{MINUS SIGN}"


@dataclass(frozen=True)
class Row:
    """One effect, its text already cleaned.

    Args:
        method, component: What was done, and to which kind of site.
        layer, head, position, span, token: Where; None where the coordinate does not apply.
        estimate: The mean over items, in `unit`; NaN where it could not be computed.
        low, high, level: The interval and its coverage; None for a single item.
        n: How many items.
        null, p, q: The null it was tested against, and the p-value before and after correction; None if untested.
        sender, receiver: The node, or the ends of the edge, of a circuit; None for a site.
        fraction: The share of nodes or edges that a circuit was allowed.
        map, system: Of an alignment: the class of maps, and "real", "randomised" or "difference".
    """

    method: str
    component: str
    layer: int | None
    head: int | None
    position: int | None
    span: str | None
    token: str | None
    estimate: float
    unit: str
    low: float | None
    high: float | None
    level: float
    n: int
    null: str | None = None
    p: float | None = None
    q: float | None = None
    sender: str | None = None
    receiver: str | None = None
    fraction: float | None = None
    map: str | None = None
    system: str | None = None

    @property
    def is_number(self) -> bool:
        """Whether there is an estimate."""
        return math.isfinite(self.estimate)

    @property
    def excludes_zero(self) -> bool:
        """Whether the interval lies on one side of zero; False where there is none."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)

    @property
    def is_tested(self) -> bool:
        """Whether it belongs to a family that was run on a null."""
        return self.null is not None or self.q is not None

    @property
    def passes(self) -> bool:
        """Whether its corrected p-value is at most one minus the level, and its sign one that counts; False without."""
        return self.q is not None and _passes(self.q, self.level) and self._has_its_sign

    @property
    def is_finding(self) -> bool:
        """Whether it may be spoken of: a number that passes its test, or that nobody tested."""
        return self.is_number and (self.passes or not self.is_tested) and self._has_its_sign

    @property
    def _has_its_sign(self) -> bool:
        """Whether the estimate is above 0 where only that says anything."""
        return self.method not in _ONE_SIDED or self.estimate > 0

    @property
    def rank(self) -> tuple[bool, float]:
        """What the strongest of several is chosen by: what passes stands before what does not."""
        return self.is_finding, self.size

    @property
    def address(self) -> str:
        """The site's address, as studies write it: `L12.z.h3@-1`; an edge by its two ends."""
        if self.receiver is not None:
            return f"{self.sender} -> {self.receiver}"
        layer = "" if self.layer is None else f"L{self.layer}."
        head = "" if self.head is None else f".h{self.head}"
        place = self.position if self.position is not None else self.span
        return f"{layer}{self.component}{head}" + ("" if place is None else f"@{place}")

    @property
    def size(self) -> float:
        """The estimate's absolute value, for ranking; -1 where there is no number."""
        return abs(self.estimate) if self.is_number else -1.0

    def quantity(self) -> str:
        """The estimate with unit and interval: `+3.1 logits [2.5, 3.7]`."""
        return f"{self.figure} {self.unit}" + (f" {self.bounds}" if self.bounds else "")

    @property
    def figure(self) -> str:
        """The estimate alone, signed, with as many decimals as its interval bears."""
        return number(self.estimate, decimals(self.estimate, self.low, self.high), signed=True)

    @property
    def bounds(self) -> str:
        """The interval alone; empty if there is none."""
        return interval_text(self.low, self.high, decimals(self.estimate, self.low, self.high))

    def place(self) -> str:
        """Where in the prompt, in words; empty if the effect is of no single place."""
        if self.position is None:
            return _SPANS.get(self.span, f"the span {self.span}") if self.span else ""
        where = "the last position" if self.position == -1 else f"position {self.position}"
        if self.token is not None:
            return f"{where} ({token_text(self.token)})"
        if self.span is None:
            return where
        return f"{where} (the last)" if self.span == "last" else f"{where} (in the {self.span})"


def read_rows(table: pa.Table) -> list[Row]:
    """Return the rows of a table of effects; of its dimensions those of tracing, of subspaces and of alignments."""
    return [_row(record) for record in table.to_pylist()]


def _row(record: Mapping[str, object]) -> Row:
    estimate = _number(record.get("estimate"))
    low, high = _number(record.get("low")), _number(record.get("high"))
    has_interval = low is not None and high is not None
    return Row(
        method=_text(record.get("method")) or _text(record.get("measure")) or "effect",
        component=_text(record.get("component")) or _text(record.get("part")) or _aligned(record) or "outcome",
        layer=_integer(record.get("layer")),
        head=_integer(record.get("head")),
        position=_integer(record.get("position")),
        span=_text(record.get("span")),
        token=None if record.get("token") is None else shown_token(str(record["token"])),
        estimate=math.nan if estimate is None else estimate,
        unit=_text(record.get("unit")) or "",
        low=low if has_interval else None,
        high=high if has_interval else None,
        level=_number(record.get("level")) or 0.95,
        n=_integer(record.get("n")) or 0,
        null=_text(record.get("null")),
        p=_number(record.get("p")),
        q=_number(record.get("q")),
        sender=_text(record.get("sender")),
        receiver=_text(record.get("receiver")),
        fraction=_number(record.get("fraction")),
        map=_text(record.get("map")),
        system=_text(record.get("system")),
    )


def _aligned(record: Mapping[str, object]) -> str | None:
    """A map, and the system it was fitted on where that is not the network asked about: `rotation (randomised)`."""
    name, system = _text(record.get("map")), _text(record.get("system"))
    return name if name is None or system in (None, "real") else f"{name} ({system})"


def _text(value: object, limit: int = _NAME_LIMIT) -> str | None:
    return None if value is None else clean_text(str(value), limit)


def _integer(value: object) -> int | None:
    return value if isinstance(value, int) else None


def _number(value: object) -> float | None:
    """A number that a page can scale and write: an infinite or absurdly large one is none, a vanishing one is zero."""
    if not isinstance(value, int | float) or not abs(value) < _LARGEST:
        return None
    return float(value) if abs(value) > _SMALLEST else 0.0


def shown_token(token: str) -> str:
    """Return a token cleaned; line breaks and tabs, which cleaning makes spaces, stay visible as signs."""
    return clean_text(token.replace("\n", "↵").replace("\t", "⇥"), _TOKEN_LIMIT)


def token_text(token: str) -> str:
    """Return a token as readers see it: a leading space as a dot in the middle, nothing as the empty sign."""
    if not token:
        return "∅"
    spaces = len(token) - len(token.lstrip(" "))
    return "·" * spaces + token[spaces:]


def decimals(estimate: float, low: float | None, high: float | None) -> int:
    """Return how many decimals are worth showing: the half width decides, or three figures without an interval."""
    if not math.isfinite(estimate):
        return 0
    if low is None or high is None or high <= low:
        size = abs(estimate)
        return 2 if size == 0 else min(max(2 - math.floor(math.log10(size)), 0), 6)
    return min(max(-math.floor(math.log10((high - low) / 8)), 0), 6)


def number(value: float, places: int, *, signed: bool = False) -> str:
    """Return a number with a true minus sign; a sign on positive ones if asked; `not a number` for NaN."""
    if not math.isfinite(value):
        return "not a number"
    text = f"{value:+.{places}f}" if signed else f"{value:.{places}f}"
    if not text.strip("+-0."):
        return text.lstrip("+-")
    return text.replace("-", MINUS)


def interval_text(low: float | None, high: float | None, places: int) -> str:
    """Return `[2.5, 3.7]`, or an empty string if there is no interval."""
    if low is None or high is None:
        return ""
    return f"[{number(low, places)}, {number(high, places)}]"


def percent(share: float) -> str:
    """Return a share as a percentage without decimals, never rounding something to 0% or to 100%."""
    if 0 < share < 0.005:
        return "<1%"
    if 0.995 < share < 1:
        return ">99%"
    return f"{share * 100:.0f}%"


def rate_of(level: float) -> float:
    """Return one minus the level, as people write it: 0.05 and not 0.050000000000000044."""
    return float(1 - Fraction(str(level)))


def rate_text(level: float) -> str:
    """Return one minus the level as a percentage: `5%`."""
    return f"{100 * rate_of(level):.4g}%"


@lru_cache(maxsize=4096)  # of q there are only as many values as draws
def _passes(q: float, level: float) -> bool:
    return bool(passes(q, level))


def chance_text(q: float | None) -> str:
    """Return a corrected p-value in brackets, ` (q = 0.042)`; empty if there is none."""
    return "" if q is None else f" (q = {q:.2g})"


def strongest(rows: Iterable[Row], count: int) -> list[Row]:
    """Return the `count` rows of largest absolute estimate, largest first; rows without a number are left out."""
    return sorted((row for row in rows if row.is_number), key=lambda row: -row.size)[:count]
