"""`aetia methods`: which methods are there, what does each need, and whom does one cite?"""

import click
from rich.table import Table

from aetia import catalogue
from aetia.cli.records import MethodRecord
from aetia.cli.voice import Voice, json_option

__all__ = ["command"]


@click.command("methods")
@click.argument("word", required=False)
@click.option("--room", metavar="NAME", help="Only the methods of one part of aetia, such as tracing.")
@click.option("--cite", is_flag=True, help="Show whom to cite.")
@click.option("--schema", is_flag=True, help="Print the JSON Schema of the studies that the method WORD answers.")
@json_option
def command(word: str | None, room: str | None, *, cite: bool, schema: bool, as_json: bool) -> None:
    """List the methods, what each needs, and whom to cite.

    Only those that speak of WORD, if one is given.
    """
    voice = Voice(as_json)
    if schema:
        _show_schema(word)
        return
    entries = [entry for entry in catalogue.methods() if _fits(entry, word, room)]
    for entry in entries:
        voice.emit(lambda entry=entry: _record(entry))
    if not entries:
        voice.remark("No method fits; `aetia methods` lists all.")
    for entry in entries:
        table = Table(box=None, pad_edge=False, show_header=False)
        table.add_column(style="dim", no_wrap=True)
        table.add_column(overflow="fold")
        table.add_row("answers", entry.question)
        table.add_row("needs", entry.inputs)
        table.add_row("cost", entry.cost)
        table.add_row("certificate", entry.calibration)
        if cite:
            table.add_row("cite", entry.citation)
            table.add_row("works", ", ".join(entry.seeds))
        voice.show(f"{entry.name}  ({entry.room})", table)


def _fits(entry: catalogue.Method, word: str | None, room: str | None) -> bool:
    said = f"{entry.name} {entry.room} {entry.question} {entry.inputs} {entry.citation}".lower()
    return (word is None or word.lower() in said) and (room is None or entry.room == room)


def _show_schema(word: str | None) -> None:
    import json

    from aetia.runs import study_schema

    if word is None:
        raise click.UsageError("--schema needs the name of a method.")
    click.echo(json.dumps(study_schema(word), indent=2))


def _record(entry: catalogue.Method) -> MethodRecord:
    return MethodRecord(
        name=entry.name,
        room=entry.room,
        question=entry.question,
        inputs=entry.inputs,
        cost=entry.cost,
        seeds=list(entry.seeds),
        citation=entry.citation,
        calibration=entry.calibration,
    )
