"""Run directories with planted numbers, exactly as aetia.runs writes them, for the tests of the report."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from aetia.effects import STATISTICS, Effects, summarise
from aetia.files import write_table

LAYERS, HEADS = 30, 9
TEMPLATE = ["<|im_start|>", "user", "\n", "What", " is", " the", " capital", " of", " France", "?", " Answer", " with"]
TEMPLATE += [
    " one",
    " word",
    ".",
    "<|im_end|>",
    "\n",
    "<|im_start|>",
    "assistant",
    "\n",
    "The",
    " capital",
    " city",
    " is",
]
SUBJECT = 8
COUNTRIES = [
    "France",
    "Italy",
    "Japan",
    "Spain",
    "Egypt",
    "Peru",
    "Kenya",
    "Greece",
    "Norway",
    "Cuba",
    "Chile",
    "China",
]
DIMENSIONS = pa.schema(
    [
        ("method", pa.string()),
        ("component", pa.string()),
        ("layer", pa.int32()),
        ("head", pa.int32()),
        ("position", pa.int32()),
        ("span", pa.string()),
        ("token", pa.string()),
    ]
)
UNITS = {"clean_correct": "share"}


@dataclass
class Planted:
    """What is in the made-up run."""

    items: int = 24
    layers: int = LAYERS
    heads: int = HEADS
    tokens: list[str] = field(default_factory=lambda: list(TEMPLATE))
    method: str = "patch"
    components: tuple[str, ...] = ("resid_pre", "attn_out", "mlp_out")
    with_heads: bool = True
    with_baseline: bool = True
    with_lens: bool = True
    with_direct: bool = True
    accuracy: float = 0.96
    seed: int = 0
    draws: int = 0


def bump(x: np.ndarray, centre: float, width: float) -> np.ndarray:
    return np.exp(-(((x - centre) / width) ** 2))


def step(x: np.ndarray, centre: float, width: float) -> np.ndarray:
    return 1 / (1 + np.exp(-(x - centre) / width))


def curve(component: str, position: int, last: int, layers: int) -> np.ndarray:  # noqa: PLR0911
    """The planted mean effect by layer: information leaves the subject at layer 17 and arrives at the end at 19."""
    depth = np.arange(layers) * 29 / max(layers - 1, 1)
    if component.startswith("resid"):
        if position == SUBJECT:
            return 6.5 * (1 - step(depth, 17, 1.3))
        if position == last:
            return 6.5 * step(depth, 19, 1.1)
        return 0.5 * bump(depth, 12, 4) * (position == SUBJECT + 1)
    if component == "attn_out" and position == last:
        return 1.9 * bump(depth, 19, 1.6) + 0.5 * bump(depth, 24, 1) - 0.4 * bump(depth, 27, 1)
    if component == "mlp_out" and position == SUBJECT:
        return 1.4 * bump(depth, 3, 2.5) + 0.5 * bump(depth, 9, 3)
    if component == "mlp_out" and position == last:
        return 0.9 * bump(depth, 26, 2.5)
    return np.zeros(layers)


def values_of(planted: Planted) -> tuple[pa.Table, list[str]]:  # noqa: C901, PLR0912
    """Values of every item and cell, and the token of each row where all items share it."""
    rng = np.random.default_rng(planted.seed)
    names = [f"item-{index}" for index in range(planted.items)]
    strength = rng.normal(1, 0.18, planted.items)
    last = len(planted.tokens) - 1
    records: list[dict[str, Any]] = []

    def add(method: str, component: str, per_item: np.ndarray, **where: Any) -> None:
        for name, value in zip(names, per_item, strict=True):
            records.append({"item": name, "method": method, "component": component, **where, "value": float(value)})

    if planted.with_baseline:
        clean = 3.4 * strength + rng.normal(0, 0.4, planted.items)
        corrupted = -3.1 * strength + rng.normal(0, 0.5, planted.items)
        add("baseline", "clean", clean)
        add("baseline", "corrupted", corrupted)
        add("total", "total", clean - corrupted)
        correct = np.arange(planted.items) < round(planted.accuracy * planted.items)
        add("baseline", "clean_correct", correct.astype(float))
    for component in planted.components:
        for position, token in enumerate(planted.tokens):
            shared = None if position == SUBJECT else token
            for layer, mean in enumerate(curve(component, position, last, planted.layers)):
                noise = rng.normal(0, 0.04 + 0.08 * abs(mean), planted.items)
                add(planted.method, component, mean * strength + noise, layer=layer, position=position, token=shared)
    if planted.with_heads:
        grid = rng.normal(0, 0.03, (planted.layers, planted.heads))
        for layer, head, mean in (
            (19, 3, 1.2),
            (18, 7, 0.55),
            (20, 1, 0.4),
            (24, 5, 0.3),
            (22, 4, -0.5),
            (27, 0, -0.25),
        ):
            if layer < planted.layers and head < planted.heads:
                grid[layer, head] = mean
        for (layer, head), mean in np.ndenumerate(grid):
            add(
                planted.method,
                "z",
                mean * strength + rng.normal(0, 0.05, planted.items),
                layer=layer,
                head=head,
                position=last,
                token=planted.tokens[last],
            )
    depth = np.arange(planted.layers) * 29 / max(planted.layers - 1, 1)
    if planted.with_lens:
        for layer, mean in enumerate(-0.6 * bump(depth, 15, 6) + 3.9 * step(depth, 22, 1.2)):
            add("logit_lens", "resid_post", mean * strength + rng.normal(0, 0.35, planted.items), layer=layer)
    if planted.with_direct:
        for component, centre in (("attn_out", 20), ("mlp_out", 26)):
            for layer, mean in enumerate(0.8 * bump(depth, centre, 2) - 0.2 * bump(depth, 28, 1)):
                add("direct", component, mean * strength + rng.normal(0, 0.06, planted.items), layer=layer)
    schema = pa.schema([("item", pa.string()), *DIMENSIONS, ("value", pa.float64())])
    return pa.Table.from_pylist(records, schema=schema), names


def with_draws(values: pa.Table, draws: int, seed: int = 0) -> pa.Table:
    """Values with a column `draw`: in every draw of the null each item's effects have a sign of their own."""
    rng = np.random.default_rng(seed)
    ids = values["item"].combine_chunks().dictionary_encode()
    place = ids.indices.to_numpy()
    numbers = values["value"].to_numpy()
    tables = [values.append_column("draw", pa.nulls(len(values), pa.int32()))]
    for draw in range(draws):
        signs = rng.choice([-1.0, 1.0], len(ids.dictionary))
        flipped = values.set_column(values.schema.get_field_index("value"), "value", pa.array(numbers * signs[place]))
        tables.append(flipped.append_column("draw", pa.repeat(pa.scalar(draw, pa.int32()), len(values))))
    return pa.concat_tables(tables)


def effects_of(planted: Planted) -> Effects:
    values, _ = values_of(planted)
    return effects_from_values(with_draws(values, planted.draws, planted.seed))


def effects_from_values(values: pa.Table) -> Effects:
    """Effects as the instrument makes them: each method a family of its own, the baselines untested."""
    has_draws = values["draw"].null_count < len(values)
    found = [
        summarise(
            values.filter(pc.field("method") == method),
            DIMENSIONS.names,
            unit="logits",
            draws=400,
            null="label-permutation:0" if has_draws else None,
        )
        for method in values["method"].unique().to_pylist()
        if method != "baseline"
    ]
    plain = values.filter((pc.field("method") == "baseline") & pc.field("draw").is_null())
    baseline = summarise(plain, DIMENSIONS.names, unit="logits", draws=400)
    table = Effects.concat([baseline, *found]).to_arrow()
    units = [UNITS.get(component, "logits") for component in table["component"].to_pylist()]
    index = table.schema.get_field_index("unit")
    about = {"correction": "max-t"} if has_draws else {}
    return Effects(table.set_column(index, STATISTICS.field("unit"), pa.array(units, pa.string())), about)


def item_of(planted: Planted, index: int) -> dict[str, Any]:
    country, other = COUNTRIES[index % len(COUNTRIES)], COUNTRIES[(index + 5) % len(COUNTRIES)]
    clean, corrupted = list(planted.tokens), list(planted.tokens)
    if len(planted.tokens) > SUBJECT:
        clean[SUBJECT], corrupted[SUBJECT] = f" {country}", f" {other}"
    return {
        "id": f"item-{index}",
        "clean": "".join(clean),
        "corrupted": "".join(corrupted),
        "answer": " Paris",
        "foil": " Rome",
        "clean_tokens": clean,
        "corrupted_tokens": corrupted,
        "spans": {"subject": [SUBJECT, SUBJECT + 1]},
    }


def manifest_of(**changes: Any) -> dict[str, Any]:
    manifest = {
        "format": 1,
        "status": "complete",
        "study": {
            "instrument": "trace",
            "model": "smollm2-135m",
            "contrasts": "capitals",
            "items": 24,
            "sites": ["resid_pre", "attn_out", "mlp_out", "z"],
            "method": "patch",
            "direction": "denoise",
            "outcome": "logit_difference",
            "seed": 0,
            "level": 0.95,
            "correction": "max-t",
        },
        "identity": "4f0a" * 16,
        "batches": [{"key": "a1b2c3d4e5f60718", "cells": 2430}],
        "system": {
            "name": "SmolLM2-135M-Instruct",
            "revision": "12fd25f77366fa6b3b4b768ec3050bf629380bac",
            "dtype": "float32",
            "family": "llama",
            "files": {"model.safetensors": "9e" * 32, "config.json": "0a" * 32},
        },
        "forecast": {"cells": 2430, "seconds": 41.5, "peak_bytes": 47185920},
        "notes": ["2,430 of 2,430 cells were planned; none needed hooks.", "3 of 27 items were dropped: length."],
        "seeds": {"study": 0},
        "versions": {"python": "3.11.2", "aetia": "0.1.0", "torch": "2.13.0"},
        "hardware": {"machine": "x86_64", "cores": 2, "processor": "a processor"},
        "engine": "in-process",
        "started": "2026-11-21T05:00:00.000+00:00",
        "ended": "2026-11-21T05:00:44.120+00:00",
        "failed": [],
    }
    return manifest | changes


def write_run(
    directory: Path,
    planted: Planted | None = None,
    *,
    effects: Effects | None = None,
    items: list[dict[str, Any]] | None = None,
    manifest: dict[str, Any] | None = None,
) -> Path:
    """Write a run directory and return it."""
    planted = planted or Planted()
    (directory / "values").mkdir(parents=True, exist_ok=True)
    manifest = manifest or manifest_of()
    values = with_draws(values_of(planted)[0], planted.draws, planted.seed)
    write_table(directory / "values" / f"part-{manifest['batches'][0]['key']}.parquet", values)
    (effects or effects_from_values(values)).write(directory / "effects.parquet")
    records = [item_of(planted, index) for index in range(planted.items)] if items is None else items
    lines = "".join(json.dumps(record) + "\n" for record in records)
    (directory / "items.jsonl").write_text(lines, encoding="utf-8")
    (directory / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return directory
