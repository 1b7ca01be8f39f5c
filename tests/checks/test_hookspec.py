# SPDX-License-Identifier: GPL-2.0-or-later
"""The hooks: each is documented, with its arguments, and called by the name that the specification has."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from emu.checks.hookspec import ENTRY_POINTS, PROJECT, CallRequest, MachineHooks

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "checks.md").read_text(encoding="utf-8")
HOOKS = {name: function for name, function in vars(MachineHooks).items() if name.startswith("emu_")}


@pytest.mark.parametrize("name", HOOKS)
def test_the_reference_has_each_hook(name: str) -> None:
    arguments = ", ".join(list(inspect.signature(HOOKS[name]).parameters)[1:])
    assert f"`{name}({arguments})`" in PAGE
    assert HOOKS[name].__doc__


def test_the_reference_has_what_a_request_has() -> None:
    line = next(line for line in PAGE.splitlines() if line.startswith("| `emu_call_begins("))
    for field in CallRequest._fields:
        assert f"`{field}`" in line


def test_names() -> None:
    assert f"`{ENTRY_POINTS}`" in PAGE
    assert all(hasattr(function, f"{PROJECT}_spec") for function in HOOKS.values())
