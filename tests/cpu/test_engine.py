# SPDX-License-Identifier: GPL-2.0-or-later
"""What the profile says of a CPU model is what the guest learns from CPUID."""

import pytest

from emu.cpu.engine import ENGINE_MODELS
from emu.profile import CPU_MODELS
from tests.cpu.guest import Guest

CPUID = "0fa2 f4"  # cpuid; hlt
FEATURES, EXTENDED_FEATURES = 1, 7
RDRAND_ECX = 30
FSGSBASE_EBX, SMEP_EBX, ERMS_EBX, SMAP_EBX = 0, 7, 9, 20


def bit(value: int, number: int) -> bool:
    return bool(value >> number & 1)


def test_every_model_has_an_engine_model() -> None:
    assert list(ENGINE_MODELS) == list(CPU_MODELS)


@pytest.mark.parametrize("name", CPU_MODELS)
def test_cpuid_agrees_with_the_profile(name: str) -> None:
    guest, model = Guest(name), CPU_MODELS[name]
    guest.run(CPUID, rax=EXTENDED_FEATURES, rcx=0)
    features = guest["rbx"]
    assert (bit(features, SMEP_EBX), bit(features, SMAP_EBX), bit(features, ERMS_EBX)) == (
        model.smep,
        model.smap,
        model.erms,
    )
    assert bit(features, FSGSBASE_EBX) == model.smep
    guest.run(CPUID, rax=FEATURES, rcx=0)
    assert bit(guest["rcx"], RDRAND_ECX) == model.rdrand


@pytest.mark.parametrize("name", CPU_MODELS)
@pytest.mark.parametrize("smap", ["enforce", "permit", "off"])
def test_cr4_is_what_the_profile_asks_for(name: str, smap: str) -> None:
    guest = Guest(name, smap)
    guest.run("0f20e0 f4")  # mov rax, cr4; hlt
    assert bit(guest["rax"], 20) == CPU_MODELS[name].smep
    assert bit(guest["rax"], 21) == (CPU_MODELS[name].smap and smap != "off")
