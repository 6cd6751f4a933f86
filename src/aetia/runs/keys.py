"""Which name does a piece of work have, whoever computes it and whenever?"""

import hashlib
import json
from collections.abc import Mapping, Sequence  # noqa: TC003  pydantic looks them up

from typing_extensions import TypeAliasType

__all__ = ["JSON", "canonical", "key_of"]

# Not a plain alias: pydantic can follow this one into itself.
JSON = TypeAliasType("JSON", "bool | int | float | str | Sequence[JSON] | Mapping[str, JSON] | None")


def canonical(value: JSON) -> str:
    """Return the one JSON text of `value`: keys sorted, no spaces, every float in its shortest exact form.

    Raises:
        ValueError: It holds a number that is not finite, which JSON cannot say.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def key_of(*determinants: JSON) -> str:
    """Return the key of work that these values determine: 32 hexadecimal digits of a SHA-256.

    Give everything that the numbers depend on, such as the model's file hashes, the number format and the payload: two
    batches with one key are taken to have the same values.
    """
    return hashlib.sha256(canonical(determinants).encode()).hexdigest()[:32]
