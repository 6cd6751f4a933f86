"""Can a method be registered, found and not mistaken for another?"""

import pytest

from aetia import catalogue
from aetia.errors import StudyError


@pytest.fixture(autouse=True)
def empty(monkeypatch):
    monkeypatch.setattr(catalogue, "_entries", {})
    monkeypatch.setattr(catalogue, "_MODULES", ())


def register(name):
    return catalogue.instrument(
        name, "truth", question="What?", seeds=("001",), citation="A 2020", inputs="none", cost="items"
    )


def test_a_registered_class_is_found_with_all_that_was_said_of_it():
    @register("probe")
    class Probe: ...

    entry = catalogue.find("probe")
    assert entry.implementation is Probe
    assert (entry.room, entry.seeds, entry.calibration) == ("truth", ("001",), "uncalibrated")
    assert catalogue.instruments() == (entry,)


def test_an_unknown_name_is_one_clear_line_with_the_nearest_names():
    register("trace")(type("Trace", (), {}))
    with pytest.raises(StudyError) as caught:
        catalogue.find("trcae")
    assert caught.value.code == "AE-1101"
    assert caught.value.details == ("nearest: trace",)
    assert caught.value.exit_code == 2


def test_two_classes_cannot_share_a_name_but_one_may_come_again():
    one = type("One", (), {})
    register("probe")(one)
    register("probe")(type("One", (), {}))  # the main script, imported again by a worker
    with pytest.raises(ValueError, match="two instruments"):
        register("probe")(type("Other", (), {}))


def test_modules_are_imported_when_the_catalogue_is_read(monkeypatch, tmp_path):
    (tmp_path / "late_instrument.py").write_text(
        "from aetia.catalogue import instrument\n"
        "@instrument('late', 'truth', question='', seeds=(), citation='', inputs='', cost='')\n"
        "class Late: ...\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(catalogue, "_MODULES", ("late_instrument",))
    assert catalogue.find("late").name == "late"


def test_exact_methods_stand_beside_instruments_and_claim_no_certificate(monkeypatch):
    monkeypatch.setattr(catalogue, "_EXACT", ("aetia.scm.methods",))
    register("probe")(type("Probe", (), {}))
    found = {method.name: method.calibration for method in catalogue.methods()}
    assert found["probe"] == "uncalibrated"
    assert found["scm query"] == found["string diagrams"] == "exact"
    assert list(found) == sorted(found)
