"""`aetia train` writes a model folder from a seed, goes on after a kill, and tells programs what came of it."""

import json

import pytest
from click.testing import CliRunner

from aetia.cli.train import command
from aetia.errors import StudyError
from aetia.seeing import toy
from aetia.seeing.judging import VALIDATION
from aetia.seeing.recipe import Recipe
from aetia.seeing.scores import KINDS

SMALL = {
    "vision_steps": 2,
    "alignment_steps": 2,
    "language_steps": 3,
    "vision_scenes": 2,
    "language_scenes": 2,
    "look_every": 2,
}


@pytest.fixture(autouse=True)
def small_recipe(monkeypatch):
    monkeypatch.setattr(toy, "VALIDATION", VALIDATION[:3])
    monkeypatch.setattr("aetia.seeing.recipe.Recipe", lambda seed: Recipe(seed=seed, **SMALL))
    monkeypatch.setattr("aetia.seeing.judging.HELD_OUT", range(2_000_000_000, 2_000_000_004))


def train(*arguments):
    result = CliRunner().invoke(command, ["toy-llava", "--device", "cpu", *arguments], standalone_mode=False)
    if result.exception is not None:
        raise result.exception
    return result


def test_a_model_comes_of_it_with_its_card_and_curves(tmp_path):
    from transformers import LlavaForConditionalGeneration

    result = train("--out", str(tmp_path / "toy"), "--steps", "4")
    assert "existence" in result.stdout
    assert "after 4 of 4 steps, on validation scenes" in result.stderr
    model = LlavaForConditionalGeneration.from_pretrained(tmp_path / "toy", local_files_only=True)
    assert model.config.image_seq_length == 16
    curves = json.loads((tmp_path / "toy" / "curves.json").read_text())
    assert len(curves["loss"]["language"]) == 4
    assert "toy-llava" in (tmp_path / "toy" / "card.md").read_text()
    assert not (tmp_path / "toy" / "checkpoint.safetensors").exists()


def test_programs_get_one_record_for_each_kind_and_control(tmp_path):
    result = train("--out", str(tmp_path), "--json")
    records = [json.loads(line) for line in result.stdout.splitlines()]
    assert [(one["kind"], one["control"]) for one in records] == [
        (kind, control) for control in ("none", "blank", "shuffled") for kind in KINDS
    ]
    assert {one["record"] for one in records} == {"trained"}
    assert "step" not in result.stderr


def test_what_was_begun_is_gone_on_with_only_if_asked_for(tmp_path):
    def killed(*_arguments):
        raise MemoryError

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("aetia.seeing.judging.judge", killed)
        with pytest.raises(MemoryError):
            train("--out", str(tmp_path))
    with pytest.raises(StudyError, match="AE-9201"):
        train("--out", str(tmp_path))
    train("--out", str(tmp_path), "--resume")
    assert (tmp_path / "model.safetensors").exists()
