"""How is a person told what went wrong, and the shell how badly?"""

import sys
import tempfile
import traceback
from pathlib import Path

import click

from aetia.errors import AetiaError, StudyError
from aetia.text import clean_text

__all__ = ["told"]

_INTERRUPTED = 130
_FAILED = 1


def told(error: Exception, *, as_json: bool) -> int:
    """Tell the error on stderr, and as the last record on stdout if that is read by a program; return the exit code.

    A person's mistake is one block: what was found, what was expected, what mends it. A mistake of aetia is one line
    and a file with the traceback.
    """
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        click.echo(error.ctx.get_help() if error.ctx else "", err=True)
        return error.exit_code
    if isinstance(error, click.Abort):
        return _interrupted(error, as_json)
    if isinstance(error, click.ClickException):
        error = _usage(error)
    if isinstance(error, AetiaError):
        click.echo(_block(error), err=True)
        if as_json:
            _emit(error.code, error.found, error.details, error.mend, error.exit_code)
        return error.exit_code
    return _unexpected(error, as_json)


def _usage(error: click.ClickException) -> AetiaError:
    context = error.ctx if isinstance(error, click.UsageError) else None
    command = context.command_path if context else "aetia"
    return StudyError("AE-1001", error.format_message(), mend=f"see `{command} --help`")


def _interrupted(error: click.Abort, as_json: bool) -> int:
    cause = error.__cause__
    message = (
        str(cause) if isinstance(cause, KeyboardInterrupt) and cause.args else "Interrupted; what was computed is kept."
    )
    click.echo(message, err=True)
    if as_json:
        found, _, mend = message.partition(" Mend: ")
        _emit("interrupted", found, (), mend.strip("`"), _INTERRUPTED)
    return _INTERRUPTED


def _block(error: AetiaError) -> str:
    """The error as it reads on a terminal: its own lines, whatever they quote, do nothing there."""
    return "\n".join(_safe(line) for line in str(error).splitlines())


def _safe(line: str) -> str:
    indent = len(line) - len(line.lstrip(" "))
    return " " * indent + clean_text(line[indent:], 2000)


def _unexpected(error: Exception, as_json: bool) -> int:
    said = clean_text(f"{type(error).__name__}: {error}", 300)
    found = f"aetia failed, which is a mistake in aetia and not yours: {said}"
    trace = "".join(traceback.format_exception(error))
    try:
        with tempfile.NamedTemporaryFile("w", prefix="aetia-", suffix=".traceback.txt", delete=False) as file:
            file.write(trace)
        place = str(Path(file.name))
    except OSError:
        place = "nowhere: no temporary file could be written"
    click.echo(f"{found} The traceback is in {place}", err=True)
    if as_json:
        _emit("unexpected", found, (), f"report it with {place}", _FAILED)
    return _FAILED


def _emit(code: str, found: str, details: tuple[str, ...], mend: str, exit_code: int) -> None:
    from aetia.cli.records import ErrorRecord

    record = ErrorRecord(code=code, found=found, details=details, mend=mend, exit_code=exit_code)
    sys.stdout.write(record.line())
    sys.stdout.flush()
