"""What does a person's own file of contrasts say, and if it cannot be used, in which line and why?"""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path

from aetia.contrasts.contrast import Contrast, Span, quoted
from aetia.contrasts.pictured import REGIONS, file_from, file_names, with_pictures
from aetia.errors import AetiaError, ContrastError

__all__ = ["pictures_named", "read_contrasts"]

_REQUIRED = ("clean", "corrupted", "answer", "foil")
_OPTIONAL = ("spans", "id", "placebos", "cluster", "picture", "edited", "regions")
_TEXTS = ("id", "cluster")
_FILES = ("picture", "edited")
_EXAMPLE = (
    '{"clean": "The capital of France is", "corrupted": "The capital of Italy is", "answer": " Paris", "foil": " Rome"}'
)
_FORMS = {
    "spans": '{"subject": "France"}',
    "placebos": '["The capital of Italy was"]',
    "picture": '["1.png", "2.png"]',
    "edited": '["1.png", "2.png"]',
    "regions": REGIONS,
}
_CSV_CELL = 1 << 20  # characters; the csv module's own limit of 128 KiB cuts long prompts


def read_contrasts(path: str | Path) -> list[Contrast]:
    """The contrasts of a JSONL or CSV file, in its order; the whole file is checked before any is returned.

    Each line (or row) has the text fields `clean`, `corrupted`, `answer` and `foil`, and may have `id`, `spans` (an
    object that gives, by name, a part of the clean prompt as text or as [start, end] in characters), `placebos` (a list
    of rewordings of the corrupted prompt that keep its cause) and `cluster` (a name that is shared by contrasts which
    depend on each other); for models that see `picture` and `edited` (an image file each, or a list of them, from the
    file's own folder) and `regions` (boxes of pixels by name). In CSV, objects and lists are JSON. Other fields are
    left alone.

    Raises:
        ContrastError: AE-2102 to AE-2106 and AE-2111 to AE-2113, with the number of the line and what mends it.
    """
    path = Path(path)
    contrasts: list[Contrast] = []
    ids: dict[str, int] = {}
    contents: dict[tuple[str, ...], int] = {}
    for line, row in _rows(path):
        contrast = _contrast(path, line, row)
        pictures = " ".join(one.digest for one in (*contrast.pictures, *contrast.edited))
        content = (contrast.clean, contrast.corrupted, contrast.answer, contrast.foil, pictures)
        earlier = ids.setdefault(contrast.id, line), contents.setdefault(content, line)
        for what, first in zip((f"the id {quoted(contrast.id)}", "the contrast"), earlier, strict=True):
            if first != line:
                raise _wrong(
                    "AE-2112",
                    path,
                    line,
                    f"{what} is already in line {first}",
                    "keep one of the two; an item counted twice would make intervals too narrow.",
                )
        contrasts.append(contrast)
    if not contrasts:
        raise _empty(path)
    return contrasts


def pictures_named(path: str | Path) -> tuple[Path, ...]:
    """The image files that a file of contrasts names; none where it cannot be read, which its reader says clearly."""
    path = Path(path)
    found: dict[Path, None] = {}
    with suppress(AetiaError):
        for _, row in _rows(path):
            for name in ("picture", "edited"):
                names = file_names(name, row.get(name))
                found |= dict.fromkeys(Path(file_from(path.parent, one)) for one in names)
    return tuple(found)


def _rows(path: Path) -> Iterator[tuple[int, Mapping[str, object]]]:
    """The lines or rows of a file with their numbers."""
    readers = {".jsonl": _json_lines, ".ndjson": _json_lines, ".csv": _csv_rows}
    if path.suffix.lower() not in readers:
        raise ContrastError(
            "AE-2102",
            f"{quoted(str(path), 200)} is neither a .jsonl nor a .csv file.",
            mend="give the file its format's ending.",
        )
    text = _text(path)
    if not text.strip():
        raise _empty(path)
    yield from readers[path.suffix.lower()](path, text)


def _text(path: Path) -> str:
    try:
        content = path.read_bytes()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no path"
        raise ContrastError(
            "AE-2102",
            f"{quoted(str(path), 200)} cannot be read: {reason}.",
            mend="name a file that exists and that you may read.",
        ) from error
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise _wrong(
            "AE-2113",
            path,
            line,
            f"the byte 0x{content[error.start]:02x} is not UTF-8",
            "save the file as UTF-8 (in a spreadsheet: CSV UTF-8).",
        ) from error


def _json_lines(path: Path, text: str) -> Iterator[tuple[int, Mapping[str, object]]]:
    # Only a line feed ends a line: JSON strings may hold U+2028 and its like.
    for line, content in enumerate(text.split("\n"), start=1):
        if not content.strip():
            continue
        try:
            row = json.loads(content)
        except json.JSONDecodeError as error:
            reason = f"{error.msg} at column {error.colno}"
            raise _wrong(
                "AE-2104", path, line, f"this is no JSON: {reason}", f"write one object a line, as {_EXAMPLE}."
            ) from error
        except (ValueError, RecursionError) as error:
            raise _wrong(
                "AE-2104", path, line, "this is JSON beyond what is read", "leave out what is no contrast in it."
            ) from error
        if not isinstance(row, dict):
            raise _wrong("AE-2104", path, line, "this is no JSON object", f"write one object a line, as {_EXAMPLE}.")
        yield line, row


def _csv_rows(path: Path, text: str) -> Iterator[tuple[int, Mapping[str, object]]]:
    csv.field_size_limit(_CSV_CELL)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    header: list[str] | None = None
    line = 1
    try:
        for cells in reader:
            start, line = line, reader.line_num + 1
            if not cells:
                continue
            if header is None:
                header = [cell.strip() for cell in cells]
                _check_fields(path, start, header)
            elif len(cells) != len(header):
                raise _wrong(
                    "AE-2104",
                    path,
                    start,
                    f"this row has {len(cells)} cells, the first one {len(header)}",
                    'put text that has commas into double quotes, as "Mary, John".',
                )
            else:
                yield start, {name: _cell(path, start, name, cell) for name, cell in zip(header, cells, strict=True)}
    except csv.Error as error:
        raise _wrong(
            "AE-2104", path, line, f"this is no CSV: {error}", 'close every quote, and write a quote inside text as "".'
        ) from error


def _cell(path: Path, line: int, name: str, cell: str) -> object:
    """A cell as JSON would have it: an empty optional one is absent, `spans` an object, several pictures a list."""
    if name not in _OPTIONAL:
        return cell
    if not cell.strip():
        return None
    if name in _TEXTS or (name in _FILES and not cell.lstrip().startswith("[")):
        return cell
    try:
        return json.loads(cell)
    except (ValueError, RecursionError) as error:
        raise _wrong(
            "AE-2104", path, line, f"its {name} {quoted(cell)} are no JSON", f"write them as {_FORMS[name]}."
        ) from error


def _check_fields(path: Path, line: int, fields: list[str]) -> None:
    if missing := [name for name in _REQUIRED if name not in fields]:
        shown = ", ".join(quoted(field, 30) for field in fields[:12]) or "none"
        raise _wrong(
            "AE-2105",
            path,
            line,
            f"there is no {' and no '.join(missing)} (the fields are: {shown})",
            f"give every contrast the fields {', '.join(_REQUIRED)}.",
        )
    for name in set(fields).difference(_REQUIRED, _OPTIONAL):
        if near := get_close_matches(name.lower(), _OPTIONAL, n=1, cutoff=0.7):
            raise _wrong(
                "AE-2105", path, line, f"the field {quoted(name, 30)} would be left alone", f"write {near[0]}."
            )
    if len(set(fields)) < len(fields):
        raise _wrong("AE-2105", path, line, "a column is there twice", "give each column its own name.")


def _contrast(path: Path, line: int, row: Mapping[str, object]) -> Contrast:
    _check_fields(path, line, list(row))
    clean, corrupted, answer, foil = (_string(path, line, name, row[name]) for name in _REQUIRED)
    contrast = Contrast(
        id=_name(path, line, "id", row) or f"line-{line}",
        clean=clean,
        corrupted=corrupted,
        answer=answer,
        foil=foil,
        spans=_spans(path, line, row.get("spans")),
        placebos=_placebos(path, line, row.get("placebos")),
        cluster=_name(path, line, "cluster", row),
    )
    contrast = _seen(path, line, row, contrast)
    try:
        contrast.character_spans()
    except ContrastError as error:
        raise _wrong(error.code, path, line, error.found[0].lower() + error.found[1:-1], error.mend) from error
    return contrast


def _seen(path: Path, line: int, row: Mapping[str, object], contrast: Contrast) -> Contrast:
    """The contrast with the pictures and regions that its line names."""
    if row.get("picture") is None:
        for name in ("edited", "regions"):
            if row.get(name) is not None:
                raise _wrong("AE-2106", path, line, f"it has {name} and no picture", "give the field picture too.")
        return contrast
    try:
        return with_pictures(contrast, row, path.parent)
    except AetiaError as error:
        raise _wrong(
            error.code, path, line, error.found[0].lower() + error.found[1:].rstrip("."), error.mend
        ) from error


def _name(path: Path, line: int, field: str, row: Mapping[str, object]) -> str:
    """The text or the whole number in a field; empty if the field is absent."""
    name = row.get(field)
    if isinstance(name, bool) or not isinstance(name, str | int | None) or (isinstance(name, str) and not name.strip()):
        mend = f"write the {field} as text, or leave it out."
        raise _wrong("AE-2106", path, line, f"its {field} is {_shown(name)}", mend)
    return "" if name is None else _string(path, line, field, str(name))


def _string(path: Path, line: int, name: str, value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise _wrong("AE-2106", path, line, f"its {name} is {_shown(value)}", f"write {name} as text in quotes.")
    if any("\ud800" <= one <= "\udfff" for one in value):
        raise _wrong(
            "AE-2106",
            path,
            line,
            f"its {name} has a lone surrogate, which stands for no character",
            "write the character itself, or both halves of its \\u escape.",
        )
    return value


def _spans(path: Path, line: int, value: object) -> dict[str, str | Span]:
    if value is None:
        return {}
    mend = f"write spans as {_FORMS['spans']}, or with [start, end] in characters."
    if not isinstance(value, dict):
        raise _wrong("AE-2106", path, line, f"its spans are {_shown(value)}", mend)
    spans: dict[str, str | Span] = {}
    for name, part in value.items():
        match part:
            case str() if part and name.strip():
                spans[name] = part
            case [int() as start, int() as stop] if name.strip() and not isinstance(start, bool):
                spans[name] = (start, stop)
            case _:
                raise _wrong("AE-2106", path, line, f"its span {quoted(name)} is {_shown(part)}", mend)
    return spans


def _placebos(path: Path, line: int, value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list):
        mend = f"write placebos as {_FORMS['placebos']}."
        raise _wrong("AE-2106", path, line, f"its placebos are {_shown(value)}", mend)
    return tuple(_string(path, line, f"placebo {number}", text) for number, text in enumerate(value, start=1))


def _shown(value: object) -> str:
    if isinstance(value, str):
        return f"{quoted(value)}, which is empty" if not value.strip() else quoted(value)
    kinds = {"dict": "an object", "list": "a list", "NoneType": "null", "bool": "true or false"}
    kind = type(value).__name__
    return kinds.get(kind, f"the number {value}" if kind in ("int", "float") else kind)


def _empty(path: Path) -> ContrastError:
    return ContrastError(
        "AE-2103",
        f"{quoted(str(path), 200)} has no contrasts.",
        mend=f"write one a line, as {_EXAMPLE}.",
    )


def _wrong(code: str, path: Path, line: int, found: str, mend: str) -> ContrastError:
    return ContrastError(code, f"{quoted(str(path), 200)}, line {line}: {found}.", mend=mend)
