# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests of assembly files on a machine: what each directive does, and what is said where it does not hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from emu import Machine, build_guest
from emu.testing.assembly_file.parser import parse_assembly_file
from emu.testing.assembly_file.run import Failure, run_test

CODE = """
    .intel_syntax noprefix
    .text
    .globl copy, echo, spin, broken, level, writes
    .seh_proc copy
copy:                           // target, source, length
    .seh_endprologue
    stac
    test r8, r8
    jz 2f
1:  mov al, [rdx]
    mov [rcx], al
    inc rcx
    inc rdx
    dec r8
    jnz 1b
2:  clac
    xor eax, eax
    ret
    .seh_endproc
echo:                           // returns its argument
    mov rax, rcx
    ret
spin:
    jmp spin
broken:
    ud2
writes:                         // writes its second argument where the first says
    mov [rcx], rdx
    ret
level:
    mov rax, cr8
    ret
    .macro framed name, function
    .globl \\name
    .seh_proc \\name
\\name:
    sub rsp, 0x28
    .seh_stackalloc 0x28
    .seh_endprologue
    call \\function
    add rsp, 0x28
    ret
    .seh_endproc
    .endm
    framed printing, DbgPrint
    framed leaking, ExAllocatePool2
    framed mode, ExGetPreviousMode
"""


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The routines that the directives call."""
    source = tmp_path_factory.mktemp("run") / "routines.S"
    source.write_text(CODE)
    return build_guest([source])


def run(machine: Machine, image: Path, directives: str) -> list[Failure]:
    """Run a test whose first directive is in line 2."""
    text = "// test: a\n" + "".join(f"// {line.strip()}\n" for line in directives.strip().splitlines())
    (test,) = parse_assembly_file(f"{text}\n{CODE}").tests
    return run_test(machine, test, image)


BUFFERS = "user src = pattern 64\nkernel dst = poison 64\n"

PASSING = {
    "a copy": BUFFERS + "call copy(dst, src, 64)\nreturns 0\ndst = src\nsrc unchanged",
    "a part": BUFFERS + "call copy(dst+8, src+1, 3)\ndst = poison 8 then src[1:4] then poison\ndst[8:11] = src[1:4]",
    "nothing": BUFFERS + "call copy(dst, src, 0)\ndst unchanged",
    "anything that returns": "call echo(5)",
    "returns in a part of rax": "call echo(0x1_80)\nreturns 0x80 in al".replace("_", ""),
    "a negative value": "call echo(-1)\nreturns -1\ncall echo(0xFFFFFFFF)\nreturns -1 in eax",
    "a status": "call echo(0x1C0000005)\nreturns STATUS_ACCESS_VIOLATION",
    "an address": BUFFERS + "call echo(src+3)\nreturns src+3\ncall echo(copy)\nreturns copy",
    "pointers in memory": BUFFERS + "kernel list = qword src dst+8 copy\ncall echo(list)\nlist = qword src dst+8 copy",
    "a fault at its byte": BUFFERS
    + "fault none@src+37\ncall copy(dst, src, 64)\n"
    + "raises STATUS_ACCESS_VIOLATION reading src+37 at copy+8\ndst = src[:37] then poison",
    "a fault at the end": "user src = pattern 64 at end\nkernel dst = poison 65\ncall copy(dst, src, 65)\n"
    "raises STATUS_ACCESS_VIOLATION reading src+64\ndst[:64] = src",
    "an in-page error": BUFFERS
    + "fault in-page-error=0xC000009D@src+0\ncall copy(dst, src, 64)\n"
    + "raises STATUS_IN_PAGE_ERROR reading src because STATUS_DEVICE_NOT_CONNECTED\ndst unchanged",
    "a page that comes back": BUFFERS + "fault paged-out@src+5\ncall copy(dst, src, 64)\ndst = src",
    "a bugcheck": BUFFERS
    + "irql 2\nfault paged-out@src+5\ncall copy(dst, src, 64)\nbugchecks 0xD1 (src+5, 2, 0)\ndst[:5] = src[:5]",
    "unguarded": "unguarded\ncall broken()\nbugchecks KMODE_EXCEPTION_NOT_HANDLED (0xC000001D, broken)",
    "guarded again": "unguarded\nguarded\ncall broken()\nraises STATUS_ILLEGAL_INSTRUCTION at broken",
    "time out": "budget 50\ncall spin()\ntimes out",
    "irql": "irql 1\ncall level()\nreturns 1\nirql 0\ncall level()\nreturns 0",
    "previous mode": "previous mode kernel\ncall mode()\nreturns 0 in al\n"
    "previous mode user\ncall mode()\nreturns 1 in al",
    "an export": "export ExGetPreviousMode = 77\ncall mode()\nreturns 77\ncalls ExGetPreviousMode\n"
    "never calls DbgPrint",
    "printing": 'kernel text = "got %d\\n\\0"\ncall printing(text, 5)\nprints "got 5"\ncalls DbgPrint',
    "no leak": "call echo(1)\nleaks nothing",
    "two steps": BUFFERS
    + "call copy(dst, src, 8)\ndst = src[:8] then poison\nuser other = zeroes 4\ncall copy(dst+4, other, 4)\n"
    + "dst = src[:4] then zeroes 4 then poison\nother unchanged",
    "a content of a buffer that changed": BUFFERS
    + "call copy(dst, src, 64)\nkernel again = dst\ncall copy(src, again, 4)\nagain = src\ndst = again",
    "an instruction skipped": BUFFERS + "fault skip@cpu,insn=5\ncall copy(dst, src, 1)\nreturns 0\ndst unchanged",
    "an export of another module": BUFFERS + "call CopyFromUser(dst, src, 64)\ndst = src",
}


@pytest.mark.parametrize("name", PASSING)
def test_what_holds(machine: Machine, image: Path, name: str) -> None:
    assert run(machine, image, PASSING[name]) == []


FAILING = {
    "returned": ("call echo(5)\nreturns 4", 3, ["expected  returned 0x4", "found     returned 0x5"]),
    "returned in eax": (
        "call echo(5)\nreturns STATUS_SUCCESS",
        3,
        ["expected  returned STATUS_SUCCESS (0x00000000) in eax", "found     returned 0x5"],
    ),
    "raised instead": (
        "call broken()",
        2,
        [
            "expected  it returned",
            "found     raised STATUS_ILLEGAL_INSTRUCTION (0xC000001D), at routines!broken (0x",
        ],
    ),
    "elsewhere": (
        BUFFERS + "fault none@src+37\ncall copy(dst, src, 64)\nraises STATUS_ACCESS_VIOLATION reading src+36",
        6,
        [
            "expected  raised STATUS_ACCESS_VIOLATION (0xC0000005), read of src+36 (0x",
            "found     raised STATUS_ACCESS_VIOLATION (0xC0000005), read of src+37 (0x",
        ],
    ),
    "another operation": (
        BUFFERS + "fault none@src+0\ncall copy(dst, src, 64)\nraises STATUS_ACCESS_VIOLATION writing src",
        6,
        ["expected  raised STATUS_ACCESS_VIOLATION (0xC0000005), write of src (0x", "found "],
    ),
    "another reason": (
        BUFFERS + "fault in-page-error@src+0\ncall copy(dst, src, 64)\n"
        "raises STATUS_IN_PAGE_ERROR because STATUS_DEVICE_NOT_CONNECTED",
        6,
        [
            "expected  raised STATUS_IN_PAGE_ERROR (0xC0000006), because of STATUS_DEVICE_NOT_CONNECTED (0xC000009D)",
            "found     raised STATUS_IN_PAGE_ERROR (0xC0000006), read of src+0 (0x",
        ],
    ),
    "another instruction": (
        "call broken()\nraises STATUS_ILLEGAL_INSTRUCTION at broken+1",
        3,
        ["expected  raised STATUS_ILLEGAL_INSTRUCTION (0xC000001D), at broken+1 (0x", "found "],
    ),
    "bugcheck": (
        "unguarded\ncall broken()\nbugchecks 0x1E (0xC0000005, _, 1)",
        4,
        [
            "expected  bugchecked: KMODE_EXCEPTION_NOT_HANDLED (0x0000001E) (0xc0000005, _, 0x1)",
            "found     bugchecked: KMODE_EXCEPTION_NOT_HANDLED (0x0000001E) (0xc000001d, routines!broken (0x",
        ],
    ),
    "another bugcheck": (
        "unguarded\ncall broken()\nbugchecks 0x50",
        4,
        ["expected  bugchecked: PAGE_FAULT_IN_NONPAGED_AREA (0x00000050)", "found "],
    ),
    "no time out": ("call echo(1)\ntimes out", 3, ["expected  timed out", "found     returned 0x1"]),
    "time out": (
        "budget 50\ncall spin()\nreturns 0",
        4,
        ["expected  returned 0x0", "found     timed out: the budget of 50 blocks was used up at routines!spin"],
    ),
    "memory": (
        BUFFERS + "call copy(dst, src, 3)\ndst = src[:4] then poison",
        5,
        ["byte 3 of dst is cc, as before the call, not ", "expected  dst+0", "found     dst+0"],
    ),
    "changed": (
        BUFFERS + "call copy(dst, src, 3)\ndst unchanged",
        5,
        ["byte 0 of dst is ", "3 of 64 bytes differ: 0 to 2", "expected  dst+0     cc cc", "found     dst+0"],
    ),
    "behind": ("kernel dst = zeroes 6\ncall writes(dst, 1)", 3, ["behind dst (6 bytes) it wrote bytes 6 to 7"]),
    "before": (
        "kernel dst = zeroes 8 at +8\ncall writes(dst-8, 1)",
        3,
        ["before dst (8 bytes) it wrote bytes -8 to -1"],
    ),
    "export": (
        'kernel text = "a\\0"\ncall printing(text)\ncalls DbgPrint\ncalls DbgPrint',
        5,
        ["up to the line before it called DbgPrint", "and behind that nothing"],
    ),
    "no export": ("call echo(1)\ncalls ZwClose", 3, ["it called nothing"]),
    "never": ('kernel text = "a\\0"\ncall printing(text)\nnever calls DbgPrint', 4, ["it called DbgPrint once"]),
    "printed": ('kernel text = "a\\0"\ncall printing(text)\nprints "b"', 4, ["it printed 'a'"]),
    "leak": (
        "call leaking(0x40, 100, 0x61626364)\nleaks nothing",
        3,
        ["left allocated: 100 bytes, tag 'dcba', from routines!leaking+0x9"],
    ),
    "fault": ("user src = zeroes 4\nfault none@src+4096\ncall echo(1)", 3, ["fault none@src+4096: 0x"]),
    "function": ("call coyp()", 2, ["the loaded modules has no symbol 'coyp'; nearest: "]),
}


@pytest.mark.parametrize("name", FAILING)
def test_what_does_not_hold(machine: Machine, image: Path, name: str) -> None:
    directives, line, lines = FAILING[name]
    (failure,) = run(machine, image, directives)
    assert failure.line == line
    assert failure.text == directives.splitlines()[line - 2]
    for found, expected in zip(failure.lines, lines, strict=True):
        assert found.startswith(expected)


def test_all_that_does_not_hold_of_a_call_is_told_and_how_it_ended_first(machine: Machine, image: Path) -> None:
    failures = run(
        machine, image, BUFFERS + "call copy(dst+62, src, 3)\ndst = poison\nreturns 5\ncall echo(1)\nreturns 2"
    )
    assert [failure.line for failure in failures] == [6, 5, 4]


def test_a_byte_too_many_is_seen_whatever_is_copied(machine: Machine, image: Path) -> None:
    buffers = "user src = poison 64\nkernel dst = poison 64\n"
    (failure,) = run(machine, image, buffers + "call copy(dst, src, 65)")
    assert failure.lines == ("behind dst (64 bytes) it wrote byte 64",)
    (failure,) = run(
        machine, image, buffers.replace("src = poison 64", "src = poison 63") + "call copy(dst, src, 64)\ndst = poison"
    )
    assert failure.lines[0] == "byte 63 of dst is 33, not cc"


def test_without_an_image_the_systems_routines_are_there(machine: Machine) -> None:
    (test,) = parse_assembly_file("// test: a\n// user src = pattern 8\n// kernel dst = zeroes 8\n"
                                  "// call CopyFromUser(dst, src, 8)\n// dst = src\n").tests  # fmt: skip
    assert run_test(machine, test, None) == []
