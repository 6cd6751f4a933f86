"""Is the variable read at the site, and by which maps? What an alignment study found, as sentences."""

from collections.abc import Iterable, Mapping, Sequence

from aetia.report.rows import Row, chance_text, interval_text, number
from aetia.report.sentences import Sentence
from aetia.text import clean_text

__all__ = ["about_alignment"]

_PLACES = 2  # of an accuracy


def about_alignment(rows: Sequence[Row], provenance: Mapping[str, str]) -> list[Sentence]:
    """Return a sentence for each map: found by its test, not found, or untested; none if the effects are of other kind.

    Only `excess` is tested, and only an accuracy above a half that passes is a finding; what stands beside it, such as
    accuracies on randomised networks, is told with it and never by itself.

    Args:
        rows: The effects.
        provenance: Theirs: `site`.
    """
    site = clean_text(provenance.get("site", "its site"), 60)
    tested = [row for row in rows if row.method == "excess" and row.map is not None and row.is_number]
    return [_about_map(row, [one for one in rows if one.map == row.map], site) for row in tested]


def _about_map(excess: Row, rows: Sequence[Row], site: str) -> Sentence:
    real, twins = (_accuracy(rows, system) for system in ("real", "randomised"))
    said = ""
    if real is not None:
        bounds = interval_text(real.low, real.high, _PLACES)
        said = f": interchange accuracy {number(real.estimate, _PLACES)}{f' {bounds}' if bounds else ''}"
        said += f" against {number(twins.estimate, _PLACES)} on randomised networks" if twins is not None else ""
    by = f"at {site} by the map {excess.map}"
    evidence = tuple(row for row in (excess, real, twins) if row is not None)
    if not excess.is_tested:
        return Sentence(f"Whether the variable is read {by} was not tested{said}, which may be chance.", evidence)
    found = "is read" if excess.is_finding else "is not found"
    return Sentence(f"The variable {found} {by}{said}{chance_text(excess.q)}.", evidence)


def _accuracy(rows: Iterable[Row], system: str) -> Row | None:
    return next((row for row in rows if row.method == "iia" and row.system == system and row.is_number), None)
