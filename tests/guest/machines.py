# SPDX-License-Identifier: GPL-2.0-or-later
"""Booted machines, one a profile and process, and the profiles that tests go through."""

import functools

from emu import Machine, Profile
from emu.profile import CPU_MODELS, SMAP_POLICIES

ALL_PROFILES = tuple(
    str(Profile(cpu, policy))
    for cpu, model in CPU_MODELS.items()
    for policy in (SMAP_POLICIES if model.smap else ("off",))
)
"""Every CPU model with every SMAP policy that it can have."""

EVERY_KIND = ("nehalem", "skylake-server", "skylake-server,smap=permit", "skylake-server,smap=off", "epyc-rome")
"""One profile for each way that the routines can take: SMAP window or none, `rep movsb` or none, AC set or clear."""

WITH_SMAP_POLICIES = ("nehalem", *(str(Profile("skylake-server", policy)) for policy in SMAP_POLICIES))
"""A CPU without SMAP, and one with it under each policy."""


@functools.cache
def _booted(profile: str) -> Machine:
    return Machine(profile)


def fresh_machine(profile: str = "skylake-server") -> Machine:
    """Return the machine of a profile as it was after boot. Whoever sets a checkpoint boots one of their own."""
    machine = _booted(profile)
    machine.reset()
    return machine
