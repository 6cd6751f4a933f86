"""`aetia explain`: what does an error code mean, and what mends it?"""

import difflib
import re
from collections.abc import Mapping
from importlib import resources
from pathlib import Path

import click

from aetia.cli.voice import Voice, json_option
from aetia.errors import MissingError, StudyError
from aetia.text import clean_text

__all__ = ["command", "error_codes"]

_ROW = re.compile(r"^\|\s*(AE-\d{4})\s*\|(.*)\|(.*)\|\s*$", re.MULTILINE)


@click.command("explain")
@click.argument("code")
@json_option
def command(code: str, *, as_json: bool) -> None:
    """Say what an error code means and what mends it.

    CODE is like AE-2107, as an error shows it.
    """
    from aetia.cli.records import CodeRecord

    voice = Voice(as_json)
    known = error_codes()
    wanted = f"AE-{digits[0]}" if (digits := re.findall(r"\d{4}", code)) else code.upper()
    if wanted not in known:
        near = difflib.get_close_matches(wanted, known, n=3) or sorted(known)[:3]
        found = f"There is no error code {clean_text(code, 40)}."
        raise StudyError("AE-1004", found, details=(f"nearest: {', '.join(near)}",), mend="`aetia explain AE-1001`")
    meaning, mend = known[wanted]
    voice.emit(lambda: CodeRecord(code=wanted, meaning=meaning, mend=mend))
    voice.show(f"{wanted}  {meaning}", f"  Mend: {mend}")


def error_codes() -> Mapping[str, tuple[str, str]]:
    """Return every error code with its meaning and its mend, as docs/errors.md has them.

    Raises:
        MissingError: AE-4901 the list of codes is not installed.
    """
    packaged = resources.files("aetia").joinpath("errors.md")
    # In a checkout the page is where it is written.
    source = Path(__file__).resolve().parents[3] / "docs" / "errors.md"
    for place in (packaged, source):
        if place.is_file():
            rows = _ROW.findall(place.read_text(encoding="utf-8"))
            return {code: (meaning.strip(), mend.strip()) for code, meaning, mend in rows}
    mend = "python -m pip install --force-reinstall aetia"
    raise MissingError("AE-4901", "The list of error codes is not installed.", mend=mend)
