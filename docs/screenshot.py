# SPDX-License-Identifier: GPL-2.0-or-later
"""Takes the manual's picture of a campaign's report: `python -m docs.screenshot`.

Needs Chromium and its driver, which `make test-browser` installs; so it is not part of `make docs`.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from selenium import webdriver

HERE = Path(__file__).parent
TUTORIAL = HERE / "tutorial" / "find-a-broken-copy.md"
PICTURE = HERE / "images" / "report.png"
WINDOW = 1200, 820

COMMANDS = (
    "inject quick_copy --image quick_copy.S --store quick.store",
    "report quick.store -o quick.html",
)


def write_report(directory: Path) -> Path:
    """Do with the tutorial's routine what the tutorial does, and return the page that comes of it."""
    routine = re.search(r"```asm\n(.*?)```", TUTORIAL.read_text(encoding="utf-8"), re.DOTALL)
    assert routine is not None
    (directory / "quick_copy.S").write_text(routine.group(1), encoding="utf-8")
    for command in COMMANDS:
        emu = [str(Path(sys.executable).with_name("emu")), *shlex.split(command)]
        subprocess.run(emu, cwd=directory, check=False, stdout=subprocess.DEVNULL)
    return directory / "quick.html"


def take_picture(page: Path, picture: Path) -> None:
    """Keep what a report shows when it is opened: its first experiment that is not correct."""
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if chromium is None or driver is None:
        raise SystemExit("no chromium or no chromedriver; `make test-browser` installs them from Debian")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    size = f"--window-size={WINDOW[0]},{WINDOW[1]}"
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", size):
        options.add_argument(argument)
    with webdriver.Chrome(options=options, service=webdriver.ChromeService(driver)) as browser:
        browser.get(page.as_uri())
        browser.execute_async_script("const done = arguments[0]; campaignReport.ready.then(() => done())")
        picture.write_bytes(browser.get_screenshot_as_png())


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        take_picture(write_report(Path(scratch)), PICTURE)
