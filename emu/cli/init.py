# SPDX-License-Identifier: GPL-2.0-or-later
"""`emu init`: a project that passes at once: a routine, its tests in Python and in assembly, and a CI file.

With `--json`: {"directory", "files", "next"}; "next" are the steps, in words.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Final

from emu.cli.mistakes import Mistake, mistakes_reported
from emu.cli.output import show_json, write

TEMPLATES: Final = Path(__file__).parent.parent / "templates"
_SUFFIX: Final = ".template"

FILES: Final = {
    "memcpy.S": "the routine: put your own in its place",
    "test_memcpy.py": "what it promises, in Python: change the name and the promises",
    "test_memcpy.S": "the same in comments of assembly: change `call`, and what is behind it",
    "pyproject.toml": "pytest's settings",
    ".github/workflows/tests.yml": "runs the tests on GitHub at every push",
}
"""What is written, and what to do with it."""


def run_init(directory: str, *, as_json: bool) -> int:
    """Run `emu init`; returns the exit status."""
    root = Path(directory)
    texts = {name: (TEMPLATES / f"{Path(name).name}{_SUFFIX}").read_text(encoding="utf-8") for name in FILES}
    with mistakes_reported():
        _check(root)
        for name, text in texts.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8", newline="\n") as file:
                file.write(text)
    steps = list(_next_steps(directory))
    if as_json:
        show_json({"directory": directory, "files": list(FILES), "next": steps})
        return 0
    width = max(map(len, FILES))
    listed = "".join(f"  {name:{width}}  {what}\n" for name, what in FILES.items())
    write(f"{directory}:\n{listed}\n" + "".join(f"{step}\n" for step in steps))
    return 0


def _check(root: Path) -> None:
    """Refuse to write over anything."""
    if root.exists() and not root.is_dir():
        raise Mistake(f"{root}: this is a file; name a directory, or one that is to be made")
    there = [name for name in FILES if (root / name).exists() or (root / name).is_symlink()]
    if there:
        raise Mistake(f"{root}: {', '.join(there)} would be overwritten; move that away, or name another directory")


def _next_steps(directory: str) -> list[str]:
    steps = []
    missing = [
        name for name, module in (("umaccess-emu[toolchain]", "ziglang"), ("pytest", "pytest")) if not _has(module)
    ]
    if missing:
        steps.append(f"first: pip install {' '.join(repr(name) for name in missing)}")
    where = "" if Path(directory) == Path() else f"cd {directory} && "
    steps.append(f"run the tests: {where}python -m pytest")
    steps.append("then break memcpy.S, and see what a failure shows")
    return steps


def _has(module: str) -> bool:
    return importlib.util.find_spec(module) is not None
