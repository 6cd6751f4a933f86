"""Is this text one JSON object, exactly as the standard has it, with nothing around it?"""

import json
from collections.abc import Mapping

__all__ = ["json_object"]

_LONGEST = 20_000


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


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands twice")
    return found


def _refused(constant: str) -> float:
    raise ValueError(f"{constant} is no JSON")
