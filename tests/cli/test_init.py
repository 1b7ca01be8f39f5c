# SPDX-License-Identifier: GPL-2.0-or-later
"""`emu init`: a project whose tests pass, and nothing overwritten."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

from emu.cli import init
from tests.cli.command_line import Emu


def run_tests(directory: Path) -> subprocess.CompletedProcess[str]:
    """Run pytest as the user would."""
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"]
    return subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)


def test_the_project_passes_and_fails_when_its_routine_is_broken(emu: Emu, tmp_path: Path) -> None:
    project = tmp_path / "new" / "project"
    ran = emu("init", str(project))
    assert (ran.status, ran.err) == (0, "")
    written = sorted(path.relative_to(project).as_posix() for path in project.rglob("*") if path.is_file())
    assert written == sorted(init.FILES)
    for name, what in init.FILES.items():
        assert f"{name} " in ran.out
        assert what in ran.out
    assert f"cd {project} && python -m pytest" in ran.out

    done = run_tests(project)
    assert done.returncode == 0, done.stdout
    assert "test_memcpy.S" in done.stdout
    assert "test_memcpy.py" in done.stdout

    routine = project / "memcpy.S"
    text = routine.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 30
    routine.write_text(text.replace("mov     rcx, r8", "lea     rcx, [r8 + 1]"), encoding="utf-8")
    done = run_tests(project)
    assert done.returncode == 1
    assert "behind dst (64 bytes) it wrote byte 64" in done.stdout
    assert "Captured" not in done.stdout


def test_here(emu: Emu, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ran = emu("init")
    assert ran.status == 0
    assert "run the tests: python -m pytest" in ran.out
    assert (tmp_path / ".github" / "workflows" / "tests.yml").is_file()


def test_as_data(emu: Emu, tmp_path: Path) -> None:
    ran = emu("init", str(tmp_path), "--json")
    data = json.loads(ran.out)
    assert data.keys() == {"directory", "files", "next"}
    assert data["files"] == list(init.FILES)
    assert all((tmp_path / name).is_file() for name in data["files"])


def test_nothing_is_overwritten(emu: Emu, tmp_path: Path) -> None:
    (tmp_path / "memcpy.S").write_text("mine")
    (tmp_path / "pyproject.toml").symlink_to("nowhere")
    ran = emu("init", str(tmp_path))
    assert ran.status == 2
    assert ran.err == (
        f"emu: {tmp_path}: memcpy.S, pyproject.toml would be overwritten; move that away, or name another directory\n"
    )
    assert (tmp_path / "memcpy.S").read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["memcpy.S", "pyproject.toml"]


def test_other_files_stay(emu: Emu, tmp_path: Path) -> None:
    (tmp_path / "mine.S").write_text("mine")
    assert emu("init", str(tmp_path)).status == 0
    assert (tmp_path / "mine.S").read_text() == "mine"


def test_a_file_is_no_directory(emu: Emu, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ran = emu("init", str(tmp_path / "file"))
    assert (ran.status, ran.err) == (
        2,
        f"emu: {tmp_path / 'file'}: this is a file; name a directory, or one that is to be made\n",
    )
    assert emu("init", str(tmp_path / "file" / "below")).err.startswith(f"emu: {tmp_path / 'file'}")


def test_what_is_missing_is_named(emu: Emu, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(init, "_has", lambda module: module == "pytest")
    assert "first: pip install 'umaccess-emu[toolchain]'\n" in emu("init", str(tmp_path)).out


def test_the_templates_are_the_files() -> None:
    """Whatever lies among the templates is written by the verb, and the wheel has all of the package's directory."""
    templates = {path.name for path in init.TEMPLATES.iterdir()}
    assert templates == {f"{Path(name).name}.template" for name in init.FILES}


def test_the_wheel_has_the_templates() -> None:
    root = Path(__file__).parents[2]
    packed = {file.distribution_path for file in WheelBuilder(str(root)).recurse_included_files()}
    assert {f"emu/templates/{path.name}" for path in init.TEMPLATES.iterdir()} <= packed
