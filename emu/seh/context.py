# SPDX-License-Identifier: GPL-2.0-or-later
"""The processor state that unwinding works on, and its form in guest memory."""

from struct import Struct

from emu.nt.context import CONTEXT_ALL, CONTEXT_SIZE

REGISTER_NAMES = (
    *("rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi"),
    *("r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"),
)
"""General registers in hardware order: the index is the register number of an unwind code."""

RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI = range(8)

KERNEL_CS = 0x10
KERNEL_SS = 0x18
_DATA_SELECTOR = 0x2B
_FS_SELECTOR = 0x53

_MXCSR_MASK = 0xFFFF
_DEFAULT_MXCSR = 0x1F80
# The x87 control word Windows starts every thread with: 53-bit precision, all masked.
_X87_CONTROL_WORD = 0x027F

_CONTEXT = Struct(
    "<48xII6HI48x"  # ContextFlags, MxCsr, CS DS ES FS GS SS, EFlags
    "16QQ"  # Rax to R15, Rip
    "H22xII128x256s"  # ControlWord, MxCsr, MxCsr_Mask, Xmm0 to Xmm15
    f"{CONTEXT_SIZE - 0x2A0}x"
)


class Context:
    """The registers of one frame.

    `gpr` holds 16 unsigned 64-bit integers in hardware order (rax rcx rdx rbx rsp rbp rsi rdi
    r8 to r15); `xmm` the 16 XMM registers as 256 immutable bytes, replaced as a whole on a
    write, so that copies share them. x87 and debug registers are not carried.
    """

    __slots__ = ("eflags", "gpr", "mxcsr", "rip", "xmm")

    def __init__(
        self,
        gpr: list[int] | None = None,
        rip: int = 0,
        eflags: int = 0x202,
        mxcsr: int = _DEFAULT_MXCSR,
        xmm: bytes = bytes(256),
    ) -> None:
        self.gpr = [0] * 16 if gpr is None else gpr
        self.rip = rip
        self.eflags = eflags
        self.mxcsr = mxcsr
        self.xmm = xmm

    def copy(self) -> "Context":
        """Return an independent copy."""
        return Context(self.gpr[:], self.rip, self.eflags, self.mxcsr, self.xmm)

    def pack(self, flags: int = CONTEXT_ALL) -> bytes:
        """Return the CONTEXT structure (0x4D0 bytes) with every part filled and these flags.

        The selectors are the kernel's; MxCsr stands in both of its places; x87 state is that of
        a fresh thread, debug registers are 0.
        """
        mxcsr = self.mxcsr
        return _CONTEXT.pack(
            flags,
            mxcsr,
            KERNEL_CS,
            _DATA_SELECTOR,
            _DATA_SELECTOR,
            _FS_SELECTOR,
            _DATA_SELECTOR,
            KERNEL_SS,
            self.eflags,
            *self.gpr,
            self.rip,
            _X87_CONTROL_WORD,
            mxcsr,
            _MXCSR_MASK,
            self.xmm,
        )

    @classmethod
    def unpack(cls, data: bytes) -> "Context":
        """Read a CONTEXT structure whatever its flags say; the MxCsr at 34h is the one that counts.

        Raises `struct.error` unless `data` has 0x4D0 bytes.
        """
        fields = _CONTEXT.unpack(data)
        return cls(list(fields[9:25]), fields[25], fields[8], fields[1], fields[29])

    def describe(self) -> str:
        """Return the registers as text, four a line, XMM registers that are not zero after them."""
        words = [f"rip {self.rip:016x}", f"eflags {self.eflags:08x}", f"mxcsr {self.mxcsr:08x}"]
        lines = ["  ".join(words)]
        named = [f"{name:>3} {value:016x}" for name, value in zip(REGISTER_NAMES, self.gpr, strict=True)]
        lines += ["  ".join(named[start : start + 4]) for start in range(0, 16, 4)]
        for number in range(16):
            value = int.from_bytes(self.xmm[16 * number : 16 * number + 16], "little")
            if value:
                lines.append(f"xmm{number} {value:032x}")
        return "\n".join(lines)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Context):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self.__slots__)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Context(rip=0x{self.rip:x}, rsp=0x{self.gpr[RSP]:x})"
