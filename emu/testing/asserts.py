# SPDX-License-Identifier: GPL-2.0-or-later
"""Assertions about one call: that a copy keeps its contract, that an exception is the right one at the right place."""

from __future__ import annotations

from collections.abc import Iterable

from emu.address import PAGE_SIZE, Gva
from emu.campaign.experiment.content import Pattern
from emu.campaign.experiment.landing import POISON, RED_ZONE, poison_for
from emu.campaign.experiment.placement import SOURCE, room_for
from emu.campaign.judge.observation import Observation, ProcessorNote
from emu.campaign.judge.oracle import judge_copy
from emu.campaign.judge.verdict import Verdict
from emu.campaign.plan.case import CopyCase
from emu.cpu import registers as r
from emu.faults import Fault, parse_fault
from emu.kernel.call import REGISTER_SENTINELS, XMM_SENTINELS, bottom_stack_pointer
from emu.kernel.explanation import Explanation
from emu.kernel.trap_frame import entry_flags
from emu.machine import DEFAULT_BUDGET, Machine
from emu.memory.buffer import Buffer
from emu.nt.status import describe_status
from emu.outcome import Outcome, Raised
from emu.testing.machines import LoggedMachine


def assert_copies(
    machine: Machine,
    routine: str,
    data: bytes | int = 64,
    *,
    source_offset: int = 0,
    target_offset: int = 0,
    faults: Iterable[str | Fault] = (),
    irql: int | None = None,
    budget: int = DEFAULT_BUDGET,
) -> Outcome:
    """Have a routine copy from user memory, as `CopyFromUser` is called, and assert what its contract promises.

    That is docs/reference/copy-from-user.md: which bytes land, how it ends, what it must give back; what it wrote to
    other memory than the target's sees a `sweep` alone. `data` is the
    source, or the length of a pattern; offsets are in a page; `faults` name `src` and `dst`; the IRQL is by default the
    marker's. Returns the outcome.
    Raises AssertionError, and what `Machine.inject` and `Machine.call` raise.
    """
    __tracebackhide__ = True
    content = Pattern().read(data) if isinstance(data, int) else bytes(data)
    given = tuple(parse_fault(fault) if isinstance(fault, str) else fault for fault in faults)
    if irql is None:
        irql = machine.default_irql if isinstance(machine, LoggedMachine) else 0
    case = CopyCase(len(content), source_offset, target_offset, given, machine.profile, irql)
    observation = _observe(machine, routine, content, case, budget)
    verdict = judge_copy(observation)
    if verdict.kind:
        raise AssertionError(_describe(routine, observation, verdict))
    return observation.outcome


def _observe(machine: Machine, routine: str, content: bytes, case: CopyCase, budget: int) -> Observation:
    __tracebackhide__ = True
    length, source_offset, target_offset, faults, profile, irql = case
    machine.declare_accessor(routine)
    function = machine.resolve(routine)
    source = machine.user.alloc(room_for(faults, SOURCE, length), offset=source_offset, name="source")
    region = machine.kernel.alloc(
        length + 2 * RED_ZONE, offset=(target_offset - RED_ZONE) % PAGE_SIZE, name="target and its poison"
    )
    target = Buffer(machine.system.memory, Gva(region.address + RED_ZONE), length, "target")
    red_zone = bytes((POISON,)) * RED_ZONE
    source.write(content)
    region.write(red_zone + poison_for(content) + red_zone)
    for fault in faults:
        machine.inject(fault, src=source, dst=target)
    outcome = machine.call(routine, target, source, length, irql=irql, budget=budget)
    registers = list(REGISTER_SENTINELS)
    registers[r.RAX], registers[r.RSP] = function, bottom_stack_pointer(machine.system)
    registers[r.RCX], registers[r.RDX], registers[r.R8] = target.address, source.address, length
    flags = entry_flags(r.FLAG_IF, profile.kernel_entry_ac)
    cpu = machine.system.cpu
    left = cpu.registers
    return Observation(
        case,
        outcome,
        machine.events,
        content,
        source.read(length),
        region.read(),
        source.address,
        target.address,
        ProcessorNote(tuple(registers), flags, r.MXCSR_DEFAULT, XMM_SENTINELS, irql),
        ProcessorNote(tuple(left[:16]), left[r.RFLAGS], cpu.mxcsr, bytes(cpu.xmm), cpu.irql),
        (),
        Explanation(machine.system).locate,
    )


def _describe(routine: str, observation: Observation, verdict: Verdict) -> str:
    case = observation.case
    faults = "".join(f", {fault}" for fault in case.faults)
    where = f"source +{case.source_offset}, target +{case.target_offset}"
    what = f"{routine} of {case.length} bytes, {where}{faults}"
    return f"{what}: {verdict.kind.label}: {verdict.detail}\n{observation.outcome}"


def assert_raises(
    outcome: Outcome, status: int, *, at: str | int | None = None, address: Buffer | int | None = None
) -> Raised:
    """Assert that a call raised an exception, and return how.

    `status` is its code. `at` is where: an address; `my_copy+0x1f` or `module!my_copy+0x1f` for an instruction;
    `my_copy` for anywhere in a function; `my_copy.S:12` for a line. `address` is what could not be touched; of a
    buffer, its first byte. Raises AssertionError, which has the outcome's explanation.
    """
    __tracebackhide__ = True
    expected = describe_status(status)
    if not isinstance(outcome, Raised):
        raise AssertionError(f"expected {expected}, but the call {outcome}")
    record = outcome.record
    if record.code != status:
        raise AssertionError(f"expected {expected}, but the call {outcome}")
    if at is not None and not _is_at(outcome, at):
        there = at if isinstance(at, str) else f"{at:#x}"
        raise AssertionError(f"expected {expected} at {there}, but the call {outcome}")
    if address is not None and record.fault_address != int(address):
        raise AssertionError(f"expected {expected} for {int(address):#x}, but the call {outcome}")
    return outcome


def _is_at(outcome: Raised, at: str | int) -> bool:
    address = outcome.record.exception_address
    if not isinstance(at, str):
        return address == at
    explainer = outcome.dispatch.explainer
    if not isinstance(explainer, Explanation):
        return False
    place = explainer.locate(address)
    symbol = place.rpartition("!")[2]
    line = explainer.source_line(address)
    names = {place, symbol, place.partition("+")[0], symbol.partition("+")[0]}
    return at in names or (line is not None and at == f"{line.file}:{line.line}")
