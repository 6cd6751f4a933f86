"""Do the logs for other tools say how a run was asked, and how sure its shares are?"""

import json
from statistics import stdev

import pytest
from evals_runs import scripted_run

from aetia.evals.dialogue import Reply
from aetia.evals.harness.exporting import export
from aetia.evals.harness.study import EvaluationStudy
from aetia.runs import execute

TASK = "calm/ate-natural"


def logged(run, folder):
    """The results of lm-evaluation-harness's log, and of inspect's, of a run of one task and way of asking."""
    export(run, "lm-eval", folder / "lm-eval")
    export(run, "inspect", folder / "inspect")
    [results] = (folder / "lm-eval").glob("results_*")
    [log] = (folder / "inspect").iterdir()
    return json.loads(results.read_text()), json.loads(log.read_text())["results"]["scores"][0]["metrics"]


def of_clusters(tmp_path, *clusters):
    """The run of a file with three items of each cluster, of which the first clusters are answered rightly."""
    path = tmp_path / "own.jsonl"
    row = {"task": "own", "context": "", "form": "binary", "label": "yes"}
    rows = [{**row, "question": f"{name}{n}?", "cluster": name} for name in clusters for n in range(3)]
    path.write_text("".join(json.dumps(one) + "\n" for one in rows))
    right = clusters[: len(clusters) // 2]
    said = {True: "Yes", False: "No"}
    return scripted_run(
        tmp_path / "run", lambda item, _: Reply(said[item.cluster in right]), tasks=[str(path)], items=99
    )


def test_the_error_is_that_of_clusters(tmp_path):
    results, metrics = logged(of_clusters(tmp_path, "a", "b", "c", "d"), tmp_path)
    wanted = stdev([1, 1, 0, 0]) / 4**0.5  # and not that of twelve items
    [told] = results["results"].values()
    assert told["acc_stderr,none"] == pytest.approx(wanted)
    assert metrics["stderr"] == {"name": "stderr", "value": pytest.approx(wanted), "params": {"cluster": "cluster"}}


def test_a_single_cluster_has_no_error(tmp_path):
    results, metrics = logged(of_clusters(tmp_path, "a"), tmp_path)
    [told] = results["results"].values()
    assert told["acc_stderr,none"] == "N/A"
    assert "stderr" not in metrics


@pytest.mark.parametrize(
    ("way", "shots"), [("basic", 0), ("one-shot-icl", 1), ("three-shot-icl", 3), ("manual-cot", 8)]
)
def test_examples_are_counted_as_shots(tmp_path, way, shots):
    study = EvaluationStudy(model="reference:engine", tasks=(TASK,), items=4, adaptations=(way,))
    results, _ = logged(execute(study, tmp_path / "run"), tmp_path)
    assert list(results["n-shot"].values()) == [shots]
    [config] = results["configs"].values()
    assert (config["output_type"], config["num_fewshot"]) == ("generate_until", shots)


def test_scored_labels_are_a_choice_among_them(tmp_path):
    study = EvaluationStudy(model="reference:engine", tasks=(TASK,), items=4, scored=True)
    results, _ = logged(execute(study, tmp_path / "run"), tmp_path)
    [config] = results["configs"].values()
    assert config["output_type"] == "multiple_choice"
    [samples] = (tmp_path / "lm-eval").glob("samples_*")
    for line in samples.read_text().splitlines():
        sample = json.loads(line)
        assert [one["arg_1"].strip() for one in sample["arguments"].values()] == ["Yes", "No"]
        assert sorted(score for [score] in sample["resps"]) == [-10.0, 0.0]
