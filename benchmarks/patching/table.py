"""Turns the results of the benchmarks into the README's tables: no number there is typed.

.venv-bench/bin/python benchmarks/patching/table.py [--check]: writes README.md, or fails if it is not up to date.
"""

import argparse
import sys
from pathlib import Path

from outcomes import (
    RESULTS,
    GridRecord,
    Report,
    Scaling,
    Screening,
    Timing,
    read_report,
    read_scaling,
    read_screening,
)

README = Path(__file__).parent / "README.md"
_BEGIN, _END = "<!-- results: begin, written by table.py -->", "<!-- results: end -->"
_COLUMNS = (
    "method",
    "s",
    "range",
    "vs hooks",
    "vs best peer",
    "off by",
    "FLOP (T)",
    "GFLOP/s",
    "of square peak",
    "of layer-shape peak",
    "memory + (MB)",
)
_TITLES = {
    "residual": "`resid_pre`, layer x position",
    "heads": "`z`, layer x head, all positions at once",
    "heads-last": "`z`, layer x head, last position",
}


def main() -> None:
    """Writes, checks or prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--print", dest="only", type=Path, help="print the tables of one result file and stop")
    args = parser.parse_args()
    if args.only:
        print(render_report(read_report(args.only)))
        return
    before, rest = README.read_text().split(_BEGIN)
    after = rest.split(_END)[1]
    text = f"{before}{_BEGIN}\n{render_all(RESULTS)}\n{_END}{after}"
    if not args.check:
        README.write_text(text)
    elif text != README.read_text():
        sys.exit("README.md is not what the results say; run benchmarks/patching/table.py")


def render_all(folder: Path) -> str:
    """Everything that has been measured, one section a file."""
    parts = [render_report(read_report(source)) for source in sorted(folder.glob("grids-*.json"))]
    parts += [render_screening(read_screening(source)) for source in sorted(folder.glob("screening-*.json"))]
    parts += [render_scaling(read_scaling(source)) for source in sorted(folder.glob("scaling*.json"))]
    return "\n\n".join(parts) if parts else "Nothing has been measured yet."


def render_report(report: Report) -> str:
    """A section with a table for each grid."""
    machine = report.machine
    names = ", ".join(f"{name} {number}" for name, number in report.versions.items())
    few = " (QUICK: a few layers only, a check of equality and no timing to quote)" if report.is_quick else ""
    lines = [
        f"## Grids, {machine['threads']} thread{'s' if machine['threads'] != 1 else ''}{few}",
        "",
        f"{report.made}: {report.model['name']}; {machine['processor']}, {machine['cores']} cores,",
        f"{machine['instructions']}, Python {machine['python']}, {names}; {machine['settings']}",
        "",
        f"{report.quiet_or_not()}.",
    ]
    for grid in report.grids:
        lines += ["", *_grid_lines(grid)]
    return "\n".join(lines)


def _grid_lines(grid: GridRecord) -> list[str]:
    kind, pair = grid.name.split("/")
    reference = grid.done[0].method if grid.done else "nothing"
    lines = [
        f"### {_TITLES[kind]}: {pair}",
        "",
        f"{grid.rows} x {grid.columns} cells; {grid.tokens} tokens, the prompts differ from token",
        f"{grid.first_difference} on. `off by`: the largest difference of a cell from {reference}, in logits.",
        "",
        f"| {' | '.join(_COLUMNS)} |",
        f"|---|{'---:|' * (len(_COLUMNS) - 1)}",
    ]
    return lines + [_row(grid, timing) for timing in grid.methods]


def _row(grid: GridRecord, timing: Timing) -> str:
    if not timing.seconds:
        return f"| {timing.method} | failed: {timing.error} |" + " |" * (len(_COLUMNS) - 2)
    hooks = next((t for t in grid.done if t.side == "hooks"), None)
    peer = grid.best("peer")
    span = f"{min(timing.seconds):.2f}-{max(timing.seconds):.2f}" if len(timing.seconds) > 1 else "one run"
    name = f"**{timing.method}**" if timing.side == "aetia" else timing.method
    name += " (best peer)" if timing is peer else ""
    cells = [
        name,
        f"{timing.median:.2f}",
        span,
        _ratio(hooks, timing),
        _ratio(peer, timing),
        f"{timing.off_by:.1e}",
        f"{timing.operations / 1e12:.2f}",
        f"{timing.speed:.0f}",
        f"{timing.share_of_square:.0%}",
        f"{timing.share_of_layers:.0%}",
        _memory(timing.memory),
    ]
    return f"| {' | '.join(cells)} |"


def _ratio(slower: Timing | None, timing: Timing) -> str:
    return "-" if slower is None else f"x{slower.median / timing.median:.2f}"


def _memory(memory: dict[str, int | str]) -> str:
    if "peak_bytes" not in memory:
        return str(memory.get("error", "-"))
    names = {"peak_bytes": "", "live_bytes": " live", "forecast_bytes": " forecast"}
    return ", ".join(f"{int(memory[n]) / 2**20:.0f}{label}" for n, label in names.items() if n in memory)


def render_screening(result: Screening) -> str:
    """What the bfloat16 pass gains on one grid."""
    machine = result.machine
    lines = [
        f"## Screening in bfloat16: {result.grid}{' (QUICK)' if result.is_quick else ''}",
        "",
        f"{result.made}, {machine['threads']} thread(s), {machine['processor']} ({machine['instructions']}).",
        f"{result.cells} cells: {result.exact:.2f} s in float32, {result.rough:.2f} s in bfloat16",
        f"(x{result.exact / result.rough:.2f}). Effects span {result.span:.1f} logits; the error is at most",
        f"{result.bound:.3f} on {result.sample} random cells, in truth {result.largest_error:.3f} over all cells",
        f"({result.beyond_bound} are beyond the sample's bound), median {result.median_error:.4f}.",
        "",
        "| effects wanted | shortlist | cells computed exactly | found | screen + sample + exact | vs all exact |",
        "|---:|---|---:|---:|---:|---:|",
    ]
    for one in result.shortlists:
        total = result.total(one)
        rule = "not ruled out by the bound" if one.rule == "bound" else f"first {one.rule}"
        lines.append(
            f"| {one.wanted} | {rule} | {one.cells} | {one.found} | {total:.2f} s | x{result.exact / total:.2f} |"
        )
    return "\n".join(lines)


def render_scaling(result: Scaling) -> str:
    """Time and memory against the number of items."""
    machine = result.machine
    columns = "s, {0} | s an item | memory + (forecast)"
    lines = [
        f"## Cost against items: {result.kind} grid{' (QUICK)' if result.is_quick else ''}",
        "",
        f"Indirect-object items, {machine['threads']} thread(s), {machine['processor']}, {result.made}; medians.",
        "",
        f"| items | {columns.format('one by one')} | {columns.format('in one plan')} |",
        "|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for count in sorted({row.items for row in result.rows}):
        cells = []
        for together in (False, True):
            seconds, peak, forecast = (
                result.median(name, count, together=together) for name in ("seconds", "peak_bytes", "forecast_bytes")
            )
            cells += [f"{seconds:.2f}", f"{seconds / count:.2f}", f"{peak / 2**20:.0f} MB ({forecast / 2**20:.0f})"]
        lines.append(f"| {count} | {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
