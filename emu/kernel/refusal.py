# SPDX-License-Identifier: GPL-2.0-or-later
"""Says why nobody took an exception: what each frame with a language handler made of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from emu.address import Gva
from emu.events import (
    BugcheckRaised,
    DispatchFailed,
    Event,
    ExceptionRaised,
    FilterAnswered,
    FrameSearched,
    FrameUnwound,
)
from emu.nt.exception_record import describe_filter_answer

if TYPE_CHECKING:
    from emu.kernel.explanation import Explanation


def explain_refusal(explanation: Explanation, events: Sequence[Event]) -> str:
    """Return why the last exception of these events was accepted by no frame, in one sentence."""
    last = max((at for at, event in enumerate(events) if isinstance(event, ExceptionRaised)), default=-1)
    history = [event for event in events[last + 1 :] if not isinstance(event, BugcheckRaised)]
    if history and isinstance(history[-1], FrameUnwound):
        return "nobody was left to handle it: an exit unwind reached the end of the stack"
    frames = [event for event in history if isinstance(event, FrameSearched)]
    reasons = []
    for frame in frames:
        if frame.handler is None:
            continue
        establisher = frame.establisher
        answers = [each for each in history if isinstance(each, FilterAnswered) and each.establisher == establisher]
        why = _refusal(explanation, frame.pc, frame.handler, answers)
        reasons.append(f"{explanation.function_name(frame.pc)} ({why})")
    if (without := sum(frame.handler is None for frame in frames)) or not frames:
        reasons.append(f"{without} frame{'' if without == 1 else 's'} without a handler")
    text = f"no frame accepted it: {', '.join(reasons)}"
    if history and isinstance(history[-1], DispatchFailed):
        text += f"; the search ended at {explanation.locate(history[-1].pc)}: {history[-1].reason}"
    return text


def _refusal(explanation: Explanation, pc: Gva, handler: Gva, answers: Sequence[FilterAnswered]) -> str:
    if answers:
        return "its filter answered " + ", then ".join(describe_filter_answer(event.answer) for event in answers)
    blocks = explanation.try_blocks(pc)
    if blocks is None:
        return f"its handler {explanation.handler_name(handler)} passed it on"
    if not blocks:
        return "no __try block around it"
    return "only a __finally around it" if all(block.is_finally for block in blocks) else "its filter was not asked"
