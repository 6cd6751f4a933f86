"""Can any text in any field of a run get out of the place where it is shown?"""

import json
import re
from html.parser import HTMLParser

import pyarrow as pa
import report_fixtures as fixtures
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aetia.effects import STATISTICS, Effects
from aetia.report import inline_svg, sentences
from aetia.report.evidence import Evidence, of_effects, read_run
from aetia.report.page import LIMIT, render

FRAGMENTS = [
    "<script>",
    "</script>",
    "</style>",
    "<!--",
    "-->",
    '"',
    "'",
    ">",
    "<img src=x onerror=alert(1)>",
    "&",
    "{{ 1 }}",
]
FRAGMENTS += [
    "</title>",
    "javascript:alert(1)",
    "\x1b[31m",
    "\u202e",
    "\u2028",
    "\ud800",
    "]]>",
    "\\",
    "${x}",
    "\x00",
    "{% x %}",
]
TEXT = st.one_of(st.text(max_size=30), st.lists(st.sampled_from(FRAGMENTS), max_size=4).map("".join))
NUMBER = st.one_of(st.none(), st.floats(), st.floats(-20, 20))
ROW = st.fixed_dictionaries(
    {
        "method": st.one_of(
            TEXT, st.sampled_from(["baseline", "patch", "zero", "attribution", "logit_lens", "direct"])
        ),
        "component": st.one_of(TEXT, st.sampled_from(["clean", "corrupted", "clean_correct", "resid_pre", "z"])),
        "layer": st.one_of(st.none(), st.integers(0, 5)),
        "head": st.one_of(st.none(), st.integers(0, 3)),
        "position": st.one_of(st.none(), st.integers(-2, 6)),
        "span": st.one_of(st.none(), TEXT),
        "token": st.one_of(st.none(), TEXT),
        "estimate": NUMBER,
        "unit": TEXT,
        "low": NUMBER,
        "high": NUMBER,
        "level": st.sampled_from([0.9, 0.95]),
        "n": st.integers(0, 30),
        "null": st.one_of(st.none(), TEXT),
        "p": st.one_of(st.none(), st.floats(0, 1)),
        "q": st.one_of(st.none(), st.floats(0, 1)),
    }
)
VALUE = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), TEXT), lambda inner: st.lists(inner, max_size=3)
)
ITEM = st.fixed_dictionaries(
    dict.fromkeys(("id", "clean", "corrupted", "answer", "foil"), TEXT)
    | {
        "clean_tokens": st.lists(TEXT, max_size=4),
        "corrupted_tokens": st.lists(TEXT, max_size=4),
        "spans": st.dictionaries(TEXT, st.lists(st.integers(0, 4), max_size=3), max_size=2),
    }
)
NAMED = ["model", "contrasts", "outcome", "direction", "window", "correction"]
TAGS = frozenset(
    (
        "html head meta title link style body a header div p span button h1 h2 h3 strong main section dl "
        "dt dd b small figure svg text line circle g figcaption details summary table thead tr th tbody "
        "td code ul li em path rect pre footer defs pattern script "
    ).split()
)
VOID = frozenset({"meta", "link"})
ATTRIBUTES = re.compile(r"[a-z][a-zA-Z0-9-]*")


class Checker(HTMLParser):
    """Notes every tag and attribute, and whether the tags nest."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.scripts = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in TAGS, tag
        for name, _ in attrs:
            assert ATTRIBUTES.fullmatch(name), name
            assert not name.startswith("on"), name
            assert name not in ("style", "srcdoc", "src", "formaction"), name
        self.scripts += tag == "script"
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)


def effects_of(rows: list[dict]) -> Effects:
    clean = [{key: unpaired(value) for key, value in row.items()} for row in rows]
    return Effects(pa.Table.from_pylist(clean, schema=pa.schema([*fixtures.DIMENSIONS, *STATISTICS])))


def unpaired(value: object) -> object:
    # Arrow holds no lone surrogates; JSON files do.
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value


def check(page: str) -> None:
    page.encode("utf-8")
    assert len(page.encode()) < LIMIT
    checker = Checker()
    checker.feed(page)
    checker.close()
    assert checker.open == []
    assert checker.scripts == 2
    data = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert data is not None
    json.loads(data[1], parse_constant=lambda name: 1 / 0)
    assert not set("\x1b\u202e\x00") & set(page)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(rows=st.lists(ROW, max_size=12))
def test_no_text_of_the_effects_breaks_out(rows):
    effects = effects_of(rows)
    evidence = of_effects(effects)
    check(render(Evidence(evidence.rows), ["figures/a.svg"]))
    for said in sentences(effects):
        assert said.text.strip()
        assert "\n" not in said.text
    assert len(inline_svg(effects)) < 100_000


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(
    rows=st.lists(ROW, max_size=4),
    items=st.lists(ITEM, max_size=3),
    study=st.dictionaries(TEXT, VALUE, max_size=4),
    named=st.dictionaries(
        st.sampled_from(["model", "contrasts", "outcome", "direction", "window", "correction"]), VALUE
    ),
    system=st.dictionaries(TEXT, VALUE, max_size=3),
    words=st.lists(TEXT, max_size=3),
)
def test_no_text_of_the_run_directory_breaks_out(tmp_path_factory, rows, items, study, named, system, words):
    manifest = fixtures.manifest_of(
        study=study | named,
        system=system,
        notes=words,
        versions={word: word for word in words},
        failed=[{"key": word, "error": word} for word in words],
        error="".join(words),
    )
    directory = tmp_path_factory.mktemp("run")
    planted = fixtures.Planted(items=2, layers=1, tokens=["a"], components=(), with_heads=False)
    fixtures.write_run(directory, planted, effects=effects_of(rows), items=items, manifest=manifest)
    check(render(read_run(directory)))
