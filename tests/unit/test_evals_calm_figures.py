"""Are CaLM's figures of runs those that its rules give by hand, and is what it has not left out and told of?"""

import sys

import numpy as np
import pytest
from evals_runs import scripted_run

from aetia.errors import EvaluationError
from aetia.evals.dialogue import Message, Reply, Request
from aetia.evals.harness.asking import Asked
from aetia.evals.harness.calm import calm_figures
from aetia.evals.harness.replies import _table
from aetia.evals.harness.scored import scored
from aetia.evals.item import Item
from aetia.report import write_report
from aetia.runs import open_run

TASK = "calm/correlation"


def item(number, label="yes", task=TASK):
    return Item(task, f"Number {number}.", "Is it so?", "binary", label)


def turn(text, **fields):
    return Request((Message("user", "?"),)), Reply(text, tokens=1, **fields)


def replies(rows, way="basic"):
    """The scored replies to items: of each the texts of its turns, the last of which is read."""
    asked = [Asked(one, tuple(map(turn, texts)), texts[-1]) for one, texts in rows]
    return scored(_table(rows[0][0].task, [way] * len(asked), asked))


def joined(*tables):
    import pyarrow as pa

    return pa.concat_tables(tables)


def answers(*texts, labels="yes yes yes no", way="basic", task=TASK):
    items = [item(number, label, task) for number, label in enumerate(labels.split())]
    return replies([(one, text.split("|")) for one, text in zip(items, texts, strict=True)], way)


def test_a_cell_has_calms_accuracy_and_its_errors():
    [cell] = calm_figures({"a": answers("Yes.", "no", "", "perhaps 是")}).cells
    assert (cell.model, cell.task, cell.adaptation, cell.replies) == ("a", TASK, "basic", 4)
    assert cell.accuracy == 0.25
    assert cell.errors is not None
    assert (cell.errors.same, cell.errors.empty, cell.errors.language, cell.errors.malformed) == ("", 0.25, 0.25, 0.5)
    assert cell.robustness is None
    [cell] = calm_figures({"a": answers("Yes", "yes", "Yes.", "Yes it is")}).cells
    assert cell.errors is not None
    assert (cell.accuracy, cell.errors.same) == (0.75, "All Yes")


def test_robustness_counts_answers_that_stay_in_conversations_of_two_turns():
    said = answers("Yes|Yes", "Yes|No", "no|no", "Yes", way="adversarial-doubt")
    [cell] = calm_figures({"a": said}).cells
    assert cell.robustness == pytest.approx(2 / 3)
    assert cell.accuracy == 0.25  # the last replies: yes, no, no, yes


def test_of_both_forms_of_a_second_turn_the_one_of_calms_scripts_counts():
    flat = answers("yes|no", "yes|no", "yes|no", "no|no", way="adversarial-doubt-flat")
    dialogue = answers("yes|yes", "yes|yes", "yes|yes", "no|no", way="adversarial-doubt")
    found = calm_figures({"a": joined(flat, dialogue), "b": joined(flat, dialogue)})
    assert {(cell.adaptation, cell.robustness, cell.accuracy) for cell in found.cells} == {
        ("adversarial-doubt-flat", 0.25, 0.25),
        ("adversarial-doubt", 1.0, 1.0),
    }
    assert list(found.tasks[0].adaptations) == ["adversarial-doubt-flat"]
    [note] = found.notes
    assert "CaLM's figures are of the latter" in note
    [note] = calm_figures({"a": dialogue}).notes
    assert "adversarial-doubt is a dialogue here" in note
    assert calm_figures({"a": flat}).notes == ()


def test_metrics_of_a_task_are_over_models_and_the_ways_that_all_were_asked():
    def model(basic, icl):
        return joined(answers(*basic.split()), answers(*icl.split(), way="zero-shot-icl"))

    one, two = model("yes yes yes no", "yes yes no no"), model("no no no no", "yes yes no no")
    found = calm_figures({"one": one, "two": two})
    [task] = found.tasks
    percent = np.array([[100.0, 75.0], [25.0, 75.0]])
    assert list(task.models) == ["one", "two"]
    assert list(task.models.values()) == pytest.approx(percent.std(axis=1, ddof=1))
    assert list(task.adaptations) == ["basic", "zero-shot-icl"]
    assert list(task.adaptations.values()) == pytest.approx(percent.std(axis=0, ddof=1))
    assert (task.metrics.median, task.metrics.largest, task.metrics.largest_mean) == (75.0, 100.0, 87.5)
    assert task.metrics.solvability == "solvable"  # by 100, 87.5 and 50
    assert not task.has_gap
    paper = calm_figures({"one": one, "two": two}, "paper").tasks[0]
    assert list(paper.models.values()) == pytest.approx(percent.std(axis=1))
    assert list(paper.adaptations.values()) == pytest.approx([0.0, (percent[:, 1] - percent[:, 0]).std()])
    # A way that one model was not asked is in no grid; alone, a model has no volatility over prompts.
    [task] = calm_figures({"one": one, "two": answers(*["yes"] * 4)}).tasks
    assert (task.models, list(task.adaptations)) == ({}, ["basic"])
    assert calm_figures({"one": one}).tasks[0].adaptations == {}


@pytest.mark.parametrize(
    ("task", "form", "label", "asked", "said", "right", "malformed"),
    [
        ("calm/ate-natural", "binary", "yes", 'JSON: {"ANSWER": "Yes"}', '{"ANSWER": "Yes"}', 1.0, 0.0),
        ("calm/ate-natural", "binary", "yes", 'JSON: {"ANSWER": "Yes"}', "Yes", 0.0, 1.0),
        ("calm/ate-natural", "binary", "yes", "Yes or no?", "Yes", None, None),
        # The number is read, and CaLM's form, which has an answer before it, was not asked for.
        ("calm/ate-basic", "number", "0.2500", 'JSON: {"PROB": "0.1"}', '{"PROB": "0.25"}', 1.0, None),
        ("calm/ate-basic", "number", "0.2500", "A number?", "0.25", None, None),
        ("calm/pn-basic", "number", "0.2500", 'JSON: {"PROB": "0.1"}', "0.25", 0.0, 1.0),
    ],
)
def test_no_object_is_missed_that_a_prompt_did_not_ask_for(task, form, label, asked, said, right, malformed):
    one = Item(task, "", "?", form, label)
    talk = ((Request((Message("user", asked),)), Reply(said, tokens=1)),)
    table = scored(_table(task, ["basic"], [Asked(one, talk, said)]))
    assert ("malformed" in table["errors"][0].as_py()) is (malformed == 1.0)
    found = calm_figures({"a": table})
    if right is None:
        assert found.cells == ()
        assert "which these prompts did not ask for" in found.notes[0]
        return
    [cell] = found.cells
    assert cell.errors is not None
    assert (cell.accuracy, cell.errors.malformed if cell.is_form_asked else None) == (right, malformed)


def test_the_gap_is_counted_of_five_models():
    said = answers(*["yes"] * 4)
    for count, has_gap in ((4, False), (5, True)):
        [task] = calm_figures({f"m{number}": said for number in range(count)}).tasks
        assert task.has_gap is has_gap


def test_what_calm_has_not_is_counted_and_scored_labels_are_told_of():
    other = answers(*["yes"] * 4, task="axioms/d-separation")
    json_way = answers(*["yes"] * 4, way="json")
    request = Request((Message("user", "?"),), continuations=("yes", "no"))
    asked = [Asked(item(0), ((request, Reply("yes", scores=(-0.1, -2.0), lengths=(1, 1))),), "yes")]
    labels = scored(_table(TASK, ["zero-shot-icl"] * len(asked), asked))
    found = calm_figures({"a": joined(other, json_way, labels)})
    assert (found.cells, found.tasks, found.others) == ((), (), 2)
    [note] = found.notes
    assert note.startswith(f"{TASK}, zero-shot-icl: Labels were scored")
    assert note.endswith("without --scored.")


def test_chinese_explanations_without_jieba_say_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "jieba", None)
    one = Item("calm/ceg", "", "Why?", "text", "It was hot.")
    found = calm_figures({"a": joined(replies([(one, ["因为很热"])]), answers(*["yes"] * 4))})
    assert [cell.task for cell in found.cells] == [TASK]
    [note] = found.notes
    assert note.endswith("python -m pip install jieba")
    assert "\n" not in note


def test_the_page_of_a_run_has_calms_figures_if_it_asked_what_calm_asks(tmp_path):
    run = scripted_run(tmp_path / "calm", lambda *_: Reply("Yes"), tasks=[TASK], items=4, adaptations=["basic", "cot"])
    page = write_report(run).read_text(encoding="utf-8")
    assert '<h2 id="calm">By CaLM\'s own rules</h2>' in page
    assert "<td>All Yes</td>" in page
    run = scripted_run(tmp_path / "other", lambda *_: Reply("Yes"), tasks=["axioms/d-separation"], items=4)
    assert 'id="calm"' not in write_report(run).read_text(encoding="utf-8")


def test_the_shell_shows_them_and_says_where_there_are_none(tmp_path):
    from aetia.cli.evals_calm import show_calm
    from aetia.cli.voice import Voice

    run = scripted_run(tmp_path / "other", lambda *_: Reply("Yes"), tasks=["axioms/d-separation"], items=4)
    with pytest.raises(EvaluationError) as caught:
        show_calm(Voice(as_json=False), [open_run(run.directory)], "code")
    assert caught.value.code == "AE-8508"
