# SPDX-License-Identifier: GPL-2.0-or-later
"""Traces of a machine in files: copies by each path, with page-ins and exceptions."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from emu import Machine, Profile
from emu.trace import Trace
from emu.trace.file import load, save

CONTENT = random.Random(7).randbytes(9000)


def _taken(cpu: str, *, paged_out: bool = False, refused: bool = False) -> Trace:
    with Machine(Profile(cpu=cpu)) as machine:
        source = machine.user.alloc(CONTENT)
        target = machine.kernel.alloc(len(CONTENT))
        if paged_out:
            machine.user.page_out(source)
        if refused:
            machine.user.protect(source.address + 0x1000, "none")
        with machine.trace() as trace:
            machine.call("CopyFromUser", target, source, len(CONTENT))
        for _ in trace.chunks():  # while the machine is there to ask
            pass
        return trace


@pytest.mark.parametrize("cpu", ["nehalem", "skylake-server"])
@pytest.mark.parametrize(("paged_out", "refused"), [(False, False), (True, False), (True, True)])
def test_it_comes_back_and_no_longer_needs_the_machine(
    tmp_path: Path, cpu: str, paged_out: bool, refused: bool
) -> None:
    trace = _taken(cpu, paged_out=paged_out, refused=refused)
    save(trace, tmp_path / "x.trace")
    loaded = load(tmp_path / "x.trace")
    assert loaded.instructions.tobytes() == trace.instructions.tobytes()
    for field in trace.accesses.dtype.names or ():
        assert loaded.accesses[field].tolist() == trace.accesses[field].tolist()
    assert loaded.events.tolist() == trace.events.tolist()
    assert bool(len(loaded.events)) is (paged_out or refused)
    for number in range(len(trace.events)):
        assert loaded.event(number) == trace.event(number)
        assert loaded.explain(number) == trace.explain(number)
    for part in ("code", "calls", "modules", "buffers"):
        assert list(getattr(loaded, part)) == list(getattr(trace, part))


def test_two_machines_that_do_the_same_write_the_same_file(tmp_path: Path) -> None:
    for name in ("one", "other"):
        save(_taken("nehalem", paged_out=True), tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()


@pytest.mark.parametrize("cpu", ["nehalem", "skylake-server"])
def test_a_copied_byte_stands_in_the_file_once_however_it_is_copied(tmp_path: Path, cpu: str) -> None:
    save(_taken(cpu), tmp_path / "x.trace")
    size = (tmp_path / "x.trace").stat().st_size
    assert len(CONTENT) < size < len(CONTENT) + 4500


def test_no_disassembly_is_in_the_file(tmp_path: Path) -> None:
    trace = _taken("nehalem", paged_out=True)
    assert any("xmmword ptr" in trace.explain(number) for number in range(len(trace.events)))
    save(trace, tmp_path / "x.trace")
    assert b"xmmword" not in (tmp_path / "x.trace").read_bytes()
