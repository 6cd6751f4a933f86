"""Is this text one JSON object, exactly as the standard has it, with nothing around it?"""

import json
import re
from collections.abc import Mapping

__all__ = ["json_object", "unfenced"]

_LONGEST = 20_000
_FENCE = re.compile(r"```[a-zA-Z]{0,10}[ \t]*\n(?P<inside>(?:[^`]|`(?!``))*)\n[ \t]*```")


def json_object(text: str) -> Mapping[str, object] | None:
    """The object that the text is; None if it is anything else.

    Nothing is repaired: a fence, a word before it, a key that stands twice, NaN, an unfinished object are all None.
    Whitespace around it is part of the standard.
    """
    if len(text) > _LONGEST:
        return None
    try:
        found = json.loads(text, object_pairs_hook=_unique, parse_constant=_refused)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def unfenced(text: str) -> str:
    """The text without the marks of a block of code, as chat models set JSON, if it is one and nothing more."""
    found = _FENCE.fullmatch(text.strip()) if len(text) <= _LONGEST else None
    return found["inside"] if found is not None else text


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands twice")
    return found


def _refused(constant: str) -> float:
    raise ValueError(f"{constant} is no JSON")
