# SPDX-License-Identifier: GPL-2.0-or-later
"""What is wrong in the engine and worked around: each test fails on the day the engine is fixed.

Then the work-around can go. Everything here runs on the engine as it comes; issue numbers are those of
github.com/unicorn-engine/unicorn.
"""

from __future__ import annotations

import ctypes
import struct
import time

import pytest
from unicorn import unicorn_const as uc
from unicorn import x86_const as x86
from unicorn.unicorn_py3.unicorn import Uc, uclib

from emu.cpu.calibration import calibrate
from emu.cpu.engine import SavedContext
from emu.profile import CPU_MODELS
from tests.cpu.raw import (
    ABSENT,
    ALIAS,
    CODE,
    DATA,
    DIRTY,
    NO_EXECUTE,
    NON_CANONICAL,
    OUTSIDE,
    PRESENT,
    READ_ONLY,
    UNTIL,
    WRITABLE,
    Raw,
    engine_error,
)

READ, WRITE = "8a07", "8807"
"""mov al, [rdi]; mov [rdi], al."""

NOTHING = -1


@pytest.fixture
def raw() -> Raw:
    return Raw()


class TestExceptions:
    def test_only_the_first_fault_counts(self, raw: Raw) -> None:
        """Issue 1883: the engine remembers the last exception, and nobody clears it."""
        assert [raw.run(READ, rdi=ABSENT) for _ in range(3)] == [14, 8, NOTHING]

    def test_clearing_the_exception_in_flight_helps(self, raw: Raw) -> None:
        for _ in range(5):
            assert raw.run(READ, rdi=ABSENT) == 14
            raw.forget_exception(calibrate().exception_in_flight)

    @pytest.mark.parametrize("hooked", [False, True])
    def test_a_fault_behind_a_code_hook_has_flags_computed_twice(self, raw: Raw, hooked: bool) -> None:
        """sub eax, 4, which borrows from the second digit, then a fault: AF is 1, then computed again of the result.

        The recorder keeps what was computed first.
        """
        if hooked:
            raw.engine.hook_add(uc.UC_HOOK_CODE, lambda *_: None)
        assert raw.run("83e804 8a07", rdi=ABSENT, rax=0x5E90) == 14
        adjust = 0x10
        assert bool(raw.engine.reg_read(x86.UC_X86_REG_EFLAGS) & adjust) is not hooked

    @pytest.mark.parametrize("code", ["0fc70f", "480fc70f", "f0480fc70f"])  # (lock) cmpxchg8b, cmpxchg16b [rdi]
    def test_a_wide_compare_takes_the_flags_as_they_were_when_its_block_began(self, raw: Raw, code: str) -> None:
        """add al, 1, which overflows, before it: OF stays on silicon. In a block of its own it does stay."""
        overflow = 0x800
        raw.run(f"0401 {code} 9c 58 f4", rdi=DATA + 0x800, rsp=DATA + 0x1000, rax=0x7F)
        assert not raw["rax"] & overflow
        raw.run(f"0401 eb00 {code} 9c 58 f4", rdi=DATA + 0x800, rsp=DATA + 0x1000, rax=0x7F)
        assert raw["rax"] & overflow

    @pytest.mark.parametrize("code", ["0f0b", "06", "f1", "f090"])  # ud2; push es; icebp; lock nop
    def test_an_invalid_opcode_is_no_interrupt(self, raw: Raw, code: str) -> None:
        assert engine_error(lambda: raw.run(code)) == uc.UC_ERR_INSN_INVALID
        assert raw.vectors == []

    def test_a_stack_fault_is_a_general_protection_fault(self, raw: Raw) -> None:
        assert raw.run("50", rsp=NON_CANONICAL) == 13  # push rax

    def test_a_return_to_a_non_canonical_address_faults_behind_it(self, raw: Raw) -> None:
        assert raw.run("57 c3", rdi=NON_CANONICAL, rsp=DATA + 0x1000) == 13  # push rdi; ret
        assert (raw["rip"], raw["rsp"]) == (NON_CANONICAL, DATA + 0x1000)

    def test_an_operand_that_ends_beyond_the_lower_half_is_a_page_fault(self, raw: Raw) -> None:
        assert raw.run("488b07", rdi=0x7FFF_FFFF_FFFC) == 14  # mov rax, [rdi]

    @pytest.mark.parametrize("code", [READ, WRITE])
    def test_an_entry_that_points_outside_ram_is_no_page_fault(self, raw: Raw, code: str) -> None:
        error = engine_error(lambda: raw.run(code, rdi=OUTSIDE))
        assert error == (uc.UC_ERR_READ_UNMAPPED if code == READ else uc.UC_ERR_WRITE_UNMAPPED)

    def test_an_interrupt_goes_to_no_handler(self, raw: Raw) -> None:
        raw.engine.reg_write(x86.UC_X86_REG_IDTR, (0, ABSENT, 0xFFF, 0))
        assert raw.run("cd80") == 0x80
        assert raw["rip"] == CODE + 2

    @pytest.mark.parametrize("code", ["0f05", "0f34"])  # syscall; sysenter
    def test_a_system_call_is_stepped_over(self, raw: Raw, code: str) -> None:
        raw.engine.reg_write(x86.UC_X86_REG_MSR, (0xC000_0082, ABSENT))  # IA32_LSTAR
        assert raw.run(f"{code} ffc3 f4", rbx=1) == NOTHING  # inc ebx; hlt
        assert raw["rbx"] == 2

    def test_a_stop_address_that_cannot_be_fetched_overwrites_the_fault(self, raw: Raw) -> None:
        """At every stop the engine looks `until` up, to drop its translation; the look-up's fault is the guest's."""
        offsets = calibrate()
        for until, cr2, error_code, in_flight in (
            (UNTIL, DATA + 0x2008, 2, 14),
            (ABSENT + 0xFF8, ABSENT + 0xFF7, 0, 8),
        ):
            raw = Raw()
            assert raw.run(WRITE, until=until, rdi=DATA + 0x2008) == 14
            context = SavedContext(raw.engine).save()
            assert raw["cr2"] == cr2
            assert struct.unpack_from("<I", context, offsets.error_code) == (error_code,)
            assert struct.unpack_from("<I", context, offsets.exception_in_flight) == (in_flight,)

    def test_dropping_a_translation_that_cannot_be_fetched_is_a_fault_of_the_guest(self, raw: Raw) -> None:
        raw.engine.ctl_remove_cache(ABSENT + 0x10, ABSENT + 0x20)
        assert raw["cr2"] == ABSENT + 0x10
        assert raw.run(READ, rdi=DATA + 0x2000) == 8

    def test_a_failed_read_of_virtual_memory_overwrites_cr2(self, raw: Raw) -> None:
        byte = ctypes.create_string_buffer(1)
        address, size = ctypes.c_uint64(ABSENT + 0x123), ctypes.c_size_t(1)
        assert uclib.uc_vmem_read(raw.engine._uch, address, uc.UC_PROT_READ, byte, size) != 0
        assert raw["cr2"] == ABSENT + 0x123


class TestMissing:
    @pytest.mark.parametrize("name", CPU_MODELS)
    @pytest.mark.parametrize("code", ["c5fc58c0", "0f01d0", "0fae27"])  # vaddps ymm0, ymm0, ymm0; xgetbv; xsave [rdi]
    def test_avx_and_xsave_are_missing_on_every_model(self, name: str, code: str) -> None:
        """Issue 1879."""
        raw = Raw(name)
        assert engine_error(lambda: raw.run(code, rdi=DATA)) == uc.UC_ERR_INSN_INVALID

    def test_the_default_model_has_no_smap(self) -> None:
        engine = Uc(uc.UC_ARCH_X86, uc.UC_MODE_64)
        engine.mem_map(0x1000, 0x1000)
        engine.mem_write(0x1000, b"\x0f\x01\xcb")  # stac
        assert engine_error(lambda: engine.emu_start(0x1000, 0x1003)) == uc.UC_ERR_INSN_INVALID

    def test_cr8_is_hidden_from_the_host(self, raw: Raw) -> None:
        """Issue 2014."""
        raw.run("440f22c0 f4", rax=5)  # mov cr8, rax; hlt
        assert raw["cr8"] == 0
        raw.run("440f20c0 f4", rax=1)  # mov rax, cr8; hlt
        assert raw["rax"] == 0

    def test_writing_cs_is_not_entering_user_mode(self, raw: Raw) -> None:
        raw.engine.reg_write(x86.UC_X86_REG_CS, 0x33)
        assert raw["cs"] == 0x33
        assert raw.run("0f20c0 f4", rax=0) == NOTHING  # mov rax, cr0, which needs CPL 0
        assert raw["rax"] == 0x8001_0033


class TestHostDependence:
    def test_rdtsc_reads_the_host_clock(self, raw: Raw) -> None:
        raw.run("0f31 f4")
        first = raw["rax"] | raw["rdx"] << 32
        time.sleep(0.002)
        raw.start()
        assert (raw["rax"] | raw["rdx"] << 32) - first > 100_000

    def test_rdrand_gives_the_randomness_of_the_host(self, raw: Raw) -> None:
        raw.run("480fc7f0 480fc7f1 480fc7fa f4")  # rdrand rax; rdrand rcx; rdseed rdx
        assert len({raw["rax"], raw["rcx"], raw["rdx"]}) == 3

    def test_no_instruction_hook_covers_rdrand(self, raw: Raw) -> None:
        for instruction in (x86.UC_X86_INS_RDRAND, x86.UC_X86_INS_RDSEED, x86.UC_X86_INS_RDMSR, x86.UC_X86_INS_WRMSR):
            error = engine_error(lambda i=instruction: raw.engine.hook_add(uc.UC_HOOK_INSN, lambda *_: None, aux1=i))  # type: ignore[misc]
            assert error != 0

    def test_an_rdtscp_that_a_hook_answers_leaves_ecx(self, raw: Raw) -> None:
        raw.engine.reg_write(x86.UC_X86_REG_MSR, (0xC000_0103, 7))  # IA32_TSC_AUX
        answer = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)(lambda engine, user: 1)
        everywhere, hook = (ctypes.c_uint64(1), ctypes.c_uint64(0)), ctypes.c_size_t()
        instruction = ctypes.c_int(x86.UC_X86_INS_RDTSCP)
        assert (
            uclib.uc_hook_add(
                raw.engine._uch, ctypes.byref(hook), uc.UC_HOOK_INSN, answer, None, *everywhere, instruction
            )
            == 0
        )
        raw.run("0f01f9 f4", rcx=0x55)
        assert raw["rcx"] == 0x55

    def test_an_unknown_model_specific_register_reads_zero(self, raw: Raw) -> None:
        assert raw.run("0f32 f4", rcx=0x1234_5678, rax=1, rdx=1) == NOTHING  # rdmsr
        assert raw["rax"] == raw["rdx"] == 0

    def test_a_port_reads_as_zero_and_a_stop_there_comes_at_the_end_of_the_block(self, raw: Raw) -> None:
        assert raw.run("e480 f4", rax=0xFF) == NOTHING  # in al, 0x80
        assert raw["rax"] == 0

        def on_in(engine: Uc, port: int, size: int, _: object) -> int:
            engine.emu_stop()
            return 0

        raw.engine.hook_add(uc.UC_HOOK_INSN, on_in, aux1=x86.UC_X86_INS_IN)
        raw.run("e480 ffc3 eb00 ffc3 f4", rbx=0)  # in; inc ebx; jmp; inc ebx
        assert raw["rbx"] == 1


class TestTranslations:
    def test_an_entry_written_by_the_host_is_unseen_until_the_tlb_is_flushed(self, raw: Raw) -> None:
        assert raw.run(f"{WRITE} f4", rdi=DATA + 0x1000) == NOTHING
        raw.set_entry(DATA + 0x1000, 0)
        assert raw.start(rdi=DATA + 0x1000) == NOTHING
        raw.flush_tlb()
        assert raw.start(rdi=DATA + 0x1000) == 14

    def test_a_dirty_bit_is_set_again_only_after_a_flush(self, raw: Raw) -> None:
        raw.run(f"{WRITE} f4", rdi=DATA + 0x1000)
        for flush, dirty in ((False, 0), (True, DIRTY)):
            raw.set_entry(DATA + 0x1000, (DATA + 0x1000) | PRESENT | WRITABLE | NO_EXECUTE)
            if flush:
                raw.flush_tlb()
            raw.start(rdi=DATA + 0x1000)
            assert raw.entry(DATA + 0x1000) & DIRTY == dirty

    def test_restoring_a_context_flushes_nothing(self, raw: Raw) -> None:
        context = SavedContext(raw.engine)
        context.save()
        # mov rax, cr0; btr rax, 16; mov cr0, rax; mov [rdi], al; hlt
        assert raw.run("0f20c0 480fbaf010 0f22c0 8807 f4", rdi=READ_ONLY) == NOTHING
        context.restore()
        assert raw["cr0"] == 0x8001_0033
        assert raw.run(f"{WRITE} f4", rdi=READ_ONLY) == NOTHING
        raw.flush_tlb()
        assert raw.run(f"{WRITE} f4", rdi=READ_ONLY) == 14

    @pytest.mark.parametrize("how", ["mapping", "mem_write", "with CR3", "removed at its physical address"])
    def test_code_written_by_the_host_stays_stale(self, raw: Raw, how: str) -> None:
        # The code lies on a page whose virtual address is another than the physical one.
        raw.set_entry(ALIAS, CODE | PRESENT | WRITABLE)
        raw.run("b801000000 f4", at=CODE + 0x100)
        raw.start(at=ALIAS + 0x100)
        raw.set_entry(CODE, 0)
        if how == "mem_write":
            raw.engine.mem_write(CODE + 0x101, b"\x02")
        else:
            raw.ram[CODE + 0x101] = 2
        if how == "with CR3":
            raw.flush_tlb()
        if how == "removed at its physical address":
            raw.flush_tlb()
            raw.engine.ctl_remove_cache(CODE + 0x100, CODE + 0x110)
            raw.forget_exception(calibrate().exception_in_flight)
        raw.start(at=ALIAS + 0x100, until=ALIAS + 0xFF0)
        assert raw["rax"] == 1
        raw.engine.ctl_remove_cache(ALIAS + 0x100, ALIAS + 0x110)
        raw.start(at=ALIAS + 0x100, until=ALIAS + 0xFF0)
        assert raw["rax"] == 2

    def test_a_hook_added_to_translated_code_does_not_fire(self, raw: Raw) -> None:
        seen: list[int] = []
        raw.run("90 f4")
        raw.engine.hook_add(uc.UC_HOOK_CODE, lambda engine, address, size, _: seen.append(address))
        raw.start()
        assert seen == []
        raw.engine.ctl_flush_tb()
        raw.start()
        assert seen == [CODE, CODE + 1]

    def test_no_edge_is_reported_before_a_block_has_ended_otherwise_than_by_a_trap(self, raw: Raw) -> None:
        """Nor after a stop: native/watched_instructions.c lets the block hook search until the first report."""
        edges: list[int] = []
        raw.engine.hook_add(uc.UC_HOOK_EDGE_GENERATED, lambda engine, current, previous, _: edges.append(current.pc))
        raw.run("f4")
        raw.run(READ, rdi=ABSENT)
        assert edges == []
        raw.run("eb00 90 f4")  # jmp +0; nop; hlt
        assert edges == [CODE + 2]
        raw.run("f4")
        assert edges == [CODE + 2, CODE]

    def test_a_stop_makes_a_store_into_its_own_block_begin_anew_for_ever(self, raw: Raw) -> None:
        """The engine begins with it again in a block that holds nothing else, and a stop there makes it forget why."""
        code = "c60703 b001 f4"  # mov byte ptr [rdi], 3; mov al, 1; hlt, where 1 is the byte that is stored to
        assert raw.run(code, rdi=CODE + 4) == NOTHING
        assert raw["rax"] & 0xFF == 3
        stops: list[int] = []
        passing = [True]

        def stop(engine: Uc, address: int, size: int, _: object) -> None:
            if passing[0]:
                passing[0] = False
                return
            stops.append(address)
            engine.emu_stop()

        raw.engine.hook_add(uc.UC_HOOK_CODE, stop)
        raw.run(code, rdi=CODE + 4)
        for _ in range(5):
            passing[0] = True
            raw.start(at=stops[-1], rdi=CODE + 4)
        assert stops == [CODE] * 6

    def test_code_that_runs_on_into_a_page_without_any_takes_its_block_back(self, raw: Raw) -> None:
        """Twice inc rax, then a page that may not be executed: on silicon both are done, and RIP is that page's.

        native/absent_code.c runs them once more.
        """
        raw.ram[CODE + 0xFFA : CODE + 0x1000] = bytes.fromhex("48ffc0 48ffc0")
        assert raw.start(at=CODE + 0xFFA, rax=0) == 14
        assert (raw["rax"], raw["rip"]) == (0, CODE + 0xFFA)

    def test_running_past_the_end_of_code_executes_zeroes(self, raw: Raw) -> None:
        assert raw.run("90", rax=ABSENT) == 14  # add [rax], al
        assert raw["rip"] == CODE + 1


class TestMemoryHooks:
    def events(self, raw: Raw, kind: int = uc.UC_HOOK_MEM_WRITE) -> list[tuple[int, int]]:
        found: list[tuple[int, int]] = []
        raw.engine.hook_add(kind, lambda engine, access, address, size, value, _: found.append((address, size)))
        return found

    def test_they_report_physical_addresses(self, raw: Raw) -> None:
        found = self.events(raw)
        raw.run(f"{WRITE} f4", rdi=ALIAS + 0x800)
        assert found == [(CODE + 0x800, 1)]

    def test_they_are_not_called_for_an_access_that_faults(self, raw: Raw) -> None:
        found = self.events(raw)
        raw.run(WRITE, rdi=ABSENT)
        assert found == []

    def test_they_are_called_before_a_straddling_access_faults(self, raw: Raw) -> None:
        found = self.events(raw)
        assert raw.run("488907", rdi=ABSENT - 4) == 14  # mov [rdi], rax
        assert found == [(ABSENT - 4, 8)]
        assert bytes(raw.ram[ABSENT - 4 : ABSENT]) == bytes(4)

    def test_a_stop_in_a_write_hook_leaves_the_store_done_and_rip_before_it(self, raw: Raw) -> None:
        raw.engine.hook_add(uc.UC_HOOK_MEM_WRITE, lambda engine, *_: engine.emu_stop())
        raw.run(f"{WRITE} f4", rdi=DATA + 0x800, rax=7)
        assert raw["rip"] == CODE
        assert raw.ram[DATA + 0x800] == 7

    def test_events_are_lost_after_a_straddling_fault_that_is_resumed_in_the_hook(self, raw: Raw) -> None:
        """Issue 2141."""

        def page_in() -> None:
            raw.set_entry(ABSENT, ABSENT | PRESENT | WRITABLE | NO_EXECUTE)
            raw.flush_tlb()

        raw.resume = page_in
        found = self.events(raw, uc.UC_HOOK_MEM_READ | uc.UC_HOOK_MEM_WRITE)
        # mov rax, [rdi]; mov [rsi], cl; mov cl, [rsi]; hlt
        raw.run("488b07 880e 8a0e f4", rdi=ABSENT - 4, rsi=DATA + 0x800, rcx=0xFF)
        assert raw.ram[DATA + 0x800] == 0xFF
        assert found == [(ABSENT - 4, 8)]

    @pytest.mark.parametrize(
        ("code", "at"),
        [
            ("db2f", 0),  # fld m80
            ("d9e8 db3f", 2),  # fld1; fstp m80
            ("480fae0f", 0),  # fxrstor64
            ("480fae07", 0),  # fxsave64
            ("0fc70f", 0),  # cmpxchg8b
            ("480fc70f", 0),  # cmpxchg16b
            ("f0480fc70f", 0),
        ],
    )
    def test_a_stop_does_not_end_an_instruction_that_is_worked_out_in_one_piece(
        self, raw: Raw, code: str, at: int
    ) -> None:
        """It goes on to the end, its other accesses included, and stops behind it, where there is a hook again."""
        found = self.events(raw, uc.UC_HOOK_MEM_READ | uc.UC_HOOK_MEM_WRITE)
        raw.engine.hook_add(uc.UC_HOOK_MEM_READ | uc.UC_HOOK_MEM_WRITE, lambda engine, *_: engine.emu_stop())
        raw.engine.hook_add(uc.UC_HOOK_CODE, lambda *_: None)
        end = raw.load(f"{code} 90 f4") - 2
        raw.engine.ctl_flush_tb()
        raw.start(rdi=DATA + 0x800)
        assert raw["rip"] == end != CODE + at
        assert len(found) > 1

    def test_others_are_stopped_where_they_are(self, raw: Raw) -> None:
        """mov rax, [rdi]; fld m64; movups xmm0, [rdi]; inc dword [rdi]"""
        raw.engine.hook_add(uc.UC_HOOK_MEM_READ, lambda engine, *_: engine.emu_stop())
        for code in ("488b07", "dd07", "0f1007", "ff07"):
            raw.run(f"{code} 90 f4", rdi=DATA + 0x800, rax=1)
            assert raw["rip"] == CODE
            assert raw["rax"] == 1

    def test_a_stop_between_the_halves_of_a_load_leaves_the_first_in_the_register(self, raw: Raw) -> None:
        """movups xmm0, [rdi]: two reads of eight bytes."""
        raw.ram[DATA + 0x800 : DATA + 0x810] = bytes(range(1, 17))
        found = self.events(raw, uc.UC_HOOK_MEM_READ)

        def stop_at_second(engine: Uc, *_: object) -> None:
            if len(found) == 2:
                engine.emu_stop()

        raw.engine.hook_add(uc.UC_HOOK_MEM_READ, stop_at_second)
        raw.engine.reg_write(x86.UC_X86_REG_XMM0, 0)
        raw.run("0f1007 90 f4", rdi=DATA + 0x800)
        assert raw["rip"] == CODE
        assert raw["xmm0"] == int.from_bytes(bytes(range(1, 9)), "little")
