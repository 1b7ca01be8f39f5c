# SPDX-License-Identifier: GPL-2.0-or-later
"""Which `__try` blocks are around an activation, in whichever frame."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.checks.captured import Captured

SOURCE = """
#include <ntddk.h>
#define NOINLINE __attribute__((noinline))

volatile ULONG Asked;

NOINLINE void Leaf(ULONG value)
{
    if (value == 1)
        ExRaiseStatus(STATUS_UNSUCCESSFUL);
    Asked = value;
}

NOINLINE ULONG Between(ULONG value)
{
    Leaf(value);
    return 1;
}

ULONG Plain(ULONG value)
{
    return Between(value) + 1;
}

ULONG WithExcept(ULONG value)
{
    __try {
        return Between(value) + 1;
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        return 0;
    }
}

ULONG WithFinally(ULONG value)
{
    __try {
        value = Between(value) + 1;
    } __finally {
        Asked = 2;
    }
    return value;
}

ULONG InTheFilter(ULONG value)
{
    __try {
        ExRaiseStatus(STATUS_UNSUCCESSFUL);
    } __except (Between(value)) {
        return 3;
    }
    return 0;
}

ULONG InTheFilterOfACallee(ULONG value)
{
    __try {
        return InTheFilter(value) + 1;
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        return 0;
    }
}

ULONG InAFinallyOfAnUnwind(ULONG value)
{
    __try {
        __try {
            ExRaiseStatus(STATUS_UNSUCCESSFUL);
        } __finally {
            Between(value);
        }
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        return 0;
    }
    return 1;
}
"""


@pytest.fixture(scope="module")
def captured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Captured]:
    made = Captured()
    exports = "".join(
        f'__asm__(".section .drectve,\\"yn\\"\\n.ascii \\" /EXPORT:{name}\\"\\n.text");\n' for name in (*CATCH, "Leaf")
    )
    made.load(tmp_path_factory.mktemp("guards"), SOURCE + exports, ".c")
    yield made
    made.machine.close()


CATCH = {
    "Plain": False,
    "WithExcept": True,
    "WithFinally": False,
    "InTheFilter": False,
    "InTheFilterOfACallee": True,
    "InAFinallyOfAnUnwind": True,
}


@pytest.mark.parametrize("function", CATCH)
def test_what_is_around_a_leaf(captured: Captured, function: str) -> None:
    call = captured.call(function, 0)
    entry = captured.machine.resolve("Leaf")
    leaf = next(each for each in call.tree.activations if each.entry == entry)
    assert call.guards.callers_catch(leaf) is CATCH[function]
    assert call.guards.catches(leaf, entry) is CATCH[function]


def test_the_hosts_own_frame_does_not_count(captured: Captured) -> None:
    call = captured.call("Plain", 0)
    assert call.callee is not None
    assert not call.guards.callers_catch(call.callee)


def test_each_frame_in_words(captured: Captured) -> None:
    call = captured.call("WithFinally", 0)
    entry = captured.machine.resolve("Leaf")
    leaf = next(each for each in call.tree.activations if each.entry == entry)
    first, second, third = call.guards.describe(leaf, entry)
    assert (first, second) == ("in guest!Leaf: no exception handler", "in guest!Between: no exception handler")
    assert third.startswith("in guest!WithFinally: only __try/__finally (")
