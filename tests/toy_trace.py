"""A stand-in for the instrument `trace`, without a model: its numbers are known, and it goes wrong as it is told.

The contrasts say how: `broken` fails one batch of four, `interrupt` is Ctrl-C in the second, `slow` takes long, `bug`
is a mistake of the program, `missing` and `refused` are what loading a model may raise, `unable` is a task that the
model cannot do, `hostile` has tokens that would act on a terminal. Two have a null: in `tested` every cell passes but
one, in `chance` none does.
"""

import sys
import time
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from aetia import catalogue
from aetia.effects import Effects, summarise
from aetia.errors import MissingError, RefusedError
from aetia.runs import Batch, Plan, key_of
from aetia.tracing import TraceStudy

DIMENSIONS = ("method", "component", "layer", "head", "position", "span", "token")
TEXTS, NUMBERS = ("item", "method", "component", "span", "token"), ("layer", "head", "position", "draw")
SCHEMA = pa.schema({**dict.fromkeys(TEXTS, pa.string()), **dict.fromkeys(NUMBERS, pa.int32()), "value": pa.float64()})
HOSTILE = " \x1b[31mred\x1b]0;title\x07 [bold]"
# L2.mlp_out@1 is the strongest by far, L0.attn_out@0 the weakest.
EFFECTS = {("mlp_out", 2, 1): 5.0, ("attn_out", 3, 1): -2.0, ("mlp_out", 0, 0): 1.0, ("attn_out", 0, 0): 0.25}
BATCHES, DRAWS = 4, 19


class ToyTrace:
    name = "trace"
    study_type = TraceStudy

    def plan(self, study: TraceStudy) -> Plan:
        if study.contrasts == "missing":
            raise MissingError("AE-4101", "No model is called toy.", mend="choose another")
        if study.contrasts == "refused":
            raise RefusedError("AE-5101", "A file can run code.", mend="delete it")
        if study.contrasts == "bug":
            raise ZeroDivisionError("nobody thought of this")
        batches = tuple(Batch(key_of("toy", study.record(), n), 2, {"index": n}) for n in range(BATCHES))
        items = tuple({"id": f"item-{n}", "clean": "a b", "corrupted": "a c"} for n in range(BATCHES))
        forecast = {"cells": 2 * BATCHES, "seconds": 1.5, "memory_bytes": 32 * 2**20, "flops": 3e9}
        return Plan(batches, items, {"model": "toy", "layers": 4}, forecast, ("a note of the plan",))

    def open(self, study: TraceStudy):
        def compute(batch: Batch) -> pa.Table:
            index = batch.payload["index"]
            assert isinstance(index, int)
            if study.contrasts == "broken" and index == 2:
                raise ValueError("this batch is \x1b[31mbroken")
            if study.contrasts == "interrupt" and index == 1:
                raise KeyboardInterrupt
            if study.contrasts == "slow":
                time.sleep(1)
            return pa.Table.from_pylist(_records(study, index), schema=SCHEMA)

        return compute

    def summarise(self, study: TraceStudy, values: pa.Table) -> Effects:
        has_null = study.contrasts in ("tested", "chance")
        null = f"label-permutation:{DRAWS}" if has_null else None
        effects = [
            summarise(part, DIMENSIONS, unit="logits", level=study.level, seed=study.seed, draws=100, null=null)
            for part in (values.filter(pc.field("method") == name) for name in values["method"].unique().to_pylist())
        ]
        return Effects(Effects.concat(effects).table, {"correction": study.correction if has_null else ""})


def _records(study: TraceStudy, index: int) -> list[dict[str, object]]:
    is_able = study.contrasts != "unable"
    token = HOSTILE if study.contrasts == "hostile" else " b"
    shift = 1 + index / 100
    plain = {"clean": 3.0 * shift, "corrupted": -2.0 * shift, "clean_correct": 1.0 if is_able else 0.0}
    same = {"item": f"item-{index}"}
    baseline = [{**same, "method": "baseline", "component": name, "value": value} for name, value in plain.items()]
    total = {**same, "method": "total", "component": "total", "value": 5.0 * shift}
    cells = [total] + [
        {**same, "method": study.method, "component": name, "layer": layer, "position": position, "token": token}
        | {"value": value * _sign(study, index, (name, layer, position)) * shift}
        for (name, layer, position), value in EFFECTS.items()
    ]
    if study.contrasts not in ("tested", "chance"):
        return baseline + cells
    flip = (-1) ** index if study.contrasts == "tested" else 1
    return (
        baseline + cells + [one | {"draw": n, "value": abs(one["value"]) * flip} for one in cells for n in range(DRAWS)]
    )


def _sign(study: TraceStudy, index: int, place: tuple[str, int, int]) -> int:
    """In `tested` the strongest cell is as often negative as positive."""
    return (-1) ** index if study.contrasts == "tested" and place == ("mlp_out", 2, 1) else 1


def install() -> None:
    """Put the toy in the place of the instrument `trace`."""
    about = next(entry for entry in catalogue.instruments() if entry.name == "trace")
    catalogue._entries["trace"] = replace(about, implementation=ToyTrace)


if __name__ == "__main__":
    from aetia.cli import main

    install()
    sys.argv[0] = "aetia"
    main()
