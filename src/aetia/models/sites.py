"""Which variable of a network is meant: addresses such as `L12.z.h3@-1` as values.

An address has up to six coordinates: tower, layer, component, head, units, position. All of them are
checked against the model before anything runs, because a dropped coordinate would name another
tensor of a valid shape.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from aetia.errors import SiteError

__all__ = ["ALL", "COMPONENTS", "HEAD_COMPONENTS", "KEY_VALUE_COMPONENTS", "PROJECTOR", "VISION", "Site"]

COMPONENTS = (
    "embed",
    "resid_pre",
    "q",
    "k",
    "v",
    "pattern",
    "z",
    "attn_out",
    "resid_mid",
    "mlp_post",
    "mlp_out",
    "resid_post",
)
"""In the order in which a block computes them; `q, k, v` are as projected, before any norm and rotation."""

HEAD_COMPONENTS = frozenset({"q", "k", "v", "pattern", "z"})
KEY_VALUE_COMPONENTS = frozenset({"k", "v"})
"""Components whose heads are key/value heads; under grouped-query attention these are fewer."""

PROJECTOR = "projector"
"""What a vision tower's projector hands to the language model: a row for each image token."""

VISION = "vision"
"""The tower of a vision-language model, whose sites are written `vision.L2.attn_out@5`."""

ALL = "all"

_LIST = re.compile(r"\d+:\d*|\d+(:\d+)?(,\d+(:\d+)?)+")
_ADDRESS = re.compile(
    r"(?:(?P<tower>vision)\.)?(?:L(?P<layer>\d+)\.)?(?P<component>[a-z_]+)(?:\.h(?P<head>\d+))?"
    r"(?:\.u(?P<start>\d+)(?::(?P<stop>\d+))?)?(?:@(?P<position>.+))?"
)


@dataclass(frozen=True)
class Site:
    """One variable of a network.

    Args:
        component: One of `COMPONENTS`, or `projector`.
        layer: The block, from 0; None for `embed` and `projector`.
        head: The head, or None for all heads (or a component without heads).
        units: Half-open range of units of the last axis, or None for all of them.
        position: A position (negative: from the end), a half-open range `2:5` or `2:`, increasing positions and
            ranges with commas between them `1,4:6`, a span's name, or `all`. In a tower positions count class
            tokens, then patches row by row, picture after picture; at the projector, image tokens.
        tower: `vision` for a block of a vision-language model's tower; empty for the language model's own, and in a
            network that is one tower alone.

    Raises:
        SiteError: If the coordinates do not belong together.
    """

    component: str
    layer: int | None = None
    head: int | None = None
    units: tuple[int, int] | None = None
    position: int | str = ALL
    tower: str = ""

    def __post_init__(self) -> None:
        if self.component not in (*COMPONENTS, PROJECTOR):
            raise SiteError(
                "AE-3101",
                f"There is no component {self.component!r}.",
                details=(f"known: {', '.join(COMPONENTS)}",),
                mend="use one of the known components.",
            )
        if (self.layer is None) != (self.component in ("embed", PROJECTOR)):
            if self.layer is None:
                raise SiteError("AE-3102", f"{self.component!r} needs a layer.", mend=f"write L3.{self.component}.")
            part = "embedding" if self.component == "embed" else "projector"
            raise SiteError("AE-3102", f"The {part} has no layer.", mend=f"write {self.component}.")
        if self.tower and (self.tower != VISION or self.layer is None):
            raise SiteError(
                "AE-9403",
                f"There is no {self.component} in a tower {self.tower!r}.",
                mend="write vision.L0.resid_pre for what enters its blocks, projector for what leaves them.",
            )
        if self.head is not None and self.component not in HEAD_COMPONENTS:
            raise SiteError(
                "AE-3103",
                f"{self.component!r} has no heads, but the address names head {self.head}.",
                mend="leave the head out, or use z for a head's output.",
            )

        if self.units is not None and not 0 <= self.units[0] < self.units[1]:
            raise SiteError(
                "AE-3115", f"The units {self.units} are no range.", mend="write it like .u0:64, start < stop."
            )

    @classmethod
    def parse(cls, text: str) -> "Site":
        """The site that `text` names; `Site.parse(str(site)) == site`.

        >>> Site.parse("L12.z.h3@-1")
        Site(component='z', layer=12, head=3, units=None, position=-1, tower='')

        Raises:
            SiteError: If `text` is no address.
        """
        match = _ADDRESS.fullmatch(text.strip())
        if match is None:
            raise SiteError(
                "AE-3104", f"{text!r} is no site.", mend="write it like L12.z.h3@-1, L5.resid_post@subject or embed@3."
            )
        part = match.groupdict()
        start, stop = part["start"], part["stop"]
        units = None if start is None else (int(start), int(stop) if stop else int(start) + 1)
        position = part["position"] or ALL
        return cls(
            component=part["component"],
            layer=None if part["layer"] is None else int(part["layer"]),
            head=None if part["head"] is None else int(part["head"]),
            units=units,
            position=int(position) if re.fullmatch(r"-?\d+", position) else position,
            tower=part["tower"] or "",
        )

    def __str__(self) -> str:
        tower = f"{self.tower}." if self.tower else ""
        layer = "" if self.layer is None else f"L{self.layer}."
        head = "" if self.head is None else f".h{self.head}"
        units = "" if self.units is None else f".u{self.units[0]}:{self.units[1]}"
        return f"{tower}{layer}{self.component}{head}{units}@{self.position}"

    def at(self, position: int | str) -> "Site":
        """The same variable at another position."""
        return replace(self, position=position)

    @property
    def is_seen(self) -> bool:
        """Whether the site lies before the language model: in the tower, or at the projector."""
        return bool(self.tower) or self.component == PROJECTOR

    def positions(self, length: int, named: Mapping[str, Sequence[int]] | None = None) -> tuple[int, ...]:
        """The token positions this site covers in a prompt of `length` tokens, increasing.

        Args:
            length: T.
            named: The positions of the prompt's named parts: spans of its text, parts of its pictures.

        Raises:
            SiteError: If the position lies outside the prompt, the part is none of `named`, or the site belongs to a
                vision tower, whose positions are no tokens of a prompt.
        """
        if self.is_seen:
            raise SiteError(
                "AE-9404",
                f"{self} lies before the language model, in whose runs it is no site.",
                mend="run its cells through aetia.models.tower_cells, with a model that sees.",
            )
        return self.rows(length, named)

    def rows(self, length: int, named: Mapping[str, Sequence[int]] | None = None) -> tuple[int, ...]:
        """The positions this site covers among `length`, increasing, in whichever part of a network it is.

        Raises:
            SiteError: If the position lies outside, or the part is none of `named`.
        """
        named = named or {}
        if isinstance(self.position, int):
            position = self.position + length if self.position < 0 else self.position
            if not 0 <= position < length:
                raise SiteError(
                    "AE-3105",
                    f"{self} lies outside a prompt of {length} tokens.",
                    mend=f"use a position from {-length} to {length - 1}.",
                )
            return (position,)
        if self.position == ALL:
            return tuple(range(length))
        if _LIST.fullmatch(self.position):
            return self._listed(self.position.split(","), length)
        if self.position not in named:
            raise SiteError(
                "AE-3106",
                f"{self} names a span that the prompt does not have.",
                details=(f"its spans: {', '.join(named) or 'none'}",),
                mend="use one of its spans, a number, a range, or all.",
            )
        return tuple(named[self.position])

    def _listed(self, parts: Sequence[str], length: int) -> tuple[int, ...]:
        """The positions of ranges and numbers, which must increase."""
        found: list[int] = []
        for part in parts:
            start, colon, end = part.partition(":")
            first = int(start)
            stop = int(end or length) if colon else first + 1
            if not first < stop <= length or (found and first <= found[-1]):
                raise SiteError(
                    "AE-3105",
                    f"{self} is no part of a prompt of {length} tokens.",
                    mend=f"use a range start:stop with start < stop <= {length}, or increasing ones with commas.",
                )
            found += range(first, stop)
        return tuple(found)
