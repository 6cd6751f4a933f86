"""What do all verbs share that ask a study: their options, their help, and carrying the study out?"""

import importlib
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias, TypeVar, cast, get_args, get_origin

import click

from aetia.cli.voice import Voice, json_option

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

    from aetia.studies import ContrastInstrument, ContrastStudy

__all__ = ["study_command"]

Asking: TypeAlias = Callable[..., int]
AskingT = TypeVar("AskingT", bound=Asking)

_QUESTION = (
    click.argument("study_file", metavar="[STUDY.toml]", required=False),
    click.option("--model", metavar="NAME", help="A model of `aetia models`, a folder, or owner/name of the hub."),
    click.option("--contrasts", metavar="NAME|FILE", help="A set of `aetia contrasts`, or a JSONL or CSV file."),
    click.option("--items", type=click.IntRange(min=1), metavar="N", help="How many contrast pairs. [default: 24]"),
)
_RUN = (
    click.option("--set", "settings", multiple=True, metavar="FIELD=VALUE", help="Any other field; may be repeated."),
    click.option("--out", metavar="DIRECTORY", help="The run directory. [default: runs/CONTRASTS-ID]"),
    click.option(
        "--workers", type=click.IntRange(min=1), metavar="N", help="Processes, each with the model. [default: 1]"
    ),
    click.option("--dry-run", is_flag=True, help="Show the plan and its cost, compute nothing."),
    json_option,
)


def study_command(
    name: str, implementation: str, options: Sequence[Callable[[Asking], Asking]], about: str
) -> "StudyCommand":
    """The verb that asks a study of the instrument of this name.

    Args:
        name: Of the verb and of the instrument.
        implementation: The instrument's class, as `aetia.tracing.instrument:Trace`; imported for the help only.
        options: Fields of the study that are options of their own, in the order of the help.
        about: The help.
    """

    def carried_out(
        study_file: str | None,
        settings: tuple[str, ...],
        out: str | None,
        workers: int | None,
        *,
        dry_run: bool,
        as_json: bool,
        **options: str | int | None,
    ) -> int:
        return ask_study(
            name, study_file, options, settings, out=out, workers=workers, dry_run=dry_run, as_json=as_json
        )

    asking = _with((*_QUESTION, *options, *_RUN), carried_out)
    return click.command(name, cls=StudyCommand, implementation=implementation, help=about)(asking)


def _with(options: Sequence[Callable[[AskingT], AskingT]], asking: AskingT) -> AskingT:
    for option in reversed(options):
        asking = option(asking)
    return asking


class StudyCommand(click.Command):
    """A command to which every field of its instrument's study is an option too.

    Args:
        implementation: The instrument's class, as `aetia.tracing.instrument:Trace`; imported for the help only. The
            command is called as the instrument is.
    """

    def __init__(self, name: str, *, implementation: str, **attributes: object) -> None:
        super().__init__(name, **attributes)  # pyright: ignore[reportArgumentType]  click's own
        self.implementation = implementation

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the arguments; a field of the study is set by its name."""
        from aetia.cli.question import fields_as_settings

        options = [parameter for parameter in self.get_params(ctx) if isinstance(parameter, click.Option)]
        takes_value = {name: not option.is_flag for option in options for name in option.opts}
        return super().parse_args(ctx, fields_as_settings(args, str(self.name), takes_value))

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002  click's
        """Add the nulls and the study's further fields to the help."""
        from aetia.cli.question import PICTURES
        from aetia.effects.nulls import NULLS

        module, _, kind = self.implementation.partition(":")
        instrument = cast("ContrastInstrument[ContrastStudy]", getattr(importlib.import_module(module), kind)())
        # By default a study supports every null that there is.
        study = instrument.study_type.model_validate({"instrument": self.name, "contrasts": "capitals"})
        has_option = {"instrument", "pair", *(str(parameter.name) for parameter in self.params)}
        fields = {name: field for name, field in instrument.study_type.model_fields.items() if name not in has_option}
        with formatter.section("Pictures"):
            formatter.write_dl([(f"{name} {value}", about) for name, (_, value, about) in PICTURES.items()])
        if nulls := instrument.nulls(study):
            with formatter.section("Nulls: what an effect would be by chance (--null NAME:DRAWS)"):
                formatter.write_dl([(name, ": ".join(NULLS[name])) for name in nulls])
        with formatter.section("Further fields of a study (--FIELD VALUE, or --set FIELD=VALUE)"):
            formatter.write_dl([(f"--{name.replace('_', '-')}", _about(field)) for name, field in fields.items()])


def _about(field: "FieldInfo") -> str:
    """What a field means, which values it can have, and which it has."""
    parts = [field.description or ""]
    if get_origin(field.annotation) is Literal:
        parts.append("|".join(map(str, get_args(field.annotation))))
    if field.default not in (None, (), False):
        parts.append(f"[default: {field.default}]")
    return "  ".join(part for part in parts if part)


def ask_study(
    instrument: str,
    study_file: str | None,
    options: Mapping[str, str | int | None],
    settings: Sequence[str],
    *,
    out: str | None,
    workers: int | None,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Plan the study that is asked, or carry it out and report it; return the exit code.

    Args:
        instrument: The method that the verb stands for.
        study_file: A study file, or None.
        options: Values of named options; None where one was not given.
        settings: `FIELD=VALUE`, each.
        out: The run directory, or None for the study's own.
        workers: How many processes.
        dry_run: Whether the plan is shown and nothing computed.
        as_json: Whether records are written in place of text.
    """
    from aetia.cli.models import fetch_if_known
    from aetia.cli.question import study_asked
    from aetia.runs import instrument_named
    from aetia.studies.asking import default_directory

    voice = Voice(as_json)
    study = study_asked(instrument, study_file, options, settings)
    directory = Path(out) if out is not None else default_directory(study)
    fetch_if_known(voice, str(study.record().get("model")))
    if dry_run:
        from aetia.cli.planned import show_plan

        show_plan(voice, study, instrument_named(study.instrument).plan(study), directory)
        return 0
    from aetia.cli.carry import carry_out
    from aetia.runs import execute

    return carry_out(voice, study, directory, workers or 1, partial(execute, study, directory))
