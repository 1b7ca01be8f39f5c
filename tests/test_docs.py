# SPDX-License-Identifier: GPL-2.0-or-later
"""The manual says what the code does: generated pages are current, links lead somewhere, examples run."""

from __future__ import annotations

import contextlib
import importlib.util
import inspect
import os
import re
import shlex
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from emu import pytest_plugin
from emu.campaign.judge.observation import Observation, ProcessorNote
from emu.campaign.judge.verdict import VerdictClass
from emu.campaign.plan.fault_template import parse_fault_choices
from emu.cli.report import REPORT_FORMATS
from emu.testing import assert_copies, assert_raises, options, sweep
from emu.testing.guest import Guest
from emu.testing.report import OUTCOME_PROPERTY, REPLAY_PROPERTY
from emu.trace import ACCESS, EVENT, INSTRUCTION, Trace
from tests.cli.command_line import AS_A_PROGRAM, run_program

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
        assert path.read_text(encoding="utf-8") == page(), f"run `python -m docs.generate` for {path.name}"


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


def _blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.parametrize("page", ["README.md", "docs/tutorial/first-fault.md"])
def test_the_first_python_example_runs(page: str, capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(_blocks(page, "python")[0], page, "exec"), {})
    assert "STATUS_ACCESS_VIOLATION" in capsys.readouterr().out


def _run_pytest(directory: Path, *options: str) -> str:
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--rootdir",
        str(directory),
        str(directory),
        *options,
    ]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=directory).stdout


def _mended(routine: str) -> str:
    """Make the tutorial's routine look at the length first."""
    checked = routine.replace("my_copy:  ", "my_copy: test r8, r8\n jz 1f\n2:")
    assert checked != routine
    return checked.replace("jnz     my_copy", "jnz 2b\n1:")


def test_the_tutorials_routine_fails_its_test_and_passes_when_mended(tmp_path: Path) -> None:
    page = "docs/tutorial/first-fault.md"
    (tmp_path / "test_my_copy.py").write_text(_blocks(page, "python")[1], encoding="utf-8")
    routine = _blocks(page, "asm")[0]
    (tmp_path / "my_copy.S").write_text(routine, encoding="utf-8")
    assert "raised STATUS_ACCESS_VIOLATION" in _run_pytest(tmp_path)
    (tmp_path / "my_copy.S").write_text(_mended(routine), encoding="utf-8")
    assert "1 passed" in _run_pytest(tmp_path)


def test_the_how_tos_tests_pass_with_a_good_routine(tmp_path: Path) -> None:
    blocks = _blocks("docs/how-to/test-a-routine.md", "python")
    (tmp_path / "test_my_copy.py").write_text("\n".join(blocks), encoding="utf-8")
    routine = _mended(_blocks("docs/tutorial/first-fault.md", "asm")[0])
    with_window = routine.replace("2:", "stac\n2:").replace("1:", "clac\n1:")
    (tmp_path / "my_copy.S").write_text(with_window, encoding="utf-8")
    assert "there is no golden trace" in _run_pytest(tmp_path)
    assert "7 passed" in _run_pytest(tmp_path, "--emu-update")
    assert "7 passed" in _run_pytest(tmp_path)


def test_the_tests_of_the_readme_pass_with_a_good_routine(tmp_path: Path) -> None:
    (tmp_path / "test_my_copy.py").write_text(_blocks("README.md", "python")[1], encoding="utf-8")
    routine = (ROOT / "examples" / "copy_routines" / "byte_loop.S").read_text(encoding="utf-8")
    (tmp_path / "my_copy.S").write_text(routine.replace("copy_bytes", "my_copy"), encoding="utf-8")
    shutil.copy(ROOT / "examples" / "copy_routines" / "user_window.inc", tmp_path)
    assert "2 passed" in _run_pytest(tmp_path)


def _unwrapped(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.skipif(os.name == "nt", reason="the lines are for a POSIX shell")
def test_the_driver_of_the_readme_builds_by_itself_and_in_five_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (driver,) = _blocks("README.md", "c")
    Path("driver.c").write_text(driver)
    (build,) = [block for block in _blocks("README.md", "sh") if "lld-link" in block]
    assert len(build.splitlines()) == 5
    (tmp_path / "bin").mkdir()
    for name, arguments in (("python", ""), ("emu", f" -c {shlex.quote(AS_A_PROGRAM)}")):
        script = tmp_path / "bin" / name
        script.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)}{arguments} "$@"\n')
        script.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)
    subprocess.run(["sh", "-ec", build], check=True)
    for image in ("driver.c", "driver.sys"):
        call = ("run", "Capture", "user:4", "kernel:4", "--image", image)
        assert "returned 0x0\n" in run_program(*call).out
        assert "in the __except of driver!Capture" in _unwrapped(run_program(*call, "--fault", "none@arg0+0").out)


def test_the_double_fetch_of_the_readme_is_found_and_confirmed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    (command,) = [block for block in _blocks("README.md", "sh") if "--checks" in block]
    (quote,) = [block for block in _blocks("README.md", "text") if "double-fetch" in block]
    ran = run_program(*shlex.split(command)[1:])
    assert (ran.status, ran.err) == (1, "")
    assert _unwrapped(quote) in _unwrapped(ran.out)


def test_the_how_to_about_compiled_c(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its commands show what it quotes, and its test fails for the leak and passes without it."""
    page = "docs/how-to/run-compiled-c.md"
    source = _blocks(page, "c")[0]
    (tmp_path / "capture.c").write_text(source, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    commands, quotes = _blocks(page, "sh"), _blocks(page, "text")
    shown = [run_program(*command.split()[1:]).out for command in commands]
    assert len(commands) == len(quotes)
    for output, quote in zip(shown, quotes, strict=True):
        assert _unwrapped(quote) in _unwrapped(output)
    (tmp_path / "test_capture.py").write_text(_blocks(page, "python")[0], encoding="utf-8")
    assert "leaked" in _run_pytest(tmp_path)
    leaking = "        return GetExceptionCode();"
    mended = source.replace(leaking, f"        ExFreePool(copy);\n{leaking}")
    assert mended != source
    (tmp_path / "capture.c").write_text(mended, encoding="utf-8")
    assert "1 passed" in _run_pytest(tmp_path)


def test_the_how_to_about_drivers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its driver is the example's, and its commands of `sh` build it and show what it quotes."""
    page = "docs/how-to/build-a-driver.md"
    source = (ROOT / "examples" / "capture_driver" / "capture.c").read_text(encoding="utf-8")
    assert _blocks(page, "c")[0] in source
    (tmp_path / "capture.c").write_text(source, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    found = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    built, build, run = _blocks(page, "sh")
    assert "ziglang" in build
    for script in (built, build, run):
        ran = subprocess.run(
            ["sh", "-ec", script],
            env={**os.environ, "PATH": found},
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        assert ran.stderr == ""
        if script is build:
            assert (ran.returncode, ran.stdout) == (0, "")
        else:
            assert _unwrapped(_blocks(page, "text")[0]) in _unwrapped(ran.stdout)


def test_the_tutorial_about_traces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its commands show what it quotes, and its questions have the answers that it gives."""
    page = "docs/tutorial/read-your-first-trace.md"
    (tmp_path / "checked_copy.S").write_text(_blocks(page, "asm")[0], encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    exec("\n".join(_blocks(page, "python")), {})
    assert "225 checked_copy!checked_copy+0x6 mov al, byte ptr [rdx]" in capsys.readouterr().out
    commands = _blocks(page, "sh")
    for command, quote in zip(commands, _blocks(page, "text"), strict=False):
        assert _unwrapped(quote) in _unwrapped(run_program(*command.split()[1:]).out)
    run_program(*commands[-1].split()[1:])
    assert (tmp_path / "checked_copy.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    (tmp_path / "checked_copy.S").write_text(_blocks(page, "asm")[1], encoding="utf-8")
    mended = run_program(*commands[1].split()[1:]).out
    assert "0..63 read once" in mended
    assert "returned 0x0" in mended


def test_the_how_to_about_traces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its commands show what it quotes, its questions are answered, and its test fails where the routine differs."""
    page = "docs/how-to/trace-a-routine.md"
    routine, mended = _blocks("docs/tutorial/read-your-first-trace.md", "asm")
    (tmp_path / "checked_copy.S").write_text(routine, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    shown, quotes = "", 0
    for language, block in re.findall(r"```(sh|text)\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), re.DOTALL):
        if language == "text":
            assert _unwrapped(block) in _unwrapped(shown)
            quotes += 1
        else:
            for command in block.splitlines():
                ran = run_program(*command.split()[1:])
                assert (ran.status, ran.err) == (1 if "--diff" in command else 0, ""), command
                shown = ran.out
    assert quotes == len(_blocks(page, "text"))
    questions, test = _blocks(page, "python")
    names: dict[str, Any] = {}
    exec(questions, names)
    trace, source = names["trace"], names["source"]
    assert trace.where(address=source.address + 37, kind="read").tolist() == [1, 225]
    assert len(trace.where(rip="checked_copy+0x6")) == 64
    assert trace.state_at(7).registers["r8"] == 64
    (tmp_path / "test_checked_copy.py").write_text(test, encoding="utf-8")
    assert "1 passed" in _run_pytest(tmp_path)
    assert (tmp_path / "checked_copy.trace").stat().st_size > 0
    assert "1 passed" in _run_pytest(tmp_path)
    (tmp_path / "checked_copy.S").write_text(mended, encoding="utf-8")
    assert "the traces differ from instruction 0 on" in _run_pytest(tmp_path)


def test_the_reference_has_every_field_of_the_tables() -> None:
    page = (ROOT / "docs" / "reference" / "traces.md").read_text(encoding="utf-8")
    for table in (INSTRUCTION, ACCESS, EVENT):
        for name in table.names or ():
            assert f"`{name}`" in page
        assert f"{table.itemsize} bytes" in page
    methods = [name for name in vars(Trace) if not name.startswith("_") and callable(getattr(Trace, name))]
    for name in methods:
        assert f"`{name}(" in page or f"`trace.{name}(" in page, name


def test_the_tutorial_about_ones_own_copy(tmp_path: Path) -> None:
    """Each run of pytest, with the routine as it stands then, shows what is quoted behind it."""
    page = (ROOT / "docs/tutorial/test-your-own-copy.md").read_text(encoding="utf-8")
    shown, ends = "", []
    for language, block in re.findall(r"```(asm|python|sh|text)\n(.*?)```", page, re.DOTALL):
        if language == "asm":
            (tmp_path / "memcpy.S").write_text(block, encoding="utf-8")
        elif language == "python":
            (tmp_path / "test_memcpy.py").write_text(block, encoding="utf-8")
        elif language == "text":
            assert _unwrapped(block) in _unwrapped(re.sub(r"(?m)^E ", "", shown))
        elif block.startswith("pytest"):
            _, *options = shlex.split(block)
            shown = _run_pytest(tmp_path, *options)
            ends.append(shown.splitlines()[-1].rpartition(" in ")[0])
    assert ends == ["2 failed", "1 failed, 1 passed", "2 passed", "2 passed", "2 passed", "2 failed, 2 passed"]


def test_the_tutorial_about_campaigns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its commands, in order, with the routine as it stands then, show what it quotes."""
    page = (ROOT / "docs" / "tutorial" / "find-a-broken-copy.md").read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    statuses, shown, every = [], "", ""
    for language, block in re.findall(r"```(asm|sh|text)\n(.*?)```", page, re.DOTALL):
        if language == "asm":
            (tmp_path / "quick_copy.S").write_text(block, encoding="utf-8")
        elif language == "sh":
            ran = run_program(*shlex.split(block)[1:])
            assert ran.err == ""
            statuses.append(ran.status)
            shown = ran.out
            every += shown
        else:
            assert _unwrapped(block) in _unwrapped(shown)
    assert statuses == [0, 1, 1, 1, 0, 0, 1]
    for line in _blocks("README.md", "text")[0].splitlines():
        assert _unwrapped(line) in _unwrapped(every)
    assert (tmp_path / "quick.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    minimal = next(line for line in _blocks("docs/tutorial/find-a-broken-copy.md", "sh") if "emu replay" in line)
    assert "all 1 byte landed" in run_program(*minimal.split()[1:]).out


def test_the_how_to_about_campaigns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its commands show what it quotes, the first one with a sample of its million."""
    name = "docs/how-to/run-a-campaign.md"
    page = (ROOT / name).read_text(encoding="utf-8")
    (tmp_path / "judge.py").write_text(_blocks(name, "python")[0], encoding="utf-8")
    routine = _blocks("docs/tutorial/find-a-broken-copy.md", "asm")[0].replace("quick_copy", "my_copy")
    (tmp_path / "my_copy.S").write_text(routine, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    before, ci = page.split("## In CI\n")
    shown = ""
    for language, block in re.findall(r"```(sh|text)\n(.*?)```", before, re.DOTALL):
        if language == "text":
            assert block.startswith("emu: interrupted") or _unwrapped(block) in _unwrapped(shown)
            continue
        for command in block.splitlines():
            program, *arguments = shlex.split(command)
            if program == "sqlite3":
                with contextlib.closing(sqlite3.connect(arguments[0])) as database:
                    assert database.execute(arguments[1]).fetchall() == []
                continue
            sample = ["--sample", "500"] if "--store" in arguments else []
            ran = run_program(*arguments, *sample)
            expected = 1 if "--oracle" in arguments or "skip" in command else 0
            assert (ran.status, ran.err) == (expected, ""), command
            shown = ran.out
    assert {each.name for each in tmp_path.glob("copy.*")} == {
        "copy.store", "copy.html", "copy.json", "copy.xml", "copy.csv", "copy.parquet"
    }  # fmt: skip
    _, script = re.findall(r"```sh\n(.*?)```", ci, re.DOTALL)
    found = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    assert subprocess.run(["sh", "-ec", script], env={**os.environ, "PATH": found}, check=False).returncode == 1
    assert "wrong-status" in (tmp_path / "my_copy.xml").read_text(encoding="utf-8")


def test_the_reference_has_what_campaigns_have() -> None:
    page = (ROOT / "docs" / "reference" / "campaigns.md").read_text(encoding="utf-8")
    for kind in VerdictClass:
        assert f"| `{kind.label}` | {int(kind)} |" in page
    for field in (*Observation._fields, *ProcessorNote._fields):
        assert f"`{field}`" in page, field
    for report in REPORT_FORMATS:
        assert f"| `{report.suffixes[0]}` | `{report.name}` |" in page
    section = page.split("### Fault templates\n")[1].split("\n### ")[0]
    templates = [text for text in re.findall(r"`([^`]+)`", section) if re.match(r"[a-z-]+(=\S+)?@", text)]
    assert len(templates) > 10
    for template in templates:
        parse_fault_choices([template])


def test_the_reference_has_what_the_plugin_has() -> None:
    page = (ROOT / "docs" / "reference" / "pytest.md").read_text(encoding="utf-8")
    fixtures = re.findall(r"@pytest\.fixture.*\ndef (\w+)", inspect.getsource(pytest_plugin))
    switches = re.findall(r'"(--emu-[a-z-]+)"', inspect.getsource(options))
    methods = [name for name in vars(Guest) if not name.startswith("_")]
    assert len(fixtures) >= 6
    assert len(switches) >= 5
    for name in (*fixtures, *options.KEYWORDS, OUTCOME_PROPERTY, REPLAY_PROPERTY):
        assert f"`{name}`" in page, name
    for begin in (*(f"{name}(" for name in methods), *switches):
        assert f"| `{begin}" in page, begin
    for function in (assert_copies, assert_raises, sweep):
        for name in inspect.signature(function).parameters.keys() - {"what"}:
            assert re.search(rf"`{name}`|`{function.__name__}\([^`]*{name}", page), f"{function.__name__}: {name}"


@pytest.mark.parametrize("message", ["which is not installed", "there is no scheduler at", "has no worker"])
def test_the_how_to_about_clusters_quotes_what_is_said(message: str) -> None:
    page = (ROOT / "docs" / "how-to" / "use-a-cluster.md").read_text(encoding="utf-8")
    assert message in page
    assert message in (ROOT / "emu" / "campaign" / "run" / "cluster.py").read_text(encoding="utf-8")


def test_the_how_to_about_what_if_sweeps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its commands show what it quotes, of the driver as it is and mended."""
    page = (ROOT / "docs" / "how-to" / "fail-every-access.md").read_text(encoding="utf-8")
    source = _blocks("docs/how-to/run-compiled-c.md", "c")[0]
    leaking = "        return GetExceptionCode();"
    monkeypatch.chdir(tmp_path)
    found = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    before, mended = page.split("## Mend it, and ask for more\n")
    statuses = []
    for section, driver in (
        (before, source),
        (mended, source.replace(leaking, f"        ExFreePool(copy);\n{leaking}")),
    ):
        (tmp_path / "capture.c").write_text(driver, encoding="utf-8")
        shown = ""
        for language, block in re.findall(r"```(sh|text)\n(.*?)```", section, re.DOTALL):
            if language == "text":
                assert _unwrapped(block) in _unwrapped(shown)
                continue
            ran = subprocess.run(
                ["sh", "-ec", block],
                env={**os.environ, "PATH": found, "COLUMNS": "100"},
                capture_output=True,
                encoding="utf-8",
                check=False,
            )
            shown = ran.stdout
            statuses.append((ran.returncode, ran.stderr))
    assert statuses == [(1, ""), (0, ""), (1, "")]
