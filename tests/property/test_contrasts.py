"""Whatever the text, alignment keeps its promises or says why it cannot."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from toy_tokenizer import CHAT, byte_level

from aetia.contrasts import Contrast, align, contrast_sets, read_contrasts
from aetia.errors import ContrastError

anything = st.text(st.characters(), max_size=30)  # any character, surrogates included
texts = st.text(st.characters(codec="utf-8"), max_size=30)
Outcome = TypeVar("Outcome")
words = st.sampled_from(["The", " France", " Italy", " Mary", " John", " is", "é", " 東京", "🙂", "\n", " ", "a\u0301"])
prompts = st.one_of(texts, st.lists(words, max_size=9).map("".join))


def attempt(call: Callable[[], Outcome]) -> Outcome | ContrastError:
    try:
        return call()
    except ContrastError as error:
        return error


@st.composite
def contrasts(draw: st.DrawFn) -> Contrast:
    clean = draw(prompts)
    start = draw(st.integers(0, max(0, len(clean) - 1)))
    spans = {"part": (start, draw(st.integers(start + 1, max(start + 1, len(clean)))))}
    return Contrast("one", clean, draw(prompts), draw(st.one_of(texts, words)), draw(texts), spans)


@given(contrast=contrasts(), chat=st.booleans(), continuation=st.booleans())
@settings(max_examples=300, deadline=None)
def test_an_aligned_contrast_has_equal_lengths_and_its_spans_cover_their_text(
    contrast: Contrast, chat: bool, continuation: bool
):
    tokenizer = byte_level(CHAT)
    found = attempt(lambda: align([contrast], tokenizer, chat=chat, continuation=continuation))
    if isinstance(found, ContrastError):
        assert found.code.startswith("AE-21")
        assert found.mend
        return
    (item,) = found.items
    assert len(item.clean_ids) == len(item.corrupted_ids) == len(item.clean_tokens) == len(item.corrupted_tokens)
    assert item.clean_ids != item.corrupted_ids
    assert item.spans["last"] == (item.length - 1, item.length)
    for ids in (item.answer_ids, item.foil_ids):
        assert continuation or len(ids) <= 1
    if not chat:
        assert tokenizer.decode(list(item.clean_ids)) == contrast.clean
        assert tokenizer.decode([*item.clean_ids, *item.answer_ids]) == contrast.clean + contrast.answer
    start, stop = item.spans["part"]
    assert 0 <= start < stop <= item.length
    first, last = contrast.spans["part"]
    assert contrast.clean[first:last] in tokenizer.decode(list(item.clean_ids[start:stop]))


@given(st.lists(st.tuples(anything, anything, anything, anything), max_size=4), st.booleans())
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_file_of_any_text_reads_back_as_it_was_or_is_refused_with_a_code(
    tmp_path: Path, rows: list[tuple[str, ...]], escaped: bool
):
    fields = ("clean", "corrupted", "answer", "foil")
    content = "".join(json.dumps(dict(zip(fields, row, strict=True)), ensure_ascii=escaped) + "\n" for row in rows)
    path = tmp_path / "mine.jsonl"
    path.write_bytes(content.encode("utf-8", "surrogatepass"))
    found = attempt(lambda: read_contrasts(path))
    if isinstance(found, ContrastError):
        assert found.code in {"AE-2103", "AE-2106", "AE-2112", "AE-2113"}
        return
    assert [(one.clean, one.corrupted, one.answer, one.foil) for one in found] == rows


@given(st.binary(max_size=80), st.sampled_from([".jsonl", ".csv"]))
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_read_or_refused_with_a_code(tmp_path: Path, content: bytes, ending: str):
    path = tmp_path / f"mine{ending}"
    path.write_bytes(content)
    with pytest.raises(ContrastError) as caught:
        read_contrasts(path)
    assert caught.value.code.startswith("AE-21")
    assert "\n" not in caught.value.found


@given(seed=st.integers(0, 2**32), name=st.sampled_from([name for name in contrast_sets() if name != "induction"]))
@settings(max_examples=25, deadline=None)
def test_a_set_is_the_same_for_the_same_seed_and_its_items_are_distinct(seed: int, name: str):
    first, again = (list(contrast_sets()[name].generate(seed)) for _ in range(2))
    assert first == again
    assert len({(one.clean, one.corrupted, one.answer) for one in first}) == len(first)
