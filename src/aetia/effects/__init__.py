"""What are the results of a study, and how sure are they? The table of effects and its statistics."""

from aetia.effects.intervals import bootstrap_interval, wilson_interval
from aetia.effects.summary import summarise
from aetia.effects.table import STATISTICS, Effects

__all__ = ["STATISTICS", "Effects", "bootstrap_interval", "summarise", "wilson_interval"]
