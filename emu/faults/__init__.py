# SPDX-License-Identifier: GPL-2.0-or-later
"""Faults: what goes wrong at which byte, as objects and as text."""

from emu.faults.fault import KINDS, AddressPlace, BufferPlace, Fault, FaultError, Place
from emu.faults.injector import FaultNotSupported, inject
from emu.faults.parser import parse_fault

__all__ = [
    "KINDS",
    "AddressPlace",
    "BufferPlace",
    "Fault",
    "FaultError",
    "FaultNotSupported",
    "Place",
    "inject",
    "parse_fault",
]
