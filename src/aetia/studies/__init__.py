"""What do all instruments over a model's contrasts share: the study's fields, the null, the plan."""

from aetia.studies.instrument import ContrastInstrument, Cost, Part, Values, items_of
from aetia.studies.nulls import SYSTEM_NULLS, Null, drawn, null_of
from aetia.studies.study import ContrastStudy, Pair, parse_bytes

__all__ = [
    "SYSTEM_NULLS",
    "ContrastInstrument",
    "ContrastStudy",
    "Cost",
    "Null",
    "Pair",
    "Part",
    "Values",
    "drawn",
    "items_of",
    "null_of",
    "parse_bytes",
]
