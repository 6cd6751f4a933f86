"""Does an evaluation's page filter its replies in a real browser, and ask nothing of the network?"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from browser_session import NEEDS_BROWSER, Browser, requests, session
from evals_runs import scripted_run

from aetia.evals.dialogue import Reply
from aetia.report import write_report

pytestmark = NEEDS_BROWSER
HOSTILE = "</script><script>window.broken = 1</script><img src=http://127.0.0.1:9/x.png onerror='window.broken = 1'>"
SHOWN = "return document.querySelectorAll('.reply:not([hidden])').length"


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    def script(item, _):
        number = int(item.origin.seed[2:])
        if number == 0:
            return Reply(HOSTILE)
        return Reply({"yes": "Yes", "no": "No"}.get(item.label, item.label) if number < 5 else "I cannot tell.")

    fields = {"tasks": ["calm/ate-natural", "calm/bas-max"], "items": 8, "adaptations": ["basic", "explicit-function"]}
    return write_report(scripted_run(tmp_path_factory.mktemp("run"), script, **fields))


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


def choose(page: Browser, name: str, value: str) -> None:
    page.run(
        f"const s = document.getElementById('filter-{name}'); s.value = '{value}'; s.dispatchEvent(new Event('change'))"
    )


def test_the_page_opens_without_error_or_request_and_runs_nothing_of_a_reply(page, report):
    page.run("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    assert page.run("return window.broken ?? 0") == 0
    assert [url for url in requests(page) if not url.startswith("data:")] == [report.as_uri()]
    assert page.log("browser") == []
    assert "window.broken = 1" in page.run("return document.querySelector('.reply pre + .who + pre').textContent")


def test_filters_show_what_they_name(page):
    assert page.run(SHOWN) == 32
    choose(page, "task", "calm/bas-max")
    assert page.run(SHOWN) == 16
    choose(page, "way", "basic")
    assert page.run(SHOWN) == 8
    choose(page, "right", "right")
    assert page.run(SHOWN) == 4
    assert page.run("return document.getElementById('count').textContent") == "4 shown"
    choose(page, "right", "none")
    assert page.run(SHOWN) == 4
    for name in ("task", "way", "right"):
        choose(page, name, "")
    assert page.run(SHOWN) == 32


def test_a_reply_opens_to_its_words_and_its_reason(page):
    told = page.run("const d = document.querySelectorAll('.reply')[1]; d.open = true; return d.innerText")
    for part in ("prompt", "reply", "answer read", "label", "why"):
        assert part in told


@pytest.mark.parametrize("width", [360, 1400])
def test_the_page_never_scrolls_sideways(page, width):
    page.call("POST", "/goog/cdp/execute", {"cmd": "Emulation.setDeviceMetricsOverride", "params": {
        "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}})  # fmt: skip
    assert page.run("return document.documentElement.scrollWidth") <= width
    page.call("POST", "/goog/cdp/execute", {"cmd": "Emulation.clearDeviceMetricsOverride", "params": {}})


def test_dark_is_a_choice(page):
    shade = "return getComputedStyle(document.body).backgroundColor"
    light = page.run(shade)
    page.run("document.getElementById('theme').click()")
    assert page.run(shade) != light
