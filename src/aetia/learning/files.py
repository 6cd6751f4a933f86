"""How is a learned program kept, and which ones come with the package?

A file is JSON with one line a table, so that two programs can be compared by eye.
"""

import json
from dataclasses import asdict, dataclass
from importlib.resources import files
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter

from aetia.errors import AetiaError, StudyError
from aetia.files import write_atomic
from aetia.learning.tasks import Task, get_task
from aetia.truth.program import Program

__all__ = ["LearnedProgram", "read_program", "shipped_program", "write_program"]

_WIDTH = 110


@dataclass(frozen=True)
class LearnedProgram:
    """A program, the task that it was learned for, and how well it does.

    Args:
        task: The task.
        program: The program.
        seed: Of the training that found it.
        exact: The share of the task's inputs all of whose answers it gives.
    """

    task: Task
    program: Program
    seed: int
    exact: float


@dataclass(frozen=True)
class _Record:
    """What is in a file: the task by name and size, and the program field by field."""

    format: Literal[1]
    task: str
    letters: int
    size: int
    seed: int
    exact: float
    program: Program


_RECORD = TypeAdapter(_Record)


def shipped_program(task: str) -> LearnedProgram:
    """The program that comes with the package for a task; benchmarks/programs/train.py has learned it.

    Raises:
        StudyError: AE-1801 if there is no such task.
    """
    get_task(task)  # a wrong name is one clear line
    return _parse((files("aetia.learning") / "data" / f"{task}.json").read_bytes())


def read_program(path: str | Path) -> LearnedProgram:
    """The program in a file that `write_program` has written.

    Raises:
        StudyError: AE-1804 if the file cannot be read or is none of a program.
    """
    try:
        return _parse(Path(path).read_bytes())
    except (OSError, ValueError, AetiaError) as error:
        raise StudyError(
            "AE-1804",
            f"No learned program can be read from {path}.",
            mend="give a file that aetia.learning.write_program has written.",
            details=(str(error).splitlines()[0],),
        ) from error


def write_program(path: str | Path, learned: LearnedProgram) -> None:
    """Write a program as JSON; equal programs give equal bytes.

    Raises:
        RunError: AE-6011 or AE-6012 if the place cannot be written.
    """
    task = learned.task
    record = _Record(1, task.name, len(task.letters), task.size, learned.seed, learned.exact, learned.program)
    write_atomic(Path(path), (_in_lines(asdict(record)) + "\n").encode())


def _parse(content: bytes) -> LearnedProgram:
    record = _RECORD.validate_json(content)
    task = get_task(record.task, record.letters, record.size)
    return LearnedProgram(task, record.program, record.seed, record.exact)


def _in_lines(value: object, indent: int = 0) -> str:
    """JSON in which whatever fits into a line is in one, and a row of numbers always is; booleans are 0 and 1."""
    if isinstance(value, bool):
        return str(int(value))
    if not isinstance(value, dict | list | tuple):
        return json.dumps(value, ensure_ascii=False)
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    if isinstance(value, dict):
        parts = [f"{json.dumps(name)}: {_in_lines(entry, indent + 2)}" for name, entry in value.items()]
    else:
        parts = [_in_lines(entry, indent + 2) for entry in value]
    text = f"{opening}{', '.join(parts)}{closing}"
    is_row = not isinstance(value, dict) and all(isinstance(entry, int | float) for entry in value)
    if is_row or (len(text) + indent <= _WIDTH and "\n" not in text):
        return text
    space = "\n" + " " * (indent + 2)
    return f"{opening}{space}{f',{space}'.join(parts)}\n{' ' * indent}{closing}"
