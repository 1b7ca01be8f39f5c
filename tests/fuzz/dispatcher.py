# SPDX-License-Identifier: GPL-2.0-or-later
"""Exceptions in a guest whose unwind data, scope tables, cookies, stack and structures are damaged.

The guest's frames are of every kind; the call in their midst faults, or is one of the kernel's exports with arguments
that are nobody's. What filters, `__finally` blocks and handlers answer, and what they write over, is the input's, too.
"""

from __future__ import annotations

from typing import Final

from emu.address import PAGE_SIZE, Gva
from emu.image import ImageError
from emu.memory.page_table import PageState
from tests.fuzz.edits import edit
from tests.fuzz.framed_guest import EVERY_CALL, SCRATCH_SIZE, TARGETS, Poke, framed_guest, make_plan, target_number
from tests.fuzz.health import History, check_message, check_repeatable
from tests.fuzz.record import Input, make_input

_EDIT_KINDS: Final = 6
_EDIT, _TARGET, _ARGUMENT, _POKE, _SCRATCH, _ANSWER, _PAGE, _OWN_CODE = 0, *range(_EDIT_KINDS, _EDIT_KINDS + 7)
_KINDS: Final = 16
_STATES: Final = (PageState.RESIDENT, PageState.NONE, PageState.GUARD, PageState.PAGED_OUT, PageState.UNMAPPED)
_MOST_POKES: Final = 8
_UNGUARDED, _AT_DISPATCH_LEVEL, _OWN_FUNCTIONS_SHIFT = 1, 2, 2

# One input for each call that the frames stand around, with its first arguments in the scratch area.
SEEDS: Final = (
    make_input(),
    make_input([0], (_ANSWER, 0, 0, 0)),
    make_input([0], (_ANSWER, 255, 0, 0)),
    make_input([_UNGUARDED], (_ANSWER, 0, 0, 0), (_ANSWER, 0, 1, 0), (_ANSWER, 0, 2, 0)),
    make_input([0], (_POKE | 16 * 2, 0, 0x71F, 0)),
    *(make_input([0] * 7 + [profile], (_ANSWER, answer, 0, 0)) for profile in (1, 2) for answer in (1, 255)),
    *(
        make_input(
            [0],
            (_TARGET, 0, target_number(target), 0),
            (_ARGUMENT, how, frame_argument, frame),
            (_ARGUMENT, 2, 1, 11),
            (_ARGUMENT, 9, record_argument, record),
        )
        for target, frame_argument, record_argument in (
            *(("RtlUnwindEx", 0, 2), ("RtlUnwind", 0, 2)),
            *(("longjmp", 1, 0), ("RtlRestoreContext", 2, 1), ("RtlRaiseException", 1, 0)),
        )
        for how, frame in ((0, 0), (8, 0), (8, 2), (8, 5), (8, 6))
        for record in range(3)
    ),
    *(
        make_input(
            [0],
            (_TARGET, 0, target_number(target), 0),
            *((_ARGUMENT, 3, index, structure) for index, structure in enumerate(arguments)),
        )
        for target in TARGETS
        for arguments in ((), (0, 1, 2, 3), (1, 0, 3, 4), (3, 4, 1, 0, 1, 5, 5))
    ),
)


def run(data: bytes) -> None:
    """Dispatch, and now and then once more."""
    check_repeatable(_dispatch, data)


def _dispatch(data: bytes) -> History | None:
    source = Input.decode(data)
    guest = framed_guest(source.header)
    image_edits = [record for record in source.records if record.kind % _KINDS < _EDIT_KINDS]
    module = guest.module
    if image_edits:
        content = bytearray(guest.image.mapped())
        for record in image_edits:
            edit(content, guest.fields, record._replace(kind=record.kind % _KINDS))
        try:
            module = guest.damaged_module(bytes(content))
        except ImageError as error:
            check_message(error)
            guest.watched.check_reset()
            return None
    memory = guest.machine._system.memory
    plan = make_plan(guest.module["read_byte"], (guest.bad.address,))
    plan.own_code_is = source.header[0] >> _OWN_FUNCTIONS_SHIFT & 7
    guest.write_scratch(module)
    code = bytearray()
    for record in source.records:
        verb, value = record.kind % _KINDS, guest.address(module, record.small, record.value) & EVERY_CALL
        if verb == _TARGET:
            plan.target = value if record.small else guest.target(record.selector)
        elif verb == _ARGUMENT:
            plan.arguments[record.selector % 8] = value
        elif verb == _POKE and plan.poke_count < _MOST_POKES:
            call = record.selector >> 8 & 7
            offset = 8 * (record.selector & 0xFF) if record.kind >> 4 else value
            plan.pokes[plan.poke_count] = Poke(EVERY_CALL if call == 7 else call, record.kind >> 4 & 7, offset, value)
            plan.poke_count += 1
        elif verb == _SCRATCH:
            at = record.selector * 4 % (SCRATCH_SIZE - 8)
            memory.write(Gva(module["scratch"] + at), value.to_bytes(8, "little"))
        elif verb == _ANSWER:
            signed = record.small - 256 if record.small & 0x80 else record.small
            (plan.answers if record.selector & 4 == 0 else plan.dispositions)[record.selector & 3] = signed
        elif verb == _PAGE:
            page = guest.bad.address if record.selector & 1 else guest.machine._system.stack.low
            page += (record.selector >> 1) % (2 if record.selector & 1 else 6) * PAGE_SIZE
            memory.set_state(Gva(page), _STATES[record.small % len(_STATES)])
        elif verb == _OWN_CODE:
            code += record.value.to_bytes(8, "little")[: record.small % 8 + 1]
    if code:
        guest.write_own_code(module, bytes(code))
    outcome = guest.run(
        module, plan, guarded=not source.header[0] & _UNGUARDED, irql=2 if source.header[0] & _AT_DISPATCH_LEVEL else 0
    )
    guest.watched.check_outcome(outcome)
    history = outcome, guest.machine.events
    guest.watched.check_reset()
    return history
