# SPDX-License-Identifier: GPL-2.0-or-later
"""Every kind of stop, provoked by the instruction that provokes it on a CPU."""

import pytest

from emu.cpu import registers as r
from emu.cpu.trap import Vector
from emu.memory import page_table as pt
from tests.cpu.guest import (
    ABSENT,
    CODE,
    CODE_END,
    DATA,
    NON_CANONICAL,
    READ_ONLY,
    STACK_TOP,
    UNREACHABLE,
    USER_CODE,
    USER_DATA,
    USER_READ_ONLY,
    Guest,
)

READ, WRITE, PUSH, JUMP = "8a07", "8807", "ff37", "ffe7"
"""mov al, [rdi]; mov [rdi], al; push [rdi]; jmp rdi."""


@pytest.mark.parametrize(
    ("code", "address", "flags", "error_code"),
    [
        (READ, ABSENT, 0, 0),
        (WRITE, ABSENT, 0, 2),
        (WRITE, READ_ONLY, 0, 3),
        (READ, USER_DATA, 0, 1),
        (WRITE, USER_DATA, 0, 3),
        (WRITE, USER_READ_ONLY, r.FLAG_AC, 3),
        (READ, 0x5000, 0, 0),
        (JUMP, ABSENT, 0, 0x10),
        (JUMP, DATA, 0, 0x11),
        (JUMP, USER_CODE, 0, 0x11),
        (JUMP, USER_CODE, r.FLAG_AC, 0x11),
    ],
)
def test_page_fault(guest: Guest, code: str, address: int, flags: int, error_code: int) -> None:
    trap = guest.run(f"{code} f4", flags=flags, rdi=address)
    assert trap == (Vector.PAGE_FAULT, error_code, address, address if code == JUMP else CODE, "")
    assert guest["cr2"] == address
    guest.run("0f20d0 f4")  # mov rax, cr2; hlt
    assert guest["rax"] == address


def test_page_fault_from_user_mode(guest: Guest) -> None:
    for code, address, error_code in (
        (READ, DATA, 5),
        (WRITE, USER_READ_ONLY, 7),
        (READ, 0x5000, 4),
        (WRITE, 0x5000, 6),
        (JUMP, CODE, 0x15),
        (JUMP, USER_DATA, 0x15),
        (JUMP, 0x5000, 0x14),
    ):
        guest = Guest()
        guest.load(code, USER_CODE)
        guest.enter_user_mode()
        guest.cpu.registers[r.RDI] = address
        trap = guest.go_on(10)
        assert trap[:3] == (Vector.PAGE_FAULT, error_code, address)
        assert guest["cr2"] == address


@pytest.mark.parametrize("code", [READ, WRITE, "480fc70f", "0f180f", PUSH])  # cmpxchg16b; prefetcht0
def test_an_access_that_is_allowed_traps_not(guest: Guest, code: str) -> None:
    assert guest.run(f"{code} f4", rdi=DATA).vector == Vector.HOST_CALL
    assert guest.run(f"{code} f4", rdi=USER_DATA, flags=r.FLAG_AC).vector == Vector.HOST_CALL


def test_a_fetch_that_runs_off_the_last_page(guest: Guest) -> None:
    guest.load("48b8 1122", CODE_END - 4)  # mov rax, imm64, cut off
    trap = guest.start(CODE_END - 4)
    assert trap == (Vector.PAGE_FAULT, 0x10, CODE_END, CODE_END - 4, "")


@pytest.mark.parametrize(
    ("code", "vector", "rip"),
    [
        ("31c9 f7f1", Vector.DIVIDE_ERROR, 2),  # xor ecx, ecx; div ecx
        ("b8ffff0000 b301 f6f3", Vector.DIVIDE_ERROR, 7),  # mov eax, 0xFFFF; mov bl, 1; div bl: overflow
        ("0f0b", Vector.INVALID_OPCODE, 0),  # ud2
        ("90 06", Vector.INVALID_OPCODE, 1),  # nop; push es, which 64-bit mode lacks
        ("cc", Vector.BREAKPOINT, 1),
        ("cd03", Vector.BREAKPOINT, 2),
        ("cd2c", Vector.ASSERTION, 2),
        ("cd29", Vector.FAST_FAIL, 2),
        ("cd2d", Vector.DEBUG_SERVICE, 2),
        ("cdff", 0xFF, 2),
        ("f4", Vector.HOST_CALL, 1),
        ("90 f4", Vector.HOST_CALL, 2),
        ("ebfe", Vector.BUDGET_EXHAUSTED, 0),
    ],
)
def test_vectors_and_where_rip_stands(guest: Guest, code: str, vector: int, rip: int) -> None:
    assert guest.run(code) == (vector, 0, 0, CODE + rip, "")
    assert guest["rip"] == CODE + rip


def test_general_protection(guest: Guest) -> None:
    assert guest.run(READ, rdi=NON_CANONICAL) == (Vector.GENERAL_PROTECTION, 0, 0, CODE, "")
    assert guest.run("8ed8", rax=0x48) == (Vector.GENERAL_PROTECTION, 0x48, 0, CODE, "")  # mov ds, eax: beyond the GDT
    assert guest.run("480fc70f", rdi=DATA + 8).vector == Vector.GENERAL_PROTECTION  # cmpxchg16b, misaligned
    guest.load("f4", USER_CODE)
    guest.enter_user_mode()
    assert guest.go_on(10) == (Vector.GENERAL_PROTECTION, 0, 0, USER_CODE, "")


@pytest.mark.parametrize("code", ["8a0424", "50", "58", "c3", "48cf", "e800000000", "488b44c408"])
def test_stack_fault_through_rsp(guest: Guest, code: str) -> None:
    # mov rsp, rdi; then mov al, [rsp]; push rax; pop rax; ret; iretq; call; mov rax, [rsp+rax*8+8]
    assert guest.run(f"4889fc {code}", rdi=NON_CANONICAL, rax=0) == (Vector.STACK_FAULT, 0, 0, CODE + 3, "")


def test_stack_fault_through_rbp_only_where_the_address_is_to_blame(guest: Guest) -> None:
    assert guest.run("8a4500", rbp=NON_CANONICAL).vector == Vector.STACK_FAULT  # mov al, [rbp]
    assert guest.run("c9", rbp=NON_CANONICAL).vector == Vector.STACK_FAULT  # leave
    assert guest.run("8a042b", rbp=NON_CANONICAL, rbx=0).vector == Vector.GENERAL_PROTECTION  # mov al, [rbx+rbp]
    # lea rbp, [rsp+8]; cmpxchg16b [rbp]: misaligned, and that is no matter of the stack
    assert guest.run("488d6c2408 480fc74d00").vector == Vector.GENERAL_PROTECTION
    # popcnt rax, [rdi], whose name begins like that of pop
    assert guest.run("f3480fb807", rdi=NON_CANONICAL).vector == Vector.GENERAL_PROTECTION
    # jmp to a non-canonical address
    assert guest.run("ffe7", rdi=NON_CANONICAL).vector == Vector.GENERAL_PROTECTION


LIMIT = 0x8000_0000_0000
"""The end of the lower half."""


@pytest.mark.parametrize("code", ["488b07", "488907", "480107", "f3480fb807", "0f1007", "0f1107", "48a5", "48a7"])
def test_an_operand_that_ends_beyond_the_lower_half(guest: Guest, code: str) -> None:
    """Whatever its page is: mov, mov, add, popcnt, movups, movups, movsq, cmpsq."""
    size = 16 if code.startswith("0f") else 8
    for begin in (LIMIT - size + 1, LIMIT - 1):
        assert guest.run(code, rdi=begin, rsi=DATA) == (Vector.GENERAL_PROTECTION, 0, 0, CODE, "")
    assert guest.run(code, rdi=LIMIT - size, rsi=DATA)[::2] == (Vector.PAGE_FAULT, LIMIT - size, "")


@pytest.mark.parametrize("code", ["488b0424", "58", "c3"])  # mov rax, [rsp]; pop rax; ret
def test_a_stack_operand_that_ends_beyond_the_lower_half(guest: Guest, code: str) -> None:
    guest.load(f"4889fc {code}")  # mov rsp, rdi
    assert guest.start(rdi=LIMIT - 4) == (Vector.STACK_FAULT, 0, 0, CODE + 3, "")
    assert guest.start(rdi=LIMIT - 8)[:3] == (Vector.PAGE_FAULT, 0, LIMIT - 8)
    assert guest.run("4889fc 50", rdi=LIMIT + 4).vector == Vector.STACK_FAULT  # push rax


@pytest.mark.parametrize(
    ("code", "jump"),
    [
        ("90 ffe7", "ffe7"),  # nop; jmp rdi
        ("ffd7", "ffd7"),  # call rdi
        ("57 90 c3", "c3"),  # push rdi; nop; ret
        ("57 c21000", "c21000"),  # ret 16
        ("57 ff2424", "ff2424"),  # jmp [rsp]
        ("57 ff1424", "ff1424"),  # call [rsp]
        ("eb00 57 7500 c3", "c3"),  # jmp; push rdi; jne; ret
        ("57 cc c3", "c3"),  # push rdi; int3; ret
        ("57" + "ffc0" * 700 + "c3", "c3"),  # more than one block of inc eax
    ],
)
def test_a_jump_to_a_non_canonical_address_has_not_begun(guest: Guest, code: str, jump: str) -> None:
    at = CODE + len(bytes.fromhex(code)) - len(bytes.fromhex(jump))
    trap = guest.run(code, rdi=NON_CANONICAL)
    if trap.vector == Vector.BREAKPOINT:
        trap = guest.go_on()
    assert trap == (Vector.GENERAL_PROTECTION, 0, 0, at, "")
    assert guest["rip"] == at
    assert guest["rsp"] == STACK_TOP - 0x100 - 8 * code.startswith(("57", "eb00 57"))


def test_the_host_may_begin_at_a_non_canonical_address(guest: Guest) -> None:
    guest.run("57 c3", rdi=NON_CANONICAL)
    trap = guest.start(at=NON_CANONICAL)
    assert trap == (Vector.GENERAL_PROTECTION, 0, 0, NON_CANONICAL, "")
    assert guest["rsp"] == STACK_TOP - 0x100


def test_single_step(guest: Guest) -> None:
    guest.load("90 90 90 f4")
    trap = guest.start(flags=r.FLAG_TF)
    for rip in (CODE + 1, CODE + 2, CODE + 3):
        assert trap == (Vector.DEBUG, 0, 0, rip, "")
        assert guest["rflags"] & r.FLAG_TF
        trap = guest.go_on()
    assert trap.vector in (Vector.HOST_CALL, Vector.DEBUG)


@pytest.mark.parametrize(("code", "length"), [("f1", 1), ("48f1", 2), ("f3f1", 2)])
def test_icebp_is_a_debug_trap_behind_it(guest: Guest, code: str, length: int) -> None:
    assert guest.run(f"{code} f4") == (Vector.DEBUG, 0, 0, CODE + length, "icebp")
    assert guest["rip"] == CODE + length
    assert guest.go_on().vector == Vector.HOST_CALL


@pytest.mark.parametrize("code", ["f090", "f00f0b", "66f090", "f00fc7f0"])  # lock nop, ud2, nop, rdrand
def test_a_lock_prefix_out_of_place_is_named(guest: Guest, code: str) -> None:
    assert guest.run(code, rdi=DATA) == (Vector.INVALID_OPCODE, 0, 0, CODE, "lock")


@pytest.mark.parametrize("code", ["f00007", "f00fb10f", "f0480fc70f", "f08607"])  # lock add, cmpxchg, cmpxchg16b, xchg
def test_a_lock_prefix_in_its_place_runs(guest: Guest, code: str) -> None:
    assert guest.run(f"{code} f4", rdi=DATA).vector == Vector.HOST_CALL


class TestEngineCannotGoOn:
    @pytest.mark.parametrize(
        ("code", "text"), [(READ, "reads guest-physical"), (WRITE, "writes guest-physical"), (JUMP, "fetches from")]
    )
    def test_a_page_table_entry_that_points_outside_ram(self, guest: Guest, code: str, text: str) -> None:
        guest.memory.set_entry(READ_ONLY, guest.ram.size | pt.PRESENT | pt.WRITABLE)
        trap = guest.run(code, rdi=READ_ONLY)
        assert trap.vector == Vector.ENGINE_STOPPED
        assert text in trap.detail
        assert trap.rip == (READ_ONLY if code == JUMP else CODE)

    @pytest.mark.parametrize("code", ["c5fc58c0", "c4e27d5a07", "0f01d0", "0fae27", "65c5fc1007"])
    def test_avx_on_a_model_that_has_it(self, code: str) -> None:
        # vaddps ymm0, ymm0, ymm0; vbroadcasti128 ymm0, [rdi]; xgetbv; xsave [rdi]; vmovups ymm0, gs:[rdi]
        trap = Guest("haswell").run(code, rdi=DATA)
        assert trap.vector == Vector.ENGINE_STOPPED
        assert "the engine has no AVX and no XSAVE on any CPU model" in trap.detail
        assert Guest("nehalem").run(code, rdi=DATA) == (Vector.INVALID_OPCODE, 0, 0, CODE, "")

    def test_evex_where_the_silicon_has_it(self) -> None:
        code = "62f17c4858c0"  # vaddps zmm0, zmm0, zmm0
        assert Guest("skylake-server").run(code).vector == Vector.ENGINE_STOPPED
        assert Guest("haswell").run(code) == (Vector.INVALID_OPCODE, 0, 0, CODE, "")

    def test_the_address_that_only_the_emulator_uses(self, guest: Guest) -> None:
        trap = guest.run(JUMP, rdi=UNREACHABLE + 0xFF8)
        assert trap.vector == Vector.ENGINE_STOPPED
        assert "only the emulator uses" in trap.detail

    def test_the_processor_goes_on_afterwards(self, guest: Guest) -> None:
        guest.run("c5fc58c0")
        assert guest.run(READ, rdi=ABSENT).address == ABSENT
        assert guest.run("f4").vector == Vector.HOST_CALL


@pytest.mark.parametrize(
    "code",
    ["0007", "d00f", "0fba2f01", "0fc007", "8607", "f00fb00f", "480fc70f", "fe07"],
    ids=["add", "ror", "bts", "xadd", "xchg", "lock cmpxchg", "cmpxchg16b", "inc"],
)
def test_read_modify_write_is_a_write_from_the_start(guest: Guest, code: str) -> None:
    assert guest.run(code, rdi=ABSENT) == (Vector.PAGE_FAULT, 2, ABSENT, CODE, "")
    assert guest.run(code, rdi=READ_ONLY) == (Vector.PAGE_FAULT, 3, READ_ONLY, CODE, "")
    assert guest.run(code, rdi=USER_DATA) == (Vector.PAGE_FAULT, 3, USER_DATA, CODE, "")


def test_a_double_fault_is_never_seen(guest: Guest) -> None:
    """Faults of every contributory pair (Intel SDM Vol. 3, table 6-5), one after the other without a handler."""
    kinds = [("31c9f7f1", 0), (READ, NON_CANONICAL), (READ, ABSENT), ("50", 0), ("4889fc50", NON_CANONICAL)]
    for first, first_address in kinds:
        for second, second_address in kinds:
            guest.run(first, rdi=first_address)
            assert guest.run(second, rdi=second_address).vector != Vector.DOUBLE_FAULT


def test_a_push_that_leaves_the_stack(guest: Guest) -> None:
    # lea rsp, [rsp+0x100]: RSP = the end of the stack; pop rax
    trap = guest.run("488da42400010000 58")
    assert (trap.vector, trap.error_code, trap.address) == (Vector.PAGE_FAULT, 0, STACK_TOP)
