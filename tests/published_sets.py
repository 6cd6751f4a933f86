"""Published sets of invented rows: a folder in the published format, read by the task's own loader."""

import json
from collections.abc import Mapping
from pathlib import Path

from aetia.evals.item import Item
from aetia.evals.task import Published, task_named
from aetia.runs.keys import JSON

__all__ = ["engine_answer", "faults_of", "json_lines_of", "read_items"]


def read_items(tmp_path: Path, task: str, files: Mapping[str, str]) -> list[Item]:
    source = task_named(task).source
    assert isinstance(source, Published)
    for name, content in files.items():
        path = tmp_path / source.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, "utf-8")
    items = list(source.read(tmp_path / source.folder))
    assert all(item.task == task for item in items)
    assert all(item.origin.source.startswith(f"{source.folder}/") for item in items)
    assert len({item.origin.source for item in items}) == len(items)
    assert all(item.label in item.labels for item in items if item.labels)
    return items


def faults_of(item: Item) -> tuple[str, ...]:
    source = task_named(item.task).source
    assert isinstance(source, Published)
    assert source.faults is not None
    return source.faults(item)


def engine_answer(item: Item) -> str:
    engine = task_named(item.task).engine
    assert engine is not None
    return engine(item)


def json_lines_of(*rows: Mapping[str, JSON]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)
