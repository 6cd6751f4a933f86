"""Which part of the page belongs to a script, and what ran there?"""

import os
import platform
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import scipy

import aetia

_PAGE = Path(__file__).parent / "README.md"


def write_section(name: str, lines: Sequence[str]) -> None:
    """Puts the lines between the markers of this name, and under them when and where they were made."""
    begin, end = f"<!-- {name}: begin, written by {name}.py -->", f"<!-- {name}: end -->"
    page = _PAGE.read_text(encoding="utf-8")
    body = "\n".join([begin, *lines, "", f"*{_machine()}*", end])
    pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
    if not pattern.search(page):
        raise SystemExit(f"{_PAGE} lacks the markers of {name}")
    _PAGE.write_text(pattern.sub(lambda _: body, page), encoding="utf-8")


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """The lines of a Markdown table."""
    lines = [" | ".join(row) for row in (head, ["---"] * len(head), *rows)]
    return [f"| {line} |" for line in lines]


def _machine() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    processor = next((line.split(":")[1].strip() for line in lines if "model name" in line), platform.machine())
    threads = os.environ.get("OMP_NUM_THREADS", "all")
    versions = f"Python {platform.python_version()}, numpy {np.__version__}, scipy {scipy.__version__}"
    when = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    return f"{when}; {processor}, {os.cpu_count()} cores, threads {threads}; aetia {aetia.__version__}, {versions}"
