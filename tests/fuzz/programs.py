# SPDX-License-Identifier: GPL-2.0-or-later
"""Random programs at CPL 0, rich in system instructions: as the code that runs, a filter, a `__finally` or a handler.

Each record is an instruction. The header says whether the call is guarded, its IRQL, where the program stands and as
what it runs.
"""

from __future__ import annotations

from typing import Final

from tests.fuzz.framed_guest import framed_guest, make_plan
from tests.fuzz.health import History, check_repeatable
from tests.fuzz.instructions import SYSTEM, VALUES
from tests.fuzz.record import Input, Record, make_input

_LOAD, _KNOWN_LOAD, _SYSTEM, _RAW = range(4)
_MOVABS_RAX: Final = b"\x48\xb8"
_IRQLS: Final = (0, 0, 0, 0, 0, 1, 2, 15)
_UNGUARDED, _OUTSIDE = 1, 2
_ROLES_SHIFT: Final = 2

SEEDS: Final = (
    *(make_input([0], (_SYSTEM, 0, index, 0)) for index in range(len(SYSTEM))),
    *(make_input([_OUTSIDE], (_KNOWN_LOAD, index % 8, index, 0)) for index in range(len(VALUES))),
    *(
        make_input([0] * 7 + [profile], (_SYSTEM, 0, index, 0))
        for profile in (1, 2)
        for index in range(0, len(SYSTEM), 5)
    ),
    *(make_input([roles << _ROLES_SHIFT], (_SYSTEM, 0, 19, 0)) for roles in range(1, 8)),
)


def assemble(records: tuple[Record, ...], address: int) -> bytes:
    """Return the program's bytes; `address` is the memory that some of its registers are pointed at."""
    code = b""
    for record in records:
        match record.kind % 4:
            case 0:
                value = address + record.value % 0x1000 if record.selector & 1 else record.value
                code += _load(record.small, value)
            case 1:
                code += _load(record.small, VALUES[record.selector % len(VALUES)])
            case 2:
                code += SYSTEM[record.selector % len(SYSTEM)]
            case _:
                code += record.value.to_bytes(8, "little")[: record.small % 8 + 1]
    return code


def _load(register: int, value: int) -> bytes:
    return bytes((_MOVABS_RAX[0] | register >> 3 & 1, _MOVABS_RAX[1] + (register & 7))) + value.to_bytes(8, "little")


def run(data: bytes) -> None:
    """Run one program, and now and then once more."""
    check_repeatable(_run, data)


def _run(data: bytes) -> History:
    source = Input.decode(data)
    guest = framed_guest(source.header)
    choice = source.header[0]
    roles = choice >> _ROLES_SHIFT & 7
    scratch = guest.module["scratch"]
    guest.write_own_code(guest.module, assemble(source.records, scratch))
    program = guest.own_page.address if choice & _OUTSIDE else guest.module["own_code"]
    target = int(guest.module["read_byte"]) if roles else int(program)
    plan = make_plan(target, (guest.bad.address if roles else scratch, scratch, 64, guest.bad.address))
    plan.own_code_is = roles
    outcome = guest.run(guest.module, plan, guarded=not choice & _UNGUARDED, irql=_IRQLS[source.header[1] & 7])
    guest.watched.check_outcome(outcome)
    history = outcome, guest.machine.events
    guest.watched.check_reset()
    return history
