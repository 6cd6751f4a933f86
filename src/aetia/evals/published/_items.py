"""How does a row of a published file become an item that knows where it comes from?"""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from aetia.evals.item import Item, Origin
from aetia.evals.published._rows import Row

__all__ = ["ordered", "placed"]


def placed(item: Item, row: Row, folder: Path, licence: str, part: str = "") -> Item:
    """The item with its place, as in `copa/copa_all.jsonl:17`; by itself if it names no cluster.

    Args:
        item: The item.
        row: The row that it comes from.
        folder: The set's folder, whose name begins the place.
        licence: The item's licence.
        part: Which of several items of the row it is.
    """
    line = f"{folder.name}/{row.path.relative_to(folder).as_posix()}:{row.line}"
    source = f"{line}#{part}" if part else line
    return replace(item, cluster=item.cluster or line, origin=Origin(source=source, licence=licence))


def ordered(right: str, wrong: Sequence[str]) -> tuple[tuple[str, ...], str]:
    """Options in an order that their texts decide and that says nothing, and the number of the right one.

    For sets that always list the right option first: the order is that of digests of the texts.
    """
    options = sorted((right, *wrong), key=lambda text: hashlib.sha256(text.encode("utf-8", "replace")).digest())
    return tuple(options), str(options.index(right) + 1)
