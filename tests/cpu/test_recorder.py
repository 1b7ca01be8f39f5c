# SPDX-License-Identifier: GPL-2.0-or-later
"""The recorder: what it says of instructions and accesses, and that the guest cannot tell."""

from __future__ import annotations

import struct

import pytest

from emu.address import Gva
from emu.cpu import registers as r
from emu.cpu.recorder import NEVER, Filter, LongBlockLog, LongBlocks, Places
from emu.cpu.trap import Trap, Vector
from emu.memory import page_table as pt
from emu.trace.layout import AccessFlag, InstructionFlag
from tests.cpu.guest import (
    ABSENT,
    CODE,
    CODE_END,
    DATA,
    DESCRIPTORS,
    NON_CANONICAL,
    READ_ONLY,
    STACK_TOP,
    USER_CODE,
    USER_CODE_SELECTOR,
    USER_DATA,
    USER_DATA_SELECTOR,
    Guest,
)
from tests.cpu.recorded_guest import Access, RecordedGuest, both, facts

REP, TRAPPED, USER = InstructionFlag.REP, InstructionFlag.TRAPPED, InstructionFlag.USER
NOT_PERFORMED = AccessFlag.NOT_PERFORMED


def touched(guest: RecordedGuest) -> list[tuple[str, int, int, int]]:
    """Return what every access was: kind, address, size and value."""
    return [access[:4] for instruction in guest.recorded for access in instruction.accesses]


class TestInstructions:
    def test_each_in_order_with_its_registers(self) -> None:
        guest = both("ffc0 ffc0 eb00 ffc0 f4", rax=7)
        assert guest.places == [0, 2, 4, 6, 8]
        assert [row[r.RAX] for row in guest.rows] == [7, 8, 9, 9, 10]
        assert [row[r.RIP] - CODE for row in guest.rows] == guest.places
        assert guest.positions == [0, 1, 2, 3, 4]
        assert {instruction.flags for instruction in guest.recorded} == {0}

    @pytest.mark.parametrize("room", [1, 2, 1000])
    def test_registers_at_chosen_places_alone(self, room: int) -> None:
        """mov ecx, 3; L: inc eax; loop L; hlt."""
        guest = RecordedGuest(room=room)
        guest.chosen = True
        guest.recorder.choose_registers(Places({CODE + 5, CODE + 9, CODE + 100}))
        guest("b903000000 ffc0 e2fc f4", rax=7)
        assert guest.rows_of == [1, 3, 5, 7]
        assert [row[r.RIP] - CODE for row in guest.rows] == [5, 5, 5, 9]
        assert [row[r.RAX] for row in guest.rows] == [7, 8, 9, 10]

    def test_flags_are_those_before_each(self) -> None:
        """stc; adc eax, eax, twice; sub eax, 0x10; sub eax, 1; hlt."""
        guest = both("f9 11c0 11c0 83e810 83e801 f4", rax=0x8000_0001)
        assert [row[r.RFLAGS] & r.FLAGS_ARITHMETIC for row in guest.rows] == [0, 1, 0x805, 0, 0x81, 0x84]

    def test_a_jump_to_itself_is_executed_each_time(self) -> None:
        guest = both("ebfe", budget=5)
        assert guest.places == [0] * 5

    def test_a_branch_not_taken_and_one_taken(self) -> None:
        guest = both("31c0 7502 7400 f4")
        assert guest.places == [0, 2, 4, 6]

    def test_code_has_a_number_for_each_address(self) -> None:
        guest = both("b903000000 ffc0 e2fc f4")  # mov ecx, 3; L: inc eax; loop L; hlt
        assert guest.codes == [0, 1, 2, 1, 2, 1, 2, 3]
        assert list(guest.recorder.code) == [
            (CODE, bytes.fromhex("b903000000")),
            (CODE + 5, b"\xff\xc0"),
            (CODE + 7, b"\xe2\xfc"),
            (CODE + 9, b"\xf4"),
        ]

    def test_more_code_than_the_first_table_holds(self) -> None:
        count = 3000
        guest = both("90" * count + "f4")
        assert guest.places == list(range(count + 1))
        assert guest.codes == list(range(count + 1))
        assert [code[0] - CODE for code in guest.recorder.code] == guest.places

    def test_user_mode_is_flagged(self) -> None:
        guest = RecordedGuest()
        guest.load("ffc0 ff30 cc", USER_CODE)  # inc eax; push [rax]; int3
        guest.enter_user_mode()
        guest.cpu.registers[r.RAX] = USER_DATA - 1
        trap = guest.record(guest.go_on(100))
        assert trap.vector == Vector.BREAKPOINT
        kernel = [instruction for instruction in guest.recorded if instruction.rip < USER_CODE or instruction.rip >> 63]
        user = [instruction for instruction in guest.recorded if not instruction.rip >> 63]
        assert all(not instruction.flags for instruction in kernel)
        assert [(instruction.rip - USER_CODE, instruction.flags) for instruction in user] == [
            (0, USER),
            (2, USER),
            (4, USER),
        ]
        assert [access.flags for access in user[1].accesses] == [AccessFlag.USER] * 2

    def test_from_the_iretq_on_it_is_user_mode(self) -> None:
        """In one run: lgdt [rdi]; mov rsp, rsi; iretq, and at CPL 3 nop; int3."""
        guest = RecordedGuest()
        guest.load("90 cc", USER_CODE)
        guest.memory.write(Gva(DATA + 0xF00), struct.pack("<HQ", 7 * 8 - 1, DESCRIPTORS))
        frame = struct.pack("<5Q", USER_CODE, USER_CODE_SELECTOR, 2, USER_DATA + 0x800, USER_DATA_SELECTOR)
        guest.memory.write(Gva(DATA + 0xE00), frame)
        assert guest("0f0117 4889f4 48cf", rdi=DATA + 0xF00, rsi=DATA + 0xE00).vector == Vector.BREAKPOINT
        assert [instruction.flags for instruction in guest.recorded] == [0, 0, 0, USER, USER]


class TestRepeats:
    @pytest.mark.parametrize("count", [0, 1, 2, 5])
    @pytest.mark.parametrize("room", [1000, 1, 2, 3])
    def test_an_iteration_is_an_instruction(self, count: int, room: int) -> None:
        guest = both("f3a4 f4", room=room, rcx=count, rsi=DATA, rdi=DATA + 0x100)
        iterations = max(count, 1)
        assert guest.places == [0] * iterations + [2]
        assert [instruction.flags for instruction in guest.recorded] == [REP] * iterations + [0]
        assert touched(guest) == [
            access for at in range(count) for access in (("r", DATA + at, 1, 0), ("w", DATA + 0x100 + at, 1, 0))
        ]
        assert [row[r.RCX] for row in guest.rows] == [*(range(count, 0, -1) if count else [0]), 0]

    def test_scas_ends_where_it_finds(self) -> None:
        """repne scasb for 0 in memory of ones, the third byte 0."""
        plain = RecordedGuest()
        plain.memory.write(DATA, b"\1\1\0\1")
        assert plain("f2ae f4", rcx=10, rdi=DATA, rax=0).vector == Vector.HOST_CALL
        assert plain.places == [0, 0, 0, 2]
        assert [access[:2] for access in touched(plain)] == [("r", DATA + at) for at in range(3)]

    def test_cmpsq_of_neighbours_keeps_two_accesses(self) -> None:
        guest = both("f348a7 f4", rcx=1, rsi=DATA, rdi=DATA + 8)
        assert sorted(access[1:3] for access in touched(guest)) == [(DATA, 8), (DATA + 8, 8)]

    def test_a_fault_between_two_iterations(self) -> None:
        guest = RecordedGuest()
        trap = guest("f3aa f4", rcx=4, rdi=DATA + 0x1FFE)
        assert (trap.vector, trap.address) == (Vector.PAGE_FAULT, DATA + 0x2000)
        assert [(i.flags, len(i.accesses)) for i in guest.recorded] == [(REP, 1), (REP, 1), (REP | TRAPPED, 0)]
        guest._map(DATA + 0x2000, "rw")
        assert guest.record(guest.go_on()).vector == Vector.HOST_CALL
        assert [instruction.flags for instruction in guest.recorded[3:]] == [REP, REP, 0]

    @pytest.mark.parametrize("count", [0, 1, 3])
    def test_exact_stops_and_the_recorder_together(self, count: int) -> None:
        """The stop before the last look of a repeat takes no iteration away."""
        guest = RecordedGuest()
        guest.cpu.stop_in([(CODE, CODE_END)])
        stopped = RecordedGuest(room=1)
        stopped.cpu.stop_in([(CODE, CODE_END)])
        expected = both("f3aa ffc0 f4", rcx=count, rdi=DATA)
        for each in (guest, stopped):
            assert each("f3aa ffc0 f4", rcx=count, rdi=DATA).vector == Vector.HOST_CALL
            assert each.recorded == expected.recorded
            assert each.rows == expected.rows


class TestAccesses:
    @pytest.mark.parametrize(
        ("code", "expected"),
        [
            ("8a07", [("r", 0, 1)]),
            ("668b07", [("r", 0, 2)]),
            ("8b07", [("r", 0, 4)]),
            ("488b07", [("r", 0, 8)]),
            ("480107", [("r", 0, 8), ("w", 0, 8)]),
            ("f30f6f07", [("r", 0, 16)]),  # movdqu xmm0, [rdi]
            ("f30f7f07", [("w", 0, 16)]),
            ("0f1007", [("r", 0, 16)]),
            ("db2f", [("r", 0, 10)]),  # fld tbyte [rdi]
            ("d9e8 db3f", [("w", 0, 10)]),
            ("480fc70f", [("r", 0, 16), ("w", 0, 16)]),  # cmpxchg16b [rdi]
            ("ff37", [("r", 0, 8), ("w", None, 8)]),  # push [rdi]
            ("0fae5f04", [("w", 4, 4)]),  # stmxcsr
            ("f30f7f4708 f30f7f4718", [("w", 8, 16), ("w", 24, 16)]),
            ("48890748894708", [("w", 0, 8), ("w", 8, 8)]),
        ],
    )
    def test_width_and_place(self, code: str, expected: list[tuple[str, int | None, int]]) -> None:
        guest = both(code + "f4", rdi=DATA + 0x40)
        assert [access[:3] for access in touched(guest)] == [
            (kind, STACK_TOP - 0x108 if at is None else DATA + 0x40 + at, size) for kind, at, size in expected
        ]

    def test_ten_bytes_are_one_value(self) -> None:
        """fld1; fstp tbyte [rdi]."""
        guest = both("d9e8 db3f f4", rdi=DATA)
        assert touched(guest) == [("w", DATA, 10, 0x3FFF_8000_0000_0000_0000)]

    def test_values_are_what_was_read_and_written(self) -> None:
        guest = RecordedGuest()
        content = bytes(range(1, 33))
        guest.memory.write(DATA, content)
        assert guest("f30f6f07 f30f7f4710 8a4705 88471f f4", rdi=DATA).vector == Vector.HOST_CALL
        whole = int.from_bytes(content[:16], "little")
        assert touched(guest) == [
            ("r", DATA, 16, whole),
            ("w", DATA + 16, 16, whole),
            ("r", DATA + 5, 1, 6),
            ("w", DATA + 31, 1, 6),
        ]

    @pytest.mark.parametrize("size", [2, 4, 8, 16])
    @pytest.mark.parametrize("kind", ["r", "w"])
    def test_across_a_page_boundary_it_is_one(self, size: int, kind: str) -> None:
        read = {2: "668b07", 4: "8b07", 8: "488b07", 16: "f30f6f07"}[size]
        write = {2: "668907", 4: "8907", 8: "488907", 16: "f30f7f07"}[size]
        for before in range(1, size):
            guest = both((read if kind == "r" else write) + "f4", rdi=DATA + 0x1000 - before, rax=0)
            assert touched(guest) == [(kind, DATA + 0x1000 - before, size, 0)]

    @pytest.mark.parametrize("code", ["8907", "488907", "f30f7f07"])
    def test_of_a_store_that_faults_on_its_second_page(self, code: str) -> None:
        """What the engine has begun to do is there, and marked."""
        guest = RecordedGuest()
        trap = guest(code + "f4", rdi=DATA + 0x1FFD)
        assert (trap.vector, trap.address) == (Vector.PAGE_FAULT, DATA + 0x2000)
        [instruction] = guest.recorded
        assert instruction.flags == TRAPPED
        assert all(access.flags & NOT_PERFORMED for access in instruction.accesses)

    def test_a_retried_instruction_is_there_twice(self) -> None:
        guest = RecordedGuest()
        assert guest("48890f f4", rdi=ABSENT, rcx=9).address == ABSENT
        guest._map(ABSENT, "rw")
        assert guest.record(guest.go_on()).vector == Vector.HOST_CALL
        assert [(i.rip - CODE, i.flags, i.accesses) for i in guest.recorded] == [
            (0, TRAPPED, ()),
            (0, 0, (Access("w", ABSENT, 8, 9, 0),)),
            (3, 0, ()),
        ]

    def test_what_was_read_before_a_fault_is_marked(self) -> None:
        """push [rdi] onto a page that is read-only."""
        guest = RecordedGuest()
        guest.load("ff37 f4")
        guest.cpu.registers[r.RSP] = READ_ONLY + 0x100
        guest.cpu.registers[r.RDI] = DATA
        guest.cpu.registers[r.RIP] = CODE
        guest.cpu.registers[r.RFLAGS] = 2
        guest.cpu.registers[r.BUDGET] = 10
        trap = guest.record(guest.cpu.run())
        assert trap.vector == Vector.PAGE_FAULT
        assert guest.recorded == [((CODE), TRAPPED, (Access("r", DATA, 8, 0, NOT_PERFORMED),))]

    def test_fxsave_makes_many(self) -> None:
        guest = both("0fae07 0fae0f f4", rdi=DATA)
        save, restore, _ = guest.recorded
        assert {access.kind for access in save.accesses} == {"w"}
        assert {access.kind for access in restore.accesses} == {"r"}
        for instruction in (save, restore):
            assert len(instruction.accesses) > 40
            assert all(DATA <= access.address < DATA + 512 and access.size <= 8 for access in instruction.accesses)

    def test_iretq_reads_five_quadwords(self) -> None:
        guest = RecordedGuest()
        guest.load("cc", USER_CODE)
        guest.enter_user_mode()
        guest.take()
        last = next(i for i in reversed(guest.recorded) if i.rip == CODE + 6)
        reads = [access[1:3] for access in last.accesses if DATA + 0xE00 <= access.address < DATA + 0xF00]
        assert sorted(reads) == [(DATA + 0xE00 + at, 8) for at in range(0, 40, 8)]

    def test_tables_that_are_small_are_given_again(self) -> None:
        code = "0fae07" * 20 + "f4"
        expected = both(code, rdi=DATA)
        guest = RecordedGuest(access_room=200)
        assert guest(code, rdi=DATA).vector == Vector.HOST_CALL
        assert guest.recorded == expected.recorded


TRAPS = [
    ("90 0f0b", Vector.INVALID_OPCODE, TRAPPED),
    ("90 cc", Vector.BREAKPOINT, 0),
    ("90 cd2c", Vector.ASSERTION, 0),
    ("90 31c9 f7f1", Vector.DIVIDE_ERROR, TRAPPED),
    ("90 488b0425f0ffffff 8a00", Vector.PAGE_FAULT, TRAPPED),
    ("90 ec", Vector.ENGINE_STOPPED, TRAPPED),
    ("90 0f32", Vector.ENGINE_STOPPED, TRAPPED),
    ("90 0fc7f0", Vector.ENGINE_STOPPED, TRAPPED),
    ("90 8a00", Vector.GENERAL_PROTECTION, TRAPPED),
]


@pytest.mark.parametrize(("code", "vector", "flags"), TRAPS)
def test_what_ends_a_run_has_trapped_unless_it_was_done(code: str, vector: Vector, flags: int) -> None:
    """ud2, int3, an interrupt, a division by zero, a fault, what is refused, a non-canonical address."""
    guest = both(code, rax=0x8000_0000_0000_0000, rcx=0x12345, rdx=0)
    assert guest.recorded[-1].flags == flags
    assert all(not instruction.flags for instruction in guest.recorded[:-1])
    plain = Guest()
    assert plain.run(code, rax=0x8000_0000_0000_0000, rcx=0x12345, rdx=0).vector == vector


def test_a_jump_to_nowhere_traps_at_the_target() -> None:
    """The jump was done; the target was never an instruction."""
    guest = both("ffe0", rax=ABSENT)
    assert [(instruction.rip, instruction.flags) for instruction in guest.recorded] == [(CODE, 0)]


@pytest.mark.parametrize("code", ["ffe0", "ffd0", "50 c3", "50 c20800", "50 ff2424", "90 eb00 ffe0"])
def test_a_jump_to_a_non_canonical_address_has_trapped(code: str) -> None:
    """There the processor faults at the jump. What a call has pushed is below RSP."""
    guest = both(code, rax=NON_CANONICAL)
    *others, last = guest.recorded
    assert last.flags == TRAPPED
    assert all(access.flags & NOT_PERFORMED for access in last.accesses)
    assert not any(instruction.flags for instruction in others)
    assert last.rip == guest["rip"]


def test_arithmetic_flags_at_a_fault() -> None:
    """sub eax, 4; mov al, [rdi]: the recorder has the flags that a plain processor has."""
    plain, guest = Guest(), RecordedGuest()
    for each in (plain, guest):
        each.run("83e804 8a07 f4", rax=0x5E90, rdi=ABSENT)
    assert plain["rflags"] & r.FLAGS_ARITHMETIC == guest.recorder.last_flags == 0x10


class TestSingleStep:
    def test_the_trap_flag_is_the_guests_own(self) -> None:
        """Each instruction retires, and a #DB comes behind it."""
        plain, guest = Guest(), RecordedGuest()
        for each in (plain, guest):
            trap = each.run("ffc0 ffc0 9c f4", flags=r.FLAG_TF, rax=0)
            for at in (2, 4, 5):
                assert (trap.vector, trap.rip) == (Vector.DEBUG, CODE + at)
                trap = each.go_on()
            assert trap.vector == Vector.HOST_CALL
        guest.take()
        assert guest.places == [0, 2, 4, 5]
        assert {instruction.flags for instruction in guest.recorded} == {0}


class TestChangedCode:
    """On a page that the guest may write and execute."""

    def test_has_another_number(self) -> None:
        """L: nop; mov byte ptr [rip-8], 0xf8 (clc for the nop); loop L; hlt."""
        guest = both("90 c605f8fffffff8 e2f6 f4", writable=True, rcx=2)
        assert guest.places == [0, 1, 8, 0, 1, 8, 10]
        assert guest.codes == [0, 1, 2, 3, 1, 2, 4]
        assert [code[1] for code in guest.recorder.code][:4] == [
            b"\x90",
            bytes.fromhex("c605f8fffffff8"),
            b"\xe2\xf6",
            b"\xf8",
        ]

    @pytest.mark.parametrize("room", [1000, 1, 2, 3])
    def test_a_store_into_its_own_block_is_recorded_once(self, room: int) -> None:
        """mov byte ptr [rdi], 3: the immediate of the mov al behind it."""
        guest = both("90 c60703 b001 f4", room=room, writable=True, rdi=CODE + 5)
        assert guest.places == [0, 1, 4, 6]
        assert touched(guest) == [("w", CODE + 5, 1, 3)]
        assert guest.recorder.code[2] == (CODE + 4, b"\xb0\x03")

    def test_it_keeps_the_flags(self) -> None:
        """sub eax, 4, which borrows from the second digit; mov byte ptr [rdi], 0x90; pushfq; pop rbx; hlt."""
        guest = both("83e804 c60790 9c 90 5b f4", writable=True, rax=0x5E90, rdi=CODE + 7)
        assert guest["rbx"] & r.FLAGS_ARITHMETIC == 0x10

    def test_read_modify_write_of_the_code_ahead(self) -> None:
        """add byte ptr [rdi], 2: once."""
        guest = both("90 800702 b001 f4", writable=True, rdi=CODE + 5)
        assert guest["rax"] & 0xFF == 3
        assert [access[0] for access in touched(guest)] == ["r", "w"]

    def test_rep_stosb_over_the_code_behind_it(self) -> None:
        guest = both("f3aa b001 90 f4", writable=True, rcx=3, rdi=CODE + 2, rax=0x90)
        assert guest.places == [0, 0, 0, 2, 3, 4, 5]
        assert touched(guest) == [("w", CODE + 2 + at, 1, 0x90) for at in range(3)]

    @pytest.mark.parametrize("code", ["e8fbffffff", "ffd0"])
    def test_a_call_of_itself_on_a_stack_that_is_code(self, code: str) -> None:
        """Each call writes to executable memory, and goes on where it was: they are as many as were made."""
        for guest in (Guest(), RecordedGuest()):
            guest.memory.set_entry(Gva(CODE + 0x1000), guest.memory.entry(Gva(CODE + 0x1000)) | pt.WRITABLE)
            guest.load(code)
            registers = guest.cpu.registers
            registers[r.RSP], registers[r.RAX], registers[r.RIP] = CODE + 0x2000, CODE, CODE
            registers[r.RFLAGS], registers[r.BUDGET] = 2, 10
            trap = guest.cpu.run()
            assert trap.vector == Vector.BUDGET_EXHAUSTED
            if isinstance(guest, RecordedGuest):
                guest.take()
                assert len(guest.recorded) == (CODE + 0x2000 - guest["rsp"]) // 8
                assert len(touched(guest)) == len(guest.recorded)


class TestStops:
    def test_before_the_instruction_of_a_number(self) -> None:
        code = "b903000000 ffc0 e2fc f4"
        expected = both(code)
        for position in range(len(expected.recorded)):
            guest = RecordedGuest()
            guest.recorder.stop_position = position
            trap = guest.run(code)
            assert trap == Trap(Vector.RECORDER_STOP, 0, Gva(0), Gva(expected.recorded[position].rip))
            assert list(guest.cpu.registers[:18]) == expected.rows[position]
            guest.recorder.stop_position = NEVER
            assert guest.record(trap).vector == Vector.HOST_CALL
            assert guest.recorded == expected.recorded

    @pytest.mark.parametrize("room", [1, 2, 7])
    def test_the_guest_cannot_tell_of_full_tables(self, room: int) -> None:
        """Flags, the clock, the budget, blocks that are cut anywhere."""
        loop = "31c0 b905000000 01c8 50 5a e2fa b903000000 f3aa eb00 f4"
        clock = "0f31 4889c3 31c9 0f31 eb00 90 0f31 f4"
        flags = "6a05 58 3c05 7402 0f0b 9c 5b 83f8ff 1bc9 f5 9c 5a f4"
        for code in (loop, clock, flags):
            whole = both(code, rdi=DATA)
            cut = both(code, room=room, rdi=DATA)
            assert cut.recorded == whole.recorded
            assert cut.rows == whole.rows

    @pytest.mark.parametrize("room", [1000, 1, 2])
    def test_the_budget_holds_wherever_it_ends(self, room: int) -> None:
        code = "31c0 b903000000 01c8 e2fc b902000000 f3aa f4"
        for budget in range(1, 14):
            both(code, room=room, budget=budget, rdi=DATA)

    @pytest.mark.parametrize("room", [1000, 1, 2, 3])
    @pytest.mark.parametrize(
        "code",
        ["31c0 85c0 85c0 90 90 7400 f4", "31c0 b903000000 01c8 50 5a e2fa b903000000 f3aa eb00 f4", "90" * 20 + "f4"],
    )
    def test_exact_stops_come_as_without_a_recorder(self, code: str, room: int) -> None:
        """Instructions that change no register among them, so that one is not taken for another."""
        plain, guest = Guest(), RecordedGuest(room=room)
        stops: list[list[int]] = [[], []]
        results = []
        for each, seen in zip((plain, guest), stops, strict=True):
            each.cpu.stop_in([(CODE, CODE_END)])
            trap = each.run(code, rdi=DATA)
            while trap.vector in (Vector.EXACT_STOP, Vector.RECORDER_STOP):
                if trap.vector == Vector.EXACT_STOP:
                    seen.append(trap.rip)
                else:
                    guest.take()
                trap = each.cpu.run()
            results.append(facts(each, trap))
        assert stops[0] == stops[1]
        assert results[0] == results[1]


LENGTHS = (64, 100, 128, 200, 299, 300, 301, 512, 513, 700, 800)


class TestLongBlocks:
    """Straight code: with hooks, the engine cuts it into more blocks."""

    @pytest.mark.parametrize("length", LENGTHS)
    @pytest.mark.parametrize("instruction", ["90", "ffc0", "488907", "480107", "8a07"])
    def test_are_counted_as_without_a_recorder(self, length: int, instruction: str) -> None:
        """rdtsc in the midst of it, and behind it: the clock counts blocks."""
        code = instruction * (length // 2) + "0f31 4889c3" + instruction * (length - length // 2) + "0f31 eb00 f4"
        guest = both(code, rdi=DATA)
        assert len(guest.recorded) == length + 5

    @pytest.mark.parametrize("budget", range(1, 8))
    @pytest.mark.parametrize("length", [300, 800])
    def test_a_budget_that_ends_inside(self, budget: int, length: int) -> None:
        both("480107" * length + "ebfe", rdi=DATA, budget=budget)

    @pytest.mark.parametrize("room", [1, 3, 100])
    def test_with_tables_that_are_full(self, room: int) -> None:
        both("480107" * 400 + "0f31 f4", room=room, rdi=DATA)

    def test_that_fault_and_are_resumed(self) -> None:
        counts = []
        code = "480107" * 150 + "48890e" + "480107" * 250 + "0f31 f4"
        blocks = LongBlocks()
        for recorded in (False, True):
            guest: Guest = RecordedGuest(blocks=blocks) if recorded else Guest()
            log = None if recorded else LongBlockLog(guest.cpu)
            trap = guest.run(code, rdi=DATA, rsi=ABSENT)
            assert trap.vector == Vector.PAGE_FAULT
            guest._map(ABSENT, "rw")
            assert guest.go_on().vector == Vector.HOST_CALL
            blocks = log.finish() if log else blocks
            counts.append((guest["rax"], guest.cpu.registers[r.BLOCKS], guest.cpu.registers[r.BUDGET]))
        assert counts[0] == counts[1]

    def test_that_become_others(self) -> None:
        """At one address long code, then code with a jump in it that is not taken, then long code again."""
        counts: list[list[tuple[int, int]]] = [[], []]
        codes = ("90" * 500 + "0f31 f4", "f8 90 7200 90 0f31 f4" + "90" * 400, "90" * 400 + "0f31 f4")
        blocks = LongBlocks()
        for number in (0, 1):
            guest: Guest = RecordedGuest(blocks=blocks) if number else Guest()
            log = None if number else LongBlockLog(guest.cpu)
            for code in codes:
                trap = guest.run(code)
                if isinstance(guest, RecordedGuest):
                    trap = guest.record(trap)
                assert trap.vector == Vector.HOST_CALL
                counts[number].append((guest["rax"], guest.cpu.registers[r.BLOCKS]))
            blocks = log.finish() if log else blocks
        assert counts[0] == counts[1]

    def test_under_exact_stops(self) -> None:
        """They cut blocks, too, and the code before and behind has other ones."""
        counts: list[list[tuple[int, int]]] = [[], []]
        code = "480107" * 400 + "0f31 f4"
        blocks = LongBlocks()
        for number in (0, 1):
            guest: Guest = RecordedGuest(blocks=blocks) if number else Guest()
            log = None if number else LongBlockLog(guest.cpu)
            for ranges in ((), ((Gva(CODE + 300), Gva(CODE + 600)),), ()):
                guest.cpu.stop_in(ranges)
                trap = guest.run(code, rdi=DATA)
                while trap.vector == Vector.EXACT_STOP:
                    trap = guest.go_on()
                assert trap.vector == Vector.HOST_CALL
                counts[number].append((guest["rax"], guest.cpu.registers[r.BLOCKS]))
                if isinstance(guest, RecordedGuest):
                    guest.take()
            blocks = log.finish() if log else blocks
        assert counts[0] == counts[1]


class TestFilters:
    CODE = "b903000000 ffc0 88 07 e2fa f4"

    def test_ranges(self) -> None:
        guest = RecordedGuest(Filter(((Gva(CODE + 5), Gva(CODE + 6)), (Gva(CODE + 11), Gva(CODE + 12)))))
        assert guest(self.CODE, rdi=DATA).vector == Vector.HOST_CALL
        assert guest.places == [5, 5, 5, 11]
        assert guest.positions == [1, 4, 7, 10]
        assert touched(guest) == []

    def test_from_one_instruction_to_another(self) -> None:
        guest = RecordedGuest(Filter((), Gva(CODE + 7), Gva(CODE + 9)))
        assert guest(self.CODE, rdi=DATA).vector == Vector.HOST_CALL
        assert guest.places == [7, 7, 7]
        assert [access[:3] for access in touched(guest)] == [("w", DATA, 1)] * 3

    def test_until_an_instruction(self) -> None:
        guest = RecordedGuest(Filter((), None, Gva(CODE + 9)))
        assert guest(self.CODE, rdi=DATA).vector == Vector.HOST_CALL
        assert guest.places == [0, 5, 7]

    def test_what_is_left_out_needs_no_room(self) -> None:
        guest = RecordedGuest(Filter(((Gva(CODE + 11), Gva(CODE + 12)),)), room=1)
        assert guest(self.CODE, rdi=DATA).vector == Vector.HOST_CALL
        assert guest.places == [11]

    def test_user_pages_alone(self) -> None:
        """mov al, [rsi] on a user page, mov [rdi], al on a kernel page."""
        guest = RecordedGuest(Filter(user_only=True), smap="off")
        assert guest("8a06 8807 f4", rsi=USER_DATA, rdi=DATA).vector == Vector.HOST_CALL
        assert guest.places == [0, 2, 4]
        assert [(i.accesses) for i in guest.recorded] == [(Access("r", USER_DATA, 1, 0, AccessFlag.USER),), (), ()]


class TestPageTables:
    def test_of_the_guests_own(self) -> None:
        """mov cr3, rax to tables where DATA is another frame: an access has the address that it was made by."""
        guest = RecordedGuest()
        root = Gva(0xFFFF_F800_0040_0000)
        pages = [Gva(root + page * 0x1000) for page in range(4)]
        for page in pages:
            guest._map(page, "rw")
        memory = guest.memory
        old = int(memory.root)
        for level, page in enumerate(pages):
            table = bytearray(memory.ram.bytes[old : old + 0x1000])
            index = DATA >> (39 - 9 * level) & 511
            entry = int.from_bytes(table[index * 8 : index * 8 + 8], "little")
            old = entry & pt.FRAME_MASK
            other = memory.translate(Gva(DATA + 0x1000)) if level == 3 else memory.translate(pages[level + 1])
            table[index * 8 : index * 8 + 8] = (entry & ~pt.FRAME_MASK | other).to_bytes(8, "little")
            if level == 3:  # and the page that had that frame has none
                table[index * 8 + 8 : index * 8 + 16] = bytes(8)
            memory.write(page, bytes(table))
        # mov [rdi], ecx; mov cr3, rax; mov [rdi], edx; hlt
        trap = guest("890f 0f22d8 8917 f4", rax=memory.translate(root), rdi=DATA, rcx=1, rdx=2)
        assert trap.vector == Vector.HOST_CALL
        assert touched(guest) == [("w", DATA, 4, 1), ("w", DATA, 4, 2)]
        assert memory.read(DATA, 4) == (1).to_bytes(4, "little")
        assert memory.read(Gva(DATA + 0x1000), 4) == (2).to_bytes(4, "little")

    def test_that_lead_in_rings_end(self) -> None:
        """A table all of whose entries are itself is looked at as often as there are frames, not 512³ times."""
        guest = RecordedGuest()
        ring = Gva(0xFFFF_F800_0040_0000)
        guest._map(ring, "rw")
        frame = guest.memory.translate(ring)
        guest.memory.write(ring, (frame | 0x27).to_bytes(8, "little") * 512)
        trap = guest("0f22d8 8a07 f4", rax=frame, rdi=DATA)
        assert trap.vector != Vector.BUDGET_EXHAUSTED


@pytest.mark.parametrize("cpu", ["nehalem", "skylake-server", "epyc-rome"])
def test_on_every_kind_of_processor(cpu: str) -> None:
    guest = RecordedGuest(cpu=cpu, smap="off")
    assert guest("f3a4 f30f6f06 f4", rcx=2, rsi=DATA, rdi=DATA + 0x100).vector == Vector.HOST_CALL
    assert guest.places == [0, 0, 2, 6]
