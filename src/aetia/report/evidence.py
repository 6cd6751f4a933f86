"""What does a run directory hold that a report can rest on?

Everything is read from the files; all text in them is taken as hostile and cleaned on the way in.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from aetia.effects import Effects
from aetia.errors import RunError
from aetia.report.grids import Label
from aetia.report.rows import Row, read_rows, shown_token, token_text
from aetia.report.seeing import Sight, sight_of
from aetia.report.wording import CORRECTIONS
from aetia.runs.keys import JSON
from aetia.runs.store import Manifest, Store
from aetia.text import clean_text

__all__ = ["Evidence", "Item", "Outcomes", "of_effects", "read_run", "token_labels"]

_PROMPT_LIMIT = 2000
_TOKENS_KEPT = 4096


@dataclass(frozen=True)
class Item:
    """One contrast as the run saw it, cleaned."""

    id: str
    clean: str
    corrupted: str
    answer: str
    foil: str
    clean_tokens: tuple[str, ...]
    corrupted_tokens: tuple[str, ...]
    spans: Mapping[str, tuple[int, int]]


@dataclass(frozen=True)
class Outcomes:
    """The outcome of the plain runs, item by item."""

    clean: tuple[float, ...]
    corrupted: tuple[float, ...]


@dataclass(frozen=True)
class Evidence:
    """What a report is made of.

    Args:
        rows: The effects.
        items: The contrasts; empty if only effects are at hand.
        outcomes: Paired outcomes of the plain runs, if the values are at hand.
        manifest: Everything else about the run; None for effects alone.
        study: The study as plain data.
        provenance: What the table of effects says of itself.
        sights: The items' pictures; empty for items of text alone.
    """

    rows: tuple[Row, ...]
    items: tuple[Item, ...] = ()
    outcomes: Outcomes | None = None
    manifest: Manifest | None = None
    study: Mapping[str, JSON] = field(default_factory=dict)
    provenance: Mapping[str, str] = field(default_factory=dict)
    sights: tuple[Sight, ...] = ()

    @property
    def direction(self) -> str:
        """Which way values are patched: "denoise" (clean into corrupted) or "noise"."""
        direction = self.study.get("direction")
        return direction if direction in ("denoise", "noise") else "denoise"

    @property
    def correction(self) -> str:
        """How p was corrected for the number of cells: "max-t", "bh" or "holm"; empty if that is not known."""
        correction = self.study.get("correction")
        return correction if isinstance(correction, str) and correction in CORRECTIONS else ""

    @property
    def units(self) -> str:
        """What n counts: "items", or "clusters" where items depend on each other."""
        return "clusters" if "clusters" in self.provenance else "items"

    @property
    def why_untested(self) -> str:
        """Why the run has no null, as its plan says; empty if it says nothing of it."""
        notes = self.manifest.notes if self.manifest is not None else ()
        return next((clean_text(note) for note in notes if note.startswith("Not tested")), "")


def read_run(directory: Path) -> Evidence:
    """Return what the run directory holds.

    Raises:
        RunError: AE-6003 and others of `Store`; AE-6501 if there are no effects yet; AE-6010 if they are damaged.
    """
    store = Store(directory)
    manifest = store.read_manifest()
    if not store.effects_path.exists():
        found = f"{directory} has no effects yet; its run is {manifest.status}."
        raise RunError("AE-6501", found, mend=f"aetia runs resume {directory}")
    effects = Effects.read(store.effects_path)
    records = store.read_items() if store.items_path.exists() else ()
    items = tuple(_item(record) for record in records)
    sights = tuple(sight for record in records if (sight := sight_of(record)) is not None)
    outcomes = _outcomes(store, manifest)
    rows = _with_spans(read_rows(effects.to_arrow()), token_labels(items))
    return Evidence(rows, items, outcomes, manifest, manifest.study, effects.provenance, sights)


def of_effects(effects: Effects) -> Evidence:
    """Return what a table of effects alone can show."""
    study: dict[str, JSON] = {key: clean_text(value) for key, value in effects.provenance.items()}
    try:
        stored = json.loads(effects.provenance.get("study", "{}"))
        study |= stored if isinstance(stored, dict) else {}
    except ValueError:
        pass  # a name rather than the whole study: shown as it is
    return Evidence(tuple(read_rows(effects.to_arrow())), study=study, provenance=effects.provenance)


def token_labels(items: Sequence[Item]) -> dict[int, Label]:
    """Return what the prompts have at each position; empty where they are not equally long.

    A position where items differ is labelled by the first item's token, marked as one of several. Positions from the
    end (-1) are labelled too.
    """
    lengths = {len(item.clean_tokens) for item in items}
    if len(lengths) != 1 or lengths == {0}:
        return {}
    length = lengths.pop()
    spans = items[0].spans if all(item.spans == items[0].spans for item in items) else {}
    labels: dict[int, Label] = {}
    for position in range(length):
        tokens = list(dict.fromkeys(token_text(item.clean_tokens[position]) for item in items))
        span = next((name for name, (start, stop) in spans.items() if start <= position < stop), None)
        title = f"position {position}, the same token in all items"
        if len(tokens) > 1:
            more = f", and {len(tokens) - 4} more" if len(tokens) > 4 else ""
            title = f"position {position}, where items differ: {', '.join(tokens[:4])}{more}"
        labels[position] = Label(tokens[0], span, len(tokens) > 1, title)
        labels[position - length] = labels[position]
    return labels


def _with_spans(rows: Sequence[Row], labels: Mapping[int, Label]) -> tuple[Row, ...]:
    """Name the span that a position lies in: where items differ, "position 8 (in the subject)" says more than 8."""
    spans = {position: label.span for position, label in labels.items() if label.span is not None}
    return tuple(
        replace(row, span=spans[row.position]) if row.span is None and row.position in spans else row for row in rows
    )


def _item(record: Mapping[str, object]) -> Item:
    spans = record.get("spans")
    return Item(
        id=_text(record.get("id"), 80),
        clean=_text(record.get("clean")),
        corrupted=_text(record.get("corrupted")),
        answer=_text(record.get("answer"), 80),
        foil=_text(record.get("foil"), 80),
        clean_tokens=_tokens(record.get("clean_tokens")),
        corrupted_tokens=_tokens(record.get("corrupted_tokens")),
        spans=_spans(spans) if isinstance(spans, Mapping) else {},
    )


def _text(value: object, limit: int = _PROMPT_LIMIT) -> str:
    return clean_text(str(value), limit) if value is not None else ""


def _tokens(value: object) -> tuple[str, ...]:
    tokens = value[:_TOKENS_KEPT] if isinstance(value, list) else []
    return tuple(shown_token(str(token)) for token in tokens)


def _spans(record: Mapping[object, object]) -> dict[str, tuple[int, int]]:
    found: dict[str, tuple[int, int]] = {}
    for name, bounds in record.items():
        if isinstance(bounds, list) and len(bounds) == 2 and all(isinstance(bound, int) for bound in bounds):
            found[clean_text(str(name), 60)] = (bounds[0], bounds[1])
    return found


def _outcomes(store: Store, manifest: Manifest) -> Outcomes | None:
    parts = (store.read_part(batch.key) for batch in manifest.batches)
    tables = [_plain_runs(part) for part in parts if part is not None and "method" in part.schema.names]
    values: dict[str, dict[str, float]] = {"clean": {}, "corrupted": {}}
    for table in tables:
        for row in table.to_pylist():
            if row["component"] in values and row["value"] is not None:
                values[row["component"]][row["item"]] = row["value"]
    shared = [item for item in values["clean"] if item in values["corrupted"]]
    if not shared:
        return None
    clean = tuple(values["clean"][item] for item in shared)
    return Outcomes(clean, tuple(values["corrupted"][item] for item in shared))


def _plain_runs(part: pa.Table) -> pa.Table:
    """The baselines of the real system, without those of any draw of a null."""
    plain = part.filter(pc.field("method") == "baseline")
    return plain.filter(plain["draw"].is_null()) if "draw" in plain.schema.names else plain
