"""Which files does a study mean? Those beside its own file, and their content is part of where its run goes."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from seeing_networks import tiny_llava

from aetia.cli.application import run
from aetia.contrasts.files import pictures_named
from aetia.runs import load_study, open_run
from aetia.studies.asking import default_directory
from aetia.tracing import TraceStudy

QUESTION = "what colour is the circle ?"


def paint(path, seed):
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(path)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A folder with a model that sees."""
    folder, network = tmp_path_factory.mktemp("model"), tiny_llava()
    assert network.vision is not None
    assert network.tokenizer is not None
    for part in (network.module, network.tokenizer, network.vision.processor):
        part.save_pretrained(folder)  # pyright: ignore[reportAttributeAccessIssue]
    return folder


@pytest.fixture
def own(tmp_path, monkeypatch, model):
    """A folder `own` with a model, pictures, contrasts and studies; the working directory is another one."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(model, "own/model")
    for seed, name in enumerate(("a", "b", "c", "d")):
        paint(f"own/{name}.png", seed)
    shown = (("a.png", "b.png"), (["c.png", "d.png"], ["c.png", "a.png"]))
    asked = {"clean": QUESTION, "corrupted": QUESTION, "answer": " red", "foil": " blue"}
    lines = [{**asked, "picture": first, "edited": second} for first, second in shown]
    Path("own/pairs.jsonl").write_text("\n".join(map(json.dumps, lines)))
    head = 'instrument = "trace"\nmodel = "model"\nsites = ["resid_pre"]\npositions = "spans"\nnull = "none"\n'
    Path("own/pairs.toml").write_text(head + 'contrasts = "pairs.jsonl"\n')
    Path("own/pair.toml").write_text(
        head
        + f'[pair]\nclean = "{QUESTION}"\npicture = "a.png"\nedited = ["b.png"]\nregions = {{ it = [0, 0, 16, 16] }}'
        '\nanswer = " red"\nfoil = " blue"\n'
    )
    return Path("own")


def test_the_files_that_a_study_names_lie_beside_its_own(own):
    study = load_study("own/pairs.toml").record()
    assert (study["model"], study["contrasts"]) == ("own/model", "own/pairs.jsonl")
    study = load_study("own/pair.toml")
    assert isinstance(study, TraceStudy)
    assert study.pair is not None
    assert (study.pair.picture, study.pair.edited) == (("own/a.png",), ("own/b.png",))
    os.chdir("own")
    study = load_study("pairs.toml").record()
    assert (study["model"], study["contrasts"]) == ("model", "pairs.jsonl")


def test_the_files_of_an_evaluation_lie_beside_its_own(tmp_path):
    record = {"instrument": "evaluate", "tasks": ["own.jsonl", "cladder/rung1"], "data": "sets", "relations": "net.csv"}
    (tmp_path / "study.json").write_text(json.dumps({**record, "model": "./model"}))
    study = load_study(tmp_path / "study.json").record()
    assert study["tasks"] == [f"{tmp_path}/own.jsonl", "cladder/rung1"]
    assert [study[name] for name in ("data", "relations")] == [f"{tmp_path}/sets", f"{tmp_path}/net.csv"]
    assert study["model"] == f"{tmp_path}/model"
    for model in ("reference:engine", "http://localhost:1/v1#own"):
        (tmp_path / "study.json").write_text(json.dumps({**record, "model": model}))
        assert load_study(tmp_path / "study.json").record()["model"] == model


def test_names_that_are_no_files_stay_what_they_are(tmp_path):
    fields = {
        "trace": {"model": "toy-llava", "contrasts": "scenes:colour"},
        "circuit": {"model": "owner/name", "contrasts": "capitals", "other": "own.csv"},
        "subspace": {"contrasts": "../ioi.jsonl", "method": "file", "file": "/lines.npy", "site": "L0.resid_pre@-1"},
        "impairment": {"model": "./here", "contrasts": "capitals", "other": "landmarks"},
    }
    (tmp_path / "toy-llava").mkdir()
    (tmp_path / "capitals").mkdir()
    found = {}
    for name, record in fields.items():
        (tmp_path / f"{name}.json").write_text(json.dumps({"instrument": name, **record}))
        study = load_study(tmp_path / f"{name}.json").record()
        found[name] = {field: str(study[field]).replace(f"{tmp_path}/", "HERE/") for field in record}
    assert found["trace"] == fields["trace"]
    assert found["circuit"] == {**fields["circuit"], "other": "HERE/own.csv"}
    assert found["subspace"] == {**fields["subspace"], "contrasts": "HERE/../ioi.jsonl"}
    assert found["impairment"] == {**fields["impairment"], "model": "HERE/here"}


def test_a_study_is_asked_from_anywhere_and_a_changed_picture_makes_another_run(own, capsys):
    study, pair = load_study("own/pairs.toml"), load_study("own/pair.toml")
    before = default_directory(pair)
    assert run(["trace", "own/pairs.toml"]) == 0
    paint("own/b.png", 9)
    assert run(["trace", "own/pairs.toml"]) == 0, capsys.readouterr().err
    runs = [open_run(folder) for folder in Path("runs").iterdir()]
    assert [one.status for one in runs] == ["complete", "complete"]
    assert {one.manifest.identity for one in runs} == {study.identity()}
    assert default_directory(pair) != before
    Path("own/b.png").unlink()  # a finished run is shown even so
    assert run(["trace", "own/pairs.toml", "--out", str(runs[0].directory)]) == 0
    assert run(["trace", "own/pairs.toml"]) == 2
    assert "AE-9301" in capsys.readouterr().err
    capsys.readouterr()


def test_every_picture_that_contrasts_name_counts_and_no_other(own):
    names = [path.as_posix() for path in pictures_named("own/pairs.jsonl")]
    assert sorted(names) == ["own/a.png", "own/b.png", "own/c.png", "own/d.png"]
    study = TraceStudy(contrasts="own/pairs.jsonl")
    before = default_directory(study)
    paint("own/unrelated.png", 1)
    assert default_directory(study) == before
    assert default_directory(TraceStudy(contrasts="~nobody/own.jsonl")).name.startswith("own-")
    places = {before}
    for name in ("a", "b", "c", "d"):
        paint(f"own/{name}.png", 77)
        places.add(default_directory(study))
    assert len(places) == 5
    Path("own/pairs.jsonl").write_text("no JSON\n")
    assert pictures_named("own/pairs.jsonl") == pictures_named("own/none.jsonl") == pictures_named("capitals") == ()


def test_several_pictures_in_a_table_are_json(own):
    row = f'{QUESTION},{QUESTION}, red, blue,"[""a.png"", ""b.png""]",c.png\n'
    Path("own/table.csv").write_text("clean,corrupted,answer,foil,picture,edited\n" + row)
    assert [path.name for path in pictures_named("own/table.csv")] == ["a.png", "b.png", "c.png"]
