# SPDX-License-Identifier: GPL-2.0-or-later
"""The page of the conformance suite: one row a name, made of the table of calls that the tests make."""

from __future__ import annotations

from collections import Counter

from emu.accessors import FAMILIES, FAMILY
from tests.conformance.accessors.case import CLAUSES
from tests.conformance.accessors.cases import cases_of
from tests.conformance.accessors.suite import CPUS

_INTRODUCTION = """\
# Conformance of the accessors

Each name of the [accessor family](accessors.md) is called in every way that a clause of the contract is about, and each
call is held against a model of the contract in Python (`tests/conformance/accessors/contract.py`), which knows the
documentation and nothing of the routines: how the call ends, with which status, operation and address, in which
routine; which bytes land and that no other does; non-volatile registers, RSP, MXCSR, IRQL, AC and DF. The calls are
made from the table that `emu accessors` lists.

`make test` makes them and says at its end how many it has made: all on the default profile, shared among the others, at
least one for each clause of each name on each; the library as `umaccess.sys` and linked into a driver, with and without
`DBG`, where the macros are; on either kernel, and the kernel's primitives without the library. `make test-all` makes
every call everywhere.
"""

_BEYOND = {
    "test_move.py": "moves at every overlap from -64 to 64 at every length from 0 to 128, and any at all",
    "test_alignments.py": "ranges at every pair of alignments",
    "test_page_ins.py": "ranges of any length at any alignment, any of whose pages come back on the way",
    "test_string_length.py": "strings with the terminator at every place around the end of a page and the limit, and "
    "of any bytes",
    "test_interlocked.py": "interlocked operations with any values, alone and in sequence",
    "test_accesses.py": "what is touched, in a trace: each byte once, typed ones in one access, the SMAP window closed "
    "behind it",
    "test_every_access.py": "each access fails exactly, and comes back",
    "test_fault_sweeps.py": "each byte of each range fails; each access to user memory, judged as campaigns judge",
    "test_first_use.py": "each routine as the first of the library that a driver calls",
    "test_filters.py": "filters that continue",
    "test_mistakes.py": "routines with one mistake each, which the clause that is about it must find",
}


def conformance() -> str:
    """Return the page."""
    counts = {name: Counter(case.clause for case in cases_of(name)) for name in FAMILY}
    total = sum(each.total() for each in counts.values())
    pairs = sum(map(len, counts.values()))
    lines = [_INTRODUCTION, "| clause | calls | |", "| --- | --- | --- |"]
    for clause, meaning in CLAUSES.items():
        lines.append(f"| {clause} | {sum(each[clause] for each in counts.values()):,} | {meaning} |")
    lines += [f"| together | {total:,} | {pairs:,} (name × clause) cases of {len(FAMILY)} names |", ""]
    lines += ["The profiles, each with either kernel: " + ", ".join(f"`{cpu}`" for cpu in CPUS) + ".", ""]
    lines += ["## Beyond this table", "", "| what | where |", "| --- | --- |"]
    lines += [f"| {what} | `{where}` |" for where, what in _BEYOND.items()]
    lines.append("")
    for family, meaning in FAMILIES.items():
        names = [name for name in FAMILY if FAMILY[name].family == family]
        columns = [clause for clause in CLAUSES if any(counts[name][clause] for name in names)]
        lines += [f"## {family[0].upper()}{family[1:]}: {meaning}", ""]
        lines += [f"| name | calls | {' | '.join(columns)} |", "| --- " * (len(columns) + 2) + "|"]
        for name in names:
            cells = [str(counts[name][clause] or "") for clause in columns]
            lines.append(f"| `{name}` | {counts[name].total()} | {' | '.join(cells)} |")
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"
