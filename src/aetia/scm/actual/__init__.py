"""Actual causality: what caused what in one concrete case."""

from aetia.scm.actual.account import Account, explained
from aetia.scm.actual.causes import (
    DEFINITIONS,
    Cause,
    Definition,
    Normality,
    Verdict,
    Witness,
    actual_causes,
    is_actual_cause,
    witnesses,
)
from aetia.scm.actual.dependence import Chain, but_for, ness
from aetia.scm.actual.normality import graded_causes, normality_by_defaults
from aetia.scm.actual.responsibility import blame, responsibility
from aetia.scm.actual.setting import Event, Setting

__all__ = [
    "DEFINITIONS",
    "Account",
    "Cause",
    "Chain",
    "Definition",
    "Event",
    "Normality",
    "Setting",
    "Verdict",
    "Witness",
    "actual_causes",
    "blame",
    "but_for",
    "explained",
    "graded_causes",
    "is_actual_cause",
    "ness",
    "normality_by_defaults",
    "responsibility",
    "witnesses",
]
