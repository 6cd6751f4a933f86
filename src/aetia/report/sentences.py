"""What do the effects say, in plain sentences, and on which rows does each sentence rest?

Sentences are a pure function of the effects. They give estimates with intervals and claim nothing that was not
tested: a cell whose interval excludes zero is counted, never called significant.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from aetia.effects import Effects, wilson_interval
from aetia.report.rows import Row, decimals, number, percent, read_rows, strongest
from aetia.report.wording import Wording, wording

__all__ = [
    "NOT_INTERVENTIONS",
    "RESIDUAL",
    "Sentence",
    "Task",
    "of_rows",
    "of_sites",
    "sentences",
    "site_words",
    "task_of",
]

NOT_INTERVENTIONS = frozenset({"baseline", "logit_lens", "direct"})
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
    """What the model does without any intervention; None where it was not measured."""

    clean: Row | None
    corrupted: Row | None
    correct: Row | None

    @property
    def total(self) -> float | None:
        """The total effect, clean minus corrupted, in the outcome's unit."""
        if self.clean is None or self.corrupted is None:
            return None
        total = self.clean.estimate - self.corrupted.estimate
        return total if np.isfinite(total) else None

    def accuracy(self) -> tuple[int, int, float, float] | None:
        """How many items are answered correctly, of how many, and Wilson's interval of the share."""
        if self.correct is None or self.correct.n < 1 or not 0 <= self.correct.estimate <= 1:
            return None
        correct, items = round(self.correct.estimate * self.correct.n), self.correct.n
        low, high = wilson_interval(np.array([float(correct)]), np.array([float(items)]), self.correct.level)
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
    found = {row.component: row for row in rows if row.method == "baseline"}
    return Task(found.get("clean"), found.get("corrupted"), found.get("clean_correct"))


def sentences(effects: Effects, direction: str | None = None) -> list[Sentence]:
    """Return what the effects say, from whether the model does the task to how sure the cells are.

    Args:
        effects: A table of effects of tracing.
        direction: "denoise" (clean values into the corrupted run) or "noise"; by default what the provenance says.
    """
    return of_rows(read_rows(effects.to_arrow()), direction or effects.provenance.get("direction", "denoise"))


def of_rows(rows: Sequence[Row], direction: str) -> list[Sentence]:
    """Return the sentences about rows already read."""
    task = task_of(rows)
    said = _about_task(task)
    methods = dict.fromkeys(row.method for row in rows if row.method not in NOT_INTERVENTIONS)
    for method in methods:
        cells = [row for row in rows if row.method == method]
        said += _about_method(cells, wording(method, direction), task)
    said += _about_attribution(rows)
    said += _about_lens([row for row in rows if row.method == "logit_lens" and row.layer is not None])
    said += _about_direct([row for row in rows if row.method == "direct"])
    for method in methods:
        said += _about_certainty([row for row in rows if row.method == method], wording(method, direction).title)
    return said


def of_sites(rows: Iterable[Row]) -> list[Row]:
    """Return the rows that are effects of interventions on sites."""
    return [row for row in rows if row.method not in NOT_INTERVENTIONS]


def site_words(row: Row) -> str:
    """Return a site in words: `resid_pre at layer 14, position 5 (·France)`."""
    name = row.component if row.head is None else f"{row.component} of head {row.head}"
    name = name.replace(".u", ", units ") if ".u" in row.component else name
    where = [f"layer {row.layer}"] if row.layer is not None else []
    where += [row.place()] if row.place() else []
    return f"{name} at {', '.join(where)}" if where else name


def _about_task(task: Task) -> list[Sentence]:
    said: list[Sentence] = []
    accuracy = task.accuracy()
    if accuracy is not None and task.correct is not None:
        correct, items, low, high = accuracy
        share = f"{percent(correct / items)}, {percent(task.correct.level)} interval {percent(low)} to {percent(high)}"
        noun = "item" if items == 1 else "items"
        text = (
            f"On the clean prompts the model prefers the answer to the foil in {correct} of {items} {noun} ({share})."
        )
        said.append(Sentence(text, (task.correct,)))
    if task.total is not None and task.clean is not None and task.corrupted is not None:
        places = decimals(task.total, task.clean.low, task.clean.high)
        size = f"{number(task.total, places, signed=True)} {task.clean.unit}"
        text = (
            f"The outcome is {task.clean.quantity()} on the clean prompts and {task.corrupted.quantity()} on the "
            f"corrupted ones: a total effect of {size}, against which the sites below are measured."
        )
        said.append(Sentence(text, (task.clean, task.corrupted)))
    return said


def _about_method(cells: Sequence[Row], how: Wording, task: Task) -> list[Sentence]:
    said: list[Sentence] = []
    for component in dict.fromkeys(row.component for row in cells):
        of_component = [row for row in cells if row.component == component]
        if of_component[0].head is not None:
            said += _about_heads(of_component, how, task)
            continue
        passing = _about_passing(of_component, how, task.total) if component in RESIDUAL else []
        said += passing or _about_strongest(of_component, how, task)
    return said


def _about_strongest(cells: Sequence[Row], how: Wording, task: Task) -> list[Sentence]:
    best = strongest(cells, 3)
    if not best:
        return []
    rank = f", the largest effect of {len(cells):,} {best[0].component} cells" if len(cells) > 1 else ""
    action = how.action.format(site=site_words(best[0]))
    text = f"{action} {how.claim} {best[0].quantity()}{_share(best[0], task)}{rank}."
    return [Sentence(text, tuple(best))]


def _about_heads(cells: Sequence[Row], how: Wording, task: Task) -> list[Sentence]:
    best = strongest(cells, 3)
    if not best:
        return []
    heads = len({(row.layer, row.head) for row in cells})
    action = how.action.format(site=site_words(best[0]))
    text = f"Among {heads:,} heads, one stands first: {_lower(action)} {how.claim} {best[0].quantity()}"
    text += _share(best[0], task)
    followers = [f"{row.address} ({row.quantity()})" for row in best[1:]]
    said = [Sentence(f"{text}; {' and '.join(followers)} come next." if followers else f"{text}.", tuple(best))]
    against = [row for row in cells if row.is_number and row.estimate * best[0].estimate < 0 and row.excludes_zero]
    if against:
        worst = strongest(against, 3)
        site = how.action.format(site=site_words(worst[0]))
        text = f"Some heads work the other way: {_lower(site)} {how.claim} {worst[0].quantity()}."
        said.append(Sentence(text, tuple(worst)))
    return said


def _about_passing(cells: Sequence[Row], how: Wording, total: float | None) -> list[Sentence]:
    """Where along the residual stream the answer can be moved by half of the total effect or more."""
    if total is None or total == 0 or cells[0].method not in _LIKE_TOTAL:
        return []
    half = [row for row in cells if row.is_number and row.layer is not None and abs(row.estimate) >= abs(total) / 2]
    places: dict[tuple[int | None, str | None], list[Row]] = {}
    for row in half:
        places.setdefault((row.position, None if row.position is not None else row.span), []).append(row)
    if not half or len(places) > _PLACES_NAMED or places.keys() == {(None, None)}:
        return []
    parts = [f"{rows[0].place()} in {_layers([row.layer or 0 for row in rows])}" for rows in places.values()]
    action = how.action.format(site=cells[0].component)
    text = f"{action} {how.claim} at least half of the total effect at {' and at '.join(parts)}"
    rest = len({(row.position, row.span) for row in cells}) - len(places)
    tail = "; at no other position does any layer reach that." if rest else "."
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
    last = layers[-1]
    start = len(layers)
    while start and _is_above_zero(layers[start - 1]):
        start -= 1
    end = f"at layer {last.layer} it is {last.quantity()}"
    if start == len(layers):
        text = f"Read with the logit lens at the last position, the outcome does not stay above zero; {end}."
        return [Sentence(text, (last,))]
    first = layers[start]
    sure = "with its whole interval " if first.low is not None else ""
    when = f"from layer {first.layer} on ({first.quantity()})" if start else "at every layer"
    text = f"Read with the logit lens at the last position, the outcome is above zero {sure}{when}; {end}."
    return [Sentence(text, tuple(layers[max(start - 1, 0) : start + 1]) + ((last,) if last is not first else ()))]


def _about_direct(rows: Sequence[Row]) -> list[Sentence]:
    best = strongest([row for row in rows if row.component not in RESIDUAL], 3)
    if not best:
        return []
    followers = [f"{site_words(row)} ({row.quantity()})" for row in best[1:]]
    text = f"The part that writes most directly to the outcome is {site_words(best[0])}, with {best[0].quantity()}"
    return [Sentence(f"{text}; next are {' and '.join(followers)}." if followers else f"{text}.", tuple(best))]


def _about_certainty(cells: Sequence[Row], title: str) -> list[Sentence]:
    ranked = tuple(strongest(cells, len(cells)))
    if not ranked:
        return [Sentence(f"{title}: none of the {len(cells):,} cells has a number.", tuple(cells[:3]))] if cells else []
    tested = [row for row in ranked if row.q is not None or row.p is not None]
    if tested:
        level = 1 - ranked[0].level
        passed = tuple(row for row in tested if (row.q if row.q is not None else row.p or 0.0) <= level)
        text = f"{title}: {len(passed):,} of {len(tested):,} cells tested against {tested[0].null or 'the null'} "
        kind = "corrected p-value" if tested[0].q is not None else "p-value, not corrected for the number of cells,"
        return [Sentence(f"{text}have a {kind} of at most {level:.2g}.", passed or tuple(tested[:3]))]
    with_interval = [row for row in ranked if row.low is not None]
    if not with_interval:
        text = f"{title}: each number is of a single item, without an interval, so it is an anecdote about that item."
        return [Sentence(text, ranked)]
    sure = sum(row.excludes_zero for row in with_interval)
    chance = (1 - with_interval[0].level) * len(with_interval)
    text = (
        f"{title}: the {percent(with_interval[0].level)} interval excludes zero in {sure:,} of {len(with_interval):,} "
        f"cells, where about {chance:,.0f} would by chance alone if no site mattered. No cell has been tested against "
        "a null, so none is claimed to be significant."
    )
    return [Sentence(text, ranked)]


def share_of_total(row: Row, task: Task) -> str:
    """Return an effect's share of the total effect; empty where the two are not of one kind."""
    is_like = row.method in _LIKE_TOTAL and task.clean is not None and row.unit == task.clean.unit
    if not is_like or task.total is None or task.total <= 0 or not row.is_number:
        return ""
    return percent(row.size / task.total)


def _share(row: Row, task: Task) -> str:
    share = share_of_total(row, task)
    return f" ({share} of the total effect)" if share else ""


def _is_above_zero(row: Row) -> bool:
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
