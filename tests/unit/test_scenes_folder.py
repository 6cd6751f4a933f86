"""A folder of scenes is written whole, goes on where it was, reads back, and says what is wrong."""

import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from aetia.cli.application import run
from aetia.cli.records import ScenesRecord
from aetia.cli.schema import records_schema
from aetia.errors import StudyError
from aetia.scenes import Prior, Recipe, Settings, draw, items, masks, read_scenes, render, write_scenes

SMALL = Settings(size=64)


@pytest.fixture
def ask(capfd):
    def asked(*arguments):
        code = run(("scenes", *arguments))
        told = capfd.readouterr()
        return code, told.out, told.err

    return asked


def files(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize(
    "recipe",
    [
        Recipe(4, settings=SMALL),
        Recipe(3, 5, replace(SMALL, prior=Prior(), labels=True), masks=True),
        Recipe(3, settings=SMALL, change="move"),
        Recipe(2, settings=SMALL, clips=True, kinds=("cause",)),
    ],
)
def test_what_is_written_reads_back_and_is_what_the_pictures_show(tmp_path, recipe):
    written = write_scenes(tmp_path / "one", recipe)
    read = read_scenes(tmp_path / "one")
    assert read == tuple(items(recipe))
    assert written.pictures == sum(len(item.pictures) for item in read) * (2 if recipe.masks else 1)
    for item in read:
        for path, scene in zip(item.pictures, item.scenes, strict=True):
            with Image.open(tmp_path / "one" / path) as picture:
                assert np.array_equal(np.asarray(picture), render(scene))
            if recipe.masks:
                with Image.open(tmp_path / "one" / path.replace("images", "masks")) as picture:
                    shown = np.asarray(picture)
                assert np.array_equal(shown[None] == np.arange(1, len(scene.things) + 1)[:, None, None], masks(scene))
    again = write_scenes(tmp_path / "two", recipe)
    assert again == written
    assert files(tmp_path / "one") == files(tmp_path / "two")


def test_a_run_that_was_stopped_goes_on_and_more_items_are_added(tmp_path):
    recipe = Recipe(6, settings=SMALL)

    def stop(done):
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_scenes(tmp_path / "out", recipe, stop)
    assert not (tmp_path / "out" / "scenes.jsonl").exists()
    went_on = write_scenes(tmp_path / "out", recipe)
    assert (went_on.pictures, went_on.kept) == (3, 3)
    write_scenes(tmp_path / "whole", recipe)
    assert files(tmp_path / "out") == files(tmp_path / "whole")
    more = write_scenes(tmp_path / "out", replace(recipe, items=8))
    assert (more.pictures, more.kept) == (2, 6)
    assert read_scenes(tmp_path / "out")[:6] == read_scenes(tmp_path / "whole")


def test_only_items_with_the_kinds_asked_for_are_kept():
    for item in items(Recipe(30, settings=SMALL, kinds=("count-of", "relation"))):
        assert {question.kind for question in item.questions} <= {"count-of", "relation"}
        assert item.questions
    for item in items(Recipe(20, settings=SMALL, change="remove", kinds=("count",))):
        assert [question.kind for question in item.questions] == ["count"]
        assert len(item.answers_after) == 1


def test_a_folder_with_something_else_is_left_alone(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years")
    (tmp_path / "file").write_text("")
    write_scenes(tmp_path / "other", Recipe(3, settings=SMALL))
    for folder, recipe in (
        ("mine", Recipe(1)),
        ("file", Recipe(1)),
        ("other", Recipe(3, seed=1, settings=SMALL)),
        ("other", Recipe(2, settings=SMALL)),
    ):
        with pytest.raises(StudyError) as caught:
            write_scenes(tmp_path / folder, recipe)
        assert caught.value.code == "AE-9108"
    assert sorted(path.name for path in (tmp_path / "mine").iterdir()) == ["thesis.txt"]


@pytest.mark.parametrize("line", ["{", "[]", '{"id": "1"}', "\udcff"])
def test_a_line_that_cannot_be_read_is_named(tmp_path, line):
    write_scenes(tmp_path, Recipe(2, settings=SMALL))
    place = tmp_path / "scenes.jsonl"
    place.write_bytes(place.read_bytes() + line.encode(errors="surrogateescape") + b"\n")
    with pytest.raises(StudyError, match="Line 3") as caught:
        read_scenes(tmp_path)
    assert caught.value.code == "AE-9109"


def test_a_thing_that_is_none_is_told_with_its_line(tmp_path):
    write_scenes(tmp_path, Recipe(1, settings=SMALL))
    place = tmp_path / "scenes.jsonl"
    record = json.loads(place.read_text())
    record["scenes"][0]["things"] = [{"colour": "mauve", "shape": "circle", "row": 0, "column": 0}]
    place.write_text(json.dumps(record))
    with pytest.raises(StudyError, match=r"Line 1.*mauve"):
        read_scenes(tmp_path)


def test_the_command_writes_and_tells(ask, tmp_path):
    out = str(tmp_path / "out")
    assert ask("--items", "3", "--out", out, "--size", "64")[:2] == (
        0,
        f"wrote {out}: 3 items, 3 pictures, seed 0\n",
    )
    code, told, _ = ask("--items", "4", "--out", out, "--size", "64", "--json")
    record = json.loads(told)
    assert (code, record["record"], record["written"], record["kept"]) == (0, "scenes", 1, 3)
    assert ScenesRecord.model_validate(record).folder == out
    assert "ScenesRecord" in str(records_schema())
    [first, *_] = read_scenes(tmp_path / "out")
    assert first.scenes[0] == draw(first.scenes[0].seed, SMALL)


def test_a_dry_run_writes_nothing(ask, tmp_path):
    out = tmp_path / "out"
    code, told, _ = ask("--items", "500", "--clips", "--masks", "--out", str(out), "--dry-run")
    assert code == 0
    assert "500 items in 8,000 pictures" in told
    assert not out.exists()
    record = json.loads(ask("--items", "500", "--out", str(out), "--dry-run", "--json")[1])
    assert (record["planned"], record["written"]) == (500, 0)
    assert 5_000_000 < record["bytes"] < 20_000_000


@pytest.mark.parametrize(
    ("code", "arguments"),
    [
        ("AE-1001", ("--clips", "--edited", "move")),
        ("AE-1001", ("--items", "0")),
        ("AE-9101", ("--size", "50")),
        ("AE-9104", ("--prior", "shape:colour")),
        ("AE-9104", ("--prior", "shape:colour:much")),
        ("AE-9104", ("--prior", "shape:colour:nan")),
        ("AE-9108", ("--out", "taken")),
        ("AE-9110", ("--kind", "size")),
        ("AE-6012", ("--out", "taken/below")),
    ],
)
def test_bad_input_is_one_block_and_the_code_of_a_usage_error(ask, tmp_path, monkeypatch, code, arguments):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken").write_text("")
    exit_code, out, told = ask(*arguments)
    assert (exit_code, out) == (2, "")
    assert told.startswith(code)
    assert "Mend:" in told
