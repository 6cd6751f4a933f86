"""Which variable of a network is meant: addresses such as `L12.z.h3@-1` as values.

An address has up to five coordinates: component, layer, head, units, position. All of them are
checked against the model before anything runs, because a dropped coordinate would name another
tensor of a valid shape.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from aetia.errors import SiteError

__all__ = ["ALL", "COMPONENTS", "HEAD_COMPONENTS", "KEY_VALUE_COMPONENTS", "Site"]

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

ALL = "all"

_RANGE = re.compile(r"(\d+):(\d*)")
_ADDRESS = re.compile(
    r"(?:L(?P<layer>\d+)\.)?(?P<component>[a-z_]+)(?:\.h(?P<head>\d+))?(?:\.u(?P<start>\d+)(?::(?P<stop>\d+))?)?"
    r"(?:@(?P<position>.+))?"
)


@dataclass(frozen=True)
class Site:
    """One variable of a network.

    Args:
        component: One of `COMPONENTS`.
        layer: The block, from 0; None for `embed`.
        head: The head, or None for all heads (or a component without heads).
        units: Half-open range of units of the last axis, or None for all of them.
        position: A token position (negative: from the end), a half-open range `2:5` or `2:`, a span's name, or `all`.

    Raises:
        SiteError: If the coordinates do not belong together.
    """

    component: str
    layer: int | None = None
    head: int | None = None
    units: tuple[int, int] | None = None
    position: int | str = ALL

    def __post_init__(self) -> None:
        if self.component not in COMPONENTS:
            raise SiteError(
                "AE-3101",
                f"There is no component {self.component!r}.",
                details=(f"known: {', '.join(COMPONENTS)}",),
                mend="use one of the known components.",
            )
        if (self.layer is None) != (self.component == "embed"):
            if self.layer is None:
                raise SiteError("AE-3102", f"{self.component!r} needs a layer.", mend=f"write L3.{self.component}.")
            raise SiteError("AE-3102", "The embedding has no layer.", mend="write embed.")
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
        Site(component='z', layer=12, head=3, units=None, position=-1)

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
        )

    def __str__(self) -> str:
        layer = "" if self.layer is None else f"L{self.layer}."
        head = "" if self.head is None else f".h{self.head}"
        units = "" if self.units is None else f".u{self.units[0]}:{self.units[1]}"
        return f"{layer}{self.component}{head}{units}@{self.position}"

    def at(self, position: int | str) -> "Site":
        """The same variable at another position."""
        return replace(self, position=position)

    def positions(self, length: int, spans: Mapping[str, tuple[int, int]] | None = None) -> tuple[int, ...]:
        """The token positions this site covers in a prompt of `length` tokens, increasing.

        Raises:
            SiteError: If the position lies outside the prompt or the span is not one of `spans`.
        """
        spans = spans or {}
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
        bounds = _RANGE.fullmatch(self.position)
        if bounds is not None:
            first, stop = int(bounds[1]), int(bounds[2] or length)
            if not first < stop <= length:
                raise SiteError(
                    "AE-3105",
                    f"{self} is no part of a prompt of {length} tokens.",
                    mend=f"use a range start:stop with start < stop <= {length}.",
                )
            return tuple(range(first, stop))
        if self.position not in spans:
            raise SiteError(
                "AE-3106",
                f"{self} names a span that the prompt does not have.",
                details=(f"its spans: {', '.join(spans) or 'none'}",),
                mend="use one of its spans, a number, a range, or all.",
            )
        return tuple(range(*spans[self.position]))
