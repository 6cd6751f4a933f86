"""What was asked, of what, and where do the numbers come from?"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aetia.report.evidence import Evidence, Item
from aetia.report.rows import token_text
from aetia.report.sentences import of_sites, task_of
from aetia.report.verdicts import correction_claim, null_claim, null_words
from aetia.report.wording import wording
from aetia.runs.keys import JSON
from aetia.text import clean_text

__all__ = ["Fact", "Token", "asked", "model_name", "prompt_tokens", "provenance", "study_json", "title"]

_VALUES_SHOWN = 60
_STUDY_LIMIT = 8000
_CHANCE = (
    "beside the null a one-sided sign test in each half of the items, whose maps come from the other half; doubled for "
    "the halves and multiplied by the maps. The larger p and q count."
)


@dataclass(frozen=True)
class Fact:
    """A term and what is said of it."""

    term: str
    text: str


@dataclass(frozen=True)
class Token:
    """A token of an example prompt, and whether it differs between the clean and the corrupted one."""

    text: str
    differs: bool


def model_name(evidence: Evidence) -> str:
    """Return the model's short name, or "the model"."""
    system = evidence.manifest.system if evidence.manifest is not None else {}
    for value in (system.get("name"), system.get("model"), evidence.study.get("model")):
        if isinstance(value, str) and value:
            return clean_text(value.rstrip("/").rsplit("/", 1)[-1], 80)
    return "the model"


def title(evidence: Evidence) -> str:
    """Return the question of the report."""
    task = _contrasts(evidence)
    what = f"the {task} task" if task else ("this prompt" if len(evidence.items) == 1 else "these prompts")
    if any(row.map is not None for row in evidence.rows):
        site = clean_text(evidence.provenance.get("site", "the site"), 60)
        return f"Is the variable of {what} read at {site} of {model_name(evidence)}?"
    return f"Which parts of {model_name(evidence)} cause its answers on {what}?"


def asked(evidence: Evidence) -> list[Fact]:
    """Return what was asked, in words."""
    study, rows = evidence.study, evidence.rows
    cells = of_sites(rows)
    methods = dict.fromkeys(row.method for row in cells)
    components = ", ".join(dict.fromkeys(row.component.partition(".u")[0] for row in cells))
    outcome = study.get("outcome")
    outcome = clean_text(outcome.replace("_", " "), 60) if isinstance(outcome, str) else "logit difference"
    task = task_of(rows)
    unit = task.clean.unit if task.clean is not None else next((row.unit for row in cells), "")
    count = len(evidence.items) or max((row.n for row in rows), default=0)
    window = study.get("window")
    wide = f", in windows of {window} layers" if isinstance(window, int) and window > 1 else ""
    return [
        Fact("Model", model_name(evidence)),
        Fact("Contrasts", _contrasts(evidence) or "one\u2019s own, given in the study"),
        Fact("Items", f"{count:,}, each a clean and a corrupted prompt; {_replicated(evidence)}"),
        Fact("Outcome", f"{outcome}{_reading(outcome)}, in {unit}" if unit else outcome),
        *(Fact("Intervention", _done(method, evidence.direction)) for method in methods),
        Fact(
            "Maps" if cells and cells[0].map is not None else "Sites",
            f"{components}: {len(cells):,} cells{wide}" if cells else "none",
        ),
        Fact("Intervals", _intervals(evidence)),
        *_tests(evidence),
    ]


def _replicated(evidence: Evidence) -> str:
    """What was drawn independently, and is counted."""
    clusters = evidence.provenance.get("clusters", "")
    if not clusters:
        return "the unit of replication"
    return (
        f"in {clean_text(clusters, 20)} clusters of items that depend on each other, which are the unit of replication"
    )


def _contrasts(evidence: Evidence) -> str:
    """The name of the set, or of the file without its folder and ending."""
    contrasts = evidence.study.get("contrasts")
    if not isinstance(contrasts, str):
        return ""
    return clean_text(re.sub(r"\.(jsonl|csv)$", "", contrasts.replace("\\", "/").rsplit("/", 1)[-1]), 60)


def _reading(outcome: str) -> str:
    return ", the answer's logit minus the foil's, at the last position" if outcome == "logit difference" else ""


def _done(method: str, direction: str) -> str:
    how = wording(method, direction)
    return f"{how.title}. {how.reading}".strip()


def _intervals(evidence: Evidence) -> str:
    row = next((row for row in evidence.rows if row.low is not None), None)
    if row is None:
        return "none: they need two items or more"
    return (
        f"{row.level:.0%}, bootstrap over {evidence.units} (Wilson for accuracy); not corrected for the number of cells"
    )


def _tests(evidence: Evidence) -> list[Fact]:
    """What the cells were tested against and how that was corrected for their number, or that they were not."""
    row = next((row for row in evidence.rows if row.is_tested), None)
    if row is None:
        return [Fact("Null", f"none. {evidence.why_untested}".strip())]
    null = row.null or ""
    return [
        Fact(
            "Null", f"{null_words(null)}: {null_claim(null)}" if null_claim(null) else null_words(null) or "not named"
        ),
        *([Fact("Chance", _CHANCE)] if row.map is not None else []),
        Fact("Correction", correction_claim(evidence.correction, row.level)),
    ]


def prompt_tokens(item: Item) -> tuple[list[Token], list[Token]]:
    """Return the clean and the corrupted prompt token by token; they are compared where they are equally long."""
    clean, corrupted = item.clean_tokens, item.corrupted_tokens
    pairs = zip(clean, corrupted, strict=False)
    differs = [one != other for one, other in pairs] if len(clean) == len(corrupted) else []
    return _marked(clean, differs), _marked(corrupted, differs)


def _marked(tokens: Sequence[str], differs: Sequence[bool]) -> list[Token]:
    marks = differs or [False] * len(tokens)
    return [Token(token_text(token), mark) for token, mark in zip(tokens, marks, strict=True)]


def provenance(evidence: Evidence) -> list[tuple[str, list[Fact]]]:
    """Return where the numbers come from, in groups; nested records are flattened and long ones cut with a count."""
    manifest = evidence.manifest
    if manifest is None:
        return [("Study", _flat(evidence.study))] if evidence.study else []
    run: dict[str, JSON] = {
        "status": manifest.status,
        "engine": manifest.engine,
        "started": manifest.started,
        "ended": manifest.ended,
        "sessions": manifest.sessions,
        "batches": len(manifest.batches),
        "cells": sum(batch.cells for batch in manifest.batches),
        "study identity": manifest.identity,
        "error": manifest.error,
    }
    groups: list[tuple[str, Mapping[str, JSON]]] = [
        ("System", manifest.system),
        ("Run", run),
        ("Forecast", manifest.forecast),
        ("Notes", {str(index + 1): note for index, note in enumerate(manifest.notes)}),
        ("Failed batches", {failure.key: failure.error for failure in manifest.failed}),
        ("Versions", dict(manifest.versions)),
        ("Seeds", dict(manifest.seeds)),
        ("Machine", manifest.hardware),
    ]
    return [(name, facts) for name, record in groups if (facts := _flat(record))]


def study_json(evidence: Evidence) -> str:
    """Return the study as JSON, cut if it is very long."""
    lines = json.dumps(dict(evidence.study), indent=2, ensure_ascii=False).split("\n")
    text = "\n".join(_indented(line) for line in lines)
    return text if len(text) <= _STUDY_LIMIT else text[:_STUDY_LIMIT] + "\n… the rest is in manifest.json"


def _indented(line: str) -> str:
    body = line.lstrip(" ")
    return " " * (len(line) - len(body)) + clean_text(body, 400)


def _flat(record: Mapping[str, JSON], prefix: str = "") -> list[Fact]:
    facts: list[Fact] = []
    for key, value in record.items():
        name = clean_text(f"{prefix}{key}", 120)
        if isinstance(value, Mapping):
            facts += _flat(value, f"{name} · ")
        elif isinstance(value, Sequence) and not isinstance(value, str):
            facts.append(Fact(name, clean_text(", ".join(str(part) for part in value[:_VALUES_SHOWN]))))
        elif value is not None and value != "":
            facts.append(Fact(name, _shown(value)))
    if not prefix and len(facts) > _VALUES_SHOWN:
        rest = len(facts) - _VALUES_SHOWN
        facts = [*facts[:_VALUES_SHOWN], Fact("…", f"and {rest} more in manifest.json")]
    return facts


def _shown(value: bool | float | str) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return clean_text(str(value))
