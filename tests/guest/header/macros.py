# SPDX-License-Identifier: GPL-2.0-or-later
"""The macros of the family, and functions of C or C++ that use them."""

from collections.abc import Sequence
from typing import NamedTuple

from emu.accessors import FAMILY, Accessor

MACROS = tuple(accessor for accessor in FAMILY.values() if accessor.kind == "macro")
NUMBERS = 6
RECORD_SIZE = 4 * NUMBERS

_BEGIN = f"""\
#include <usermode_accessors.h>

#if defined(__cplusplus)
#define FUNCTION extern "C"
#else
#define FUNCTION extern
#endif

typedef struct {{ ULONG Numbers[{NUMBERS}]; }} RECORD;
struct INCOMPLETE;

"""


class Function(NamedTuple):
    """A function of two records and numbers, on one line."""

    name: str
    statement: str

    def __str__(self) -> str:
        parameters = (
            "RECORD *Destination, RECORD *Source, SIZE_T Length, SIZE_T Alignment, KPROCESSOR_MODE Mode, ULONG *Counts"
        )
        prototype = f"VOID {self.name}({parameters})"
        unused = "(VOID)Destination, (VOID)Source, (VOID)Length, (VOID)Alignment, (VOID)Mode, (VOID)Counts;"
        return f"FUNCTION {prototype}; {prototype} {{ {unused} {self.statement} }}"


def is_aligned(accessor: Accessor) -> bool:
    """Tell whether a macro probes an alignment."""
    return any(parameter.name == "Alignment" for parameter in accessor.parameters)


def use(accessor: Accessor, **replaced: str) -> str:
    """Return a statement that uses a macro, with its parameters' names for arguments but for those given."""
    return f"{accessor.name}({', '.join(replaced.get(each.name, each.name) for each in accessor.parameters)});"


def source_text(functions: Sequence[Function], before: str = "") -> tuple[str, int]:
    """Return a source with these functions, each on one line, and the number of the first of these lines."""
    begin = _BEGIN + before
    return begin + "".join(f"{function}\n" for function in functions), begin.count("\n") + 1
