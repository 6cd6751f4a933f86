"""Does an evaluation come to the numbers that its replies say, and does it refuse what it cannot ask?"""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from scipy.stats import binom

from aetia.errors import AetiaError, EvaluationError, RunError
from aetia.evals.answerers.cache import ReplyCache, cached
from aetia.evals.dialogue import Message, Reply, Request
from aetia.evals.harness import batches, instrument
from aetia.evals.harness.answering import settle
from aetia.evals.harness.asking import Asked
from aetia.evals.harness.comparing import compared
from aetia.evals.harness.forecast import forecast
from aetia.evals.harness.items import chosen_items
from aetia.evals.harness.replies import _table
from aetia.evals.harness.replies import replies as replies_of
from aetia.evals.harness.rescoring import score_again
from aetia.evals.harness.scored import REPLIES, scored
from aetia.evals.harness.study import EvaluationStudy
from aetia.evals.harness.summary import summary
from aetia.evals.item import Item
from aetia.evals.task import task_named
from aetia.evals.task import tasks as all_tasks
from aetia.runs import execute, key_of, open_run, resume

BINARY, CHOICE, NUMBER = "calm/ate-natural", "calm/bas-max", "calm/ate-basic"


def study(**fields):
    return EvaluationStudy.model_validate({"model": "reference:random", "tasks": (BINARY,), "items": 20, **fields})


def figures(run):
    return {(row["task"], row["adaptation"], row["measure"]): row for row in run.effects().to_arrow().to_pylist()}


def wilson(share, count, z=1.959963984540054):
    middle, half = share + z * z / (2 * count), z * math.sqrt(share * (1 - share) / count + (z / (2 * count)) ** 2)
    return (middle - half) / (1 + z * z / count), (middle + half) / (1 + z * z / count)


@dataclass
class Scripted:
    """Says of each item what the script says of it and of the turn, from 0."""

    script: Callable[[Item, int], Reply]
    items: dict[str, Item]
    identity: dict[str, str] = field(default_factory=lambda: {"kind": "scripted"})
    is_deterministic: bool = True
    asked: int = 0

    def answer(self, requests):
        for place, request in enumerate(requests):
            self.asked += 1
            yield place, self.script(self.items[request.subject], len(request.messages) // 2)


@pytest.fixture
def scripted(monkeypatch, tmp_path):
    """Runs a study whose answerer follows a script."""

    def ran(script, name="run", **fields):
        asked = study(**fields)
        items = {item.id: item for task in asked.tasks for item in chosen_items(asked, task).items}
        answerer = Scripted(script, items)
        monkeypatch.setattr(instrument, "answerer_of", lambda _: answerer)
        return execute(asked, tmp_path / name)

    return ran


def words(item):
    return {"yes": "Yes", "no": "No"}.get(item.label, item.label)


def wrong(item):
    return {"yes": "No", "no": "Yes"}.get(item.label, "1" if item.label != "1" else "2")


def replies(rows, way="basic"):
    """The values of a run: one reply for each item and text."""
    asked = [Asked(item, ((Request((Message("user", "?"),)), Reply(text, tokens=1)),), text) for item, text in rows]
    return _table(rows[0][0].task, [way] * len(asked), asked)


def yes_no(number, label="yes", **fields):
    return Item("own/t", f"Number {number}.", "Is it so?", "binary", label, **fields)


def measured(table, **fields):
    effects = summary(scored(table), study(**fields)).to_arrow().to_pylist()
    return {row["measure"]: row for row in effects}


# --- references


def test_the_engine_is_always_right_and_guessing_is_not(tmp_path):
    tasks = (BINARY, CHOICE, NUMBER)
    right = figures(execute(study(model="reference:engine", tasks=tasks), tmp_path / "engine"))
    assert [right[task, "basic", "accuracy"]["estimate"] for task in tasks] == [1.0] * 3
    guessed = figures(execute(study(tasks=(BINARY, CHOICE), items=500), tmp_path / "random"))
    for task, chance in ((BINARY, 1 / 2), (CHOICE, 1 / 3)):
        row = guessed[task, "basic", "accuracy"]
        assert row["low"] < chance < row["high"]
        assert row["null"] == f"chance:{chance:.4g}"
        assert row["q"] > 0.05


def test_the_majority_answers_one_label_and_knows_its_share(tmp_path):
    asked = study(model="reference:majority", items=30)
    found = figures(execute(asked, tmp_path / "run"))[BINARY, "basic", "accuracy"]
    labels = [item.label for item in chosen_items(asked, BINARY).items]
    assert found["estimate"] == max(labels.count("yes"), labels.count("no")) / 30


def test_references_score_labels_as_they_say_them(tmp_path):
    for name in ("engine", "random"):
        asked = {"model": f"reference:{name}", "tasks": (BINARY, CHOICE)}
        said, chosen = (
            figures(execute(study(**asked, scored=is_scored), tmp_path / f"{name}-{is_scored}"))
            for is_scored in (False, True)
        )
        for task in (BINARY, CHOICE):
            key = (task, "basic", "accuracy")
            assert said[key] == chosen[key]


def test_what_a_reference_cannot_answer_is_said_before_anything_is_asked(tmp_path):
    path = tmp_path / "own.jsonl"
    path.write_text(json.dumps({"task": "own/t", "context": "", "question": "?", "form": "text", "label": "a"}))
    for name, code in (("engine", "AE-8431"), ("constant", "AE-8432")):
        with pytest.raises(EvaluationError) as caught:
            execute(study(model=f"reference:{name}", tasks=(str(path),)), tmp_path / name)
        assert caught.value.code == code
        assert not (tmp_path / name / "values").exists()


# --- the numbers


def test_accuracy_has_wilsons_interval_and_the_binomial_p(scripted):
    run = scripted(lambda item, _: Reply(words(item) if int(item.origin.seed[2:]) < 14 else wrong(item)))
    row = figures(run)[BINARY, "basic", "accuracy"]
    assert row["estimate"] == 0.7
    assert (row["low"], row["high"]) == pytest.approx(wilson(0.7, 20))
    assert row["p"] == row["q"] == pytest.approx(binom.sf(13, 20, 0.5))
    above = figures(run)[BINARY, "basic", "above chance"]
    assert (above["estimate"], above["low"]) == pytest.approx((0.4, 2 * wilson(0.7, 20)[0] - 1))


def test_holm_corrects_for_every_cell_and_the_level_is_the_studys(scripted):
    def script(item, turn):
        return Reply(words(item) if item.task == BINARY or int(item.origin.seed[2:]) < 12 else wrong(item))

    run = scripted(script, tasks=(BINARY, CHOICE), adaptations=("basic", "explicit-function"), level=0.9)
    rows = [row for (_, _, measure), row in figures(run).items() if measure == "accuracy"]
    p = sorted(row["p"] for row in rows)
    adjusted, most = [], 0.0
    for place, one in enumerate(p):
        most = max(most, min(1.0, one * (4 - place)))
        adjusted.append(most)
    assert sorted(row["q"] for row in rows) == pytest.approx(adjusted)
    share = next(row for row in rows if row["task"] == CHOICE)
    assert (share["low"], share["high"]) == pytest.approx(wilson(0.6, 20, 1.6448536269514722))


def test_items_of_one_cluster_count_as_fewer():
    alone = [(yes_no(n), "Yes" if n < 30 else "No") for n in range(40)]
    together = [(yes_no(n, cluster=f"c{n // 4}"), "Yes" if n < 30 else "No") for n in range(40)]
    one = [(yes_no(n, cluster="c"), "Yes" if n < 30 else "No") for n in range(40)]
    plain, wide, single = (measured(replies(rows))["accuracy"] for rows in (alone, together, one))
    assert plain["estimate"] == wide["estimate"] == single["estimate"] == 0.75
    assert (plain["low"], plain["high"]) == pytest.approx(wilson(0.75, 40))
    assert wide["high"] - wide["low"] > 1.5 * (plain["high"] - plain["low"])
    assert plain["p"] < 0.01 < wide["p"] < single["p"]
    assert (single["low"], single["high"]) == (None, None)


def test_no_answer_is_wrong_and_named():
    rows = [(yes_no(0), "Yes"), (yes_no(1), "I like trains."), (yes_no(2), ""), (yes_no(3), "Yes and no.")]
    found = measured(replies(rows))
    assert found["accuracy"]["estimate"] == 0.25
    assert found["no answer"]["estimate"] == 0.5
    assert found["empty"]["estimate"] == 0.25
    assert found["several answers"]["estimate"] == 0.25
    assert scored(replies(rows))["answer"].to_pylist() == ["yes", None, None, None]


def test_labels_that_differ_in_number_give_the_mean_chance():
    two = Item("own/t", "", "Which?", "choice", "1", options=("a", "b"))
    four = Item("own/t", "", "Which one?", "choice", "1", options=("a", "b", "c", "d"))
    found = measured(replies([(two, "1"), (four, "1")]))["accuracy"]
    assert found["null"] == "chance:0.375"
    assert found["p"] == pytest.approx(0.375**2)


def open_item(number, label, form="number", **fields):
    return Item("own/t", f"Number {number}.", "How many?", form, label, **fields)


def test_chance_of_numbers_is_what_the_best_constant_answer_gets():
    labels = ["0", "0.0000", "-0", "3", "1.5", "7", "8", "9", "1.50001", "11"]
    items = [open_item(number, label) for number, label in enumerate(labels)]
    said = ["0", "0", "0", "3", "1.5", "no", "no", "no", "no", "no"]
    found = measured(replies(list(zip(items, said, strict=True))))
    assert found["accuracy"]["estimate"] == 0.5
    assert found["accuracy"]["null"] == "chance:0.3"
    assert found["accuracy"]["p"] == pytest.approx(binom.sf(4, 10, 0.3))
    assert found["above chance"]["estimate"] == pytest.approx((0.5 - 0.3) / 0.7)


def test_chance_of_texts_counts_every_accepted_answer():
    items = [
        open_item(1, "The dog", "text"),
        open_item(2, "cat", "text", accepted=("a DOG",)),
        open_item(3, "x", "text"),
    ]
    found = measured(replies([(item, "who knows") for item in items]))
    assert found["accuracy"]["null"] == "chance:0.6667"


def test_labels_that_never_come_again_cannot_be_guessed():
    alone = [open_item(number, str(number)) for number in range(8)]
    of_one_cluster = [open_item(number, "5", cluster="c") for number in range(8, 11)]
    for items in (alone, of_one_cluster):
        found = measured(replies([(item, f"The answer is {item.label}.") for item in items]))
        assert found["accuracy"]["p"] is None
        assert "above chance" not in found


@pytest.mark.parametrize("name", ["calm/ate-basic", "calm/nie-hard", "calm/pn-basic", "calm/ps-hard"])
def test_tasks_of_numbers_declare_what_a_constant_gets(tmp_path, name):
    asked = study(model="reference:majority", tasks=(name,), items=400)
    row = figures(execute(asked, tmp_path / "run"))[name, "basic", "accuracy"]
    # The majority is the best constant: it is at its own chance, and that is near what the task declares.
    assert row["null"] == f"chance:{row['estimate']:.4g}"
    assert row["p"] > 0.4
    assert abs(row["estimate"] - task_named(name).chance) < 0.07


def test_an_orbit_counts_when_all_of_it_is_right_and_rewordings_when_they_agree():
    def member(number, variant, label="yes"):
        return Item("own/t", f"{number} {variant}", "?", "binary", label, cluster=f"{number}", orbit=f"{number}",
                    variant=variant)  # fmt: skip

    rows = [(member(0, "base"), "Yes"), (member(0, "names=random"), "Yes"), (member(0, "see", "no"), "No")]
    rows += [(member(1, "base"), "Yes"), (member(1, "names=random"), "No"), (member(1, "see", "no"), "No")]
    rows += [(member(2, "base"), "No"), (member(2, "names=random"), "No"), (member(2, "see", "no"), "No")]
    found = measured(replies(rows))
    assert (found["orbit consistency"]["estimate"], found["orbit consistency"]["n"]) == (pytest.approx(1 / 3), 3)
    assert found["same answer to rewordings"]["estimate"] == pytest.approx(2 / 3)
    assert found["accuracy"]["estimate"] == pytest.approx(6 / 9)


def test_orbits_of_a_task_with_ordered_options_are_asked_whole(scripted):
    run = scripted(lambda item, _: Reply(words(item)), tasks=(CHOICE,), orbits=True, items=5)
    assert figures(run)[CHOICE, "basic", "orbit consistency"]["estimate"] == 1.0
    assert figures(run)[CHOICE, "basic", "orbit consistency"]["n"] == 5
    assert {"base", "order", "language=zh"} <= set(scored(run.values())["variant"].to_pylist())


def test_robustness_is_the_share_of_answers_that_a_doubt_leaves(scripted):
    def script(item, turn):
        is_kept = int(item.origin.seed[2:]) < 15
        return Reply(words(item) if turn == 0 or is_kept else wrong(item))

    found = figures(scripted(script, adaptations=("adversarial-doubt", "basic")))
    assert found[BINARY, "adversarial-doubt", "robustness"]["estimate"] == 0.75
    assert found[BINARY, "adversarial-doubt", "accuracy"]["estimate"] == 0.75
    assert (BINARY, "basic", "robustness") not in found


def test_scored_labels_have_a_calibration(scripted):
    def script(item, _):
        scores = tuple(math.log(0.8) if label == item.label else math.log(0.2) for label in item.labels)
        if int(item.origin.seed[2:]) >= 16:
            scores = scores[::-1]
        place = max(range(2), key=scores.__getitem__)
        return Reply(("Yes", "No")[place], scores=scores, lengths=(1, 1))

    found = figures(scripted(script, scored=True))
    assert found[BINARY, "basic", "accuracy"]["estimate"] == 0.8
    assert found[BINARY, "basic", "calibration error"]["estimate"] == pytest.approx(0.0, abs=1e-9)
    assert found[BINARY, "basic", "Brier score"]["estimate"] == pytest.approx(0.8 * 0.08 + 0.2 * 1.28)


def test_a_scored_label_is_known_by_its_place_and_not_by_its_text():
    item = Item("own/t", "", "How many?", "choice", "2", options=("2", "1", "7"))
    request = Request((Message("user", "?"),), continuations=("1", "2", "3"))
    asked = Asked(item, ((request, Reply("2", scores=(-2.0, -0.1, -3.0), lengths=(1, 1, 1))),), "2")
    [row] = scored(_table("own/t", ["basic"], [asked])).to_pylist()
    assert (row["answer"], row["right"], row["errors"]) == ("2", 1.0, [])


def test_a_refused_request_is_told_and_a_way_that_knows_the_label_is_not_tested(scripted):
    def script(item, turn):
        if int(item.origin.seed[2:]) == 0:
            return Reply("", "refused", error="The prompt is too long.")
        return Reply(words(item) if turn == 1 else wrong(item))

    run = scripted(script, adaptations=("heart-oracle", "basic"))
    found = figures(run)
    oracle = found[BINARY, "heart-oracle", "accuracy"]
    assert (oracle["estimate"], oracle["p"], oracle["null"]) == (0.95, None, None)
    assert (BINARY, "heart-oracle", "above chance") not in found
    assert found[BINARY, "basic", "accuracy"]["p"] == found[BINARY, "basic", "accuracy"]["q"]
    assert found[BINARY, "basic", "refused"]["estimate"] == 0.05
    assert set(scored(run.values())["refusal"].to_pylist()) == {"", "The prompt is too long."}


def test_twenty_answers_in_a_table_have_the_columns_that_are_promised():
    assert scored(replies([(yes_no(n), "Yes") for n in range(20)])).schema == REPLIES


# --- replies that are hostile, and replies that fail


def test_a_hostile_reply_is_kept_and_read(scripted):
    hostile = "\ud800 </script>\0\u202e" + "x" * 1_000_000 + "\nAnswer: "
    run = scripted(lambda item, _: Reply(f"{hostile}{words(item)}"), items=2)
    assert figures(run)[BINARY, "basic", "accuracy"]["estimate"] == 1.0
    assert run.values()["text"][0].as_py().startswith("? </script>\0")


def test_a_reply_that_fails_fails_its_batch_and_is_asked_again(scripted, monkeypatch):
    down = [True]

    def script(item, _):
        is_down = down[0] and item.task == CHOICE
        return Reply("", "error", error="it is down") if is_down else Reply(words(item))

    run = scripted(script, tasks=(BINARY, CHOICE))
    assert run.status == "failed"
    assert "20 of 20 replies failed; the first: it is down" in run.manifest.failed[0].error
    assert {key[0] for key in figures(run)} == {BINARY}
    down[0] = False
    again = resume(run.directory)
    assert again.status == "complete"
    assert figures(again)[CHOICE, "basic", "accuracy"]["estimate"] == 1.0


@pytest.mark.parametrize("fault", ["an answerer's", "a table's", "an item's"])
def test_a_fault_fails_its_batch_and_no_other_of_those_that_are_asked_together(monkeypatch, fault):
    asked = study(tasks=(BINARY, CHOICE, "calm/iv"))
    items = {item.id: item for task in asked.tasks for item in chosen_items(asked, task).items}

    def script(item, _):
        if item.task == CHOICE and fault == "an answerer's":
            raise ZeroDivisionError
        return Reply(words(item), prompt_tokens=2**80 if item.task == CHOICE and fault == "a table's" else 1)

    def pairs(study, batch):
        if batch.payload["task"] == CHOICE and fault == "an item's":
            raise OSError
        return batches.pairs_of(study, batch)

    monkeypatch.setattr("aetia.evals.harness.replies.pairs_of", pairs)
    planned = instrument.Evaluate().plan(asked).batches
    outcomes = replies_of(asked, Scripted(script, items), planned)
    found = {batch.payload["task"]: outcome for batch, outcome in outcomes}
    whole = {task: set(table["task"].to_pylist()) for task, table in found.items() if not isinstance(table, Exception)}
    assert whole == {BINARY: {BINARY}, "calm/iv": {"calm/iv"}}
    assert isinstance(found[CHOICE], (ZeroDivisionError, OSError, OverflowError))


def test_a_run_whose_table_cannot_be_made_has_failed(scripted):
    run = scripted(
        lambda item, _: Reply(words(item), prompt_tokens=2**80 if item.task == CHOICE else 1), tasks=(BINARY, CHOICE)
    )
    assert run.status == "failed"
    assert [failed.error.split(":")[0] for failed in run.manifest.failed] == ["OverflowError"]


def test_a_scored_labels_reply_is_allowed_a_token():
    asked = study(model="http://127.0.0.1:9/v1#m", items=30, tokens_per_minute=60, scored=True)
    items = {item.id: item for item in chosen_items(asked, BINARY).items}
    answerer = Scripted(lambda item, _: Reply("Yes", prompt_tokens=40, tokens=1, scores=(-1.0, -2.0)), items)
    assert forecast(asked, answerer).seconds == 30 * (40 + 1)
    factors = asked.model_copy(update={"scored": False, "adaptations": ("ac-reason",)})
    assert forecast(factors, answerer).seconds == 30 * (40 + 768)


def test_calls_under_way_count_in_the_forecast_of_an_endpoint(monkeypatch):
    clock = iter([0.0, 3.0] * 3)
    monkeypatch.setattr("aetia.evals.harness.forecast.time.perf_counter", lambda: next(clock))
    answerer = Scripted(lambda item, _: Reply("Yes", prompt_tokens=40, tokens=2), {})
    seconds = []
    for parallel in (1, 6, 1000):
        asked = study(model="http://127.0.0.1:9/v1#m", items=30, parallel=parallel)
        answerer.items = {item.id: item for item in chosen_items(asked, BINARY).items}
        seconds.append(forecast(asked, answerer).seconds)
    # Three are timed, by three calls at most; all thirty take ten times as long by as many calls.
    assert seconds == [pytest.approx(30), pytest.approx(15), pytest.approx(3)]


# --- items


def own(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def row_of(number, **fields):
    told = {"task": "own/t", "context": f"c {number}", "question": "Is it?", "form": "binary", "label": "yes"}
    return {**told, **fields}


def test_every_item_of_ones_own_file_is_asked_and_examples_are_asked_last(tmp_path):
    name = own(tmp_path / "own.jsonl", [row_of(n) for n in range(60)])
    whole = chosen_items(study(tasks=(name,), items=100), name)
    assert len({item.id for item in whole.items}) == 60
    assert len(whole.examples) == 24
    part = chosen_items(study(tasks=(name,), items=36), name)
    assert part.examples == whole.examples
    assert part.items == whole.items[:36]
    assert not {item.id for item in part.items} & {item.id for item in part.examples}


def test_orbits_of_a_file_stay_together(tmp_path):
    rows = [row_of(n, orbit=f"o{n // 3}", variant=f"v{n % 3}") for n in range(90)]
    name = own(tmp_path / "own.jsonl", rows)
    items = chosen_items(study(tasks=(name,), items=10, orbits=True), name).items
    assert len(items) == 30
    assert all(len({one.orbit for one in items[start : start + 3]}) == 1 for start in range(0, 30, 3))
    assert len(chosen_items(study(tasks=(name,), items=10), name).items) == 10


def test_a_file_that_is_written_again_is_read_again_and_its_labels_are_part_of_the_run(tmp_path):
    name = own(tmp_path / "own.jsonl", [row_of(n) for n in range(4)])
    asked = study(model="reference:constant", tasks=(name,))
    assert figures(execute(asked, tmp_path / "run"))[name, "basic", "accuracy"]["estimate"] == 1.0
    own(tmp_path / "own.jsonl", [row_of(n, label="no") for n in range(4)])
    assert {item.label for item in chosen_items(asked, name).items} == {"no"}
    with pytest.raises(AetiaError) as caught:
        execute(asked, tmp_path / "run")
    assert caught.value.code == "AE-6005"


@pytest.mark.parametrize("changed", ["label", "example", "relations"])
def test_a_file_that_is_written_again_while_its_items_are_asked_ends_the_run(tmp_path, scripted, changed):
    rows = [row_of(number) for number in range(230)]
    name = own(tmp_path / "own.jsonl", rows)
    relations = tmp_path / "relations.csv"
    edge = {"rel": "/r/Causes", "start": "/c/en/rain", "end": "/c/en/flood", "weight": 2.0}
    relations.write_text(json.dumps(edge) + "\n")
    asked = {"tasks": (name,), "items": 206, "adaptations": ("care-ca",), "relations": str(relations)}
    chosen = chosen_items(study(**asked), name)
    last = chosen.items[-1] if changed == "label" else chosen.examples[0]

    def script(item, _):
        if changed == "relations":
            relations.write_text(json.dumps({**edge, "end": "/c/en/mud"}) + "\n")
        else:
            own(tmp_path / "own.jsonl", [{**row, "label": "no"} if row["context"] == last.context else row
                                         for row in rows])  # fmt: skip
        return Reply("Yes")

    with pytest.raises(RunError) as caught:
        scripted(script, **asked)
    assert caught.value.code == "AE-6005"
    kept = open_run(tmp_path / "run").values()
    assert kept.num_rows == 200
    assert set(scored(kept)["label"].to_pylist()) == {"yes"}


def test_a_digest_of_what_is_shown_changes_no_key_of_a_batch():
    """Runs that were begun before there was one go on."""
    asked = study(tasks=(BINARY,), items=30)
    [batch] = instrument.Evaluate().plan(asked).batches
    chosen = chosen_items(asked, BINARY)
    told = asked.model_dump(mode="json", include=set(batches._DECIDING))
    items, examples = ([item.to_record() for item in some] for some in (chosen.items, chosen.examples))
    assert batch.key == key_of({"model": asked.model}, told, BINARY, asked.adaptations, key_of(examples), items)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('{"task": "t"', "line 2"),
        (json.dumps(row_of(1, label="maybe")), "label"),
        (json.dumps(row_of(1, form="essay")), "form"),
        (json.dumps({**row_of(1), "colour": "red"}), "colour"),
        (json.dumps(row_of(1, question=" ")), "question"),
        (json.dumps(row_of(0)), "line 1"),
        (json.dumps(row_of(1, context="half \ud800")), "context"),
        (json.dumps({**row_of(1), "facts": {"\ud800": 1}}), "facts"),
    ],
)
def test_an_error_in_a_file_names_file_line_and_field(tmp_path, line, told):
    path = tmp_path / "own.jsonl"
    path.write_text(json.dumps(row_of(0)) + "\n" + line + "\n")
    with pytest.raises(EvaluationError) as caught:
        execute(study(tasks=(str(path),)), tmp_path / "run")
    assert caught.value.code in {"AE-8204", "AE-8206"}
    assert "own.jsonl" in caught.value.found
    assert "line 2" in caught.value.found
    assert told in caught.value.found


# --- what cannot be asked


@pytest.mark.parametrize(
    ("code", "fields"),
    [
        ("AE-8102", {"tasks": ("calm/none",)}),
        ("AE-8602", {"tasks": ("cladder/easy",)}),
        ("AE-8201", {"tasks": ("cladder/easy",), "data": "absent"}),
        ("AE-8105", {"tasks": ("corr2cause/n4",), "language": "zh"}),
        ("AE-8202", {"tasks": ("absent.jsonl",)}),
        ("AE-8302", {"adaptations": ("care-ca",)}),
        ("AE-8604", {"adaptations": ("basic", "cot"), "scored": True}),
        ("AE-8604", {"adaptations": ("json",), "scored": True}),
        ("AE-8605", {"tasks": (NUMBER,), "scored": True}),
    ],
)
def test_a_study_that_cannot_be_asked_is_one_line_and_leaves_nothing(tmp_path, code, fields):
    with pytest.raises(EvaluationError) as caught:
        execute(study(**fields), tmp_path / "run")
    assert caught.value.code == code
    assert "\n" not in caught.value.found
    assert not (tmp_path / "run" / "manifest.json").exists()


def test_ways_of_asking_have_one_name():
    assert study(adaptations=("cot", "Basic")).adaptations == ("zero-shot-cot", "basic")
    with pytest.raises(ValueError, match="once"):
        study(adaptations=("cot", "zero-shot-cot"))
    with pytest.raises(EvaluationError) as caught:
        study(adaptations=("ct",))
    assert caught.value.code == "AE-8301"


def test_a_changed_file_of_relations_is_another_run(tmp_path):
    path = tmp_path / "relations.csv"
    edge = {"rel": "/r/Causes", "start": "/c/en/rain", "end": "/c/en/flood", "weight": 2.0}
    path.write_text(json.dumps(edge) + "\n")
    asked = study(adaptations=("care-ca",), relations=str(path))
    try:
        before = instrument.Evaluate().plan(asked)
    except EvaluationError as error:  # the format of the file is tested where it is read
        pytest.fail(str(error))
    path.write_text(json.dumps({**edge, "end": "/c/en/mud"}) + "\n")
    assert [batch.key for batch in instrument.Evaluate().plan(asked).batches] != [batch.key for batch in before.batches]


# --- afterwards


def test_a_run_is_scored_again_without_asking_and_holds_no_place(scripted):
    run = scripted(lambda item, _: Reply(words(item)))
    before = (run.directory / "effects.parquet").read_bytes()
    score_again(run)
    assert (run.directory / "effects.parquet").read_bytes() == before


def test_a_run_that_is_scored_again_says_which_aetia_has_done_it(scripted, monkeypatch):
    run = scripted(lambda item, _: Reply(words(item)))
    monkeypatch.setattr("aetia.evals.harness.rescoring.versions", lambda: {"aetia": "9.9"})
    score_again(run)
    told = run.effects().provenance
    assert (told["aetia"], told["instrument"]) == ("9.9", "evaluate")


def test_two_ways_of_one_run_are_compared_item_by_item(scripted):
    def script(item, turn):
        is_right = int(item.origin.seed[2:]) < (20 if turn == 0 else 10)
        return Reply(words(item) if is_right else wrong(item))

    run = scripted(script, adaptations=("basic", "adversarial-doubt"))
    place = str(run.directory)
    [row] = compared(f"{place}:basic", f"{place}:adversarial-doubt").table.to_pylist()
    assert (row["first"], row["second"], row["only_first"], row["only_second"]) == (1.0, 0.5, 10, 0)
    # McNemar's mid-p of ten against none.
    assert row["p"] == pytest.approx(2 * (binom.cdf(0, 10, 0.5) - 0.5 * binom.pmf(0, 10, 0.5)))
    for wrongly in (f"{place}:cot", f"{place}:basic"):
        with pytest.raises(EvaluationError) as caught:
            compared(wrongly, place if wrongly.endswith("basic") else f"{place}:basic")
        assert caught.value.code == "AE-8603"


def test_a_forecast_scales_what_a_few_items_take():
    asked = study(tasks=(BINARY, CHOICE), items=30, adaptations=("basic", "adversarial-doubt"))
    items = {item.id: item for task in asked.tasks for item in chosen_items(asked, task).items}
    answerer = Scripted(lambda item, _: Reply("Yes", prompt_tokens=40, tokens=2), items)
    found = forecast(asked, answerer)
    assert (found.conversations, found.timed, answerer.asked) == (120, 12, 18)
    assert (found.prompt_tokens, found.tokens) == (30 * 2 * 40 * 3, 30 * 2 * 2 * 3)


def test_work_that_is_shared_takes_as_much_less(monkeypatch):
    clock = iter([0.0, 3.0, 10.0, 13.0])
    monkeypatch.setattr("aetia.evals.harness.forecast.time.perf_counter", lambda: next(clock))
    asked = study(items=30)
    items = {item.id: item for item in chosen_items(asked, BINARY).items}
    answerer = Scripted(lambda item, _: Reply("Yes", prompt_tokens=40, tokens=2), items)
    alone, shared = forecast(asked, answerer), forecast(asked, answerer, share=1 / 3)
    assert alone.seconds == pytest.approx(30)
    assert shared.seconds == pytest.approx(10)


def test_a_forecast_of_many_tasks_times_some_of_them():
    names = tuple(task.name for task in all_tasks() if task.is_generated and task.name.startswith("street-maths"))
    ways = ("basic", "zero-shot-icl", "one-shot-icl", "three-shot-icl", "explicit-function", "question-blind")
    asked = study(tasks=(BINARY, CHOICE, *names), items=500, adaptations=ways)
    items = {item.id: item for task in asked.tasks for item in chosen_items(asked, task).items}
    found = forecast(asked, Scripted(lambda item, _: Reply("1", prompt_tokens=10, tokens=1), items))
    assert found.timed == 3 * len(asked.tasks) * len(ways) <= found.conversations // 100
    assert found.conversations == 500 * len(asked.tasks) * len(asked.adaptations)
    assert found.tokens == found.conversations


def test_replies_that_wait_for_a_study_are_forgotten_once_its_run_has_them(tmp_path, monkeypatch):
    monkeypatch.setenv("AETIA_CACHE", str(tmp_path))
    asked, other = study(model="smollm2-135m"), study(model="smollm2-135m", seed=1)
    settle(asked)
    assert not (tmp_path / "replies.sqlite").exists()
    with ReplyCache(tmp_path / "replies.sqlite") as cache:
        for one in (asked.identity(), other.identity(), ""):
            cache.keep("key", Reply("Yes"), one)
        settle(asked)
        assert [cache.count(one) for one in (asked.identity(), other.identity(), "")] == [0, 1, 1]


def test_an_endpoints_replies_are_forgotten_by_the_session_that_completes_its_run(tmp_path, monkeypatch):
    monkeypatch.setenv("AETIA_CACHE", str(tmp_path))
    asked = study(model="http://127.0.0.1:9/v1#m", tasks=(BINARY, CHOICE))
    items = {item.id: item for task in asked.tasks for item in chosen_items(asked, task).items}
    down = [True]

    def script(item, _):
        is_down = down[0] and item.task == CHOICE
        return Reply("", "error", error="it is down") if is_down else Reply(words(item))

    answerer = Scripted(script, items, is_deterministic=False)
    cache = ReplyCache(tmp_path / "replies.sqlite")
    monkeypatch.setattr(instrument, "answerer_of", lambda one: cached(answerer, cache, one.identity()))
    assert execute(asked, tmp_path / "run").status == "failed"
    assert cache.count(asked.identity()) == 20
    down[0] = False
    assert resume(tmp_path / "run").status == "complete"
    assert cache.count(asked.identity()) == 0
    before = answerer.asked
    assert execute(asked, tmp_path / "anew").status == "complete"
    assert answerer.asked - before == 40
