# SPDX-License-Identifier: GPL-2.0-or-later
"""From guest sources to a kernel image, cached by content."""

import os
import pathlib
import shutil
from collections.abc import Iterable

from emu.toolchain.cache import cached_file, content_key
from emu.toolchain.compilation import COMPILED, OPTIMIZE, TARGETS, Options, compile_source, object_key
from emu.toolchain.compiler import Toolchain, find_toolchain
from emu.toolchain.errors import GuestBuildError
from emu.toolchain.import_library import kernel_exports
from emu.toolchain.layout import guest_directory
from emu.toolchain.library import accessor_library, is_debug
from emu.toolchain.link import ARCHIVES, LINK_FLAGS, OBJECTS, LinkInput, link_image

PathLike = str | os.PathLike[str]


def build_guest(
    sources: PathLike | Iterable[PathLike],
    output: PathLike | None = None,
    *,
    optimize: str = "1",
    target: str = "msvc",
    include: PathLike | Iterable[PathLike] = (),
    defines: str | Iterable[str] = (),
    export: str | Iterable[str] = (),
    kernel_imports: bool = True,
    accessors: bool = True,
) -> pathlib.Path:
    """Build a native-subsystem PE image from `.S .s .c .obj .o .lib .a` files and return its path.

    Every global symbol of the sources and objects is exported, and so are the names in `export`, which may also be
    members of an archive. `defines` are `NAME` or `NAME=VALUE`. The image imports from `ntoskrnl.exe` only
    (`kernel_imports=False`: from nothing); a name that no list of its exports has can be imported as `__imp_NAME` or by
    `__declspec(dllimport)`, for an export that the user provides. What it calls of the accessor family comes from
    `umaccess.lib`, with DBG among the defines (other than DBG=0) from `umaccess_dbg.lib`; `accessors=False` links
    neither. The path is one in the cache, or `output`, to which the image is copied.
    The same sources and options give the same bytes, wherever they are built.

    Raises GuestBuildError for sources that are missing, unfit or refused by the compiler or linker, with its text;
    ValueError for an unknown `optimize` or `target`; ToolchainMissing without the compiler wheel.
    """
    if optimize not in OPTIMIZE:
        raise ValueError(f"optimize={optimize!r} is unknown; known are {', '.join(OPTIMIZE)}")
    if target not in TARGETS:
        raise ValueError(f"target={target!r} is unknown; known are {', '.join(TARGETS)}")
    given = _source_names(sources)
    paths = [pathlib.Path(name).absolute() for name in given]
    name = pathlib.Path(output).name if output is not None else f"{paths[0].stem}.sys"
    exported = tuple(dict.fromkeys(_strings(export)))
    directories = [pathlib.Path(each).absolute() for each in _paths(include)]
    for directory in directories:
        if not directory.is_dir():
            raise GuestBuildError(f"include directory {directory}: no such directory")
    options = Options(optimize, target, (*directories, guest_directory() / "include"), tuple(_strings(defines)))

    import concurrent.futures  # noqa: PLC0415 (slow to import, and not every command builds)

    toolchain = find_toolchain()
    imports = kernel_exports(toolchain) if kernel_imports else None
    library = accessor_library(debug=is_debug(options.defines)) if accessors else None
    try:
        keys = [_key_of(toolchain, path, options) for path in paths]
        library_key = b"" if library is None else library.read_bytes()
    except OSError as error:
        raise GuestBuildError(f"{error.filename}: cannot be read ({error.strerror})") from error
    imports_key = "\0".join(f"{name} {data:d}" for name, data in imports.items()) if imports else ""

    def produce(image: pathlib.Path) -> None:
        def prepare(path: pathlib.Path, given_name: str, key: str) -> LinkInput:
            if path.suffix in COMPILED:
                return LinkInput(compile_source(toolchain, path, given_name, key, options), given_name)
            return LinkInput(path, given_name)

        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            inputs = list(pool.map(prepare, paths, given, keys))
        link_image(toolchain, inputs, image, export=exported, target=target, imports=imports, library=library)

    key = content_key(toolchain.version, target, *LINK_FLAGS, imports_key, library_key, "\0".join(exported), *keys)
    built = cached_file("images", key, name, produce)
    if output is None:
        return built
    destination = pathlib.Path(output)
    try:
        shutil.copyfile(built, destination)
    except OSError as error:
        raise GuestBuildError(f"{destination}: cannot be written ({error.strerror})") from error
    return destination


def _key_of(toolchain: Toolchain, path: pathlib.Path, options: Options) -> str:
    if path.suffix in COMPILED:
        return object_key(toolchain, path, options)
    return content_key(path.name, path.read_bytes())


def _source_names(sources: PathLike | Iterable[PathLike]) -> list[str]:
    names = [os.fspath(source) for source in _paths(sources)]
    if not names:
        raise GuestBuildError("no sources given: name at least one .S, .s, .c, .obj, .o, .lib or .a file")
    known = (*COMPILED, *OBJECTS, *ARCHIVES)
    for name in names:
        path = pathlib.Path(name)
        if path.suffix not in known:
            raise GuestBuildError(f"{name}: unknown kind of source {path.suffix!r}; known are {' '.join(known)}")
        if not path.is_file():
            raise GuestBuildError(f"{name}: no such file")
    return names


def _paths(given: PathLike | Iterable[PathLike]) -> list[PathLike]:
    return [given] if isinstance(given, str | os.PathLike) else list(given)


def _strings(given: str | Iterable[str]) -> list[str]:
    return [given] if isinstance(given, str) else list(given)
