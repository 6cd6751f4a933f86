"""Questions have the answers that masks and words give, and their words alone give none."""

import math
import re
from collections import Counter, defaultdict

import pytest
from scene_answers import answered

from aetia.scenes import KINDS, Prior, Scene, Settings, Thing, caption, draw, questions
from aetia.scenes.asking import _shares

PLAIN = Settings(size=64)
FULL = Settings(sizes=True, textures=True, labels=True, occlusion=True)


def asked(settings, count):
    return [question for seed in range(count) for question in questions(draw(seed, settings), seed + 1)[:-1]]


@pytest.mark.parametrize("settings", [PLAIN, FULL, Settings(prior=Prior(), most=8)])
def test_every_answer_is_what_the_masks_and_names_say(settings):
    kinds = set()
    for seed in range(150):
        scene = draw(seed, settings)
        found = questions(scene, seed)
        for question in found[:-1]:
            assert answered(scene, question.text) == question.answer, (seed, question)
            assert question.answer in question.options
            kinds.add(question.kind)
        assert len({question.kind for question in found}) == len(found)
    expected = set(KINDS) - {"caption", "order", "cause"}
    assert kinds == (expected if settings == FULL else expected - {"size", "texture", "label", "cover"})


def features(question):
    """All words, all pairs of words, and the text."""
    words = re.findall(r"\w+", question.text)
    return {*words, *((one, other) for one in words for other in words), question.text}


def learned(train, test):
    """The share of test answers that a naive Bayes learner over the questions' words gets, by kind of options."""
    hits, chance = defaultdict(list), {}
    for options in {question.options for question in train}:
        counts, totals = defaultdict(Counter), Counter()
        for question in train:
            if question.options == options:
                totals[question.answer] += 1
                for feature in features(question):
                    counts[feature][question.answer] += 1
        for question in test:
            if question.options == options:
                known = [counts[feature] for feature in features(question)]
                best = max(
                    options,
                    key=lambda answer: (
                        sum(math.log((seen[answer] + 1) / (totals[answer] + 2)) for seen in known)
                        + math.log(totals[answer] + 1)
                    ),
                )
                hits[question.kind].append(best == question.answer)
                chance.setdefault(question.kind, []).append(1 / len(options))
    return {kind: (sum(made) / len(made), sum(chance[kind]) / len(made), len(made)) for kind, made in hits.items()}


@pytest.mark.parametrize(("settings", "count"), [(PLAIN, 6000), (FULL, 1500)])
def test_the_words_alone_are_at_chance(settings, count):
    by_kind = defaultdict(list)
    for question in asked(settings, count):
        by_kind[question.kind].append(question)
    for kind, found in by_kind.items():
        half = len(found) // 2
        rate, chance, number = learned(found[:half], found[half:])[kind]
        assert rate - chance < 3.5 * (chance * (1 - chance) / number) ** 0.5, (kind, rate, chance)


def test_a_planted_prior_is_in_the_words():
    found = [question for question in asked(Settings(size=64, prior=Prior()), 2000) if question.kind == "colour"]
    rate, chance, _ = learned(found[:800], found[800:])["colour"]
    assert chance == pytest.approx(1 / 6)
    assert rate > 0.8


def test_answers_come_equally_often():
    counts = defaultdict(Counter)
    for question in asked(PLAIN, 6000):
        counts[question.kind, question.options][question.answer] += 1
    for (kind, options), seen in counts.items():
        share, total = 1 / len(options), sum(seen.values())
        deviation = (share * (1 - share) / total) ** 0.5
        assert max(abs(seen[answer] / total - share) for answer in options) < 5 * deviation, (kind, seen)


def test_half_of_what_is_not_there_is_nearly_there():
    near = []
    for seed in range(2000):
        scene = draw(seed, Settings(size=64, most=2))
        [question] = [one for one in questions(scene, 0) if one.kind == "existence"]
        if question.answer == "no":
            colour, shape = question.text.removeprefix("Is there a ").removesuffix("?").split()
            near.append(any(colour == one.colour or shape == one.shape for one in scene.things))
    assert 0.6 < sum(near) / len(near) < 0.85  # half on purpose, and some of the others by chance


def test_what_a_question_is_about_are_the_things_it_names():
    scene = Scene(
        (Thing("red", "circle", 0, 0), Thing("blue", "circle", 1, 2), Thing("green", "cross", 3, 1)), PLAIN, 0
    )
    found = {(one.text, one.answer): one.about for seed in range(200) for one in questions(scene, seed)}
    assert found["Is the red circle left of the green cross?", "yes"] == (0, 2)
    assert found["What colour is the cross?", "green"] == (2,)
    assert found["How many circles are there?", "two"] == (0, 1)
    assert found["Are there more circles than crosses?", "yes"] == (0, 1, 2)
    assert ("What colour is the circle?", "red") not in found
    assert found["Describe the image.", "a red circle, a blue circle, a green cross"] == (0, 1, 2)


def test_captions_are_in_reading_order_and_tell_what_varies():
    things = (Thing("red", "cross", 2, 1, size="large", texture="striped"), Thing("blue", "circle", 0, 3))
    assert caption(Scene(things, PLAIN, 0)) == "a blue circle, a red cross"
    varied = Settings(sizes=True, textures=True)
    assert caption(Scene(things, varied, 0)) == "a small plain blue circle, a large striped red cross"


def test_what_could_have_one_answer_only_is_not_asked():
    one = Settings(fewest=2, most=2)
    assert "count" not in {question.kind for question in asked(one, 50)}
    small = Settings(colours=("red", "blue"), shapes=("circle", "square"), fewest=4, most=4)
    assert "existence" not in {question.kind for question in asked(small, 20)}


@pytest.mark.parametrize(
    "settings",
    [PLAIN, Settings(prior=Prior(), most=8), Settings(prior=Prior("colour", "shape", 0.7)), Settings(fewest=3, most=9)],
)
def test_how_often_a_count_can_be_asked_for_is_known_exactly(settings):
    seen = Counter()
    for seed in range(3000):
        counts = Counter(thing.shape for thing in draw(seed, settings).things)
        seen.update({counts[shape] for shape in settings.shapes})
    told = _shares(settings)
    assert len(told) > 2
    for number, share in told.items():
        assert abs(seen[number] / 3000 - share) < 4 * (share * (1 - share) / 3000) ** 0.5 + 1e-9


def test_two_of_one_name_are_never_named():
    settings = Settings(prior=Prior(strength=1.0), fewest=6, most=6)
    for seed in range(50):
        scene = draw(seed, settings)
        twice = {name for name, number in Counter(one.name for one in scene.things).items() if number > 1}
        told = [one.text for one in questions(scene, seed) if one.kind in {"relation", "size", "texture"}]
        assert twice
        assert not any(name in text for name in twice for text in told)
