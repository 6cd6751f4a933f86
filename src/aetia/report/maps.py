"""How does a study of maps become a page: which map may be trusted, and what each shows?"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow.compute as pc
from markupsafe import Markup

from aetia.effects import Effects
from aetia.files import write_atomic, writing
from aetia.maps.verdict import Trust, judged
from aetia.report.evidence import Evidence
from aetia.report.question import Fact, provenance, study_json
from aetia.report.seeing import Frame, Sight, sight_of
from aetia.report.shell import page_environment, page_file, page_policy, page_style
from aetia.runs import open_run
from aetia.runs.store import Manifest, Store
from aetia.text import clean_text

__all__ = ["write_maps"]

_BUDGET = 800_000
"""Bytes of pictures and of cells on a page."""

_CELL = 70  # bytes of a cell

_NAME = 60
_CAVEATS = (
    Fact(
        "Taking cells away is an intervention of its own",
        "Pixels that are painted over make a picture that the model was not trained on, and a token that is cut out of "
        "attention leaves a gap. Both are measured; where they disagree, the map's effect depends on how it is tested.",
    ),
    Fact(
        "A trusted map orders the cells, no more",
        "It names cells whose removal costs the answer more than that of cells which anybody would name without the "
        "model. It does not say what is read there, nor that nothing else is.",
    ),
    Fact(
        "The verdict is for this model and these questions",
        "A map that passes here can fail for another model, another question, or pictures of another kind.",
    ),
)


@dataclass(frozen=True)
class _Drawn:
    """A map over a picture: its name and the weight of each cell, from 0 to 1."""

    name: str
    weights: tuple[float, ...]
    is_trusted: bool


@dataclass(frozen=True)
class _Shown:
    """A picture with its maps."""

    number: int
    sight: Sight
    maps: tuple[_Drawn, ...]

    @property
    def frame(self) -> Frame:
        """What the maps lie over: such a study has items of one picture."""
        return self.sight.frames[0]


@dataclass(frozen=True)
class _Step:
    """A point of a deletion curve: the share of the picture that is gone, and what the answer has lost."""

    share: float
    estimate: float


@dataclass(frozen=True)
class _Curve:
    """What the answer loses as cells are taken away in a map's order."""

    name: str
    steps: tuple[_Step, ...]


def write_maps(directory: Path, path: Path) -> Path:
    """Write the page about a study of maps, with as many pictures as fit.

    Args:
        directory: The run.
        path: Where the page goes.

    Raises:
        RunError: The directory holds no run, or one without effects; AE-6011, AE-6012 the page cannot be written.
    """
    run = open_run(directory)
    effects = run.effects()
    store = Store(directory)
    records = store.read_items()
    sights = [(str(record.get("id")), one) for record in records if (one := sight_of(record)) is not None]
    values = run.values()
    drawn = values.filter(pc.field("measure") == "map").select(["item", "map", "cell", "value"]).to_pylist()
    content = _rendered(run.manifest, effects, sights, drawn)
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, content.encode("utf-8", "replace"))
    return path


def _rendered(
    manifest: Manifest,
    effects: Effects,
    sights: Sequence[tuple[str, Sight]],
    drawn: Sequence[Mapping[str, object]],
) -> str:
    study = manifest.study
    level = _number(study.get("level"), 0.95)
    primary, margin = str(study.get("primary", "pixels")), _number(study.get("margin"), 0.05)
    verdicts = sorted(judged(effects, primary=primary, margin=margin, level=level), key=lambda one: -one.deletion)
    rows = effects.to_arrow().to_pylist()
    shown = _shown(sights, drawn, verdicts)
    style, script = page_style(), page_file("maps.js")
    evidence = Evidence((), manifest=manifest, study=study, provenance=effects.provenance)
    model = clean_text(str(study.get("model", "")), _NAME)
    return (
        page_environment()
        .get_template("maps.html.jinja")
        .render(
            title=f"Which map of a picture may be trusted? {model}",
            policy=page_policy(style, script),
            style=Markup(style),  # noqa: S704  the package's own file
            script=Markup(script),  # noqa: S704  the package's own file
            manifest=manifest,
            sentences=list(_sentences(verdicts, rows)),
            verdicts=verdicts,
            primary=primary,
            unit=clean_text(str(study.get("outcome", "")), _NAME).replace("_", " "),
            level=f"{level:.0%}",
            shown=shown,
            total=len(sights),
            curves=_curves(rows, primary, verdicts),
            caveats=_CAVEATS,
            provenance=provenance(evidence),
            study=study_json(evidence),
        )
    )


def _sentences(verdicts: Sequence[Trust], rows: Sequence[Mapping[str, object]]) -> Iterable[str]:
    about = {str(row["measure"]): row for row in rows if row["map"] == "model"}
    if "correct" in about and "correct with another picture" in about:
        right, swapped = (_number(about[name]["estimate"], 0) for name in ("correct", "correct with another picture"))
        yield f"With its own picture the model is right in {right:.0%} of the items, with another's in {swapped:.0%}."
    maps = [one for one in verdicts if one.standing != "control"]
    trusted = [one.map for one in maps if one.is_trusted]
    if any(one.standing == "unknown" for one in maps):
        beats = [one.map for one in maps if one.is_beyond_random]
        named = f"beat their random maps here: {', '.join(beats)}" if beats else "beats its random maps here"
        yield f"{'These maps' if beats else 'No map'} {named}."
        yield next(one.reason for one in maps if one.standing == "unknown")
    elif trusted:
        yield f"May be trusted, for this model and these questions: {', '.join(trusted)}."
    else:
        yield "No map may be trusted, for this model and these questions."
    better = [one.map for one in maps if one.standing == "better than random cells"]
    if better:
        yield f"Better than random cells, and no better than what needs no look into the model: {', '.join(better)}."


def _shown(
    sights: Sequence[tuple[str, Sight]], drawn: Sequence[Mapping[str, object]], verdicts: Sequence[Trust]
) -> list[_Shown]:
    """The first pictures with all their maps, trusted ones first, as many as fit; sights come with their item's id."""
    found: dict[tuple[str, str], dict[int, float]] = {}
    for row in drawn:
        key = (str(row["item"]), str(row["map"]))
        found.setdefault(key, {})[int(_number(row["cell"], 0))] = _number(row["value"], 0)
    shown: list[_Shown] = []
    left = _BUDGET
    for number, (item, sight) in enumerate(sights):
        frame = sight.frames[0]
        cells = frame.rows * frame.columns
        maps = tuple(
            _Drawn(one.map, _weights(found[item, one.map], cells), bool(one.is_trusted))
            for one in verdicts
            if (item, one.map) in found
        )
        left -= cells * len(maps) * _CELL + len(frame.clean)
        if left < 0 and shown:
            break
        shown.append(_Shown(number, sight, maps))
    return shown


def _weights(values: Mapping[int, float], cells: int) -> tuple[float, ...]:
    """The values of the cells, from 0 for the least to 1 for the largest."""
    low, high = min(values.values()), max(values.values())
    span = (high - low) or 1.0
    return tuple(round((values.get(cell, low) - low) / span, 2) for cell in range(cells))


def _curves(rows: Sequence[Mapping[str, object]], primary: str, verdicts: Sequence[Trust]) -> list[_Curve]:
    """What is lost step by step, by each map in the verdicts' order, and by random maps."""
    names = [*(one.map for one in verdicts if one.map != "random"), "random maps"]
    chosen = [row for row in rows if row["measure"] == "deletion curve" and row["removal"] == primary]
    curves = []
    for name in names:
        steps = [_Step(_number(row["share"], 0), _number(row["estimate"], 0)) for row in chosen if row["map"] == name]
        if steps:
            curves.append(_Curve(name, tuple(sorted(steps, key=lambda step: step.share))))
    return curves


def _number(value: object, default: float) -> float:
    return float(value) if isinstance(value, int | float) else default
