"""An instrument whose numbers are known, which notes in a side file what it computes, and dies where it is told to.

AETIA_TOY_LOG: a file that gets one line for each computation begun. AETIA_KILL_AT: "compute:INDEX" or "open" kills the
process there, the first time only if AETIA_KILL_ONCE names a file that is not there yet.
"""

import os
import signal
import time
from pathlib import Path

import pyarrow as pa

from aetia.catalogue import instrument
from aetia.effects import Effects, summarise
from aetia.errors import StudyError
from aetia.runs import Batch, Plan, Study, key_of


class ToyStudy(Study):
    instrument: str = "toy"
    batches: int = 4
    seconds: float = 0.0
    broken: tuple[int, ...] = ()
    refused: tuple[int, ...] = ()


@instrument("toy", "truth", question="Does it survive?", seeds=(), citation="", inputs="none", cost="batches")
class Toy:
    name = "toy"
    study_type = ToyStudy

    def plan(self, study: ToyStudy) -> Plan:
        batches = tuple(Batch(key_of("toy", study.seed, i), 3, {"index": i}) for i in range(study.batches))
        return Plan(batches, items=tuple({"id": name} for name in "abc"), system={"model": "toy", "layers": 3})

    def open(self, study: ToyStudy):
        maybe_die("open")

        def compute(batch: Batch) -> pa.Table:
            index = int(str(batch.payload["index"]))
            note(f"{batch.key} {os.getpid()}")
            maybe_die(f"compute:{index}")
            time.sleep(study.seconds)
            if index in study.broken:
                raise ValueError(f"batch {index} is broken")
            if index in study.refused:
                raise StudyError("AE-1999", f"batch {index} asks for too much", mend="ask for less")
            numbers = [(index + 1) / (place + 2) ** 2 for place in range(9)]
            return pa.table(
                {"item": list("abc") * 3, "layer": [index] * 9, "head": [0, 0, 0, 1, 1, 1, 2, 2, 2], "value": numbers}
            )

        return compute

    def summarise(self, study: ToyStudy, values: pa.Table) -> Effects:
        return summarise(values, ["layer", "head"], unit="logits", level=study.level, seed=study.seed, draws=100)


# As they were at import: a harness that counts calls is not to count these.
_open, _write, _close = os.open, os.write, os.close


def note(line: str) -> None:
    if path := os.environ.get("AETIA_TOY_LOG"):
        descriptor = _open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        _write(descriptor, line.encode() + b"\n")
        _close(descriptor)


def maybe_die(here: str) -> None:
    once = os.environ.get("AETIA_KILL_ONCE")
    if os.environ.get("AETIA_KILL_AT") == here and not (once and Path(once).exists()):
        if once:
            Path(once).touch()
        os.kill(os.getpid(), signal.SIGKILL)


def computed(log: Path) -> list[str]:
    """Return the keys that were computed, in order, once for each time."""
    return [line.split()[0] for line in log.read_text().splitlines()] if log.exists() else []
