"""What do the commands and the catalogue say of themselves? Writes pages of docs/ from them."""

import json
from pathlib import Path

import click

from aetia.calibration.certificate import markdown, packaged
from aetia.catalogue import methods
from aetia.cli.application import cli
from aetia.cli.schema import records_schema

DOCS = Path(__file__).parents[1] / "docs"
MADE = "<!-- Written by `make docs`; do not edit. -->\n"
RECORDS = "With `--json` every line of stdout is one record of [records.schema.json](records.schema.json).\n"


def command_pages(command: click.Command, path: tuple[str, ...]) -> list[str]:
    """Return the help of `command` and of every command below it, each under a heading."""
    context = click.Context(command, info_name=" ".join(path), terminal_width=100)
    pages = [f"{'#' * min(len(path) + 1, 4)} {' '.join(path)}\n\n```text\n{command.get_help(context)}\n```\n"]
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            if below is not None and not below.hidden:
                pages += command_pages(below, (*path, name))
    return pages


def methods_page() -> str:
    """Return the catalogue as a page: a section for each instrument."""
    sections = [
        f"## {entry.name}\n\n{entry.question}\n\n"
        f"- room: {entry.room}\n- inputs: {entry.inputs}\n- cost: {entry.cost}\n"
        f"- calibration: {entry.calibration}\n- source: {entry.citation} ({', '.join(entry.seeds)})\n"
        for entry in methods()
    ]
    return "\n".join(["# Methods\n", MADE, *sections])


def calibration_page() -> str:
    """Return what was measured of every instrument, as the certificate in the package has it."""
    return (
        (Path(__file__).with_name("calibration.head.md")).read_text(encoding="utf-8")
        + MADE
        + "\n"
        + markdown(packaged())
    )


def pages() -> dict[str, str]:
    """Return the text of every generated page, by its name."""
    return {
        "cli.md": "\n".join(["# Commands\n", MADE, RECORDS, *command_pages(cli, ("aetia",))]),
        "methods.md": methods_page(),
        "calibration.md": calibration_page(),
        "records.schema.json": json.dumps(records_schema(), indent=2) + "\n",
    }


if __name__ == "__main__":
    for name, text in pages().items():
        (DOCS / name).write_text(text, encoding="utf-8")
        print(f"docs/{name}")
