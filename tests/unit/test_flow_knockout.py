"""Cut edges between groups of positions: plain hooks, closed forms, what carries nothing, and chance."""

import math
from dataclasses import replace

import numpy as np
import pyarrow.compute as pc
import pytest
from flow_networks import (
    LAYERS,
    LENGTH,
    OBJECT,
    STRENGTHS,
    VALUES,
    planted,
    planted_items,
    seeing,
    seen_items,
    turned_items,
)

from aetia.errors import StudyError
from aetia.flow.chance import Chance, chance_of, has_random_keys, random_keys
from aetia.flow.groups import Edge, cuts_of, default_edges, groups_of, partition_of
from aetia.flow.instrument import Flow
from aetia.flow.random_keys import exchanged
from aetia.flow.study import FlowStudy
from aetia.flow.values import all_cuts, flow_values
from aetia.models import run_with_hooks
from aetia.models.interventions import Intervention, Knockout
from aetia.models.sites import Site
from aetia.truth import truth_system


def study(**fields):
    return FlowStudy(**({"contrasts": "own", "null": "none"} | fields))


def by_edge(table, measure="probability"):
    rows = table.filter(pc.field("draw").is_null()).to_pylist()
    rows = [row for row in rows if row["measure"] == measure and row["source"] is not None]
    return {(row["item"], f"{row['source']}->{row['reader']}", row["layer"]): row["value"] for row in rows}


def test_every_cut_is_what_plain_hooks_say_row_by_row():
    network, items = seeing(), seen_items(2)
    edges = default_edges(items)
    assert {str(edge) for edge in edges} >= {"object->last", "image->question", "question->question", "image->image"}
    found = by_edge(flow_values(study(), network, items, edges, Chance()))
    for item in items:
        plain = run_with_hooks(network, item.clean_ids).logits[0].float().softmax(-1)[item.answer_ids[0]]
        for edge in edges:
            source, reader = (groups_of(item)[name] for name in (edge.source, edge.reader))
            for layer in range(LAYERS):
                cut = [
                    Intervention(
                        Site("pattern", layer, position=row), Knockout(tuple(key for key in source if key != row))
                    )
                    for row in reader
                ]
                hooked = run_with_hooks(network, item.clean_ids, cut).logits[0].float().softmax(-1)
                change = float(hooked[item.answer_ids[0]] - plain)
                assert found[item.id, str(edge), layer] == pytest.approx(change, abs=1e-5)
    assert max(abs(value) for value in found.values()) > 1e-3


def probability(value):
    """That of the answer if its logit is `value`, the foil's the opposite and all others 0."""
    return math.exp(value) / (math.exp(value) + math.exp(-value) + 2 * VALUES + 1)


def test_one_hop_is_lost_with_the_one_edge_that_carries_it_and_with_no_other():
    gain, items = 20.0, planted_items(6)
    found = by_edge(flow_values(study(), planted(hops=1, gain=gain), items, default_edges(items), Chance()))
    for number, strength in enumerate(STRENGTHS[:6]):
        name = f"planted-{number}"
        plain = probability(gain * strength / LENGTH)
        assert found[name, "object->last", 1] == pytest.approx(probability(0) - plain, abs=1e-5)
        # What is left is read the more: the mean is one of three keys, not of five.
        assert found[name, "question->last", 1] == pytest.approx(probability(gain * strength / 3) - plain, abs=1e-5)
        for edge, layer in (
            ("object->last", 0),
            ("question->last", 0),
            ("object->question", 0),
            ("object->question", 1),
        ):
            assert found[name, edge, layer] == 0.0  # exactly: nothing passes there


def test_a_window_cuts_its_layers_together():
    items = planted_items(1)
    edges = [Edge("object", "last")]
    network = planted(hops=2, gain=6.0, layers=4)
    found = by_edge(flow_values(study(window=4), network, items, edges, Chance()))
    cut = [
        Intervention(Site("pattern", layer, position=LENGTH - 1), Knockout((OBJECT,))) for layer in range(4)
    ]  # a window of 4 around layer 2 is all of them
    logits = run_with_hooks(network, items[0].clean_ids, cut).logits[0].softmax(-1)
    plain = run_with_hooks(network, items[0].clean_ids).logits[0].softmax(-1)
    change = float(logits[items[0].answer_ids[0]] - plain[items[0].answer_ids[0]])
    assert found["planted-0", "object->last", 2] == pytest.approx(change, abs=1e-6)
    assert abs(change) > 0.01


def test_a_position_keeps_itself_so_that_no_row_is_emptied():
    item = seen_items(1)[0]
    cuts = cuts_of(Edge("image", "image"), item)
    image = set(groups_of(item)["image"])
    assert all(row not in keys and keys == image - {row} for row, keys in cuts.items())
    first = min(image)
    assert first not in cuts  # it could read no other position of the picture anyway
    whole = flow_values(study(window=2 * LAYERS), seeing(), [item], [Edge("*", "last")], Chance())
    assert np.isfinite(whole["value"].to_numpy()).all()


def test_frames_are_cut_off_from_each_other_and_stay_whole():
    item = seen_items(1)[0]
    groups = dict(item.groups) | {f"frame{n}": tuple(range(1 + 4 * n, 5 + 4 * n)) for n in range(4)}
    object.__setattr__(item, "groups", groups)
    cuts = cuts_of(Edge.parse("frame*->frame*"), item)
    assert cuts[5] == frozenset(groups["frame0"])
    assert cuts[16] == frozenset(set(groups["image"]) - set(groups["frame3"]))
    assert min(cuts) == 5
    assert "frame*->frame*" in {str(edge) for edge in default_edges([item])}


def test_random_keys_are_as_many_of_the_same_kind_from_every_row():
    item = seen_items(1)[0]
    image = set(groups_of(item)["image"])
    drawn = [random_keys(item, cuts_of(Edge("object", "last"), item), seed) for seed in range(200)]
    assert {row for cuts in drawn for row in cuts} == {item.length - 1}
    assert all(len(keys) == 1 and keys <= image for cuts in drawn for keys in cuts.values())
    assert len({next(iter(cuts.values())) for cuts in drawn}) == len(image)  # its own patch among them
    for edge in default_edges([item]):
        cuts = cuts_of(edge, item)
        for row, keys in random_keys(item, cuts, 3).items():
            assert len(keys) == sum(key < row for key in cuts[row])
            assert all(key < row for key in keys)
            assert keys <= image or not cuts[row] <= image


def test_what_is_most_of_its_kind_has_no_comparable_random_keys():
    item = seen_items(1)[0]
    comparable = {str(edge) for edge in default_edges([item]) if has_random_keys(item, cuts_of(edge, item))}
    assert {"object->last", "object->question", "before->last", "before->question"} <= comparable
    assert not comparable & {"image->last", "background->last", "image->question", "image->image", "question->last"}
    whole = random_keys(item, cuts_of(Edge("image", "last"), item), 1)
    assert whole == cuts_of(Edge("image", "last"), item)  # all of a kind can only be drawn as itself


def test_items_that_depend_on_each_other_lose_the_same_random_keys():
    first, second = seen_items(2)
    object.__setattr__(second, "groups", dict(first.groups))
    edge, asked = Edge("object", "last"), study(null="random-keys:19")
    for clusters, is_shared in ((("", ""), False), (("a", "a"), True)):
        for one, cluster in zip((first, second), clusters, strict=True):
            object.__setattr__(one, "cluster", cluster)
        drawn = [
            [cuts for _, draw, cuts in all_cuts(asked, one, [edge], Chance(50, frozenset([edge]))) if draw is not None]
            for one in (first, second)
        ]
        assert (drawn[0] == drawn[1]) == is_shared


def test_parts_of_a_picture_that_share_nothing_are_drawn_as_parts_that_share_nothing():
    item = seen_items(1)[0]
    row, image = item.length - 1, sorted(groups_of(item)["image"])
    for seed in range(20):
        one, other = (random_keys(item, {row: frozenset(keys)}, seed)[row] for keys in (image[:5], image[5:8]))
        assert not one & other


def answering_items(words, others=None):
    """Planted items with that many answers, and as foils the same words or so many others, in turn."""
    items = planted_items()
    for number, one in enumerate(items):
        foil = (number + 1) % words if others is None else words + number % others
        object.__setattr__(one, "answer_ids", (number % words,))
        object.__setattr__(one, "foil_ids", (foil,))
    return items


def test_an_edge_without_comparable_keys_is_compared_with_what_it_does_to_other_answers():
    """Everything is cut off from the last position; only the items' own answers owe anything to what they hold."""
    system = truth_system("previous-token")  # the last layer reads, two positions back, what the first one wrote there
    items = [replace(one, groups={"text": tuple(range(one.length - 1))}) for one in system.draw(24)]
    asked = study(null="random-keys:19", edges=("text->last",))
    found = Flow().run_on(asked, system.network, items).where(measure="probability", items="all").table
    tested = {row["layer"]: (row["null"], row["q"]) for row in found.to_pylist() if row["layer"] is not None}
    assert set(tested) == {0, 1}
    assert tested[1] == ("label-permutation:39", 1 / 40)
    assert tested[0][1] > 0.05


def test_where_two_words_are_all_answers_what_a_cut_does_is_compared_with_nothing():
    asked = study(null="random-keys:19", edges=("*->last",))
    effects = Flow().run_on(asked, planted(hops=1, gain=20.0), turned_items())
    rows = effects.where(measure="probability", items="all", reader="last").table.to_pylist()
    assert {(row["null"], row["q"]) for row in rows} == {(None, None)}
    assert all(row["low"] is not None for row in rows)
    assert effects.provenance["not compared"] == "*->last"


def test_other_answers_need_words_enough_and_a_token_that_was_not_chosen():
    edges, asked = [Edge("*", "last"), Edge("object", "last")], study(null="random-keys:19")
    for items, exchanges in (
        (answering_items(4), 23),
        (answering_items(3, others=3), 35),
        (answering_items(6), 39),
        (answering_items(3), 0),
        (answering_items(6)[:19], 0),
    ):
        chance = chance_of(asked, items, edges, 19, layers=2)
        assert [chance.null(edge) for edge in edges] == ["label-permutation" if exchanges else None, "random-keys"]
        assert {len(one) for one in chance.answers.values()} == ({exchanges} if exchanges else set())
    assert chance_of(study(read="predicted"), answering_items(6), edges, 19, layers=2).null(edges[0]) is None


def test_answers_that_are_owed_to_nothing_pass_no_more_often_than_the_level():
    """What is seen changes each word by accident, alike in all items that show it: with cuts beside, and without."""
    false, trials = np.zeros(2), 200
    for seed in range(trials):
        random = np.random.default_rng(seed)
        shown = random.integers(0, 6, 24)
        effects = random.standard_t(3, (3, 6, 6))[:, shown] + 0.3 * random.standard_t(3, (3, 24, 6))
        words = np.array([np.arange(6), *(random.permutation(6) for _ in range(39))])
        answers = effects[:, np.arange(24)[:, None], words[:, shown].T]
        cuts = random.standard_t(3, (2, 24, 20))
        for place, beside in enumerate((cuts[:0], cuts)):
            false[place] += exchanged(beside, seed=seed, draws=199, answers=answers)[1].min() <= 0.05
    assert (false <= 18).all()  # more in 1% of such tests at 5%


def test_an_exchange_of_all_answers_has_its_exact_p():
    answers = np.ones((1, 2, 24))
    answers[0, :, 0] = 5.0  # the largest of 24
    answers[0, :, 7] = 4.0
    for draws in (199, 1999):
        p, q = exchanged(np.ones((0, 2, 20)), draws=draws, answers=answers)
        assert (p[0], q[0]) == (1 / 24, 1 / 24)


def test_a_few_random_keys_an_item_serve_any_correction():
    items = planted_items()
    for correction in ("holm", "bh"):
        effects = Flow().run_on(study(null="random-keys:19", correction=correction), planted(hops=1, gain=20.0), items)
        rows = effects.where(items="all", measure="probability").table.to_pylist()
        passed = {f"{row['source']}->{row['reader']}@{row['layer']}" for row in rows if row["q"] and row["q"] <= 0.05}
        assert passed == {"object->last@1"}


def test_a_partition_covers_every_position_once():
    item = seen_items(1)[0]
    parts = partition_of(item)
    assert sorted(place for places in parts.values() for place in places) == list(range(item.length))
    assert list(parts) == [
        "before",
        *sorted(("object", "background"), key=lambda name: parts[name][0]),
        "question",
        "last",
    ]
    bare = planted_items(1)[0]
    assert partition_of(bare)["rest"] == (0,)


def test_what_carries_the_answer_passes_against_random_keys_and_nothing_else_does():
    effects = Flow().run_on(
        study(null="random-keys:19"),
        planted(hops=1, gain=20.0),
        planted_items(),
    )
    tested = effects.where(items="all", measure="probability").table.to_pylist()
    passed = {f"{row['source']}->{row['reader']}@{row['layer']}" for row in tested if row["q"] and row["q"] <= 0.05}
    assert passed == {"object->last@1"}
    assert {row["null"] for row in tested if row["source"]} == {"random-keys:19"}


def test_relative_changes_are_pooled_and_split_by_right_and_wrong():
    items = planted_items()
    wrong = {"answer_ids": items[0].foil_ids, "foil_ids": items[0].answer_ids}
    for name, value in wrong.items():
        object.__setattr__(items[0], name, value)
    effects = Flow().run_on(study(edges=("object->last",)), planted(hops=1, gain=20.0), items)

    def estimate(group, measure):
        return effects.where(items=group, measure=measure, layer=1).table.to_pylist()[0]["estimate"]

    plain = [probability(20.0 * strength / LENGTH) for strength in STRENGTHS[1:]]
    expected = 100 * (len(plain) * probability(0) - sum(plain)) / sum(plain)
    assert estimate("right", "relative") == pytest.approx(expected, rel=1e-4)
    lost = probability(-20.0 * STRENGTHS[0] / LENGTH)
    assert estimate("wrong", "relative") == pytest.approx(100 * (probability(0) - lost) / lost, rel=1e-4)
    both = 100 * ((len(plain) + 1) * probability(0) - sum(plain) - lost) / (sum(plain) + lost)
    assert estimate("all", "relative") == pytest.approx(both, rel=1e-4)
    assert effects.where(measure="correct").table["estimate"].to_pylist() == [pytest.approx(1 - 1 / VALUES)]


def test_the_predicted_token_is_read_where_that_is_asked():
    items = planted_items(2)
    answer, foil = items[0].answer_ids, items[0].foil_ids
    object.__setattr__(items[0], "answer_ids", foil)
    network, edges = planted(hops=1, gain=20.0), [Edge("object", "last")]
    found = by_edge(flow_values(study(read="predicted"), network, items, edges, Chance()))
    object.__setattr__(items[0], "answer_ids", answer)
    assert found == by_edge(flow_values(study(), network, items, edges, Chance()))


@pytest.mark.parametrize(
    ("edge", "code"), [("image", "AE-9501"), ("picture->last", "AE-9502"), ("last->object", "AE-9503")]
)
def test_an_edge_that_cannot_be_cut_is_one_clear_line(edge, code):
    with pytest.raises(StudyError) as caught:
        Flow().run_on(study(edges=("object->last", edge)), planted(hops=1), planted_items())
    assert code in (caught.value.code, str(caught.value))


def test_a_picture_without_named_parts_is_cut_once():
    items = seen_items(2)
    for one in items:
        groups = dict(one.groups)
        groups["background"] = groups["image"]
        del groups["object"]
        object.__setattr__(one, "groups", groups)
    named = {str(edge) for edge in default_edges(items)}
    assert not any("background" in name for name in named)
    assert {"image->last", "image->question"} <= named
    assert "image" in partition_of(items[0])
    assert "background" not in partition_of(items[0])


def test_items_without_common_groups_are_refused():
    items = planted_items(2)
    object.__setattr__(items[1], "groups", {})
    object.__setattr__(items[0], "groups", {})
    assert [str(edge) for edge in default_edges(items)] == []
    with pytest.raises(StudyError, match="AE-9504"):
        Flow().run_on(study(), planted(hops=1), items)


def test_changes_exchanged_within_items_err_at_their_level_and_find_what_is_planted():
    random, false, trials = np.random.default_rng(0), 0, 200
    for seed in range(trials):
        # Heavy tails, and items and cells of very different sizes.
        sizes = np.exp(random.normal(0, 2, (4, 8, 1)))
        false += exchanged(sizes * random.standard_t(2, (4, 8, 20)), seed=seed, draws=199)[1].min() <= 0.05
    assert false / trials <= 0.09
    changes = random.normal(size=(4, 8, 20)) * np.array([1, 1e-3, 1, 1])[:, None, None]
    changes[1, :, 0] -= 4e-3  # small, but larger than that of any other keys
    q = exchanged(changes)[1]
    assert q[1] < 0.01
    assert min(q[[0, 2, 3]]) > 0.05


def test_an_exact_exchange_of_two_items_has_its_known_p():
    changes = np.array([[[3.0, 1.0, 0.0], [3.0, 0.0, 1.0]]])  # both real ones largest: 1 way of 9 has that sum
    p, _ = exchanged(changes, draws=20_000)
    assert p[0] == pytest.approx(1 / 9, abs=0.01)


def test_one_item_is_an_anecdote():
    effects = Flow().run_on(study(null="random-keys:19", edges=("object->last",)), planted(hops=1), planted_items(1))
    assert {row["q"] for row in effects.table.to_pylist()} == {None}


def test_chance_passes_no_more_often_than_its_level():
    """Random pictures, random weights: the object's patch is one of 16 that are alike."""
    false, trials = 0, 20
    asked = study(edges=("object->last",), layers=(0, 1), null="random-keys:19")
    for seed in range(trials):
        effects = Flow().run_on(asked, seeing(seed % 4), seen_items(4, seed + 100))
        q = [row["q"] for row in effects.where(items="all", measure="probability").table.to_pylist() if row["source"]]
        false += min(q) <= 0.05
    assert false <= 4  # more in 0.3% of such tests at 5%
