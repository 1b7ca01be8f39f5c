# SPDX-License-Identifier: GPL-2.0-or-later
"""PE images: reading them, and the names, source lines and functions in them."""

from emu.image.directories import Import
from emu.image.errors import ImageError, UnknownSymbol
from emu.image.function_table import FunctionTable, RuntimeFunction, TableFault
from emu.image.headers import Section
from emu.image.module import Module
from emu.image.pe import PeImage
from emu.image.source_lines import SourceLine

__all__ = [
    "FunctionTable",
    "ImageError",
    "Import",
    "Module",
    "PeImage",
    "RuntimeFunction",
    "Section",
    "SourceLine",
    "TableFault",
    "UnknownSymbol",
]
