"""Do CaLM's own scripts print the labels, metrics and errors that are computed here, on the same replies?

python calm_equality.py CHECKOUT [--python PYTHON] [--replies 8] [--seed 0]: writes synthetic replies for each of CaLM's
92 tasks, 10 adaptations and 7 models, runs the checkout's evaluate.py over them, and compares every number that it
writes. PYTHON is one with pandas, jieba, nltk and rouge; nothing of the checkout is imported here.
"""

import argparse
import csv
import json
import math
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import numpy as np
from calm_replies import MODELS, STYLES, Case, Table, cases, gold, reply

from aetia.evals.scoring.calm_errors import coded_errors
from aetia.evals.scoring.calm_labels import CalmLabel, calm_expected, calm_label, calm_style
from aetia.evals.scoring.calm_metrics import (
    Grid,
    accuracy,
    model_volatility,
    prompt_volatility,
    robustness,
    task_metrics,
)
from aetia.runs.keys import JSON


@dataclass
class Tally:
    """How many printed values were compared, by what they are, and how they agree."""

    equal: Counter[str] = field(default_factory=Counter)
    close: Counter[str] = field(default_factory=Counter)
    different: list[str] = field(default_factory=list)
    seen: Counter[str] = field(default_factory=Counter)

    def compare(self, kind: str, place: str, ours: object, theirs: str) -> None:
        """Count a value as equal in every digit, equal to 12 digits, or different."""
        told = _printed(ours)
        if told == theirs:
            self.equal[kind] += 1
            self.seen[f"{kind}: {told[:20]}"] += 1
        elif isinstance(ours, float) and theirs and math.isclose(ours, float(theirs), rel_tol=1e-12, abs_tol=1e-12):
            self.close[kind] += 1
        else:
            self.different.append(f"{kind} {place}: {told!r} here, {theirs!r} there")


def _printed(value: object) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return str(value)


def main() -> int:
    """Write, run, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkout", type=Path)
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--replies", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    tally = Tally()
    with tempfile.TemporaryDirectory() as folder:
        for language in ("EN", "CN"):
            place = Path(folder) / language
            table = _write(place, language, given.replies, given.seed)
            _run(given.checkout / "calm", given.python, place, table)
            _compare(place, table, tally)
    for kind in sorted({*tally.equal, *tally.close}):
        print(f"{kind:24} {tally.equal[kind]:7} equal in every digit, {tally.close[kind]:5} to 12 digits")
    print(f"{len(tally.different)} different", *tally.different[:40], sep="\n  ")
    for name, count in sorted(tally.seen.items()):
        if name.startswith(("same response", "gap", "solvability", "understandability")):
            print(f"  {name} x {count}")
    return 1 if tally.different else 0


def _write(place: Path, language: str, count: int, seed: int) -> Table:
    """Replies of all models in all styles, as CaLM's runner leaves them, and the items' labels."""
    random = Random(f"{seed}:{language}")
    replies: Table = {}
    for case in cases(language):
        items = [gold(case, index + 1, random) for index in range(count)]
        _lines(place / "gold" / f"{case.path}.json", items)
        skill = random.random()
        for model in MODELS:
            share = min(1.0, max(0.0, skill + random.gauss(0, 0.15)))
            constant = random.random() < 0.08
            for style in STYLES:
                rows = [reply(case, item, style, share, random) for item in items]
                if constant:
                    rows = [{**row, **{key: rows[0][key] for key in rows[0] if key != "index"}} for row in rows]
                shown = [{**item, **row} for item, row in zip(items, rows, strict=True)]
                name = style + ("-CN" if language == "CN" else "")
                _lines(place / "output" / case.path / model / name / "responses.json", shown)
                replies[case, model, style] = shown
    return replies


def _lines(path: Path, rows: Sequence[Mapping[str, object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")


def _run(calm: Path, python: str, place: Path, table: Table) -> None:
    """CaLM's evaluate.py: metrics of everything, then errors where it has them, then the metrics of tasks."""
    every = list(dict.fromkeys(case.name for case, _, _ in table))
    ending = "-CN" if next(iter(table))[0].language == "CN" else ""
    styles = [style + ending for style in STYLES]
    coded = [style for style in styles if not style.startswith(("explicit", "two-shot"))]
    jobs = [
        (every, styles, ["-cm", "-am"]),
        ([name for name in every if not name.startswith("CEG")], coded, ["-ea"]),
    ]
    for tasks, prompts, what in jobs:
        command = [python, "evaluate.py", "--models", *MODELS, "-p", *prompts, "-t", *tasks, *what]
        roots = ["-gt", str(place / "gold"), "-o", str(place / "output")]
        done = subprocess.run([*command, *roots], cwd=calm, check=False, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"CaLM's evaluate.py ended in an error:\n{done.stderr[-2000:]}")


def _compare(place: Path, table: Table, tally: Tally) -> None:
    output = place / "output"
    robust = _read(output / "models_robustness.csv")
    volatile, prompts = _read(output / "models_volatility.csv"), _read(output / "prompts_volatility.csv")
    metrics = _read(output / "task_metrics.csv")
    for case in dict.fromkeys(case for case, _, _ in table):
        grid = np.zeros((len(MODELS), len(STYLES)))
        theirs = _read(output / f"{case.path}_models_acc.csv")
        ending = "-CN" if case.language == "CN" else ""
        for row, model in enumerate(MODELS):
            last: float | None = None
            for column, style in enumerate(STYLES):
                rows = table[case, model, style]
                labels = _labels(case, rows, style)
                at = f"{case.name} {model} {style}"
                for number, told in enumerate(_column(output / f"{case.path.rpartition('/')[0]}/", case, model, style)):
                    tally.compare("label", f"{at} {rows[number]['model_response']!r}", labels[0][number], told)
                expected = [calm_expected(str(one["label"]), case.question(one)) for one in rows]
                share = accuracy(labels[-1], expected, case.question(rows[0])) * 100
                grid[row, column] = share
                tally.compare("accuracy", at, share, theirs[model][style + ending])
                last = robustness(labels[0], labels[1]) if style.startswith("adversarial") else last
            tally.compare("robustness", f"{case.name} {model}", last, robust[case.path][model])
            if case.scenario != "CEG":
                _compare_errors(output, case, model, table, tally)
        whole = Grid(MODELS, STYLES, grid)
        for model, spread in model_volatility(whole).items():
            tally.compare("model volatility", f"{case.name} {model}", spread, volatile[model][case.path])
        for style, spread in prompt_volatility(whole).items():
            tally.compare("prompt volatility", f"{case.name} {style}", spread, prompts[style + ending][case.path])
        _compare_task(case, whole, {name: row[case.path] for name, row in metrics.items()}, table, tally)


def _compare_task(case: Case, grid: Grid, theirs: Mapping[str, str], table: Table, tally: Tally) -> None:
    found = task_metrics(grid, case.question(table[case, MODELS[0], STYLES[0]][0]))
    ours: dict[str, tuple[str, object]] = {
        "understandability": ("understandability", found.understandability),
        "open_limited_gap": ("gap", found.open_limited_gap),
        "solvability": ("solvability", found.solvability),
        "median": ("median", found.median),
        "third_quartile": ("third quartile", found.third_quartile),
        "top_5_model": ("top models", list(found.top_models)),
        "max_value": ("largest", found.largest),
        "max_average_value": ("largest mean", found.largest_mean),
        "third_max_average_value": ("third mean", found.third_mean),
    }
    for name, (kind, value) in ours.items():
        tally.compare(kind, case.name, value, theirs[name])


def _compare_errors(output: Path, case: Case, model: str, table: Table, tally: Tally) -> None:
    theirs = _read(output / case.path / ".." / f"{case.name}" / f"{model}_errors.csv")
    ending = "-CN" if case.language == "CN" else ""
    for style in STYLES:
        if style.startswith(("explicit", "two-shot")):
            continue
        rows = table[case, model, style]
        key = "model_response_AP" if style.startswith("adversarial") else "model_response"
        questions = [case.question(row) for row in rows]
        found = coded_errors([str(row[key]) for row in rows], questions, calm_style(style))
        ours: dict[str, tuple[str, object]] = {
            "Same response to all questions": ("same response", found.same or "none"),
            "Language inconsistency": ("language", found.language),
            "Limitation of instruction-following": ("malformed", found.malformed),
            "Repetition": ("repetition", found.repetition),
            "Empty response": ("empty", found.empty),
        }
        for name, (kind, value) in ours.items():
            told = theirs[name][style + ending]
            told = "none" if kind == "same response" and told in {"0", "0.0"} else told
            tally.compare(kind, f"{case.name} {model} {style}", value, told)


def _labels(case: Case, rows: Sequence[Mapping[str, JSON]], style: str) -> list[list[CalmLabel]]:
    keys = ["model_response", *(["model_response_AP"] if style.startswith("adversarial") else [])]
    return [[calm_label(str(row[key]), case.question(row), calm_style(style)) for row in rows] for key in keys]


def _column(folder: Path | str, case: Case, model: str, style: str) -> Iterator[str]:
    name = style + ("-CN" if case.language == "CN" else "")
    path = Path(folder) / case.name / f"{model}_{name}_pred_list.csv"
    with path.open(encoding="utf-8", newline="") as file:
        lines = list(csv.reader(file))[1:]
    yield from (line[1] for line in lines)


def _read(path: Path) -> dict[str, dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        head, *rows = list(csv.reader(file))
    return {row[0]: dict(zip(head[1:], row[1:], strict=True)) for row in rows}


if __name__ == "__main__":
    raise SystemExit(main())
