"""A program computes what its definition says, patched or not, and reads as Python that computes the same."""

import subprocess
import sys

import numpy as np
import pytest

from aetia.errors import StudyError
from aetia.truth.program import (
    NOTHING,
    POSITION,
    TOKEN,
    Head,
    Layer,
    Lookup,
    Patch,
    Program,
    Reading,
    matching,
    run,
    tabulate,
    weighing,
)
from aetia.truth.source import to_python
from aetia.truth.tasks import TASKS

WORDS = ("<s>", "a", "b", "c")
SAME = matching(4, 4, lambda query, key: query == key)
BEFORE = Head("before", POSITION, POSITION, TOKEN, matching(6, 6, lambda query, key: key == query - 1))


def copying() -> Program:
    copy = Head("copy", TOKEN, "before", TOKEN, SAME)
    return Program(
        WORDS, 6, (Layer((None, BEFORE)), Layer((copy,))), (Reading("copy", weighing(4, 4, lambda v, t: v == t)),)
    )


def test_an_induction_program_worked_by_hand():
    program = copying()
    trace = run(program, program.token_ids("<s> a b c a".split()))
    assert trace.values["before"].tolist() == [0, 0, 1, 2, 3]
    assert trace.attended["copy"].tolist() == [0, 0, 0, 0, 2]
    assert trace.values["copy"].tolist() == [0, 0, 0, 0, 2]
    assert trace.logits[-1].tolist() == [0, 0, 1, 0]


def test_a_patch_of_what_a_part_writes_reaches_all_readers_and_an_edge_one():
    program = copying()
    tokens = program.token_ids("<s> a b c a".split())
    moved = run(program, tokens, [Patch("before", 2, 2), Patch("before", 3, 1)])
    assert moved.values["copy"][-1] == 3, "b no longer follows a, but c does"
    assert moved.values["before"].tolist() == [0, 0, 2, 1, 3]
    asked = run(program, tokens, [Patch(TOKEN, 4, 2, "L1.h0.q")])
    assert asked.values["copy"][-1] == 3, "the query alone asks what follows b"
    assert asked.values[TOKEN].tolist() == list(tokens)
    assert run(program, tokens, [Patch("before", 2, NOTHING)]).values["copy"][-1] == 0


@pytest.mark.parametrize(("choose", "found"), [("nearest", 3), ("first", 1), ("count", 2)])
def test_a_head_reads_the_last_or_the_first_match_or_counts_them(choose, found):
    head = Head("found", TOKEN, TOKEN, POSITION, matching(4, 4, lambda _, key: key == 1), choose)
    lookup = Lookup("seen", ("found",), 6, tabulate((6,), lambda value: value))
    program = Program(WORDS, 6, (Layer((head,), (lookup,)),), ())
    assert run(program, (0, 1, 2, 1, 3)).values["seen"][-1] == found
    assert run(program, (0, 2, 2, 2, 3)).values["seen"][-1] == 0, "BOS, or none"
    assert run(program, (0, 1, 2, 1, 3), [Patch("found", 4, NOTHING)]).values["seen"][-1] == NOTHING


def test_edges_are_what_is_read_and_nothing_else():
    assert set(copying().edges) == {
        ("embed", "L0.h1.q"), ("embed", "L0.h1.k"), ("embed", "L0.h1.v"),
        ("embed", "L1.h0.q"), ("L0.h1", "L1.h0.k"), ("embed", "L1.h0.v"), ("L1.h0", "logits"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("layers", "what"),
    [
        ((Layer((Head("copy", TOKEN, "before", TOKEN, SAME),)),), "before anything writes it"),
        ((Layer((BEFORE,)), Layer((BEFORE,))), "written twice"),
        ((Layer((Head("copy", TOKEN, TOKEN, TOKEN, SAME[:3]),)),), "not 4 x 4"),
        ((Layer((Head("copy", TOKEN, TOKEN, TOKEN, SAME, "last"),)),), "chooses 'last'"),
        ((Layer((), (Lookup("one", (TOKEN,), 2, (0, 1, 2, 0)),)),), "4 values from 0 to 1"),
        (
            (
                Layer((Head("many", TOKEN, TOKEN, TOKEN, SAME, "count"),)),
                Layer((), (Lookup("two", ("many", TOKEN), 2, (0,) * 24),)),
            ),
            "reads the count 'many'",
        ),
    ],
)
def test_what_is_no_program_is_refused_with_the_part_named(layers, what):
    with pytest.raises(StudyError, match=what) as caught:
        Program(WORDS, 6, layers, ())
    assert caught.value.code == "AE-1701"


@pytest.mark.parametrize("tokens", [(), (0, 1, 1, 1, 1, 1, 1), (1, 2), (0, 1, 0), (0, 4)])
def test_a_prompt_that_the_program_cannot_read_is_refused(tokens):
    with pytest.raises(StudyError) as caught:
        run(copying(), tokens)
    assert caught.value.code == "AE-1702"
    with pytest.raises(StudyError, match="no token 'x'"):
        copying().token_ids(["x"])


@pytest.mark.parametrize("name", TASKS)
def test_the_python_of_a_program_gives_its_logits(name):
    random = np.random.default_rng(5)
    program = TASKS[name].build(random)
    scope: dict = {}
    exec(to_python(program), scope)
    for _ in range(5):
        tokens = (0, *random.integers(1, len(program.vocabulary), size=program.length - 1).tolist())
        found = scope["program"]([program.vocabulary[token] for token in tokens])
        rows = [[row[word] for word in program.vocabulary] for row in found]
        assert np.abs(np.array(rows) - run(program, tokens).logits).max() < 1e-12


def test_programs_their_causes_and_their_source_need_no_torch():
    code = "import sys, aetia.truth.causes, aetia.truth.source, aetia.truth.tasks; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
