# SPDX-License-Identifier: GPL-2.0-or-later
"""drcov, version 2: the basic blocks that a run reached, as DynamoRIO's tool of that name writes them.

A text head with the modules, then a packed record a block: u32 offset from the module's base, u16 size in bytes, u16
module. Code outside every module has no place in the format.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO, Final

import numpy as np

from emu.trace.coverage import Coverage, coverage

if TYPE_CHECKING:
    from emu.trace.trace import Trace

BLOCK: Final = np.dtype([("offset", "<u4"), ("size", "<u2"), ("module", "<u2")])
"""A record of the table of blocks."""


def write(trace: Trace, stream: BinaryIO) -> None:
    """Write what a trace reached. Raises OSError."""
    write_coverage(coverage(trace, trace.images), stream)


def write_coverage(covered: Coverage, stream: BinaryIO) -> None:
    """Write what one or more runs reached. Raises OSError."""
    modules = covered.modules
    blocks = [(*block, number) for number, module in enumerate(modules) for block in module.blocks()]
    lines = [
        "DRCOV VERSION: 2",
        "DRCOV FLAVOR: drcov",
        f"Module Table: version 2, count {len(modules)}",
        "Columns: id, base, end, entry, path",
    ]
    for number, module in enumerate(modules):
        end = module.base + module.size
        lines.append(f"{number:3d}, {module.base:#018x}, {end:#018x}, {module.entry:#018x}, {module.path}")
    lines.append(f"BB Table: {len(blocks)} bbs")
    stream.write("".join(f"{line}\n" for line in lines).encode())
    stream.write(np.array(blocks, BLOCK).tobytes())
