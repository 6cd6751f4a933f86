"""Does a run become one safe, small, complete page, whatever is in it?"""

import base64
import hashlib
import html
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import report_fixtures as fixtures
from report_fixtures import Planted, manifest_of, write_run

from aetia.effects import STATISTICS, Effects
from aetia.errors import RunError
from aetia.report import inline_svg, plot, report_effects, write_report
from aetia.report.caveats import caveats
from aetia.report.colours import STEPS, diverging, level_of, scale_limit
from aetia.report.evidence import Evidence, read_run
from aetia.report.page import LIMIT, render
from aetia.report.sentences import site_words


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_run(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def page(run: Path) -> str:
    return write_report(run).read_text(encoding="utf-8")


def page_of(directory: Path) -> str:
    """The page alone, without the figures beside it."""
    return render(read_run(directory))


def data_of(page: str) -> list[dict]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    return json.loads(found[1])


def luminance(colour: str) -> float:
    channels = [int(colour[index : index + 2], 16) / 255 for index in (1, 3, 5)]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_the_standard_run_is_a_small_page(page):
    assert len(page.encode()) < 300_000


def test_the_page_asks_nothing_of_the_network(page):
    assert "default-src 'none'" in html.unescape(page)
    assert "unsafe" not in page.split("</head>")[0].split("<style>")[0]
    assert not re.search(r"(src|href|action)=\"(?!#|data:,|figures/)", page)
    assert not re.search(r"url\((?!#)", page)
    assert "@import" not in page
    assert not re.search(r"\s(style|on[a-z]+)=", page)


def test_the_policy_holds_the_hashes_of_the_style_and_the_script(page):
    policy = re.search(r'content="(default-src.*?)"', page)
    assert policy is not None
    for tag in ("style", "script"):
        content = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        assert len(content) == 1
        digest = base64.b64encode(hashlib.sha256(content[0].encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in html.unescape(policy[1])


def test_the_page_says_what_was_asked_found_and_not_shown(page):
    for words in (
        "Which parts of SmolLM2-135M-Instruct cause its answers on the capitals task?",
        "23<small> of 24</small>",
        "Total effect",
        "Restoring attn_out at layer 19, position 23 (·is) from the clean run",
        "position 8 (in the subject)",
        "The strongest sites",
        "When the answer can be read",
        "Who writes the answer directly",
        "Restoring is not necessity",
        "Nothing here is claimed to be significant",
        "12fd25f77366fa6b3b4b768ec3050bf629380bac",
        "none needed hooks",
        "effects.parquet",
        "·France",
    ):
        assert words in page, words
    assert "is not shown to do this task" not in page


def test_the_data_of_the_maps_are_those_of_the_effects(run, page):
    rows = (
        Effects.read(run / "effects.parquet").where(component="attn_out", layer=19, position=23).to_arrow().to_pylist()
    )
    panel = data_of(page)[0]["panels"][1]
    assert panel["name"] == "attn_out"
    index = 23 * panel["columns"] + 19
    patch = next(row for row in rows if row["method"] == "patch")
    assert panel["e"][index] == pytest.approx(patch["estimate"], rel=1e-3)
    assert panel["l"][index] == pytest.approx(patch["low"], rel=1e-3)
    assert panel["h"][index] == pytest.approx(patch["high"], rel=1e-3)
    assert panel["n"] == 24
    assert len(panel["e"]) == 30 * 24


@pytest.fixture(scope="module")
def tested(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with a null, in which a part of the planted cells passes."""
    return write_run(tmp_path_factory.mktemp("tested"), Planted(draws=19))


@pytest.fixture(scope="module")
def tested_page(tested: Path) -> str:
    return page_of(tested)


def test_a_tested_run_says_against_what_and_how_many_cells_were_looked_at(tested_page):
    for words in (
        "passes its test (q = 0.05)",
        "the answers and foils trade places, each with the same other one in all items. What passes",
        "speaks against one claim: that the effect has nothing to do with the answer.",
        "max-T, over everything that was tested: where the null&#39;s claim holds, the chance",
        "that any cell passes is at most 5%. A cell passes if its corrected p-value q is at most 0.05.",
        "2,430 cells were looked at; 114 pass at 5% against label-permutation (19 draws), corrected by max-T",
        "Only what passes its test is listed: 114 of 2,430 cells.",
        "To pass rules out one alternative",
        "Pale is not idle",
    ):
        assert words in tested_page, words
    assert "No cell has been tested" not in tested_page
    assert len(tested_page.encode()) < 400_000


def test_only_sites_that_pass_are_listed_or_spoken_of(tested, tested_page):
    rows = [row for row in read_run(tested).rows if row.layer is not None and row.method == "patch"]
    failing = {site_words(row) for row in rows if not row.passes}
    passing = {site_words(row) for row in rows if row.passes}
    listed = re.findall(r'<td class="n rank">\d+</td><td>(.*?)</td>', tested_page)
    assert len(listed) == 20
    assert set(listed) <= passing
    spoken = " ".join(re.findall(r"<summary>(.*?)</summary>", tested_page))
    assert not [site for site in failing if f"{site} " in spoken]


def test_pointing_at_a_cell_can_say_its_test(tested, tested_page):
    rows = read_run(tested).rows
    shown = {(row.component, row.layer, row.position): row for row in rows if row.method == "patch"}
    panel = data_of(tested_page)[0]["panels"][1]
    assert panel["null"] == "label-permutation (19 draws)"
    for index, (p, q, passed) in enumerate(zip(panel["p"], panel["q"], panel["s"], strict=True)):
        row = shown["attn_out", index % 30, index // 30]
        assert (p, q, bool(passed)) == (pytest.approx(row.p), pytest.approx(row.q), row.passes)
    assert sum(panel["s"]) == sum(row.passes for row in shown.values() if row.component == "attn_out")
    assert "of 2,160 cells that pass at 5% against label-permutation (19 draws). Pale: the others." in tested_page


def test_cells_that_fail_are_pale_and_those_that_pass_are_outlined(tmp_path):
    rows = [
        {"method": "patch", "component": "mlp_out", "layer": layer, "position": 0, "p": 0.01, "q": q, "null": "x:99",
         "estimate": estimate, "low": 0.5, "high": 9.5}
        for layer, (q, estimate) in enumerate([(0.05, 1.0), (0.06, 9.0), (0.01, 9.0), (0.01, 9.0), (None, 9.0)])
    ]  # fmt: skip
    page = page_of(write_run(tmp_path, effects=effects(rows)))
    (pale,) = re.findall(r'<g class="pale">(.*?)</g>', page)
    assert re.findall(r'd="(.*?)"', pale) == ["M1 0h1v1h-1zM4 0h1v1h-1z"]
    full = re.findall(r'<path class="k\d+" d="(.*?)"', page.replace(pale, ""))
    assert full == ["M0 0h1v1h-1z", "M2 0h1v1h-1zM3 0h1v1h-1z"]
    (outline,) = re.findall(r'class="outline" d="(.*?)"', page)
    assert set(outline.split("M")[1:]) == {
        "0 0L1 0", "2 0L4 0", "0 1L1 1", "2 1L4 1", "0 0L0 1", "1 0L1 1", "2 0L2 1", "4 0L4 1",
    }  # fmt: skip
    assert data_of(page)[0]["panels"][0]["s"] == [1, 0, 1, 1, 0]


def test_readings_that_fail_are_pale_too(tested_page):
    lens = tested_page.split("When the answer can be read")[1].split("<h2>")[0]
    assert lens.split('class="points" d="')[1].split('"')[0].count("M") == 20
    assert "With a dot: the 20 of 30 cells that pass" in lens
    direct = tested_page.split("Who writes the answer directly")[1].split("<h2>")[0]
    assert '<g class="pale"><path class="bar' in direct
    assert "In full colour: the 16 of 60 cells that pass" in direct


def test_where_nothing_passes_no_site_is_listed(tmp_path):
    values = fixtures.values_of(Planted(layers=4, with_heads=False))[0]
    same = values.append_column("draw", pa.repeat(pa.scalar(0, pa.int32()), len(values)))  # chance does as well
    everything = pa.concat_tables([fixtures.with_draws(values, 0), same])
    page = page_of(write_run(tmp_path, effects=fixtures.effects_from_values(everything)))
    assert "cells passes its test, so none is listed." in page
    assert "none passes at 5% against label-permutation (1 draw)" in page
    assert "Pale: none of the 288 cells passes at 5%" in page
    assert 'class="outline"' not in page
    assert 'class="ranking"' not in page
    assert "Restoring" not in " ".join(re.findall(r"<summary>(.*?)</summary>", page))


def test_a_run_without_a_null_says_why(tmp_path):
    notes = ["24 of 24 items.", "Not tested: 12 items are too few for label-permutation to reach the level."]
    page = page_of(write_run(tmp_path, manifest=manifest_of(notes=notes)))
    assert "none. Not tested: 12 items are too few" in page
    assert page.split("Nothing here is claimed to be significant")[1].split("</dd>")[0].endswith("reach the level.")
    assert "Pale" not in page
    assert all("q" not in panel for figure in data_of(page) for panel in figure["panels"])


def test_the_plain_runs_of_a_null_are_not_those_of_the_items(tested):
    outcomes = read_run(tested).outcomes
    values = fixtures.values_of(Planted())[0].to_pylist()
    assert outcomes is not None
    assert outcomes.clean == tuple(one["value"] for one in values if one["component"] == "clean")


def test_a_map_that_is_reduced_keeps_a_cell_that_passes_before_a_larger_one(tmp_path):
    rows = [
        {"method": "patch", "component": "z", "layer": layer, "head": 0, "position": position, "p": q, "q": q,
         "estimate": estimate, "low": 0.5, "high": 9.5, "null": "label-permutation:99"}
        for layer, position, estimate, q in ((0, 1, 9.0, 0.4), (0, 2, 1.0, 0.01), (1, 1, 2.0, 0.6), (1, 2, 1.0, 0.3))
    ]  # fmt: skip
    page = page_of(write_run(tmp_path, effects=effects(rows)))
    panel = data_of(page)[0]["panels"][0]
    assert (panel["w"], panel["e"], panel["s"]) == (["L0.z.h0@2", "L1.z.h0@1"], [1.0, 2.0], [1, 0])
    assert "Each cell is the strongest effect that passes, or else the strongest over 2 positions" in page
    assert "Outlined: the one of 4 cells that passes" in page


def test_figures_dim_what_fails_and_say_so(tested, tmp_path):
    write_report(tested, tmp_path / "page.html")
    spec = json.loads((tmp_path / "figures" / "patch-attn_out-tokens.vl.json").read_text())
    assert spec["title"]["subtitle"].startswith("Outlined: the ")
    assert spec["encoding"]["opacity"]["condition"]["test"] == "datum.passes === false"
    passing = [row for row in spec["data"]["values"] if row["passes"]]
    assert 0 < len(passing) < len(spec["data"]["values"])
    assert all(row["q"] <= 0.05 and row["null"] == "label-permutation:19" for row in passing)
    figure = plot(Effects.read(tested / "effects.parquet").where(method="patch", component="attn_out"))
    assert "Outlined: the" in figure.axes[0].get_xlabel()
    alpha = figure.axes[0].images[0].get_alpha()
    assert alpha is not None
    assert int((np.asarray(alpha) == 1).sum()) == len(passing)
    assert len(inline_svg(Effects.read(tested / "effects.parquet"))) < 100_000


def test_figures_are_written_beside_the_page(run, page):
    names = {path.name for path in (run / "figures").iterdir()}
    for stem in ("patch-resid_pre-tokens", "patch-attn_out-tokens", "patch-z-heads", "logit-lens"):
        assert {f"{stem}.svg", f"{stem}.png", f"{stem}.vl.json"} <= names
        assert f'href="figures/{stem}.svg"' in page
    spec = json.loads((run / "figures" / "patch-resid_pre-tokens.vl.json").read_text())
    assert len(spec["data"]["values"]) == 720
    assert "url" not in spec["data"]
    assert (run / "figures" / "patch-z-heads.png").read_bytes().startswith(b"\x89PNG")


def test_the_same_run_gives_the_same_bytes(run, tmp_path):
    one, other = write_report(run, tmp_path / "a" / "x.html"), write_report(run, tmp_path / "b" / "x.html")
    assert one.read_bytes() == other.read_bytes()
    for path in sorted((tmp_path / "a" / "figures").iterdir()):
        assert path.read_bytes() == (tmp_path / "b" / "figures" / path.name).read_bytes(), path.name


def test_a_run_object_serves_as_well_as_its_directory(run, tmp_path):
    class Run:
        directory = run

    assert write_report(Run(), tmp_path / "page.html") == tmp_path / "page.html"


def test_one_item_has_no_interval_and_is_an_anecdote(tmp_path):
    page = page_of(write_run(tmp_path, Planted(items=1, accuracy=1)))
    assert "One item is an anecdote" in page
    assert "no interval: one item" in page
    assert all("l" not in panel for figure in data_of(page) for panel in figure["panels"])


def test_a_model_that_cannot_do_it_is_said_so_first(tmp_path):
    page = page_of(write_run(tmp_path, Planted(accuracy=0.5)))
    assert page.index("is not shown to do this task") < page.index("What was found")


def test_without_baselines_the_page_says_that_it_cannot_tell(tmp_path):
    planted = Planted(with_baseline=False, with_lens=False, with_direct=False, with_heads=False)
    page = page_of(write_run(tmp_path, planted))
    assert "cannot say whether the model does the task" in page
    assert "of the total effect" not in page


def test_an_unfinished_or_failed_run_is_marked(tmp_path):
    failed = [{"key": "aa", "error": "out of <memory>"}]
    page = page_of(write_run(tmp_path / "a", manifest=manifest_of(status="interrupted", failed=failed)))
    assert "This run is interrupted." in page
    assert "out of &lt;memory&gt;" in page
    page = page_of(write_run(tmp_path / "b", manifest=manifest_of(failed=failed)))
    assert "1 of 1 batches failed." in page


def test_items_of_different_length_are_shown_by_span(tmp_path):
    rows = [
        {"method": "patch", "component": "resid_pre", "layer": layer, "span": span, "estimate": float(layer), "n": 3}
        for span in ("subject", "relation", "last")
        for layer in range(4)
    ]
    items = [fixtures.item_of(Planted(tokens=fixtures.TEMPLATE[: 20 + index]), index) for index in range(3)]
    page = page_of(write_run(tmp_path, effects=effects(rows), items=items))
    assert data_of(page)[0]["labels"] == ["subject", "relation", "last token"]


def test_cells_without_a_value_are_hatched_and_counted(tmp_path):
    rows = [
        {"method": "patch", "component": "mlp_out", "layer": layer, "position": 0, "estimate": value, "n": 3}
        for layer, value in enumerate([1.0, float("nan"), None, -2.0])
    ]
    page = page_of(write_run(tmp_path, effects=effects(rows)))
    assert "2 cells have no number" in page
    assert 'fill="url(#hatch)" d="M1 0h1v1h-1zM2 0h1v1h-1z"' in page
    assert data_of(page)[0]["panels"][0]["e"] == [1.0, None, None, -2.0]


def test_joint_positions_windows_and_neuron_groups_have_their_own_rows(tmp_path):
    rows = [
        {
            "method": "zero",
            "component": f"mlp_post.u{start}:{start + 8}",
            "layer": layer,
            "span": "all",
            "estimate": 1.0,
        }
        for start in (0, 8, 16)
        for layer in range(3)
    ]
    rows += [
        {"method": "zero", "component": "v", "layer": layer, "head": 0, "span": "all", "estimate": 1.0}
        for layer in range(3)
    ]
    rows += [
        {"method": "zero", "component": "attn_out", "layer": layer, "span": "all", "estimate": 1.0}
        for layer in range(3)
    ]
    page = page_of(write_run(tmp_path, effects=effects(rows)))
    assert [figure["labels"] for figure in data_of(page)] == [
        ["units 0:8", "units 8:16", "units 16:24"],
        ["head 0"],
        ["all positions"],
    ]
    assert "Zero is an arbitrary value" in page


def test_a_huge_grid_stays_below_a_megabyte_and_keeps_its_strongest_cell(tmp_path):
    rows = [
        {
            "method": "patch",
            "component": component,
            "layer": layer,
            "position": position,
            "estimate": 9.25 if (layer, position) == (37, 301) else 0.01 * ((layer * 7 + position * 3) % 11),
            "low": -1.0,
            "high": 10.0,
            "n": 8,
            "null": "label-permutation:99",
            "p": 0.0123456,
            "q": 0.01 if position == 301 else 0.123456,
        }
        for component in ("resid_pre", "attn_out", "mlp_out")
        for layer in range(80)
        for position in range(400)
    ]
    page = page_of(write_run(tmp_path, effects=effects(rows), items=[]))
    assert len(page.encode()) < LIMIT
    assert "each cell is the strongest effect that passes, or else the strongest of 8 neighbouring rows" in page
    assert "All 32,000 are in effects.parquet" in page
    panel = data_of(page)[0]["panels"][0]
    assert panel["w"][panel["e"].index(9.25)] == "L37.resid_pre@301"


def test_hundreds_of_components_are_cut_and_said(tmp_path):
    rows = [
        {"method": "patch", "component": f"part{index}", "layer": layer, "position": 0, "estimate": float(index)}
        for index in range(40)
        for layer in range(2)
    ]
    page = page_of(write_run(tmp_path, effects=effects(rows)))
    assert "40 maps could be drawn; the 24 with the largest effects are shown." in page


def test_hostile_text_is_shown_and_never_runs(tmp_path):
    attack = '"><script>alert(1)</script><img src=x onerror=alert(2)>\x1b[31m\u202e'
    rows = [
        {"method": attack, "component": attack, "layer": 0, "position": 0, "span": attack, "token": attack,
         "estimate": 1.0, "unit": attack, "null": attack, "p": 0.5, "n": 2}
    ]  # fmt: skip
    items = [dict.fromkeys(("id", "clean", "corrupted", "answer", "foil"), attack) | {
        "clean_tokens": [attack, "</script>"], "corrupted_tokens": [attack],
        "spans": {attack: [0, 1], "x": "y"}}]  # fmt: skip
    manifest = manifest_of(
        study={"model": attack, "contrasts": attack, attack: attack, "outcome": attack},
        system={"name": attack, attack: {attack: [attack]}},
        notes=[attack],
        failed=[{"key": attack, "error": attack}],
        versions={attack: attack},
        error=attack,
    )
    path = write_report(write_run(tmp_path, effects=effects(rows), items=items, manifest=manifest))
    page = path.read_text()
    assert page.count("<script") == 2
    assert page.count("</script") == 2
    assert "<img" not in page
    assert "\x1b" not in page
    assert "\u202e" not in page
    assert all(re.fullmatch(r"[a-z0-9_.-]+", file.name) for file in (tmp_path / "figures").iterdir())


def test_a_token_of_mathematics_or_of_another_script_is_drawn_as_text(tmp_path):
    rows = [
        {"method": "patch", "component": "$\\frac{", "layer": layer, "position": position, "token": token,
         "estimate": 1.0, "unit": "$x^"}
        for layer in range(2)
        for position, token in enumerate(["$\\frac{", "東京", "\U0001f600", "$$", "a_b^"])
    ]  # fmt: skip
    path = write_report(write_run(tmp_path, effects=effects(rows), items=[]))
    assert path.stat().st_size > 0
    assert list((tmp_path / "figures").glob("*.png"))


def test_effects_alone_make_a_page(tmp_path):
    path = report_effects(fixtures.effects_of(Planted(items=3, layers=4)), tmp_path / "effects.html")
    assert "What was found" in path.read_text()
    assert fixtures.effects_of(Planted(items=3, layers=4)).report(tmp_path / "again.html").exists()


def test_effects_plot_as_one_figure():
    figure = plot(fixtures.effects_of(Planted(items=3, layers=6)))
    titles = [axis.get_title(loc="left") for axis in figure.axes]
    assert [title for title in titles if title] == [
        "patch  resid_pre",
        "patch  attn_out",
        "patch  mlp_out",
        "patch  z",
        "logit lens, last position",
    ]
    assert plot(effects([])) is not None


def test_the_picture_of_a_notebook_is_small_static_and_escaped():
    picture = inline_svg(fixtures.effects_of(Planted(items=3)))
    assert picture.startswith("\n<svg") or picture.lstrip().startswith("<svg")
    assert len(picture) < 100_000
    assert "<script" not in picture
    assert "style=" not in picture
    assert inline_svg(effects([])) == ""


def test_a_directory_without_effects_names_the_mend(tmp_path):
    write_run(tmp_path)
    (tmp_path / "effects.parquet").unlink()
    with pytest.raises(RunError) as caught:
        write_report(tmp_path)
    assert caught.value.code == "AE-6501"
    assert "runs resume" in caught.value.mend
    with pytest.raises(RunError) as caught:
        write_report(tmp_path / "nowhere")
    assert caught.value.code == "AE-6003"


def test_shades_are_symmetric_even_and_readable():
    for dark in (False, True):
        colours = diverging(dark=dark)
        assert len(set(colours)) == 2 * STEPS + 1
        lightness = [luminance(colour) for colour in colours]
        above, below = lightness[STEPS:], lightness[STEPS::-1]
        for side in (above, below):
            assert side == sorted(side, reverse=not dark)
        assert contrast(colours[0], colours[STEPS]) > 4.5
        assert contrast(colours[-1], colours[STEPS]) > 4.5
    assert [level_of(value, 2.0) for value in (-9, -2, 0, 0.01, 2)] == [-STEPS, -STEPS, 0, 0, STEPS]
    assert (scale_limit([6.4, -1]), scale_limit([0.11]), scale_limit([]), scale_limit([1.0])) == (7, 0.12, 0, 1)


@pytest.mark.parametrize("scheme", [0, 1])
def test_text_has_at_least_the_contrast_of_aa(page, scheme):
    colours = {
        name: pair.split(",")[scheme].strip() for name, pair in re.findall(r"--(\w+): light-dark\((.*?)\)", page)
    }
    for ink in ("ink", "soft", "accent", "up", "down"):
        assert contrast(colours[ink], colours["paper"]) >= 4.5, ink


def test_reports_never_import_torch():
    code = "import sys, aetia.report; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def effects(rows: list[dict]) -> Effects:
    schema = pa.schema([*fixtures.DIMENSIONS, *STATISTICS])
    complete = [{"unit": "logits", "n": 2, "level": 0.95} | row for row in rows]
    return Effects(pa.Table.from_pylist(complete, schema=schema))


@pytest.mark.parametrize(
    ("known", "said"),
    [
        ("uncalibrated", "The instrument is uncalibrated"),
        ("calibrated: patch. Short: mean: recall 0.20", "recall 0.20"),
    ],
)
def test_a_page_says_how_far_its_instrument_can_be_trusted(known, said, monkeypatch):
    monkeypatch.setattr("aetia.report.caveats.calibration_of", lambda _: known)
    study = {"instrument": "trace", "method": "<b>mean"}
    found = caveats(Evidence((), study=study))
    assert any(said in f"{one.title} {one.text}" for one in found)
    assert not any("instrument" in one.title for one in caveats(Evidence(())))
