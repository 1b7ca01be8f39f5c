# SPDX-License-Identifier: GPL-2.0-or-later
"""`assert_copies` and `assert_raises`."""

from __future__ import annotations

from pathlib import Path

import pytest

from emu import Machine, NtStatus, Raised, Returned, build_guest
from emu.testing import assert_copies, assert_raises
from tests.testing.plugin_runs import BYTE_LOOP, run

pytest_plugins = ["pytester"]

permitted = pytest.mark.emu(smap="off")


@pytest.fixture
def copier(machine: Machine, tmp_path: Path) -> Machine:
    """A machine with a copy whose first wrong byte is the one of index 4."""
    source = tmp_path / "wrong.S"
    source.write_text(
        BYTE_LOOP.replace("1:  mov     al, [rdx]", "1:  mov     al, [rdx]\n    cmp r8, 4\n    je 3f")
        + "3:  xor al, 1\n    mov [rcx], al\n    inc rdx\n    inc rcx\n    dec r8\n    jmp 1b\n"
    )
    machine.load(build_guest(source))
    return machine


class TestAssertCopies:
    @pytest.mark.parametrize("data", [0, 1, 64, 100, b"", b"some bytes"])
    def test_of_the_accessor(self, machine: Machine, data: bytes | int) -> None:
        outcome = assert_copies(machine, "CopyFromUser", data, source_offset=4090, target_offset=5)
        assert isinstance(outcome, Returned)

    @pytest.mark.parametrize("byte", [0, 5, 63, 99])
    def test_with_a_fault(self, machine: Machine, byte: int) -> None:
        outcome = assert_copies(
            machine, "CopyFromUser", 100, source_offset=-byte % 4096, faults=[f"in-page-error=0xC000009D@src+{byte}"]
        )
        raised = assert_raises(outcome, NtStatus.IN_PAGE_ERROR, at="CopyFromUser")
        assert raised.record.information[2] == 0xC000009D

    @permitted
    def test_bytes_that_are_wrong_are_named(self, copier: Machine) -> None:
        assert isinstance(assert_copies(copier, "my_copy", 3), Returned)
        with pytest.raises(AssertionError, match=r"my_copy of 8 bytes, source \+0, target \+0: wrong-data: .*byte 4"):
            assert_copies(copier, "my_copy", 8)

    def test_a_bugcheck_is_shown_whole(self, copier: Machine) -> None:
        with pytest.raises(AssertionError, match=r"source \+3, target \+0: bugcheck: (.|\n)*PAGE_FAULT_IN_NONPAGED"):
            assert_copies(copier, "my_copy", 3, source_offset=3)

    @pytest.mark.emu(irql=1)
    def test_the_irql_is_the_markers(self, machine: Machine) -> None:
        assert_copies(machine, "CopyFromUser", 9)
        assert machine.irql == 1
        assert_copies(machine, "CopyFromUser", 9, irql=0)
        assert machine.irql == 0


class TestAssertRaises:
    def test_gives_what_was_raised(self, machine: Machine) -> None:
        source, target = machine.user.alloc(64), machine.kernel.alloc(64)
        machine.user.protect(source, "none")
        outcome = machine.call("CopyFromUser", target, source, 64)
        assert isinstance(outcome, Raised)
        record = outcome.record
        offset = record.exception_address - machine.resolve("CopyFromUser")
        for at in (
            "CopyFromUser",
            "umaccess!CopyFromUser",
            f"CopyFromUser+{offset:#x}",
            f"umaccess!CopyFromUser+{offset:#x}",
            record.exception_address,
            None,
        ):
            assert assert_raises(outcome, NtStatus.ACCESS_VIOLATION, at=at, address=source) is outcome
        line = str(outcome).partition("(copy.inc:")[2].partition(")")[0]
        assert assert_raises(outcome, 0xC0000005, at=f"copy.inc:{line}", address=source.address) is outcome

    @pytest.mark.parametrize(
        ("status", "options", "message"),
        [
            (NtStatus.IN_PAGE_ERROR, {}, "expected STATUS_IN_PAGE_ERROR (0xC0000006), but the call raised STATUS_ACC"),
            (0xC0000005, {"at": "my_copy"}, "expected STATUS_ACCESS_VIOLATION (0xC0000005) at my_copy, but the call"),
            (0xC0000005, {"at": 5}, "expected STATUS_ACCESS_VIOLATION (0xC0000005) at 0x5, but the call raised"),
            (0xC0000005, {"address": 3}, "expected STATUS_ACCESS_VIOLATION (0xC0000005) for 0x3, but the call raised"),
        ],
    )
    def test_says_what_is_otherwise(self, machine: Machine, status: int, options: dict[str, int], message: str) -> None:
        outcome = machine.call("CopyFromUser", 0, 2, 1)
        with pytest.raises(AssertionError) as failure:
            assert_raises(outcome, status, **options)
        assert str(failure.value).startswith(message)
        assert "umaccess!CopyFromUser+" in str(failure.value)

    def test_of_a_call_that_returned(self, machine: Machine) -> None:
        with pytest.raises(AssertionError, match=r"^expected STATUS_ACCESS_VIOLATION .*, but the call returned 0x0$"):
            assert_raises(machine.call("KeGetCurrentIrql"), NtStatus.ACCESS_VIOLATION)


def test_failures_end_in_the_test_itself(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
        from emu.testing import assert_copies, assert_raises

        def test_copies(machine, guest):
            guest.load("my_copy.S")
            assert_copies(machine, "my_copy")

        def test_raises(machine):
            assert_raises(machine.call("KeGetCurrentIrql"), 0xC0000005)
        """,
        "--tb=short",
        my_copy=BYTE_LOOP,
    )
    result.assert_outcomes(failed=2)
    result.stdout.no_fnmatch_line("*asserts.py*")
    result.stdout.fnmatch_lines(["test_failures*.py:5: in test_copies", "test_failures*.py:8: in test_raises"])
    result.stdout.fnmatch_lines(["emu replay my_copy/image=my_copy.S/len=64/src=+0/dst=+0/profile=*"])
