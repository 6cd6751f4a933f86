"""Do keys and studies mean the same whenever and wherever they are written down?"""

import json

from hypothesis import given
from hypothesis import strategies as st

from aetia.runs.keys import canonical, key_of

plain = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text()),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(), inner, max_size=4)),
    max_leaves=12,
)


@given(plain)
def test_canonical_text_reads_back_and_survives_a_round_trip(value):
    assert json.loads(canonical(value)) == value
    assert key_of(json.loads(json.dumps(value))) == key_of(value)


@given(st.dictionaries(st.text(), st.integers(), min_size=2))
def test_the_order_of_fields_does_not_matter(fields):
    assert key_of(dict(reversed(fields.items()))) == key_of(fields)


@given(plain, plain)
def test_what_differs_has_another_key(one, other):
    assert (key_of(one) == key_of(other)) == (canonical(one) == canonical(other))
