"""Does the page work in a real browser: offline, without errors, by pointer and by keyboard, light and dark?"""

from collections.abc import Iterator
from pathlib import Path

import pytest
import report_fixtures as fixtures
from browser_session import NEEDS_BROWSER, Browser, requests, session

from aetia.report import write_report

pytestmark = NEEDS_BROWSER
TAB, LEFT, HOME, ESCAPE = "\ue004", "\ue012", "\ue011", "\ue00c"


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(fixtures.write_run(tmp_path_factory.mktemp("run"), fixtures.Planted(draws=19)))


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with session(tmp_path_factory.mktemp("profile")) as found:
        yield found


@pytest.fixture
def page(browser: Browser, report: Path) -> Browser:
    browser.prefer("light")
    browser.log("performance")
    browser.log("browser")
    browser.open(report)
    return browser


TIP = "const tip = document.getElementById('tip'); return tip.hidden ? '' : tip.innerText;"


def test_the_page_opens_without_error_or_request(page, report):
    assert page.run("return document.title").startswith("Which parts of SmolLM2")
    asked = [url for url in requests(page) if not url.startswith("data:")]
    assert asked == [report.as_uri()]
    assert page.log("browser") == []


def test_the_policy_stops_what_is_injected(page):
    page.run(
        "const s = document.createElement('script'); s.textContent = 'window.broken = 1'; document.body.append(s);"
        "const i = document.createElement('img'); i.src = 'http://127.0.0.1:9/x.png'; document.body.append(i);"
    )
    assert page.run("return window.broken ?? 0") == 0
    assert len(page.log("browser")) >= 2


def test_pointing_at_a_cell_shows_its_value_interval_and_count(page):
    x, y = page.run(
        "const field = document.querySelectorAll('.plot .field')[1];"
        "field.scrollIntoView({block: 'center', behavior: 'instant'});"
        "const box = field.getBoundingClientRect();"
        "return [box.left + box.width * 19.5 / 30, box.top + box.height * 23.5 / 24];"
    )
    page.point(x, y)
    text = page.run(TIP)
    assert "attn_out · layer 19" in text
    assert "+1.89 logits" in text
    assert "95% interval [+1.7" in text or "95% interval [1.7" in text
    assert "n = 24" in text
    assert "·is" in text
    assert "passes: q = 0.05, p = 0.05 against label-permutation (19 draws)" in text
    # The other panels of the figure mark the same cell.
    assert page.run("return document.querySelectorAll('.cursor[visibility=visible]').length") == 3


def test_a_cell_that_fails_says_so_and_is_paler_than_one_that_passes(page):
    x, y = page.run(
        "const field = document.querySelectorAll('.plot .field')[1];"
        "field.scrollIntoView({block: 'center', behavior: 'instant'});"
        "const box = field.getBoundingClientRect();"
        "return [box.left + box.width * 0.5 / 30, box.top + box.height * 0.5 / 24];"
    )
    page.point(x, y)
    assert "does not pass: q = " in page.run(TIP)
    assert page.run("return document.querySelector('#tip .test.passes')") is None
    shade = "return getComputedStyle(document.querySelector('.chart .pale')).opacity"
    assert float(str(page.run(shade))) < 0.5
    assert page.run("return document.querySelectorAll('.outline').length") > 0


def test_the_keyboard_reaches_every_map_and_reads_its_cells(page):
    for _ in range(60):
        page.press(TAB)
        if page.run("return document.activeElement.classList.contains('plot')"):
            break
    first = page.run(TIP)
    assert "resid_pre · layer" in first
    assert "logits" in first
    assert "interval" in first
    page.press(LEFT)
    page.press(HOME)
    assert "layer 0" in page.run(TIP)
    assert "layer 0" in page.run("return document.getElementById('live').textContent")
    page.press(ESCAPE)
    assert page.run(TIP) == ""
    page.press(TAB)
    assert "attn_out" in page.run(TIP)


def test_every_map_and_folded_part_can_be_reached_and_has_a_name(page):
    assert page.run(
        "return [...document.querySelectorAll('.plot')].every((p) => p.tabIndex === 0 && p.ariaLabel.length > 20)"
    )
    assert page.run(
        "return [...document.querySelectorAll('[aria-describedby]')].every((p) => document.getElementById('keys'))"
    )
    assert page.run(
        "const ids = [...document.querySelectorAll('[id]')].map((e) => e.id); return new Set(ids).size === ids.length"
    )


def test_a_sentence_opens_to_its_rows(page):
    assert (
        page.run(
            "const d = document.querySelectorAll('.findings details')[3]; d.open = true; return d.innerText"
        ).count("\n")
        > 3
    )


def test_dark_follows_the_system_and_the_button_overrides(page, tmp_path):
    shade = "return getComputedStyle(document.body).backgroundColor"
    light, bright = page.run(shade), page.screenshot()
    page.prefer("dark")
    dark, dim = page.run(shade), page.screenshot()
    assert light != dark
    assert bright != dim
    page.run("document.getElementById('theme').click()")
    assert page.run(shade) == light
    assert page.run("return document.getElementById('theme').textContent") == "Dark"


@pytest.mark.parametrize("width", [360, 760, 1400])
def test_the_page_never_scrolls_sideways(page, width):
    page.call("POST", "/goog/cdp/execute", {"cmd": "Emulation.setDeviceMetricsOverride", "params": {
        "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}})  # fmt: skip
    assert page.run("return document.documentElement.scrollWidth") <= width
    page.call("POST", "/goog/cdp/execute", {"cmd": "Emulation.clearDeviceMetricsOverride", "params": {}})


def test_printing_shows_what_is_folded(page):
    folded = "return document.querySelectorAll('details:not([open])').length"
    assert page.run(folded) > 0
    page.run("dispatchEvent(new Event('beforeprint'))")
    assert page.run(folded) == 0
    page.run("dispatchEvent(new Event('afterprint'))")
    assert page.run(folded) > 0
