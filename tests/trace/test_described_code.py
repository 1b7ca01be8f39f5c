# SPDX-License-Identifier: GPL-2.0-or-later
"""The code of a machine's trace: its symbols and lines, and what it was when it ran."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from unittest.mock import create_autospec

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emu import Machine, Returned
from emu.address import Gva
from emu.image import ImageError, Module, SourceLine
from emu.testing.guest import Guest
from emu.trace import Code, TraceError
from emu.trace.described_code import DescribedCode
from tests.conformance.machines import code

FUNCTION = """
.intel_syntax noprefix
.globl {name}
.seh_proc {name}
{name}:
.seh_endprologue
    mov eax, {value}
    ret
.seh_endproc
"""


def build(guest: Guest, name: str, value: int = 1) -> Path:
    """Build an image, named like its one function, which returns a number."""
    return guest.build_text(FUNCTION.format(name=name, value=value), name=f"{name}_image")


def entries(sequence: DescribedCode) -> list[tuple[int, bytes]]:
    return [(entry.rip, entry.bytes) for entry in sequence]


class TestNames:
    def test_in_an_image(self, machine: Machine, guest: Guest) -> None:
        module = machine.load(build(guest, "one"))
        with machine.trace() as trace:
            assert machine.call("one") == Returned(1)
        call, move, leave, halt = trace.code
        assert move == Code(module["one"], b"\xb8\1\0\0\0", "one_image", "one", 0, "one_image.S", 7)
        assert leave == Code(Gva(module["one"] + 5), b"\xc3", "one_image", "one", 5, "one_image.S", 8)
        assert [entry.place for entry in (move, leave)] == ["one_image!one", "one_image!one+0x5"]
        assert [entry.text for entry in trace.code] == ["call rax", "mov eax, 1", "ret", "hlt"]
        assert {(entry.module, entry.symbol, entry.file) for entry in (call, halt)} == {
            ("ntoskrnl", "KiGuardedCall", "guarded_call.S")
        }

    def test_outside_every_image(self, machine: Machine) -> None:
        address = code(machine, "90 c3")
        with machine.trace() as trace:
            machine.call(address)
        assert trace.code[1] == Code(address, b"\x90", "", "", 0, "", 0)
        assert trace.code[1].place == f"{address:#x}"
        assert trace.code[1].source == ""

    def test_exports_that_the_host_implements_have_their_own(self, machine: Machine) -> None:
        """Their code is the kernel's, one stub after the other, without a symbol for each."""

        @machine.export("ZwAnswer")
        def answer() -> int:
            return 42

        with machine.trace() as trace:
            assert machine.call("ZwAnswer") == Returned(42)
        stub = [entry for entry in trace.code if entry.symbol == "ZwAnswer"]
        assert [entry.offset for entry in stub] == [0] * len(stub)
        assert "hlt" in [entry.mnemonic for entry in stub]
        assert {entry.place for entry in stub} == {"ntoskrnl!ZwAnswer"}

    def test_stay_when_a_reset_unloads_the_image(self, machine: Machine, guest: Guest) -> None:
        image = build(guest, "gone")
        with machine.trace() as trace:
            machine.load(image)
            machine.call("gone")
            machine.reset()
        assert [entry.place for entry in trace.code[1:3]] == ["gone_image!gone", "gone_image!gone+0x5"]
        assert [module.name for module in trace.modules] == ["ntoskrnl", "umaccess", "gone_image"]

    def test_are_those_of_the_trace_when_something_else_is_loaded_there_later(
        self, machine: Machine, guest: Guest
    ) -> None:
        with machine.trace() as trace:
            base = machine.load(build(guest, "first")).base
            machine.call("first")
        machine.reset()
        assert machine.load(build(guest, "second")).base == base
        assert trace.code[1].place == "first_image!first"


class TestChangedCode:
    def test_by_the_guest_is_another_entry(self, machine: Machine) -> None:
        """mov byte ptr [rip-8], 0xf8: clc for the nop before it; loop."""
        address = code(machine, "b902000000 90 c605f8fffffff8 e2f6 c3", "rwx")
        with machine.trace() as trace:
            machine.call(address)
        forms = [(entry.text, entry.bytes) for entry in trace.code if entry.rip == address + 5]
        assert forms == [("nop", b"\x90"), ("clc", b"\xf8")]
        ran = [trace.code[number].text for number in trace.instructions["code"]]
        assert [text for text in ran if text in ("nop", "clc")] == ["nop", "clc"]

    def test_by_the_host_is_another_entry(self, machine: Machine) -> None:
        """At each change, also back to what there was."""
        buffer = machine.kernel.alloc(b"\x90\xc3")
        machine.kernel.protect(buffer, "rx")
        with machine.trace() as trace:
            for opcode in (b"\x90", b"\xf8", b"\x90"):
                buffer.write(opcode)
                machine.call(int(buffer))
        ran = [trace.code[number] for number in trace.instructions["code"]]
        assert [entry.text for entry in ran if entry.rip == buffer.address] == ["nop", "clc", "nop"]
        assert [entry.text for entry in trace.code if entry.rip == buffer.address] == ["nop", "clc", "nop"]

    def test_later_does_not_change_a_trace(self, machine: Machine) -> None:
        buffer = machine.kernel.alloc(b"\x90\xc3")
        machine.kernel.protect(buffer, "rx")
        with machine.trace() as trace:
            machine.call(int(buffer))
        buffer.write(b"\xcc\xcc")
        assert [entry.text for entry in trace.code] == ["call rax", "nop", "ret", "hlt"]


class TestSequence:
    @given(
        encodings=st.lists(
            st.tuples(st.integers(0, 1 << 63).map(Gva), st.binary(min_size=1, max_size=15)), max_size=20
        ),
        cuts=st.lists(st.integers(0, 20), max_size=5),
    )
    def test_grows_by_what_is_new(self, encodings: list[tuple[Gva, bytes]], cuts: list[int]) -> None:
        """Whatever was known, and whoever told it; fewer than known change nothing."""
        described = DescribedCode({}, lambda address: None)
        known = 0
        for cut in cuts:
            described.extend(encodings[:cut])
            known = max(known, min(cut, len(encodings)))
            assert entries(described) == encodings[:known]
        described.extend(encodings)
        assert len(described) == len(encodings)
        assert [(entry.rip, entry.bytes) for entry in described[1::2]] == encodings[1::2]
        if encodings:
            assert described[-1].rip == encodings[-1][0]
        with pytest.raises(IndexError):
            described[len(encodings)]

    def test_an_entry_is_described_once_and_only_when_asked(self) -> None:
        module = fake_module()
        described = DescribedCode({Gva(0x1000): module}, lambda address: None)
        described.extend([(Gva(0x1008), b"\x90")])
        module.describe.assert_not_called()
        assert described[0] is described[0]
        module.describe.assert_called_once_with(0x1008)

    def test_without_a_symbol_the_offset_is_from_the_base(self) -> None:
        described = DescribedCode({Gva(0x1000): fake_module("image+0x8")}, lambda address: None)
        described.extend([(Gva(0x1008), b"\x90")])
        assert described[0] == Code(Gva(0x1008), b"\x90", "image", "", 8, "a.S", 3)
        assert described[0].place == "image+0x8"

    def test_a_symbol_that_looks_like_an_offset(self) -> None:
        """C++ names have plus signs."""
        described = DescribedCode({Gva(0x1000): fake_module("image!a+0xb+0x8")}, lambda address: None)
        described.extend([(Gva(0x1008), b"\x90")])
        assert (described[0].symbol, described[0].offset) == ("a+0xb", 8)

    def test_damaged_debug_information_leaves_the_line_out(self) -> None:
        module = fake_module()
        module.source_line.side_effect = ImageError("damaged")
        described = DescribedCode({Gva(0x1000): module}, lambda address: None)
        described.extend([(Gva(0x1008), b"\x90")])
        assert described[0] == Code(Gva(0x1008), b"\x90", "image", "symbol", 8, "", 0)


def fake_module(place: str = "image!symbol+0x8") -> Any:
    """Return a module that says of every address that it is one place, in line 3 of a file."""
    module = create_autospec(Module, instance=True)
    module.name, module.base = "image", Gva(0x1000)
    module.contains.return_value = True
    module.describe.return_value = place
    module.source_line.return_value = SourceLine("a.S", 3)
    return module


def test_two_images_at_one_address_are_refused(machine: Machine, guest: Guest) -> None:
    with machine.trace() as trace:
        machine.load(build(guest, "first"))
        machine.call("first")
        machine.reset()
        machine.load(build(guest, "second"))
        machine.call("second")
    with pytest.raises(
        TraceError, match=r"^first_image and second_image were both loaded at 0x\w+; end the trace before"
    ):
        len(trace)
