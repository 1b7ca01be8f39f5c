# SPDX-License-Identifier: GPL-2.0-or-later
"""Which blocks nobody has a pointer to: by what was returned, in images, buffers and other blocks, at any byte."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from emu.checks.call.reachable import unreachable
from tests.checks.captured import Captured

HEAD = "#include <ntddk.h>\n"
ALLOCATED = "UCHAR *block = ExAllocatePoolWithTag(NonPagedPoolNx, 64, 'tseT');"

BODIES = {
    "lost": ("return 0;", 1),
    "returned": ("return (ULONG64)block;", 0),
    "returned_inside": ("return (ULONG64)block + 63;", 0),
    "returned_behind_it": ("return (ULONG64)block + 64;", 1),
    "in_a_global": ("Global = block; return 0;", 0),
    "at_an_odd_byte": ("*(UCHAR **)(kernel + 5) = block; return 0;", 0),
    "over_a_page_boundary": ("*(UCHAR **)(kernel + 4092) = block; return 0;", 0),
    "in_user_memory": ("*(UCHAR **)user = block; return 0;", 0),
    "on_the_stack": ("volatile ULONG64 here = (ULONG64)block; return here & 0;", 1),
    "in_a_block_that_is_kept": ("UCHAR *more = ALLOCATE; *(UCHAR **)(more + 8) = block; Global = more; return 0;", 0),
    "in_a_block_that_is_lost": ("UCHAR *more = ALLOCATE; *(UCHAR **)(more + 8) = block; return 0;", 2),
    "in_each_other": (
        "UCHAR *more = ALLOCATE; *(UCHAR **)more = block; *(UCHAR **)block = more; return 0;",
        2,
    ),
    "given_to_an_export": ("Keep(block); return 0;", 0),
}


def _keep(block: int) -> None:
    """Take a block over, as an export of the user's may."""


@pytest.fixture(scope="module")
def captured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Captured]:
    made = Captured()
    made.machine.export("Keep")(_keep)
    text = HEAD + "UCHAR *Global;\n__attribute__((dllimport)) void Keep(void *block);\n"
    for name, (body, _) in BODIES.items():
        code = body.replace("ALLOCATE", "ExAllocatePoolWithTag(NonPagedPoolNx, 64, 'tseT')")
        text += f"ULONG64 {name}(volatile UCHAR *user, volatile UCHAR *kernel)\n{{ {ALLOCATED} {code} }}\n"
        text += f'__asm__(".section .drectve,\\"yn\\"\\n.ascii \\" /EXPORT:{name}\\"\\n.text");\n'
    made.load(tmp_path_factory.mktemp("reachable"), text, ".c", optimize="1")
    made.machine.checkpoint()
    yield made
    made.machine.close()


@pytest.mark.parametrize("name", BODIES)
def test_lost_blocks(captured: Captured, name: str) -> None:
    machine = captured.machine
    machine.reset()
    call = captured.call(name, machine.user.alloc(64), machine.kernel.alloc(8192))
    blocks = [life.block for life in call.pool_lives]
    assert len(unreachable(call, blocks)) == BODIES[name][1]
