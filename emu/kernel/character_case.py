# SPDX-License-Identifier: GPL-2.0-or-later
"""Upper and lower case of the kernel's characters: simple, locale-independent, from one character to one character.

The ANSI code page is ISO 8859-1: byte n is the character U+00nn. A byte whose upper case has none stays as it is.
"""


def upcase(unit: int) -> int:
    """Return a 16-bit character in upper case."""
    return _single(chr(unit).upper(), unit) if not _is_surrogate(unit) else unit


def downcase(unit: int) -> int:
    """Return a 16-bit character in lower case."""
    return _single(chr(unit).lower(), unit) if not _is_surrogate(unit) else unit


def upcase_ansi(byte: int) -> int:
    """Return a character of the ANSI code page in upper case."""
    upper = upcase(byte)
    return upper if upper <= 0xFF else byte


def _is_surrogate(unit: int) -> bool:
    return 0xD800 <= unit <= 0xDFFF


def _single(mapped: str, unit: int) -> int:
    """Return the one 16-bit character that a mapping gives, or where it gives none, the character itself."""
    return ord(mapped) if len(mapped) == 1 and ord(mapped) <= 0xFFFF else unit
