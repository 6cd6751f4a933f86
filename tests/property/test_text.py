"""Does cleaning hold for any text at all?"""

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from aetia.text import clean_text

hostile = st.text(alphabet=st.one_of(st.characters(), st.sampled_from("\x1b\x9b[]PX^_\x07\\;m0123\u202e\ud800\n")))


@given(hostile, st.integers(1, 50))
def test_nothing_active_is_left_and_cleaning_twice_changes_nothing(text, limit):
    shown = clean_text(text, limit)
    assert len(shown) <= limit
    assert not any(unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") for char in shown)
    assert not any(
        unicodedata.bidirectional(char) in ("LRO", "RLO", "LRE", "RLE", "PDF", "LRI", "RLI") for char in shown
    )
    shown.encode()
    assert clean_text(shown, limit) == shown
