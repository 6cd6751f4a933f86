"""What do the effects say, in plain sentences, and on which rows does each sentence rest?

Sentences are a pure function of the effects. They name a cell only if it passed its test, or if nobody tested it; a
cell whose interval excludes zero is counted, never called significant.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from aetia.effects import Effects, wilson_interval
from aetia.report.rows import Row, chance_text, decimals, number, percent, read_rows, strongest
from aetia.report.verdicts import Family
from aetia.report.wording import READINGS, Wording, wording

__all__ = [
    "NOT_INTERVENTIONS",
    "RESIDUAL",
    "Sentence",
    "Task",
    "has_shares",
    "of_rows",
    "of_sites",
    "sentences",
    "site_words",
    "task_of",
]

NOT_INTERVENTIONS = frozenset({"baseline", *READINGS})
RESIDUAL = ("resid_pre", "resid_mid", "resid_post")
_LIKE_TOTAL = frozenset({"patch", "attribution", "path"})
"""Methods that move a run towards the other prompt's: their effects are shares of the total effect."""

_PLACES_NAMED = 4
_COMPARED = 10


@dataclass(frozen=True)
class Sentence:
    """A sentence and the rows it rests on."""

    text: str
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Task:
    """What the model does without any intervention; None where it was not measured.

    Args:
        clean, corrupted: The plain outcomes.
        correct: How often the answer is preferred.
        difference: The total effect with its interval and its test.
    """

    clean: Row | None
    corrupted: Row | None
    correct: Row | None
    difference: Row | None = None

    @property
    def total(self) -> float | None:
        """The total effect, clean minus corrupted, in the outcome's unit."""
        if self.difference is not None and self.difference.is_number:
            return self.difference.estimate
        if self.clean is None or self.corrupted is None:
            return None
        total = self.clean.estimate - self.corrupted.estimate
        return total if np.isfinite(total) else None

    def accuracy(self) -> tuple[int, int, float, float] | None:
        """How many items, or clusters, are answered correctly, of how many, and Wilson's interval of the share."""
        if self.correct is None or self.correct.n < 1 or not 0 <= self.correct.estimate <= 1:
            return None
        correct, items = round(self.correct.estimate * self.correct.n), self.correct.n
        right = self.correct.estimate * items  # of clusters, a sum of shares
        low, high = wilson_interval(np.array([right]), np.array([float(items)]), self.correct.level)
        return correct, items, float(low[0]), float(high[0])

    @property
    def is_done(self) -> bool | None:
        """Whether the model prefers the answer: more often than not beyond doubt, and more so than when corrupted."""
        accuracy, total = self.accuracy(), self.total
        if accuracy is None and total is None:
            return None
        # With three items or fewer Wilson's interval reaches below a half whatever they say: then all must be right.
        is_right = accuracy is None or accuracy[2] > 0.5 or accuracy[0] == accuracy[1]
        return is_right and (total is None or total > 0)


def task_of(rows: Iterable[Row]) -> Task:
    """Return the baseline among the rows."""
    found = {row.component: row for row in rows if row.method in ("baseline", "total")}
    return Task(found.get("clean"), found.get("corrupted"), found.get("clean_correct"), found.get("total"))


def sentences(effects: Effects, direction: str | None = None) -> list[Sentence]:
    """Return what the effects say, from whether the model does the task to how sure the cells are.

    Args:
        effects: A table of effects of tracing.
        direction: "denoise" (clean values into the corrupted run) or "noise"; by default what the provenance says.
    """
    about = effects.provenance
    rows = read_rows(effects.to_arrow())
    units = "clusters" if "clusters" in about else "items"
    return of_rows(rows, direction or about.get("direction", "denoise"), about.get("correction", ""), units)


def of_rows(rows: Sequence[Row], direction: str, correction: str = "", units: str = "items") -> list[Sentence]:
    """Return the sentences about rows already read.

    Args:
        rows: The effects.
        direction: As in `sentences`.
        correction: "max-t", "bh" or "holm": how q was corrected; empty if that is not known.
        units: What n counts: "items", or "clusters" of them.
    """
    task = task_of(rows)
    methods = dict.fromkeys(row.method for row in rows if row.method not in NOT_INTERVENTIONS)
    said = _about_task(task, units, is_measure=any(method in _LIKE_TOTAL for method in methods))
    for method in methods:
        cells = [row for row in rows if row.method == method]
        said += _about_method(cells, wording(method, direction), task)
    said += _about_attribution(rows)
    said += _about_lens([row for row in rows if row.method == "logit_lens" and row.layer is not None])
    said += _about_direct([row for row in rows if row.method == "direct"])
    tested = dict.fromkeys(row.method for row in rows if row.is_tested and row.method in READINGS)
    for method in (*methods, *(method for method in tested if method != "total")):
        cells = [row for row in rows if row.method == method]
        said += _about_certainty(cells, wording(method, direction).title, correction)
    return said


def of_sites(rows: Iterable[Row]) -> list[Row]:
    """Return the rows that are effects of interventions on sites."""
    return [row for row in rows if row.method not in NOT_INTERVENTIONS]


def site_words(row: Row) -> str:
    """Return a site in words: `resid_pre at layer 14, position 5 (·France)`."""
    if row.receiver is not None:
        return f"the edge {row.sender} to {row.receiver}"
    name = row.component if row.head is None else f"{row.component} of head {row.head}"
    name = name.replace(".u", ", units ") if ".u" in row.component else name
    where = [f"layer {row.layer}"] if row.layer is not None else []
    where += [row.place()] if row.place() else []
    return f"{name} at {', '.join(where)}" if where else name


def _about_task(task: Task, units: str, *, is_measure: bool) -> list[Sentence]:
    said: list[Sentence] = []
    accuracy = task.accuracy()
    if accuracy is not None and task.correct is not None:
        correct, items, low, high = accuracy
        interval = f"{percent(task.correct.level)} interval {percent(low)} to {percent(high)}"
        noun = units.removesuffix("s") if items == 1 else units
        how_often = f"in {correct} of {items} {noun} ({percent(correct / items)}, {interval})"
        if units != "items":  # the share of a cluster's items need not be all or none
            how_often = f"{percent(task.correct.estimate)} of the time ({interval}, over {items} {noun} of items)"
        text = f"On the clean prompts the model prefers the answer to the foil {how_often}."
        said.append(Sentence(text, (task.correct,)))
    if task.total is not None and task.clean is not None and task.corrupted is not None:
        text = (
            f"The outcome is {task.clean.quantity()} on the clean prompts and {task.corrupted.quantity()} on the "
            f"corrupted ones: a total effect of {_size_of_total(task, task.clean)}"
        )
        difference = (task.difference,) if task.difference is not None else ()
        measured = "; the effects of patching below are shares of it" if is_measure and has_shares(task) else ""
        said.append(Sentence(f"{text}{measured}.", (task.clean, task.corrupted, *difference)))
    return said


def _size_of_total(task: Task, clean: Row) -> str:
    """The total effect in words, and whether it passes."""
    row = task.difference
    if row is None or not row.is_number:
        places = decimals(task.total or 0.0, clean.low, clean.high)
        return f"{number(task.total or 0.0, places, signed=True)} {clean.unit}"
    if not row.is_tested:
        return row.quantity()
    if row.passes:
        return f"{row.quantity()}, which passes its test{chance_text(row.q)}"
    return f"{row.quantity()}, which does not pass its test{chance_text(row.q)}, so that no share of it is given"


def has_shares(task: Task) -> bool:
    """Whether the total effect can be a measure of others: it is positive, and passes if it was tested."""
    return task.total is not None and task.total > 0 and (task.difference is None or task.difference.is_finding)


def _about_method(cells: Sequence[Row], how: Wording, task: Task) -> list[Sentence]:
    said: list[Sentence] = []
    silent: list[Row] = []
    for component in dict.fromkeys(row.component for row in cells):
        of_component = [row for row in cells if row.component == component]
        if not any(row.is_finding for row in of_component):
            silent += of_component
        elif of_component[0].head is not None:
            said += _about_heads(of_component, how, task)
        else:
            halves = _about_halves(of_component, how, task) if component in RESIDUAL else []
            said += halves or _about_strongest(of_component, how, task)
    return said + _about_silence(silent, is_all=len(silent) == len(cells))


def _about_silence(cells: Sequence[Row], *, is_all: bool) -> list[Sentence]:
    """Which components have cells, and none that passes."""
    numbers = [row for row in cells if row.is_number]
    if not numbers or is_all:  # if nothing passes at all, the count of cells says so
        return []
    names = list(dict.fromkeys(row.component for row in numbers))
    if len(names) > _PLACES_NAMED:
        return [Sentence(f"No cell of {len(names)} other components passes.", tuple(strongest(numbers, 3)))]
    which = f"{', '.join(names[:-1])}{' or ' if names[:-1] else ''}{names[-1]}"
    return [Sentence(f"No cell of {which} passes ({len(numbers):,} looked at).", tuple(strongest(numbers, 3)))]


def _about_strongest(cells: Sequence[Row], how: Wording, task: Task) -> list[Sentence]:
    found = [row for row in cells if row.is_finding]
    best = strongest(found, 3)
    name = best[0].component
    rank = f", the largest effect of {len(cells):,} {name} cells" if len(cells) > 1 else ""
    if best[0].is_tested and rank:
        rank = f", the largest of the {len(found):,} {name} cells that pass, of {len(cells):,}"
        rank = rank if len(found) > 1 else f", the only one of {len(cells):,} {name} cells that passes"
    action = how.action.format(site=site_words(best[0]))
    text = f"{action} {how.claim} {best[0].quantity()}{_share(best[0], task)}{rank}."
    return [Sentence(text, tuple(best))]


def _about_heads(cells: Sequence[Row], how: Wording, task: Task) -> list[Sentence]:
    found = [row for row in cells if row.is_finding]
    best = strongest(found, 3)
    heads, passing = (len({(row.layer, row.head) for row in rows}) for rows in (cells, found))
    start = "one stands first"
    if best[0].is_tested:
        start = f"{passing:,} pass and one stands first" if passing > 1 else "one passes"
    action = how.action.format(site=site_words(best[0]))
    text = f"Among {heads:,} heads, {start}: {_lower(action)} {how.claim} {best[0].quantity()}"
    text += _share(best[0], task)
    followers = [f"{row.address} ({row.quantity()})" for row in best[1:]]
    said = [Sentence(f"{text}; {' and '.join(followers)} come next." if followers else f"{text}.", tuple(best))]
    against = [row for row in found if row.estimate * best[0].estimate < 0 and (row.passes or row.excludes_zero)]
    if against:
        worst = strongest(against, 3)
        site = how.action.format(site=site_words(worst[0]))
        text = f"Some heads work the other way: {_lower(site)} {how.claim} {worst[0].quantity()}."
        said.append(Sentence(text, tuple(worst)))
    return said


def _about_halves(cells: Sequence[Row], how: Wording, task: Task) -> list[Sentence]:
    """Where along the residual stream the answer can be moved by half of the total effect or more."""
    total = task.total
    is_measure = task.difference is None or task.difference.is_finding
    if total is None or total == 0 or not is_measure or cells[0].method not in _LIKE_TOTAL:
        return []
    half = [row for row in cells if row.is_finding and row.layer is not None and abs(row.estimate) >= abs(total) / 2]
    places: dict[tuple[int | None, str | None], list[Row]] = {}
    for row in half:
        places.setdefault((row.position, None if row.position is not None else row.span), []).append(row)
    if not half or len(places) > _PLACES_NAMED or places.keys() == {(None, None)}:
        return []
    parts = [f"{rows[0].place()} in {_layers([row.layer or 0 for row in rows])}" for rows in places.values()]
    action = how.action.format(site=cells[0].component)
    text = f"{action} {how.claim} at least half of the total effect at {' and at '.join(parts)}"
    rest = len({(row.position, row.span) for row in cells}) - len(places)
    reaching = "does a cell that passes" if half[0].is_tested else "does any layer"
    tail = f"; at no other position {reaching} reach that." if rest else "."
    edges = [edge for rows in places.values() for edge in ((rows[0], rows[-1]) if len(rows) > 1 else (rows[0],))]
    return [Sentence(text + tail, tuple(edges))]


def _about_attribution(rows: Sequence[Row]) -> list[Sentence]:
    """How far the linear estimate agrees with exact patching, where the run has both."""
    exact = {row.address: row for row in rows if row.method == "patch" and row.is_number}
    linear = {row.address: row for row in rows if row.method == "attribution" and row.is_number}
    shared = [address for address in exact if address in linear]
    if len(shared) < 2 * _COMPARED:
        return []
    largest = strongest((exact[address] for address in shared), _COMPARED)
    guessed = {row.address for row in strongest((linear[address] for address in shared), _COMPARED)}
    found = [row for row in largest if row.address in guessed]
    text = (
        f"Of the {_COMPARED} largest cells by exact patching, attribution patching ranks {len(found)} among its own "
        f"{_COMPARED} largest ({len(shared):,} cells have both)."
    )
    return [Sentence(text, tuple(row for cell in largest for row in (cell, linear[cell.address])))]


def _about_lens(rows: Sequence[Row]) -> list[Sentence]:
    layers = sorted((row for row in rows if row.is_number), key=lambda row: row.layer or 0)
    if len(layers) < 2:
        return []
    last, is_tested = layers[-1], any(row.is_tested for row in layers)
    start = len(layers)
    while start and _is_above_zero(layers[start - 1]):
        start -= 1
    end = f"at layer {last.layer} it is {last.quantity()}"
    if start == len(layers):
        lead = "Read with the logit lens at the last position, the outcome does not"
        if is_tested:
            return [Sentence(f"{lead} pass its test above zero up to the last layer.", (last,))]
        return [Sentence(f"{lead} stay above zero; {end}.", (last,))]
    first = layers[start]
    sure = "with its whole interval " if first.low is not None else ""
    sure = "and passes its test " if is_tested else sure
    when = f"from layer {first.layer} on ({first.quantity()})" if start else "at every layer"
    text = f"Read with the logit lens at the last position, the outcome is above zero {sure}{when}; {end}."
    return [Sentence(text, tuple(layers[max(start - 1, 0) : start + 1]) + ((last,) if last is not first else ()))]


def _about_direct(rows: Sequence[Row]) -> list[Sentence]:
    parts = [row for row in rows if row.component not in RESIDUAL and row.is_number]
    best = strongest((row for row in parts if row.is_finding), 3)
    if not best:
        text = f"None of the {len(parts):,} parts passes in what it writes directly to the outcome."
        return [Sentence(text, tuple(strongest(parts, 3)))] if parts else []
    followers = [f"{site_words(row)} ({row.quantity()})" for row in best[1:]]
    text = f"The part that writes most directly to the outcome is {site_words(best[0])}, with {best[0].quantity()}"
    return [Sentence(f"{text}; next are {' and '.join(followers)}." if followers else f"{text}.", tuple(best))]


def _about_certainty(cells: Sequence[Row], title: str, correction: str) -> list[Sentence]:
    ranked = tuple(strongest(cells, len(cells)))
    if not ranked:
        return [Sentence(f"{title}: none of the {len(cells):,} cells has a number.", tuple(cells[:3]))] if cells else []
    family = Family.of(cells)
    if family.is_tested:
        text = f"{title}: {family.counts(correction)}"
        return [Sentence(text, tuple(row for row in ranked if row.passes) or ranked[:3])]
    if not family.with_interval:
        text = f"{title}: each number is of a single item, without an interval, so it is an anecdote about that item."
        return [Sentence(text, ranked)]
    chance = (1 - family.level) * family.with_interval
    text = (
        f"{title}: the {percent(family.level)} interval excludes zero in {family.sure:,} of {family.with_interval:,} "
        f"cells, where about {chance:,.0f} would by chance alone if no site mattered. No cell has been tested against "
        "a null, so none is claimed to be significant."
    )
    return [Sentence(text, ranked)]


def share_of_total(row: Row, task: Task) -> str:
    """Return an effect's share of the total effect; empty where the two are not of one kind."""
    is_like = row.method in _LIKE_TOTAL and task.clean is not None and row.unit == task.clean.unit
    if not is_like or task.total is None or not has_shares(task) or not row.is_number:
        return ""
    return percent(row.size / task.total)


def _share(row: Row, task: Task) -> str:
    share = share_of_total(row, task)
    return f" ({share} of the total effect)" if share else ""


def _is_above_zero(row: Row) -> bool:
    if row.is_tested:
        return row.passes and row.estimate > 0
    return row.low > 0 if row.low is not None else row.estimate > 0


def _layers(layers: Sequence[int]) -> str:
    """Return layers in words: `layers 0 to 17`, `layer 3`, `layers 0 to 2 and 5`."""
    runs: list[list[int]] = []
    for layer in sorted(set(layers)):
        if runs and layer == runs[-1][-1] + 1:
            runs[-1].append(layer)
        else:
            runs.append([layer])
    if len(runs) > 3:
        return f"{sum(map(len, runs))} layers between {runs[0][0]} and {runs[-1][-1]}"
    parts = [f"{run[0]} to {run[-1]}" if len(run) > 1 else f"{run[0]}" for run in runs]
    noun = "layer" if len(runs) == 1 and len(runs[0]) == 1 else "layers"
    return f"{noun} {', '.join(parts[:-1])}{' and ' if parts[:-1] else ''}{parts[-1]}"


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
