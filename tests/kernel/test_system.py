# SPDX-License-Identifier: GPL-2.0-or-later
from pathlib import Path

import pytest

from emu import Machine, Returned
from emu.accessors import PRIMITIVES
from emu.address import Gva
from emu.kernel import system as system_module
from emu.kernel.guest_fault import GuestFault
from emu.kernel.modules import MissingImports
from emu.kernel.system import System, SystemNotBuilt
from emu.profile import Profile
from emu.seh.c_specific_handler import c_specific_handler
from emu.testing.guest import Guest


def test_images_that_are_not_built(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(system_module, "KERNEL_IMAGE", tmp_path / "ntoskrnl.exe")
    with pytest.raises(SystemNotBuilt, match=r"ntoskrnl\.exe is not built; run `make setup`"):
        System(Profile())


class TestTouch:
    """The host's reads and writes on behalf of kernel code fault where the code's own would."""

    def test_resident(self, machine: Machine) -> None:
        system, buffer = machine._system, machine.kernel.alloc(b"content", offset=0xFFC)
        assert system.read_guest(buffer.address, 7) == b"content"
        system.write_guest(buffer.address, b"CONTENT")
        assert buffer.read() == b"CONTENT"

    @pytest.mark.parametrize("machine", ["skylake-server,smap=off"], indirect=True)
    @pytest.mark.parametrize("state", ["unmapped", "none", "guard", "paged-out", "in-page-error"])
    @pytest.mark.parametrize("half", ["user", "kernel"])
    def test_absent(self, machine: Machine, half: str, state: str) -> None:
        memory = getattr(machine, half)
        buffer = memory.alloc(bytes(0x1010), offset=0xFF8)
        second = buffer.address + 8
        {
            "unmapped": memory.unmap,
            "none": lambda where: memory.protect(where, "none"),
            "guard": memory.guard,
            "paged-out": memory.page_out,
            "in-page-error": memory.fail_page_in,
        }[state](second)
        with pytest.raises(GuestFault) as read_fault:
            machine._system.read_guest(buffer.address, 16)
        with pytest.raises(GuestFault) as write_fault:
            machine._system.write_guest(buffer.address, b"x" * 16)
        assert (read_fault.value.address, read_fault.value.write) == (second, False)
        assert (write_fault.value.address, write_fault.value.write) == (second, True)
        assert buffer.read(8) == bytes(8), "nothing is written in part"

    def test_read_only(self, machine: Machine) -> None:
        buffer = machine.kernel.alloc(b"content")
        machine.kernel.protect(buffer, "ro")
        assert machine._system.read_guest(buffer.address, 7) == b"content"
        with pytest.raises(GuestFault):
            machine._system.write_guest(buffer.address, b"C")

    @pytest.mark.parametrize("machine", ["skylake-server", "skylake-server,smap=permit"], indirect=True)
    def test_smap(self, machine: Machine) -> None:
        buffer = machine.user.alloc(b"content")
        if machine.profile.kernel_entry_ac:
            assert machine._system.read_guest(buffer.address, 7) == b"content"
            machine._system.write_guest(buffer.address, b"C")
            return
        with pytest.raises(GuestFault):
            machine._system.read_guest(buffer.address, 7)
        with pytest.raises(GuestFault):
            machine._system.write_guest(buffer.address, b"C")

    @pytest.mark.parametrize("address", [0, 0x8000_0000_0000, 0x0000_A000_0003_0000, (1 << 64) - 4])
    def test_no_page_at_all(self, machine: Machine, address: int) -> None:
        machine.kernel.alloc(16)
        with pytest.raises(GuestFault) as fault:
            machine._system.read_guest(Gva(address), 16)
        assert fault.value.address == address


def test_resolve_knows_functions_and_variables(machine: Machine) -> None:
    system = machine._system
    assert system.resolve("RtlRaiseException") == system.stubs.find("RtlRaiseException")
    assert system.resolve("MmUserProbeAddress") == system.kernel["MmUserProbeAddress"]
    assert system.resolve("NoSuchExport") is None


BOTH_KERNELS = pytest.mark.parametrize("machine", ["nehalem", "nehalem,primitives=kernel"], indirect=True)


@BOTH_KERNELS
def test_primitives_are_found_only_in_a_kernel_that_has_them(machine: Machine) -> None:
    system = machine.system
    for name in PRIMITIVES:
        assert name in system.kernel.image.exports
        expected = system.kernel[name] if machine.profile.kernel_has_primitives else None
        assert system.resolve(name) == system.exported_address(name) == expected
    assert machine.resolve("RtlCopyFromUser") == machine.modules[1]["RtlCopyFromUser"], "the library's own is in scope"


@BOTH_KERNELS
def test_a_driver_can_import_what_its_kernel_has(machine: Machine, guest: Guest) -> None:
    path = guest.build("guest/imports_primitive.c")
    if not machine.profile.kernel_has_primitives:
        with pytest.raises(MissingImports, match=r"export: RtlReadULongFromUser; .*primitives=kernel"):
            machine.load(path)
        return
    machine.load(path)
    assert machine.call("read_by_import", machine.user.alloc((1234).to_bytes(4, "little"))) == Returned(1234)


@BOTH_KERNELS
def test_the_first_copy_finds_everything_initialised(machine: Machine) -> None:
    source, target = machine.user.alloc(bytes(64)), machine.kernel.alloc(64)
    variables = [
        module.base + section.rva + offset
        for module in machine.modules[:2]
        for section in module.image.sections
        if section.writable
        for offset in range(0, section.virtual_size, 8)
    ]
    before = [machine.system.memory.read_u64(Gva(address)) for address in variables]
    assert isinstance(machine.call("CopyFromUser", target, source, 64), Returned)
    assert [machine.system.memory.read_u64(Gva(address)) for address in variables] == before


def test_what_the_user_provides_is_never_hidden() -> None:
    with Machine() as machine:
        machine.export("RtlReadULongFromUser")(lambda address: 7)
        assert machine.system.resolve("RtlReadULongFromUser") == machine.system.stubs.find("RtlReadULongFromUser")


def test_context_is_that_of_the_processor(machine: Machine) -> None:
    machine.call("CopyFromUser", 0, 0, 0)
    context, registers = machine._system.current_context(), machine.registers
    assert context.rip == registers["rip"]
    assert context.gpr == [registers[name] for name in list(registers)[:16]]
    assert context.mxcsr == registers["mxcsr"]
    assert int.from_bytes(context.xmm[16:32], "little") == registers["xmm1"]


def test_language_handlers_of_the_host_are_known_behind_a_thunk(machine: Machine) -> None:
    system = machine._system
    handler = system.kernel["__C_specific_handler"]
    assert system.host_handler(handler) is c_specific_handler
    thunks = [at for at, to in system.modules.linked.items() if to == handler]
    for thunk in thunks:
        assert system.host_handler(Gva(thunk)) is c_specific_handler
    assert system.host_handler(Gva(handler + 1)) is None
    assert system.host_handler(Gva(0)) is None
