# SPDX-License-Identifier: GPL-2.0-or-later
"""How instructions hand control on."""

from __future__ import annotations

import pytest

from emu.trace.control_flow import Flow, flow_of
from tests.trace.made import loop_code


@pytest.mark.parametrize(
    ("encoding", "flow"),
    [
        ("88 01", Flow.NEXT),  # mov [rcx], al
        ("f3 a4", Flow.NEXT),  # rep movsb
        ("f0 48 ff 01", Flow.NEXT),  # lock inc qword ptr [rcx]
        ("75 f0", Flow.JUMP),
        ("eb fe", Flow.JUMP),
        ("e3 02", Flow.JUMP),  # jrcxz
        ("e2 fe", Flow.JUMP),  # loop
        ("ff 25 00 00 00 00", Flow.JUMP),  # jmp qword ptr [rip]
        ("f2 eb fe", Flow.JUMP),  # bnd jmp
        ("e8 00 00 00 00", Flow.CALL),
        ("ff d0", Flow.CALL),
        ("ff 15 00 00 00 00", Flow.CALL),  # call qword ptr [rip]
        ("cc", Flow.NEXT),  # int3
        ("0f 05", Flow.CALL),  # syscall
        ("c3", Flow.RETURN),
        ("c2 08 00", Flow.RETURN),
        ("f3 c3", Flow.RETURN),  # repz ret
        ("48 cf", Flow.RETURN),  # iretq
        ("f4", Flow.STOP),
        ("ff ff ff", Flow.NEXT),  # no instruction
    ],
)
def test_flow_goes_by_the_mnemonic(encoding: str, flow: Flow) -> None:
    assert flow_of(loop_code()[0]._replace(bytes=bytes.fromhex(encoding))) is flow
