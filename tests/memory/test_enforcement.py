# SPDX-License-Identifier: GPL-2.0-or-later
"""Every page state and protection, as the emulated MMU enforces it."""

from __future__ import annotations

import itertools

import pytest

from emu.address import PAGE_SIZE, Gva
from emu.cpu import registers as r
from emu.cpu.trap import ERROR_FETCH, ERROR_PRESENT, ERROR_USER, ERROR_WRITE, Vector
from emu.memory import page_table as pt
from emu.memory.page_table import PageState
from tests.cpu.guest import CODE, DATA, USER_CODE, USER_DATA, Guest

SUPERVISOR_PAGE = DATA
ACCESSES = {"read": "8a07 f4", "write": "8807 f4", "fetch": "ffe7"}
"""mov al, [rdi]; mov [rdi], al; jmp rdi; each to a `hlt`."""
KERNEL_ACCESS_BITS = {"read": 0, "write": ERROR_WRITE, "fetch": ERROR_FETCH}


def touch(guest: Guest, page: Gva, access: str, flags: int = 0) -> int | None:
    """Return the error code of the page fault, None where the access goes through."""
    guest.memory.write(page, b"\xf4")  # hlt
    trap = guest.run(ACCESSES[access], flags=flags, rdi=page)
    if trap.vector == Vector.HOST_CALL:
        return None
    assert (trap.vector, trap.address) == (Vector.PAGE_FAULT, page)
    assert trap.rip == (page if access == "fetch" else CODE)
    return trap.error_code


def expected(guest: Guest, page: Gva, access: str, protection: str, flags: int) -> int | None:
    """The rules of Intel SDM Vol. 3, 4.6.1, for a present page and a supervisor-mode access with CR0.WP set."""
    policy, user = guest.cpu.profile, page == USER_DATA
    bits = ERROR_PRESENT | KERNEL_ACCESS_BITS[access]
    if access == "fetch":
        smep = user and policy.model.smep
        return bits if "x" not in protection or smep else None
    if user and policy.smap != "off" and not flags & r.FLAG_AC:
        return bits
    return bits if access == "write" and "w" not in protection else None


@pytest.mark.parametrize(
    ("cpu", "smap"), [("nehalem", "off"), ("ivybridge", "off"), ("broadwell", "off"), ("broadwell", "enforce")]
)
@pytest.mark.parametrize("page", [SUPERVISOR_PAGE, USER_DATA], ids=["supervisor", "user"])
def test_supervisor_access_to_a_present_page(cpu: str, smap: str, page: Gva) -> None:
    guest = Guest(cpu, smap)
    for protection, access, flags in itertools.product(pt.PROTECTIONS, ACCESSES, (0, r.FLAG_AC)):
        guest.memory.set_entry(page, pt.with_protection(guest.memory.entry(page), pt.PROTECTIONS[protection]))
        wanted = expected(guest, page, access, protection, flags)
        assert touch(guest, page, access, flags) == wanted, (protection, access, flags)


@pytest.mark.parametrize("page", [SUPERVISOR_PAGE, USER_DATA], ids=["supervisor", "user"])
def test_any_other_state_is_absent(guest: Guest, page: Gva) -> None:
    states = [state for state in PageState if state != PageState.RESIDENT]
    for state, protection, access in itertools.product(states, pt.PROTECTIONS, ACCESSES):
        guest.memory.set_entry(page, pt.with_protection(guest.memory.entry(page), pt.PROTECTIONS[protection]))
        guest.memory.set_state(page, state)
        assert touch(guest, page, access, r.FLAG_AC) == KERNEL_ACCESS_BITS[access], (state, protection, access)


@pytest.mark.parametrize("protection", pt.PROTECTIONS)
@pytest.mark.parametrize("access", ACCESSES)
def test_user_access(protection: str, access: str) -> None:
    for page in (SUPERVISOR_PAGE, USER_DATA):
        guest = Guest()
        guest.memory.set_entry(page, pt.with_protection(guest.memory.entry(page), pt.PROTECTIONS[protection]))
        guest.memory.write(page, b"\xcc")  # int3
        guest.load(ACCESSES[access].replace("f4", "cc"), USER_CODE)
        guest.enter_user_mode()
        guest.cpu.registers[r.RDI] = page
        trap = guest.go_on(10)
        allowed = {"read": True, "write": "w" in protection, "fetch": "x" in protection}[access]
        if page == USER_DATA and allowed:
            assert trap.vector == Vector.BREAKPOINT
        else:
            error_code = ERROR_PRESENT | ERROR_USER | KERNEL_ACCESS_BITS[access]
            assert trap[:3] == (Vector.PAGE_FAULT, error_code, page)


def test_write_protection_can_be_lifted_by_the_guest(guest: Guest) -> None:
    guest.memory.set_entry(DATA, pt.with_protection(guest.memory.entry(DATA), pt.PROTECTIONS["ro"]))
    # mov rax, cr0; btr rax, 16; mov cr0, rax; mov [rdi], cl; hlt
    assert guest.run("0f20c0 480fbaf010 0f22c0 880f f4", rdi=DATA).vector == Vector.HOST_CALL


def test_smap_can_be_lifted_by_the_guest(guest: Guest) -> None:
    assert guest.run("0f01cb 8a07 f4", rdi=USER_DATA).vector == Vector.HOST_CALL  # stac; mov al, [rdi]
    assert guest["rflags"] & r.FLAG_AC
    assert guest.run("0f01cb 0f01ca 8a07 f4", rdi=USER_DATA).error_code == 1  # stac; clac; mov al, [rdi]


def test_an_edit_by_the_host_is_seen_at_once(guest: Guest) -> None:
    for state in (PageState.RESIDENT, PageState.PAGED_OUT, PageState.RESIDENT, PageState.GUARD, PageState.RESIDENT):
        guest.memory.set_state(DATA, state)
        assert touch(guest, DATA, "write") == (None if state == PageState.RESIDENT else ERROR_WRITE)


def test_without_the_flush_it_is_not(guest: Guest) -> None:
    """The engine's TLB, as a CPU's, keeps what it has."""
    assert touch(guest, DATA, "read") is None
    guest.ram.quadwords[guest.memory.entry_address(DATA) >> 3] &= ~pt.PRESENT
    assert guest.start(rdi=DATA).vector == Vector.HOST_CALL
    guest.cpu.flush_tlb()
    assert guest.start(rdi=DATA).vector == Vector.PAGE_FAULT


def test_accessed_and_dirty_bits_are_set_by_the_guest_alone(guest: Guest) -> None:
    memory, bits = guest.memory, pt.ACCESSED | pt.DIRTY
    memory.write(DATA, b"x")
    memory.read(DATA, 1)
    assert memory.entry(DATA) & bits == 0
    assert touch(guest, DATA, "read") is None
    assert memory.entry(DATA) & bits == pt.ACCESSED
    assert touch(guest, DATA, "write") is None
    assert memory.entry(DATA) & bits == bits


def test_no_entry_leads_to_a_page_table(guest: Guest) -> None:
    """Page-table frames have no virtual address, so the guest cannot write them."""

    def below(tables: set[int]) -> set[int]:
        entries = (guest.ram.quadwords[table << 9 | i] for table in tables for i in range(512))
        return {(entry & pt.FRAME_MASK) >> 12 for entry in entries if entry}

    levels = [{guest.memory.root >> 12}]
    for _ in range(4):
        levels.append(below(levels[-1]))
    *tables, pages = levels
    assert {leaf.table for leaf in guest.memory.leaf_tables()} == tables[-1]
    assert pages
    assert not pages & set().union(*tables)


def test_bytes_are_the_same_for_guest_and_host(guest: Guest) -> None:
    memory = guest.memory
    content = bytes(i * 7 & 0xFF for i in range(PAGE_SIZE))
    memory.write(Gva(DATA + 0x800), content)
    # rep movsb; hlt
    trap = guest.run("f3a4 f4", budget=10_000, rsi=DATA + 0x800, rdi=USER_DATA, rcx=PAGE_SIZE, flags=r.FLAG_AC)
    assert trap.vector == Vector.HOST_CALL
    assert memory.read(USER_DATA, PAGE_SIZE) == content
