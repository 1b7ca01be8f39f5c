# SPDX-License-Identifier: GPL-2.0-or-later
"""The booted system: processor, memory, images, stacks and exports, and what they are together."""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple

from emu.accessors.primitives import PRIMITIVES
from emu.address import ADDRESS_MASK, PAGE_SHIFT, PAGE_SIZE, Gva
from emu.cpu import registers as r
from emu.cpu.native_core import BUILT
from emu.cpu.processor import Processor, Snapshot
from emu.events import Event
from emu.image import Module
from emu.kernel.apc_disable import ApcDisable
from emu.kernel.exports import EXPORTS
from emu.kernel.guest_fault import GuestFault
from emu.kernel.intervention import Intervention
from emu.kernel.modules import ModuleList, ModulesMark, read_image
from emu.kernel.pool import Pool, PoolMark
from emu.kernel.stack import UserStack, map_kernel_stack
from emu.kernel.stubs import AFTER_CALL, ExportFunction, StubTable
from emu.memory import layout
from emu.memory import page_table as pt
from emu.memory.address_space import AddressSpace, Mark
from emu.memory.errors import NotMapped
from emu.memory.half import Half, HalfMark
from emu.memory.page_table import PageState
from emu.memory.ram import DEFAULT_SIZE, Ram
from emu.profile import Profile
from emu.seh.c_specific_handler import c_specific_handler
from emu.seh.context import Context
from emu.seh.environment import Environment, HostHandler
from emu.seh.frames import GuestFrames
from emu.seh.gs_handler_check import GsHandlerCheck
from emu.seh.thunk_handlers import collided_unwind_handler, nested_exception_handler

KERNEL_IMAGE: Final = BUILT / "ntoskrnl.exe"
ACCESSOR_IMAGE: Final = BUILT / "umaccess.sys"

KERNEL_MODE: Final = 0
USER_MODE: Final = 1
"""KPROCESSOR_MODE: whom the kernel code of a call acts for."""

ARGUMENT_REGISTERS: Final = (r.RCX, r.RDX, r.R8, r.R9)


class Checkpoint(NamedTuple):
    """What `System.reset` goes back to."""

    processor: Snapshot
    memory: Mark
    modules: ModulesMark
    user: HalfMark
    kernel: HalfMark
    pool: PoolMark
    debug_output: int
    previous_mode: int
    apc_disable: ApcDisable


class SystemNotBuilt(RuntimeError):
    """The system images are missing; the message says how to build them."""


class System:
    """A booted guest. `emu.kernel.run_loop.RunLoop` runs it."""

    def __init__(self, profile: Profile, ram_size: int = DEFAULT_SIZE) -> None:
        self.profile = profile
        self.ram = Ram(ram_size)
        self.cpu = Processor(profile, self.ram.address, self.ram.size)
        self.memory = AddressSpace(self.ram, self.cpu.flush_tlb, self.cpu.drop_all_translations)
        self.modules = ModuleList(self.memory, layout.images())
        self.kernel = self._load_kernel()
        self.stubs = StubTable(self.kernel)
        for name in sorted(EXPORTS):
            self.stubs.add(name, EXPORTS[name])
        self.stack = map_kernel_stack(self.memory, layout.kernel_stacks())
        user_arena = layout.user_data()
        self.user_stack = UserStack(self.memory, user_arena)
        self.user = Half("user", self.memory, user_arena, user=True)
        self.kernel_data = Half("kernel", self.memory, layout.kernel_data(), user=False)
        self.pool = Pool(self.memory, layout.kernel_pool(), self.ram.frames // 2)
        self.debug_output: list[str] = []
        """What DbgPrint and its relatives printed, a text a call."""
        self.previous_mode = USER_MODE
        """What ExGetPreviousMode answers: calls stand for system calls of a user program."""
        self.current_thread = self.kernel["KiInitialThread"]
        self.apc_disable = ApcDisable()
        self.events: list[Event] = []
        self.intervention: Intervention | None = None
        """Who makes things go wrong; None: nobody."""
        self.gs_handler_check = GsHandlerCheck(self.kernel["KiReportGsFailure"], c_specific_handler)
        self._host_handlers: dict[int, HostHandler] = {
            self.kernel["__C_specific_handler"]: c_specific_handler,
            self.kernel["KiNestedExceptionHandler"]: nested_exception_handler,
            self.kernel["KiCollidedUnwindHandler"]: collided_unwind_handler,
        }
        for name, handler in (
            ("__GSHandlerCheck", self.gs_handler_check.plain),
            ("__GSHandlerCheck_SEH", self.gs_handler_check.with_scopes),
        ):
            self._host_handlers[self.stubs.address_of(name)] = handler
        self.trap_entry_return = self.kernel["KiTrapEntryReturn"]
        self.environment = Environment(
            self.memory, self._frames(), self.modules.find, self.host_handler, self.events.append, self.stack
        )
        self.cpu.start(
            self.memory.root,
            self.kernel["KiGlobalDescriptorTable"],
            self.kernel["KiUnreachable"],
            self.memory.read_available,
        )

    def _load_kernel(self) -> Module:
        if not KERNEL_IMAGE.is_file():
            raise SystemNotBuilt(
                f"{KERNEL_IMAGE.name} is not built; run `make setup` in a checkout, or install the wheel"
            )
        return self.modules.load(read_image(KERNEL_IMAGE), lambda name: None)

    def _frames(self) -> GuestFrames:
        kernel = self.kernel
        return GuestFrames(
            records_return=kernel["KiDispatchExceptionReturn"],
            search_thunk=kernel["KiExecuteHandlerForException"],
            search_thunk_return=kernel["KiExecuteHandlerForExceptionReturn"],
            unwind_thunk=kernel["KiExecuteHandlerForUnwind"],
            unwind_thunk_return=kernel["KiExecuteHandlerForUnwindReturn"],
            handler_stub_return=Gva(kernel["__C_specific_handler"] + AFTER_CALL),
            consolidation_return=kernel["KiConsolidateFramesReturn"],
        )

    def load(self, path: Path) -> Module:
        """Load an image and link it against the kernel and what was loaded before."""
        return self.modules.load(read_image(path), self.resolve)

    def resolve(self, name: str) -> Gva | None:
        """Return the address of an export of the kernel, a function or a variable."""
        address = self.stubs.find(name)
        if address is None and name in self.kernel.image.exports and not self.hides(name):
            return self.kernel[name]
        return address

    def hides(self, name: str) -> bool:
        """Tell whether the kernel image has a routine that a kernel of this profile does not have."""
        return name in PRIMITIVES and not self.profile.kernel_has_primitives

    def exported_address(self, name: str) -> Gva | None:
        """Return the address of an export, as `resolve` does, but of none that is the kernel image's own."""
        return None if name.startswith("Ki") and self.stubs.find(name) is None else self.resolve(name)

    def add_export(self, name: str, function: ExportFunction) -> Gva:
        """Add an export, or replace one."""
        return self.stubs.add(name, function)

    def host_handler(self, address: Gva) -> HostHandler | None:
        """Return the host's language handler at an address, also behind an image's import thunk."""
        handlers = self._host_handlers
        return handlers.get(address) or handlers.get(self.modules.linked.get(address, 0))

    def argument_register(self, index: int) -> int:
        """Return one of the first four arguments of the call under way."""
        return self.cpu.registers[ARGUMENT_REGISTERS[index]]

    def current_context(self) -> Context:
        """Return the processor's registers as a context."""
        cpu = self.cpu
        registers = cpu.registers
        return Context(
            registers[:16].tolist(),
            registers[r.RIP],
            registers[r.RFLAGS] & 0xFFFF_FFFF,
            cpu.mxcsr,
            bytes(cpu.xmm),
        )

    def charge(self, blocks: int) -> None:
        """Count work of the host's against the budget of the call under way."""
        registers = self.cpu.registers
        registers[r.BUDGET] = max(0, registers[r.BUDGET] - blocks)

    def read_guest(self, address: Gva, size: int) -> bytes:
        """Read as kernel code would: raises `GuestFault` at the first byte that it could not touch."""
        self._check_touch(address, size, write=False)
        return self.memory.read(address, size)

    def write_guest(self, address: Gva, data: bytes) -> None:
        """Write as kernel code would: raises `GuestFault`, having written nothing."""
        self._check_touch(address, len(data), write=True)
        self.memory.write(address, data)

    def _check_touch(self, address: Gva, size: int, *, write: bool) -> None:
        at, end = int(address), address + size
        if size >= PAGE_SIZE:
            self.charge(size >> PAGE_SHIFT)
        smap = self.profile.smap_enabled and not self.cpu.registers[r.RFLAGS] & r.FLAG_AC
        while at < end:
            page = Gva(at & ADDRESS_MASK)
            try:
                entry = self.memory.entry(page)
            except NotMapped:
                raise GuestFault(page, write) from None
            if pt.page_state(entry) != PageState.RESIDENT or (write and not entry & pt.WRITABLE):
                raise GuestFault(page, write)
            if smap and entry & pt.USER:
                raise GuestFault(page, write)
            at = (at | 0xFFF) + 1

    def checkpoint(self) -> Checkpoint:
        """Make the state as it is the one that `reset` goes back to. Older checkpoints are gone."""
        memory = self.memory.checkpoint()
        if self.cpu.paging_changed:
            self.ram.checkpoint_all()
        return Checkpoint(
            self.cpu.snapshot(),
            memory,
            self.modules.mark,
            self.user.mark,
            self.kernel_data.mark,
            self.pool.checkpoint(),
            len(self.debug_output),
            self.previous_mode,
            self.apc_disable,
        )

    def reset(self, checkpoint: Checkpoint) -> bool:
        """Go back to the last checkpoint; tell whether modules went with it."""
        if self.cpu.paging_changed:
            self.ram.reset_all()
            self.cpu.drop_all_translations()
        self.memory.reset(checkpoint.memory)
        self.cpu.restore(checkpoint.processor)
        self.user.release_to(checkpoint.user)
        self.kernel_data.release_to(checkpoint.kernel)
        self.pool.release_to(checkpoint.pool)
        if len(self.debug_output) > checkpoint.debug_output:
            del self.debug_output[checkpoint.debug_output :]
        self.previous_mode = checkpoint.previous_mode
        self.apc_disable = checkpoint.apc_disable
        if not self.modules.release_to(checkpoint.modules):
            return False
        self.cpu.drop_all_translations()
        return True

    def close(self) -> None:
        """Give the engine's memory back."""
        self.cpu.close()
