"""What is kept of a benchmark run, and how it is read back."""

import json
import statistics
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from machine import Roof

RESULTS = Path(__file__).parent / "results"
_PACKAGES = ("aetia", "torch", "transformers", "nnsight", "transformer-lens", "pyvene")
_NOISY_SPREAD = 0.25


@dataclass
class Timing:
    """What was measured of one method on one grid.

    Args:
        method: Its name.
        side: `hooks`, `peer` or `aetia`.
        operations: Floating-point operations of its matrix products.
        seconds: Of each round.
        roofs: GFLOP/s of matrix products around each round.
        off_by: The largest difference of a cell from the reference method's, in logits.
        memory: What `memory.measure_in_child` found.
        error: Why there is no result.
    """

    method: str
    side: str
    operations: int = 0
    seconds: list[float] = field(default_factory=list)
    roofs: list[Roof] = field(default_factory=list)
    off_by: float | None = None
    memory: dict[str, int | str] = field(default_factory=dict)
    error: str | None = None

    @property
    def median(self) -> float:
        """Median time of its rounds, in seconds."""
        return statistics.median(self.seconds)

    @property
    def speed(self) -> float:
        """GFLOP/s of the operations that the method cannot do without."""
        return self.operations / self.median / 1e9

    @property
    def share_of_square(self) -> float:
        """Its speed as a share of a large square product's, measured around each round."""
        return self._share([roof.square for roof in self.roofs])

    @property
    def share_of_layers(self) -> float:
        """Its speed as a share of that of the products of one block."""
        return self._share([roof.layers for roof in self.roofs])

    def _share(self, roofs: list[float]) -> float:
        shares = (self.operations / s / 1e9 / roof for s, roof in zip(self.seconds, roofs, strict=True))
        return statistics.median(shares)


@dataclass
class GridRecord:
    """All methods on one grid; those that ran are compared with the first of them."""

    name: str
    rows: int
    columns: int
    tokens: int
    first_difference: int
    methods: list[Timing]

    @property
    def done(self) -> list[Timing]:
        """The methods that have a result."""
        return [timing for timing in self.methods if timing.seconds]

    def best(self, side: str) -> Timing | None:
        """The fastest method of a side."""
        return min((t for t in self.done if t.side == side), key=lambda t: t.median, default=None)


@dataclass
class Report:
    """A benchmark run: what was compared, where, and what came out."""

    is_quick: bool
    model: dict[str, str]
    machine: dict[str, str | int]
    versions: dict[str, str]
    grids: list[GridRecord]
    made: str

    def squares(self) -> list[float]:
        """Every measured speed of a large square product."""
        return [roof.square for grid in self.grids for timing in grid.methods for roof in timing.roofs]

    def quiet_or_not(self) -> str:
        """How far matrix products varied while the benchmark ran, in words."""
        squares = self.squares()
        middle = statistics.median(squares)
        spread = (max(squares) - min(squares)) / middle
        verdict = "the machine was noisy, and times of single runs with it" if spread > _NOISY_SPREAD else "quiet"
        return (
            f"square products around the runs: {min(squares):.0f}-{max(squares):.0f} GFLOP/s, median {middle:.0f}: "
            f"{verdict}"
        )


@dataclass(frozen=True)
class Shortlist:
    """The k largest effects, looked for among the cells that screening puts first.

    Args:
        wanted: k.
        rule: `2k`, `4k`, or `bound`: all cells that the sample's bound does not rule out.
        cells: How many cells that is.
        found: How many of the exact k are among them.
        seconds: Time of computing these cells exactly.
    """

    wanted: int
    rule: str
    cells: int
    found: int
    seconds: float


@dataclass(frozen=True)
class Screening:
    """What a bfloat16 pass over one grid gives.

    Args:
        made: When.
        is_quick: Whether only a part of the grid was computed.
        grid: Its name.
        cells: How many cells it has.
        machine: Where.
        roofs: Speed of matrix products before and after.
        exact_seconds: Of the whole grid in float32, each round.
        rough_seconds: The same in bfloat16.
        span: From the lowest to the highest exact effect, in logits.
        sample: How many random cells the error was bounded on.
        sample_seconds: Time of computing these exactly.
        bound: The largest error among them, in logits.
        largest_error: The largest over all cells.
        median_error: The median over all cells.
        beyond_bound: How many cells are off by more than the bound.
        shortlists: What is found among the cells that come first.
    """

    made: str
    is_quick: bool
    grid: str
    cells: int
    machine: dict[str, str | int]
    roofs: list[Roof]
    exact_seconds: list[float]
    rough_seconds: list[float]
    span: float
    sample: int
    sample_seconds: float
    bound: float
    largest_error: float
    median_error: float
    beyond_bound: int
    shortlists: list[Shortlist]

    @property
    def exact(self) -> float:
        """Median time of the whole grid in float32."""
        return statistics.median(self.exact_seconds)

    @property
    def rough(self) -> float:
        """Median time of the whole grid in bfloat16."""
        return statistics.median(self.rough_seconds)

    def total(self, one: Shortlist) -> float:
        """Time of screening, of the sample, and of a shortlist computed exactly."""
        return self.rough + self.sample_seconds + one.seconds


@dataclass(frozen=True)
class ScalingRow:
    """One process: so many items, in one plan or one after another; memory above the loaded model."""

    items: int
    together: bool
    seconds: float
    peak_bytes: int
    forecast_bytes: int
    square: float


@dataclass(frozen=True)
class Scaling:
    """Time and memory of the same grid for more and more items."""

    made: str
    is_quick: bool
    kind: str
    machine: dict[str, str | int]
    rows: list[ScalingRow]

    def median(self, name: str, items: int, *, together: bool) -> float:
        """Median over the rounds of one column of the rows."""
        return statistics.median(
            getattr(row, name) for row in self.rows if row.items == items and row.together == together
        )


def write(result: Report | Screening | Scaling, target: Path) -> None:
    """Writes a result as JSON, for `read_report`, `read_screening` or `read_scaling`."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(asdict(result), indent=1) + "\n")


def read_screening(source: Path) -> Screening:
    """The screening that `write` wrote."""
    record = json.loads(source.read_text())
    roofs = [Roof(**roof) for roof in record.pop("roofs")]
    shortlists = [Shortlist(**one) for one in record.pop("shortlists")]
    return Screening(**record, roofs=roofs, shortlists=shortlists)


def read_scaling(source: Path) -> Scaling:
    """The scaling that `write` wrote."""
    record = json.loads(source.read_text())
    rows = [ScalingRow(**row) for row in record.pop("rows")]
    return Scaling(**record, rows=rows)


def read_report(source: Path) -> Report:
    """The report that `write` wrote."""
    record = json.loads(source.read_text())
    grids = []
    for grid in record.pop("grids"):
        methods = [Timing(**{**m, "roofs": [Roof(**roof) for roof in m["roofs"]]}) for m in grid.pop("methods")]
        grids.append(GridRecord(**grid, methods=methods))
    return Report(**record, grids=grids)


def now() -> str:
    """The time, to the second, in UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def installed_versions() -> dict[str, str]:
    """The versions of everything that is compared."""
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
