"""Where is a published set, is it the one that was published, and what are its items, or those of one's own file?"""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from aetia.errors import EvaluationError
from aetia.evals.item import Form, Item, item_from_record
from aetia.evals.published._rows import (
    Row,
    check_size,
    csv_rows,
    damaged,
    json_entries,
    json_lines,
    json_rows,
    unreadable,
)
from aetia.evals.task import Published, Target, Task, tasks
from aetia.models.cache import file_hash
from aetia.text import clean_text

__all__ = [
    "Row",
    "csv_rows",
    "folder_of",
    "json_entries",
    "json_lines",
    "json_rows",
    "own_items",
    "published_items",
    "task_from_file",
]


_SURROGATE = re.compile("[\ud800-\udfff]")


def published_items(task: Task, place: Path) -> Iterator[Item]:
    """Yield the items of a published set, after each of its files was compared with what was published.

    Args:
        task: A task with a published set.
        place: A folder with the set's folder in it, or that folder itself.

    Raises:
        EvaluationError: AE-8103 the task's items are generated; AE-8201 the set is not there (where it is had, and its
            licence); AE-8202 a file is missing or cannot be read; AE-8203 a file is not the published one; AE-8204 a
            line is damaged; AE-8205 a file is too large.
    """
    if not isinstance(task.source, Published):
        mend = "draw its items by a seed."
        raise EvaluationError("AE-8103", f"The items of {task.name} are generated, not published.", mend=mend)
    yield from task.source.read(folder_of(task.source, place))


def folder_of(source: Published, place: Path) -> Path:
    """Return the folder of a published set, each of its files compared with what was published.

    Raises:
        EvaluationError: AE-8201 to AE-8203 and AE-8205, as `published_items`.
    """
    folder = _found(source, place)
    for name, wanted in source.files.items():
        path = folder / name
        check_size(path)
        try:
            found = file_hash(path)
        except OSError as error:
            raise unreadable(path, error) from error
        if found != wanted:
            raise _changed(source, path, found, wanted)
    return folder


def _found(source: Published, place: Path) -> Path:
    for folder in (place / source.folder, place):
        if any((folder / name).is_file() for name in source.files):
            missing = [name for name in source.files if not (folder / name).is_file()]
            if missing:
                found = f"{clean_text(str(folder / missing[0]), 200)} is missing from the set {source.folder}."
                raise EvaluationError("AE-8202", found, mend=f"fetch it from {source.home}.")
            return folder
    found = f"The data set {source.folder} is neither in {clean_text(str(place), 200)} nor in a folder of it."
    details = (f"needed: {', '.join(source.files)}", f"licence: {_licence(source)}")
    mend = f"fetch it from {source.home} and name its folder."
    raise EvaluationError("AE-8201", found, details=details, mend=mend)


def _licence(source: Published) -> str:
    return source.licence or "its publisher names none, so ask before you pass it on"


def _changed(source: Published, path: Path, found: str, wanted: str) -> EvaluationError:
    return EvaluationError(
        "AE-8203",
        f"{clean_text(str(path), 200)} is not the published file: its SHA-256 is {found}, and should be {wanted}.",
        mend=f"fetch it again from {source.home}; to use a version of your own, write its items to a task file.",
    )


def own_items(path: Path) -> Iterator[Item]:
    """Yield the items of one's own task file: one JSON object a line, as `aetia evals generate` writes them.

    Raises:
        EvaluationError: AE-8202 the file cannot be read; AE-8204 a line is no item, with the field that is wrong;
            AE-8205 it is too large; AE-8206 an item is there twice, or the file has none.
    """
    lines: dict[str, int] = {}
    for row in json_lines(path):
        item = _own_item(row)
        first = lines.setdefault(item.id, row.line)
        if first != row.line:
            found = f"{clean_text(str(path), 200)}, line {row.line}: the item is already in line {first}."
            mend = "leave one of the two out: an item that counts twice makes intervals too narrow."
            raise EvaluationError("AE-8206", found, mend=mend)
        yield item
    if not lines:
        found = f"{clean_text(str(path), 200)} has no items."
        raise EvaluationError("AE-8206", found, mend="write one item a line, as `aetia evals generate` does.")


def _own_item(row: Row) -> Item:
    try:
        item = item_from_record(row.fields(), "it")
    except EvaluationError as error:
        raise damaged(row.path, row.line, error.found.rstrip(".")) from error
    for name, value in item.to_record().items():
        # JSON may escape half a character, which no file or table can hold.
        if _SURROGATE.search(json.dumps(value, ensure_ascii=False)):
            raise row.wrong("it holds half a character (a lone surrogate)", name)
    if not item.question.strip():
        raise row.wrong("it is empty", "question")
    if item.form in {"number", "text"} and not item.label.strip():
        raise row.wrong("it is empty", "label")
    return item


def task_from_file(path: Path) -> Task:
    """Return the task that one's own file of items makes; the whole file is read once, so that errors come first.

    Items of a task that is known here are that task's, with its engine; others make a task of the file's name, whose
    chance is that of a blind guess among each item's labels.

    Raises:
        EvaluationError: As `own_items`; AE-8206 an item is answered in another form than the first.
    """
    names: set[str] = set()
    form: Form | None = None
    shares, count = 0.0, 0
    for item in own_items(path):
        count += 1
        names.add(item.task)
        shares += 1 / len(item.labels) if item.labels else 0.0
        if form not in {None, item.form}:
            found = (
                f"{clean_text(str(path), 200)}, item {count} is answered by a {item.form}, those before by a {form}."
            )
            mend = "write one file for each form of answers."
            raise EvaluationError("AE-8206", found, mend=mend)
        form = item.form
    files = {path.name: file_hash(path)}
    source = Published(path.stem, files, lambda folder: own_items(folder / path.name), str(path), "")
    known = {task.name: task for task in tasks()}
    name = names.pop() if len(names) == 1 else f"own/{clean_text(path.stem, 60)}"
    if name in known:
        return replace(known[name], source=source)
    asks = f"What {clean_text(path.name, 60)} asks."
    target = Target("none", "own", form or "text")
    return Task(name=name, asks=asks, target=target, source=source, chance=shares / count)
