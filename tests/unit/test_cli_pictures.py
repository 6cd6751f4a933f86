"""Questions about pictures in the shell: what is asked, what the page shows, one line for a mistake."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from seeing_networks import tiny_llava

from aetia.cli.application import run
from aetia.models.groups import token_groups
from aetia.runs import open_run
from aetia.scenes import Settings, changed, draw_edit, render


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    found = tmp_path_factory.mktemp("seeing")
    network = tiny_llava()
    network.module.save_pretrained(found)
    network.tokenizer.save_pretrained(found)
    network.vision.processor.save_pretrained(found)
    return found


@pytest.fixture
def pictures(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pair = draw_edit(4, "colour", Settings(size=64, fewest=3))
    for name, scene in (("a", pair.before), ("b", pair.after)):
        Image.fromarray(render(scene)).save(f"{name}.png")
    return pair


@pytest.fixture
def ask(capsys):
    def asked(*arguments):
        code = run([*map(str, arguments)])
        out, err = capsys.readouterr()
        return code, out, err

    return asked


def test_a_pair_of_files_is_traced_by_the_models_own_answers(ask, folder, pictures):
    code, _, err = ask(
        "trace", "--model", folder, "--image", "a.png", "--edited", "b.png", "--question", pictures.question.text,
        "--sites", "resid_pre", "--positions", "spans", "--out", "run",
    )  # fmt: skip
    assert code == 0, err
    [item] = [json.loads(line) for line in Path("run/items.jsonl").read_text().splitlines()]
    network = tiny_llava()
    own = network.prompt(pictures.question.text, [_read("a.png")])
    answer = network.tokenizer.decode([int(network.last_logits([own])[0].argmax())])
    assert item["answer"] == answer
    assert item["foil"] != answer
    assert item["grids"] == [[4, 4]]
    page = Path("run/report.html").read_text()
    assert page.count("data:image/jpeg;base64,") == 2
    assert "anecdote" in page


def test_a_region_of_ones_own_picture_is_a_part_like_any_other(ask, folder, pictures):
    rows, columns = (np.flatnonzero(changed(pictures).any(axis)) for axis in (1, 0))
    box = f"{columns[0]},{rows[0]},{columns[-1] + 1},{rows[-1] + 1}"
    asked = ("--model", folder, "--image", "a.png", "--edited", "b.png", "--question", pictures.question.text)
    code, _, err = ask(
        "flow", *asked, "--region", f"object={box}", "--region=corner-piece = 0, 0,16,16", "--edges", "object->last",
        "--out", "run",
    )  # fmt: skip
    assert code == 0, err
    [item] = [json.loads(line) for line in Path("run/items.jsonl").read_text().splitlines()]
    network = tiny_llava()
    own = network.prompt(pictures.question.text, [_read("a.png")])
    masks = {"object": changed(pictures), "corner-piece": np.zeros((64, 64), bool)}
    masks["corner-piece"][:16, :16] = True
    groups = token_groups(network.vision, own, masks)
    assert {name: tuple(item["groups"][name]) for name in masks} == {name: groups[name] for name in masks}
    edges = {(row["source"], row["reader"]) for row in open_run("run").effects().to_arrow().to_pylist()}
    assert edges == {("object", "last"), (None, None)}


def _read(path):
    from aetia.models import read_picture

    return read_picture(path)


def test_scenes_are_traced_and_the_page_has_recovery_rates(ask, folder, pictures):
    code, _, err = ask(
        "trace", "--model", folder, "--scenes", "edited:colour", "--items", 3, "--sites", "resid_pre",
        "--positions", "spans", "--set", "outcome=logit_difference", "--null", "none", "--out", "run",
    )  # fmt: skip
    assert code == 0, err
    effects = open_run("run").effects()
    assert {"image", "object", "question", "last"} <= set(effects.to_arrow()["span"].to_pylist())
    page = Path("run/report.html").read_text()
    assert page.count("<image href") == 4  # two pairs of pictures


def test_maps_are_drawn_over_a_picture_and_tested(ask, folder, pictures):
    code, _, err = ask(
        "map", "--model", folder, "--image", "a.png", "--question", pictures.question.text,
        "--maps", "occlusion,logit-lens,random", "--set", "draws=19", "--out", "run",
    )  # fmt: skip
    assert code == 0, err
    page = Path("run/report.html").read_text()
    assert page.count('data-map="') == 3
    assert "anecdote" in page
    assert re.search(r"script-src &#39;sha256-", page)
    assert "http" not in page.replace("http-equiv", "").replace("http://www.w3.org", "")


@pytest.mark.parametrize(
    ("verb", "options"),
    [
        ("flow", ("--edges", "object->last,question->last", "--set", "null=random-keys:1", "--set", "level=0.5")),
        ("mediation", ()),
    ],
)
def test_flow_and_mediation_become_pages(ask, folder, pictures, verb, options):
    code, _, err = ask(verb, "--model", folder, "--scenes", "edited:colour", "--items", 3, "--out", "run", *options)
    assert code == 0, err
    page = Path("run/report.html").read_text()
    assert "What was found" in page
    assert page.count("<image href") == 6


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--image", "none.png", "--question", "is there a circle ?"), "AE-9301"),
        (("--image", "a.png"), "AE-1002"),
        (("--edited", "a.png", "--question", "is there a circle ?"), "AE-1002"),
        (("--image", "a.png", "--question", "is it ?", "--set", "pair.foo=bar"), "AE-1104"),
        (("--image", "a.png", "--edited", "a.png", "--question", "is there a circle ?"), "AE-2114"),
        (("--scenes", "edited:smell"), "AE-1002"),
        (("--scenes", "edited:colour", "--contrasts", "capitals"), "AE-1002"),
        (("--image", "a.png", "--edited", "small.png", "--question", "is there a circle ?"), "AE-9705"),
        (("--image", "a.png", "--question", "is there a <image> ?"), "AE-9704"),
        (("--image", "https://example.org/a.png", "--question", "is there a circle ?"), "AE-9302"),
        (("--clean", "a b", "--image", "a.png", "--question", "is there a circle ?"), "AE-1002"),
        (("--clean", "a b", "--corrupt", "a c", "--answer", " yes", "--region", "it=1,2,3,4"), "AE-1002"),
        (("--image", "a.png", "--question", "is it ?", "--region", "object=10,20,30"), "AE-2106"),
        (("--image", "a.png", "--question", "is it ?", "--region", "object"), "AE-2106"),
        (("--image", "a.png", "--question", "is it ?", "--region", "it=0,0,9,9", "--region", "it=1,1,9,9"), "AE-1002"),
        (("--image", "a.png", "--question", "is it ?", "--region", "object=10,20,10,40"), "AE-2106"),
        (("--image", "a.png", "--question", "is it ?", "--region", "object=0,0,9,900"), "AE-2106"),
        (("--image", "a.png", "--question", "is it ?", "--region", "object@2=0,0,9,9"), "AE-2106"),
        (("--image", "a.png", "--question", "is it ?", "--region", "question=0,0,9,9"), "AE-9312"),
        (("--image", "a.png", "--edited", "a.png", "--edited", "b.png", "--question", "is it ?"), "AE-9705"),
    ],
)
def test_a_mistake_is_one_line_that_names_its_mend(ask, folder, pictures, arguments, code):
    Image.new("RGB", (9, 9)).save("small.png")
    status, _, err = ask("trace", "--model", folder, *arguments)
    assert status in (2, 4)
    assert code in err, err
    assert "Traceback" not in err


def test_hostile_words_and_addresses_stay_text(ask, folder, pictures):
    ask("map", "--model", folder, "--image", "a.png", "--question", "is there a circle ?",
        "--maps", "random", "--set", "draws=19", "--out", "run")  # fmt: skip
    [item] = [json.loads(line) for line in Path("run/items.jsonl").read_text().splitlines()]
    item["clean"] = "<script>alert(1)</script>"
    item["clean_pictures"][0]["shown"] = 'data:text/html,"><script>alert(2)</script>'
    Path("run/items.jsonl").write_text(json.dumps(item) + "\n")
    assert ask("report", "run")[0] == 0
    page = Path("run/report.html").read_text()
    assert "alert(2)" not in page
    assert "<script>alert(1)" not in page
