"""What do the scored replies come to, as effects: each share with its interval, and accuracy against blind guessing?"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache

import numpy as np
import pyarrow as pa
from scipy.stats import binom

from aetia.effects import STATISTICS, Effects, holm
from aetia.errors import EvaluationError
from aetia.evals.adaptations import way_of_asking
from aetia.evals.harness.scored import prompt_of
from aetia.evals.harness.study import EvaluationStudy
from aetia.evals.item import Item, item_from_record
from aetia.evals.scoring.bands import BANDS, band_of, best_guess, is_estimated
from aetia.evals.scoring.calm_errors import demanded_key, is_demanded, reply_errors
from aetia.evals.scoring.calm_labels import calm_question, calm_style
from aetia.evals.scoring.errors import READ_ERRORS
from aetia.evals.scoring.extraction import right_answers
from aetia.evals.scoring.scores import calibration, cells, plain_answer, scores, share_of, worth_of

__all__ = ["summary"]

_DIMENSIONS = ("task", "adaptation", "measure")
_FEW = 10  # items below which a calibration says nothing
_FORM_ERRORS = ("no answer", "several answers", "empty", "cut off")  # that any reply in words can show

Row = dict[str, object]


def summary(replies: pa.Table, study: EvaluationStudy) -> Effects:
    """Return a row for each measure of each task and way of asking.

    Accuracy is tested against blind guessing, one-sided by the exact binomial law of as many items as the clusters are
    worth, and corrected by Holm for all cells. Of numbers and texts, guessing is the best constant answer; of estimates
    the one that is near enough most often. Where it is hopeless there is no test, and none where the way of asking
    knows the label: what is right then is no guess. Estimates have a row for the share of each of their bands, and
    replies in words one for each error that they could show.

    Args:
        replies: Scored replies, as `scored` gives them.
        study: The evaluation.

    Source: Holm 1979; Miller, arXiv 2411.00640, 2024 (clusters); Chen et al. 2024 (robustness: seed 069).
    """
    groups = {(task, way): members for (task, way), members in _members(replies).items()}
    chances = {task: _chance(members) for (task, _), members in groups.items()}
    rows: list[Row] = []
    tests = sum(_is_guessed(way, chances[task]) for task, way in groups)
    for found in scores(replies, chances, study.level, max(tests, 1)).to_pylist():
        members = groups[found["task"], found["adaptation"]]
        told = {"task": found["task"], "adaptation": found["adaptation"], "level": study.level}
        rows += [{**told, **row} for row in _measures(found, members, chances[found["task"]], study)]
    tested = [row for row in rows if row.get("p") is not None]
    for row, q in zip(tested, holm([float(str(row["p"])) for row in tested]), strict=True):
        row["q"] = float(q)
    schema = pa.schema([*((name, pa.string()) for name in _DIMENSIONS), *STATISTICS])
    filled = [{name: _finite(row.get(name)) for name in schema.names} for row in rows]
    provenance = {"study": study.identity(), "correction": "holm"}
    return Effects(pa.Table.from_pylist(filled, schema=schema), provenance)


def _members(replies: pa.Table) -> dict[tuple[str, str], list[Mapping[str, object]]]:
    _ = cells(replies)  # says which column is missing, if one is
    found: dict[tuple[str, str], list[Mapping[str, object]]] = {}
    for row in replies.to_pylist():
        found.setdefault((row["task"], row["adaptation"]), []).append(row)
    return found


def _finite(value: object) -> object:
    return None if isinstance(value, float) and not np.isfinite(value) else value


def _is_guessed(way: str, chance: float) -> bool:
    return chance > 0 and not way_of_asking(way).knows_label


@lru_cache(maxsize=4096)
def _item(record: str) -> Item:
    return item_from_record(json.loads(record))


def _chance(members: Sequence[Mapping[str, object]]) -> float:
    """The share that a blind guess gets right: of items with a list of labels, one in as many as each has.

    Of numbers and texts it is what the best constant answer gets, counted on the items themselves as the reference
    `majority` does; nothing if no two clusters share a label, since no answer can then be known to come again.
    """
    shares = []
    for row in members:
        options = len(json.loads(str(row["record"]))["options"]) if row["form"] == "choice" else 0
        shares.append(0.5 if row["form"] == "binary" else 1 / options if options else 0.0)
    return float(np.sum(shares) + _best_constant(members)) / len(members)


def _best_constant(members: Sequence[Mapping[str, object]]) -> int:
    """How many of the items without a list of labels the same answer to all of them gets right, at most."""
    counts: Counter[str] = Counter()
    clusters: defaultdict[str, set[object]] = defaultdict(set)
    estimated: list[tuple[Item, str]] = []
    for row in members:
        if row["form"] in ("binary", "choice"):
            continue
        item = _item(str(row["record"]))
        if is_estimated(item):
            estimated.append((item, str(row["cluster"])))
            continue
        for label in right_answers(item):
            counts[label] += 1
            clusters[label].add(row["cluster"])
    exact = max((count for label, count in counts.items() if len(clusters[label]) > 1), default=0)
    return max(exact, best_guess(estimated))


def _measures(
    found: Mapping[str, float], members: Sequence[Mapping[str, object]], chance: float, study: EvaluationStudy
) -> Iterator[Row]:
    n, clusters = int(found["items"]), [str(row["cluster"]) for row in members]
    is_guessed = _is_guessed(str(members[0]["adaptation"]), chance)
    accuracy: Row = {"measure": "accuracy", "unit": "proportion", "n": n}
    accuracy |= {"estimate": found["accuracy"], "low": found["low"], "high": found["high"]}
    if is_guessed:
        right = np.array([float(str(row["right"])) for row in members])
        accuracy |= {"null": f"chance:{chance:.4g}", "p": _above(right, clusters, chance, study.level)}
    yield accuracy
    if is_guessed:
        bounds = (found["above_low"], found["above_high"])
        yield _row("above chance", found["above_chance"], n, bounds, unit="share")
        yield _row("smallest effect seen", found["detectable"], n, unit="share")
    yield from _estimates(members, clusters, study.level)
    if found["orbits"]:
        bounds = (found["orbits_right_low"], found["orbits_right_high"])
        yield _row("orbit consistency", found["orbits_right"], int(found["orbits"]), bounds)
    if found["reworded"]:
        bounds = (found["reworded_same_low"], found["reworded_same_high"])
        yield _row("same answer to rewordings", found["reworded_same"], int(found["reworded"]), bounds)
    if str(members[0]["adaptation"]).startswith("adversarial"):
        turned = [row for row in members if len(json.loads(str(row["turns"]))) == 2]
        # As CaLM counts it: twice no answer is the same answer.
        same = [float(_plain(row, "answer") == _plain(row, "first_answer")) for row in turned]
        if turned:
            yield _share("robustness", same, [str(row["cluster"]) for row in turned], study.level)
    yield from _calibration(members, study)
    shown = [error for row in members for error in _errors(row)]
    for error in dict.fromkeys([*_applicable(members), *shown]):
        yield _share(error, [float(error in _errors(row)) for row in members], clusters, study.level)


def _plain(row: Mapping[str, object], name: str) -> str | None:
    return plain_answer(row["form"], row[name])


def _estimates(members: Sequence[Mapping[str, object]], clusters: Sequence[str], level: float) -> Iterator[Row]:
    """The share of each band, of the items that ask for an estimate."""
    told = [(row, _item(str(row["record"]))) for row in members if row["form"] == "number"]
    if not told or not all(is_estimated(item) for _, item in told) or len(told) < len(members):
        return
    found = [band_of(None if row["answer"] is None else str(row["answer"]), item) for row, item in told]
    for band in BANDS:
        yield _share(f"estimate {band}", [float(one == band) for one in found], clusters, level)


def _applicable(members: Sequence[Mapping[str, object]]) -> Iterator[str]:
    """The errors that replies in words could show, whether one does or not; scored labels show none."""
    written = [row for row in members if not row["scores"]]
    if not written:
        return
    yield from _FORM_ERRORS
    first = written[0]
    with suppress(EvaluationError):  # CaLM has no rules for the form of this item's replies
        question = calm_question(_item(str(first["record"])))
        _ = reply_errors("", question, calm_style(str(first["adaptation"])))
        if is_demanded(demanded_key(question), prompt_of(str(first["turns"]))):
            yield "malformed"
        yield from ("repetition", "other language")
    yield from READ_ERRORS


def _errors(row: Mapping[str, object]) -> Sequence[str]:
    errors = row["errors"]
    assert isinstance(errors, list)
    return errors


def _row(
    measure: str, estimate: float, n: int, bounds: tuple[float, float] | None = None, unit: str = "proportion"
) -> Row:
    low, high = bounds if bounds is not None else (None, None)
    return {"measure": measure, "estimate": estimate, "n": n, "low": low, "high": high, "unit": unit}


def _share(measure: str, values: Sequence[float], clusters: Sequence[str], level: float) -> Row:
    share, low, high = share_of(np.array(values), clusters, level)
    return _row(measure, share, len(values), (low, high))


def _above(right: np.ndarray, clusters: Sequence[str], chance: float, level: float) -> float:
    """The probability of as many right answers, or more, by guessing."""
    worth = max(1, round(worth_of(right, clusters, level)))
    # Rounded down, so that a share of an item never helps.
    return float(binom.sf(np.floor(right.mean() * worth + 1e-9) - 1, worth, chance))


def _calibration(members: Sequence[Mapping[str, object]], study: EvaluationStudy) -> Iterator[Row]:
    """How well the probabilities of labels say how often they are right, where labels were scored."""
    told = []
    for row in members:
        logs = row["scores"]
        labels = ("yes", "no") if row["form"] == "binary" else [str(place) for place in range(1, 100)]
        if isinstance(logs, list) and len(logs) > 1 and row["label"] in labels[: len(logs)]:
            told.append((logs, list(labels).index(str(row["label"])), str(row["cluster"])))
    if len(told) < _FEW:
        return
    logs, right, clusters = zip(*told, strict=True)
    found = calibration(logs, right, clusters, study.level, seed=study.seed)
    yield _row("calibration error", found.error, found.items, found.error_bounds, unit="share")
    yield _row("Brier score", found.brier, found.items, found.brier_bounds, unit="score")
