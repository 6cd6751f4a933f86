"""Does calibration find what is wrong with an instrument, and say so?"""

import json
from itertools import product

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from aetia import catalogue
from aetia.calibration.certificate import Certificate, Figure, certificate_of, markdown, status
from aetia.calibration.instrument import Calibrate
from aetia.calibration.scores import auroc
from aetia.calibration.study import CalibrationStudy
from aetia.calibration.subjects import SUBJECTS, Subject, subjects_named
from aetia.calibration.trials import encoding, false_positive, interval_coverage, recovery
from aetia.cli.application import cli
from aetia.errors import StudyError
from aetia.runs import execute
from aetia.truth import truth_system

EXACT = True
PATCH = next(one for one in SUBJECTS if one.name == "trace:patch")


@given(st.lists(st.tuples(st.integers(0, 4), st.booleans()), min_size=2, max_size=12))
def test_auroc_is_the_share_of_pairs_in_the_right_order(rows):
    scores, truth = np.array([float(s) for s, _ in rows]), np.array([t for _, t in rows])
    if truth.all() or not truth.any():
        return
    pairs = list(product(scores[truth], scores[~truth]))
    expected = sum((a > b) + 0.5 * (a == b) for a, b in pairs) / len(pairs)
    assert auroc(scores, truth) == pytest.approx(expected)


def test_a_number_that_is_none_ranks_last():
    assert auroc(np.array([np.nan, 1.0]), np.array([True, False])) == 0.0


def figure(measure: str, estimate: float, low=None, high=None, system="all") -> Figure:
    return Figure(measure, system, estimate, low, high, 100)


def test_what_is_short_of_its_aims_says_so_and_estimates_are_not_held_to_those_of_interventions():
    good = Certificate(
        "trace:patch", EXACT, (figure("false positives", 0.04, 0.03, 0.06), figure("auroc of nodes", 1.0))
    )
    assert good.shortfalls() == []
    wide = Certificate("trace:zero", EXACT, (figure("false positives", 0.05, 0.02, 0.11),))
    assert "11.0%" in wide.shortfalls()[0]
    blind = (figure("false positives", 0.0, 0.0, 0.01), figure("auroc of nodes", 0.6))
    assert Certificate("trace:mean", EXACT, blind).shortfalls() == ["auroc of nodes 0.60"]
    assert Certificate("trace:attribution", not EXACT, blind).shortfalls() == []
    narrow = (figure("false positives", 0.0, 0.0, 0.01), figure("coverage", 0.9, 0.88, 0.92, "skewed"))
    assert "coverage 90.0% [88.0, 92.0%] (skewed)" in Certificate("trace:path", EXACT, narrow).shortfalls()
    assert Certificate("trace:path", EXACT, ()).shortfalls() == ["false positives not measured"]
    hidden = (figure("false positives", 0.04, 0.03, 0.06), figure("false positives", 0.2, 0.1, 0.3, "labels"))
    assert "on labels" in Certificate("trace:path", EXACT, hidden).shortfalls()[0]
    idle = (figure("false positives", 0.0, 0.0, 0.01), figure("recall", 0.1))
    assert Certificate("trace:path", EXACT, idle).shortfalls() == ["recall 0.10"]
    lines = status([good, wide])
    assert lines["trace"].startswith("calibrated: patch. Short: zero: false positives")
    assert "| trace:patch | 4.0% [3.0, 6.0%] | 1.00 | - | - |" in markdown([good])
    (other,) = subjects_named(("alignment",))
    sites = Certificate(other.name, EXACT, (figure("auroc of sites", 0.98, system="induction"),))
    assert "| AUROC on | induction |\n|---|---:|\n| alignment | 0.98 |" in markdown([sites])


def test_an_instrument_that_finds_causes_where_there_are_none_is_caught(monkeypatch):
    """A network that does its task, passed off as a null system, has to count as a false positive."""
    truth = truth_system("induction", 1)
    monkeypatch.setattr("aetia.calibration.trials.null_system", lambda *_: truth)
    assert false_positive(PATCH, "llama", 3)[2] == 1.0


def test_an_instrument_that_tests_nothing_is_not_counted_as_never_wrong():
    blind = Subject("trace:patch", {**PATCH.fields, "null": "none"}, PATCH.tested, "nodes")
    with pytest.raises(ValueError, match="tested nothing"):
        false_positive(blind, "llama", 0)


def test_patching_recovers_a_known_circuit_and_noising_misses_a_redundant_one():
    found = {measure: value for measure, _, value in recovery(PATCH, "dormant", 0)}
    assert found == {"refused": 0.0, "auroc of nodes": 1.0, "recall": 1.0, "false discoveries": 0.0}
    noising = next(one for one in SUBJECTS if one.name == "trace:patch-noise")
    ranked = [
        {measure: value for measure, _, value in recovery(one, "redundant", 0)}["auroc of nodes"]
        for one in (PATCH, noising)
    ]
    assert ranked[1] < ranked[0] == 1.0


@pytest.mark.slow
def test_an_alignment_finds_the_answer_where_the_logits_are_read_and_not_at_the_first_position():
    (alignment,) = subjects_named(("alignment",))
    found = {measure: value for measure, _, value in encoding(alignment, "induction", 0)}
    assert found == {"refused": 0.0, "auroc of sites": 1.0, "recall": 1.0, "false discoveries": 0.0}


@pytest.mark.slow
def test_intervals_cover_the_population_they_are_drawn_from():
    covered = [value for _, _, value in interval_coverage(PATCH, "symmetric", 0)]
    assert len(covered) == 50
    assert 0.86 <= np.mean(covered) <= 1.0  # 95% of 50, and three standard errors below


def test_every_subject_is_asked_where_nothing_is():
    """As often as can tell a rate of 5% from more: 100 trials at the least, 200 of all but the dearest."""
    for one in SUBJECTS:
        assert one.replicates >= (100 if one.name in ("circuit:acdc", "alignment", "map:unlearned") else 200), one.name


def test_subjects_are_named_by_instrument_or_by_way():
    assert subjects_named(("trace:patch",)) == (PATCH,)
    assert {one.name.partition(":")[0] for one in subjects_named(("trace",))} == {"trace"}
    assert subjects_named(()) == SUBJECTS
    with pytest.raises(StudyError, match="AE-1501"):
        subjects_named(("tracing",))
    assert len({one.name for one in SUBJECTS}) == len(SUBJECTS)


@pytest.mark.slow
def test_a_quick_calibration_runs_resumes_and_is_a_table(tmp_path, monkeypatch):
    few = Subject(PATCH.name, PATCH.fields, PATCH.tested, "nodes", replicates=40, null_systems=("llama",))
    monkeypatch.setattr("aetia.calibration.instrument.SUBJECTS", (few,))
    monkeypatch.setattr("aetia.calibration.subjects.SUBJECTS", (few,))
    study = CalibrationStudy(quick=True)
    plan = Calibrate().plan(study)
    assert plan == Calibrate().plan(study)
    run = execute(study, tmp_path / "run")
    (certificate,) = certificate_of([run.effects()])
    false, nodes = certificate.figure("false positives"), certificate.figure("auroc of nodes")
    assert false is not None
    assert nodes is not None
    assert (false.n, nodes.estimate) == (2, 1.0)
    result = CliRunner().invoke(cli, ["calibrate", "--quick", "--out", str(tmp_path / "run"), "--json"])
    assert json.loads(result.stdout.splitlines()[-1])["subject"] == "trace:patch"


def test_the_catalogue_says_what_is_uncalibrated(monkeypatch):
    monkeypatch.setattr(catalogue, "_statuses", lambda: {"trace": "calibrated: patch"})
    assert {entry.name: entry.calibration for entry in catalogue.instruments()}["trace"] == "calibrated: patch"
    assert catalogue.find("calibrate").calibration == "uncalibrated"
