# SPDX-License-Identifier: GPL-2.0-or-later
"""The machine: a booted system with its checkpoint, as tests and tools use it."""

from __future__ import annotations

import contextlib
import dataclasses
import inspect
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from emu.address import Gva
from emu.cpu import registers as r
from emu.events import Event
from emu.faults import Fault, Injector, parse_fault
from emu.image import Module, UnknownSymbol
from emu.kernel.call import Caller
from emu.kernel.explanation import Explanation
from emu.kernel.pool import Pool
from emu.kernel.stack import UserStack
from emu.kernel.stubs import ExportCall, ExportFunction
from emu.kernel.system import ACCESSOR_IMAGE, KERNEL_MODE, USER_MODE, System
from emu.memory.buffer import Buffer
from emu.memory.half import Half
from emu.memory.layout import SYSTEM_RANGE_START
from emu.memory.ram import DEFAULT_SIZE
from emu.outcome import Bugchecked, Dispatch, Outcome, Returned
from emu.profile import Profile

if TYPE_CHECKING:
    from emu.checks.checker import Checker
    from emu.checks.configuration import Suppressions
    from emu.checks.finding import Finding
    from emu.checks.hookspec import CallRequest
    from emu.checks.registry import Selection
    from emu.checks.unwind_data import UnwindProof
    from emu.trace import Trace
    from emu.trace.replay import Replay
    from emu.trace.run_log import RunLog

ExportT = TypeVar("ExportT", bound=Callable[..., Any])

DEFAULT_BUDGET = 1_000_000
"""Blocks that a call may run; a `rep` iteration counts one."""

BUGCHECKED = "the machine has bugchecked; only reset() brings it back"


class MachineStopped(RuntimeError):
    """The machine bugchecked, or was closed: only `reset()` is allowed, or nothing."""


class Machine:
    """A guest with user and kernel memory, booted.

    `checks` says which checks look at its calls, see `emu.checks`: `"default"`, `"all"`, or names; by default none
    does. `plugins` are further ones, objects with hooks of `emu.checks.hookspec`, and `accessors` names routines of
    one's own that touch user memory as a documented accessor does: `{"my_copy": "CopyFromUser"}`.

    Raises `ProfileError` for a profile that does not exist (a text form is taken too), `CheckError` for a check that
    does not, `EngineError` where the engine cannot be used.
    """

    def __init__(
        self,
        profile: Profile | str | None = None,
        *,
        ram_size: int = DEFAULT_SIZE,
        checks: Selection | None = None,
        plugins: Iterable[object] = (),
        accessors: Mapping[str, str] | None = None,
        suppressions: Suppressions | None = None,
    ) -> None:
        if isinstance(profile, str):
            profile = Profile.parse(profile)
        self._system = System(profile or Profile(), ram_size)
        self._caller = Caller(self._system)
        self._stopped = ""
        self._symbols: dict[str, Gva] = {}
        self._injector: Injector | None = None
        self._log: RunLog | None = None
        self._replays: list[Replay] = []
        self._checker: Checker | None = None
        self._check_log: RunLog | None = None
        self._load_accessors()
        self._checkpoint = self._system.checkpoint()
        self._resets_to_boot = True
        if checks is not None or plugins:
            self.check(checks, plugins=plugins, accessors=accessors, suppressions=suppressions)

    def _load_accessors(self) -> None:
        if self.profile.kernel_has_primitives:
            # Like the library, the kernel finds out once what its primitives need to know, and that is at boot.
            self._initialise(self._system.kernel["KiUserAccessFindFeatures"])
        self._initialise(self._system.load(ACCESSOR_IMAGE)["DriverEntry"])

    def _initialise(self, function: Gva) -> None:
        outcome = self._call_address(function, ())
        if not isinstance(outcome, Returned):
            raise RuntimeError(f"the accessor library does not initialise: {outcome}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the machine's memory back; it must not be used afterwards."""
        if self._checker is not None:
            self._checker.machine_closes()
            self._checker = None
        self._stopped = "the machine is closed; boot another one"
        if self._log is not None:
            self._log.finish()
        self._resets_to_boot = False
        self._system.close()

    def check(
        self,
        checks: Selection | None,
        *,
        plugins: Iterable[object] = (),
        accessors: Mapping[str, str] | None = None,
        suppressions: Suppressions | None = None,
    ) -> None:
        """Have other checks look at the calls from now on, None: no checks; what was found until now is gone.

        The parameters are those of the machine. Raises `CheckError`.
        """
        from emu.checks.checker import Checker  # noqa: PLC0415 (few machines check anything)

        self._check_running()
        self._end_check_log()
        self._checker = None
        if checks is not None or plugins:
            checker = Checker(
                self, checks, plugins, accessors=accessors, suppressions=suppressions, replays=self._replays
            )
            checker.begin()
            self._checker = checker

    def declare_accessor(self, routine: str, as_: str = "CopyFromUser") -> None:
        """Tell the checks, if there are any, that a routine touches user memory as a documented accessor does.

        Raises `CheckError` for one that is none.
        """
        if self._checker is not None:
            self._checker.declare_accessor(routine, as_)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What the checks found in the calls since boot or the last reset, each thing once; see `checks=`.

        Calls that no check has looked at yet are looked at now.
        """
        if self._checker is None:
            return ()
        self._end_check_log()
        return self._checker.findings

    @property
    def system(self) -> System:
        """The booted system itself, for what is built on a machine."""
        return self._system

    @property
    def profile(self) -> Profile:
        """CPU model and kernel policy."""
        return self._system.profile

    @property
    def user(self) -> Half:
        """User memory."""
        return self._system.user

    @property
    def kernel(self) -> Half:
        """Kernel memory."""
        return self._system.kernel_data

    @property
    def user_stack(self) -> UserStack:
        """The user stack of the current thread."""
        return self._system.user_stack

    @property
    def modules(self) -> tuple[Module, ...]:
        """The loaded modules, in order of address; the kernel and the accessor library are the first."""
        return self._system.modules.modules

    @property
    def irql(self) -> int:
        """The IRQL as the last call left it."""
        return self._system.cpu.irql

    @property
    def registers(self) -> dict[str, int]:
        """The registers as the last call left them: rax to r15, rip, rflags, mxcsr, xmm0 to xmm15."""
        cpu = self._system.cpu
        values = dict(zip(r.GPR_NAMES, cpu.registers[:16].tolist(), strict=True))
        values |= {"rip": cpu.registers[r.RIP], "rflags": cpu.registers[r.RFLAGS], "mxcsr": cpu.mxcsr}
        xmm = bytes(cpu.xmm)
        for number in range(16):
            values[f"xmm{number}"] = int.from_bytes(xmm[number * 16 : number * 16 + 16], "little")
        return values

    @property
    def events(self) -> tuple[Event, ...]:
        """What happened in the last call, in order."""
        return tuple(self._system.events)

    @property
    def debug_output(self) -> list[str]:
        """What guest code printed with DbgPrint and its relatives, a text a call, since boot or the checkpoint."""
        return list(self._system.debug_output)

    @property
    def pool(self) -> Pool:
        """The kernel's pool; `machine.pool.outstanding` is what was allocated and not freed."""
        return self._system.pool

    @property
    def previous_mode(self) -> int:
        """What ExGetPreviousMode answers: 1 UserMode, as after boot, or 0 KernelMode. `reset` brings it back."""
        return self._system.previous_mode

    @previous_mode.setter
    def previous_mode(self, mode: int) -> None:
        if mode not in (KERNEL_MODE, USER_MODE):
            raise ValueError(f"previous mode {mode!r} does not exist; there are 0 (KernelMode) and 1 (UserMode)")
        self._system.previous_mode = mode

    @property
    def resets_to_boot(self) -> bool:
        """Whether `reset` goes back to boot: no checkpoint was made since, no export added, nothing closed."""
        return self._resets_to_boot

    def load(self, image: Path | str) -> Module:
        """Load an image; its exports are in scope of `call` from then on.

        Its imports are linked against the kernel's exports and those of `export`. Raises `ImageError` for a
        malformed file, `MissingImports` with all the names that nobody provides, OSError for a file that cannot be
        read.
        """
        self._check_running()
        self._symbols.clear()
        module = self._system.load(Path(image))
        if self._checker is not None:
            self._checker.module_loaded(module)
        return module

    def resolve(self, symbol: str) -> Gva:
        """Return the address of a symbol: the module loaded last wins. Raises `UnknownSymbol`."""
        found = self._symbols.get(symbol)
        if found is not None:
            return found
        modules = sorted(self.modules, key=lambda module: module.base, reverse=True)
        for module in modules:
            is_kernel = module is self._system.kernel
            export = self._system.stubs.find(symbol) if is_kernel else None
            hidden = is_kernel and self._system.hides(symbol)
            if export is None and not hidden and (symbol in module.image.exports or symbol in module):
                export = module[symbol]
            if export is not None:
                self._symbols[symbol] = export
                return export
        names = [name for module in modules for name in module.image.exports if not name.startswith("Ki")]
        names += self._system.stubs.names
        raise UnknownSymbol("the loaded modules", symbol, names)

    def call(
        self,
        function: str | int,
        *arguments: int | Buffer,
        guarded: bool = True,
        irql: int = 0,
        budget: int = DEFAULT_BUDGET,
    ) -> Outcome:
        """Call guest code by the Windows x64 convention and return how it ended.

        `function` is a symbol or an address. A guarded call has a frame with an `__except` around it, so that an
        exception ends as `Raised`; unguarded, one that nobody handles is a bugcheck. `budget` counts blocks, filters
        and handlers included, and each event, a frame searched among them, as a block. Raises `UnknownSymbol`,
        TypeError for an argument that is no integer and no Buffer, ValueError for more arguments, an IRQL or a budget
        that cannot be, and `MachineStopped` after a bugcheck.
        """
        self._check_running()
        address = self.resolve(function) if isinstance(function, str) else Gva(operator.index(function))
        values = [
            argument.address if isinstance(argument, Buffer) else operator.index(argument) for argument in arguments
        ]
        if self._checker is None:
            return self._call_address(address, values, guarded=guarded, irql=irql, budget=budget)
        from emu.checks.hookspec import CallRequest  # noqa: PLC0415

        buffers = tuple(
            argument if isinstance(argument, Buffer) else self._buffer_beginning_at(value)
            for argument, value in zip(arguments, values, strict=True)
        )
        return self._call_checked(self._checker, CallRequest(address, tuple(values), buffers, guarded, irql, budget))

    def _buffer_beginning_at(self, address: int) -> Buffer | None:
        """Return the buffer that an integer argument is the address of."""
        half = self.user if address < SYSTEM_RANGE_START else self.kernel
        return next((buffer for buffer in half.buffers if buffer.address == address), None)

    def _call_checked(self, checker: Checker, request: CallRequest) -> Outcome:
        self._begin_check_log(checker)
        checker.call_begins(request)
        outcome: Outcome | None = None
        try:
            outcome = self._call_address(
                request.address, request.arguments, guarded=request.guarded, irql=request.irql, budget=request.budget
            )
            return outcome
        finally:
            checker.call_ended(self._log, outcome)

    def _begin_check_log(self, checker: Checker) -> None:
        """Have a log for the next call, unless there is one, or somebody else has one."""
        if self._check_log is not None and (checker.is_full or self._check_log.finished):
            self._end_check_log()
        if self._log is None and checker.looks_at_calls and self._system.cpu.log is None:
            from emu.trace.run_log import RunLog  # noqa: PLC0415

            self._log = self._check_log = RunLog(self._system)

    def _end_check_log(self) -> None:
        """End the log that is there for the checks alone, and have them look at it."""
        log, self._check_log = self._check_log, None
        if log is None or self._checker is None:
            return
        if self._log is log:
            self._log = None
        log.finish()
        self._checker.look_at(log)
        self._checker.forget_log()

    def call_plainly(
        self, address: Gva, arguments: Sequence[int], *, irql: int = 0, budget: int = DEFAULT_BUDGET
    ) -> Outcome:
        """Make a guarded call whose outcome explains nothing, for whoever makes a million of them and traces none.

        No check looks at it. Raises as `call` does, but for what only mistaken types and symbols raise.
        """
        self._check_running()
        self._end_check_log()
        outcome = self._caller.call(address, arguments, guarded=True, irql=irql, budget=budget)
        if isinstance(outcome, Bugchecked):
            self._stopped = BUGCHECKED
        return outcome

    def _call_address(
        self,
        address: Gva,
        arguments: Sequence[int],
        *,
        guarded: bool = True,
        irql: int = 0,
        budget: int = DEFAULT_BUDGET,
    ) -> Outcome:
        outcome: Outcome | None = None
        try:
            outcome = self._caller.call(address, arguments, guarded=guarded, irql=irql, budget=budget)
            if isinstance(outcome, Bugchecked):
                self._stopped = BUGCHECKED
            explanation = Explanation(self._system)
            outcome = dataclasses.replace(outcome, dispatch=Dispatch(tuple(self._system.events), explanation))
            return outcome
        finally:
            if self._log is not None:
                self._log.call_ended(address, tuple(arguments), outcome)

    def _check_running(self) -> None:
        if self._stopped:
            raise MachineStopped(self._stopped)

    def inject(self, fault: Fault | str, **buffers: Buffer | int) -> None:
        """Arm a fault from now on, `machine.inject("none@src+37", src=source)`; the names in it are keyword arguments.

        A page state is the whole page's: it strikes at byte 37 where that begins a page, else at the first byte of its
        page that is touched. Accesses, instructions and allocations are counted from now on; `reset` disarms what still
        waits. Raises `FaultError` for a fault that cannot be read or whose byte is not allocated.
        """
        self._check_running()
        if self._injector is None:
            self._injector = Injector(self._system, self.resolve, self._is_in_function)
        self._injector.inject(parse_fault(fault) if isinstance(fault, str) else fault, buffers)

    def _is_in_function(self, function: str, address: int) -> bool:
        from emu.trace.selection import code_range  # noqa: PLC0415 (NumPy takes its time to import)

        begin, end = code_range(self.modules, self.resolve, function)
        return begin <= address < end

    def export(self, name: str) -> Callable[[ExportT], ExportT]:
        """Make a Python function an export of the kernel: `@machine.export("ZwQuerySomething")`.

        It gets as many integer arguments as it has parameters, and returns RAX, None for 0. Images loaded afterwards
        can import it; one of the kernel's own exports is replaced for the images that are loaded already, too, unless
        it is guest code of the kernel image, as `memcpy` is.
        """
        self._check_running()

        def add(function: ExportT) -> ExportT:
            self._resets_to_boot = False
            self._symbols.clear()
            self._system.add_export(name, _python_export(function))
            return function

        return add

    def prove_unwind_data(self, *modules: Module) -> UnwindProof:
        """Prove unwind data by execution: `with machine.prove_unwind_data(module) as proof: machine.call(...)`.

        Every instruction of the modules that the calls inside reach is unwound from, and the result compared with the
        caller as it really was; `proof.findings` has what is wrong, `proof.coverage` what was reached. The guest
        cannot tell. Raises ValueError without a module, or for one that is not loaded.
        """
        from emu.checks.unwind_data import UnwindProof  # noqa: PLC0415 (few machines check anything)

        self._check_running()
        loaded = self.modules
        if not modules or any(module not in loaded for module in modules):
            names = ", ".join(module.name for module in loaded)
            raise ValueError(f"name modules that are loaded here, as machine.load() returns them; loaded: {names}")
        return UnwindProof(self._caller.run_loop, modules)

    @property
    def proves_unwind_data(self) -> bool:
        """Whether a proof of unwind data is under way."""
        return self._caller.run_loop.observer is not None

    @contextlib.contextmanager
    def trace(
        self,
        *only: str | Module | tuple[int, int],
        begin: str | int | None = None,
        end: str | int | None = None,
        user_only: bool = False,
        last: int | None = None,
    ) -> Iterator[Trace]:
        """Trace what runs in a `with` block: `with machine.trace() as trace: machine.call(...)`.

        The guest runs as fast as ever; the trace is made of its log when it is first asked, behind the block. `only`
        has the code whose instructions it is to have, as symbols of functions, modules, or (first address, address
        behind the last); without it, all code. It begins at each execution of the instruction at `begin` and ends
        before `end`, symbols or addresses. `user_only` leaves out accesses to kernel pages, `last` all but so many
        instructions. Raises `UnknownSymbol`, and `TraceError` where a trace is being taken already.
        """
        from emu.cpu.recorder import Filter  # noqa: PLC0415
        from emu.trace.selection import code_address, code_range  # noqa: PLC0415 (NumPy takes its time to import)
        from emu.trace.take import begin_trace  # noqa: PLC0415

        self._check_running()
        filtered = Filter(
            tuple(code_range(self.modules, self.resolve, item) for item in only),
            None if begin is None else code_address(self.resolve, begin),
            None if end is None else code_address(self.resolve, end),
            user_only,
        )
        self._end_check_log()
        if self._checker is None or last is not None or any(filtered):
            log, trace = begin_trace(self._system, filtered, last, self._replays)
        else:
            log, trace = self._checker.begin_trace()
        self._log = log
        try:
            yield trace
        finally:
            self._log = None
            log.finish()
            if self._checker is not None:
                self._checker.look_at(log, trace)

    def checkpoint(self) -> None:
        """Make the state as it is what `reset` goes back to. Boot is the first checkpoint; the last one counts."""
        self._check_running()
        self._checkpoint = self._system.checkpoint()
        self._resets_to_boot = False
        if self._checker is not None:
            self._checker.checkpoint_made()

    def reset(self) -> None:
        """Go back to the last checkpoint: memory, registers, IRQL, page states, modules and buffers.

        A buffer allocated since raises `StaleBuffer` when it is used.
        """
        if self._stopped.startswith("the machine is closed"):
            raise MachineStopped(self._stopped)
        self._stopped = ""
        if self._injector is not None:
            self._injector.clear()
        if self._system.reset(self._checkpoint):
            self._symbols.clear()
        if self._checker is not None:
            log, self._check_log = self._check_log, None
            if log is not None:
                self._log = None if self._log is log else self._log
                log.finish()
            self._checker.machine_reset()


def _python_export(function: Callable[..., Any]) -> ExportFunction:
    parameters = inspect.signature(function).parameters.values()
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    if any(parameter.kind not in kinds for parameter in parameters):
        raise ValueError(f"{function.__name__}: an export has positional parameters only, one for each argument")
    count = len(parameters)

    def export(call: ExportCall) -> int | None:
        result: int | None = function(*(call.argument(index) for index in range(count)))
        return result

    return export
