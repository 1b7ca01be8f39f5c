# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether a `__try` block of some frame would catch an exception: by the scope tables, frame by frame."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Final

from emu.address import Gva
from emu.checks.call.code_kind import CodeKind
from emu.checks.call.tree import Activation
from emu.kernel.modules import ModuleUnwinder
from emu.nt.unwind import UNW_FLAG_EHANDLER, UnwindOp
from emu.seh.unwind_info import UnwindError

if TYPE_CHECKING:
    from emu.checks.call.checked_call import CheckedCall

_FILTER: Final = "filter or handler"
_CATCHES_NOTHING: Final = ("__GSHandlerCheck",)
"""Language handlers that only look."""


class Guards:
    """The `__try` blocks around the code of one call.

    A language handler without a scope table is taken to catch everything, and so is a machine frame: what it
    interrupted is not among the callers. The `__try` that asked a filter does not catch what happens in the filter: it
    asks it again. The frame with which the host calls does not count.
    """

    def __init__(self, call: CheckedCall) -> None:
        self._call = call
        self._outside: dict[tuple[Activation, Gva | None], bool] = {}
        self._at = functools.cache(self._catches)

    def catches(self, activation: Activation, pc: Gva) -> bool:
        """Tell whether an exception in an activation, at a place of its function, would find an `__except`."""
        return self._at(pc, None) or self.callers_catch(activation)

    def callers_catch(self, activation: Activation) -> bool:
        """Tell whether one that leaves an activation would."""
        return self._callers_catch(activation, None)

    def _callers_catch(self, activation: Activation, asked: Gva | None) -> bool:
        """Tell the same, but for the `__try` blocks that ask the filter at an address."""
        chain = []
        at: Activation | None = activation
        while at is not None and (at, asked) not in self._outside:
            chain.append(at)
            at = at.parent
        caught = at is not None and self._outside[at, asked]
        for each in reversed(chain):
            if each.parent is None:
                caught = False
            elif each.by == _FILTER:
                caught = self._at(self._resumed(each), each.entry) or self._callers_catch(each.parent, each.entry)
            elif not self._call.is_host_call(each) and not each.by_jump:
                caught = caught or self._at(self._resumed(each), asked)
            self._outside[each, asked] = caught
        return caught

    def _resumed(self, activation: Activation) -> Gva:
        """Return the pc of the frame below an activation: where it returns to, or what the host interrupted."""
        if activation.return_address is not None:
            return activation.return_address
        parent, call = activation.parent, self._call
        assert parent is not None
        ran = (call.tree.owner[: activation.begin] == parent.number).nonzero()[0]
        if not len(ran):
            return parent.entry
        last = int(ran[-1])
        is_call = bool(call.instructions.kind(last) & CodeKind.CALL) and not call.instructions.trapped[last]
        return Gva(int(call.instructions.rip[last]) + (len(call.instructions.encoding(last)) if is_call else 0))

    def describe(self, activation: Activation, pc: Gva) -> list[str]:
        """Return what each frame has around its code, a line each, the innermost first."""
        lines = []
        at: Activation | None = activation
        while at is not None and at.parent is not None:
            lines.append(f"in {self._call.function_name(pc)}: {self._around(pc)}")
            if at.by == _FILTER or self._call.is_host_call(at):
                break
            while at.by_jump and at.parent is not None:
                at = at.parent
            if self._call.is_host_call(at):
                break
            pc, at = self._resumed(at), at.parent
        return lines

    def _around(self, pc: Gva) -> str:
        blocks = self._call.explanation.try_blocks(pc)
        if blocks is None:
            return "no exception handler"
        if not blocks:
            return "no __try block here"
        return f"only {self._call.explanation.describe_scopes(pc).removeprefix('in ')}"

    def _catches(self, pc: Gva, asked: Gva | None) -> bool:
        blocks = self._call.explanation.try_blocks(pc)
        if blocks is not None:
            return any(not block.is_finally and (asked is None or block.filter != asked) for block in blocks)
        module = next((each for each in self._call.modules if each.contains(pc)), None)
        if module is None:
            return False
        unwinder = ModuleUnwinder(module, Gva(module.base))
        entry = unwinder.lookup(pc)
        if entry is None:
            return False
        try:
            chain = unwinder.chain(entry)
        except UnwindError:
            return False
        if any(code.op is UnwindOp.PUSH_MACHFRAME for info in chain.infos for code in info.codes):
            return True
        info = chain.primary_info
        if info.handler_rva is None or not info.flags & UNW_FLAG_EHANDLER:
            return False
        return self._call.explanation.handler_name(Gva(module.base + info.handler_rva)) not in _CATCHES_NOTHING
