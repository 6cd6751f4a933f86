"""How do other tools read an evaluation: as a table, or as a log of lm-evaluation-harness or inspect?"""

import csv
import hashlib
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

import pyarrow as pa

from aetia.evals.adaptations import way_of_asking
from aetia.evals.harness.scored import scored
from aetia.evals.scoring.scores import cluster_values
from aetia.files import write_atomic, write_table, writing
from aetia.runs import Run
from aetia.runs.keys import JSON

__all__ = ["Exported", "Kind", "export"]

Kind = Literal["csv", "parquet", "jsonl", "lm-eval", "inspect"]

Row = Mapping[str, JSON]

_FORMULA = frozenset("=+-@|%\uff1d\uff0b\uff0d\uff20")  # with their full-width forms
_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
_LONGEST = 150  # characters of a file's name before the time and the ending


@dataclass(frozen=True)
class Exported:
    """How many replies were written, and into which files."""

    replies: int
    files: tuple[Path, ...]


def export(run: Run, kind: Kind, path: Path) -> Exported:
    """Write every reply of a run with its item and what it was worth.

    Args:
        run: An evaluation.
        kind: A table as CSV, Parquet or JSON lines; a folder of samples and results as lm-evaluation-harness logs
            them; or a folder of logs that inspect reads, one for each task and way of asking.
        path: The file, or the folder.

    Raises:
        RunError: AE-6006 the run has no replies; AE-6011, AE-6012 the place cannot be written.
    """
    table = scored(run.values())
    written: list[Path] = []
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    if kind == "parquet":
        write_table(path, table)
    elif kind == "csv":
        write_atomic(path, _csv(table))
    elif kind == "jsonl":
        write_atomic(path, _lines(table.to_pylist()))
    else:
        with writing(path):
            path.mkdir(parents=True, exist_ok=True)
        groups = _groups(table)
        files = _lm_eval(run, groups) if kind == "lm-eval" else _inspect(run, groups)
        for name, content in files:
            write_atomic(path / name, content)
            written.append(path / name)
    return Exported(table.num_rows, tuple(written) or (path,))


def _csv(table: pa.Table) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, table.schema.names)
    writer.writeheader()
    writer.writerows({name: _cell(value) for name, value in row.items()} for row in table.to_pylist())
    return text.getvalue().encode()


def _cell(value: JSON) -> JSON:
    """A text that a spreadsheet does not take for a formula; lists as JSON."""
    if isinstance(value, str):
        return f"'{value}" if value.lstrip()[:1] in _FORMULA and not _NUMBER.fullmatch(value) else value
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list) else value


def _lines(rows: Sequence[Row]) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def _groups(table: pa.Table) -> dict[tuple[str, str], list[Row]]:
    found: dict[tuple[str, str], list[Row]] = {}
    for row in table.to_pylist():
        found.setdefault((row["task"], row["adaptation"]), []).append(row)
    return found


def _names(groups: Mapping[tuple[str, str], list[Row]]) -> list[str]:
    """A name for each group that any file system takes, and no two of them the same."""
    found: list[str] = []
    for task, way in groups:
        name = re.sub(r"[^\w.-]+", "_", f"{task}_{way}")[-_LONGEST:].lstrip(".-")
        found.append(f"{name}_{_hash(f'{task}:{way}')[:8]}" if name in found else name)
    return found


def _mean(rows: Sequence[Row]) -> float:
    return sum(float(str(row["right"])) for row in rows) / len(rows)


def _error(rows: Sequence[Row]) -> float | None:
    """The standard error of the mean over clusters, as inspect's `stderr(cluster=...)`; None of a single one."""
    right = [float(str(row["right"])) for row in rows]
    values = cluster_values(right, [str(row["cluster"]) for row in rows])
    count = values.shape[1]
    return float(values.std(ddof=1)) / count**0.5 if count > 1 else None


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _lm_eval(run: Run, groups: Mapping[tuple[str, str], list[Row]]) -> Iterator[tuple[str, bytes]]:
    """The files that `lm_eval --log_samples` writes."""
    study, results, counts = run.manifest.study, dict[str, JSON](), dict[str, JSON]()
    configs, shots = dict[str, JSON](), dict[str, JSON]()
    for name, ((_, way), rows) in zip(_names(groups), groups.items(), strict=True):
        error = _error(rows)
        results[name] = {"alias": name, "acc,none": _mean(rows), "acc_stderr,none": "N/A" if error is None else error}
        shots[name] = way_of_asking(way).shots
        kind = "multiple_choice" if any(row["scores"] for row in rows) else "generate_until"
        configs[name] = {"task": name, "output_type": kind, "num_fewshot": shots[name]}
        counts[name] = {"original": len(rows), "effective": len(rows)}
        samples = [_lm_eval_sample(place, row) for place, row in enumerate(rows)]
        yield f"samples_{name}_{_stamp(run)}.jsonl", _lines(samples)
    whole: dict[str, JSON] = {
        "results": results,
        "configs": configs,
        "versions": dict.fromkeys(results, 1),
        "n-shot": shots,
        "higher_is_better": {name: {"acc": True} for name in results},
        "n-samples": counts,
        "config": {"model": study.get("model"), "model_args": "", "limit": study.get("items")},
        "model_name": study.get("model"),
        "date": _stamp(run),
    }
    yield f"results_{_stamp(run)}.json", json.dumps(whole, indent=2).encode()


def _stamp(run: Run) -> str:
    return str(run.manifest.started)[:19].replace(":", "-")


def _lm_eval_sample(place: int, row: Row) -> dict[str, JSON]:
    prompt, item = _prompt(row), cast("Mapping[str, JSON]", json.loads(str(row["record"])))
    scores = cast("Sequence[float]", row["scores"] or ())
    continuations = cast("Sequence[str]", _turns(row)[-1]["continuations"]) if scores else [{}]
    document = {name: item[name] for name in ("id", "context", "question", "options", "label")}
    return {
        "doc_id": place,
        "doc": document,
        "target": row["label"],
        "arguments": {
            f"gen_args_{number}": {"arg_0": prompt, "arg_1": one} for number, one in enumerate(continuations)
        },
        "resps": [[score] for score in scores] or [[row["reply"]]],
        "filtered_resps": [row["answer"] if row["answer"] is not None else ""],
        "filter": "none",
        "metrics": ["acc"],
        "doc_hash": _hash(json.dumps(document)),
        "prompt_hash": _hash(prompt),
        "target_hash": _hash(str(row["label"])),
        "acc": row["right"],
    }


def _turns(row: Row) -> list[dict[str, JSON]]:
    return json.loads(str(row["turns"]))


def _prompt(row: Row) -> str:
    turns = _turns(row)
    if not turns:
        return ""
    messages = cast("Sequence[Sequence[str]]", turns[-1]["messages"])
    return "\n\n".join(text for _, text in messages)


def _inspect(run: Run, groups: Mapping[tuple[str, str], list[Row]]) -> Iterator[tuple[str, bytes]]:
    """Logs in the JSON form of inspect's `EvalLog`, version 2."""
    model = str(run.manifest.study.get("model"))
    created = str(run.manifest.started)
    for name, ((task, way), rows) in zip(_names(groups), groups.items(), strict=True):
        metrics: dict[str, JSON] = {
            "accuracy": {"name": "accuracy", "value": _mean(rows), "params": {}},
        }
        error = _error(rows)
        if error is not None:
            metrics["stderr"] = {"name": "stderr", "value": error, "params": {"cluster": "cluster"}}
        log: dict[str, JSON] = {
            "version": 2,
            "status": "success",
            "eval": {
                "run_id": run.manifest.identity[:22],
                "task_id": _hash(name)[:22],
                "created": created,
                "task": name,
                "task_version": 0,
                "dataset": {"name": task, "samples": len(rows), "sample_ids": [str(row["item"]) for row in rows]},
                "model": model,
                "config": {"limit": len(rows)},
                "packages": {"aetia": run.manifest.versions.get("aetia", "")},
            },
            "plan": {"name": "plan", "steps": [{"solver": way, "params": {}}], "config": {}},
            "results": {
                "total_samples": len(rows),
                "completed_samples": len(rows),
                "scores": [{"name": "aetia", "scorer": "aetia", "params": {}, "metrics": metrics}],
            },
            "stats": {"started_at": created, "completed_at": str(run.manifest.ended or created), "model_usage": {}},
            "samples": [_inspect_sample(row, model) for row in rows],
        }
        yield f"{_stamp(run)}_{name}.json", json.dumps(log, indent=1).encode()


def _inspect_sample(row: Row, model: str) -> dict[str, JSON]:
    turns = _turns(row)
    asked = cast("Sequence[Sequence[str]]", turns[-1]["messages"]) if turns else []
    messages: list[JSON] = [{"role": role, "content": text} for role, text in asked]
    said = {"role": "assistant", "content": row["reply"]}
    return {
        "id": row["item"],
        "epoch": 1,
        "input": _prompt(row),
        "target": row["label"],
        "messages": [*messages, said],
        "output": {"model": model, "choices": [{"message": said, "stop_reason": _stop_reason(turns)}]},
        "scores": {
            "aetia": {
                "value": "C" if row["right"] == 1.0 else "I",
                "answer": row["answer"],
                "explanation": ", ".join(map(str, cast("Sequence[JSON]", row["errors"] or ()))),
            }
        },
        "metadata": {name: row[name] for name in ("task", "adaptation", "cluster", "orbit", "variant")},
        "store": {},
        "model_usage": {},
    }


def _stop_reason(turns: Sequence[Mapping[str, JSON]]) -> str:
    reply = cast("Mapping[str, JSON]", turns[-1]["reply"]) if turns else {}
    return "max_tokens" if reply.get("finish") == "length" else "stop"
