"""Is a model read as it was written, and everything else refused in one line?"""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scm_models import random_graph, random_model

from aetia.errors import AetiaError
from aetia.scm.models.bif import model_from_bif
from aetia.scm.models.discrete import DiscreteModel, Mechanism
from aetia.scm.models.linear import LinearModel
from aetia.scm.models.modelfile import model_from_json, model_to_json, read_model, write_model

NAMES = st.lists(st.text(max_size=5), min_size=4, max_size=4, unique=True)
VALUES = st.lists(
    st.integers() | st.text(max_size=3) | st.booleans() | st.floats(allow_nan=False, allow_infinity=False),
    min_size=2, max_size=2, unique=True,
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 4), st.integers(0, 10**6), st.booleans(), NAMES, VALUES)
def test_a_discrete_model_comes_back_the_same(size, seed, exact, names, values):
    plain = random_model(random_graph(size, seed, arcs=0.0), seed, exact=exact)
    called = dict(zip(plain.values, names, strict=False))
    model = DiscreteModel(
        {called[name]: tuple(values) for name in plain.values},
        {
            called[name]: Mechanism(called[name], tuple(called[one] for one in mechanism.parents), mechanism.table)
            for name, mechanism in plain.mechanisms.items()
        },
        frozenset(names[: seed % (size + 1)]),
    )
    again = model_from_json(model_to_json(model))
    assert isinstance(again, DiscreteModel)
    assert list(again.values.items()) == list(model.values.items())
    assert [[type(one) for one in of] for of in again.values.values()] == [[type(one) for one in values]] * size
    assert again == model
    assert again != model.do({names[0]: values[0]})
    assert again.latent == model.latent
    assert again.is_exact == exact
    for name, mechanism in model.mechanisms.items():
        assert again.mechanisms[name].parents == mechanism.parents
        assert again.mechanisms[name].table.tolist() == mechanism.table.tolist()


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 4), st.integers(0, 10**6), NAMES)
def test_a_linear_model_comes_back_the_same(size, seed, names):
    draw = np.random.default_rng(seed)
    coefficients = np.tril(draw.normal(size=(size, size)), -1) * (draw.random((size, size)) < 0.5)
    root = np.eye(size) + draw.normal(size=(size, size)) * (draw.random((size, size)) < 0.3)
    noise = root @ root.T
    model = LinearModel(tuple(names[:size]), coefficients, draw.normal(size=size), noise, frozenset(names[: seed % 2]))
    again = model_from_json(model_to_json(model))
    assert isinstance(again, LinearModel)
    assert again == model
    assert again != model.do({names[0]: 1e3})
    assert (again.names, again.latent) == (model.names, model.latent)
    for part in ("coefficients", "intercepts", "noise"):
        assert getattr(again, part).tolist() == getattr(model, part).tolist()


ROOT = {"values": [0, 1], "table": [0.5, 0.5]}
PIECES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4) | st.sampled_from(["1/3", "1/0"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["values", "table", "parents", "X", "Y", "coefficients"]), inner, max_size=4),
    max_leaves=8,
)  # fmt: skip
FORMS = st.fixed_dictionaries(
    {},
    optional={
        "kind": st.sampled_from(["discrete", "linear"]) | PIECES,
        "variables": st.dictionaries(
            st.sampled_from(["X", "Y"]),
            st.fixed_dictionaries(
                {},
                optional={
                    "values": st.just([0, 1]) | PIECES,
                    "table": st.sampled_from([[0.5, 0.5], ["1/3", "2/3"], [[1, 0], [0, 1]]]) | PIECES,
                    "parents": st.sampled_from([["X"], ["Y"], []]) | PIECES,
                    "latent": PIECES,
                    "coefficients": st.just({"X": 2.0}) | PIECES,
                    "variance": PIECES,
                },
            ) | PIECES,
        ) | PIECES,
        "noise_covariances": st.just([["X", "Y", 0.1]]) | PIECES,
    },
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given((FORMS | PIECES).map(json.dumps) | st.text())
@example("[" * 100_000)
@example('{"kind": "discrete", "variables": {"X": {"values": [0, 1], "table": [1e999, 0]}}}')
@example(
    '{"kind": "discrete", "variables": {"X": {"values": [0, 1], "table": [' + "[" * 70 + "1" + "]" * 70 + ", 0]}}}"
)
@example('{"kind": "discrete", "variables": {"X": {"values": [0, 1], "table": ["1e99999999999", 0]}}}')
@example('{"kind": "discrete", "variables": {"X": {"values": [0], "table": [' + "9" * 5000 + "]}}}")
@example('{"kind": "linear", "variables": {"X": {"variance": 1' + "0" * 400 + "}}}")
@example('{"kind": "linear", "variables": {}, "variables": {}}')
@example('{"kind": "linear", "variables": {"X": {"variance": 1}}, "noise_covariances": [["X", "X", 1]]}')
def test_any_text_is_a_model_or_one_typed_error(text):
    try:
        model = model_from_json(text)
    except AetiaError as error:
        assert error.mend  # noqa: PT017 -- either way is right
    else:
        assert model_to_json(model_from_json(model_to_json(model))) == model_to_json(model)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            ["variable X { type discrete [ 2 ] { a, b }; }", "probability ( X ) { table 0.5, 0.5; }",
             "variable Y { type discrete [ 2 ] { 0, 1 }; }", "probability ( Y | X ) { (a) 0.1, 0.9; (b) 0.7, 0.3; }",
             "probability ( X | Y ) { (0) 0.1, 0.9; default 0.7, 0.3; }", "network n { }", "// a comment", "}", "table",
             "probability ( X ) { table 0.5; }", "probability ( X ) { table nan, 1; }", "variable X { }"]
        ) | st.text(max_size=5),
        max_size=6,
    ).map("\n".join)
)  # fmt: skip
@example("variable " + "{" * 5000)
@example("")
def test_any_bif_is_a_network_or_one_typed_error(text):
    try:
        model = model_from_bif(text)
    except AetiaError as error:
        assert error.mend  # noqa: PT017 -- either way is right
    else:
        assert isinstance(model, DiscreteModel)


BIF = """
network rain { property "of weather" ; }
/* three variables */
variable rain { type discrete [ 2 ] { yes, no }; property position = (1, 2) ; }
variable sky { type discrete [ 3 ] { "clear", cloudy, 3 }; }
variable wet { type discrete [ 2 ] { yes, no }; }
probability ( sky ) { table 0.2, 0.3, 0.5; }   // a root
probability ( rain | sky ) { (clear) 0.0, 1.0; default 0.25, 0.75; (3) 0.3333, 0.6666; }
probability ( wet | rain, sky ) { table 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6; }
"""


def test_a_bif_network_says_what_its_text_says(tmp_path: Path):
    path = tmp_path / "rain.bif"
    path.write_text(BIF)
    model = read_model(path)
    assert isinstance(model, DiscreteModel)
    assert model.values["sky"] == ("clear", "cloudy", "3")
    assert model.probability({"rain": "yes"}, {"sky": "cloudy"}) == 0.25
    assert model.probability({"rain": "yes"}, {"sky": "3"}) == pytest.approx(3333 / 9999)
    assert model.probability({"wet": "yes"}, {"rain": "yes", "sky": "3"}) == pytest.approx(0.7)
    assert model.probability({"wet": "no"}, {"rain": "no", "sky": "clear"}) == pytest.approx(0.4)


def test_a_file_is_read_as_it_was_written_and_an_absent_one_refused(tmp_path: Path):
    path = tmp_path / "model.json"
    model = random_model(random_graph(3, 1), 1, exact=True)
    write_model(path, model)
    assert model_to_json(read_model(path)) == path.read_text() == model_to_json(model)
    path.write_bytes(b"\xff\xfe")
    for wrong in (path, tmp_path, tmp_path / "absent.json"):
        with pytest.raises(AetiaError) as caught:
            read_model(wrong)
        assert caught.value.code == "AE-7225"


WRONG = [
    ({"kind": "discrete", "variables": {"X": {**ROOT, "tabel": 1}}}, "tabel"),
    ({"kind": "discrete", "variables": {"X": {"values": [0, 1]}}}, "'table' of the variable 'X' is absent"),
    ({"kind": "discrete", "variables": {"X": ROOT}, "noise_covariances": []}, "noise_covariances"),
    ({"kind": "causal", "variables": {}}, "causal"),
    ({"kind": "discrete", "variables": {"X": {"values": [0, 1], "table": ["1/0", 1]}}}, "1/0"),
    ({"kind": "discrete", "variables": {"X": {"values": [0, 1], "table": [True, False]}}}, "true"),
    ({"kind": "linear", "variables": {"X": {"variance": "1"}}}, '"1"'),
    ({"kind": "linear", "variables": {"X": {}}, "noise_covariances": [["X", 0.3]]}, "no covariance"),
    ([], "the model should be"),
]


@pytest.mark.parametrize(("form", "says"), WRONG, ids=[says for _, says in WRONG])
def test_a_wrong_field_is_named(form, says):
    with pytest.raises(AetiaError) as caught:
        model_from_json(json.dumps(form))
    assert caught.value.code == "AE-7226"
    assert says in caught.value.found


@pytest.mark.parametrize(
    "text",
    [
        '{"kind": "linear", "variables": {"X": {}, "X": {"variance": 1}}}',
        '{"kind": "linear", "variables": {"X": {"variance": NaN}}}',
        '{"kind": "linear", "variables": {"X": {}, "Y": {}}, "noise_covariances": [["X", "Y", 0.1], ["Y", "X", 0.1]]}',
    ],
)
def test_what_could_be_meant_in_two_ways_is_refused(text):
    with pytest.raises(AetiaError) as caught:
        model_from_json(text)
    assert caught.value.code == "AE-7226"
