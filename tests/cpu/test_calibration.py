# SPDX-License-Identifier: GPL-2.0-or-later
import re
import struct

import pytest
from unicorn import unicorn_const as uc
from unicorn import x86_const as x86
from unicorn.unicorn_py3.unicorn import UcError

from emu.cpu import calibration
from emu.cpu.calibration import IDLE, calibrate
from emu.cpu.engine import EngineError, SavedContext, engine_version
from tests.cpu.raw import ABSENT, Raw

BOTH_VERSIONS = rf"unicorn {re.escape(engine_version())} .*made for unicorn {re.escape(calibration.CALIBRATED_WITH)}"


def test_every_field_is_found() -> None:
    offsets = calibrate()
    assert all(offset > 0 for offset in offsets)
    assert len(set(offsets)) == len(offsets)


def test_the_offsets_name_what_they_say() -> None:
    offsets, raw = calibrate(), Raw()
    assert raw.run("8807", rdi=ABSENT) == 14  # mov [rdi], al
    raw.engine.reg_write(x86.UC_X86_REG_MXCSR, 0x3FBF)
    raw.engine.reg_write(x86.UC_X86_REG_XMM5, 0x0123_4567_89AB_CDEF)
    raw.run("440f22c0f4", rax=11)  # mov cr8, rax; hlt
    raw.engine.reg_write(x86.UC_X86_REG_EFLAGS, 0x8D7)
    context = SavedContext(raw.engine).save()
    assert struct.unpack_from("<Q", context, offsets.last_flags) == (0x8D5,)
    assert struct.unpack_from("<I", context, offsets.exception_in_flight) == (14,)
    assert struct.unpack_from("<I", context, offsets.error_code) == (2,)
    assert struct.unpack_from("<I", context, offsets.mxcsr) == (0x3FBF,)
    assert struct.unpack_from("<Q", context, offsets.xmm + 5 * offsets.xmm_stride) == (0x0123_4567_89AB_CDEF,)
    assert context[offsets.task_priority] == 11


def test_another_version_that_calibrates_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibration, "engine_version", lambda: "9.9.9")
    assert calibrate.__wrapped__() == calibrate()


@pytest.mark.parametrize(
    ("name", "value", "field"),
    [
        ("IDLE", IDLE - 1, "exception in flight"),
        ("HFLAGS_OSFXSR", 1 << 21, "cached CPU modes"),
        ("HFLAGS2_VIRTUAL_INTERRUPTS", 0, "task priority for the guest to read"),
    ],
)
def test_an_engine_of_another_layout_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, value: int, field: str
) -> None:
    monkeypatch.setattr(calibration, name, value)
    with pytest.raises(EngineError, match=f"{BOTH_VERSIONS}.*install unicorn") as refused:
        calibrate.__wrapped__()
    assert field in str(refused.value)


@pytest.mark.parametrize("missing", ["_find_mxcsr", "_find_xmm"])
def test_a_field_with_several_candidates_is_refused(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    monkeypatch.setattr(calibration, missing, lambda scratch: calibration._only("field", [4, 8]))
    with pytest.raises(EngineError, match=r"its field .*\(2 candidates; made for"):
        calibrate.__wrapped__()


def test_an_engine_that_fails_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise UcError(uc.UC_ERR_EXCEPTION)

    monkeypatch.setattr(calibration._Scratch, "run", fail)
    with pytest.raises(EngineError, match=rf"{BOTH_VERSIONS}\): Unhandled CPU"):
        calibrate.__wrapped__()
