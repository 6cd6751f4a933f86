"""`aetia evals`: do models reason causally?"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from aetia.cli.evals_records import AuditRecord, ItemRecord, TaskRecord, WayRecord
from aetia.cli.evals_runs import compare_runs, export_run, rank_runs, run_evaluation, score_runs
from aetia.cli.records import FileRecord
from aetia.cli.voice import Voice, json_option
from aetia.errors import EvaluationError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.table import Table

    from aetia.evals.item import Item, Language
    from aetia.evals.task import Names, Style, Task

__all__ = ["command"]

_seed = click.option("--seed", type=click.IntRange(min=0), default=0, help="What items are drawn by. [default: 0]")
_language = click.option("--language", type=click.Choice(["en", "zh"]), default="en", help="[default: en]")


@click.group("evals")
def command() -> None:
    """Ask models causal questions whose answers are exact.

    Items are generated with labels that the causal engine derives, or are read from published sets, whose labels
    `aetia evals audit` derives again.
    """


for _verb in (run_evaluation, score_runs, compare_runs, rank_runs, export_run):
    command.add_command(_verb)


@command.command("list", short_help="List the tasks, or the ways of asking.")
@click.argument("word", required=False)
@click.option("--adaptations", is_flag=True, help="List the ways of asking in place of the tasks.")
@json_option
def list_tasks(word: str | None, *, adaptations: bool, as_json: bool) -> None:
    """List the tasks, or the ways of asking; only those that speak of WORD, if one is given."""
    from rich.table import Table

    voice = Voice(as_json)
    table = Table(box=None, pad_edge=False, header_style="dim")
    if adaptations:
        from aetia.evals.adaptations import adaptations as known

        table.add_column("way of asking", no_wrap=True)
        table.add_column("", overflow="fold")
        for way in known():
            if _speaks(word, f"{way.name} {way.line} {way.citation}"):
                voice.emit(lambda way=way: WayRecord.of(way))
                table.add_row(way.name, way.line)
        _show_list(voice, table, word)
        return
    for name in ("task", "rung", "form"):
        table.add_column(name, no_wrap=True)
    table.add_column("chance", justify="right")
    table.add_column("asks", overflow="fold")
    from aetia.evals.task import tasks

    for task in tasks():
        if _speaks(word, f"{task.name} {task.asks} {task.target.rung} {task.target.scenario} {task.citation}"):
            voice.emit(lambda task=task: TaskRecord.of(task))
            chance = "" if not task.chance else f"{task.chance:.1%}".replace(".0%", "%")
            table.add_row(task.name, task.target.rung, task.target.form, chance, task.asks)
    _show_list(voice, table, word)


def _show_list(voice: Voice, table: "Table", word: str | None) -> None:
    if table.row_count:
        voice.show(table)
    else:
        voice.remark(f"None speaks of {word!r}: `aetia evals list` has the tasks, and with --adaptations how to ask.")


def _speaks(word: str | None, text: str) -> bool:
    return word is None or word.lower() in text.lower()


@command.command("show", short_help="Show items of a task, and why their labels are right.")
@click.argument("task", metavar="TASK")
@click.option("--items", type=click.IntRange(min=1), default=1, metavar="N", help="How many items. [default: 1]")
@click.option("--orbit", "with_orbit", is_flag=True, help="Show each item's minimal pairs too.")
@_seed
@_language
@click.option("--names", type=click.Choice(["real", "random", "nonsense"]), help="What variables are called.")
@click.option("--data", type=click.Path(path_type=Path), help="The folder that holds the folders of published sets.")
@json_option
def show_task(
    task: str,
    items: int,
    seed: int,
    language: "Language",
    names: "Names | None",
    data: Path | None,
    *,
    with_orbit: bool,
    as_json: bool,
) -> None:
    """Show what TASK asks, with items, their labels, and why these are right.

    TASK is a name of `aetia evals list`, or a file of items.
    """
    from aetia.evals.harness.study import is_file_of_items

    voice = Voice(as_json)
    found = _task(task)
    is_elsewhere = not found.is_generated and data is None and not is_file_of_items(task)
    shown = [] if is_elsewhere else list(_items((found, task), items, seed, (language, names), data, with_orbit))
    record = TaskRecord.of(found)
    voice.emit(lambda: record)
    voice.show(f"{found.name}  ({found.target.rung}, {found.target.form}, chance {found.chance:.0%})", found.asks)
    if found.citation:
        voice.show(f"cite  {found.citation}")
    if record.home and not is_file_of_items(task):
        voice.show(f"home  {record.home}  (licence: {record.licence or 'none named'})")
    if is_elsewhere:
        voice.remark("Name the folder that holds it with --data to see its items.")
    for item in shown:
        voice.emit(lambda item=item: ItemRecord.of(item))
        _show_item(voice, item)


def _show_item(voice: Voice, item: "Item") -> None:
    from aetia.text import clean_text

    voice.show("", f"-- {item.id}  {item.variant}")
    parts = [*item.context.splitlines(), item.question]
    parts += [f"Option {place}: {option}" for place, option in enumerate(item.options, 1)]
    for line in parts:
        voice.show(clean_text(line, 2000))
    margin = "" if item.margin is None else f"   margin {item.margin:.4g}"
    voice.show(f"  label  {clean_text(item.label, 200)}{margin}")
    for step in item.derivation:
        voice.show(f"    {clean_text(step, 400)}")


@command.command("generate", short_help="Write items of a task as JSON lines.")
@click.argument("task", metavar="TASK")
@click.option("--items", type=click.IntRange(min=1), default=100, metavar="N", help="How many. [default: 100]")
@click.option("--orbit", "with_orbit", is_flag=True, help="Write each item's minimal pairs too.")
@_seed
@_language
@click.option("--names", type=click.Choice(["real", "random", "nonsense"]), help="What variables are called.")
@click.option("--out", type=click.Path(path_type=Path), help="The file; by default they go to stdout.")
@json_option
def generate_items(
    task: str,
    items: int,
    seed: int,
    language: "Language",
    names: "Names | None",
    out: Path | None,
    *,
    with_orbit: bool,
    as_json: bool,
) -> None:
    """Write items of TASK as JSON lines, one item a line, which `aetia evals run --tasks FILE` asks.

    TASK is a generated task of `aetia evals list`, or a file of items.

    Example: aetia evals generate calm/ate-natural --items 1000 --out items.jsonl
    """
    import json

    from aetia.evals.harness.study import is_file_of_items
    from aetia.files import write_atomic

    voice = Voice(as_json)
    known = _task(task)
    if not known.is_generated and not is_file_of_items(task):
        mend = f"`aetia evals show {task} --data FOLDER` shows its items."
        raise EvaluationError("AE-8607", f"{task} is a published set: there is nothing to generate.", mend=mend)
    found = _items((known, task), items, seed, (language, names), None, with_orbit)
    if out is None and as_json:
        for item in found:
            voice.emit(lambda item=item: ItemRecord.of(item))
        return
    lines = (json.dumps(item.to_record(), ensure_ascii=False) + "\n" for item in found)
    if out is None:
        sys.stdout.writelines(lines)
        return
    kept = list(lines)
    content = "".join(kept).encode()
    write_atomic(out, content)
    voice.emit(lambda: FileRecord(kind="items", path=str(out), bytes=len(content)))
    voice.show(f"wrote {out}: {len(kept):,} items of {task}, seed {seed}")


@command.command("audit", short_help="Derive labels again; look for leaks and cues.")
@click.argument("tasks", metavar="TASK...", nargs=-1, required=True)
@click.option("--data", type=click.Path(path_type=Path), help="The folder that holds the folders of published sets.")
@click.option(
    "--items", type=click.IntRange(min=1), default=1000, metavar="N", help="Of a generated task. [default: 1000]"
)
@click.option(
    "--places", type=click.IntRange(min=0), default=5, metavar="N", help="Contradictions to show of each. [default: 5]"
)
@json_option
def audit_tasks(tasks: tuple[str, ...], data: Path | None, items: int, places: int, *, as_json: bool) -> None:
    """Derive the labels of TASK again from its texts, and look for duplicates, leaks and cues.

    TASK is a name or a pattern such as 'calm-lite/*'. Several of one set are compared with each other too.

    Example: aetia evals audit 'cladder/*' --data DATA
    """
    from aetia.cli.evals_runs import spelled_out
    from aetia.evals.audit import audit, leaks
    from aetia.text import clean_text

    voice = Voice(as_json)
    named = [_task(str(name)) for name in spelled_out(tasks)]
    for task in named:
        found = audit(task, Path(task.name) if data is None else data, items)
        voice.emit(lambda found=found: AuditRecord(audit=found.to_record()))
        voice.show(
            f"{found.task}: {found.items:,} items, {found.read:,} read by the engine, {found.wrong:,} contradictions, "
            f"{found.faulty:,} with faults"
        )
        for finding in found.defects:
            voice.show(f"  {clean_text(finding.found, 300)}")
        for row in (*found.contradictions[:places], *found.faults[:places]):
            says = f"label {row.label}, engine {row.engine}: " if row.engine else ""
            voice.show(f"  {clean_text(row.place, 100)}: {clean_text(says + row.why, 300)}")
    published = [task for task in named if not task.is_generated]
    if data is not None and len(published) > 1:
        for finding in leaks(published, data):
            voice.show(f"leak: {clean_text(finding.found, 300)}")


def _task(name: str) -> "Task":
    from aetia.evals.harness.items import task_of

    return task_of(name)


def _style(task: "Task", language: "Language", names: "Names | None") -> "Style":
    from dataclasses import replace

    from aetia.evals.task import Generator

    assert isinstance(task.source, Generator)
    first = task.source.first_style
    return replace(first, language=language, names=names or first.names)


def _items(
    named: "tuple[Task, str]",
    count: int,
    seed: int,
    worded: "tuple[Language, Names | None]",
    data: Path | None,
    with_orbit: bool,
) -> "Iterator[Item]":
    from aetia.evals.harness.items import listed_items
    from aetia.evals.task import generated, orbit

    task, name = named
    if not task.is_generated:
        yield from listed_items(task, name, data, worded[0])[:count]
        return
    style = _style(task, *worded)
    for index in range(count):
        if with_orbit:
            yield from orbit(task, index, seed, style)
        else:
            yield generated(task, index, seed, style)
