"""The page on models that see runs and prints what it says, and the toy's causes are where they are known to be."""

import re
import shlex
from functools import cache
from pathlib import Path

import pytest

from aetia.cli.application import cli
from aetia.contrasts import find_set
from aetia.flow import recovery
from aetia.flow.instrument import Flow
from aetia.flow.study import FlowStudy
from aetia.models import Network, load
from aetia.tracing.instrument import Trace
from aetia.tracing.study import TraceStudy

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "vision.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = re.findall(
    r"^    aetia ((?:trace|flow|pathways|mediation|map) .*--(?:scenes|image|contrasts) .*)$",
    PAGE + README,
    re.MULTILINE,
)


@cache
def toy() -> Network:
    return load("toy-llava", device="cpu")


def drawn(change, count):
    return find_set(f"scenes:{change}").draw(toy().tokenizer, count, seed=1, vision=toy().vision).items


def test_the_examples_print_what_the_page_says(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    sources, expected = (re.findall(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL) for kind in ("py", "text"))
    for source, printed in zip(sources, expected, strict=True):
        exec(compile(source, "vision.md", "exec"), names)
        assert capsys.readouterr().out == printed


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_is_one_that_the_shell_takes(line):
    name, *arguments = shlex.split(line, comments=True)
    verb = cli.get_command(None, name)
    assert verb is not None
    verb.make_context(name, arguments)  # raises where an option or an argument is none


def test_the_commands_are_found():
    assert len(COMMANDS) >= 9


def test_what_an_edit_changes_reaches_the_answer_from_one_token_through_one_read():
    items = drawn("shape", 12)
    study = TraceStudy(
        contrasts="scenes:shape",
        sites=("resid_post", "attn_out"),
        positions="spans",
        outcome="probability",
        null="none",
    )
    values = Trace().compute(study, toy(), items)(range(len(items)))
    rows = recovery(values).to_arrow().to_pylist()
    rates = {(row["component"], row["span"], row["layer"]): row["estimate"] for row in rows}
    last = len(toy().blocks) - 1
    assert all(rates["resid_post", "object", layer] > 0.9 for layer in range(last))
    assert rates["attn_out", "last", last] > 0.9
    for (component, span, layer), rate in rates.items():
        is_path = span in ("object", "image") or (span == "last" and layer == last)
        assert is_path or abs(rate) < 0.1, (component, span, layer, rate)


def test_cutting_the_read_of_the_object_where_it_is_bound_takes_the_answer_away():
    items = drawn("shape", 12)
    study = FlowStudy(contrasts="scenes:shape", edges=("object->last", "others->last", "question->last"), null="none")
    table = Flow().run_on(study, toy(), items).where(measure="probability", items="all").to_arrow().to_pylist()
    change = {(row["source"], row["layer"]): row["estimate"] for row in table if row["reader"] == "last"}
    last = len(toy().blocks) - 1
    assert change["object", last] < -0.3
    assert all(abs(value) < 0.1 for (source, layer), value in change.items() if source == "others" or layer == 1)


def test_the_last_layer_reads_the_edit_from_the_values_of_the_object_and_not_by_its_keys():
    items = drawn("shape", 12)
    shares = {}
    for receiver in ("L3.v@object", "L3.k@object", "L3.v@others"):
        senders = ("L3.resid_pre@object", "L0.resid_pre@object", "L0.resid_pre@others")
        study = TraceStudy(contrasts="own", method="path", senders=senders, receivers=(receiver,), null="none")
        effects = Trace().run_on(study, toy(), items)
        [whole] = effects.where(method="total").to_arrow()["estimate"].to_pylist()
        for row in effects.where(method="path").to_arrow().to_pylist():
            shares[receiver, row["layer"], row["span"]] = row["estimate"] / whole
    assert shares.pop(("L3.v@object", 3, "object")) > 0.7
    assert shares.pop(("L3.v@object", 0, "object")) > 0.5
    assert max(map(abs, shares.values())) < 0.02
