# SPDX-License-Identifier: GPL-2.0-or-later
"""One accessor, as its documentation has it and as its name says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["function", "macro"]
Mode = Literal["user", "mode", "kernel"]
Direction = Literal["in", "out", "in/out"]
Side = Literal["user", "mode", "kernel", "value"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of an accessor."""

    name: str
    type: str
    """The C type, `""` for a macro's."""
    direction: Direction
    """`in` is read and `out` written; of a pointer, what it points to."""
    side: Side
    """Whose memory a pointer points to: the user's, what Mode says, or the kernel's. `value`: it is no pointer."""

    @property
    def declaration(self) -> str:
        """How it stands in the signature."""
        if not self.type:
            return self.name
        pointee = self.type.removesuffix("*")
        return f"{self.type} {self.name}" if pointee == self.type else f"{pointee} *{self.name}"


@dataclass(frozen=True, slots=True)
class Accessor:
    """One name of the family."""

    name: str
    kind: Kind
    """A macro is in the header alone; a function is a routine of the library."""
    family: str
    """A key of `FAMILIES`."""
    mode: Mode
    """`user`: the User form. `mode`: it takes a Mode. `kernel`: it is about kernel pointers."""
    returns: str
    """The C type that it returns, `""` for a macro."""
    parameters: tuple[Parameter, ...]
    summary: str
    irql: str | None
    """The highest IRQL, as documented; None where the documentation is silent (then that of the callers holds)."""
    order: str
    """`relaxed`, `acquire`, `release` or `full barrier`; `""` where it accesses nothing."""
    type: str
    """The C type of what it accesses, `""` where the caller gives a length, a structure or a string."""
    width: int | None
    """Bytes that it accesses, None where the caller or the string decides."""
    one_access: bool
    """It accesses all bytes at once."""
    primitive: str | None
    """The primitive beneath with UserMode, itself for a primitive; None where there is none."""
    kernel_mode_primitive: str | None
    """The primitive beneath with KernelMode: only a source that is always the user's needs one."""
    user_form: str | None
    """The User form of a Mode form."""
    calls: tuple[str, ...]
    """The functions that a macro calls."""
    clauses: tuple[str, ...]
    """Keys of `CLAUSES`."""
    notes: tuple[str, ...]

    @property
    def signature(self) -> str:
        """The declaration in C; of a macro, its name and parameters."""
        if self.kind == "macro":
            return f"{self.name}({', '.join(parameter.name for parameter in self.parameters)})"
        declared = ", ".join(parameter.declaration for parameter in self.parameters)
        return f"{self.returns} {self.name}({declared})"

    @property
    def user_parameters(self) -> tuple[Parameter, ...]:
        """The pointers to user memory, those that Mode decides about among them."""
        return tuple(parameter for parameter in self.parameters if parameter.side in ("user", "mode"))

    @property
    def takes_mode(self) -> bool:
        """Whether a parameter is a KPROCESSOR_MODE."""
        return any(parameter.name == "Mode" for parameter in self.parameters)

    def parameter(self, name: str) -> Parameter:
        """Return the parameter of that name; raises KeyError."""
        for parameter in self.parameters:
            if parameter.name == name:
                return parameter
        raise KeyError(name)
