# SPDX-License-Identifier: GPL-2.0-or-later
"""What each routine touches, in a trace: the bytes of its ranges and no other, each in accesses that it may make."""

from __future__ import annotations

from functools import cache

import pytest

from emu.accessors import FAMILY
from emu.address import PAGE_SIZE, Gva
from emu.kernel.call import bottom_stack_pointer
from tests.conformance.accessors.arenas import LIMIT
from tests.conformance.accessors.case import shape_of
from tests.conformance.accessors.suite import bench
from tests.conformance.accessors.terms import KERNEL_MODE, USER_MODE, Kind, kind_of
from tests.conformance.accessors.traced_call import REPS, TracedCall, plain_case

PROFILES = ("skylake-server", "epyc-rome,primitives=kernel")
FUNCTIONS = [name for name, accessor in FAMILY.items() if accessor.kind == "function"]
ACCESSING = [name for name in FUNCTIONS if FAMILY[name].user_parameters]
STRINGS = [name for name in ACCESSING if kind_of(FAMILY[name]) is Kind.STRING_LENGTH]
RANGED = [name for name in ACCESSING if shape_of(FAMILY[name]).is_ranged]
ONE_ACCESS = [name for name in ACCESSING if FAMILY[name].width in (1, 2, 4, 8) and "Interlocked" not in name]
CHUNK = 16
HOME = 0x20
"""Bytes of the caller's frame that are the callee's."""


@cache
def traced(profile: str, name: str, length: int = 45, mode: int = USER_MODE) -> TracedCall:
    """Return the call of a routine."""
    return TracedCall(profile, plain_case(name, length, mode))


@pytest.mark.parametrize("profile", PROFILES)
def test_every_byte_of_the_ranges_and_no_other(profile: str) -> None:
    """Every byte of the source is read and of the target written, by the call itself."""
    for name in ACCESSING:
        shape = shape_of(FAMILY[name])
        if shape.kind is Kind.STRING_LENGTH:
            continue
        for length in (45, REPS) if name in RANGED else (shape.width,):
            call = traced(profile, name, length)
            given = call.case.given
            source = set(range(given.source, given.source + length)) if shape.sources else set()
            target = set(range(given.target, given.target + length)) if shape.targets else set()
            changed = target if shape.kind is Kind.INTERLOCKED else set()
            assert call.bytes_touched(is_write=False) == source | changed, f"{name}, {length} bytes read"
            assert call.bytes_touched(is_write=True) == target, f"{name}, {length} bytes written"


@pytest.mark.parametrize("profile", PROFILES)
def test_a_typed_access_is_one(profile: str) -> None:
    """Exactly one access, of exactly the type's width, at an odd address."""
    for name in ONE_ACCESS:
        for mode in (USER_MODE, KERNEL_MODE) if FAMILY[name].takes_mode else (USER_MODE,):
            (touch,) = traced(profile, name, mode=mode).touches
            assert touch.size == FAMILY[name].width, name


@pytest.mark.parametrize("profile", PROFILES)
def test_an_interlocked_access_is_locked(profile: str) -> None:
    """Each access of the destination is a read and a write of one locked instruction."""
    for name in (name for name in ACCESSING if "Interlocked" in name):
        call = traced(profile, name)
        assert {touch.size for touch in call.touches} == {FAMILY[name].width}, name
        for touch in call.touches:
            mnemonic = call.mnemonics[touch.instruction]
            assert mnemonic.startswith("lock ") or mnemonic == "xchg", f"{name}: {mnemonic}"


@pytest.mark.parametrize("profile", PROFILES)
def test_a_descriptor_is_read_and_written_once(profile: str) -> None:
    """No byte of a UNICODE_STRING twice, so that Length and Buffer are of one moment each."""
    for name in (name for name in ACCESSING if "UnicodeString" in name):
        touches = traced(profile, name).touches
        for is_write in (False, True):
            sizes = [touch.size for touch in touches if touch.is_write == is_write]
            assert sum(sizes) == 16, f"{name}: {sizes}"


@pytest.mark.parametrize("profile", PROFILES)
def test_copies_read_each_byte_once(profile: str) -> None:
    """Allowed is more than once; one double fetch fewer is what there is."""
    for name in RANGED:
        call = traced(profile, name)
        for is_write in (False, True):
            sizes = [touch.size for touch in call.touches if touch.is_write == is_write]
            assert sum(sizes) in (0, 45), f"{name}: {sizes}"


@pytest.mark.parametrize("profile", PROFILES)
def test_strings_are_read_in_aligned_chunks(profile: str) -> None:
    """No access leaves the aligned chunks, or the pages, in which bytes of the string and its terminator lie."""
    for name in STRINGS:
        call = traced(profile, name)
        ((begin, data),) = call.case.patches
        end = begin + len(data)
        assert call.touches, name
        for touch in call.touches:
            last = touch.address + touch.size - 1
            assert not touch.is_write, name
            assert begin & -CHUNK <= touch.address <= last < -(-end // CHUNK) * CHUNK, f"{name}: {touch}"
            pages = touch.address // PAGE_SIZE, last // PAGE_SIZE
            assert set(pages) <= {begin // PAGE_SIZE, (end - 1) // PAGE_SIZE}, f"{name}: {touch}"


@pytest.mark.parametrize("profile", PROFILES)
def test_the_rest_is_the_stack_and_the_routines_own_data(profile: str) -> None:
    """Besides its ranges a call reads variables of the images, and uses its stack up to its home space.

    It writes nothing else.
    """
    machine = bench(profile).machine
    home = bottom_stack_pointer(machine.system) + HOME
    stack = range(machine.system.stack.low, home)
    for name in FUNCTIONS:
        call = traced(profile, name)
        for access in call.others:
            if access.address not in stack:
                address = Gva(access.address)
                assert any(module.contains(address) for module in machine.modules), f"{name}: {address:#x}"
                assert not access.is_write, f"{name} writes {address:#x}"


@pytest.mark.parametrize("profile", PROFILES)
def test_the_window_is_open_where_it_must_be_and_nowhere_else(profile: str) -> None:
    """AC is set at every access to user memory, clear on entry and return; nothing is called while it is set."""
    for name in FUNCTIONS:
        call = traced(profile, name)
        assert not call.ac[0], name
        assert not call.ac[-1], name
        for touch in call.touches:
            assert call.ac[touch.instruction] or touch.address >= LIMIT, name
        within = {mnemonic for mnemonic, is_open in zip(call.mnemonics, call.ac, strict=True) if is_open}
        assert not within & {"call", "ret", "pushfq", "popfq"}, f"{name}: {within}"


@pytest.mark.parametrize("profile", PROFILES)
def test_kernel_mode_opens_no_window(profile: str) -> None:
    """With KernelMode there is no stac, unless the other side is always the user's."""
    for name in FUNCTIONS:
        accessor = FAMILY[name]
        if accessor.mode != "mode" or any(parameter.side == "user" for parameter in accessor.parameters):
            continue
        call = traced(profile, name, mode=KERNEL_MODE)
        assert "stac" not in call.mnemonics, name
        assert not any(call.ac), name


@pytest.mark.parametrize("profile", PROFILES)
def test_non_temporal_copies_stream_and_fence(profile: str) -> None:
    """Whole lines go past the cache, and are in memory when the call returns."""
    for name in (name for name in RANGED if "NonTemporal" in name):
        mnemonics = traced(profile, name, REPS).mnemonics
        streaming = [index for index, mnemonic in enumerate(mnemonics) if mnemonic.startswith("movnt")]
        assert streaming, name
        assert "sfence" in mnemonics[streaming[-1] :], name
    for name in (name for name in RANGED if "NonTemporal" not in name):
        assert not [each for each in traced(profile, name, REPS).mnemonics if each.startswith("movnt")], name
