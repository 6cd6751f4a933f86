"""Does a run become one safe, small, complete page, whatever is in it?"""

import base64
import hashlib
import html
import json
import re
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest
import report_fixtures as fixtures
from report_fixtures import Planted, manifest_of, write_run

from aetia.effects import STATISTICS, Effects
from aetia.errors import RunError
from aetia.report import inline_svg, plot, report_effects, write_report
from aetia.report.colours import STEPS, diverging, level_of, scale_limit
from aetia.report.evidence import read_run
from aetia.report.page import LIMIT, render


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
        }
        for component in ("resid_pre", "attn_out", "mlp_out")
        for layer in range(80)
        for position in range(400)
    ]
    page = page_of(write_run(tmp_path, effects=effects(rows), items=[]))
    assert len(page.encode()) < LIMIT
    assert "each cell is the strongest effect of 8 neighbouring rows" in page
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
