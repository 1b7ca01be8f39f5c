# SPDX-License-Identifier: GPL-2.0-or-later
"""Locks that are held, by the exports that were called."""

from __future__ import annotations

import pytest

from emu.address import Gva
from emu.campaign.judge.what_if_locks import KINDS, held_locks
from emu.events import Event, ExportCalled, Landed
from emu.kernel.exports import EXPORTS


def called(*names: str) -> list[Event]:
    return [ExportCalled(name, Gva(0x100 + index)) for index, name in enumerate(names)]


def test_every_name_is_an_export() -> None:
    for kind in KINDS:
        names = kind.acquires | kind.tries | kind.releases
        assert names <= EXPORTS.keys()
        assert len(names) == len(kind.acquires) + len(kind.tries) + len(kind.releases)


@pytest.mark.parametrize(
    ("names", "held"),
    [
        ([], {}),
        (["ExAcquireFastMutex", "ExReleaseFastMutex"], {}),
        (["ExAcquireFastMutex"], {"fast mutex": (0x100,)}),
        (
            ["ExAcquireFastMutexUnsafe", "DbgPrint", "ExAcquireFastMutex", "ExReleaseFastMutex"],
            {"fast mutex": (0x100,)},
        ),
        (
            ["KeAcquireGuardedMutex", "KeAcquireSpinLockRaiseToDpc", "ExFreePool"],
            {"spin lock": (0x101,), "guarded mutex": (0x100,)},
        ),
        (["KeReleaseGuardedMutex", "KeAcquireGuardedMutex"], {"guarded mutex": (0x101,)}),
        (["KeAcquireSpinLockAtDpcLevel", "KeReleaseSpinLockFromDpcLevel"], {}),
        (["ExAcquireFastMutex", "ExTryToAcquireFastMutex"], {}),
        (["ExTryToAcquireFastMutex", "KeAcquireGuardedMutexUnsafe"], {"guarded mutex": (0x101,)}),
    ],
)
def test_what_is_held(names: list[str], held: dict[str, tuple[int, ...]]) -> None:
    assert held_locks([*called(*names), Landed(Gva(1), Gva(2))]) == held
