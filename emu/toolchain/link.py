# SPDX-License-Identifier: GPL-2.0-or-later
"""Objects and archives to one kernel image."""

import dataclasses
import pathlib
import re
import shutil
from collections.abc import Mapping, Sequence

from emu.toolchain.coff import GlobalSymbol, archive_globals, object_globals, object_imports
from emu.toolchain.compiler import Toolchain, ToolFailed
from emu.toolchain.errors import GuestBuildError
from emu.toolchain.import_library import import_library

OBJECTS = (".obj", ".o")
ARCHIVES = (".lib", ".a")

IMAGE_BASE = 0xFFFF_F800_0000_0000
"""Where images are linked; the loader moves them, so every image keeps its relocations."""

LINK_FLAGS = (
    "/nologo",
    "/machine:x64",
    "/subsystem:native",
    f"/base:0x{IMAGE_BASE:X}",
    "/debug:dwarf",
    # Everything given stays, and two equal routines stay two.
    "/opt:noref,noicf",
    "/brepro",
    "/noimplib",
    "/nodefaultlib",
    "/lldignoreenv",
    # Code with floating point refers to this marker of the C runtime; a kernel image has none, and no use for it.
    "/alternatename:_fltused=__ImageBase",
)

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_$]*")


@dataclasses.dataclass(frozen=True)
class LinkInput:
    """An object or archive, and the name that its user knows it by."""

    path: pathlib.Path
    given: str


def link_image(
    toolchain: Toolchain,
    inputs: Sequence[LinkInput],
    image: pathlib.Path,
    *,
    export: Sequence[str],
    target: str,
    imports: Mapping[str, bool] | None,
    library: pathlib.Path | None,
) -> None:
    """Link a native-subsystem image that exports every global of the objects, and the names in `export`.

    The entry point is `DriverEntry` where an input defines it, else there is none. `imports` is what the kernel
    exports, each with whether it is data; None links against nothing. `library` is searched behind the inputs and
    before the kernel; what is imported outright never comes from it. Raises GuestBuildError with the linker's text,
    with each input named as it was given.
    """
    globals_of_objects: dict[str, GlobalSymbol] = {}
    archived: set[str] = set()
    imported: set[str] = set()
    for item in inputs:
        data = item.path.read_bytes()
        try:
            if item.path.suffix in ARCHIVES:
                archived |= archive_globals(data)
            else:
                globals_of_objects |= {symbol.name: symbol for symbol in object_globals(data)}
                imported |= object_imports(data)
        except ValueError as error:
            raise GuestBuildError(f"{item.given}: {error}") from error
    from_library = set() if library is None else archive_globals(library.read_bytes())
    for name in export:
        if name not in globals_of_objects and name not in archived and name not in from_library:
            given = ", ".join(item.given for item in inputs)
            raise GuestBuildError(f"export={name!r} is a global symbol of none of the sources: {given}")

    workspace = image.parent
    exports = [symbol for name, symbol in globals_of_objects.items() if _IDENTIFIER.fullmatch(name)]
    exports += [GlobalSymbol(name, False) for name in export if name not in {symbol.name for symbol in exports}]
    lines = [f'  "{symbol.name}"{" DATA" if symbol.is_data else ""}' for symbol in sorted(set(exports))]
    (workspace / "exports.def").write_text("\n".join(["EXPORTS", *lines, ""]), encoding="utf-8")

    # Copied under short names into the working directory: lld-link takes a path that begins with a slash for an option
    # where it can.
    names = [f"{index}-{item.path.name}" for index, item in enumerate(inputs)]
    for name, item in zip(names, inputs, strict=True):
        shutil.copyfile(item.path, workspace / name)
    has_entry = "DriverEntry" in globals_of_objects or "DriverEntry" in archived
    arguments = [
        *LINK_FLAGS,
        *(["/entry:DriverEntry"] if has_entry else ["/dll", "/noentry"]),
        *(["/lldmingw"] if target == "gnu" else []),
        "/def:exports.def",
        f"/out:{image.name}",
        *names,
    ]
    if library is not None:
        shutil.copyfile(library, workspace / library.name)
        arguments.append(library.name)
    if imports is not None:
        # Of what the library has too, only the pointer: a thunk beside it would be a second definition.
        known = dict.fromkeys(imported - archived, False) | dict(imports)
        kernel = import_library(toolchain, known | dict.fromkeys(known.keys() & from_library, True))
        shutil.copyfile(kernel, workspace / kernel.name)
        arguments.append(kernel.name)
    try:
        toolchain.run("lld-link", arguments, workspace)
    except ToolFailed as error:
        text = str(error)
        for name, item in zip(names, inputs, strict=True):
            text = text.replace(name, item.given)
        raise GuestBuildError(f"cannot link {image.name}:\n{text}") from error
