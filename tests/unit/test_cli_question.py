"""Do a study file and options become the study that a person means?"""

import pytest

from aetia.cli.question import fields_as_settings, study_asked
from aetia.errors import StudyError
from aetia.runs import Study
from aetia.studies.asking import default_directory
from aetia.tracing import TraceStudy

OPTIONS = {"--items": True, "--model": True, "--sites": True, "--clean": True, "--set": True, "--json": False}


def asked(path=None, settings=(), **options) -> TraceStudy:
    study = study_asked("trace", path, options, settings)
    assert isinstance(study, TraceStudy)
    return study


def test_options_make_the_study_that_python_makes():
    study = asked(model="toy", contrasts="capitals", items=8, sites="resid_pre, z")
    assert study == TraceStudy(model="toy", contrasts="capitals", items=8, sites=("resid_pre", "z"))


def test_settings_are_read_as_their_fields_are():
    settings = ["window=10", "chat=yes", "layers=0,3", "noise_scale=2.5", "noise-span=subject", "memory=2GB"]
    study = asked(contrasts="capitals", settings=settings)
    assert (study.window, study.chat, study.layers, study.noise_scale) == (10, True, (0, 3), 2.5)
    assert (study.noise_span, study.memory_bytes) == ("subject", 2 * 2**30)


def test_an_own_question_is_a_pair_and_its_spaces_are_kept():
    study = asked(clean="a b", corrupt="a c", answer=" Paris", foil=" Rome", settings=["pair.spans.subject=b"])
    assert study.pair is not None
    assert (study.pair.clean, study.pair.corrupted) == ("a b", "a c")
    assert (study.pair.answer, study.pair.foil, study.pair.spans) == (" Paris", " Rome", {"subject": "b"})


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "study.toml"
    path.write_text('instrument = "trace"\ncontrasts = "capitals"\nlayers = [1]\nitems = 5\n')
    return str(path)


def test_options_win_over_the_file(file):
    study = asked(file, items=9, settings=["layers=none", "method=zero"])
    assert (study.contrasts, study.items, study.layers, study.method) == ("capitals", 9, None, "zero")


def test_an_own_question_takes_the_place_of_the_contrasts_of_the_file_and_the_reverse(file, tmp_path):
    pair = {"clean": "a b", "corrupt": "a c", "answer": " x", "foil": " y"}
    assert asked(file, **pair).contrasts is None
    own = tmp_path / "own.json"
    own.write_text(asked(**pair).model_dump_json())
    assert asked(str(own), contrasts="ioi").pair is None
    changed = asked(str(own), answer=" z").pair
    assert changed is not None
    assert (changed.clean, changed.answer) == ("a b", " z")


@pytest.mark.parametrize(
    ("options", "settings", "code", "said"),
    [
        ({}, (), "AE-1002", "neither contrasts nor prompts"),
        ({"clean": "a", "contrasts": "ioi"}, (), "AE-1002", "Both"),
        ({"clean": "a", "answer": "b"}, (), "AE-1002", "missing: --corrupt."),
        ({"contrasts": "ioi"}, ("window",), "AE-1003", "'window'"),
        ({"contrasts": "ioi"}, ("windw=3",), "AE-1003", "nearest: window"),
        ({"contrasts": "ioi"}, ("window=wide",), "AE-1104", "window"),
        ({"contrasts": "ioi"}, ("level=nan",), "AE-1104", "level"),
        ({"clean": "a", "corrupt": "b", "answer": "c"}, (), "AE-1104", "needs a foil"),
        ({"contrasts": "ioi"}, ("model.name.x=1",), "AE-1104", "model"),
    ],
)
def test_what_cannot_be_asked_is_told_with_its_mend(options, settings, code, said):
    with pytest.raises(StudyError) as caught:
        asked(settings=settings, **options)
    assert caught.value.code == code
    assert said in str(caught.value)


def test_a_study_for_another_method_is_not_run_as_this_one(tmp_path, monkeypatch):
    class Other(Study):
        instrument: str = "other"

    monkeypatch.setattr("aetia.cli.question.load_study", lambda path: Other())
    with pytest.raises(StudyError) as caught:
        asked(str(tmp_path / "x.toml"))
    assert caught.value.code == "AE-1005"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("--memory 2GB", "--set memory=2GB"),
        ("--memory=2GB --json", "--set memory=2GB --json"),
        ("--noise-scale 2 --json", "--set noise_scale=2 --json"),
        ("--chat --json", "--set chat=true --json"),
        ("--chat=false", "--set chat=false"),
        ("--layers 1,2 study.toml", "--set layers=1,2 study.toml"),
        ("--model --memory", "--model --memory"),
        ("--model=x --window 3", "--model=x --set window=3"),
        ("-- --memory 2GB", "-- --memory 2GB"),
        ("--unknown 3", "--unknown 3"),
        ("--pair x --instrument y", "--pair x --instrument y"),
        ("-m 3 memory 2GB", "-m 3 memory 2GB"),
        ("--seed -1", "--set seed=-1"),
        ("--image a,b.png --question Why?", '--set pair.picture=["a,b.png"] --set pair.clean=Why?'),
        ("--region it=1,2,3,4 --items 3", '--items 3 --set pair.regions={"it":[1,2,3,4]}'),
    ],
)
def test_every_field_of_the_study_is_an_option(given, expected):
    found = [part.replace(", ", ",").replace(": ", ":") for part in fields_as_settings(given.split(), "trace", OPTIONS)]
    assert found == expected.split()


def test_the_frames_and_regions_of_a_clip_become_the_pair_of_a_study():
    arguments = (
        "--image 1.png --image=2.png --edited 1.png --edited 3.png --region ball=0,0,4,4 --region ball@2=4,0,8,4"
    )
    settings = [part for part in fields_as_settings(arguments.split(), "trace", OPTIONS) if part != "--set"]
    pair = asked(settings=[*settings, "pair.clean=a ?", "pair.answer= yes", "pair.foil= no"]).pair
    assert pair is not None
    assert (pair.picture, pair.edited) == (("1.png", "2.png"), ("1.png", "3.png"))
    assert pair.regions == {"ball": (0, 0, 4, 4), "ball@2": (4, 0, 8, 4)}
    plain = asked(settings=["pair.picture=a,b.png", "pair.clean=[1] ?", "pair.answer= a,b", "pair.foil= no",
                            "pair.regions.it=1,2,3,4"]).pair  # fmt: skip
    assert plain is not None
    assert (plain.picture, plain.clean, plain.answer) == (("a,b.png",), "[1] ?", " a,b")
    assert plain.regions == {"it": (1, 2, 3, 4)}


def test_a_field_without_a_value_is_told():
    assert fields_as_settings(["--memory"], "trace", OPTIONS) == ["--set", "memory="]
    with pytest.raises(StudyError, match="1 field"):
        asked(contrasts="ioi", settings=["memory="])


def test_the_same_study_has_the_same_directory():
    one = default_directory(asked(contrasts="capitals"))
    assert one == default_directory(asked(contrasts="capitals", items=24))
    assert one != default_directory(asked(contrasts="capitals", items=25))
    assert one.parent.name == "runs"
    assert default_directory(asked(contrasts="../../My Pairs.jsonl")).name.startswith("my-pairs-")
    own = asked(clean="a b", corrupt="a c", answer=" x", foil=" y")
    assert default_directory(own).name.startswith("question-")
