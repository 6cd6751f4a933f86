"""Does a subspace act through what the network reads? The verdict of its study, as a sentence."""

from collections.abc import Mapping, Sequence

from aetia.report.rows import Row, chance_text
from aetia.report.sentences import Sentence
from aetia.text import clean_text

__all__ = ["about_subspace"]

_SAID = {
    "carried": "The subspace at {site} acts through what the network reads of it, and nothing speaks against it",
    "dormant": "The subspace at {site} works through a dormant pathway, so it must not be reported as a cause",
    "suspect": "The subspace at {site} acts through what the network reads of it, but other evidence is against it",
    "undecided": "Whether the subspace at {site} works through a dormant pathway cannot be told from its split",
    "no effect": "Patching the subspace at {site} has no effect that can be told from none",
}
"""What each finding of `aetia.features.verdict` means."""


def about_subspace(rows: Sequence[Row], provenance: Mapping[str, str]) -> list[Sentence]:
    """Return the verdict on a subspace with its reasons, and its test; none if the effects are of something else."""
    said = _SAID.get(provenance.get("finding", ""))
    if said is None:
        return []
    parts = [row for row in rows if row.method == "effect"]
    text = f"{said.format(site=clean_text(provenance.get('site', 'its site'), 60))}."
    reasons = clean_text(provenance.get("reasons", ""), 1200)
    verdict = Sentence(f"{text} {reasons}".strip(), tuple(parts))
    tested = [row for row in parts if row.component == "subspace" and row.is_tested]
    return [verdict, *(Sentence(_tested(row), (row,)) for row in tested[:1])]


def _tested(row: Row) -> str:
    passes = "passes its test" if row.passes else "does not pass its test"
    return f"Patching the whole subspace changes the outcome by {row.quantity()}, which {passes}{chance_text(row.q)}."
