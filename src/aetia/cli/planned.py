"""What would be computed, and what would it cost?"""

import time
from collections.abc import Mapping
from pathlib import Path

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from aetia.cli.records import PlanRecord
from aetia.cli.voice import Voice
from aetia.runs import JSON, Plan, Study
from aetia.text import clean_text

__all__ = ["show_plan"]

_SIZE = 1024  # of the matrices that this machine's speed is measured with: 2 GFLOP a product
_PRODUCTS = 3


def show_plan(voice: Voice, study: Study, plan: Plan, directory: Path) -> None:
    """Show the plan of a study with its forecast; nothing is computed and nothing is written."""
    forecast = dict(plan.forecast)
    flops = forecast.get("flops")
    if "seconds" not in forecast and isinstance(flops, int | float) and flops > 0:
        forecast["seconds"] = round(float(flops) / matmul_flops(), 1)
    notes = [clean_text(note) for note in plan.notes]
    voice.emit(lambda: _record(study, plan, directory, forecast, notes))
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True, style="dim")
    table.add_column(overflow="fold")
    for name, value in _lines(study, plan, directory, forecast):
        table.add_row(name, value)
    voice.show(Text("Plan; nothing is computed with --dry-run", style="bold"), Padding(table, (0, 0, 0, 2)))
    for note in notes:
        voice.show(f"  - {note}")


def matmul_flops() -> float:
    """Return how many floating-point operations a second this machine's float32 matrix product reaches now."""
    import torch

    matrix = torch.ones(_SIZE, _SIZE)
    best = float("inf")
    for _ in range(_PRODUCTS):
        start = time.perf_counter()
        torch.mm(matrix, matrix)
        best = min(best, time.perf_counter() - start)
    return 2 * _SIZE**3 / best


def _record(
    study: Study, plan: Plan, directory: Path, forecast: Mapping[str, float | int | str], notes: list[str]
) -> PlanRecord:
    return PlanRecord(
        directory=str(directory),
        identity=study.identity(),
        study=study.record(),
        system=dict(plan.system),
        items=len(plan.items),
        batches=len(plan.batches),
        cells=plan.cells,
        forecast=dict(forecast),
        notes=notes,
    )


def _lines(
    study: Study, plan: Plan, directory: Path, forecast: Mapping[str, float | int | str]
) -> list[tuple[str, str]]:
    record: Mapping[str, JSON] = study.record()
    set_by_hand = {name: value for name, value in record.items() if name in study.model_fields_set}
    asked = ", ".join(f"{name} {_plain(value)}" for name, value in set_by_hand.items() if name != "instrument")
    system = ", ".join(_plain(value) for value in plan.system.values() if isinstance(value, str) and value)
    return [
        ("study", clean_text(asked)),
        ("system", clean_text(system, 160)),
        ("items", f"{len(plan.items):,}"),
        ("cells", f"{plan.cells:,} in {len(plan.batches):,} batch{'' if len(plan.batches) == 1 else 'es'}"),
        *((name, text) for name, text in _forecast(forecast)),
        ("directory", str(directory)),
    ]


def _plain(value: JSON) -> str:
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _forecast(forecast: Mapping[str, float | int | str]) -> list[tuple[str, str]]:
    """The forecast in units that people read; `memory` is said once, in words if the planner gave some."""
    shown: list[tuple[str, str]] = []
    for name, value in forecast.items():
        if name == "cells" or (name == "memory_bytes" and "memory" in forecast):
            continue
        label = name.replace("_", " ")
        if isinstance(value, str):
            shown.append((label, clean_text(value)))
        elif name.endswith("bytes"):
            shown.append((label.removesuffix(" bytes") or "bytes", f"{value / 2**20:,.0f} MiB"))
        elif name.endswith("flops"):
            shown.append((label, f"{value / 1e9:,.0f} GFLOP"))
        elif name == "seconds":
            shown.append(("time", f"at least {value:,.0f} s" if value >= 1 else "about a second"))
        else:
            shown.append((label, f"{value:,}"))
    return shown
