# SPDX-License-Identifier: GPL-2.0-or-later
"""Booted machines, one a profile, and the small things that every test here does with them."""

from pathlib import Path

from emu import Machine, Profile, build_guest
from emu.address import Gva
from emu.image import Module

GUEST = Path(__file__).parent / "guest"

_machines: dict[Profile, Machine] = {}


def boot(profile: str = "skylake-server") -> Machine:
    """Return the machine of a profile, reset to its boot."""
    key = Profile.parse(profile)
    machine = _machines.get(key)
    if machine is not None and not machine.resets_to_boot:
        machine.close()
        machine = None
    if machine is None:
        machine = _machines[key] = Machine(key)
    machine.reset()
    return machine


def close_all() -> None:
    """Close every machine."""
    for machine in _machines.values():
        machine.close()
    _machines.clear()


def load(machine: Machine, *sources: str, optimize: str = "1", target: str = "msvc") -> Module:
    """Build guest sources of this directory and load them."""
    return machine.load(build_guest([GUEST / source for source in sources], optimize=optimize, target=target))


def code(machine: Machine, instructions: str | bytes, protection: str = "rx") -> Gva:
    """Put machine code (bytes, or their hex) into kernel memory outside every image, and return its address."""
    data = bytes.fromhex(instructions) if isinstance(instructions, str) else instructions
    buffer = machine.kernel.alloc(data, name="code")
    machine.kernel.protect(buffer, protection)
    return buffer.address


def read(machine: Machine, address: int, size: int) -> bytes:
    """Read guest memory that no Buffer stands for: stacks and images."""
    return machine._system.memory.read(Gva(address), size)


def kernel_memory(machine: Machine) -> bytes:
    """Return the whole of guest RAM that is in use, but for the accessed bits of the upper page tables."""
    system = machine._system
    memory = system.memory
    frames = memory._frames.mark
    content = bytearray(system.ram.bytes[: frames << 12])
    leaves = set(memory._leaf_tables.values()) | {at >> 12 for at in memory._frame_offset.values()}
    for frame in range(1, frames):
        if frame not in leaves:
            for at in range(frame << 12, (frame + 1) << 12, 8):
                content[at] &= ~0x20
    return bytes(content)


def still_copies(machine: Machine) -> None:
    """Assert that a machine still does what it is for: a copy, a fault that is handled, and a page-in."""
    source = machine.user.alloc(b"hello from user mode")
    target = machine.kernel.alloc(64)
    assert str(machine.call("CopyFromUser", target, source, source.size)).startswith("returned")
    assert target.read(source.size) == source.read()
    machine.user.protect(source, "none")
    outcome = machine.call("CopyFromUser", target, source, source.size)
    assert str(outcome).startswith("raised STATUS_ACCESS_VIOLATION")
    machine.user.page_out(source)
    target.write(bytes(64))
    assert str(machine.call("CopyFromUser", target, source, source.size)).startswith("returned")
    assert target.read(source.size) == source.read()
