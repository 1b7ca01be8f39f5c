# SPDX-License-Identifier: GPL-2.0-or-later
"""What a loader writes into an image before it runs: its security cookie and its control-flow-guard pointers."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from emu.address import Gva
from emu.image import PeImage
from emu.image.load_config import DEFAULT_COOKIE

CHECK_FUNCTION = "KiGuardCheckCall"
DISPATCH_FUNCTION = "KiGuardDispatchCall"
"""guest/kernel/control_flow_guard.S: they let every target pass."""


def security_cookie(base: int) -> int:
    """Return the cookie of an image: by its base alone, so that runs repeat; 48 bits, and not the default."""
    cookie = int.from_bytes(hashlib.sha256(base.to_bytes(8, "little")).digest()[:6], "little")
    return cookie if cookie not in (0, DEFAULT_COOKIE) else cookie + 1


def fill_load_config(content: bytearray, image: PeImage, base: Gva, resolve: Callable[[str], Gva | None]) -> None:
    """Fill an image's bytes in. A cookie that is not the default any more stays, as with Windows' loader."""
    config = image.load_config
    at = config.security_cookie
    if at is not None and content[at : at + 8] == DEFAULT_COOKIE.to_bytes(8, "little"):
        content[at : at + 8] = security_cookie(base).to_bytes(8, "little")
    for slots, name in ((config.guard_checks, CHECK_FUNCTION), (config.guard_dispatches, DISPATCH_FUNCTION)):
        function = resolve(name)
        if function is not None:
            for slot in slots:
                content[slot : slot + 8] = function.to_bytes(8, "little")
