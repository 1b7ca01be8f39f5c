# SPDX-License-Identifier: GPL-2.0-or-later
"""What a page that stands alone is made of: assets of its package, and blocks of data that its script takes out.

A block is base64 of a zlib stream in a script element; viewer/blocks.js takes it out again.
"""

from __future__ import annotations

import base64
import json
import zlib
from importlib.resources import files
from typing import TextIO


def read_asset(package: str, directory: str, name: str) -> str:
    """Return a file of a package as text."""
    return files(package).joinpath(directory, name).read_text("utf-8")


def blocks_script() -> str:
    """Return the script that takes blocks out of a page."""
    return read_asset("emu.trace.formats", "viewer", "blocks.js")


def write_block(stream: TextIO, kind: str, data: bytes, attributes: str = "") -> None:
    """Write a block whose element has the class `kind`."""
    text = base64.b64encode(zlib.compress(data, 6)).decode("ascii")
    stream.write(f'<script type="application/octet-stream" class="{kind}"{attributes}>{text}</script>\n')


def json_block(value: object) -> bytes:
    """Return a value as the content of a block."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace")
