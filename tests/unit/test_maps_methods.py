"""Maps of a model whose only path is planted, and of a random one, against plain hooks and formulas."""

import numpy as np
import planted_sight as sight
import pytest
import torch
from tiny_encoders import random_picture, tiny_llava

from aetia.errors import StudyError
from aetia.maps.asked import answered, asked, places_of, with_picture
from aetia.maps.lens import activation_at_scales, logit_lens, msea, scales_kept, tam
from aetia.maps.methods import MAPS, draw_map, draw_maps
from aetia.maps.names import AT_ONE_LAYER, MAP_NAMES, parsed_map
from aetia.maps.reading import attention, gradient_input, log_odds, rolled, rollout
from aetia.maps.removal import fill_colour, occlusion, painted, patch_ablation, without
from aetia.models import Intervention, Knockout, Set, Site, gradients, run_with_hooks
from aetia.models.pictures import Picture
from aetia.models.prompts import Prompt

POINTING = ("attention:0", "attention", "rollout", "attention-gradient", "gradient-input", "occlusion")
NOISE = Picture(np.random.default_rng(5).integers(0, 256, (32, 32, 3), dtype=np.uint8))


def planted(cell=6, colour=1):
    return asked(sight.seeing_network(), sight.prompt(sight.picture(cell, colour, noise=8)))


@pytest.fixture(scope="module")
def of_noise():
    """An answer of the random network about a picture of noise."""
    return asked(sight.random_network(), sight.prompt(NOISE))


def probability(question, logits):
    return float(logits.float().softmax(-1)[question.answer[0]])


@pytest.mark.parametrize("name", [*POINTING, "patch-ablation"])
@pytest.mark.parametrize("cell", [0, 6, 15])
def test_maps_that_follow_the_only_path_point_at_its_patch(name, cell):
    assert draw_map(planted(cell), name).argmax() == cell


def test_the_planted_model_answers_by_the_patch_and_exact_maps_are_zero_elsewhere():
    question = planted(9, 2)
    assert question.answer == (sight.COLOURS[2],)
    for grid in (occlusion(question), patch_ablation(question)):
        assert grid[2, 1] > 0.9
        assert np.abs(np.delete(grid.ravel(), 9)).max() < 0.01


def test_attention_is_the_pattern_of_the_last_position_as_hooks_read_it(of_noise):
    sites = [Site("pattern", layer, position=-1) for layer in range(2)]
    found = run_with_hooks(of_noise.network, of_noise.prompt, captures=sites).captured
    rows = torch.stack([found[site][0].mean(0) for site in sites])[:, list(of_noise.places)]
    assert np.allclose(attention(of_noise).ravel(), rows.mean(0), atol=1e-6)
    assert np.allclose(attention(of_noise, 1).ravel(), rows[1], atol=1e-6)


def test_reading_attention_leaves_the_logits_bit_for_bit(of_noise):
    before = of_noise.network.logits(of_noise.prompt)
    draw_maps(of_noise, MAP_NAMES)
    assert torch.equal(before, of_noise.network.logits(of_noise.prompt))


def test_rows_of_rollout_sum_to_1_and_one_layer_is_half_of_it(of_noise):
    weights = of_noise.weights.mean(1)
    assert torch.allclose(rolled(weights).sum(-1), torch.ones(weights.shape[-1]), atol=1e-5)
    one = rollout(of_noise, 0).ravel()
    assert np.allclose(one, weights[0, -1, list(of_noise.places)] / 2, atol=1e-6)


def test_the_logit_lens_of_the_last_layer_is_the_models_own_logits(of_noise):
    logits = of_noise.network.logits(of_noise.prompt)[list(of_noise.places), of_noise.answer[0]]
    assert np.allclose(logit_lens(of_noise).ravel(), logits, atol=1e-4)
    middle = of_noise.network.unembed(of_noise.run.resid_pre[1, list(of_noise.places)])[:, of_noise.answer[0]]
    assert np.allclose(logit_lens(of_noise, 0).ravel(), middle, atol=1e-5)


def test_token_activation_maps_equal_their_formula_written_out(of_noise):
    logits = of_noise.network.logits(of_noise.prompt).double().numpy()
    image, texts = list(of_noise.places), range(of_noise.places[-1] + 1, len(of_noise.prompt))
    own = np.maximum(logits[image, of_noise.answer[0]], 0)
    relevance = {j: max(logits[j, of_noise.answer[0]], 0.0) for j in texts if of_noise.prompt[j] != of_noise.answer[0]}
    assert sum(relevance.values()) > 0
    total = sum(relevance.values())
    parts = [r / total * np.maximum(logits[image, of_noise.prompt[j]], 0) for j, r in relevance.items()]
    mixed = np.sum(parts, axis=0)
    scale = (own * mixed).sum() / (mixed * mixed).sum()
    assert np.allclose(tam(of_noise).ravel(), np.maximum(own - scale * mixed, 0), atol=1e-4)


def test_the_multi_scale_map_averages_the_sizes_that_keep_the_answer():
    question = planted()
    assert scales_kept(question) == (1.0, 0.75, 1.25)
    one = activation_at_scales(question, (1.0,))
    assert len(one) == 1
    assert np.array_equal(one[0][1], np.maximum(logit_lens(question), 0))
    grids = [grid for _, grid in activation_at_scales(question)]
    assert np.allclose(msea(question), np.mean(grids, axis=0))


def test_a_size_that_changes_the_answer_is_left_out(of_noise):
    for scale in (0.5, 0.75, 1.25, 2.0):
        kept = [one for one, _ in activation_at_scales(of_noise, (1.0, scale))]
        side = round(32 * scale)
        from PIL import Image

        small = Picture(np.asarray(Image.fromarray(NOISE.pixels).resize((side, side), Image.Resampling.BICUBIC)))
        other = with_picture(of_noise.network, of_noise.prompt, small)
        assert (scale in kept) == (answered(of_noise.network, other) == of_noise.answer[0])


@pytest.mark.parametrize("cells", [(), (3,), (0, 7, 12), tuple(range(16))])
def test_cells_without_which_the_answer_is_read_equal_plain_hooks(of_noise, cells):
    network, prompt = of_noise.network, of_noise.prompt
    gone = [of_noise.places[cell] for cell in cells]
    cut = [
        Intervention(Site("pattern", layer, position=row), Knockout(keys))
        for layer in range(2)
        for row in range(len(prompt))
        if (keys := tuple(place for place in gone if place != row))
    ]
    values = without(of_noise, [frozenset(cells)], "attention")
    assert values[frozenset(cells)] == pytest.approx(
        probability(of_noise, run_with_hooks(network, prompt, cut).logits[0]), abs=1e-5
    )
    shown = Prompt(prompt, [painted(of_noise, cells)], prompt.starts)
    values = without(of_noise, [frozenset(cells)], "pixels")
    assert values[frozenset(cells)] == pytest.approx(probability(of_noise, network.logits(shown)[-1]), abs=1e-5)


def test_a_picture_that_the_processor_resizes_is_painted_in_its_own_pixels():
    large = Picture(np.random.default_rng(1).integers(0, 256, (48, 80, 3), dtype=np.uint8))
    question = asked(sight.random_network(), sight.prompt(large))
    shown = painted(question, (5,))
    changed = (shown.pixels != large.pixels).any(-1)
    assert changed[12:24, 20:40].mean() > 0.9
    assert not np.delete(changed.reshape(4, 12, 4, 20).any((1, 3)).ravel(), 5).any()
    direct = probability(question, question.network.logits(sight.prompt(shown))[-1])
    assert without(question, [frozenset({5})], "pixels")[frozenset({5})] == pytest.approx(direct, abs=1e-6)


def test_patch_ablation_equals_a_plain_hook_on_each_embedding(of_noise):
    tokens = of_noise.run.resid_pre[0]
    mean = tokens[list(of_noise.places)].mean(0)
    grid = patch_ablation(of_noise).ravel()
    for cell in (0, 7, 15):
        site = Site("embed", position=of_noise.places[cell])
        logits = run_with_hooks(of_noise.network, of_noise.prompt, [Intervention(site, Set(mean))]).logits[0]
        assert grid[cell] == pytest.approx(of_noise.value - probability(of_noise, logits), abs=1e-5)


def test_occlusion_is_deletion_of_one_cell(of_noise):
    values = without(of_noise, [frozenset(), frozenset({4})], "pixels")
    assert occlusion(of_noise).ravel()[4] == pytest.approx(values[frozenset()] - values[frozenset({4})], abs=1e-6)


def test_painting_a_picture_of_one_colour_changes_nothing():
    flat = Picture(np.full((32, 32, 3), 77, np.uint8))
    question = asked(sight.random_network(), sight.prompt(flat))
    assert painted(question, range(16)).digest == flat.digest
    assert np.array_equal(occlusion(question), np.zeros((4, 4)))


def test_the_median_of_a_thing_before_a_ground_is_the_ground():
    shown = sight.picture(3, 0)
    assert fill_colour(shown, "median").tolist() == [0, 0, 0]
    assert fill_colour(shown, "mean").tolist() == [16, 0, 0]


def test_gradient_input_equals_differences_of_the_log_odds(of_noise):
    network, prompt = of_noise.network, of_noise.prompt
    inputs = network.inputs([prompt])
    pixels, size = inputs["pixel_values"], 1e-2
    steps = torch.zeros(64, *pixels.shape[1:])
    for number in range(64):  # the slope along the pixel's own colour is what slope times value sums to
        row, column = divmod(number, 8)
        steps[number, :, row, column] = size * pixels[0, :, row, column]
    shown = torch.cat([pixels + steps, pixels - steps])
    ids = inputs["input_ids"].expand(128, -1)
    with torch.inference_mode():
        logits = network.module(input_ids=ids, pixel_values=shown).logits[:, -1:]
        values = torch.stack([log_odds(of_noise, one) for one in logits])
    expected = ((values[:64] - values[64:]) / (2 * size)).numpy()
    found = gradient_input(of_noise)[0, 0] * 64
    assert found == pytest.approx(np.abs(expected).sum(), rel=0.03)


def test_slopes_of_the_log_odds_do_not_vanish_where_the_answer_is_sure():
    question = planted()
    site = Site("resid_pre", 0, position=question.places[6])
    found = gradients(question.network, question.prompt, lambda logits: log_odds(question, logits), [site])
    assert question.value > 1 - 1e-6
    assert found[site][1].abs().max() > 1e-2


def test_maps_at_one_layer_are_named_and_others_refused(of_noise):
    assert parsed_map("attention:1") == ("attention", 1)
    assert not np.allclose(draw_map(of_noise, "attention:0"), draw_map(of_noise, "attention:1"))
    for wrong in ("atention", "tam:1", "attention:x", "attention:-1"):
        with pytest.raises(StudyError) as caught:
            parsed_map(wrong)
        assert caught.value.code == "AE-9606"
    with pytest.raises(StudyError) as caught:
        draw_map(of_noise, "attention:2")
    assert caught.value.code == "AE-9604"


def test_every_named_map_has_its_method_and_citation():
    assert tuple(MAPS) == MAP_NAMES
    assert {name for name, method in MAPS.items() if method.draw_at is not None} == AT_ONE_LAYER
    assert all(method.citation and method.assumes for method in MAPS.values())


def test_an_answer_of_two_tokens_is_explained_as_a_whole():
    network = sight.random_network()
    question = asked(network, sight.prompt(NOISE), (20, 21), outcome="log_probability")
    logits = network.logits(question.whole).float().log_softmax(-1)
    assert question.value == pytest.approx(float(logits[-2, 20] + logits[-1, 21]), abs=1e-5)
    for name in MAP_NAMES:
        assert np.isfinite(draw_map(question, name)).all()
    values = without(question, [frozenset(), frozenset({1})], "attention")
    assert values[frozenset()] == pytest.approx(question.value, abs=1e-5)


def test_a_question_without_a_picture_or_of_another_outcome_is_refused():
    network, prompt = sight.random_network(), sight.prompt(NOISE)
    for number, given in ((0, Prompt([1, 10])), (1, prompt)):
        with pytest.raises(StudyError) as caught:
            asked(network, given, (20,), picture=number)
        assert caught.value.code == "AE-9601"
    with pytest.raises(StudyError) as caught:
        asked(network, prompt, (20,), outcome="kl")
    assert caught.value.code == "AE-9602"


def test_the_places_of_each_picture_are_found_where_there_are_two():
    network = sight.random_network()
    first, second = Picture(NOISE.pixels[::-1].copy()), NOISE
    two = Prompt([1, *[3] * 16, 8, *[3] * 16, 9], [first, second], [1, 18])
    assert places_of(network, two, 1) == tuple(range(18, 34))
    question = asked(network, two, picture=1)
    swapped = with_picture(network, two, first, 1)
    assert swapped.pictures == (first, first)
    values = without(question, [frozenset({0})], "pixels")
    shown = Prompt(two, [first, painted(question, (0,))], two.starts)
    assert values[frozenset({0})] == pytest.approx(probability(question, network.logits(shown)[-1]), abs=1e-5)


@pytest.mark.parametrize("strategy", ["default", "full"])
def test_a_map_leaves_the_token_of_the_whole_picture_out(strategy):
    network = tiny_llava(strategy=strategy)
    picture, extra = random_picture(3), strategy == "full"
    prompt = Prompt([1, *[3] * (9 + extra), 20, 21], [picture], [1])
    assert places_of(network, prompt) == tuple(range(1 + extra, 10 + extra))
    question = asked(network, prompt)
    for name in ("attention", "occlusion"):
        assert draw_map(question, name).shape == (3, 3)
    painted_out = Prompt(prompt, [painted(question, (4,))], [1])
    expected = probability(question, network.logits(painted_out)[-1])
    assert without(question, [frozenset({4})], "pixels")[frozenset({4})] == pytest.approx(expected, abs=1e-5)
