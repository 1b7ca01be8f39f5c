# SPDX-License-Identifier: GPL-2.0-or-later
"""Faults: what goes wrong at which byte and when, as objects and as text."""

from emu.faults.fault import KINDS, AddressPlace, BufferPlace, Fault, FaultError, Place, UnitPlace
from emu.faults.injector import Injector
from emu.faults.parser import parse_fault
from emu.faults.schedule import Schedule

__all__ = [
    "KINDS",
    "AddressPlace",
    "BufferPlace",
    "Fault",
    "FaultError",
    "Injector",
    "Place",
    "Schedule",
    "UnitPlace",
    "parse_fault",
]
