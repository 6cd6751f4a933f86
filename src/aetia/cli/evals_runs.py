"""`aetia evals run`, `score`, `compare`, `standings`, `export`: from a question to replies, and what these say."""

import math
from pathlib import Path
from typing import TYPE_CHECKING

import click

from aetia.cli.evals_records import ComparisonRecord, ScoreRecord, StandingRecord
from aetia.cli.records import FileRecord
from aetia.cli.voice import Voice, json_option

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Literal

    from aetia.evals.harness.exporting import Kind
    from aetia.evals.harness.study import EvaluationStudy
    from aetia.evals.scoring.calm_metrics import Definition
    from aetia.runs import Run
    from aetia.runs.keys import JSON

__all__ = [
    "carry_out_evaluation",
    "compare_runs",
    "export_run",
    "rank_runs",
    "run_evaluation",
    "score_runs",
    "spelled_out",
]

_SHOWN = ("accuracy", "robustness", "orbit consistency", "no answer")


@click.command("run")
@click.argument("study_file", metavar="[STUDY.toml]", required=False)
@click.option(
    "--model", metavar="NAME", help="A model of `aetia models`, a folder, http://HOST/v1#MODEL, or reference:engine."
)
@click.option("--tasks", metavar="LIST", help="Names of `aetia evals list`, `calm/*`, or files of items (JSONL).")
@click.option("--adaptations", metavar="LIST", help="Ways of asking. [default: basic]")
@click.option("--items", type=click.IntRange(min=1), metavar="N", help="How many items of each task. [default: 100]")
@click.option("--language", type=click.Choice(["en", "zh"]), help="[default: en]")
@click.option("--data", metavar="FOLDER", help="The folder that holds the folders of published sets.")
@click.option("--scored", is_flag=True, default=None, help="Score the labels' log-probability, generate nothing.")
@click.option("--orbits", is_flag=True, default=None, help="Ask each item's minimal pairs too.")
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="FIELD=VALUE",
    help="Any other field, such as tokens=512; may be repeated.",
)
@click.option("--out", metavar="DIRECTORY", help="The run directory. [default: runs/evals-ID]")
@click.option(
    "--workers", type=click.IntRange(min=1), default=1, metavar="N", help="Processes, each with the model. [default: 1]"
)
@click.option("--dry-run", is_flag=True, help="Ask a few items, and say how long all will take.")
@json_option
def run_evaluation(
    study_file: str | None,
    settings: tuple[str, ...],
    out: str | None,
    workers: int,
    *,
    dry_run: bool,
    as_json: bool,
    **options: "str | int | bool | None",
) -> int:
    """Ask a model items of tasks, and score what it says.

    \b
      aetia evals run --model smollm2-135m --tasks calm/ate-natural,corr2cause/n4 --adaptations basic,zero-shot-cot
      aetia evals run --model http://localhost:8080/v1#my-model --tasks 'calm/*' --items 50 --set parallel=4
      aetia evals run --model reference:random --tasks items.jsonl

    Every reply is kept as soon as it is there: the same study in the same directory is carried on where it was stopped.
    """  # noqa: D301  click leaves the lines after its mark as they are
    from aetia.cli.models import fetch_if_known

    voice = Voice(as_json)
    study = _study(study_file, options, settings)
    directory = Path(out) if out is not None else Path("runs") / f"evals-{study.identity()[:8]}"
    if not study.reference and not study.is_endpoint:
        fetch_if_known(voice, study.model)
    if dry_run:
        _show_forecast(voice, study, directory, workers)
        return 0
    return carry_out_evaluation(voice, study, directory, workers)


def carry_out_evaluation(voice: Voice, study: "EvaluationStudy", directory: Path, workers: int) -> int:
    """Ask what is missing, show the scores and what it cost, and return the exit code.

    Args:
        voice: Where to speak.
        study: What is asked.
        directory: The run directory.
        workers: How many processes; with one, this one asks.
    """
    from aetia.cli.progress import watching
    from aetia.runs import engine_of, execute

    with watching(voice, "asking") as observe:
        run = execute(study, directory, engine=engine_of(workers), observe=observe)
    code = _show(voice, run)
    if (study.prompt_price or study.reply_price) and (run.directory / "effects.parquet").exists():
        _show_cost(voice, study, run)
    return code


@click.command("score", short_help="Score kept replies again, or as CaLM does.")
@click.argument("runs", metavar="RUN...", nargs=-1, required=True)
@click.option(
    "--metrics",
    type=click.Choice(["aetia", "calm"]),
    default="aetia",
    help="calm: CaLM's seven metrics and five errors, by its own rules of reading. [default: aetia]",
)
@click.option(
    "--definition",
    type=click.Choice(["code", "paper"]),
    default="code",
    help="Of CaLM's metrics: what its scripts compute, or what its paper says. [default: code]",
)
@json_option
def score_runs(
    runs: tuple[str, ...], metrics: "Literal['aetia', 'calm']", definition: "Definition", *, as_json: bool
) -> int:
    """Score the replies of RUN again, by this aetia's rules; nothing is asked.

    A run that was stopped is scored by what it has. With --metrics calm several runs are the models that CaLM's
    metrics of tasks and prompts are computed over, and no run is changed.

    \b
      aetia evals score runs/calm
      aetia evals score runs/a runs/b --metrics calm
    """  # noqa: D301  click leaves the lines after its mark as they are
    from aetia.cli.evals_calm import show_calm
    from aetia.evals.harness.evaluations import open_evaluation
    from aetia.evals.harness.rescoring import score_again

    voice = Voice(as_json)
    opened = [open_evaluation(run) for run in runs]
    if metrics == "calm":
        show_calm(voice, opened, definition)
        return 0
    codes = []
    for run in opened:
        score_again(run)
        codes.append(_show(voice, run))
    return max(codes)


@click.command("compare", short_help="Compare two runs item by item.")
@click.argument("first", metavar="A")
@click.argument("second", metavar="B")
@json_option
def compare_runs(first: str, second: str, *, as_json: bool) -> None:
    """Compare two runs on the items that both have asked, paired item by item, corrected for all that is compared.

    A and B are run directories; RUN:ADAPTATION takes one way of asking, so that two of one run can be compared.
    """
    from rich.table import Table

    from aetia.evals.harness.comparing import compared

    voice = Voice(as_json)
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("task", "adaptation", "items", "A", "B", "B - A", "p", "q", "smallest\neffect seen"):
        table.add_column(name, justify="left" if name in ("task", "adaptation") else "right", no_wrap=True)
    found = compared(first, second)
    unpaired = {key: len(alone) + len(others) for key, (alone, others) in found.unpaired.items()}
    for row in found.table.to_pylist():
        told = {name: None if isinstance(value, float) and math.isnan(value) else value for name, value in row.items()}
        key = tuple(row[name] for name in ("task", "adaptation") if name in row)
        known = {name: told[name] for name in ComparisonRecord.model_fields if name in told}
        record = ComparisonRecord(**{"adaptation": "", **known, "unpaired": unpaired.get(key, 0)})
        voice.emit(lambda record=record: record)
        table.add_row(*record.cells())
    voice.show(table)


@click.command("standings", short_help="Rank several runs.")
@click.argument("runs", metavar="RUN...", nargs=-1, required=True)
@click.option("--page", type=click.Path(path_type=Path), metavar="FILE", help="Write a page with every task, too.")
@json_option
def rank_runs(runs: tuple[str, ...], page: Path | None, *, as_json: bool) -> None:
    """Rank several runs by what all of them were asked: the mean above chance, and what is surely better.

    Each is compared with the next one item by item, corrected for all tasks. RUN is a run directory.

    Example: aetia evals standings runs/a runs/b runs/c --page standings.html
    """
    from rich.table import Table

    from aetia.evals.harness.evaluations import open_evaluation
    from aetia.report.standings import standings, write_standings

    voice = Voice(as_json)
    opened = [open_evaluation(run) for run in runs]
    cells, found = standings(opened)
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("model", "above chance", "95% interval", "tasks above chance", "better than the next", "worse"):
        table.add_column(name, justify="left" if name == "model" else "right", overflow="fold")
    for one in found:
        record = StandingRecord.of(one, len(cells))
        voice.emit(lambda record=record: record)
        table.add_row(*record.cells_shown())
    voice.show(table)
    if page is not None:
        voice.show(f"  page  {write_standings(opened, page)}")


@click.command("export", short_help="Write replies for other tools.")
@click.argument("run", metavar="RUN")
@click.option(
    "--as",
    "kind",
    type=click.Choice(["csv", "parquet", "jsonl", "lm-eval", "inspect"]),
    default="jsonl",
    help="A table, or the logs of another tool. [default: jsonl]",
)
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="The file; of lm-eval and inspect the folder."
)
@json_option
def export_run(run: str, kind: "Kind", out: Path, *, as_json: bool) -> None:
    """Write every reply of RUN with its item, answer and errors, for other tools.

    In CSV a text that a spreadsheet would take for a formula begins with an apostrophe.
    """
    from aetia.evals.harness.evaluations import open_evaluation
    from aetia.evals.harness.exporting import export

    voice = Voice(as_json)
    found = export(open_evaluation(run), kind, out)
    for path in found.files:
        voice.emit(lambda path=path: FileRecord(kind="values", path=str(path), bytes=path.stat().st_size))
    voice.show(f"wrote {out}: {found.replies:,} replies")


def _study(
    path: str | None, options: "Mapping[str, str | int | bool | None]", settings: tuple[str, ...]
) -> "EvaluationStudy":
    from typing import cast

    from aetia.errors import StudyError
    from aetia.runs import load_study, parse_study

    record: dict[str, JSON] = {"instrument": "evaluate"} if path is None else dict(load_study(path).record())
    record |= {name: value for name, value in options.items() if value is not None}
    for setting in settings:
        name, equals, value = setting.partition("=")
        if not equals:
            found = f"--set {setting!r} does not say what the field is set to."
            raise StudyError("AE-1003", found, mend="write it like --set temperature=0.7")
        record[name.strip()] = value
    for name in ("tasks", "adaptations", "interventions"):
        value = record.get(name)
        if isinstance(value, str):
            record[name] = [part.strip() for part in value.split(",") if part.strip()]
    tasks = record.get("tasks")
    if not tasks:
        raise StudyError("AE-1002", "Nothing is asked: no task is named.", mend="give --tasks; see `aetia evals list`")
    named = [tasks] if isinstance(tasks, str) else cast("Sequence[JSON]", tasks)
    record["tasks"] = spelled_out(named, with_published=record.get("data") is not None)
    study = parse_study(record, source="the command line" if path is None else f"{path} with the options")
    return cast("EvaluationStudy", study)


def spelled_out(named: "Sequence[JSON]", *, with_published: bool = True) -> "list[JSON]":
    """The tasks' names, with patterns such as `calm/*`, and families such as `corr2cause`, spelled out.

    Args:
        named: Names, patterns, families, files.
        with_published: Whether a pattern that fits generated tasks means published ones too.
    """
    from fnmatch import fnmatchcase

    from aetia.errors import EvaluationError
    from aetia.evals.task import tasks

    known = {task.name: task for task in tasks()}
    found: list[JSON] = []
    for pattern in map(str, named):
        if pattern in known or pattern.endswith(".jsonl"):
            names = [pattern]
        else:
            wanted = pattern if "*" in pattern else f"{pattern}/*"
            names = [name for name in known if fnmatchcase(name, wanted)]
            generated = [name for name in names if known[name].is_generated]
            names = generated if generated and not with_published else names
        if not names and "*" in pattern:
            raise EvaluationError("AE-8102", f"No task fits {pattern!r}.", mend="see `aetia evals list`")
        found += [name for name in names or [pattern] if name not in found]
    return found


def _show_forecast(voice: Voice, study: "EvaluationStudy", directory: Path, workers: int) -> None:
    from dataclasses import replace

    from aetia.cli.planned import show_plan
    from aetia.evals.harness.answering import answerer_of
    from aetia.evals.harness.forecast import forecast
    from aetia.runs import engine_of, instrument_named
    from aetia.runs.cores import share_cores
    from aetia.runs.execution import check_engine

    plan = instrument_named("evaluate").plan(study)
    check_engine(plan, engine_of(workers))
    workers = min(workers, len(plan.batches))
    if workers > 1:
        share_cores(workers)
    # Replies that are kept would cost nothing, and the forecast would say so.
    loads = [0] * workers
    for batch in plan.batches:
        loads[loads.index(min(loads))] += batch.cells
    found = forecast(study, answerer_of(study, is_kept=False), share=max(loads) / plan.cells)
    paid = f", for {found.spent:.2g}" if found.spent else ""
    voice.remark(f"{found.timed} conversations were timed{paid}; replies that are kept from earlier will cost nothing.")
    told = {
        "conversations": found.conversations,
        "seconds": round(found.seconds, 1),
        "prompt tokens": found.prompt_tokens,
        "reply tokens": found.tokens,
    }
    if study.prompt_price or study.reply_price:
        told["cost"] = round(found.cost, 4)
    show_plan(voice, study, replace(plan, forecast=told), directory)


def _show(voice: Voice, run: "Run") -> int:
    from rich.table import Table

    from aetia.evals.harness.evaluations import refusals
    from aetia.report import write_report
    from aetia.text import clean_text

    has_effects = (run.directory / "effects.parquet").exists()
    rows = run.effects().to_arrow().to_pylist() if has_effects else []
    for row in rows:
        voice.emit(
            lambda row=row: ScoreRecord(**{name: row[name] for name in ScoreRecord.model_fields if name != "record"})
        )
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("task", "asked", "measure"):
        table.add_column(name, no_wrap=True)
    for name in ("", f"{run.study.level:.0%} interval", "chance", "q"):
        table.add_column(name, justify="right")
    for row in rows:
        if row["measure"] in _SHOWN and not (row["measure"] == "no answer" and row["estimate"] == 0):
            table.add_row(*_cells(row))
    if rows:
        voice.show(table)
    voice.show(f"  run     {run.directory}  ({run.status})")
    if has_effects:
        voice.show(f"  report  {write_report(run)}")
    for failed in run.manifest.failed[:3]:
        error = clean_text(failed.error.removeprefix("FailedRepliesError: "), 300)
        voice.show(f"  failed  batch {failed.key}: {error}")
    if run.status in ("failed", "interrupted"):
        voice.show(f"  Mend: `aetia runs resume {run.directory}`")
    refused = refusals(run) if has_effects else None
    if refused is None:
        return run.exit_code
    voice.show(f"  {refused.count:,} of {refused.requests:,} requests were refused; the first: {refused.first}")
    return max(run.exit_code, int(refused.count == refused.requests))


def _show_cost(voice: Voice, study: "EvaluationStudy", run: "Run") -> None:
    """What the replies of a run cost, by the endpoint's own count of their tokens."""
    values = run.values()
    read, written = (sum(values[name].to_pylist()) for name in ("prompt_tokens", "tokens"))
    told = f"{read:,} tokens read, {written:,} written, in the batches that are whole"
    voice.show(f"  cost    {study.cost(read, written):,.4g}  ({told})")


def _cells(row: "Mapping[str, object]") -> list[str]:
    def percent(value: object) -> str:
        return f"{value:.1%}" if isinstance(value, float) else ""

    from aetia.text import clean_text

    q = row["q"]
    interval = f"[{percent(row['low'])}, {percent(row['high'])}]" if row["low"] is not None else ""
    return [
        clean_text(str(row["task"]), 100),
        str(row["adaptation"]),
        str(row["measure"]),
        percent(row["estimate"]),
        interval,
        _chance(row),
        f"{q:.3g}" if isinstance(q, float) else "",
    ]


def _chance(row: "Mapping[str, object]") -> str:
    """What blind guessing gets; of a way of asking that knows the label, that it does."""
    from aetia.evals.adaptations import way_of_asking

    if row["measure"] == "accuracy" and way_of_asking(str(row["adaptation"])).knows_label:
        return "knows the label"
    null = str(row["null"] or "")
    return f"{float(null.partition(':')[2]):.1%}" if null.startswith("chance:") else ""
