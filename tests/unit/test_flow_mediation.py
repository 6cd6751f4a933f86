"""An edit's effect by path: closed forms, exact sums, plain runs, pictures withheld, and chance."""

import numpy as np
import pyarrow.compute as pc
import pytest
import torch
from flow_networks import LENGTH, OBJECT, STRENGTHS, item, planted, planted_items, seeing, seen_items
from tiny_models import tiny_network

from aetia.errors import StudyError
from aetia.flow.mediation import blank_prompts, logits_reading, paths_of
from aetia.flow.mediation_instrument import Mediation
from aetia.flow.mediation_values import Mediator
from aetia.flow.study import MediationStudy
from aetia.models import record
from aetia.models.prompts import pictures_of

GAIN = 2.0


def study(**fields):
    return MediationStudy(**({"contrasts": "own", "null": "none"} | fields))


def parts_of(network, items, **fields):
    table = Mediator(study(**fields), network, items).compute(range(len(items)))
    rows = table.filter(pc.field("draw").is_null()).to_pylist()
    found = {}
    for row in rows:
        found.setdefault(row["item"], {})[row["measure"], row["path"]] = row["value"]
    return found


def test_paths_of_a_linear_network_have_their_closed_form_and_no_interaction():
    """Every row gets its mean of unit 0 in unit 1; the last row then gets the mean of unit 1, which is read."""
    network, items = planted(hops=2, gain=GAIN), planted_items(5)
    found = parts_of(network, items, source="object")
    for number, strength in enumerate(STRENGTHS[:5]):
        unit = (
            2 * 2 * strength * GAIN**2
        )  # clean minus corrupted is twice the strength, and answer minus foil twice that
        # Row r reads the object among its r + 1 positions; the last reads all rows with weight 1 / T.
        share = {row: 1 / (row + 1) / LENGTH for row in range(OBJECT, LENGTH)}
        parts = found[f"planted-{number}"]
        assert parts["effect", "via question"] == pytest.approx(unit * (share[2] + share[3]), rel=1e-4)
        # The last reads the object in the first layer, and in the second what the object has made of itself.
        assert parts["effect", "direct"] == pytest.approx(unit * (share[4] + share[1]), rel=1e-4)
        assert parts["effect", "total"] == pytest.approx(unit * sum(share.values()), rel=1e-4)
        assert parts["effect", "interaction"] == pytest.approx(0.0, abs=1e-5)
        assert parts["removed", "direct"] == pytest.approx(parts["effect", "direct"], rel=1e-4)


def test_one_hop_is_all_direct():
    parts = parts_of(planted(hops=1, gain=GAIN), planted_items(3), source="object")
    for one in parts.values():
        assert one["effect", "via question"] == 0.0
        assert one["effect", "direct"] == pytest.approx(one["effect", "total"], rel=1e-5)


@pytest.mark.parametrize("outcome", ["logit_difference", "probability", "log_probability"])
def test_the_parts_add_up_in_a_network_where_paths_interact(outcome):
    network, items = seeing(), seen_items(3)
    found = parts_of(network, items, outcome=outcome)
    interactions = []
    for one in found.values():
        effects = {path: value for (measure, path), value in one.items() if measure == "effect"}
        total = effects.pop("total")
        assert sum(effects.values()) == pytest.approx(total, abs=1e-6)
        assert total == pytest.approx(one["answer", "clean"] - one["answer", "corrupted"], abs=1e-6)
        # The pictures alone differ, and everything after them reads them: nothing passes beside.
        assert effects["beside the source"] == pytest.approx(0.0, abs=1e-4)
        assert one["part", "prior"] + one["part", "visual"] == pytest.approx(one["answer", "clean"], abs=1e-6)
        interactions.append(abs(effects["interaction"]))
        # With two paths, what one removes is the total without what the other does alone.
        assert one["removed", "direct"] == pytest.approx(
            total - effects["via question"] - effects["beside the source"], abs=1e-4
        )
        assert one["removed", "via question"] == pytest.approx(
            total - effects["direct"] - effects["beside the source"], abs=1e-4
        )
    assert max(interactions) > 1e-5


def test_reading_nothing_differently_is_the_plain_run_and_reading_all_of_it_is_the_other():
    network, item = seeing(), seen_items(1)[0]
    clean, corrupted = record(network, item.clean_ids), record(network, item.corrupted_ids)
    plain = network.last_logits([item.corrupted_ids])
    paths = paths_of(item, "image", ("question",))
    none = logits_reading(network, item.corrupted_ids, clean, paths.source, ())
    same = logits_reading(network, item.corrupted_ids, corrupted, paths.source, paths.everyone)
    everything = logits_reading(network, item.corrupted_ids, clean, paths.source, paths.everyone)
    assert torch.equal(none[:, -1], plain)
    assert torch.allclose(same[:, -1], plain, atol=1e-5)
    assert torch.allclose(everything[:, -1], network.last_logits([item.clean_ids]), atol=1e-4)


def test_positions_belong_to_one_path():
    item = seen_items(1)[0]
    paths = paths_of(item, "object", ("question", "background"))
    image = range(1, 17)
    thing = item.groups["object"][0]
    assert paths.readers["via question"] == item.groups["question"]
    assert paths.readers["via background"] == tuple(place for place in image if place > thing)
    assert set(paths.readers) == {"direct", "via question", "via background"}
    others = paths_of(item, "object", ("background",))
    assert others.readers["via other positions"] == item.groups["question"]


def test_a_blank_picture_has_the_mean_colour_of_all_items_and_no_item_its_own():
    items = seen_items(3)
    blank = blank_prompts(items)
    pixels = np.concatenate(
        [pictures_of(ids)[0].pixels.reshape(-1, 3) for item in items for ids in (item.clean_ids, item.corrupted_ids)]
    )
    colours = {tuple(pictures_of(one)[0].pixels.reshape(-1, 3)[number]) for one in blank for number in (0, -1)}
    assert colours == {tuple(np.round(pixels.mean(axis=0)).astype(np.uint8))}
    assert [tuple(one or ()) for one in blank] == [tuple(item.clean_ids) for item in items]
    assert blank_prompts(planted_items(2)) == (None, None)


def test_effects_have_tests_and_pooled_shares():
    effects = Mediation().run_on(
        study(source="object", null="randomised-weights:19"), planted(hops=2, gain=GAIN), planted_items()
    )
    rows = {(row["measure"], row["path"]): row for row in effects.table.to_pylist()}
    total = rows["effect", "total"]["estimate"]
    for path in ("direct", "via question"):
        share = rows["share of effect", path]
        assert share["estimate"] == pytest.approx(rows["effect", path]["estimate"] / total)
        assert share["low"] == pytest.approx(share["high"], rel=1e-3)  # the same in every item
        assert share["null"] is None
    assert rows["effect", "total"]["null"] == "randomised-weights:19"
    assert rows["answer", "clean"]["p"] is None


def test_labels_are_read_from_the_same_runs_as_if_each_were_run():
    network, items = seeing(), seen_items(4)
    free = Mediator(study(), network, items, labels=2).compute(range(4))
    labelled = Mediator(study(), network, items, labels=2).labelled[1]
    run = Mediator(study(), network, labelled).compute(range(4)).to_pylist()
    drawn = {(r["item"], r["measure"], r["path"]): r["value"] for r in free.to_pylist() if r["draw"] == 1}
    expected = {(r["item"], r["measure"], r["path"]): r["value"] for r in run if r["measure"] != "answer"}
    assert drawn == {place: pytest.approx(value, abs=1e-5) for place, value in expected.items()}


def test_chance_passes_no_more_often_than_its_level():
    """Answers that have nothing to do with the prompts, on random networks, against exchanged labels."""
    false, trials = 0, 8
    groups = {"object": (1,), "question": (2,)}
    for seed in range(trials):
        random = np.random.default_rng(seed)
        prompts = [tuple(random.permutation(90)[:4].tolist()) for _ in range(20)]
        items = [
            item(f"{number}", one, (one[0], 91, *one[2:]), random.choice(90, 2, replace=False).tolist(), groups)
            for number, one in enumerate(prompts)
        ]
        asked = study(source="object", null="label-permutation:19", seed=seed)
        effects = Mediation().run_on(asked, tiny_network("gpt2"), items)
        q = [row["q"] for row in effects.table.to_pylist() if row["q"] is not None]
        false += min(q) <= 0.05
    assert false <= 2  # more in 1% of such tests at 5%


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"source": "picture"}, "AE-9502"),
        ({"source": "object", "mediators": ("before",)}, "AE-9502"),
        ({"source": "question", "mediators": ("object",)}, "AE-9508"),
        ({"source": "last"}, "AE-9508"),
    ],
)
def test_a_path_that_is_none_is_one_clear_line(fields, code):
    with pytest.raises(StudyError, match=code):
        Mediation().run_on(study(**fields), planted(hops=1), planted_items(3))
