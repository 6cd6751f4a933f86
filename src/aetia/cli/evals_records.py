"""What does `aetia evals --json` write, one record a line?"""

from typing import TYPE_CHECKING, Literal

from aetia.cli.records import Record
from aetia.runs.keys import JSON

if TYPE_CHECKING:
    from aetia.evals.adaptations import WayOfAsking
    from aetia.evals.harness.calm import CalmCell, CalmTask
    from aetia.evals.item import Item
    from aetia.evals.task import Task
    from aetia.report.standings import Standing

__all__ = [
    "AuditRecord",
    "CalmCellRecord",
    "CalmTaskRecord",
    "ComparisonRecord",
    "ItemRecord",
    "ScoreRecord",
    "StandingRecord",
    "TaskRecord",
    "WayRecord",
]


class TaskRecord(Record):
    """A task that can be asked."""

    record: Literal["task"] = "task"
    name: str
    asks: str
    rung: str
    scenario: str
    form: str
    mode: str
    source: Literal["generated", "published"]
    languages: list[str]
    chance: float
    skills: list[str]
    seeds: list[str]
    citation: str
    licence: str
    home: str

    @classmethod
    def of(cls, task: "Task") -> "TaskRecord":
        """The record of a task."""
        from aetia.evals.task import Generator

        target, source = task.target, task.source
        is_generated = isinstance(source, Generator)
        return cls(
            name=task.name,
            asks=task.asks,
            rung=target.rung,
            scenario=target.scenario,
            form=target.form,
            mode=target.mode,
            source="generated" if is_generated else "published",
            languages=list(source.languages) if isinstance(source, Generator) else [],
            chance=task.chance,
            skills=list(task.tags.skill),
            seeds=list(task.seeds),
            citation=task.citation,
            licence="Apache-2.0" if isinstance(source, Generator) else source.licence,
            home="" if isinstance(source, Generator) else source.home,
        )


class WayRecord(Record):
    """A way of asking."""

    record: Literal["adaptation"] = "adaptation"
    name: str
    does: str
    needs: list[str]
    is_control: bool
    knows_label: bool
    is_written_out: bool
    seeds: list[str]
    citation: str

    @classmethod
    def of(cls, way: "WayOfAsking") -> "WayRecord":
        """The record of a way of asking."""
        return cls(
            name=way.name,
            does=way.line,
            needs=list(way.needs),
            is_control=way.is_control,
            knows_label=way.knows_label,
            is_written_out=way.is_written_out,
            seeds=list(way.seeds),
            citation=way.citation,
        )


class ItemRecord(Record):
    """One item with its label; as a line of a file it is a task of one's own."""

    record: Literal["item"] = "item"
    item: dict[str, JSON]

    @classmethod
    def of(cls, item: "Item") -> "ItemRecord":
        """The record of an item."""
        return cls(item=item.to_record())


class AuditRecord(Record):
    """What an audit of a task found: contradictions, faults, and findings about the set."""

    record: Literal["audit"] = "audit"
    audit: dict[str, JSON]


class ScoreRecord(Record):
    """One figure of an evaluation."""

    record: Literal["score"] = "score"
    task: str
    adaptation: str
    measure: str
    estimate: float | None
    low: float | None
    high: float | None
    unit: str
    n: int
    null: str | None
    p: float | None
    q: float | None


class CalmCellRecord(Record):
    """What CaLM's scripts make of a model's replies to a task, asked one way: shares from 0 to 1.

    `robustness` is that of an adversarial way alone; the errors are absent where CaLM counts none, and `malformed`
    where the prompts did not ask for its form. `same_answer` is the answer that all replies give, empty if they differ.
    """

    record: Literal["calm_cell"] = "calm_cell"
    model: str
    task: str
    adaptation: str
    n: int
    accuracy: float
    robustness: float | None
    same_answer: str | None
    other_language: float | None
    malformed: float | None
    repetition: float | None
    empty: float | None

    @classmethod
    def of(cls, cell: "CalmCell") -> "CalmCellRecord":
        """The record of a cell."""
        errors = cell.errors
        return cls(
            model=cell.model,
            task=cell.task,
            adaptation=cell.adaptation,
            n=cell.replies,
            accuracy=cell.accuracy,
            robustness=cell.robustness,
            same_answer=None if errors is None else errors.same,
            other_language=None if errors is None else errors.language,
            malformed=None if errors is None or not cell.is_form_asked else errors.malformed,
            repetition=None if errors is None else errors.repetition,
            empty=None if errors is None else errors.empty,
        )


class CalmTaskRecord(Record):
    """CaLM's metrics of a task over models and adaptations; volatilities are in points of a percentage."""

    record: Literal["calm_task"] = "calm_task"
    task: str
    understandability: str
    solvability: str
    open_limited_gap: str | None
    model_volatility: dict[str, float]
    prompt_volatility: dict[str, float]

    @classmethod
    def of(cls, task: "CalmTask") -> "CalmTaskRecord":
        """The record of a task."""
        return cls(
            task=task.task,
            understandability=task.metrics.understandability,
            solvability=task.metrics.solvability,
            open_limited_gap=task.metrics.open_limited_gap if task.has_gap else None,
            model_volatility=dict(task.models),
            prompt_volatility=dict(task.adaptations),
        )


class ComparisonRecord(Record):
    """Two sets of replies to the same items of a task; `unpaired` counts the items that only one of them has."""

    record: Literal["comparison"] = "comparison"
    task: str
    adaptation: str
    items: int
    first: float
    second: float
    difference: float
    low: float | None
    high: float | None
    only_first: int
    only_second: int
    test: str
    p: float
    q: float
    detectable: float | None
    unpaired: int

    def cells(self) -> list[str]:
        """The record as a line of a table."""
        bounds = "" if self.low is None or self.high is None else f" [{self.low * 100:+.1f}, {self.high * 100:+.1f}]"
        return [
            self.task,
            self.adaptation,
            str(self.items),
            f"{self.first:.1%}",
            f"{self.second:.1%}",
            f"{self.difference:+.1%}{bounds}",
            f"{self.p:.3g}",
            f"{self.q:.3g}",
            "" if self.detectable is None else f"{self.detectable:.1%}",
        ]


class StandingRecord(Record):
    """How one run stands among several; `better` and `worse` are against the next one, absent for the last."""

    record: Literal["standing"] = "standing"
    model: str
    above_chance: float
    low: float
    high: float
    tasks_above: int
    tasks: int
    better: int | None
    worse: int | None

    @classmethod
    def of(cls, standing: "Standing", tasks: int) -> "StandingRecord":
        """The record of a standing among so many tasks and ways of asking."""
        return cls(
            model=standing.name,
            above_chance=standing.mean,
            low=standing.low,
            high=standing.high,
            tasks_above=standing.above,
            tasks=tasks,
            better=standing.better,
            worse=standing.worse,
        )

    def cells_shown(self) -> list[str]:
        """The record as a line of a table."""
        return [
            self.model,
            f"{self.above_chance:+.3f}",
            f"[{self.low:+.3f}, {self.high:+.3f}]",
            f"{self.tasks_above} of {self.tasks}",
            "" if self.better is None else str(self.better),
            "" if self.worse is None else str(self.worse),
        ]
