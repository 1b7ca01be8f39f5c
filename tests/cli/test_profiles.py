# SPDX-License-Identifier: GPL-2.0-or-later
"""`emu profiles`, `emu --version`, `emu --help`, and how long they take to start."""

import json
import re
import subprocess
import sys

import pytest

from emu.profile import CPU_MODELS, PRIMITIVES, SMAP_POLICIES
from tests.cli.command_line import Emu

NEVER_IMPORTED = ("numpy", "pydantic", "typer", "asyncio", "pygments")


def test_every_model_and_policy_is_listed(emu: Emu) -> None:
    ran = emu("profiles")
    assert (ran.status, ran.err) == (0, "")
    for name in (*CPU_MODELS, *SMAP_POLICIES, *PRIMITIVES):
        assert re.search(rf"^{name} ", ran.out, re.MULTILINE)
    for name in ("skylake-server", "enforce", "library"):
        assert f"{name} (default)" in ran.out


def test_the_same_as_data(emu: Emu) -> None:
    data = json.loads(emu("profiles", "--json").out)
    assert [model["name"] for model in data["models"]] == list(CPU_MODELS)
    assert [model["name"] for model in data["models"] if model["default"]] == ["skylake-server"]
    assert [model["smap"] for model in data["models"] if model["name"] == "nehalem"] == [False]
    assert [policy["name"] for policy in data["smap_policies"]] == list(SMAP_POLICIES)
    assert [(kernel["name"], kernel["default"]) for kernel in data["primitives"]] == [
        ("library", True),
        ("kernel", False),
    ]


def test_the_versions(emu: Emu) -> None:
    ran = emu("--version")
    assert ran.status == 0
    assert re.fullmatch(r"umaccess-emu \S+ \(unicorn \S+, Python \S+\)\n", ran.out)


@pytest.mark.parametrize("arguments", [(), ("--help",), ("-h",)])
def test_help_names_every_verb(emu: Emu, arguments: tuple[str, ...]) -> None:
    ran = emu(*arguments)
    assert (ran.status, ran.err) == (0, "")
    for verb in ("copy", "replay", "doctor", "profiles", "path", "accessors"):
        assert re.search(rf"^  {verb} ", ran.out, re.MULTILINE)


def test_a_copy_imports_nothing_heavy_that_it_does_not_need() -> None:
    code = (
        "import sys; from emu.cli import main; main(['copy', '--fault', 'none@src+37']); "
        f"sys.exit(', '.join(name for name in {NEVER_IMPORTED} if name in sys.modules) or None)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert ran.returncode == 0, ran.stderr.decode()
