"""`aetia contrasts`: which questions are built in, and can the model do them at all?"""

from collections.abc import Iterable

import click
from rich.table import Table
from rich.text import Text

from aetia.cli.models import fetch_if_known
from aetia.cli.records import ContrastRecord, ContrastsRecord
from aetia.cli.voice import Voice, json_option
from aetia.contrasts import (
    AlignedContrast,
    Alignment,
    ContrastSet,
    Measurement,
    contrast_sets,
    measure,
    picture_sets,
    study_contrasts,
)
from aetia.errors import ContrastError
from aetia.text import clean_text

__all__ = ["command"]

_MODEL = "smollm2-135m"
_ITEMS = 24
_DROPPED_SHOWN = 5

_model = click.option("--model", default=_MODEL, show_default=True, metavar="NAME", help="The model that is asked.")
_seed = click.option("--seed", type=click.IntRange(min=0), default=0, metavar="N", help="Which items are drawn.")
_chat = click.option("--chat", is_flag=True, help="Put each prompt into the model's chat template.")


@click.group("contrasts", invoke_without_command=True)
@_model
@click.option("--items", type=click.IntRange(min=1), default=_ITEMS, show_default=True, metavar="N", help="Per set.")
@_seed
@_chat
@json_option
@click.pass_context
def command(ctx: click.Context, model: str, items: int, seed: int, *, chat: bool, as_json: bool) -> None:
    """List the built-in contrasts and how well a model does them.

    A model that sees is asked about pictures, any other about text.

    The share of items whose answer the model prefers to the foil, with Wilson's 95% interval, and the mean preference
    after the clean and after the corrupted prompts. Where the interval reaches below a half, the model cannot be said
    to do the task, and an explanation would explain nothing.
    """
    if ctx.invoked_subcommand is not None:
        return
    from aetia.models import load

    voice = Voice(as_json)
    fetch_if_known(voice, model)
    network = load(model)
    table = _table()
    for one in (contrast_sets() if network.vision is None else picture_sets()).values():
        voice.remark(f"measuring {one.name}")
        try:
            alignment = study_contrasts(
                one.name, None, network.tokenizer, items=items, seed=seed, chat=chat, vision=network.vision
            )
            measured = measure(network, alignment.items)
        except ContrastError as error:
            voice.remark(f"{one.name}: {clean_text(error.found)}")
            continue
        voice.emit(lambda one=one, alignment=alignment, measured=measured: _record(one, model, alignment, measured))
        table.add_row(*_row(one, measured))
    voice.show(table)


@command.command("show")
@click.argument("name")
@_model
@click.option("--items", type=click.IntRange(min=1), default=5, show_default=True, metavar="N", help="How many.")
@_seed
@_chat
@json_option
def show(name: str, model: str, items: int, seed: int, *, chat: bool, as_json: bool) -> None:
    """Show pairs of the set NAME, or of a JSONL or CSV file, as the model's tokenizer aligns them."""
    from aetia.models.network import skeleton

    voice = Voice(as_json)
    fetch_if_known(voice, model)
    network = skeleton(model)
    found = study_contrasts(name, None, network.tokenizer, items=items, seed=seed, chat=chat, vision=network.vision)
    for item in found.items:
        voice.emit(lambda item=item: _pair(item))
        voice.show(*_lines(item), "")
    kept = "item" if len(found.items) == 1 else "items"
    voice.show(f"{len(found.items)} {kept} shown, {len(found.dropped)} dropped while aligning")
    for dropped in found.dropped[:_DROPPED_SHOWN]:
        voice.show(f"  dropped {clean_text(dropped.id, 40)}: {clean_text(dropped.reason)}")


def _table() -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("set", "correct", "95% interval", "clean", "corrupted"):
        table.add_column(name, justify="left" if name == "set" else "right", no_wrap=True)
    table.add_column("question", overflow="fold")
    return table


def _row(one: ContrastSet, measured: Measurement) -> tuple[str | Text, ...]:
    from aetia.report.rows import number, percent

    correct = f"{percent(measured.accuracy)} of {len(measured.items)}"
    interval = f"{percent(measured.low)} to {percent(measured.high)}"
    clean, corrupted = (number(mean, 1, signed=True) for mean in (measured.mean_clean, measured.mean_corrupted))
    warning = "" if measured.is_able else " (the model cannot be said to do this)"
    return (
        Text(one.name, style="" if measured.is_able else "yellow"),
        correct,
        interval,
        f"{clean} {measured.unit}",
        f"{corrupted} {measured.unit}",
        f"{one.question}{warning}",
    )


def _record(one: ContrastSet, model: str, alignment: Alignment, measured: Measurement) -> ContrastsRecord:
    return ContrastsRecord(
        name=one.name,
        question=one.question,
        source=one.source,
        model=model,
        items=len(measured.items),
        dropped=len(alignment.dropped),
        accuracy=measured.accuracy,
        low=measured.low,
        high=measured.high,
        level=measured.level,
        clean=measured.mean_clean,
        corrupted=measured.mean_corrupted,
        unit=measured.unit,
        is_able=measured.is_able,
    )


def _pair(item: AlignedContrast) -> ContrastRecord:
    return ContrastRecord(
        id=item.id,
        clean=item.clean,
        corrupted=item.corrupted,
        answer=item.answer,
        foil=item.foil,
        tokens=item.length,
        spans={name: (start, stop) for name, (start, stop) in item.spans.items()},
    )


def _lines(item: AlignedContrast) -> tuple[Text, ...]:
    """A pair as two prompts, token by token, with what differs in them marked."""
    pairs = list(zip(item.clean_tokens, item.corrupted_tokens, strict=True))
    answer = Text(f"{clean_text(item.id, 40)}  {item.length} tokens  answer '{clean_text(item.answer, 40)}'")
    if item.foil:
        answer.append(f"  foil '{clean_text(item.foil, 40)}'")
    clean = _marked("clean    ", [(one, one != other) for one, other in pairs])
    return answer, clean, _marked("corrupted", [(other, one != other) for one, other in pairs])


def _marked(label: str, tokens: Iterable[tuple[str, bool]]) -> Text:
    line = Text(f"  {label}  ", style="dim")
    for token, differs in tokens:
        line.append(clean_text(token, 60), style="not dim bold" if differs else "not dim")
    return line
