"""Which methods does aetia have, and where does each come from?"""

import difflib
import importlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TypeVar

from aetia.errors import StudyError

__all__ = ["Entry", "Method", "calibration_of", "find", "instrument", "instruments", "methods"]

# Every module that registers instruments. They are imported when the catalogue is first read, so none of them may
# import torch at its top.
_MODULES: tuple[str, ...] = (
    "aetia.tracing.instrument",
    "aetia.tracing.impairment_instrument",
    "aetia.circuits.instrument",
    "aetia.evals.harness.instrument",
    "aetia.features.instrument",
    "aetia.flow.instrument",
    "aetia.flow.mediation_instrument",
    "aetia.flow.pathway_instrument",
    "aetia.maps.instrument",
    "aetia.calibration.instrument",
)
# Every module with a tuple METHODS of exact methods.
_EXACT: tuple[str, ...] = ("aetia.scm.methods",)
_CERTIFICATE = ("calibration", "certificate.json")

InstrumentClass = TypeVar("InstrumentClass", bound=type[object])


@dataclass(frozen=True)
class Method:
    """One method: what it answers, what it needs, and where it comes from.

    A method that is no instrument is exact: its answer follows from what it is given, with nothing to calibrate.
    """

    name: str
    room: str
    question: str
    seeds: tuple[str, ...]
    citation: str
    inputs: str
    cost: str

    @property
    def calibration(self) -> str:
        """How far it can be trusted, in one line."""
        return "exact"


@dataclass(frozen=True)
class Entry(Method):
    """An instrument, and the class that does it."""

    implementation: type[object]

    @property
    def calibration(self) -> str:
        """What its certificate says in one line; "uncalibrated" if it has none."""
        return calibration_of(self.name)


_entries: dict[str, Entry] = {}


def calibration_of(name: str) -> str:
    """Return what the certificate of the instrument `name` says in one line; "uncalibrated" if it has none."""
    return _statuses().get(name, "uncalibrated")


@cache
def _statuses() -> dict[str, str]:
    """The line of every instrument that has a certificate, from the file that calibration wrote into the package."""
    path = resources.files("aetia").joinpath(*_CERTIFICATE)
    return json.loads(path.read_text("utf-8"))["instruments"] if path.is_file() else {}


def instrument(
    name: str,
    room: str,
    *,
    question: str,
    seeds: tuple[str, ...],
    citation: str,
    inputs: str,
    cost: str,
) -> Callable[[InstrumentClass], InstrumentClass]:
    """Register the decorated class, which keeps the `Instrument` protocol of `aetia.runs`, under `name`.

    Args:
        name: What a study calls it in its field `instrument`.
        room: The package it belongs to.
        question: The question it answers, in one sentence.
        seeds: Ids of the works it rests on.
        citation: The paper to cite.
        inputs: What it needs of the user.
        cost: What its time grows with.

    Raises:
        ValueError: Another class has this name.
    """

    def register(implementation: InstrumentClass) -> InstrumentClass:
        known = _entries.get(name)
        # The same class may come twice: a spawned worker imports the main script again under another module name.
        if known is not None and known.implementation.__qualname__ != implementation.__qualname__:
            raise ValueError(f"two instruments are called {name!r}: {known.implementation} and {implementation}")
        _entries[name] = Entry(name, room, question, seeds, citation, inputs, cost, implementation)
        return implementation

    return register


def instruments() -> tuple[Entry, ...]:
    """Return every registered instrument, by name."""
    for module in _MODULES:
        importlib.import_module(module)
    return tuple(_entries[name] for name in sorted(_entries))


def methods() -> tuple[Method, ...]:
    """Return every method, instruments and exact ones, by name."""
    exact: list[Method] = [method for module in _EXACT for method in importlib.import_module(module).METHODS]
    return tuple(sorted((*instruments(), *exact), key=lambda method: method.name))


def find(name: str) -> Entry:
    """Return the instrument called `name`.

    Raises:
        StudyError: AE-1101 there is none; the nearest names are given.
    """
    known = {entry.name: entry for entry in instruments()}
    if name not in known:
        near = difflib.get_close_matches(name, known, n=3) or sorted(known)
        details = (f"nearest: {', '.join(near)}",) if near else ()
        raise StudyError("AE-1101", f"No instrument is called {name!r}.", details=details, mend="see `aetia methods`")
    return known[name]
