"""`aetia doctor`: does this machine have what aetia needs?"""

import click
from rich.table import Table
from rich.text import Text

from aetia.cli.records import CheckRecord
from aetia.cli.voice import Voice, json_option

__all__ = ["command"]

_MISSING = 3
_MARKS = {True: Text("ok", style="green"), False: Text("mend", style="bold red"), None: Text("-", style="dim")}


@click.command("doctor")
@json_option
def command(*, as_json: bool) -> int:
    """Check that this machine has what aetia needs.

    The exit code is 3 if something has to be mended first.
    """
    from aetia.cli.doctor import checks

    voice = Voice(as_json)
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column()
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    found = checks()
    for check in found:
        record = CheckRecord(name=check.name, ok=check.ok, found=check.found, mend=check.mend)
        voice.emit(lambda record=record: record)
        table.add_row(_MARKS[check.ok], check.name, check.found)
        if check.mend:
            table.add_row("", "", Text(f"Mend: {check.mend}", style="bold" if check.ok is False else "dim"))
    voice.show(table)
    return _MISSING if any(check.ok is False for check in found) else 0
