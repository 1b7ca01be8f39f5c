# SPDX-License-Identifier: GPL-2.0-or-later
"""The per-user cache of build results: a path names its content, so nothing in it ever goes stale."""

import hashlib
import os
import pathlib
import sys
import tempfile
from collections.abc import Callable

from emu.toolchain.errors import GuestBuildError

RECIPE = 1
"""Part of every key: raised when the way from the same sources to an image changes."""


def cache_directory() -> pathlib.Path:
    """Return the cache's root: `UMACCESS_EMU_CACHE`, else the platform's directory for caches."""
    override = os.environ.get("UMACCESS_EMU_CACHE")
    if override:
        return pathlib.Path(override).absolute()
    if sys.platform == "darwin":
        parent = pathlib.Path.home() / "Library" / "Caches"
    elif sys.platform == "win32":
        parent = pathlib.Path(os.environ.get("LOCALAPPDATA") or pathlib.Path.home() / "AppData" / "Local")
    else:
        parent = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
    return parent / "umaccess-emu"


def content_key(*parts: str | bytes) -> str:
    """Return a name for the exact sequence of parts."""
    digest = hashlib.sha256(str(RECIPE).encode())
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "little"))
        digest.update(data)
    return digest.hexdigest()[:40]


def cached_file(kind: str, key: str, name: str, produce: Callable[[pathlib.Path], None]) -> pathlib.Path:
    """Return the cached file of that kind, key and name; `produce` writes it first when it is not there.

    Safe for concurrent builders: each writes a file of its own, and the rename that publishes it is atomic.
    Raises GuestBuildError when the cache cannot be written.
    """
    target = cache_directory() / kind / key / name
    if target.exists():
        return target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        workspace = tempfile.TemporaryDirectory(prefix="build-", dir=target.parent)
    except OSError as error:
        raise GuestBuildError(
            f"the build cache {cache_directory()} cannot be written ({error.strerror}); "
            "set UMACCESS_EMU_CACHE to a directory that can"
        ) from error
    with workspace as directory:
        fresh = pathlib.Path(directory) / name
        produce(fresh)
        fresh.replace(target)
    return target
