# SPDX-License-Identifier: GPL-2.0-or-later
"""Trace so many instructions to a file, in a process of its own, and print count, seconds, peak MiB and file size."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from benchmarks.measure import peak_memory
from emu import Machine, Returned, build_guest

HERE = Path(__file__).parent
SIZE = 64 << 10
INSTRUCTIONS_A_BYTE = 6.7
"""Of a copy in pieces of 63 bytes, about."""


def main(count: int, path: Path) -> None:
    """Copy 64 KiB byte by byte, again and again, under one trace."""
    with Machine("nehalem") as machine:
        source, target = machine.user.alloc(bytes(range(256)) * (SIZE // 256)), machine.kernel.alloc(SIZE)
        machine.load(build_guest([HERE / "in_pieces.S"]))
        arguments = (target, source, SIZE, 63, machine.resolve("CopyFromUser"))
        start = time.perf_counter()
        with machine.trace() as trace:
            for _ in range(round(count / INSTRUCTIONS_A_BYTE / SIZE)):
                if not isinstance(machine.call("copy_in_pieces", *arguments), Returned):
                    raise RuntimeError("the copy did not return")
        trace.save(path)
        spent = time.perf_counter() - start
    total = trace.calls[-1].end
    print(total, spent, peak_memory(), path.stat().st_size)


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
