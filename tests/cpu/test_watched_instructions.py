# SPDX-License-Identifier: GPL-2.0-or-later
"""What the engine would execute otherwise than any CPU is stopped at or mended, and costs nothing where it is not."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emu import Machine
from emu.cpu import registers as r
from emu.cpu.trap import Vector
from tests.cpu.guest import ABSENT, CODE, CODE_END, DATA, USER_CODE, Guest
from tests.trace.random_code import BUFFER, RandomCode

RANDOM = {
    "rdrand eax": "0fc7f0",
    "rdrand rax": "480fc7f0",
    "rdrand r9": "490fc7f1",
    "rdrand cx": "660fc7f1",
    "rdseed edi": "0fc7ff",
    "cs rdseed r15w": "2e66410fc7ff",
}


@pytest.mark.parametrize(("text", "code"), RANDOM.items(), ids=RANDOM)
def test_randomness_is_refused_where_the_model_has_it(text: str, code: str) -> None:
    guest = Guest("ivybridge")
    trap = guest.run(f"ffc3 {code} ffc3 f4", rbx=1)  # inc ebx around it
    assert (trap.vector, trap.rip) == (Vector.ENGINE_STOPPED, CODE + 2)
    assert trap.detail == f"`{text.removeprefix('cs ')}` is not modelled: the same run must give the same result"
    assert (guest["rbx"], guest["rip"]) == (2, CODE + 2)
    assert guest.go_on() == trap
    assert Guest("sandybridge").run(code) == (Vector.INVALID_OPCODE, 0, 0, CODE, "")


@pytest.mark.parametrize(
    "code",
    [
        "0fc70f",  # cmpxchg8b [rdi], of the same opcode
        "480fc70f",  # cmpxchg16b [rdi]
        "b80fc7f000",  # mov eax, 0x00F0C70F
        "48b80f320f300fc7f00f",  # mov rax, imm64
        "eb03 0fc7f0",  # jmp over it
        "0fae f0",  # mfence
    ],
)
def test_its_bytes_elsewhere_are_no_matter(guest: Guest, code: str) -> None:
    for _ in range(2):
        assert guest.run(f"{code} f4", rdi=DATA).vector == Vector.HOST_CALL


def test_jumping_into_an_immediate_is_seen(guest: Guest) -> None:
    guest.run("b80fc7f000 f4")
    assert guest.start(CODE + 1).vector == Vector.ENGINE_STOPPED


@pytest.mark.parametrize("warm", [0, 1, 5])
def test_wherever_it_is_met(warm: int) -> None:
    """In the first block of all, in a later one, after a trap, after jumps, across two pages."""
    guest = Guest()
    for _ in range(warm):
        guest.run("f4")
    # xor eax, eax; jmp +0; inc eax; jmp +0; inc eax; rdrand ecx
    assert guest.run("31c0 eb00 ffc0 eb00 ffc0 0fc7f1").rip == CODE + 10
    assert guest["rax"] == 2
    guest.load("ffc0 0fc7f1", CODE + 0xFFC)
    assert guest.start(CODE + 0xFFC).rip == CODE + 0xFFE
    guest.load("eb00 480fc7f1", CODE_END - 6)
    assert guest.start(CODE_END - 6).rip == CODE_END - 4


def test_a_cold_run_counts_blocks_as_a_warm_one() -> None:
    guest = Guest()
    guest.load("b905000000 eb00 e2fc 0fc7f0")  # mov ecx, 5; jmp; L: loop L−2; rdrand eax
    cold = guest.start(), guest.cpu.registers[r.BUDGET], guest.cpu.registers[r.BLOCKS]
    warm = guest.start(), guest.cpu.registers[r.BUDGET], guest.cpu.registers[r.BLOCKS] - cold[2]
    assert warm == cold
    for budget in range(1000 - cold[1]):
        assert Guest().run("b905000000 eb00 e2fc 0fc7f0", budget=budget).vector == Vector.BUDGET_EXHAUSTED


def test_the_first_block_of_all_may_be_a_loop() -> None:
    guest = Guest()
    assert guest.run("ebfe", budget=20_000).vector == Vector.BUDGET_EXHAUSTED
    assert (guest.cpu.registers[r.BUDGET], guest.cpu.registers[r.BLOCKS]) == (0, 20_000)
    assert guest.go_on(5).vector == Vector.BUDGET_EXHAUSTED


@pytest.mark.parametrize("code", ["0f32", "0f30"])
def test_model_specific_registers_that_the_engine_lacks(guest: Guest, code: str) -> None:
    trap = guest.run(f"{code} f4", rcx=0xFFFF_FFFF_0000_0010)
    assert (trap.vector, trap.rip) == (Vector.ENGINE_STOPPED, CODE)
    assert trap.detail.endswith("msr` of model-specific register 0x10, which is not modelled")
    for known in (0xC000_0080, 0xC000_0082, 0xC000_0101, 0xC000_0102, 0xC000_0103):
        guest.run("0f32 f4", rcx=known)
        assert guest.start(rcx=known).vector == Vector.HOST_CALL
    assert guest.run(f"{code} f4", rcx=0x10).vector == Vector.ENGINE_STOPPED


def test_in_user_mode_they_are_a_general_protection_fault(guest: Guest) -> None:
    guest.load("0f32", USER_CODE)
    guest.enter_user_mode()
    guest.cpu.registers[r.RCX] = 0x10
    assert guest.go_on(5) == (Vector.GENERAL_PROTECTION, 0, 0, USER_CODE, "")


def test_translating_again_leaves_no_fault_behind_in_user_mode() -> None:
    """The engine looks the stop address up when it stops for that, and at CPL 3 the look-up faults."""
    guest = Guest()
    guest.load("eb00 8a07 0fc7f0", USER_CODE)  # jmp +0; mov al, [rdi]; rdrand eax
    guest.enter_user_mode()
    guest.cpu.registers[r.RDI] = 0x5000
    assert guest.go_on(5)[:3] == (Vector.PAGE_FAULT, 4, 0x5000)
    guest.cpu.registers[r.RDI] = USER_CODE
    trap = guest.go_on(5)
    assert (trap.vector, trap.rip) == (Vector.ENGINE_STOPPED, USER_CODE + 4)
    assert guest["cr2"] == 0x5000


@pytest.mark.parametrize("code", ["ec", "ed", "e480", "e580", "ee", "ef", "e680", "6c", "6f", "f36c", "0f05", "0f34"])
def test_ports_and_system_calls(guest: Guest, code: str) -> None:
    # The bytes behind are no instruction: in the engine a port instruction runs on to the end of its block.
    trap = guest.run(f"90 {code} 06", rdi=DATA, rsi=DATA, rcx=2)
    assert (trap.vector, trap.error_code, trap.rip) == (Vector.ENGINE_STOPPED, 0, CODE + 1)
    assert trap.detail.endswith("is not modelled")
    assert guest["rip"] == CODE + 1


@given(code=st.binary(min_size=1, max_size=40).map(lambda blob: blob.replace(b"\xf4", b"\x90")))
@settings(max_examples=300, deadline=None)
def test_any_code_is_the_same_on_two_processors(code: bytes) -> None:
    def run() -> tuple[object, ...]:
        guest = Guest("epyc-rome")
        trap = guest.run(code.hex() + "0fc7f00f31f4", budget=200, rdi=DATA, rsi=DATA + 0x100, rcx=2)
        registers = guest.cpu.registers
        return trap, list(registers[: r.REASON // 2]), bytes(guest.cpu.xmm), guest.memory.read(DATA, 0x1000)

    assert run() == run()


OVERFLOWS = "0401"
"""add al, 1"""
OVERFLOW, ZERO = 0x800, 0x40


@pytest.mark.parametrize("code", ["0fc70f", "480fc70f", "f00fc70f", "f0480fc70f"])
@pytest.mark.parametrize("jump", ["", "eb00"])
def test_a_wide_compare_changes_no_flag_but_one(guest: Guest, code: str, jump: str) -> None:
    """cmpxchg8b, cmpxchg16b [rdi] (Intel SDM Vol. 2: CF, PF, AF, SF and OF are unaffected)."""
    for _ in range(3):
        assert guest.run(f"{OVERFLOWS} {jump} {code} f4", rdi=DATA, rax=0x7F, rdx=0).vector == Vector.HOST_CALL
        assert guest["rflags"] & (OVERFLOW | ZERO) == OVERFLOW
        guest.run(f"{OVERFLOWS} {jump} {code} f4", rdi=DATA, rax=0xFF, rdx=0)
        assert guest["rflags"] & 0x8D5 == 0x55


@pytest.mark.parametrize("code", ["0fc70f", "f0480fc70f"])
def test_a_wide_compare_costs_no_block(guest: Guest, code: str) -> None:
    blocks = []
    for compare in (code, code, "90" * (len(code) // 2)):
        before = guest.cpu.registers[r.BLOCKS]
        guest.run(f"31c0 {compare} f4", rdi=DATA)
        blocks.append(guest.cpu.registers[r.BLOCKS] - before)
    assert len(set(blocks)) == 1


@pytest.mark.parametrize("code", ["0fa3cb", "480fabcb", "0fbaf303", "f00fb307", "0fbb07"])
def test_a_bit_test_leaves_the_zero_flag(guest: Guest, code: str) -> None:
    for operand, expected in ((1, 0), (0, ZERO)):
        guest.run(f"85d2 {code} f4", rdi=DATA, rdx=operand)  # test edx, edx
        assert guest["rflags"] & ZERO == expected


@pytest.mark.parametrize("code", ["0fa307", "0fab07", "0fba3703"])
def test_a_bit_test_that_faults_leaves_every_flag(guest: Guest, code: str) -> None:
    """sub eax, 4 borrows from the second digit: AF, of the operands and not of the result."""
    assert guest.run(f"83e804 {code} f4", rdi=ABSENT, rax=0x5E90).vector == Vector.PAGE_FAULT
    assert guest["rflags"] & 0x10


@pytest.mark.parametrize(("before", "seed"), [(79, 99), (43, 207), (99, 79)])
def test_nothing_is_left_of_code_that_lay_there_before(before: int, seed: int) -> None:
    """What was watched in the first program is no more: before a `pushf` a hook has the engine forget flags."""

    def run(machine: Machine, number: int) -> tuple[str, dict[str, int], bytes]:
        machine.reset()
        code.write(RandomCode(number).assemble(code.address, user.address, kernel.address))
        outcome = machine.call(code.address, user, kernel, budget=20_000)
        return str(outcome), machine.registers, user.read()

    found = []
    for programs in ([seed], [before, seed]):
        with Machine("skylake-server,smap=permit") as machine:
            code = machine.kernel.alloc(4 * BUFFER)
            machine.kernel.protect(code, "rwx")
            user, kernel = machine.user.alloc(BUFFER), machine.kernel.alloc(BUFFER)
            machine.checkpoint()
            found.append([run(machine, number) for number in programs][-1])
    assert found[0] == found[1]


def test_another_watched_instruction_where_one_lay_before() -> None:
    """`bt` needs no more than a hook, `rdmsr` of an unknown register is refused."""
    guest = Guest()
    assert guest.run("0fa3d8 f4").vector == Vector.HOST_CALL
    assert guest.run("0f3290 f4", rcx=0x10).vector == Vector.ENGINE_STOPPED
    assert guest.run("0fa3d8 f4").vector == Vector.HOST_CALL
