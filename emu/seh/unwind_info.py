# SPDX-License-Identifier: GPL-2.0-or-later
"""Decodes UNWIND_INFO, versions 1 and 2, and follows its chains.

Source: Microsoft Learn, "x64 exception handling", and for version 2 what compilers emit.
"""

from collections.abc import Callable
from dataclasses import dataclass
from struct import Struct
from typing import NamedTuple

from emu.image.function_table import RuntimeFunction
from emu.nt.status import NtStatus
from emu.nt.unwind import (
    RUNTIME_FUNCTION_INDIRECT,
    UNW_FLAG_CHAININFO,
    UNW_FLAG_EHANDLER,
    UNW_FLAG_UHANDLER,
    UnwindOp,
)

ReadImage = Callable[[int, int], bytes]
"""`read(rva, size)`: the loaded image's bytes; LookupError or ValueError outside of it."""

CHAIN_LIMIT = 32


class UnwindError(ValueError):
    """A function table or unwind info that Windows would refuse with `status`."""

    status = NtStatus.BAD_FUNCTION_TABLE


class UnwindCode(NamedTuple):
    """One unwind operation with its slots put together.

    `offset` is that of the end of the prologue instruction from the function's begin. `operand`
    is in bytes: what an ALLOC allocates, where a SAVE saves from the frame base; 0 for the others.
    """

    offset: int
    op: UnwindOp
    info: int
    operand: int


@dataclass(frozen=True, slots=True)
class UnwindInfo:
    """One decoded UNWIND_INFO; all addresses are RVAs, `frame_offset` is in bytes.

    `codes` are in file order (the reverse of the prologue) without the EPILOG codes, which are
    `epilog_size` (bytes, up to and including the first byte of the terminator) and `epilogs`
    (where each one starts, in bytes before the function's end). `frame_register` 0 means none.
    """

    version: int
    flags: int
    size_of_prolog: int
    count_of_codes: int
    frame_register: int
    frame_offset: int
    codes: tuple[UnwindCode, ...]
    epilog_size: int
    epilogs: tuple[int, ...]
    chained: RuntimeFunction | None
    handler_rva: int | None
    handler_data_rva: int | None


class UnwindChain(NamedTuple):
    """A function's unwind infos, its own first, and the primary entry that the chain ends in."""

    entry: RuntimeFunction
    infos: tuple[UnwindInfo, ...]
    primary: RuntimeFunction

    @property
    def info(self) -> UnwindInfo:
        """The function's own unwind info."""
        return self.infos[0]

    @property
    def primary_info(self) -> UnwindInfo:
        """The info at the end of the chain: the one whose handler counts."""
        return self.infos[-1]


_RUNTIME_FUNCTION = Struct("<III")
_SLOTS = {
    UnwindOp.PUSH_NONVOL: 1,
    UnwindOp.ALLOC_SMALL: 1,
    UnwindOp.SET_FPREG: 1,
    UnwindOp.SAVE_NONVOL: 2,
    UnwindOp.SAVE_NONVOL_FAR: 3,
    UnwindOp.SAVE_XMM128: 2,
    UnwindOp.SAVE_XMM128_FAR: 3,
    UnwindOp.PUSH_MACHFRAME: 1,
}
_SCALES = {UnwindOp.ALLOC_LARGE: 8, UnwindOp.SAVE_NONVOL: 8, UnwindOp.SAVE_XMM128: 16}


def decode_unwind_info(read: ReadImage, rva: int) -> UnwindInfo:
    """Decode the UNWIND_INFO at an RVA.

    Raises UnwindError for what the format forbids: another version (3 is named as such), an
    unknown operation, slots past the count, a handler beside a chain, bytes outside the image.
    """
    first, size_of_prolog, count, frame = read_bytes(read, rva, 4, "unwind info")
    version, flags = first & 7, first >> 3
    where = f"unwind info at rva 0x{rva:x}"
    if version == 3:
        raise UnwindError(f"{where}: version 3 (APX preview) is not supported, only 1 and 2")
    if version not in (1, 2):
        raise UnwindError(f"{where}: version {version} is unknown, only 1 and 2 exist")
    has_handler = flags & (UNW_FLAG_EHANDLER | UNW_FLAG_UHANDLER)
    if has_handler and flags & UNW_FLAG_CHAININFO:
        raise UnwindError(f"{where}: flags 0x{flags:x} have both a handler and a chained entry")

    slots = read_bytes(read, rva + 4, 2 * count, "unwind codes")
    codes, epilogs = _decode_codes(slots, version, where)
    after_codes = rva + 4 + 2 * (count + count % 2)
    chained = handler_rva = None
    if flags & UNW_FLAG_CHAININFO:
        chained = read_runtime_function(read, after_codes)
    elif has_handler:
        handler_rva = int.from_bytes(read_bytes(read, after_codes, 4, "handler"), "little")
    return UnwindInfo(
        version=version,
        flags=flags,
        size_of_prolog=size_of_prolog,
        count_of_codes=count,
        frame_register=frame & 15,
        frame_offset=(frame >> 4) * 16,
        codes=codes,
        epilog_size=epilogs[0],
        epilogs=epilogs[1],
        chained=chained,
        handler_rva=handler_rva,
        handler_data_rva=None if handler_rva is None else after_codes + 4,
    )


def resolve_chain(read: ReadImage, entry: RuntimeFunction) -> UnwindChain:
    """Decode a function's unwind info and all that it is chained to.

    Raises UnwindError as decode_unwind_info does, and for more than 32 links.
    """
    infos = [decode_unwind_info(read, entry.unwind_info)]
    primary = entry
    while (parent := infos[-1].chained) is not None:
        if len(infos) > CHAIN_LIMIT:
            raise UnwindError(f"function at rva 0x{entry.begin:x}: more than {CHAIN_LIMIT} chained unwind infos")
        primary = parent
        infos.append(decode_unwind_info(read, parent.unwind_info))
    return UnwindChain(entry, tuple(infos), primary)


def read_runtime_function(read: ReadImage, rva: int) -> RuntimeFunction:
    """Read the RUNTIME_FUNCTION at an RVA, or the one that it names instead of itself."""
    entry = RuntimeFunction(*_RUNTIME_FUNCTION.unpack(read_bytes(read, rva, 12, "function entry")))
    if entry.unwind_info & RUNTIME_FUNCTION_INDIRECT:
        target = entry.unwind_info & ~RUNTIME_FUNCTION_INDIRECT
        entry = RuntimeFunction(*_RUNTIME_FUNCTION.unpack(read_bytes(read, target, 12, "indirect function entry")))
        if entry.unwind_info & RUNTIME_FUNCTION_INDIRECT:
            raise UnwindError(f"function entry at rva 0x{target:x}: indirect a second time")
    return entry


def read_bytes(read: ReadImage, rva: int, size: int, what: str) -> bytes:
    """Read exactly `size` bytes of an image, or raise UnwindError that names what they are."""
    try:
        data = read(rva, size)
    except (LookupError, ValueError) as error:
        raise UnwindError(f"{what} at rva 0x{rva:x}: outside the image ({error})") from error
    if len(data) != size:
        raise UnwindError(f"{what} at rva 0x{rva:x}: only {len(data)} of {size} bytes in the image")
    return data


def _decode_codes(slots: bytes, version: int, where: str) -> tuple[tuple[UnwindCode, ...], tuple[int, tuple[int, ...]]]:
    codes: list[UnwindCode] = []
    epilog_slots: list[tuple[int, int]] = []
    position = 0
    while position < len(slots):
        offset, op_and_info = slots[position], slots[position + 1]
        number, info = op_and_info & 15, op_and_info >> 4
        if number == UnwindOp.EPILOG and version == 2:
            if not codes:
                epilog_slots.append((offset, info))
            position += 2
            continue
        if number == UnwindOp.EPILOG:
            # Version 1 had an 8-byte XMM save here that Windows has long ceased to act on.
            count = 2
        elif number == UnwindOp.ALLOC_LARGE:
            count = 3 if info else 2
        elif number in _SLOTS:
            count = _SLOTS[UnwindOp(number)]
        else:
            raise UnwindError(f"{where}: operation {number} is unknown or obsolete")
        if position + 2 * count > len(slots):
            raise UnwindError(
                f"{where}: {UnwindOp(number).name} in slot {position // 2} needs {count} slots of {len(slots) // 2}"
            )
        if number != UnwindOp.EPILOG:
            op = UnwindOp(number)
            raw = int.from_bytes(slots[position + 2 : position + 2 * count], "little")
            scale = _SCALES.get(op, 1) if count == 2 else 1
            operand = 8 * info + 8 if op is UnwindOp.ALLOC_SMALL else raw * scale
            codes.append(UnwindCode(offset, op, info, operand))
        position += 2 * count
    return tuple(codes), _decode_epilogs(epilog_slots)


def _decode_epilogs(slots: list[tuple[int, int]]) -> tuple[int, tuple[int, ...]]:
    if not slots:
        return 0, ()
    size, info = slots[0]
    starts = [size] if info & 1 else []
    starts += [start for low, high in slots[1:] if (start := low | high << 8)]
    return size, tuple(starts)
