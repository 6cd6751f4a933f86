"""How does a row of a published file become an item that knows where it comes from?"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from zlib import crc32

from aetia.evals.item import Item, Origin
from aetia.evals.published._rows import Row

__all__ = ["ordered", "placed"]


def placed(item: Item, row: Row, folder: Path, licence: str, canary: str = "") -> Item:
    """The item with its place, as in `copa/copa_all.jsonl:17`; by itself if it names no cluster."""
    source = f"{folder.name}/{row.path.relative_to(folder).as_posix()}:{row.line}"
    cluster = item.cluster or source
    return replace(item, cluster=cluster, origin=Origin(source=source, licence=licence, canary=canary))


def ordered(right: str, wrong: Sequence[str]) -> tuple[tuple[str, ...], str]:
    """Options in an order that their texts decide and that says nothing, and the number of the right one.

    For sets that always list the right option first: the order is that of checksums of the texts.
    """
    options = sorted((right, *wrong), key=lambda text: (crc32(text.encode("utf-8", "replace")), text))
    return tuple(options), str(options.index(right) + 1)
