"""`aetia scm`: what follows from an explicit causal model, exactly?"""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

import click

from aetia.cli.causal_files import (
    assignments_of,
    discrete_model_named,
    event_of,
    graph_argument,
    graph_named,
    intervened,
    model_argument,
    model_named,
)
from aetia.cli.causal_records import (
    AnswerRecord,
    BoundsRecord,
    CauseRecord,
    EstimandRecord,
    GraphRecord,
    UnitRecord,
)
from aetia.cli.records import FileRecord
from aetia.cli.voice import Voice, json_option
from aetia.scm.actual.causes import Definition

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

    from aetia.scm.graphs.graph import Graph
    from aetia.scm.identification import Identification

__all__ = ["command"]

_latex_option = click.option("--latex", is_flag=True, help="Write the formulas as LaTeX.")


@click.group("scm")
def command() -> None:
    """Ask explicit causal models and graphs, exactly.

    MODEL is a file (JSON, .bif, or equations), or equations such as "Y = X or Z". GRAPH is a file (text, DOT, dagitty,
    JSON, or a model's), or text such as "Z -> X; Z -> Y; X -> Y; X <-> Y".

    QUERY is one of P(Y=1 | do(X=1), Z=0), E[Y | do(X=1)], P(Y[X=1]=1 | X=0), ATE(X, Y), CATE(X, Y | Z=1),
    CDE(X, Y | do(M=0)), NDE(X, Y), NIE(X, Y), ETT(X, Y), ETU(X, Y), PN(X, Y), PS(X, Y), PNS(X, Y),
    PSE(X, Y; X -> M -> Y).
    """


@command.command("query")
@model_argument
@click.argument("query", metavar="QUERY")
@click.option("--steps", is_flag=True, help="Show how the answer was found.")
@_latex_option
@click.option("--assume", type=click.Choice(["gumbel-max"]), help="What to assume where the model leaves it open.")
@json_option
def query_model(
    model: str, query: str, *, steps: bool, latex: bool, assume: Literal["gumbel-max"] | None, as_json: bool
) -> None:
    """Answer QUERY in MODEL, exactly.

    Example: aetia scm query model.json "P(Y=1 | do(X=1))" --steps
    """
    from aetia.scm.answers.exact import answer
    from aetia.scm.language.derivation import number_to_text

    voice = Voice(as_json)
    found = answer(model_named(model), query, assume=assume)
    voice.emit(lambda: AnswerRecord.of(found))
    if latex:
        voice.show(found.latex)
    elif steps:
        voice.show(str(found))
    else:
        voice.show(number_to_text(found.value))
        if found.assumption:
            voice.remark(f"Assumed: {found.assumption}")


@command.command("identify")
@graph_argument
@click.argument("query", metavar="QUERY")
@click.option("--steps", is_flag=True, help="Show how the formula was found.")
@_latex_option
@json_option
def identify_query(graph: str, query: str, *, steps: bool, latex: bool, as_json: bool) -> None:
    """Find a formula for QUERY in what can be observed in GRAPH, or the reason why there is none.

    Example: aetia scm identify "X -> M -> Y; X <-> Y" "P(Y | do(X))"
    """
    from aetia.scm.identification import identify
    from aetia.scm.language.printing import to_latex, to_text

    voice = Voice(as_json)
    drawn = graph_named(graph)
    found = identify(drawn, query)
    voice.emit(lambda: EstimandRecord.of(found))
    voice.show(to_latex(found.expression) if latex else to_text(found.expression))
    if found.any_value_of:
        voice.remark(f"The same for every value of {', '.join(found.any_value_of)}.")
    if steps:
        _show_steps(voice, found)


def _show_steps(voice: Voice, found: "Identification") -> None:
    for place, step in enumerate(found.steps, 1):
        voice.show(f"{place}. {step}")


@command.command("bounds")
@model_argument
@click.argument("query", metavar="QUERY")
@click.option("--monotone", metavar="X->Y", multiple=True, help="Assume that Y never falls where X rises.")
@json_option
def bound_query(model: str, query: str, *, monotone: tuple[str, ...], as_json: bool) -> None:
    """Bound QUERY by the distribution of what MODEL's observed variables do, and its graph, alone.

    Example: aetia scm bounds model.json "PN(X, Y)" --monotone "X->Y"
    """
    from aetia.scm.bounding import bounds

    voice = Voice(as_json)
    pairs = [pair for text in monotone for pair in _arrows(text)]
    found = bounds(discrete_model_named(model), query, monotone=pairs)
    voice.emit(lambda: BoundsRecord.of(query, found))
    voice.show(f"[{found.low:.6g}, {found.high:.6g}]")
    if not found.is_sharp:
        voice.remark("Not sharp: tighter bounds may hold.")
    if found.assumption:
        voice.remark(f"Assumed: {found.assumption}")


def _arrows(text: str) -> list[tuple[str, str]]:
    """The causes and effects of a text that holds arrows and nothing else."""
    from aetia.scm.graphs.notation import graph_from_text

    drawn = graph_from_text(text)
    alone = set(drawn.nodes).difference(*((edge.first, edge.second) for edge in drawn.edges))
    if alone or not drawn.edges or not all(edge.is_directed for edge in drawn.edges):
        raise click.BadParameter(f'{text!r} is no arrow; write "X -> Y".', param_hint="--monotone")
    return [(edge.first, edge.second) for edge in sorted(drawn.edges)]


@command.command("draw")
@graph_argument
@click.option("--out", metavar="FILE", help="Where to write: .svg, .dot, .json or .txt. [default: the text, shown]")
@json_option
def draw(graph: str, out: str | None, *, as_json: bool) -> None:
    """Draw GRAPH, or write it in another form.

    Example: aetia scm draw "Z -> X; Z -> Y; X -> Y" --out graph.svg
    """
    from aetia.files import write_atomic

    voice = Voice(as_json)
    drawn = graph_named(graph)
    if out is None:
        voice.emit(lambda: GraphRecord.of(drawn))
        voice.show(str(drawn))
        return
    path = Path(out)
    content = _form(path.suffix.lower())(drawn).encode()
    write_atomic(path, content)
    voice.emit(lambda: FileRecord(kind="graph", path=str(path), bytes=len(content)))
    voice.show(f"wrote {path}")


def _form(suffix: str) -> "Callable[[Graph], str]":
    """The function that writes a graph in the form of this suffix."""
    from aetia.scm.graphs.interchange import graph_to_dot, graph_to_json
    from aetia.scm.pictures.drawing import graph_svg

    forms = {".svg": graph_svg, ".dot": graph_to_dot, ".json": graph_to_json, ".txt": lambda graph: f"{graph}\n"}
    if suffix not in forms:
        found = f"no form is called {suffix or 'nothing'!r}; use {', '.join(forms)}."
        raise click.BadParameter(found, param_hint="--out")
    return forms[suffix]


@command.command("sample")
@model_argument
@click.option("--count", type=click.IntRange(min=1), default=1000, metavar="N", help="Units. [default: 1000]")
@click.option("--seed", type=click.IntRange(min=0), default=0, metavar="SEED", help="[default: 0]")
@click.option("--do", "done", metavar="X=1", multiple=True, help="An intervention under which they are drawn.")
@click.option("--out", metavar="FILE", help="A .csv or .parquet to write. [default: CSV to stdout]")
@json_option
def sample_model(model: str, done: tuple[str, ...], out: str | None, *, count: int, seed: int, as_json: bool) -> None:
    """Draw units of MODEL's observed variables.

    Example: aetia scm sample model.json --count 1000 --do X=1 --out units.parquet
    """
    from aetia.scm.models.sampling import sample

    voice = Voice(as_json)
    found = sample(intervened(model_named(model), assignments_of(done)), count, seed=seed)
    if out is not None:
        path = Path(out)
        size = _write_units(path, found)
        voice.emit(lambda: FileRecord(kind="units", path=str(path), bytes=size))
        voice.show(f"wrote {path}: {count:,} units of {len(found)} variables, seed {seed}")
        return
    rows = zip(*(column.tolist() for column in found.values()), strict=True)
    if as_json:
        for row in rows:
            voice.emit(lambda row=row: UnitRecord(values=dict(zip(found, row, strict=True))))
        return
    _write_csv(found, rows)


def _write_csv(columns: "dict[str, np.ndarray]", rows: Iterable[tuple[object, ...]]) -> None:
    import csv

    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)


def _write_units(path: Path, columns: "dict[str, np.ndarray]") -> int:
    """The table as a file; its size in bytes."""
    import io

    import pyarrow as pa
    import pyarrow.csv as pv
    import pyarrow.parquet as pq

    from aetia.files import write_atomic

    writers = {".csv": pv.write_csv, ".parquet": pq.write_table}
    if path.suffix not in writers:
        raise click.BadParameter(f"{path} is neither .csv nor .parquet.", param_hint="--out")
    buffer = io.BytesIO()
    writers[path.suffix](pa.table({name: column.tolist() for name, column in columns.items()}), buffer)
    write_atomic(path, buffer.getvalue())
    return len(buffer.getvalue())


@command.command("why")
@model_argument
@click.option("--actual", metavar="X=1", multiple=True, required=True, help="What the model's roots were.")
@click.option("--event", metavar="Y=1", required=True, help='What is to be explained; also "Y > 1 or Z == 0".')
@click.option("--definition", type=click.Choice(get_args(Definition)), default="modified", help="[default: modified]")
@json_option
def why(model: str, actual: tuple[str, ...], event: str, definition: Definition, *, as_json: bool) -> None:
    """Explain what caused an event in one concrete case.

    Each cause by the chosen definition of Halpern and Pearl, how responsible each of its variables is, and the
    contingency that shows it.

    Example: aetia scm why "SH = ST; BH = BT and not SH; BS = SH or BH" --actual ST=1,BT=1 --event BS=1
    """
    from aetia.scm.actual import Setting
    from aetia.scm.actual.account import explained

    voice = Voice(as_json)
    setting = Setting(discrete_model_named(model), assignments_of(actual))
    found = explained(setting, event_of(event), definition)
    if not found:
        voice.show(f"No cause of {event} by the {definition} definition.")
    for one in found:
        voice.emit(lambda one=one: CauseRecord.of(one, definition))
        named = ", ".join(f"{name}={value}" for name, value in one.cause.values.items())
        shares = ", ".join(f"{name} {share}" for name, share in one.responsibility.items())
        voice.show(named, f"  {one.because}", f"  responsibility: {shares}")
