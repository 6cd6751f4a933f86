"""Where does a command speak: results to stdout, remarks to stderr, and under --json to programs only?"""

import os
import sys
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

import click
from rich.console import Console, RenderableType
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Voice", "json_option"]

_WIDTH_OF_FILES = 120

json_option = click.option(
    "--json", "as_json", is_flag=True, help="Write JSON lines to stdout; text for people goes to stderr."
)
"""The option that every verb has."""


class _Line(Protocol):
    def line(self) -> str: ...


@dataclass(frozen=True)
class Voice:
    """The two streams of a command.

    Args:
        as_json: Whether stdout belongs to a program.
    """

    as_json: bool

    @cached_property
    def remarks(self) -> Console:
        """What is said beside the result: progress, advice."""
        return _console(on_stderr=True)

    @cached_property
    def people(self) -> Console:
        """Where a result for people goes."""
        return self.remarks if self.as_json else _console(on_stderr=False)

    def emit(self, record: "Callable[[], _Line]") -> None:
        """Write a record for programs; it is not even made for people."""
        if self.as_json:
            sys.stdout.write(record().line())
            sys.stdout.flush()

    def show(self, *parts: RenderableType) -> None:
        """Show a result to people. Plain text is never cut or folded, so that paths can be copied."""
        for part in parts:
            self.people.print(part, soft_wrap=isinstance(part, str | Text))

    def remark(self, text: str) -> None:
        """Say something beside the result."""
        self.remarks.print(text, soft_wrap=True)


def _console(*, on_stderr: bool) -> Console:
    # No markup and no emoji codes: a model's text would be read as either. Colours follow NO_COLOR, FORCE_COLOR, TERM.
    stream = sys.stderr if on_stderr else sys.stdout
    width = None if stream.isatty() or "COLUMNS" in os.environ else _WIDTH_OF_FILES
    return Console(stderr=on_stderr, markup=False, emoji=False, highlight=False, width=width)
