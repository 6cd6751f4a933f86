"""`aetia trace`: which sites of a language model cause its answer?"""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args, get_origin

import click

from aetia.cli.voice import Voice, json_option

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

__all__ = ["command"]

_INSTRUMENT = "trace"


class _Trace(click.Command):
    """A command to which every field of the study is an option too."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        from aetia.cli.question import fields_as_settings

        options = [parameter for parameter in self.get_params(ctx) if isinstance(parameter, click.Option)]
        takes_value = {name: not option.is_flag for option in options for name in option.opts}
        return super().parse_args(ctx, fields_as_settings(args, _INSTRUMENT, takes_value))

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002  click's
        from aetia.effects.nulls import NULLS
        from aetia.tracing import TraceStudy
        from aetia.tracing.instrument import Trace

        has_option = {"instrument", "pair", *(str(parameter.name) for parameter in self.params)}
        patching = TraceStudy(contrasts="capitals")  # it supports every null that a method of tracing does
        with formatter.section("Nulls: what an effect would be by chance (--null NAME:DRAWS)"):
            formatter.write_dl([(name, ": ".join(NULLS[name])) for name in Trace().nulls(patching)])
        with formatter.section("Further fields of a study (--FIELD VALUE, or --set FIELD=VALUE)"):
            fields = {name: field for name, field in TraceStudy.model_fields.items() if name not in has_option}
            formatter.write_dl([(f"--{name.replace('_', '-')}", _about(field)) for name, field in fields.items()])


def _about(field: "FieldInfo") -> str:
    """What a field means, which values it can have, and which it has."""
    parts = [field.description or ""]
    if get_origin(field.annotation) is Literal:
        parts.append("|".join(map(str, get_args(field.annotation))))
    if field.default not in (None, (), False):
        parts.append(f"[default: {field.default}]")
    return "  ".join(part for part in parts if part)


@click.command("trace", cls=_Trace)
@click.argument("study_file", metavar="[STUDY.toml]", required=False)
@click.option("--model", metavar="NAME", help="A model of `aetia models`, a folder, or owner/name of the hub.")
@click.option("--contrasts", metavar="NAME|FILE", help="A set of `aetia contrasts`, or a JSONL or CSV file.")
@click.option("--items", type=click.IntRange(min=1), metavar="N", help="How many contrast pairs. [default: 24]")
@click.option("--sites", metavar="LIST", help="Components, such as resid_pre,attn_out,mlp_out,z.")
@click.option("--clean", metavar="TEXT", help="One's own question: the prompt that the model answers.")
@click.option("--corrupt", metavar="TEXT", help="The prompt that differs in what matters, equally long in tokens.")
@click.option("--answer", metavar="TEXT", help="The answer to the clean prompt, often with a leading space.")
@click.option("--foil", metavar="TEXT", help="The answer to the corrupted prompt.")
@click.option("--set", "settings", multiple=True, metavar="FIELD=VALUE", help="Any other field; may be repeated.")
@click.option("--out", metavar="DIRECTORY", help="The run directory. [default: runs/CONTRASTS-ID]")
@click.option("--workers", type=click.IntRange(min=1), metavar="N", help="Processes, each with the model. [default: 1]")
@click.option("--dry-run", is_flag=True, help="Show the plan and its cost, compute nothing.")
@json_option
def command(
    study_file: str | None,
    settings: tuple[str, ...],
    out: str | None,
    workers: int | None,
    *,
    dry_run: bool,
    as_json: bool,
    **options: str | int | None,
) -> int:
    """Find the sites of a language model that cause its answer.

    A question is a study file (TOML, YAML or JSON), or options, or a file with options that win over it:

    \b
      aetia trace --contrasts capitals --items 24 --sites resid_pre,attn_out,mlp_out,z
      aetia trace --clean "The capital of France is" --corrupt "The capital of Italy is" \\
                  --answer " Paris" --foil " Rome"
      aetia trace --contrasts capitals --null randomised-weights:99
      aetia trace study.toml --method zero --memory 2GB

    Every effect is tested against a null, by default (--null auto) the answers of other items, which costs no further
    run and takes 20 items or more; the report names only what passes.

    The same study in the same directory is carried on where it was stopped.
    """  # noqa: D301  click leaves the lines after its mark as they are
    from aetia.cli.models import fetch_if_known
    from aetia.cli.question import default_directory, study_asked
    from aetia.runs import instrument_named

    voice = Voice(as_json)
    study = study_asked(_INSTRUMENT, study_file, options, settings)
    directory = Path(out) if out is not None else default_directory(study)
    fetch_if_known(voice, str(study.record().get("model")))
    if dry_run:
        from aetia.cli.planned import show_plan

        show_plan(voice, study, instrument_named(study.instrument).plan(study), directory)
        return 0
    from aetia.cli.carry import carry_out
    from aetia.runs import execute

    return carry_out(voice, study, directory, workers or 1, partial(execute, study, directory))
