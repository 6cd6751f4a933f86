"""What do the rows of a published file say, and if one cannot be used, in which line and which field?"""

import csv
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from aetia.errors import EvaluationError
from aetia.runs.keys import JSON
from aetia.text import clean_text

__all__ = ["FILE_BYTES", "LINE_BYTES", "Row", "csv_rows", "json_entries", "json_lines", "json_rows"]

FILE_BYTES = 256 * 2**20
"""No larger file is read: the largest published one is below 16 MiB."""

LINE_BYTES = 4 * 2**20
"""No longer line is read."""

_SPACE = re.compile(r"[ \t\r\n]*")
_KINDS = {dict: "an object", list: "a list", str: "a text", bool: "true or false", int: "a number", float: "a number"}


@dataclass(frozen=True)
class Row:
    """One row of a file, which knows its place.

    Args:
        path: The file.
        line: Where the row begins, from 1.
        value: What it says; of a row of CSV, the cells by their column.
        key: The row's name, where the file is one object whose members are its rows.
    """

    path: Path
    line: int
    value: JSON
    key: str = ""

    @property
    def place(self) -> str:
        """The file's name and the line, as in `train.jsonl:17`."""
        return f"{self.path.name}:{self.line}"

    def get(self, *field: str | int) -> JSON:
        """What is at a field, as in `get("meta", "rung")`; with no field, the whole.

        Raises:
            EvaluationError: AE-8204 there is no such field.
        """
        found: JSON = self.value
        for depth, step in enumerate(field):
            held = isinstance(found, Mapping) and step in found
            if isinstance(found, Mapping) and held:
                found = found[str(step)]
            elif isinstance(step, int) and isinstance(found, list) and -len(found) <= step < len(found):
                found = found[step]
            else:
                raise self.wrong("it is missing", *field[: depth + 1])
        return found

    def has(self, *field: str | int) -> bool:
        """Whether the field is there and is not null."""
        try:
            return self.get(*field) is not None
        except EvaluationError:
            return False

    def text(self, *field: str | int) -> str:
        """The text at a field; this and the next raise AE-8204 if it is missing or of another kind."""
        found = self.get(*field)
        if not isinstance(found, str):
            raise self._unexpected("a text", found, field)
        return found

    def number(self, *field: str | int) -> float:
        """The number at a field; one that is written as text counts."""
        found = self.get(*field)
        if isinstance(found, bool) or not isinstance(found, (int, float, str)):
            raise self._unexpected("a number", found, field)
        try:
            return float(found)
        except (ValueError, OverflowError) as error:
            raise self._unexpected("a number", found, field) from error

    def integer(self, *field: str | int) -> int:
        """The whole number at a field; one that is written as text counts."""
        value = self.number(*field)
        if not value.is_integer():
            raise self._unexpected("a whole number", self.get(*field), field)
        return int(value)

    def flag(self, *field: str | int) -> bool:
        """Whether the field says true."""
        found = self.get(*field)
        if not isinstance(found, bool):
            raise self._unexpected("true or false", found, field)
        return found

    def values(self, *field: str | int) -> Sequence[JSON]:
        """The list at a field."""
        found = self.get(*field)
        if not isinstance(found, list):
            raise self._unexpected("a list", found, field)
        return found

    def texts(self, *field: str | int) -> tuple[str, ...]:
        """The texts of the list at a field."""
        return tuple(self.text(*field, place) for place in range(len(self.values(*field))))

    def fields(self, *field: str | int) -> Mapping[str, JSON]:
        """The object at a field."""
        found = self.get(*field)
        if not isinstance(found, Mapping):
            raise self._unexpected("an object", found, field)
        return found

    def one_of(self, known: Mapping[str, str], *field: str | int) -> str:
        """What `known` gives for the text or the number at a field, as in `one_of({"0": "1", "1": "2"}, "label")`."""
        found = self.get(*field)
        name = str(found)
        if isinstance(found, (list, dict)) or name not in known:
            raise self._unexpected(" or ".join(map(repr, known)), found, field)
        return known[name]

    def wrong(self, found: str, *field: str | int) -> EvaluationError:
        """The error that says what is wrong with a field, to be raised."""
        return damaged(self.path, self.line, found, ".".join(map(str, field)))

    def _unexpected(self, wanted: str, found: JSON, field: tuple[str | int, ...]) -> EvaluationError:
        kind = "null" if found is None else _KINDS.get(type(found), "something else")
        shown = f"{kind}, {clean_text(str(found), 40)!r}," if isinstance(found, (str, int, float)) else kind
        return self.wrong(f"it is {shown} and should be {wanted}", *field)


def damaged(path: Path, line: int, found: str, field: str = "") -> EvaluationError:
    """The error for a line that cannot be used."""
    where = f"{clean_text(str(path), 200)}, line {line}" + (f", field {clean_text(field, 60)}" if field else "")
    mend = "fetch the file again; if it is your own, mend that line."
    return EvaluationError("AE-8204", f"{where}: {found}.", mend=mend)


def json_lines(path: Path) -> Iterator[Row]:
    """Yield the rows of a file of one JSON value a line, one at a time; empty lines are passed over.

    Raises:
        EvaluationError: AE-8202 the file cannot be read; AE-8204 a line is no JSON; AE-8205 it is too large.
    """
    for line, content in _lines(path):
        if content.strip():
            yield Row(path, line, _decoded(path, line, content))


def json_rows(path: Path) -> Iterator[Row]:
    """Yield the members of a file that is one JSON list, each with the line where it begins.

    Raises:
        EvaluationError: As `json_lines`.
    """
    for line, _, value in _members(path, "["):
        yield Row(path, line, value)


def json_entries(path: Path) -> Iterator[Row]:
    """Yield the members of a file that is one JSON object, each with its key and the line where it begins.

    Raises:
        EvaluationError: As `json_lines`.
    """
    for line, key, value in _members(path, "{"):
        yield Row(path, line, value, key)


def csv_rows(path: Path, header: Sequence[str] = ()) -> Iterator[Row]:
    """Yield the rows of a CSV file, each with the line where it begins.

    Args:
        path: The file.
        header: The columns of a file whose first row does not name them.

    Raises:
        EvaluationError: As `json_lines`; AE-8204 a row has more or fewer cells than there are columns.
    """
    csv.field_size_limit(LINE_BYTES)
    columns = tuple(header)
    reader = csv.reader((content for _, content in _lines(path)), strict=True)
    line = 1
    try:
        for cells in reader:
            start, line = line, reader.line_num + 1
            if not cells:
                continue
            if not columns:
                columns = tuple(cell.strip() for cell in cells)
            elif len(cells) == len(columns):
                yield Row(path, start, dict(zip(columns, cells, strict=True)))
            else:
                raise damaged(path, start, f"the row has {len(cells)} cells, and there are {len(columns)} columns")
    except csv.Error as error:
        raise damaged(path, line, f"this is no CSV: {error}") from error


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    check_size(path)
    try:
        with path.open("rb") as file:
            line = 0
            while content := file.readline(LINE_BYTES + 1):
                line += 1
                if len(content) > LINE_BYTES:
                    raise _too_large(f"{path}, line {line}", LINE_BYTES)
                yield line, _text(path, line, content)
    except OSError as error:
        raise unreadable(path, error) from error


def _text(path: Path, line: int, content: bytes) -> str:
    try:
        return content.decode("utf-8-sig" if line == 1 else "utf-8")
    except UnicodeDecodeError as error:
        line += content.count(b"\n", 0, error.start)
        raise damaged(path, line, f"the byte 0x{content[error.start]:02x} is not UTF-8") from error


def _members(path: Path, opening: str) -> Iterator[tuple[int, str, JSON]]:
    check_size(path)
    try:
        text = _text(path, 1, path.read_bytes())
    except OSError as error:
        raise unreadable(path, error) from error
    place, line, counted = _after(text, 0), 1, 0
    if text[place : place + 1] != opening:
        raise damaged(path, 1, f"the file is no JSON {'list' if opening == '[' else 'object'}")
    closing = "]" if opening == "[" else "}"
    place = _after(text, place + 1)
    while text[place : place + 1] != closing:
        line, counted = line + text.count("\n", counted, place), place
        read = _reader(path, text)
        key = ""
        if opening == "{":
            found, place = read(place, line)
            place, key = _expected(path, text, place, ":", line), str(found)
        value, place = read(place, line)
        yield line, key, value
        place = _after(text, place)
        if text[place : place + 1] != closing:
            place = _expected(path, text, place, ",", line)


def _after(text: str, place: int) -> int:
    match = _SPACE.match(text, place)
    return match.end() if match else place


def _expected(path: Path, text: str, place: int, wanted: str, line: int) -> int:
    place = _after(text, place)
    if text[place : place + 1] != wanted:
        raise damaged(path, line, f"this is no JSON: {wanted!r} is missing after the row that begins here")
    return _after(text, place + 1)


def _reader(path: Path, text: str) -> Callable[[int, int], tuple[JSON, int]]:
    return lambda place, line: _sound(path, line, lambda: _DECODER.raw_decode(text, place))


def _decoded(path: Path, line: int, content: str) -> JSON:
    return _sound(path, line, lambda: _DECODER.decode(content))


ReadT = TypeVar("ReadT")


def _sound(path: Path, line: int, read: Callable[[], ReadT]) -> ReadT:
    try:
        return read()
    except json.JSONDecodeError as error:
        raise damaged(path, line, f"this is no JSON: {error.msg} at column {error.colno}") from error
    except (ValueError, RecursionError) as error:
        raise damaged(path, line, "this is JSON beyond what is read: NaN, a vast number, or nested too deep") from error


def _refused(name: str) -> JSON:
    raise ValueError(name)


_DECODER = json.JSONDecoder(parse_constant=_refused)


def check_size(path: Path) -> None:
    """Raise AE-8205 if a file is too large to read, AE-8202 if it is no file."""
    try:
        if path.stat().st_size > FILE_BYTES:
            raise _too_large(str(path), FILE_BYTES)
    except OSError as error:
        raise unreadable(path, error) from error


def unreadable(path: Path, error: OSError) -> EvaluationError:
    """The error for a file that the system does not let us read."""
    found = f"{clean_text(str(path), 200)} cannot be read: {error.strerror or error}."
    return EvaluationError("AE-8202", found, mend="name a file or folder that is there and that you may read.")


def _too_large(what: str, limit: int) -> EvaluationError:
    found = f"{clean_text(what, 200)} has more than {limit // 2**20} MiB."
    return EvaluationError("AE-8205", found, mend="split it; what is published is far smaller.")
