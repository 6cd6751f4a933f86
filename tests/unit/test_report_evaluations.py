"""Does an evaluation's page say what the run says, let nothing of a reply out, and stay small?"""

import json
import re

import pytest
from evals_runs import scripted_run

from aetia.evals.dialogue import Reply
from aetia.report import write_report

TASK, OTHER = "calm/ate-natural", "calm/bas-max"
HOSTILE = (
    "</script><script>window.broken = 1</script>",
    '<img src="http://127.0.0.1:9/x.png" onerror="window.broken = 1">',
    "</pre></details><h1 id=items>mine</h1>",
    "{{ 7 * 191 }} {% raw %} ${7 * 191}",
    "\u202eevil\u202c\u2066\u200b\x00\x1b[31m\x07\x85\ud800",
    "<" * 2000,
    "因果" * 2000,
    '"' * 500_000,
)


def page_of(run):
    return write_report(run).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    def script(item, turn):
        number = int(item.origin.seed[2:])
        return Reply("Yes" if (number + turn) % 3 else "I cannot say.")

    return scripted_run(
        tmp_path_factory.mktemp("run"), script, tasks=[TASK, OTHER], items=12, adaptations=["basic", "heart-oracle"]
    )


def test_the_page_says_the_run_s_figures_and_marks_who_knows_the_label(run):
    page = page_of(run)
    rows = {(row["task"], row["adaptation"], row["measure"]): row for row in run.effects().to_arrow().to_pylist()}
    for task in (TASK, OTHER):
        for way in ("basic", "heart-oracle"):
            assert f"{rows[task, way, 'accuracy']['estimate'] * 100:.0f}% <small>" in page
    assert page.count("<small>knows the label</small>") == 1
    assert "is not tested" in page
    assert page.count('<details class="more reply"') == 48
    assert "48 of 48 replies" in page


def test_the_headline_names_no_control(tmp_path):
    def script(item, _):
        return Reply(item.label.capitalize())

    asked = {"tasks": [TASK], "items": 30}
    page = page_of(scripted_run(tmp_path / "both", script, adaptations=["question-blind", "basic"], **asked))
    assert f"Furthest above chance is {TASK}, asked basic" in page
    assert "1 of 1 scores are above blind guessing" in page
    assert "1 of 1 scores of controls, which leave out what an answer needs, are above blind guessing" in page
    page = page_of(scripted_run(tmp_path / "control", script, adaptations=["question-blind"], **asked))
    assert "Furthest above chance" not in page
    assert "1 of 1 scores of controls" in page


def test_nothing_of_a_reply_gets_out(tmp_path):
    texts = iter(HOSTILE * 2)
    page = page_of(scripted_run(tmp_path / "run", lambda *_: Reply(next(texts)), tasks=[TASK], items=len(HOSTILE)))
    assert page.count("<script>") == page.count("</script>") == 1
    assert len(re.findall(r"<img\b", page)) == 0
    assert page.count("<h1") == 1
    assert "1337" not in page
    assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b\u202a-\u202e\u2066-\u2069\ud800]", page)
    assert "&lt;/script&gt;" in page
    assert len(page.encode()) < 1_000_000


@pytest.mark.parametrize("text", ["<" * 4500, "因果" * 2250, '"&' * 2250])
def test_a_page_of_long_replies_is_below_a_megabyte_and_shows_every_cell(tmp_path, text):
    asked = {"tasks": [TASK, OTHER], "items": 40, "adaptations": ["basic", "adversarial-doubt"]}
    page = page_of(scripted_run(tmp_path / "run", lambda *_: Reply(text), **asked))
    assert len(page.encode()) < 1_000_000
    shown = re.findall(r'data-task="([^"]*)" data-way="([^"]*)"', page)
    assert len(set(shown)) == 4
    assert 12 < len(shown) < 160


def test_long_names_of_files_have_their_scores_and_are_told_apart(tmp_path):
    names = []
    for ending in "ab":
        path = tmp_path / ("x" * 90) / f"{ending}.jsonl"
        path.parent.mkdir(exist_ok=True)
        row = {"task": "t", "context": ending, "question": "?", "form": "binary", "label": "yes"}
        path.write_text("".join(json.dumps({**row, "question": f"{n}?"}) + "\n" for n in range(4)))
        names.append(str(path))
    page = page_of(scripted_run(tmp_path / "run", lambda *_: Reply("Yes"), tasks=names))
    for ending in "ab":
        assert re.search(rf'<th scope="row">…x+/{ending}\.jsonl</th><td>50%</td><td class="\w+">100%', page)


def test_a_run_with_failed_replies_says_so(tmp_path):
    def script(item, _):
        return Reply("Yes") if item.task == TASK else Reply("", "error", error="<b>down</b>")

    page = page_of(scripted_run(tmp_path / "run", script, tasks=[TASK, OTHER], items=3))
    assert "This run is failed." in page
    assert "&lt;b&gt;down" in page
    assert "<b>down" not in page
