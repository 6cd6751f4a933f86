"""How does an evaluation become a page: scores, errors, and every reply with its reason?"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

import pyarrow as pa
from markupsafe import Markup, escape

from aetia.effects import Effects, passes
from aetia.evals.adaptations import way_of_asking
from aetia.evals.harness.calm import CalmFigures, calm_figures
from aetia.evals.harness.scored import scored
from aetia.files import write_atomic, writing
from aetia.report.evidence import Evidence
from aetia.report.question import Fact, provenance, study_json
from aetia.report.shell import page_environment, page_file, page_policy, page_style
from aetia.runs import open_run
from aetia.runs.store import Manifest
from aetia.text import clean_text

__all__ = ["write_evaluation"]

_BUDGET = 700_000
"""Bytes of replies on a page, as they stand in it; the rest is in the run."""

_MARKUP = 900  # bytes that a reply takes beside its texts

_TEXT = 4000  # letters of a turn that are shown
_STEPS = 12  # of a derivation
_NAME = 80  # letters of a name

_CAVEATS = (
    Fact(
        "Chance is not the only null",
        "A model that answers by a cue in the words can pass its test against blind guessing. Ask options-only, "
        "question-blind and premise-shuffled beside: a score that they reach needs no reasoning.",
    ),
    Fact(
        "One wording is one sample",
        "Another wording or other names of the same item may be answered otherwise; --orbits asks them, and orbit "
        "consistency is the share of items that are right in all of them.",
    ),
    Fact(
        "Reading an answer is a rule",
        "Answers are read from replies by a grammar. A reply without a readable answer counts as wrong, and as "
        "'no answer' among the errors.",
    ),
)

Row = Mapping[str, object]


@dataclass(frozen=True)
class _Cell:
    """A share of right answers, and whether it passes its test."""

    estimate: float
    low: float | None
    high: float | None
    passes: bool


@dataclass(frozen=True)
class _Line:
    """A task's scores by way of asking."""

    task: str
    chance: float | None
    cells: tuple[_Cell | None, ...]


def write_evaluation(directory: Path, path: Path) -> Path:
    """Write the page about an evaluation, with as many replies as fit.

    Args:
        directory: The run.
        path: Where the page goes.

    Raises:
        RunError: The directory holds no run, or one without replies or effects; AE-6011, AE-6012 the page cannot be
            written.
    """
    run = open_run(directory)
    effects, replies = run.effects(), scored(run.values())
    content = _rendered(run.manifest, effects, replies, directory)
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, content.encode("utf-8", "replace"))
    return path


def _rendered(manifest: Manifest, effects: Effects, replies: pa.Table, directory: Path) -> str:
    rows = effects.to_arrow().to_pylist()
    accuracy = [row for row in rows if row["measure"] == "accuracy"]
    names, ways = _distinct(rows, "task"), _distinct(rows, "adaptation")
    items = _items(replies.to_pylist())
    style, script = page_style() + page_file("evaluation.css"), page_file("evaluation.js")
    evidence = Evidence((), manifest=manifest, study=manifest.study, provenance=effects.provenance)
    level = float(str(manifest.study.get("level", 0.95)))
    return (
        page_environment()
        .get_template("evaluation.html.jinja")
        .render(
            title=_title(manifest, names),
            policy=page_policy(style, script),
            style=Markup(style),  # noqa: S704  the package's own file
            script=Markup(script),  # noqa: S704  the package's own file
            manifest=manifest,
            sentences=_sentences(accuracy, level),
            level=f"{level:.0%}",
            ways=ways,
            oracles={way for way in ways if way_of_asking(way).knows_label},
            tasks=[_shown(name) for name in names],
            grid=[_line(name, accuracy, ways, level) for name in names],
            measures=_measures(rows),
            details=_details(rows, names, ways),
            calm=_calm(calm_figures({str(manifest.study.get("model")): replies})),
            items=items,
            shown=len(items),
            total=replies.num_rows,
            directory=clean_text(str(directory), 200),
            caveats=_CAVEATS,
            provenance=provenance(evidence),
            study=study_json(evidence),
        )
    )


def _title(manifest: Manifest, names: Sequence[str]) -> str:
    model = clean_text(str(manifest.study.get("model")), 80)
    what = _shown(names[0]) if len(names) == 1 else f"{len(names)} tasks"
    return f"How well does {model} do {what}?"


def _distinct(rows: Iterable[Row], name: str) -> list[str]:
    return list(dict.fromkeys(str(row[name]) for row in rows))


def _shown(name: str) -> str:
    """A name on the page; the end of a long one, which tells files apart."""
    cleaned = clean_text(name, 4000)
    return cleaned if len(cleaned) <= _NAME else "…" + cleaned[1 - _NAME :]


def _of(rows: Iterable[Row], task: str, way: str) -> list[Row]:
    return [row for row in rows if row["task"] == task and row["adaptation"] == way]


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _passes(row: Row, level: float) -> bool:
    q, chance = _number(row["q"]), _chance(row)
    estimate = _number(row["estimate"]) or 0.0
    return q is not None and bool(passes([q], level)[0]) and chance is not None and estimate > chance


def _chance(row: Row) -> float | None:
    """The chance that a row was tested against, from the name of its null, as in `chance:0.5`."""
    null = str(row["null"] or "")
    return float(null.partition(":")[2]) if null.startswith("chance:") else None


def _line(task: str, accuracy: Sequence[Row], ways: Sequence[str], level: float) -> _Line:
    cells: list[_Cell | None] = []
    chance = None
    for way in ways:
        found = _of(accuracy, task, way)
        estimate = _number(found[0]["estimate"]) if found else None
        if estimate is None:
            cells.append(None)
            continue
        row = found[0]
        chance = _chance(row) if chance is None else chance
        cells.append(_Cell(estimate, _number(row["low"]), _number(row["high"]), _passes(row, level)))
    return _Line(_shown(task), chance, tuple(cells))


def _sentences(accuracy: Sequence[Row], level: float) -> list[str]:
    asked = [row for row in accuracy if _number(row["q"]) is not None]
    tested = [row for row in asked if not way_of_asking(str(row["adaptation"])).is_control]
    controls = [row for row in asked if way_of_asking(str(row["adaptation"])).is_control]
    how = f"above blind guessing at {1 - level:.0%}, corrected by Holm"
    above = [row for row in tested if _passes(row, level)]
    found = [f"{len(above)} of {len(tested)} scores are {how}."] if tested else []
    if above:
        best = max(above, key=lambda row: (_number(row["estimate"]) or 0.0) - (_chance(row) or 0.0))
        task, way = _shown(str(best["task"])), str(best["adaptation"])
        found.append(
            f"Furthest above chance is {task}, asked {way}: {_number(best['estimate']):.0%} where guessing gets "
            f"{_chance(best):.0%}."
        )
    if controls:
        count = sum(_passes(row, level) for row in controls)
        found.append(f"{count} of {len(controls)} scores of controls, which leave out what an answer needs, are {how}.")
    return found


def _measures(rows: Iterable[Row]) -> list[str]:
    return [name for name in _distinct(rows, "measure") if name != "accuracy"]


@dataclass(frozen=True)
class _Detail:
    """All other measures of a task and a way of asking, in words."""

    task: str
    way: str
    values: tuple[str, ...]


def _details(rows: Sequence[Row], names: Sequence[str], ways: Sequence[str]) -> list[_Detail]:
    measures = _measures(rows)
    found = []
    for task in names:
        for way in ways:
            told = {str(row["measure"]): row for row in _of(rows, task, way)}
            if told:
                found.append(_Detail(_shown(task), way, tuple(_value(told.get(name)) for name in measures)))
    return found


def _value(row: Row | None) -> str:
    estimate = _number(row["estimate"]) if row is not None else None
    if row is None or estimate is None:
        return "-"
    return f"{estimate:.0%}" if row["unit"] in ("proportion", "share") else f"{estimate:.3g}"


@dataclass(frozen=True)
class _Calm:
    """CaLM's figures of the run, in words: of each task and way of asking, and of each task."""

    cells: tuple[tuple[str, ...], ...]
    tasks: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]


def _calm(found: CalmFigures) -> _Calm:
    cells = []
    for cell in found.cells:
        errors = cell.errors
        malformed = errors.malformed if errors is not None and cell.is_form_asked else None
        shares = (errors.language, malformed, errors.repetition, errors.empty) if errors else (None,) * 4
        same = "-" if errors is None else errors.same or "no"
        figures = (_share(cell.accuracy), _share(cell.robustness), same, *map(_share, shares))
        cells.append((_shown(cell.task), cell.adaptation, *figures))
    tasks = [
        (
            _shown(task.task),
            task.metrics.understandability,
            task.metrics.solvability,
            *([f"{value:.1f}" for value in task.models.values()] or ["-"]),
        )
        for task in found.tasks
    ]
    return _Calm(tuple(cells), tuple(tasks), tuple(clean_text(note, 300) for note in found.notes) if cells else ())


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.0%}"


@dataclass(frozen=True)
class _Turn:
    """What was said, and by whom."""

    who: str
    text: str


@dataclass(frozen=True)
class _Reply:
    """One item as it is shown."""

    task: str
    way: str
    id: str
    verdict: str
    answer: str
    label: str
    errors: str
    derivation: tuple[str, ...]
    turns: tuple[_Turn, ...]


def _items(rows: Sequence[Row]) -> list[_Reply]:
    """As many replies as the page has room for, in turn of each task and way of asking."""
    cells: dict[tuple[object, object], list[Row]] = {}
    for row in rows:
        cells.setdefault((row["task"], row["adaptation"]), []).append(row)
    chosen: dict[tuple[object, object], list[_Reply]] = {cell: [] for cell in cells}
    room = _BUDGET
    for turn in zip_longest(*cells.values()):
        for row in turn:
            if row is None:
                continue
            reply = _reply(row)
            room -= _size(reply)
            if room < 0:
                return [reply for replies in chosen.values() for reply in replies]
            chosen[row["task"], row["adaptation"]].append(reply)
    return [reply for replies in chosen.values() for reply in replies]


def _size(reply: _Reply) -> int:
    """The bytes that a reply takes on the page: an angle bracket is four there, a Chinese character three."""
    texts = (*(turn.text for turn in reply.turns), *reply.derivation, reply.answer, reply.label, reply.errors)
    names = 2 * (len(reply.task) + len(reply.way))
    return _MARKUP + names + sum(len(str(escape(text)).encode("utf-8", "replace")) for text in texts)


def _reply(row: Row) -> _Reply:
    record = json.loads(str(row["record"]))
    answer, errors = row["answer"], row["errors"]
    verdict = "right" if row["right"] == 1.0 else "none" if answer is None else "wrong"
    return _Reply(
        _shown(str(row["task"])),
        str(row["adaptation"]),
        clean_text(str(row["item"]), 40),
        verdict,
        "no answer" if answer is None else clean_text(str(answer), 200),
        clean_text(str(row["label"]), 200),
        ", ".join(clean_text(str(error), 80) for error in errors) if isinstance(errors, list) else "",
        tuple(clean_text(str(step), 400) for step in record["derivation"][:_STEPS]),
        tuple(_turns(json.loads(str(row["turns"])))),
    )


def _turns(turns: Sequence[Mapping[str, object]]) -> list[_Turn]:
    found: list[_Turn] = []
    for number, turn in enumerate(turns, 1):
        messages, reply = turn["messages"], turn["reply"]
        assert isinstance(messages, list)
        assert isinstance(reply, dict)
        of = f" {number}" if len(turns) > 1 else ""
        found.append(_Turn(f"prompt{of}", "\n\n".join(_lines(text) for _, text in messages)))
        scores = ", ".join(f"{score:.3f}" for score in reply["scores"])
        found.append(_Turn(f"reply{of}", _lines(reply["text"]) + (f"\n(log-probabilities {scores})" if scores else "")))
    return found


def _lines(text: object) -> str:
    """A text with its line breaks, cleaned line by line and cut."""
    lines = [clean_text(line, _TEXT) for line in str(text)[:_TEXT].split("\n")]
    return "\n".join(lines) + ("\n…" if len(str(text)) > _TEXT else "")
