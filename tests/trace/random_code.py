# SPDX-License-Identifier: GPL-2.0-or-later
"""Random programs that do a good deal before they end: arithmetic, every width of access, repeats, loops, faults,
stores into their own code."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from typing import Final, NamedTuple

BUFFER: Final = 0x2000
"""Bytes of each buffer: two pages."""

_ARITHMETIC: Final = (0x01, 0x09, 0x11, 0x19, 0x21, 0x29, 0x31, 0x39, 0x85)
_FREE: Final = (0, 2, 3, 5)
"""rax, rdx, rbx, rbp: what nothing addresses with."""
_PLAIN: Final = tuple(
    bytes.fromhex(code)
    for code in (
        *("f5", "f8", "f9", "9f", "9e", "90", "fc", "4898", "4899", "0fc8", "480fcb", "d3e0", "48d3eb", "c1e805"),
        *("d1d8", "c0c003", "0fa4d003", "480facd807", "48f7e3", "480fafc3", "f7d8", "48f7d3", "0f94c0", "480f42c3"),
        *("0fb6c3", "480fbec3", "480fbcc3", "480fa3d8", "0fbae803", "f30fb8c3", "9c58", "9c80e4fe9d", "0f31", "0fa2"),
        *("660fefc0", "0f58c8", "f20f5ec8", "f30f2ac8", "660fd4c8", "0f57d2", "66480f6ec0", "66480f7ec8", "660f76c0"),
        *("dbe3", "d9e8", "d9ee", "dec1", "ddd8", "440f20c0", "53505b58", "e80000000058", "33c98ec1"),
    )
)
"""At most flags, rax, rdx, rbx, rcx, XMM and x87 registers change."""
_CLOCK: Final = bytes.fromhex("0f31")
_LOADS: Final = ("8a06", "668b06", "8b06", "488b1e", "f30f6f06", "0f1206", "480fb71e", "3a06", "480306", "0fb706", "ac")
_STORES: Final = (
    *("8807", "668907", "8907", "48891f", "f30f7f07", "0f1307", "c60755", "48c70701020304", "480fc31f", "0fe707"),
    *("480107", "ff07", "48f71f", "f0480fc11f", "48871f", "f00fb11f", "480fc70f", "0fba2f05", "d007", "ff378f07"),
    *("0f2907", "aa", "48ab", "0f9507", "d9e8db3f", "0fae5f00", "660fe707", "ff3658"),
)
_REPEATS: Final = ("f3a4", "f348a5", "f3aa", "f348ab", "f2ae", "f3a6", "f348a7", "f2a6", "f3ac", "66f3a5")
_ENDS: Final = ("0f0b", "cc", "31c9f7f1", "f4", "cd2c", "0f30", "8b0425f0ffff7f", "488b042500000000", "ff2425ffffffff")


class RandomCode(NamedTuple):
    """A program, as the function of where it and its buffers lie."""

    seed: int
    reads_clock: bool = True
    """Whether it may hold rdtsc."""

    def assemble(self, code: int, user: int, kernel: int) -> bytes:
        """Return its bytes, for the addresses that it is to work on."""
        choose = random.Random(self.seed)
        changes = choose.random() < 0.5
        plain = _PLAIN if self.reads_clock else tuple(each for each in _PLAIN if each != _CLOCK)
        return _Assembler(choose, plain, changes, code, user, kernel).program()


class _Assembler:
    def __init__(
        self, choose: random.Random, plain: tuple[bytes, ...], changes: bool, code: int, user: int, kernel: int
    ) -> None:
        self._choose = choose
        self._plain_code = plain
        self._changes = changes
        self._code = code
        self._buffers = user, kernel
        self._bytes = bytearray()

    def program(self) -> bytes:
        """Return pieces one after the other, and a `ret`."""
        pieces: tuple[tuple[Callable[[], None], int], ...] = (
            (self._plain, 8),
            (self._arithmetic, 8),
            (self._load, 6),
            (self._store, 6),
            (self._repeat, 3),
            (self._loop, 2),
            (self._branch, 4),
            (self._change, 3 if self._changes else 0),
            (self._straight, 1),
        )
        makers, weights = zip(*pieces, strict=True)
        for _ in range(self._choose.randint(4, 30)):
            self._choose.choices(makers, weights)[0]()
        if self._choose.random() < 0.3:
            self._bytes += bytes.fromhex(self._choose.choice(_ENDS))
        self._bytes += b"\xc3"
        return bytes(self._bytes)

    def _plain(self) -> None:
        self._bytes += self._choose.choice(self._plain_code)

    def _arithmetic(self) -> None:
        to, by = self._choose.choice(_FREE), self._choose.choice(_FREE)
        prefix = self._choose.choice((b"", b"\x48", b"\x66"))
        self._bytes += prefix + bytes((self._choose.choice(_ARITHMETIC), 0xC0 | by << 3 | to))

    def _point(self, register: int) -> None:
        """mov rsi or rdi, somewhere in a buffer: often at the page boundary in its midst, seldom outside."""
        middle = BUFFER // 2
        at = self._choose.choice(
            (self._choose.randrange(BUFFER - 64), middle - self._choose.randrange(20), middle & -16)
        )
        if self._choose.random() < 0.02:
            at = BUFFER - 3
        self._bytes += bytes((0x48, 0xB8 + register)) + struct.pack("<Q", self._choose.choice(self._buffers) + at)

    def _load(self) -> None:
        self._point(6)
        self._bytes += bytes.fromhex(self._choose.choice(_LOADS))

    def _store(self) -> None:
        self._point(6)
        self._point(7)
        self._bytes += bytes.fromhex(self._choose.choice(_STORES))

    def _repeat(self) -> None:
        self._point(6)
        self._point(7)
        self._bytes += b"\xb9" + struct.pack("<I", self._choose.choice((0, 1, 2, 5, 17)))
        self._bytes += bytes.fromhex(self._choose.choice(_REPEATS))

    def _loop(self) -> None:
        """mov r8d, n; …; dec r8d; jnz back."""
        self._bytes += b"\x41\xb8" + struct.pack("<I", self._choose.randint(1, 6))
        begin = len(self._bytes)
        for _ in range(self._choose.randint(1, 4)):
            self._choose.choice((self._plain, self._arithmetic, self._load, self._store))()
        self._bytes += b"\x41\xff\xc8"
        self._bytes += b"\x0f\x85" + struct.pack("<i", begin - len(self._bytes) - 6)

    def _branch(self) -> None:
        """A conditional jump over a few instructions."""
        self._bytes += bytes((0x70 | self._choose.randrange(16), 0))
        begin = len(self._bytes)
        for _ in range(self._choose.randint(1, 3)):
            self._choose.choice((self._plain, self._arithmetic))()
        self._bytes[begin - 1] = len(self._bytes) - begin

    def _change(self) -> None:
        """Write the immediate of a `mov bl, …` that lies a little ahead, or has run already."""
        ahead = bytes.fromhex("b301")
        before = self._choose.random() < 0.5
        if before:
            self._bytes += ahead
        target = self._code + len(self._bytes) - 1
        filler = b"".join(self._choose.choice(_PLAIN[:6]) for _ in range(self._choose.randrange(4)))
        store = bytes.fromhex(self._choose.choice(("41c60077", "41800003", "418800", "41fe00")))
        if not before:
            target = self._code + len(self._bytes) + 10 + len(store) + len(filler) + 1
        self._bytes += b"\x49\xb8" + struct.pack("<Q", target) + store + filler
        if not before:
            self._bytes += ahead

    def _straight(self) -> None:
        """A long way without a branch."""
        one = self._choose.choice((b"\x90", b"\xff\xc0", b"\x48\x01\xd8", b"\x48\x89\x1c\x24", b"\x48\x01\x1c\x24"))
        self._bytes += b"\x53" + one * self._choose.choice((60, 130, 300, 520)) + b"\x5b"
