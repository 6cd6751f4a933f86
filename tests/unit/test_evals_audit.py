"""Does an audit find planted defects, and nothing in a set that has none?"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from aetia.errors import EvaluationError
from aetia.evals.audit import agrees, audit, audit_items, leaks, table
from aetia.evals.blind import View, blind_accuracy
from aetia.evals.item import Item, Origin
from aetia.evals.task import Generator, Published, Solution, Style, Target, Task, Wording
from aetia.models.cache import file_hash

VIEWS: tuple[View, ...] = ("options", "context", "question")
WORDS = tuple(first + second + last for first in "bdfgk" for second in "aeiou" for last in "lmnrt")


def _binary(count: int, seed: int, cue: float = 0.0) -> list[Item]:
    """Items whose labels nothing tells, but for a word of the context in a share of them."""
    random = Random(seed)
    items: list[Item] = []
    for number in range(count):
        label = random.choice(("yes", "no"))
        words = random.choices(WORDS, k=30)
        if random.random() < cue:
            words.append("always" if label == "yes" else "never")
        place = Origin(f"toy/rows.jsonl:{number + 1}")
        question = f"Is it {random.choice(WORDS)}?"
        items.append(Item("toy", " ".join(words), question, "binary", label, cluster=str(number), origin=place))
    return items


def _choices(count: int, seed: int, *, is_long: bool) -> list[Item]:
    random = Random(seed)
    items: list[Item] = []
    for number in range(count):
        options = [" ".join(random.choices(WORDS, k=5)) for _ in range(4)]
        right = random.randrange(4)
        if is_long and random.random() < 0.7:
            options[right] += " and much more than that"
        place = Origin(f"toy/rows.jsonl:{number + 1}")
        items.append(Item("toy", "", f"Which {number}?", "choice", str(right + 1), tuple(options), origin=place))
    return items


def _task(form: str, **more: object) -> Task:
    source = Published("toy", {}, lambda _: iter(()), "", "")
    target = Target("none", "toy", "choice" if form == "choice" else "binary")
    return replace(Task("toy", "?", target, source, 0.5), **more)


@pytest.mark.parametrize("seed", range(4))
def test_where_nothing_tells_the_label_the_blind_learner_is_at_chance(seed: int) -> None:
    for view in VIEWS:
        told = blind_accuracy(_binary(600, seed), view)
        assert told.low <= told.chance == 0.5 <= told.high
        told = blind_accuracy(_choices(600, seed, is_long=False), view)
        assert told.low <= told.chance == 0.25 <= told.high


def test_a_planted_word_is_found_where_it_is_and_nowhere_else() -> None:
    items = _binary(1500, 1, cue=0.4)
    assert blind_accuracy(items, "context").accuracy == pytest.approx(0.7, abs=0.05)
    assert blind_accuracy(items, "context").low > 0.6
    assert blind_accuracy(items, "question").low < 0.5
    assert blind_accuracy(items, "options").accuracy == pytest.approx(0.5)


def test_a_longer_right_option_is_found() -> None:
    told = blind_accuracy(_choices(800, 2, is_long=True), "options")
    # 70% have the cue; of the rest a quarter is guessed.
    assert told.accuracy == pytest.approx(0.7 + 0.3 / 4, abs=0.08)


def test_items_of_one_cluster_are_never_on_both_sides() -> None:
    # Each cluster has a word of its own, which tells its label: memory, not a cue.
    random = Random(3)
    items: list[Item] = []
    for group in range(100):
        label = random.choice(("yes", "no"))
        items += [Item("toy", f"word{group}", f"{n}?", "binary", label, cluster=f"c{group}") for n in range(10)]
    told = blind_accuracy(items, "context")
    assert told.low <= 0.5 <= told.high
    assert told.high - told.low > 0.15  # 100 clusters; of 1,000 items on their own it would be 0.08
    apart = [replace(item, cluster=f"{item.cluster}:{number}") for number, item in enumerate(items)]
    assert blind_accuracy(apart, "context").low > 0.9


def test_more_items_than_the_limit_are_sampled() -> None:
    items = _binary(900, 5, cue=0.5)
    told = blind_accuracy(iter(items), "context", limit=300)
    assert told.low > 0.5
    assert told.high - told.low > blind_accuracy(items, "context").high - blind_accuracy(items, "context").low
    with pytest.raises(ValueError, match="no item"):
        blind_accuracy([], "context")


def test_a_clean_set_has_no_defects() -> None:
    found = audit_items(_task("binary"), _binary(400, 7))
    assert (found.items, found.read, found.wrong, found.faulty) == (400, 0, 0, 0)
    assert found.defects == ()


def test_planted_defects_are_all_found() -> None:
    items = _binary(300, 8)
    again = replace(items[3], origin=Origin("toy/rows.jsonl:301"))
    flipped = replace(items[4], label="no" if items[4].label == "yes" else "yes", origin=Origin("toy/rows.jsonl:302"))
    found = audit_items(_task("binary"), [*items, again, flipped])
    by_kind = {one.kind: one for one in found.defects}
    assert by_kind["duplicates"].count == 2
    assert by_kind["duplicates"].places[0] == "toy/rows.jsonl:301 = toy/rows.jsonl:4"
    assert by_kind["two labels"].count == 1
    assert "toy/rows.jsonl:302" in by_kind["two labels"].places[0]


def test_swapped_options_are_one_text_and_their_labels_are_compared_as_texts() -> None:
    one = Item("toy", "", "Which?", "choice", "1", ("rain", "sun"), origin=Origin("a:1"))
    swapped = replace(one, options=("sun", "rain"), label="2", origin=Origin("a:2"))
    wrong = replace(swapped, label="1", origin=Origin("a:3"))
    kinds = {finding.kind: finding.count for finding in audit_items(_task("choice"), [one, swapped, wrong]).findings}
    assert (kinds["duplicates"], kinds["two labels"]) == (2, 1)


def test_a_text_with_another_right_answer_has_no_second_label() -> None:
    one = Item("toy", "", "Who?", "text", "Ann", accepted=("Cy",), origin=Origin("a:1"))
    other = replace(one, label="Cy", accepted=("Ann",), origin=Origin("a:2"))
    kinds = {finding.kind for finding in audit_items(_task("binary"), [one, other]).findings}
    assert ("duplicates" in kinds, "two labels" in kinds) == (True, False)
    kinds = {finding.kind for finding in audit_items(_task("binary"), [one, replace(other, accepted=())]).findings}
    assert "two labels" in kinds


def test_constant_answers_places_and_lengths_are_measured() -> None:
    items = [replace(item, label="yes") if number % 3 else item for number, item in enumerate(_binary(300, 9))]
    kinds = {one.kind: one for one in audit_items(_task("binary"), items).defects}
    assert kinds["constant answer"].share == sum(item.label == "yes" for item in items) / 300
    long = audit_items(_task("choice"), _choices(300, 9, is_long=True))
    assert "longest option" in {one.kind for one in long.defects}
    first = [replace(item, label="1") for item in _choices(300, 9, is_long=False)]
    told = {one.kind: one for one in audit_items(_task("choice"), first).defects}
    assert (told["position 1"].share, told["position 2"].share) == (1.0, 0.0)


def test_languages_that_disagree_are_found() -> None:
    english = [replace(item, orbit=str(number)) for number, item in enumerate(_binary(60, 10))]
    chinese = [replace(item, language="zh", question="?", origin=Origin(f"b:{n}")) for n, item in enumerate(english)]
    chinese[5] = replace(chinese[5], label="no" if chinese[5].label == "yes" else "yes")
    kinds = {one.kind: one for one in audit_items(_task("binary"), [*english, *chinese]).findings}
    assert (kinds["languages"].count, kinds["languages"].is_defect) == (1, True)
    assert kinds["languages"].share == 1 / 60


def _engine(item: Item) -> str:
    if "unreadable" in item.context:
        raise EvaluationError("AE-8110", "The text cannot be read.", mend="-")
    return "yes"


def test_labels_are_derived_again_and_faults_listed() -> None:
    items = [replace(item, derivation=("It is so.",)) for item in _binary(90, 11)]
    items[0] = replace(items[0], context="unreadable")
    source = Published("toy", {}, lambda _: iter(()), "", "", lambda item: ("odd",) if item is items[1] else ())
    found = audit_items(_task("binary", engine=_engine, source=source), items)
    wrong = [item for item in items[1:] if item.label == "no"]
    assert (found.read, found.wrong, found.faulty) == (89, len(wrong), 1)
    assert [one.place for one in found.contradictions] == [item.origin.source for item in wrong]
    assert (found.contradictions[0].engine, found.contradictions[0].why) == ("yes", "It is so.")
    assert (found.unreadable[0].place, found.faults[0].why) == ("toy/rows.jsonl:1", "odd")
    assert table([found])[0]["contradictions"] == len(wrong)
    rows = {str(row["kind"]): row for row in found.rows()}
    assert rows["contradictions"]["value"] == len(wrong) / 89
    record = found.to_record()
    assert isinstance(record["contradictions"], list)
    assert len(record["contradictions"]) == len(wrong)


def test_an_engine_that_breaks_is_not_hidden() -> None:
    def broken(_: Item) -> str:
        raise EvaluationError("AE-8431", "It broke.", mend="-")

    with pytest.raises(EvaluationError, match="broke"):
        audit_items(_task("binary", engine=broken), _binary(3, 1))


class _Coin(Generator[str]):
    labels = ("yes", "no")

    def pose(self, random: Random, /) -> str:
        return f"{random.choice(('heads', 'tails'))} {random.random()}"

    def solve(self, problem: str, /) -> Solution:
        return Solution("yes" if problem.startswith("heads") else "no")

    def word(self, problem: str, solution: Solution, style: Style, random: Random, /) -> Wording:
        return Wording(f"The coin shows {problem}.", "Is it heads?", solution.label)


def test_generated_tasks_are_audited_too() -> None:
    def read(item: Item) -> str:
        return "yes" if "heads" in item.context else "no"

    task = _task("binary", source=_Coin(), engine=read)
    found = audit(task, count=200)
    assert (found.items, found.read, found.wrong) == (200, 200, 0)
    assert "blind learner: context" in {one.kind for one in found.defects}
    wrong = audit(replace(task, engine=lambda _: "no"), count=50)
    assert wrong.wrong > 0
    assert wrong.contradictions[0].place.startswith("toy:0:")


@pytest.mark.parametrize(
    ("label", "answer", "same"),
    [
        ("0.1234", "0.12341", True),
        ("0.1234", "0.1235", False),
        ("12", "12.0", True),
        ("12", "13", False),
        ("12", "12.4", False),
        ("0", "0.3", False),
        ("0.0", "0.04", True),
        ("1,250", "1250", True),
        ("2.2114285714285717", "2.211428571428571428571", True),
        ("none", "12", False),
    ],
)
def test_numbers_agree_to_the_last_printed_digit(label: str, answer: str, same: bool) -> None:
    assert agrees(Item("toy", "", "?", "number", label), answer) is same


def test_texts_agree_by_their_words() -> None:
    item = Item("toy", "", "?", "text", "The dog.", accepted=("a hound",))
    assert agrees(item, "the  DOG")
    assert agrees(item, "A hound!")
    assert not agrees(item, "the cat")


def test_texts_of_two_sets_are_leaks(tmp_path: Path) -> None:
    (tmp_path / "rows").write_text("x", "utf-8")
    digest = {"rows": file_hash(tmp_path / "rows")}

    def published(name: str, items: Sequence[Item]) -> Task:
        def read(_: Path) -> Iterator[Item]:
            return iter([replace(item, task=name) for item in items])

        return replace(_task("binary"), name=name, source=Published("toy", digest, read, "", ""))

    items = _binary(30, 12)
    other = "no" if items[1].label == "yes" else "yes"
    test = [items[0], replace(items[1], label=other), *_binary(10, 13)]
    found = leaks((published("toy/train", items), published("toy/test", test)), tmp_path)
    assert [one.found for one in found] == ["2 texts of toy/test are in toy/train, 1 of them with another label"]
    assert leaks((published("toy/train", items),), tmp_path) == ()
