"""Which verbs does `aetia` have, and what does the shell get back?

Exit codes: 0 ok, 1 finished with failed cells (or a mistake in aetia), 2 a usage or study error, 3 a missing
prerequisite, 4 refused for safety, 130 interrupted.
"""

import io
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn

import click

from aetia import __version__
from aetia.cli.failures import told

__all__ = ["COMMANDS", "cli", "main", "run"]

# Verb -> its module (and the command in it, if it is not called `command`) and its line in the help. The line is here
# so that the help needs no module; a test compares them.
COMMANDS: dict[str, tuple[str, str]] = {
    "trace": ("aetia.cli.trace", "Find the sites of a language model that cause its answer."),
    "circuit": ("aetia.cli.circuit", "Find the circuit of a language model that carries its answer."),
    "map": ("aetia.cli.maps", "Draw maps over a picture, and test each of them."),
    "flow": ("aetia.cli.flow:flow", "Cut what one part of a prompt may read of another."),
    "pathways": ("aetia.cli.flow:pathways", "Keep only the reads that the answer needs."),
    "mediation": ("aetia.cli.flow:mediation", "Split what an edit does to the answer into its paths."),
    "contrasts": ("aetia.cli.contrasts", "List the built-in contrasts and how well a model does them."),
    "models": ("aetia.cli.models", "List the models that have a short name, and fetch them."),
    "runs": ("aetia.cli.runs", "List, show, resume and export runs."),
    "report": ("aetia.cli.report", "Write the page about a run."),
    "calibrate": ("aetia.cli.calibrate", "Measure how far each instrument can be trusted."),
    "evals": ("aetia.cli.evals", "Ask models causal questions whose answers are exact."),
    "scenes": ("aetia.cli.scenes", "Draw pictures of which every fact is known, with questions, edits and clips."),
    "train": ("aetia.cli.train", "Train MODEL again, as the one that comes with the package was trained."),
    "scm": ("aetia.cli.scm", "Ask explicit causal models and graphs, exactly."),
    "methods": ("aetia.cli.methods", "List the methods, what each needs, and whom to cite."),
    "doctor": ("aetia.cli.machine", "Check that this machine has what aetia needs."),
    "explain": ("aetia.cli.explain", "Say what an error code means and what mends it."),
}


class _Verbs(click.Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  click's
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        return getattr(import_module(module), attribute or "command")

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002  click's
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.command("aetia", cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, "--version", prog_name="aetia")
def cli() -> None:
    """What causes this answer? Calibrated instruments for finding causes in AI models.

    Results go to stdout, everything else to stderr; every verb takes --json for JSON lines. Exit codes: 0 ok,
    1 finished with failed cells, 2 usage or study error, 3 missing prerequisite, 4 refused for safety,
    130 interrupted.
    """


def run(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line asks and return the exit code; every error has then been told on stderr.

    Args:
        arguments: Without the program's name; those of this process by default.
    """
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a token shows a question mark: no result is worth losing for that.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = cli.main(given, prog_name="aetia", standalone_mode=False)
    except Exception as error:  # noqa: BLE001  the one place where every error ends
        return told(error, as_json="--json" in given)
    return code if isinstance(code, int) else 0


def main() -> NoReturn:
    """Run the command line and leave the process with its exit code."""
    sys.exit(run())
