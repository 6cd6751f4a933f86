"""The one function a person calls to ask which circuit causes an answer, and how good it is."""

from pathlib import Path

from aetia.runs import JSON, Run
from aetia.studies.asking import ask

__all__ = ["circuit"]


def circuit(
    model: str = "smollm2-135m",
    contrasts: str | None = None,
    *,
    method: str = "eap-ig-inputs",
    out: str | Path | None = None,
    workers: int = 1,
    **fields: JSON,
) -> Run:
    """Which nodes or edges of `model` carry its answers to `contrasts`, and are they the mechanism?

    Args:
        model: A known model, a folder, or a repository of the hub.
        contrasts: A built-in set or a file of pairs; or give `pair={...}`, as for `aetia.trace`.
        method: `eap`, `eap-ig-inputs`, `eap-ig-activations`, `patching`, `path-intervention`, `acdc` or `cd-t`.
        out: The run's directory; by default `runs/` and a name from the study.
        workers: Processes; each loads the model once.
        fields: The further fields of `CircuitStudy`: `granularity`, `reference`, `candidates`, `other`, `null` ...

    Returns:
        The run. Its effects have one row a node or edge, with its test, and rows for faithfulness, CPR, CMD and more on
        items that the circuit was not chosen on. `aetia.circuits.circuit_of(run.effects())` is the circuit as a graph.

    Raises:
        StudyError: If the study cannot be asked as it stands.
        MissingError: If the model is not to be found.

    Example:
        >>> run = aetia.circuit("smollm2-135m", "ioi", method="eap", items=24)  # doctest: +SKIP
        >>> aetia.circuits.circuit_of(run.effects()).to_networkx()  # doctest: +SKIP
    """
    record = {"instrument": "circuit", "model": model, "contrasts": contrasts, "method": method, **fields}
    return ask(record, out=out, workers=workers)
