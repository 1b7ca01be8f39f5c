# SPDX-License-Identifier: GPL-2.0-or-later
"""The fixture `trace`."""

from __future__ import annotations

import pytest

from emu import Machine, Returned
from emu.trace import Trace, TraceError
from tests.testing.plugin_runs import run

pytest_plugins = ["pytester"]


def test_has_every_call_whenever_it_is_asked(machine: Machine, trace: Trace) -> None:
    assert len(trace) == 0
    assert trace.text() == ""
    lengths = []
    for byte in (b"a", b"b", b"c"):
        source, target = machine.user.alloc(byte), machine.kernel.alloc(1, name=f"target {byte.decode()}")
        assert isinstance(machine.call("CopyFromUser", target, source, 1), Returned)
        lengths.append(len(trace))
        assert trace.text().count("── call umaccess!CopyFromUser") == len(lengths)
        assert trace.state_at(len(trace)).read(target.address, 1) == byte
    assert [call.end for call in trace.calls] == lengths
    assert trace.where(address=source)[0] > lengths[1]


def test_goes_on_behind_a_reset(machine: Machine, trace: Trace) -> None:
    for _ in range(2):
        machine.call("KeGetCurrentIrql")
        machine.reset()
    assert len(trace.calls) == 2
    first, second = trace.calls
    assert second.end - second.begin == first.end - first.begin


def test_is_a_trace_being_taken(machine: Machine, trace: Trace) -> None:
    with pytest.raises(TraceError, match="being taken already"), machine.trace():
        pass


def test_is_of_one_test(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
        def test_first(machine, trace):
            machine.call("KeGetCurrentIrql")
            assert len(trace.calls) == 1

        def test_without(machine):
            machine.call("KeGetCurrentIrql")
            with machine.trace() as own:
                machine.call("KeGetCurrentIrql")
            assert len(own.calls) == 1

        def test_second(machine, trace):
            machine.call("KeGetCurrentIrql")
            assert len(trace.calls) == 1
        """,
    )
    result.assert_outcomes(passed=3)
