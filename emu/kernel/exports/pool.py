# SPDX-License-Identifier: GPL-2.0-or-later
"""Exports that allocate and free pool (Microsoft Learn, ExAllocatePool2, ExAllocatePoolWithTag, ExFreePoolWithTag).

The parameters of bugcheck 0xC2 are those of its page in the bug check code reference.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from emu.events import PoolAllocated, PoolFreed
from emu.kernel.exports.raising import raise_status
from emu.kernel.irql import APC_LEVEL, DISPATCH_LEVEL
from emu.kernel.pool import ALIGNMENT, CACHE_LINE, FreedBlock, PoolBlock
from emu.kernel.stubs import ExportBugcheck, ExportCall, ExportFunction, ExportUnmodelled
from emu.memory.layout import HIGHEST_USER_HALF
from emu.nt.bugcheck import BugCheck
from emu.nt.status import NtStatus
from emu.seh.requests import Steps

# POOL_FLAGS (Microsoft Learn, POOL_FLAGS).
FLAG_USE_QUOTA: Final = 0x01
FLAG_UNINITIALIZED: Final = 0x02
FLAG_SESSION: Final = 0x04
FLAG_CACHE_ALIGNED: Final = 0x08
FLAG_RAISE_ON_FAILURE: Final = 0x20
FLAG_NON_PAGED: Final = 0x40
FLAG_NON_PAGED_EXECUTE: Final = 0x80
FLAG_PAGED: Final = 0x100
_KINDS: Final = FLAG_NON_PAGED | FLAG_NON_PAGED_EXECUTE | FLAG_PAGED
_KNOWN_FLAGS: Final = (
    _KINDS | FLAG_USE_QUOTA | FLAG_UNINITIALIZED | FLAG_SESSION | FLAG_CACHE_ALIGNED | FLAG_RAISE_ON_FAILURE
)
_REQUIRED_FLAGS: Final = 0xFFFF_FFFF
"""A flag above these bits is optional: one that is not known is ignored."""

# POOL_TYPE (Microsoft Learn, POOL_TYPE), and what the WDK's headers let a caller add to it.
TYPE_PAGED: Final = 0x1
TYPE_CACHE_ALIGNED: Final = 0x4
TYPE_QUOTA_FAIL_INSTEAD_OF_RAISE: Final = 0x8
TYPE_RAISE_IF_ALLOCATION_FAILURE: Final = 0x10
TYPE_NX: Final = 0x200
TYPE_ZERO: Final = 0x400

TAG_NONE: Final = int.from_bytes(b"None", "little")
"""The tag of blocks that ExAllocatePool allocates."""

# The first parameter of bugcheck 0xC2.
FREED_TWICE: Final = 0x07
ALLOCATED_AT_WRONG_IRQL: Final = 0x08
FREED_AT_WRONG_IRQL: Final = 0x09
WRONG_TAG: Final = 0x0A
FREED_USER_ADDRESS: Final = 0x40
FREED_NULL: Final = 0x46
FREED_NO_BLOCK: Final = 0x99
TAG_ZERO: Final = 0x9B

# The last parameter of bugcheck 0xC1.
CORRUPTED_BEFORE: Final = 0x23
CORRUPTED_BEHIND: Final = 0x24


class PoolRequest(NamedTuple):
    """What an allocation asks for, whichever export it came by."""

    size: int
    tag: int
    pool_type: int
    paged: bool
    executable: bool = False
    zero: bool = False
    cache_aligned: bool = False


def allocate_block(call: ExportCall, request: PoolRequest) -> PoolBlock | None:
    """Allocate for an export's caller; None where there is no room. Bugchecks for the tag 0 and for its IRQL."""
    system, caller = call.system, call.caller
    if request.tag == 0:
        raise ExportBugcheck(BugCheck.BAD_POOL_CALLER, TAG_ZERO, request.pool_type, request.size, caller)
    irql = system.cpu.irql
    if irql > (APC_LEVEL if request.paged else DISPATCH_LEVEL):
        raise ExportBugcheck(BugCheck.BAD_POOL_CALLER, ALLOCATED_AT_WRONG_IRQL, irql, request.pool_type, request.size)
    if system.intervention is not None and system.intervention.allocation_fails(request.size, caller):
        return None
    block = system.pool.allocate(
        request.size,
        request.tag,
        caller,
        pool_type=request.pool_type,
        paged=request.paged,
        executable=request.executable,
        zero=request.zero,
        alignment=CACHE_LINE if request.cache_aligned else ALIGNMENT,
    )
    if block is not None:
        system.charge(block.pages)
        system.events.append(PoolAllocated(block.address, block.size, block.tag, caller))
    return block


def _allocate(call: ExportCall, request: PoolRequest, *, raises: bool) -> Steps | int:
    block = allocate_block(call, request)
    if block is not None:
        return block.address
    return raise_status(call, NtStatus.INSUFFICIENT_RESOURCES) if raises else 0


def ex_allocate_pool2(call: ExportCall) -> Steps | int:
    """ExAllocatePool2(flags, bytes, tag): zeroes, unless POOL_FLAG_UNINITIALIZED is given.

    Flags that contradict each other, or a required one that is not known, are a failure with
    STATUS_INVALID_PARAMETER: like any failure it returns null, or raises with POOL_FLAG_RAISE_ON_FAILURE.
    """
    flags, size, tag = call.argument(0), call.argument(1), call.argument(2) & 0xFFFF_FFFF
    kind, raises = flags & _KINDS, bool(flags & FLAG_RAISE_ON_FAILURE)
    if kind.bit_count() != 1 or flags & _REQUIRED_FLAGS & ~_KNOWN_FLAGS:
        return raise_status(call, NtStatus.INVALID_PARAMETER) if raises else 0
    return _allocate(
        call,
        PoolRequest(
            size=size,
            tag=tag,
            pool_type=flags,
            paged=kind == FLAG_PAGED,
            executable=kind == FLAG_NON_PAGED_EXECUTE,
            zero=not flags & FLAG_UNINITIALIZED,
            cache_aligned=bool(flags & FLAG_CACHE_ALIGNED),
        ),
        raises=raises,
    )


def _by_type(call: ExportCall, tag: int, *, quota: bool = False) -> Steps | int:
    pool_type, size = call.argument(0) & 0xFFFF_FFFF, call.argument(1)
    raises = not pool_type & TYPE_QUOTA_FAIL_INSTEAD_OF_RAISE if quota else pool_type & TYPE_RAISE_IF_ALLOCATION_FAILURE
    paged = bool(pool_type & TYPE_PAGED)
    return _allocate(
        call,
        PoolRequest(
            size=size,
            tag=tag,
            pool_type=pool_type,
            paged=paged,
            executable=not paged and not pool_type & TYPE_NX,
            zero=bool(pool_type & TYPE_ZERO),
            cache_aligned=bool(pool_type & TYPE_CACHE_ALIGNED),
        ),
        raises=bool(raises),
    )


def ex_allocate_pool(call: ExportCall) -> Steps | int:
    """ExAllocatePool(type, bytes)."""
    return _by_type(call, TAG_NONE)


def ex_allocate_pool_with_tag(call: ExportCall) -> Steps | int:
    """ExAllocatePoolWithTag(type, bytes, tag): not zeroed, unless POOL_ZERO_ALLOCATION is added to the type."""
    return _by_type(call, call.argument(2) & 0xFFFF_FFFF)


def ex_allocate_pool_with_quota_tag(call: ExportCall) -> Steps | int:
    """ExAllocatePoolWithQuotaTag(type, bytes, tag): raises, unless POOL_QUOTA_FAIL_INSTEAD_OF_RAISE is added."""
    return _by_type(call, call.argument(2) & 0xFFFF_FFFF, quota=True)


def free_block(call: ExportCall, address: int, tag: int) -> None:
    """Free a block for an export's caller, whatever its tag where 0 is given. Bugchecks for every misuse."""
    system, caller = call.system, call.caller
    block = system.pool.block_at(address)
    if block is None:
        raise _not_a_block(address, system.pool.freed_at(address))
    irql = system.cpu.irql
    if irql > (APC_LEVEL if block.paged else DISPATCH_LEVEL):
        raise ExportBugcheck(BugCheck.BAD_POOL_CALLER, FREED_AT_WRONG_IRQL, irql, block.pool_type, address)
    if tag not in (0, block.tag):
        raise ExportBugcheck(BugCheck.BAD_POOL_CALLER, WRONG_TAG, address, block.tag, tag)
    corrupted = system.pool.corruption(block)
    if corrupted is not None:
        where = CORRUPTED_BEFORE if corrupted < block.address else CORRUPTED_BEHIND
        raise ExportBugcheck(BugCheck.SPECIAL_POOL_DETECTED_MEMORY_CORRUPTION, address, corrupted, 0, where)
    system.charge(block.pages)
    system.pool.free(block, caller)
    system.events.append(PoolFreed(block.address, caller))


def _not_a_block(address: int, freed: FreedBlock | None) -> ExportBugcheck:
    if freed is not None:
        block: PoolBlock = freed.block
        return ExportBugcheck(BugCheck.BAD_POOL_CALLER, FREED_TWICE, 0, block.tag, address)
    if address == 0:
        return ExportBugcheck(BugCheck.BAD_POOL_CALLER, FREED_NULL)
    kind = FREED_USER_ADDRESS if address <= HIGHEST_USER_HALF else FREED_NO_BLOCK
    return ExportBugcheck(BugCheck.BAD_POOL_CALLER, kind, address)


def ex_free_pool(call: ExportCall) -> None:
    """ExFreePool(address): whatever the block's tag."""
    free_block(call, call.argument(0), 0)


def ex_free_pool_with_tag(call: ExportCall) -> None:
    """ExFreePoolWithTag(address, tag): the tag of the allocation, or 0."""
    free_block(call, call.argument(0), call.argument(1) & 0xFFFF_FFFF)


def ex_free_pool2(call: ExportCall) -> None:
    """ExFreePool2(address, tag, extended parameters, their count)."""
    if call.argument(3) & 0xFFFF_FFFF:
        raise ExportUnmodelled("extended pool parameters")
    free_block(call, call.argument(0), call.argument(1) & 0xFFFF_FFFF)


EXPORTS: Final[dict[str, ExportFunction]] = {
    "ExAllocatePool": ex_allocate_pool,
    "ExAllocatePool2": ex_allocate_pool2,
    "ExAllocatePoolWithQuotaTag": ex_allocate_pool_with_quota_tag,
    "ExAllocatePoolWithTag": ex_allocate_pool_with_tag,
    "ExFreePool": ex_free_pool,
    "ExFreePool2": ex_free_pool2,
    "ExFreePoolWithTag": ex_free_pool_with_tag,
}
