# SPDX-License-Identifier: GPL-2.0-or-later
"""The judge of what-if sweeps, by observations made by hand."""

from __future__ import annotations

from typing import Any

import pytest

from emu import Bugchecked, Raised, Returned, TimedOut, Unmodelled
from emu.address import Gva
from emu.campaign.judge.call_observation import ArgumentNote, BlockNote, CallObservation
from emu.campaign.judge.observation import ProcessorNote
from emu.campaign.judge.verdict import CORRECT, VerdictClass
from emu.campaign.judge.what_if_oracle import judge_what_if
from emu.cpu import registers as r
from emu.events import Event, ExceptionRaised, ExportCalled, FaultStruck, TrapTaken
from emu.faults import parse_fault
from emu.kernel.apc_disable import ApcDisable
from emu.kernel.call import REGISTER_SENTINELS, XMM_SENTINELS
from emu.kernel.pool import PoolBlock
from emu.nt.status import NtStatus
from emu.outcome import Outcome, make_record

ARGUMENT = Gva(0x10000)
OUT = Gva(0x20000)
POOL = 0x30000
FAULT = parse_fault("none@arg0+8,access=1")
NO_MEMORY = parse_fault("no-memory@pool,access=1")
STATE = ProcessorNote(REGISTER_SENTINELS, r.FLAG_IF, 0x1F80, XMM_SENTINELS, 0)
SUCCESS = Returned(0)


def block(number: int = 0, tag: bytes = b"Test", size: int = 16, caller: int = 0x777) -> PoolBlock:
    address = Gva(POOL + 0x1000 * number)
    return PoolBlock(address, size, int.from_bytes(tag, "little"), 1, True, Gva(caller), address, 1)


def note(number: int = 0, content: bytes = bytes(16), *, referenced: bool = False, **values: Any) -> BlockNote:
    return BlockNote(block(number, **values), content, referenced)


def seen(
    outcome: Outcome = SUCCESS,
    faults: Any = (FAULT,),
    out: bytes = bytes(range(16)),
    struck: bool = True,
    events: tuple[Event, ...] = (),
    blocks: tuple[BlockNote, ...] = (),
    apcs: ApcDisable = ApcDisable(),  # noqa: B008 (a tuple)
    **after: Any,
) -> CallObservation:
    strikes = [FaultStruck(str(fault), Gva(0x555)) for fault in faults] if struck else []
    return CallObservation(
        faults=faults,
        pages=tuple(ARGUMENT if fault is not NO_MEMORY else None for fault in faults),
        outcome=outcome,
        events=[*strikes, *events],
        arguments={"arg0": ArgumentNote(ARGUMENT, bytes(16)), "arg1": ArgumentNote(OUT, out)},
        blocks=blocks,
        before=STATE,
        after=STATE._replace(**after),
        apcs_before=ApcDisable(),
        apcs_after=apcs,
        locate=lambda address: f"at{address:x}",
        locate_call=lambda address: f"call{address:x}",
    )


def raised(code: int, address: int | None = ARGUMENT + 8) -> Raised:
    return Raised(make_record(code, 0, 0x666, () if address is None else (0, address)))


CLEAN = seen(faults=())


def judge(observation: CallObservation, clean: CallObservation = CLEAN, **settings: Any) -> tuple[str, str]:
    kind, detail = judge_what_if(observation, clean, **settings)
    assert "\n" not in detail
    assert bool(detail) == bool(kind)
    return kind.label, detail


@pytest.mark.parametrize(
    "observation",
    [
        seen(),
        seen(Returned(NtStatus.ACCESS_VIOLATION), out=bytes(16)),
        seen(Returned(1), out=bytes(16)),
        seen(raised(NtStatus.ACCESS_VIOLATION), out=bytes(16)),
        seen(raised(NtStatus.ACCESS_VIOLATION, ARGUMENT)),
        seen(raised(NtStatus.ACCESS_VIOLATION, None)),
        seen(raised(NtStatus.GUARD_PAGE_VIOLATION), faults=(parse_fault("guard@arg0+8,access=2"),)),
        seen(raised(NtStatus.IN_PAGE_ERROR), faults=(parse_fault("in-page-error@arg0+8,access=2"),)),
        seen(raised(0xC000009D, None), faults=(parse_fault("in-page-error=0xC000009D@arg0+8,access=2"),)),
        seen(raised(NtStatus.INSUFFICIENT_RESOURCES, None), faults=(NO_MEMORY,)),
        seen(raised(NtStatus.INSUFFICIENT_RESOURCES, None), faults=(FAULT, NO_MEMORY)),
        seen(rflags=r.FLAG_IF | 1, gpr=(1, 2, 3, *REGISTER_SENTINELS[3:])),
    ],
)
def test_what_is_correct(observation: CallObservation) -> None:
    assert judge_what_if(observation, CLEAN) is CORRECT


def test_the_clean_call_is_judged_by_itself() -> None:
    assert judge_what_if(CLEAN, CLEAN) is CORRECT
    left = seen(raised(NtStatus.INVALID_PARAMETER, None), faults=(), blocks=(note(),))
    assert judge_what_if(left, left, must_return=True) is CORRECT
    high = seen(faults=(), irql=2, apcs=ApcDisable(1))
    assert judge(high, high) == ("state-leak", "a critical region was entered and not left, IRQL is 2, was 0")
    holds = seen(faults=(), events=(ExportCalled("ExAcquireFastMutexUnsafe", Gva(0x99)),))
    assert judge(holds, holds) == ("state-leak", "the fast mutex acquired at call99 is not released")


@pytest.mark.parametrize(
    ("observation", "kind", "detail"),
    [
        (
            seen(Bugchecked(0xC2, (0x46, 0, 0, 0)), events=(ExportCalled("ExFreePool", Gva(0x88)),)),
            VerdictClass.BUGCHECK,
            "bugcheck 0xc2 BAD_POOL_CALLER: ExFreePool, called at call88",
        ),
        (
            seen(
                Bugchecked(0x1E, (0, 0, 0, 0)),
                events=(
                    ExceptionRaised(NtStatus.ACCESS_VIOLATION, Gva(0x44), (1, OUT + 3), False),
                    ExportCalled("DbgPrint", Gva(1)),
                ),
            ),
            VerdictClass.BUGCHECK,
            "bugcheck 0x1e KMODE_EXCEPTION_NOT_HANDLED: nobody took STATUS_ACCESS_VIOLATION (0xC0000005), "
            "write of byte 3 of arg1, at at44",
        ),
        (
            seen(Bugchecked(0xD1, (0, 0, 0, 0)), events=(TrapTaken(14, 0, Gva(0x123), Gva(0x45), "none"),)),
            VerdictClass.BUGCHECK,
            "bugcheck 0xd1 DRIVER_IRQL_NOT_LESS_OR_EQUAL: touch of 0x123 at at45",
        ),
        (
            seen(Bugchecked(0x7F, (0, 0, 0, 0)), events=(TrapTaken(13, 0, Gva(0), Gva(0x45), ""),)),
            VerdictClass.BUGCHECK,
            "bugcheck 0x7f UNEXPECTED_KERNEL_MODE_TRAP: #GP at at45",
        ),
        (seen(Bugchecked(0xE2, (0, 0, 0, 0))), VerdictClass.BUGCHECK, "bugcheck 0xe2"),
        (
            seen(TimedOut(1000, Gva(0x46))),
            VerdictClass.TIMEOUT,
            "it never ended: 1,000 blocks were used up at at46",
        ),
        (
            seen(Unmodelled("deadlock", Gva(0x47))),
            VerdictClass.EMULATOR_ERROR,
            "not modelled: deadlock, at at47",
        ),
        (
            seen(raised(NtStatus.INVALID_PARAMETER, None)),
            VerdictClass.WRONG_STATUS,
            "it raised STATUS_INVALID_PARAMETER (0xC000000D), at at666, which is not what failed",
        ),
        (
            seen(raised(NtStatus.ACCESS_VIOLATION, 0)),
            VerdictClass.WRONG_STATUS,
            "it raised STATUS_ACCESS_VIOLATION (0xC0000005), read of 0x0, at at666, which is not what failed",
        ),
        (
            seen(out=bytes(range(8)) + bytes(8)),
            VerdictClass.WRONG_DATA,
            "it returned 0x0 as if nothing had failed, and hands out partial data: arg1 differs in bytes 8 to 15",
        ),
        (
            seen(out=b"\xff" + bytes(range(1, 15)) + b"\xff"),
            VerdictClass.WRONG_DATA,
            "it returned 0x0 as if nothing had failed, and hands out partial data: "
            "arg1 differs in 2 bytes from 0 to 15",
        ),
        (
            seen(out=bytes(range(15)) + b"\xff"),
            VerdictClass.WRONG_DATA,
            "it returned 0x0 as if nothing had failed, and hands out partial data: arg1 differs in byte 15",
        ),
        (
            seen(blocks=(note(),)),
            VerdictClass.STATE_LEAK,
            "the 16-byte pool block 'Test' allocated at call777 is not freed",
        ),
        (seen(irql=1), VerdictClass.STATE_LEAK, "IRQL is 1, was 0"),
        (seen(rflags=r.FLAG_IF | r.FLAG_AC | r.FLAG_DF), VerdictClass.STATE_LEAK, "DF is still set, AC is still set"),
        (
            seen(gpr=(*REGISTER_SENTINELS[:3], 5, *REGISTER_SENTINELS[4:])),
            VerdictClass.STATE_LEAK,
            f"rbx is 0x5, was {REGISTER_SENTINELS[3]:#x}",
        ),
        (
            seen(apcs=ApcDisable(0, 2), events=(ExportCalled("KeEnterGuardedRegion", Gva(0x77)),)),
            VerdictClass.STATE_LEAK,
            "a guarded region was entered 2 times at call77 and not left",
        ),
        (
            seen(raised(NtStatus.ACCESS_VIOLATION), events=(ExportCalled("KeAcquireGuardedMutexUnsafe", Gva(0x78)),)),
            VerdictClass.STATE_LEAK,
            "the guarded mutex acquired at call78 is not released",
        ),
    ],
)
def test_what_is_not(observation: CallObservation, kind: VerdictClass, detail: str) -> None:
    assert judge(observation) == (kind.label, f"{detail}; after none@arg0+8,access=1 at at555")


def test_a_routine_that_must_return_lets_no_exception_out() -> None:
    left = seen(raised(NtStatus.ACCESS_VIOLATION))
    kind, detail = judge(left, must_return=True)
    assert kind == "wrong-status"
    assert detail.startswith(
        "it raised STATUS_ACCESS_VIOLATION (0xC0000005), read of byte 8 of arg0, at at666; it must"
    )
    raises_anyway = seen(raised(NtStatus.ACCESS_VIOLATION), faults=())
    assert judge_what_if(left, raises_anyway, must_return=True) is CORRECT


def test_a_page_in_allows_no_exception() -> None:
    paged_out = seen(raised(NtStatus.ACCESS_VIOLATION), faults=(parse_fault("paged-out@arg0+8,access=1"),))
    assert judge(paged_out)[0] == "wrong-status"


def test_an_exception_of_a_fault_that_did_not_strike_is_no_excuse() -> None:
    other = seen(raised(NtStatus.INSUFFICIENT_RESOURCES, None), faults=(NO_MEMORY,), struck=False)
    assert judge(other)[0] == "wrong-status"


def test_a_fault_that_never_strikes_is_masked_if_all_else_is_right() -> None:
    assert judge(seen(struck=False)) == ("masked", "none@arg0+8,access=1 never struck")
    assert judge(seen(struck=False, irql=1)) == ("state-leak", "IRQL is 1, was 0")


def test_an_error_status_hands_nothing_out() -> None:
    refuses = Returned(NtStatus.INVALID_PARAMETER)
    assert judge_what_if(seen(refuses, out=bytes(16)), seen(refuses, faults=())) is CORRECT
    warns = Returned(0x8000_0005)
    assert judge(seen(warns, out=bytes(16)), seen(warns, faults=()))[0] == "wrong-data"


def test_partial_data_in_a_pool_block_that_is_handed_out() -> None:
    clean = seen(faults=(), blocks=(note(content=bytes(range(16)), referenced=True),))
    half = seen(blocks=(note(content=bytes(range(8)) + bytes(8), referenced=True),))
    kind, detail = judge(half, clean)
    assert kind == "wrong-data"
    assert "partial data: the 16-byte pool block 'Test' allocated at call777 differs in bytes 8 to 15; after" in detail


def test_a_pointer_to_the_same_block_elsewhere_is_no_difference() -> None:
    def handing_out(number: int, faults: Any, offset: int = 0) -> CallObservation:
        content = int(block(number).address + offset).to_bytes(8, "little") + bytes(8)
        return seen(faults=faults, out=content, blocks=(note(number, referenced=True),))

    clean = handing_out(1, ())
    assert judge_what_if(handing_out(0, (NO_MEMORY,)), clean) is CORRECT
    assert judge(handing_out(0, (NO_MEMORY,), offset=4), clean)[0] == "wrong-data"


@pytest.mark.parametrize(
    ("blocks", "leaks"),
    [
        ((), 0),
        ((note(referenced=True),), 0),
        ((note(),), 1),
        ((note(referenced=True), note(1, referenced=True)), 1),
        ((note(tag=b"Else", referenced=True),), 1),
        ((note(size=8, content=bytes(8), referenced=True),), 1),
        ((note(caller=0x778, referenced=True),), 1),
        ((note(caller=0x778), note(1)), 2),
    ],
)
def test_blocks_that_the_clean_call_leaves_to_somebody(blocks: tuple[BlockNote, ...], leaks: int) -> None:
    clean = seen(faults=(), blocks=(note(referenced=True),))
    failed = seen(Returned(NtStatus.ACCESS_VIOLATION), blocks=blocks)
    kind, detail = judge_what_if(failed, clean)
    assert detail.count("is not freed") == leaks
    assert kind is (VerdictClass.STATE_LEAK if leaks else VerdictClass.CORRECT)


def test_a_block_that_the_clean_call_leaves_to_nobody_is_no_leak_of_the_fault() -> None:
    clean = seen(faults=(), blocks=(note(),))
    assert judge_what_if(seen(blocks=(note(),)), clean) is CORRECT


def test_the_worst_names_the_class() -> None:
    assert judge(seen(raised(NtStatus.INVALID_PARAMETER, None), irql=2, blocks=(note(),)))[0] == "wrong-status"
    assert judge(seen(out=bytes(16), irql=2))[0] == "wrong-data"
    kind, detail = judge(seen(irql=2, blocks=(note(), note(1))))
    assert (kind, detail.count("is not freed"), "IRQL is 2" in detail) == ("state-leak", 2, True)
