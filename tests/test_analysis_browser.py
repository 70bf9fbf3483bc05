"""The HTML page in a real browser: it opens from a disk, silently, and fits a telephone."""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from analysis import load_trials, report_page
from search.confirmation import confirmation
from tests.plans import frozen
from tests.studies import driven

BROWSER, DRIVER = (shutil.which(name) for name in ("chromium", "chromedriver"))

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip

WIDTHS = (1200, 400)

TOO_WIDE = """
const outer = element => element.closest('.scroll, pre') && !element.matches('.scroll, pre');
return [...document.querySelectorAll('body *')].filter(element =>
  !outer(element) && element.getBoundingClientRect().right > window.innerWidth + 1
).map(element => element.tagName + '.' + element.className);
"""
"""Elements that reach over the right edge outside of a box that scrolls by itself."""

SCROLLS_SIDEWAYS = (
    "const page = document.documentElement; return page.scrollWidth > page.clientWidth"
)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Chromium without a window, its console and its requests logged."""
    selenium = pytest.importorskip("selenium.webdriver", reason="pip install selenium")
    if not BROWSER or not DRIVER:
        pytest.skip("no browser: apt-get install chromium chromium-driver")
    from selenium.webdriver.chrome.service import Service

    options = selenium.ChromeOptions()
    options.binary_location = BROWSER
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = selenium.Chrome(options, Service(DRIVER, env={**os.environ, "SE_OFFLINE": "true"}))
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with a search, a contrast and a confirmation of one target, and their pages."""
    root = tmp_path_factory.mktemp("pages")
    contrast = {"seeds": 3, "intermediates": ["none", "nli:esho"]}
    driven(frozen({"contrast": contrast, "budget.trials_per_target": 6}), root)
    driven(confirmation("first", root, top=1, replicates=2)[0], root)
    for study in ("first", "first.confirm"):
        (root / f"{study}.html").write_text(report_page(study, root=root), encoding="utf-8")
    return root


def resize(browser: Any, width: int) -> None:
    """Give the page so many CSS pixels, as a telephone does."""
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)


@pytest.mark.parametrize("study", ["first", "first.confirm"])
def test_a_page_in_a_browser(browser: Any, root: Path, study: str) -> None:
    """Nothing is asked of a network or said on the console; numbers open; nothing is cut off."""
    file = root / f"{study}.html"
    browser.get_log("performance")
    browser.get(file.as_uri())
    messages = [json.loads(line["message"])["message"] for line in browser.get_log("performance")]
    sent = [m["params"] for m in messages if m["method"] == "Network.requestWillBeSent"]
    asked = {one["request"]["url"] for one in sent} - {"data:,"}
    assert asked == {file.as_uri()}
    assert browser.get_log("browser") == []

    headings = [element.text for element in browser.find_elements("css selector", "h2")]
    assert headings[:2] == ["Answer", "Progress"] and "Target xnli" in headings
    assert headings[-2:] == ["Provenance", "Caveats"]
    for width in WIDTHS:
        resize(browser, width)
        assert browser.execute_script("return window.innerWidth") == width
        for closed in browser.find_elements("css selector", "details:not([open]) > summary"):
            browser.execute_script("arguments[0].click()", closed)
        assert browser.execute_script(TOO_WIDE) == []
        assert browser.execute_script(SCROLLS_SIDEWAYS) is False


def test_numbers_behind_a_figure_open_on_a_click(browser: Any, root: Path) -> None:
    """They are hidden until somebody asks, and are those of the frame."""
    file = root / "first.html"
    browser.get(file.as_uri())
    resize(browser, WIDTHS[0])
    details = browser.find_element("css selector", "#cost-xnli details")
    rows = details.find_elements("css selector", "tbody tr")
    assert not any(row.is_displayed() for row in rows)
    details.find_element("css selector", "summary").click()
    assert all(row.is_displayed() for row in rows)
    shown = {(row.text.split()[0], row.text.split()[-1]) for row in rows}
    trials = load_trials("first", root=root).query("replicate.isna()")
    scores = zip(trials["setting_id"], trials["score"], strict=True)
    assert shown == {(name, f"{score:.2f}") for name, score in scores}
