# SPDX-License-Identifier: GPL-2.0-or-later
"""The clauses of the family's contract: what the documentation promises, and what is decided where it is silent."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple


class Clause(NamedTuple):
    """One sentence of the contract."""

    text: str
    ours: bool = False
    """The documentation is silent; this project has decided."""


_ALL: Final = {
    "copies": Clause("on return the bytes have been copied; no byte outside the two ranges is touched"),
    "fills": Clause("on return every byte of the range has the value; no byte outside it is touched"),
    "volatile": Clause("every byte is accessed by this call, whatever the caller does with the result"),
    "relaxed": Clause("no order against other accesses"),
    "acquire": Clause("no later access moves before this one"),
    "release": Clause("no earlier access moves behind this one"),
    "full-barrier": Clause("no access moves across it, in either direction"),
    "atomic": Clause("one operation for everybody else who uses interlocked ones"),
    "previous-value": Clause("returns what was there before"),
    "call-kept": Clause("the compiler keeps the call, and adds no access before it or behind it"),
    "inside": Clause("every access to the ranges is made between the call and the return"),
    "unaligned": Clause("alignment is not enforced"),
    "alignment-probed": Clause("a user pointer that is not aligned raises before the first access"),
    "natural-alignment": Clause("the destination must be naturally aligned"),
    "repeats": Clause("may access a location more than once"),
    "non-temporal": Clause("goes past the cache"),
    "no-overlap": Clause("the ranges must not overlap"),
    "overlap": Clause("right also where the ranges overlap"),
    "terminator": Clause("counts up to the terminator, without it, and has no maximum"),
    "descriptor-only": Clause("moves the descriptor alone: Buffer stays an unchecked user pointer"),
    "same-type": Clause("source and destination point to the same type, which gives the size"),
    "raises": Clause("raises where the pointer is no user address or the memory cannot be accessed; returns no status"),
    "mode": Clause("UserMode: as the User form. KernelMode: plain access, no check"),
    "kernel-pointer": Clause("KernelMode with a user pointer: a DBG build fast-fails, code 77, which nothing catches"),
    "fast-fails": Clause("a user pointer fast-fails, code 77 (bugcheck 0x139), which nothing catches"),
    "filter": Clause("UserMode: EXCEPTION_EXECUTE_HANDLER. KernelMode: EXCEPTION_CONTINUE_SEARCH"),
    "irql": Clause("IRQL <= APC_LEVEL"),
    "one-access": Clause("exactly one access of the type's width, aligned or not", ours=True),
    "locked": Clause("every access is a locked one, and there are as many as it takes", ours=True),
    "halves": Clause("several accesses, the lengths first: they and Buffer may be of different moments", ours=True),
    "range-first": Clause(
        "the whole range is checked before the first access; beyond the limit or wrapped around: access violation at "
        "the first byte that is no user address",
        ours=True,
    ),
    "zero-length": Clause("length 0: no access, no check, plain return", ours=True),
    "ascending": Clause(
        "after a fault nothing at or behind the faulting byte is written; of those before it fewer than 64 are missing",
        ours=True,
    ),
    "either-way": Clause(
        "copies downwards where the destination begins inside the source, else upwards; after a fault nothing at or "
        "behind the faulting byte is written in that order; of those before it fewer than 64 are missing",
        ours=True,
    ),
    "misalignment": Clause(
        "a misaligned pointer raises STATUS_DATATYPE_MISALIGNMENT, behind the check of the range", ours=True
    ),
    "probe-first": Clause(
        "a misaligned pointer raises STATUS_DATATYPE_MISALIGNMENT, before the check of the range; length 0: no probe",
        ours=True,
    ),
    "fenced": Clause("a store fence before it returns: no later store is seen before these", ours=True),
    "flags": Clause("AC is left as the caller had it; DF is 0 on return where string instructions copy", ours=True),
    "page-bounded": Clause(
        "reads aligned chunks, none on a page that holds no byte of the string; stops at the limit with an access "
        "violation at the limit",
        ours=True,
    ),
}

CLAUSES: Final[Mapping[str, Clause]] = MappingProxyType(_ALL)
"""Every clause, the documented ones first."""


def clauses_of(row: Mapping[str, object], *, takes_mode: bool, order: str, one_access: bool) -> tuple[str, ...]:
    """Return the clauses that bind an accessor, in the order of `CLAUSES`."""
    name, family = str(row["name"]), str(row["family"])
    if family == "filter":
        return "filter", "irql"
    if name == "RtlFastFailIfUserPointer":
        return ("fast-fails",)
    binding = {"raises", "call-kept", "irql", "range-first", "flags", order.replace(" ", "-")}
    if takes_mode:
        binding |= {"mode", "kernel-pointer"}
    if one_access and "Interlocked" not in name:
        binding.add("one-access")
    if "StringLength" in name:
        binding.remove("range-first")
    binding |= _by_what_it_does(name, row["kind"] == "macro")
    return tuple(clause for clause in CLAUSES if clause in binding)


def _by_what_it_does(name: str, is_macro: bool) -> set[str]:
    if "Interlocked" in name:
        access = "one-access" if "CompareExchange" in name else "locked"
        return {"atomic", "previous-value", "natural-alignment", "misalignment", access}
    if "StringLength" in name:
        return {"terminator", "page-bounded", "inside", "repeats"}
    binding = {"alignment-probed", "probe-first"} if name.endswith("Aligned") else {"unaligned"}
    if "NonTemporal" in name:
        binding |= {"non-temporal", "fenced"}
    if "Struct" in name:
        binding |= {"copies", "volatile", "ascending", "same-type" if is_macro else "zero-length"}
    elif "Move" in name:
        binding |= {"copies", "volatile", "inside", "repeats", "overlap", "either-way", "zero-length"}
    elif "Copy" in name:
        binding |= {"copies", "volatile", "inside", "repeats", "no-overlap", "ascending", "zero-length"}
    elif name.endswith("Memory"):
        binding |= {"fills", "volatile", "inside", "repeats", "ascending", "zero-length"}
    elif "UnicodeString" in name:
        binding |= {"descriptor-only", "halves"}
    return binding
