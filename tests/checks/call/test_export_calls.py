# SPDX-License-Identifier: GPL-2.0-or-later
"""Calls of exports that the host implements: arguments, results, and when."""

from __future__ import annotations

import pytest

from emu.checks import CheckedCall
from emu.events import ExportCalled
from tests.checks.captured import Captured

SOURCE = """
#include <ntddk.h>

ULONG Several(KSPIN_LOCK *lock, ULONG size)
{
    KIRQL old = KeAcquireSpinLockRaiseToDpc(lock);
    void *block = ExAllocatePoolWithTag(NonPagedPoolNx, size, 'tseT');
    KeReleaseSpinLock(lock, old);
    ExFreePoolWithTag(block, 'tseT');
    return 0;
}

ULONG Raises(void)
{
    __try { ExRaiseStatus(STATUS_UNSUCCESSFUL); }
    __except (EXCEPTION_EXECUTE_HANDLER) {
        ExFreePoolWithTag(ExAllocatePoolWithTag(NonPagedPoolNx, 8, 'tseT'), 'tseT');
    }
    return 0;
}
"""


@pytest.fixture(scope="module")
def captured(tmp_path_factory: pytest.TempPathFactory) -> Captured:
    made = Captured()
    made.load(tmp_path_factory.mktemp("guest"), SOURCE, ".c")
    made.machine.checkpoint()
    return made


def call(captured: Captured, function: str, *arguments: int) -> CheckedCall:
    captured.machine.reset()
    return captured.call(function, *arguments)


def several(captured: Captured) -> CheckedCall:
    captured.machine.reset()
    return captured.call("Several", captured.machine.kernel.alloc(8, name="lock"), 40)


def test_arguments_and_results(captured: Captured) -> None:
    found = several(captured)
    acquired, allocated, released, freed = found.export_calls
    lock, _ = found.request.arguments
    assert (acquired.name, acquired.arguments[0], acquired.result) == ("KeAcquireSpinLockRaiseToDpc", lock, 0)
    assert (allocated.name, allocated.arguments[1]) == ("ExAllocatePoolWithTag", 40)
    assert allocated.result == found.pool_lives[0].block.address
    assert (released.name, released.arguments[0], released.arguments[1] & 0xFF) == ("KeReleaseSpinLock", lock, 0)
    assert (freed.name, freed.arguments[0]) == ("ExFreePoolWithTag", allocated.result)


def test_when(captured: Captured) -> None:
    found = several(captured)
    for each in found.export_calls:
        event = found.events[each.event]
        assert isinstance(event, ExportCalled)
        assert (event.name, event.return_address) == (each.name, each.return_address)
        assert found.function_name(each.return_address) == "guest!Several"
        stub = found.tree.at(each.instruction - 1)
        assert stub is not None
        assert stub.return_address == each.return_address
    places = [each.instruction for each in found.export_calls]
    assert places == sorted(places)
    assert found.irql[places].tolist() == [2, 2, 0, 0], "what it did shows behind it"


def test_one_that_does_not_return(captured: Captured) -> None:
    raised, allocated, freed = call(captured, "Raises").export_calls
    assert (allocated.name, freed.name) == ("ExAllocatePoolWithTag", "ExFreePoolWithTag")
    assert freed.arguments[0] == allocated.result
    assert raised.name == "ExRaiseStatus"
    assert raised.arguments[0] == 0xC000_0001
    assert raised.result is None
