# SPDX-License-Identifier: GPL-2.0-or-later
"""A call with its arguments, as a value and run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from emu import Raised, Returned
from emu.campaign import ExperimentError, File, Inline, Pattern
from emu.campaign.experiment.argument import Integer, Memory, StubExport, Zeroes, parse_argument
from emu.campaign.experiment.call_experiment import CallExperiment
from emu.faults import parse_fault
from emu.memory.ram import DEFAULT_SIZE
from emu.nt.status import NtStatus

USER = Memory("user", Pattern(), 64)
KERNEL = Memory("kernel", Zeroes(), 64)
COPY = ("CopyFromUser", (KERNEL, USER, Integer(64)))


def test_a_call_returns_and_shows_what_its_arguments_hold() -> None:
    result = CallExperiment(*COPY).run()
    assert isinstance(result.outcome, Returned)
    assert result.returned
    assert [each.name for each in result.memory] == ["arg0", "arg1"]
    assert result.memory[0].after == result.memory[1].before == Pattern().read(64)
    assert result.values == (result.memory[0].address, result.memory[1].address, 64)
    assert [address % 4096 for address in result.values[:2]] == [0, 0]


def test_a_fault_from_the_start_gets_a_page_boundary_and_one_that_waits_does_not() -> None:
    from_the_start = CallExperiment(*COPY, faults=(parse_fault("none@arg1+8"),)).run()
    assert from_the_start.memory[1].address % 4096 == 4096 - 8
    waiting = CallExperiment(*COPY, faults=(parse_fault("none@arg1+8,access=1"),)).run()
    assert waiting.memory[1].address % 4096 == 0
    assert waiting.notes == ()
    for result in (from_the_start, waiting):
        assert isinstance(result.outcome, Raised)
        assert result.outcome.record.code is NtStatus.ACCESS_VIOLATION
        assert result.outcome.record.fault_address in (result.values[1], result.values[1] + 8)


def test_what_it_depends_on(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.write_bytes(b"abc")
    call = CallExperiment(
        "f", (parse_argument(f"user:@{data}"), Memory("kernel", Inline(b"x"), None)), images=("a.c", "b.sys")
    )
    assert call.files == ("a.c", "b.sys", str(data))
    assert call.memory["arg0"].content == File(str(data))
    assert list(call.memory) == ["arg0", "arg1"]


def test_a_stub_stands_in_for_an_export() -> None:
    call = CallExperiment("ZwThing", stubs=(StubExport("ZwThing", -1),))
    assert call.run().outcome == Returned((1 << 64) - 1)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"routine": ""}, "the routine has no name"),
        ({"arguments": (Integer(1),) * 33}, "33 arguments; a call takes at most 32"),
        ({"irql": 16}, "irql 16 does not exist"),
        ({"budget": 0}, "a budget of 0 blocks"),
        ({"stubs": (StubExport("A", 1), StubExport("A", 2))}, "--stub A is there twice; give it once"),
        ({"faults": (parse_fault("none@arg0+1"),)}, "there is no buffer 'arg0'; no argument is memory, as user:64 is"),
        (
            {"arguments": (USER, Integer(1)), "faults": (parse_fault("none@arg1+1"),)},
            "there is no buffer 'arg1'; memory arguments: arg0",
        ),
    ],
)
def test_values_that_cannot_be(arguments: dict[str, object], says: str) -> None:
    values = {"routine": "f", **arguments}
    with pytest.raises(ExperimentError, match=re.escape(says)):
        CallExperiment(**values)  # type: ignore[arg-type]


def test_a_fault_behind_an_argument_is_refused_when_it_runs() -> None:
    call = CallExperiment("CopyFromUser", (USER,), faults=(parse_fault("none@arg0+64"),))
    with pytest.raises(ExperimentError, match="byte 64 lies behind the last one of arg0, which has 64; choose"):
        call.run()


def test_a_file_larger_than_guest_ram_is_refused() -> None:
    with pytest.raises(ExperimentError, match=f"larger than guest RAM, {DEFAULT_SIZE >> 20} MiB"):
        CallExperiment("CopyFromUser", (Memory("user", File("/dev/zero"), None),)).run()
