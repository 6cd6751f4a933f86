"""Is text from a model safe to show?"""

import pytest

from aetia.text import clean_text


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("plain Paris", "plain Paris"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07after", "after"),
        ("\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1b]never closed", ""),
        ("\x9b31mred", "red"),
        ("\x1bPq#0\x1b\\sixel", "sixel"),
        ("\x1bcreset", "reset"),
        ("a\x00b\x08c\x7f", "abc"),
        ("two\r\nlines\tand", "two lines and"),
        ("\u202egnp.exe\u202c", "gnp.exe"),
        ("\u2066x\u2069\u200f\ufeff", "x"),
        ("hidden\U000e0041\U000e0042", "hidden"),
        ("lone \ud800 surrogate", "lone \ufffd surrogate"),
        ("می\u200cخواهم", "می\u200cخواهم"),  # noqa: RUF001  the joiner is part of the word
        ("👩\u200d🔬", "👩\u200d🔬"),
    ],
)
def test_what_a_terminal_would_act_on_is_gone(raw, shown):
    assert clean_text(raw) == shown


def test_long_text_is_cut_with_an_ellipsis():
    assert clean_text("x" * 500) == "x" * 399 + "…"
    assert clean_text("x" * 400) == "x" * 400
    assert clean_text("abc", limit=1) == "…"


def test_a_megabyte_of_unclosed_escapes_takes_no_time():
    assert clean_text("\x1b]" * 500_000) == ""
    assert clean_text("\x1b[" * 500_000) == ""
