# SPDX-License-Identifier: GPL-2.0-or-later
"""What instructions are, by their encodings."""

from __future__ import annotations

import pytest

from emu.checks.call.code_kind import CodeKind, cr8_source, kind_of


@pytest.mark.parametrize(
    ("encoding", "kind"),
    [
        ("90", 0),
        ("e800000000", CodeKind.CALL),
        ("ffd0", CodeKind.CALL),
        ("c3", CodeKind.RETURN),
        ("f3c3", CodeKind.RETURN),
        ("48cf", CodeKind.RETURN | CodeKind.LOADS_FLAGS),
        ("9d", CodeKind.LOADS_FLAGS),
        ("0f01cb", CodeKind.STAC),
        ("0f01ca", CodeKind.CLAC),
        ("fd", CodeKind.STD),
        ("fc", CodeKind.CLD),
        ("440f22c0", CodeKind.WRITES_CR8),
        ("440f20c0", 0),
        ("0f22d8", 0),
        ("a4", CodeKind.STRING),
        ("f3a4", CodeKind.STRING),
        ("f348ab", CodeKind.STRING),
        ("f2ae", CodeKind.STRING),
        ("660f2800", 0),
        ("f20f1000", 0),
        ("f00fb111", CodeKind.LOCKED),
        ("8701", CodeKind.LOCKED),
        ("87c1", 0),
        ("f4", CodeKind.HALT),
        ("06", 0),
    ],
)
def test_kinds(encoding: str, kind: int) -> None:
    assert kind_of(bytes.fromhex(encoding)) == kind


def test_a_move_of_scalars_is_no_string_instruction() -> None:
    assert kind_of(bytes.fromhex("f20f10c1")) == 0, "movsd xmm0, xmm1"


def test_the_source_of_cr8() -> None:
    assert cr8_source(bytes.fromhex("440f22c0")) == 0
    assert cr8_source(bytes.fromhex("450f22c1")) == 9
