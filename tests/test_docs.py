# SPDX-License-Identifier: GPL-2.0-or-later
"""The manual says what the code does: generated pages are current, links lead somewhere, examples run."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parent.parent
PAGES = sorted([*(ROOT / "docs").rglob("*.md"), ROOT / "README.md"])
LINK = re.compile(r"\]\(([^)#:\s]+)(#[^)\s]*)?\)")


def _generator() -> ModuleType:
    specification = importlib.util.spec_from_file_location("docs_generate", ROOT / "docs" / "generate.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_generated_pages_are_current() -> None:
    for path, page in _generator().PAGES.items():
        assert path.read_text(encoding="utf-8") == page(), f"run `python docs/generate.py` for {path.name}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_relative_links_lead_to_files(page: Path) -> None:
    for match in LINK.finditer(page.read_text(encoding="utf-8")):
        assert (page.parent / match.group(1)).exists(), f"{page.name} links to {match.group(1)}"


def test_every_page_is_in_the_table_of_contents() -> None:
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    for page in (ROOT / "docs").rglob("*.md"):
        if page.name != "index.md" and "_build" not in page.parts:
            name = page.relative_to(ROOT / "docs").with_suffix("").as_posix()
            assert f"\n{name}\n" in index, f"{name} is in no table of contents"
