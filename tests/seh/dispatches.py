# SPDX-License-Identifier: GPL-2.0-or-later
"""A dispatcher without a machine: a made-up image and stack, and a hand on each step of the generators."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from emu.address import Gva
from emu.events import Event
from emu.memory.errors import NotMapped
from emu.nt.exception_record import pack_exception_record
from emu.outcome import make_record
from emu.seh import frames as f
from emu.seh.context import RSP, Context
from emu.seh.environment import Environment, HostHandler, StackLimits
from emu.seh.frames import GuestFrames
from emu.seh.handler_call import PendingException
from emu.seh.requests import Request, Steps
from emu.seh.virtual_unwind import ImageUnwinder
from tests.seh.unwind_images import IMAGE_BASE, MASK, Image, Memory, allocate, encode_unwind_info

STACK = StackLimits(0xFFFF_9000_0000_0000, 0xFFFF_9000_0000_8000)
TOP = STACK.high - 0x1000
"""RSP at the exception."""

FRAMES = GuestFrames(*(Gva(0xFFFF_F900_0000_0000 + 0x10 * number) for number in range(len(GuestFrames._fields))))
HANDLER = Gva(IMAGE_BASE + 0x900)
"""Where the language handler of `Program.function` is."""

FRAME_SIZE = 0x38


class BoundedMemory(Memory):
    """Memory that ends: below the stack, and in the first page, there is nothing."""

    def _check(self, address: int) -> None:
        if address & MASK < 0x1000 or STACK.low - 0x10000 <= address & MASK < STACK.low:
            raise NotMapped(Gva(address))

    def read(self, address: int, size: int) -> bytes:
        self._check(address)
        return super().read(address, size)

    def write(self, address: int, data: bytes) -> None:
        self._check(address)
        super().write(address, data)


class LoadedImage(ImageUnwinder):
    """A made-up image, loaded at `IMAGE_BASE`."""

    base = IMAGE_BASE

    def __init__(self, image: Image) -> None:
        super().__init__(IMAGE_BASE, image, image.read)

    @property
    def cookie_address(self) -> Gva | None:
        return None

    def entry_address(self, pc: Gva) -> int:
        return IMAGE_BASE + 0x3000


@dataclass
class Program:
    """Functions of 100h bytes with a frame of 38h bytes each, one called from the other."""

    image: Image = field(default_factory=Image)
    memory: BoundedMemory = field(default_factory=BoundedMemory)
    events: list[Event] = field(default_factory=list)
    host_handlers: dict[int, HostHandler] = field(default_factory=dict)
    count: int = 0

    def function(self, flags: int = 0, data: bytes = b"", handler: int = HANDLER - IMAGE_BASE) -> int:
        """Add a function; `flags` says in which phases its handler wants to be asked. Returns its RVA."""
        begin, unwind = 0x100 * (self.count + 1), 0x1000 + 0x100 * self.count
        self.count += 1
        tail = handler.to_bytes(4, "little") + data if flags else b""
        self.image.place(unwind, encode_unwind_info([allocate(4, FRAME_SIZE)], flags=flags, prolog=4, tail=tail))
        self.image.function(begin, begin + 0x100, unwind)
        for offset, byte in enumerate(self.image.data[unwind : unwind + 0x80]):
            self.memory.written[IMAGE_BASE + unwind + offset] = byte
        return begin

    def environment(self) -> Environment:
        image = LoadedImage(self.image)

        def find(pc: int) -> LoadedImage | None:
            return image if IMAGE_BASE <= pc < IMAGE_BASE + 0x4000 else None

        return Environment(self.memory, FRAMES, find, self.host_handlers.get, self.events.append, STACK)

    def exception(self, *functions: int, code: int = 0xC000_0005, flags: int = 0) -> PendingException:
        """Return an exception in the first function, called by the second, and so on; the last by nobody."""
        stack_pointer = TOP
        for caller in (*functions[1:], None):
            address = stack_pointer + FRAME_SIZE
            self.memory.write_u64(address, 0 if caller is None else IMAGE_BASE + caller + 0x20)
            stack_pointer = address + 8
        context = Context(rip=IMAGE_BASE + functions[0] + 0x20)
        context.gpr[:] = [0x1000 + number for number in range(16)]
        context.gpr[RSP] = TOP
        records = f.records_below(TOP)
        exception = PendingException(
            make_record(code, flags, context.rip, (1, 2)),
            records + f.EXCEPTION_RECORD,
            context,
            records + f.ORIGINAL_CONTEXT,
        )
        self.memory.write(exception.record_address, pack_exception_record(code, flags, 0, context.rip, (1, 2)))
        self.memory.write(exception.context_address, context.pack())
        return exception


RECORDS = f.records_below(TOP)


def frame_of(depth: int) -> int:
    """Return the establisher frame of the function that is so many calls above the exception."""
    return TOP + depth * (FRAME_SIZE + 8)


def run(steps: Steps, answers: Sequence[int | Callable[[Request], int]] = ()) -> tuple[list[Request], int | None]:
    """Send the answers to a generator's requests; return the requests, and its result or None where it waits still."""
    requests: list[Request] = []
    remaining = list(answers)
    try:
        request = next(steps)
        while True:
            requests.append(request)
            if not remaining:
                return requests, None
            answer = remaining.pop(0)
            request = steps.send(answer(request) if callable(answer) else answer)
    except StopIteration as stop:
        return requests, stop.value
