"""What are the results of a study, and how sure are they? The table of effects and its statistics."""

from aetia.effects.intervals import bootstrap_interval, wilson_interval
from aetia.effects.summary import summarise
from aetia.effects.table import STATISTICS, Effects
from aetia.effects.tests import (
    Correction,
    benjamini_hochberg,
    check_draws,
    draws_needed,
    holm,
    max_t,
    passes,
    t_statistics,
)

__all__ = [
    "STATISTICS",
    "Correction",
    "Effects",
    "benjamini_hochberg",
    "bootstrap_interval",
    "check_draws",
    "draws_needed",
    "holm",
    "max_t",
    "passes",
    "summarise",
    "t_statistics",
    "wilson_interval",
]
