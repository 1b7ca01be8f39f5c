# SPDX-License-Identifier: GPL-2.0-or-later
"""The judge of copies from user memory: what must have happened follows from the case and the contract alone.

The contract is docs/reference/copy-from-user.md. Of several mistakes the worst names the class: a bugcheck, a timeout,
what the emulator cannot run, a wrong ending, wrong data, a state that leaks, and last a fault without an effect.
"""

from __future__ import annotations

from typing import Final

from emu.campaign.judge.expectation import Expectation, expect
from emu.campaign.judge.judged_data import describe_data, landed_prefix
from emu.campaign.judge.judged_flips import undo_flips
from emu.campaign.judge.judged_outcome import (
    describe_touch,
    judge_ending,
    landing_bounds,
    touched_outside,
    was_swallowed,
)
from emu.campaign.judge.judged_state import describe_state, is_kept
from emu.campaign.judge.observation import Observation
from emu.campaign.judge.user_oracle import Judge, OracleError, load_oracle
from emu.campaign.judge.verdict import CORRECT, Verdict, VerdictClass
from emu.outcome import Bugchecked, Returned

__all__ = ["Judge", "OracleError", "judge_copy", "load_oracle"]

_BEFORE_WRONG_DATA: Final = frozenset(
    (VerdictClass.BUGCHECK, VerdictClass.TIMEOUT, VerdictClass.EMULATOR_ERROR, VerdictClass.WRONG_STATUS)
)


def judge_copy(observation: Observation) -> Verdict:
    """Judge a copy from user memory."""
    case = observation.case
    expectation = expect(case, observation.source_address)
    if expectation.plain:
        return _judge(observation, expectation)
    flips = undo_flips(observation, expectation.limit)
    verdict = _judge(flips.observation, expectation)
    if flips.complaint and verdict.kind not in _BEFORE_WRONG_DATA:
        return Verdict(VerdictClass.WRONG_DATA, flips.complaint)
    if verdict.kind is VerdictClass.CORRECT:
        if flips.missed:
            return Verdict(VerdictClass.MASKED, f"{flips.missed} never struck, although the byte landed")
        if expectation.upset:
            return Verdict(VerdictClass.MASKED, f"{' and '.join(map(str, case.faults))} changed nothing")
    return verdict


def _judge(observation: Observation, expectation: Expectation) -> Verdict:
    outcome = observation.outcome
    length = observation.case.length
    if type(outcome) is Returned:
        if not expectation.completes or (observation.events and was_swallowed(observation)):
            return _judge_return(observation, expectation)
        least = most = length
    else:
        bounds = landing_bounds(observation, expectation)
        if bounds is None:
            return judge_ending(observation, expectation)
        least, most = bounds
    prefix = landed_prefix(observation.content, observation.region, most)
    if prefix is None or not least <= prefix <= most:
        return Verdict(VerdictClass.WRONG_DATA, describe_data(observation.content, observation.region, least, most))
    if type(outcome) is Bugchecked:
        return CORRECT  # the machine has stopped: nobody gets anything back
    leak = _leak(observation, expectation.irqls)
    return Verdict(VerdictClass.STATE_LEAK, leak) if leak else CORRECT


def _judge_return(observation: Observation, expectation: Expectation) -> Verdict:
    """Judge a return where the copy must not have returned."""
    length, faults = observation.case.length, observation.case.faults
    if landed_prefix(observation.content, observation.region, length) == length and not observation.events and faults:
        leak = _leak(observation, expectation.irqls)
        if leak:
            return Verdict(VerdictClass.STATE_LEAK, leak)
        named = " and ".join(str(fault) for fault in faults)
        return Verdict(VerdictClass.MASKED, f"{named} had no effect: every byte landed, and nothing was raised")
    return judge_ending(observation, expectation)


def _leak(observation: Observation, irqls: tuple[int, ...]) -> str:
    """Say what is not as it was; empty where all is."""
    before, after = observation.before, observation.after
    if not is_kept(before, after) and (changes := describe_state(before, after, irqls)):
        return changes
    content, source = observation.content, observation.source
    if source != content:
        at = next(at for at, byte in enumerate(content) if source[at] != byte)
        return f"byte {at} of the source was written: it is {source[at]:#04x}, was {content[at]:#04x}"
    if observation.pages_written:
        pages = ", ".join(f"{page:#x}" for page in observation.pages_written)
        return f"it wrote to memory that is not the target's: {pages}"
    if observation.events:
        trap = touched_outside(observation)
        if trap is not None:
            return describe_touch(observation, trap)
    return ""
