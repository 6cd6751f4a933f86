"""In clips things move as told, and one moves another only where they touch."""

from collections import Counter

import numpy as np
import pytest
from scene_answers import middle

from aetia.errors import StudyError
from aetia.scenes import Settings, clip, footprints, render, siamese

CLIPS = [clip(seed) for seed in range(150)]


def places(found):
    """Where each thing is in each frame: [frames, things, 2], in pixels."""
    return np.array([[middle(mask) for mask in footprints(frame)] for frame in found.frames])


def test_things_start_to_move_when_told_and_others_stay():
    for found in CLIPS[:60]:
        moved = np.abs(np.diff(places(found), axis=0)).max(2) > 0.01  # [frames - 1, things]
        told = {motion.thing: motion for motion in found.motions}
        for thing in range(moved.shape[1]):
            if thing not in told:
                assert not moved[:, thing].any()
                continue
            pixels = told[thing].speed * 24 * (told[thing].first - told[thing].start)
            first = int(np.flatnonzero(moved[:, thing])[0]) + 1
            assert first == told[thing].first or pixels < 1.5, found.motions


def test_nothing_overlaps_and_nothing_leaves_the_picture():
    for found in CLIPS[:60]:
        areas = [footprints(frame).sum((1, 2)) for frame in found.frames]
        for frame, area in zip(found.frames, areas, strict=True):
            assert footprints(frame).sum(0).max() == 1
            assert (np.abs(area - areas[0]) < 0.2 * areas[0] + 6).all()


def test_a_thing_moves_another_exactly_if_it_comes_to_touch_it():
    for found in CLIPS:
        gap = edge_gap(footprints(found.frames[-1])[0], footprints(found.frames[0])[1])
        if (0, 1) in found.causes:
            assert gap <= 2.5
        else:
            assert gap >= 4
    assert 0.5 < np.mean([bool(found.causes) for found in CLIPS]) < 0.83


def edge_gap(one, other):
    """The empty pixels between two masks along the axis on which they are apart."""
    gaps = []
    for axis in (0, 1):
        first, second = (np.flatnonzero(mask.any(1 - axis)) for mask in (one, other))
        gaps.append(max(second[0] - first[-1], first[0] - second[-1]) - 1)
    return max(gaps)


def test_questions_are_right_and_even():
    answers = {"order": Counter(), "cause": Counter()}
    for seed in range(800):
        found = clip(seed)
        first = {motion.thing: motion.first for motion in found.motions}
        for question in found.questions:
            one, other = question.about
            is_so = first[one] < first[other] if question.kind == "order" else (one, other) in found.causes
            assert question.answer == ("yes" if is_so else "no")
            assert [found.frames[0].things[index].name in question.text for index in (one, other)] == [True, True]
            answers[question.kind][question.answer] += 1
    for seen in answers.values():
        assert sum(seen.values()) > 700
        assert abs(seen["yes"] - seen["no"]) < 4 * sum(seen.values()) ** 0.5


def test_the_order_of_motions_alone_does_not_tell_the_cause():
    without = [found for found in CLIPS if not found.causes]
    first = [next(motion.thing for motion in found.motions if motion.thing in {0, 1}) for found in without]
    assert first.count(0) > 0.7 * len(first)  # the one that stops short moves first here, too


def test_frames_differ_only_where_something_moved():
    for found in CLIPS[:30]:
        moving = [motion.thing for motion in found.motions]
        pictures = [render(frame) for frame in found.frames]
        lies = np.any([footprints(frame)[moving].any(0) for frame in found.frames], axis=0)
        for picture in pictures[1:]:
            assert not ((picture != pictures[0]).any(2) & ~lies).any()


def test_without_the_cause_nothing_but_it_and_its_effect_is_otherwise():
    for seed in range(60):
        pair = siamese(seed)
        assert pair.factual.frames[0] == pair.counterfactual.frames[0]
        assert (pair.thing, pair.effect) in pair.factual.causes
        for one, other in zip(pair.factual.frames, pair.counterfactual.frames, strict=True):
            assert one.things[2:] == other.things[2:]
            assert other.things[:2] == pair.factual.frames[0].things[:2]
        before, after = pair.pair
        assert before.things[pair.effect] == pair.factual.frames[0].things[pair.effect]
        assert after.things[pair.effect] != before.things[pair.effect]
        assert pair.question.answer == "yes"
        assert after.things[pair.effect].name in pair.question.text


def test_clips_are_those_of_their_seed():
    assert clip(5) == CLIPS[5]
    assert siamese(5) == siamese(5)
    assert len(clip(5, Settings(size=60, cells=5), frames=12).frames) == 12


@pytest.mark.parametrize("make", [lambda: clip(0, frames=5), lambda: siamese(0, Settings(cells=3, most=4))])
def test_what_is_too_short_or_too_small_is_told(make):
    with pytest.raises(StudyError) as caught:
        make()
    assert caught.value.code == "AE-9107"
