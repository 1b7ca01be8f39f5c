# SPDX-License-Identifier: GPL-2.0-or-later
"""A compiler keeps every call of an accessor, and leaves every access to it."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from emu import Machine, Returned
from emu.accessors import FAMILY, Accessor
from emu.image import Module
from emu.trace import Trace
from tests.guest.header.compilation import EVERY_CONFIGURATION, Configuration, compile_text, link_driver
from tests.guest.header.every_name import CALLS, RECORD_SIZE, TEXT, caller_name, driver_text

KERNEL_MODE, USER_MODE = 0, 1

SAMPLE = (
    Configuration("c11", "msvc", "ddk", "-O2"),
    Configuration("c11", "gnu", "compiler", "-O0"),
    Configuration("c++17", "msvc", "compiler", "-O2 -flto"),
    Configuration("c++17", "gnu", "ddk", "-O3"),
)


@pytest.mark.parametrize("configuration", SAMPLE, ids=str)
def test_every_call_is_made_and_has_its_accesses_inside(
    machine: Machine, tmp_path: Path, configuration: Configuration
) -> None:
    _check(machine, tmp_path, configuration)


@pytest.mark.sweep
@pytest.mark.parametrize("configuration", [each for each in EVERY_CONFIGURATION if each not in SAMPLE], ids=str)
def test_every_call_in_every_configuration(machine: Machine, tmp_path: Path, configuration: Configuration) -> None:
    _check(machine, tmp_path, configuration)


class _Access(NamedTuple):
    is_write: bool
    size: int


def _check(machine: Machine, directory: Path, configuration: Configuration) -> None:
    compile_text(driver_text(configuration), directory / "driver.obj", configuration)
    callers = [caller_name(accessor) for accessor in FAMILY.values()]
    functions = [name for name, accessor in FAMILY.items() if accessor.kind == "function"]
    link_driver(directory / "driver.obj", directory / "driver.sys", configuration.target, [*callers, *functions])
    driver = machine.load(directory / "driver.sys")
    user = [machine.user.alloc(TEXT) for _ in range(2)]
    kernel = machine.kernel.alloc(TEXT)
    # The library looks for the kernel's own primitives at the first call of an accessor, and makes that call again.
    assert type(machine.call("CallCopyFromUser", *user, USER_MODE)) is Returned
    for accessor in FAMILY.values():
        for mode in (USER_MODE, KERNEL_MODE) if accessor.takes_mode else (USER_MODE,):
            by_side = {"user": user, "mode": user if mode == USER_MODE else [kernel, kernel]}
            accessed = [
                by_side[parameter.side][index].address for index, parameter in enumerate(accessor.user_parameters)
            ]
            for buffer in (*user, kernel):
                buffer.write(TEXT)
            with machine.trace() as trace:
                outcome = machine.call(caller_name(accessor), *[*accessed, 0, 0][:2], mode)
            assert type(outcome) is Returned, f"{accessor.name}: {outcome}"
            _check_trace(trace, driver, accessor, accessed)


def _check_trace(trace: Trace, driver: Module, accessor: Accessor, accessed: Sequence[int]) -> None:
    """Every call was made, and every access to what it accesses lies in it: of its width where it has one."""
    for name in accessor.calls or (accessor.name,):
        assert len(trace.where(rip=driver[name])) == CALLS, f"{accessor.name} does not call {name}"
    for parameter, begin in zip(accessor.user_parameters, accessed, strict=True):
        accesses = trace.accesses
        hits = (accesses["address"] < begin + RECORD_SIZE) & (accesses["address"] + accesses["size"] > begin)
        found = accesses[hits]
        assert len(found), f"{accessor.name} does not access {parameter.name}"
        by = {trace.code[trace.instructions[index]["code"]].symbol for index in found["instruction"].tolist()}
        assert not {symbol for symbol in by if symbol.startswith("Call")}, f"{accessor.name}: {parameter.name}"
        if accessor.one_access:
            width = accessor.width or 0
            one = [_Access(way == "out", width) for way in ("in", "out") if way in parameter.direction]
            # An interlocked operation other than a compare-exchange may take several of these.
            times = len(found) // 2 if accessor.order == "full barrier" and "Value" in accessor.signature else CALLS
            assert [_Access(bool(each["kind"]), int(each["size"])) for each in found] == one * times, accessor.name
            assert times >= CALLS
