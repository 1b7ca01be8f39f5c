# SPDX-License-Identifier: GPL-2.0-or-later
"""The trace viewer in a real browser: it opens fast, scrubs fluidly, and shows what the tables say."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.actions.wheel_input import ScrollOrigin
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from emu.trace import EventKind, Trace
from tests.browser.pages import faulting_trace, long_trace, write_page

pytestmark = pytest.mark.browser

MOST_SECONDS = 3.0
LEAST_FRAMES = 30.0
"""A second, while the scrubber moves."""

Page = webdriver.Chrome


@pytest.fixture(scope="module")
def faulting(tmp_path_factory: pytest.TempPathFactory) -> tuple[Trace, str]:
    trace = faulting_trace()
    return trace, write_page(trace, tmp_path_factory.mktemp("page") / "faulting.html")


@pytest.fixture(scope="module")
def million(tmp_path_factory: pytest.TempPathFactory) -> tuple[Trace, str]:
    trace = long_trace()
    return trace, write_page(trace, tmp_path_factory.mktemp("page") / "million.html")


def script(page: Page, body: str, *arguments: object) -> Any:
    """Run the body of an async function that has `viewer`, the page's interface, and `args`; return what it does."""
    return page.execute_async_script(
        "const args = [...arguments]; const done = args.pop();"
        f"traceViewer.ready.then(async () => {{ const viewer = traceViewer; {body} }})"
        ".then(done, (error) => done(`failed: ${error.stack}`));",
        *arguments,
    )


def open_page(page: Page, url: str) -> None:
    """Open a page anew, even one whose address differs in its hash alone."""
    page.get("about:blank")
    page.get_log("browser")
    page.get(url)
    assert script(page, "return true") is True


def current(page: Page) -> dict[str, Any]:
    """What the page shows, once it has drawn."""
    drawn = "await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));"
    shown: dict[str, Any] = script(page, f"{drawn} return await viewer.current()")
    assert isinstance(shown, dict), shown
    return shown


def go_to(page: Page, index: int) -> dict[str, Any]:
    script(page, "await viewer.goTo(args[0])", index)
    return current(page)


def assert_shows(page: Page, trace: Trace, index: int) -> None:
    """The instruction, its accesses and the row that is lit are those of the tables."""
    shown = go_to(page, index)
    instruction = trace.instructions[index]
    code = trace.code[int(instruction["code"])]
    assert (shown["index"], int(shown["rip"], 16), shown["text"]) == (index, code.rip, code.text)
    first = int(instruction["first_access"])
    accesses = trace.accesses[first : first + int(instruction["accesses"])]
    expected = [
        (("read", "write")[access["kind"]], int(access["address"]), int(access["size"]), int(access["low"]))
        for access in accesses
    ]
    got = [
        (each["kind"], int(each["address"], 16), each["size"], int(each["value"], 16) & 0xFFFF_FFFF_FFFF_FFFF)
        for each in shown["accesses"]
    ]
    assert got == expected
    lit = page.find_element(By.CSS_SELECTOR, "#rows .row.current")
    assert lit.find_element(By.CLASS_NAME, "index").text == f"{index:,}"
    assert code.text in lit.text.replace("\n", " ") or lit.text.count("…")
    assert page.find_element(By.ID, "now-text").text == code.text


def assert_byte(page: Page, trace: Trace, which: str, buffer: int, byte: int, index: int) -> None:
    """The counts and the value of a byte at a time are those of the tables."""
    go_to(page, index)
    address = trace.buffers[buffer].address + byte
    kind = 0 if which == "source" else 1
    accesses = trace.accesses[trace.accesses["instruction"] <= index]
    accesses = accesses[(accesses["address"] <= address) & (address < accesses["address"] + accesses["size"])]
    accesses = accesses[accesses["flags"] & 1 == 0]
    shown = script(page, "return viewer.byte(args[0], args[1])", which, byte)
    assert shown[("reads", "writes")[kind]] == np.count_nonzero(accesses["kind"] == kind)
    if len(accesses):
        last = accesses[-1]
        value = int(last["low"]) | int(last["high"]) << 64
        assert shown["value"] == value >> 8 * (address - int(last["address"])) & 0xFF
    else:
        assert shown["value"] == -1


def test_a_million_instructions_open_scrub_and_are_right(
    browser: Page, million: tuple[Trace, str], screenshots: Path
) -> None:
    trace, url = million
    browser.get("about:blank")
    start = time.perf_counter()
    browser.get(url)
    last = script(browser, "return Number(document.getElementById('scrubber').max)")
    opened = time.perf_counter() - start
    assert last == len(trace) - 1
    assert opened <= MOST_SECONDS, f"opened in {opened:.2f} s"
    frames = script(
        browser,
        """
        const scrubber = document.getElementById("scrubber");
        const last = Number(scrubber.max);
        const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
        await frame();
        const begin = performance.now();
        let frames = 0;
        for (; performance.now() - begin < 2000; frames++) {
          scrubber.value = String(Math.floor(last * (0.5 + 0.5 * Math.sin(frames / 9))));
          scrubber.dispatchEvent(new Event("input"));
          await frame();
        }
        return (frames * 1000) / (performance.now() - begin);
        """,
    )
    assert frames >= LEAST_FRAMES, f"{frames:.0f} frames a second"
    generator = np.random.default_rng(4)
    spots = [0, len(trace) - 1, *generator.integers(0, len(trace), 8).tolist()]
    for number, index in enumerate(spots):
        assert_shows(browser, trace, index)
        byte = int(generator.integers(0, trace.buffers[0].size))
        assert_byte(browser, trace, ("source", "target")[number % 2], number % 2, byte, index)
    browser.save_screenshot(str(screenshots / "million.png"))
    print(f"opened in {opened:.2f} s, {frames:.0f} frames a second")


def test_every_instruction_of_a_faulting_copy(browser: Page, faulting: tuple[Trace, str]) -> None:
    trace, url = faulting
    open_page(browser, url)
    for index in range(0, len(trace), 7):
        assert_shows(browser, trace, index)
    for byte in range(0, trace.buffers[0].size, 13):
        assert_byte(browser, trace, "source", 0, byte, len(trace) * byte // trace.buffers[0].size)
        assert_byte(browser, trace, "target", 1, byte, len(trace) - 1)


def test_a_click_on_a_row_and_on_a_byte(browser: Page, faulting: tuple[Trace, str], screenshots: Path) -> None:
    trace, url = faulting
    open_page(browser, url)
    go_to(browser, 0)
    row = browser.find_elements(By.CSS_SELECTOR, "#rows .row")[12]
    row.click()
    assert current(browser)["index"] == 12
    box = script(browser, "return await viewer.box('source', 37)")
    actions = ActionChains(browser)
    actions.w3c_actions.pointer_action.move_to_location(int(box["x"]), int(box["y"]))
    actions.w3c_actions.pointer_action.click()
    actions.perform()
    current(browser)
    entries = browser.find_elements(By.CSS_SELECTOR, "#history-list button")
    readers = trace.where(address=trace.buffers[0].address + 37)
    assert [int(entry.get_attribute("data-instruction") or "") for entry in entries] == readers.tolist()
    entries[-1].click()
    assert current(browser)["index"] == readers[-1]
    assert "source+37" in browser.find_element(By.ID, "history-title").text
    browser.save_screenshot(str(screenshots / "byte.png"))


def test_keys(browser: Page, faulting: tuple[Trace, str]) -> None:
    trace, url = faulting
    open_page(browser, url)
    body = browser.find_element(By.ID, "rows")
    body.send_keys(Keys.ARROW_DOWN)
    assert current(browser)["index"] == 1
    body.send_keys(Keys.END)
    assert current(browser)["index"] == len(trace) - 1
    body.send_keys(Keys.HOME)
    body.send_keys("f")
    faults = trace.events["instruction"][trace.events["kind"] == EventKind.TrapTaken] - 1
    assert current(browser)["index"] == faults[0]
    assert "page paged-out" in browser.find_element(By.ID, "now-more").text
    body.send_keys("f")
    assert current(browser)["index"] == faults[1]
    body.send_keys("F")
    assert current(browser)["index"] == faults[0]
    body.send_keys(Keys.PAGE_UP)
    assert current(browser)["index"] < faults[0]
    body.send_keys("?")
    assert browser.find_element(By.ID, "help").is_displayed()
    browser.find_element(By.CSS_SELECTOR, "#help button").click()
    assert not browser.find_element(By.ID, "help").is_displayed()


def test_the_next_fault_goes_round(browser: Page, faulting: tuple[Trace, str]) -> None:
    trace, url = faulting
    open_page(browser, url)
    faults = trace.events["instruction"][trace.events["kind"] == EventKind.TrapTaken] - 1
    browser.find_element(By.ID, "rows").send_keys(Keys.END, "F")
    assert current(browser)["index"] == faults[-1]
    browser.find_element(By.ID, "rows").send_keys("f")
    assert current(browser)["index"] == faults[0]


def test_a_mark_explains_itself_and_jumps(browser: Page, faulting: tuple[Trace, str]) -> None:
    trace, url = faulting
    open_page(browser, url)
    number = int(np.flatnonzero(trace.events["kind"] == EventKind.PagedIn)[0])
    instruction = int(trace.events["instruction"][number])
    marks = browser.find_element(By.ID, "marks")
    x = round(marks.size["width"] * instruction / len(trace))
    lane = browser.execute_script(
        "return [...document.querySelectorAll('#gutter span')].find((each) => each.textContent.startsWith('page-ins'))"
        ".getBoundingClientRect().y - document.getElementById('marks').getBoundingClientRect().y"
    )
    actions = ActionChains(browser)
    actions.move_to_element_with_offset(marks, x - marks.size["width"] // 2, int(lane) + 6 - marks.size["height"] // 2)
    actions.perform()
    assert trace.explain(number) in browser.find_element(By.ID, "tip").text
    ActionChains(browser).click().perform()
    assert current(browser)["index"] == instruction - 1
    assert trace.explain(number) in browser.find_element(By.CSS_SELECTOR, "#rows .row.current").text


def test_a_strip_by_keyboard_and_another_region(browser: Page, faulting: tuple[Trace, str]) -> None:
    trace, url = faulting
    open_page(browser, url)
    go_to(browser, len(trace) - 1)
    strip = browser.find_element(By.CSS_SELECTOR, "#target .grid")
    strip.send_keys(Keys.ARROW_RIGHT, Keys.ARROW_DOWN, Keys.ARROW_UP, Keys.ARROW_RIGHT, Keys.ENTER)
    assert browser.find_element(By.ID, "history-title").text == "target+2"
    writers = trace.where(address=trace.buffers[1].address + 2)
    browser.find_element(By.ID, "rows").send_keys("[")
    assert current(browser)["index"] == writers[-1]
    browser.find_element(By.ID, "source-region").send_keys("target")
    assert script(browser, "return await viewer.strips()") == ["target", "target"]
    assert_byte(browser, trace, "target", 1, 2, len(trace) - 1)


def test_the_wheel_moves_a_long_list_by_rows(browser: Page, million: tuple[Trace, str]) -> None:
    trace, url = million
    open_page(browser, url)
    go_to(browser, len(trace) // 2)
    rows = "return [...document.querySelectorAll('#rows .row:not([hidden]) .index')].map((each) => each.textContent)"
    before = [int(text.replace(",", "")) for text in script(browser, rows)]
    box = browser.find_element(By.ID, "rows")
    ActionChains(browser).scroll_from_origin(ScrollOrigin.from_element(box), 0, 220).perform()
    current(browser)
    after = [int(text.replace(",", "")) for text in script(browser, rows)]
    assert min(after) == min(before) + 10
    assert sorted(after) == list(range(min(after), max(after) + 1))
    browser.execute_script("document.getElementById('rows').scrollTop = 1e9")
    current(browser)
    assert max(int(text.replace(",", "")) for text in script(browser, rows)) == len(trace) - 1


def test_search(browser: Page, faulting: tuple[Trace, str]) -> None:
    trace, url = faulting
    open_page(browser, url)
    browser.find_element(By.ID, "rows").send_keys("/")
    field = browser.switch_to.active_element
    field.send_keys("source+37")
    readers = trace.where(address=trace.buffers[0].address + 37)
    WebDriverWait(browser, 5).until(lambda page: page.find_element(By.ID, "found").text.endswith(str(len(readers))))
    field.send_keys(Keys.ENTER)
    assert current(browser)["index"] == readers[0]
    field.clear()
    field.send_keys("add rsi", Keys.ENTER)
    assert current(browser)["text"].startswith("add rsi")
    field.clear()
    field.send_keys("vfmadd")
    WebDriverWait(browser, 5).until(lambda page: page.find_element(By.ID, "found").text == "none")
    field.clear()
    field.send_keys("#100", Keys.ENTER)
    assert current(browser)["index"] == 100


def test_a_link_opens_at_its_instruction_in_both_themes(
    browser: Page, faulting: tuple[Trace, str], screenshots: Path
) -> None:
    _, url = faulting
    open_page(browser, f"{url}#i=61")
    assert current(browser)["index"] == 61
    paper = "return getComputedStyle(document.body).backgroundColor"
    seen = {script(browser, paper)}
    browser.save_screenshot(str(screenshots / "auto.png"))
    for _ in ("light", "dark"):
        browser.find_element(By.ID, "theme").click()
        seen.add(script(browser, paper))
        name = browser.find_element(By.ID, "theme").text.lower()
        browser.save_screenshot(str(screenshots / f"{name}.png"))
    assert len(seen) == 2


def test_a_narrow_window(browser: Page, faulting: tuple[Trace, str], screenshots: Path) -> None:
    _, url = faulting
    browser.set_window_size(820, 760)
    try:
        open_page(browser, f"{url}#i=61")
        assert script(browser, "return document.documentElement.scrollWidth <= innerWidth") is True
        assert browser.find_element(By.CSS_SELECTOR, "#rows .row.current").is_displayed()
        browser.save_screenshot(str(screenshots / "narrow.png"))
    finally:
        browser.set_window_size(1440, 900)


def test_nothing_is_asked_of_the_network_and_nothing_fails(browser: Page, faulting: tuple[Trace, str]) -> None:
    _, url = faulting
    open_page(browser, url)
    current(browser)
    asked = script(browser, "return performance.getEntriesByType('resource').map((entry) => entry.name)")
    assert [name for name in asked if not name.startswith("data:")] == []
    assert browser.get_log("browser") == []
