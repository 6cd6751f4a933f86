"""Does the page over several evaluations rank them by what is sure?"""

import json

import pytest
from click.testing import CliRunner

from aetia.cli.evals import command
from aetia.errors import EvaluationError
from aetia.evals.harness.study import EvaluationStudy
from aetia.report.standings import standings, write_standings
from aetia.runs import execute

TASKS = ("axioms/transitivity-chain", "calm/ca-fp", "street-maths/units")


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    root = tmp_path_factory.mktemp("runs")

    def ran(name, tasks=TASKS):
        study = EvaluationStudy(model=f"reference:{name}", tasks=tasks, items=40)
        return execute(study, root / f"{name}-{len(tasks)}")

    return {
        "engine": ran("engine"),
        "random": ran("random"),
        "majority": ran("majority"),
        "other": ran("engine", TASKS[:1]),
    }


def test_the_engine_leads_and_guessers_are_not_told_apart(runs):
    cells, found = standings([runs["random"], runs["engine"], runs["majority"]])
    assert [task for task, _ in cells] == list(TASKS)
    assert found[0].name == "reference:engine"
    assert (found[0].mean, found[0].above) == (pytest.approx(1), 3)
    assert (found[0].better, found[0].worse) == (3, 0)
    assert found[0].low < found[0].high == 1.0  # nobody is more than all right
    assert found[1].low < 0 < found[1].high or found[1].mean < 0.2
    assert (found[1].better, found[1].worse) == (0, 0)
    assert (found[2].better, found[2].worse) == (None, None)


def test_only_what_all_were_asked_counts(runs):
    cells, found = standings([runs["other"], runs["random"]])
    assert cells == ((TASKS[0], "basic"),)
    assert {one.name for one in found} == {"reference:engine", "reference:random"}


def test_controls_and_ways_that_know_the_label_are_no_part_of_it(tmp_path):
    def ran(name, *ways):
        asked = EvaluationStudy(model=f"reference:{name}", tasks=TASKS[:2], items=20, adaptations=ways)
        return execute(asked, tmp_path / "-".join((name, *ways)))

    ways = ("basic", "question-blind", "heart-oracle")
    cells, found = standings([ran("engine", *ways), ran("random", *ways)])
    assert cells == tuple((task, "basic") for task in TASKS[:2])
    alone = standings([ran("engine", "basic"), ran("random", "basic")])[1]
    assert [(one.mean, one.low, one.better) for one in found] == [(one.mean, one.low, one.better) for one in alone]
    with pytest.raises(EvaluationError, match="AE-8701"):
        standings([ran("engine", "question-blind"), ran("random", "question-blind")])


def test_the_same_items_asked_twice_make_nothing_surer_and_the_level_is_the_runs(tmp_path):
    def standing(name, *ways, **fields):
        asked = EvaluationStudy(model="reference:random", tasks=TASKS[:2], items=40, adaptations=ways, **fields)
        run = execute(asked, tmp_path / name)
        return standings([run, run])[1][0]

    once = standing("once", "basic")
    twice = standing("twice", "basic", "zero-shot-icl")  # a guess does not depend on how it is asked
    assert (twice.mean, twice.low, twice.high) == pytest.approx((once.mean, once.low, once.high))
    loose = standing("loose", "basic", level=0.8)
    assert (once.level, loose.level) == (0.95, 0.8)
    assert loose.high - loose.low < 0.75 * (once.high - once.low)


def test_runs_without_anything_in_common_are_refused(runs, tmp_path):
    other = execute(EvaluationStudy(model="reference:random", tasks=("calm/ar",), items=5), tmp_path / "x")
    for group in ([runs["engine"]], [runs["engine"], other]):
        with pytest.raises(EvaluationError, match="AE-8701"):
            standings(group)


def test_the_page_names_every_model_and_stands_alone(runs, tmp_path):
    path = write_standings([runs["engine"], runs["random"]], tmp_path / "deep" / "standings.html")
    page = path.read_text("utf-8")
    for part in ("reference:engine", "reference:random", *TASKS, "Content-Security-Policy"):
        assert part in page
    assert "http" not in page.replace("http-equiv", "")


def test_the_shell_ranks_runs_and_writes_the_page(runs, tmp_path):
    page = tmp_path / "ranks.html"
    asked = [str(runs[name].directory) for name in ("random", "engine")]
    done = CliRunner().invoke(command, ["standings", *asked, "--page", str(page), "--json"])
    assert done.exit_code == 0, done.output
    first, second = (json.loads(line) for line in done.stdout.splitlines())
    assert (first["record"], first["model"], first["tasks"]) == ("standing", "reference:engine", 3)
    assert second["better"] is None
    assert "reference:random" in page.read_text("utf-8")
