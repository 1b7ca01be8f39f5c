# SPDX-License-Identifier: GPL-2.0-or-later
"""The user's mistakes: what the rooms below raise for them, as one message each."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator


class Mistake(Exception):
    """A mistake of the user's; the message names the value and the way out."""


@contextlib.contextmanager
def mistakes_reported() -> Iterator[None]:
    """Turn what the rooms below raise for a user's mistake, or a broken installation, into a `Mistake`."""
    # Imported here: `emu --help` and `emu --version` need none of it.
    from emu.campaign import ExperimentError  # noqa: PLC0415
    from emu.checks.check_error import CheckError  # noqa: PLC0415
    from emu.cpu.engine import EngineError  # noqa: PLC0415
    from emu.cpu.native_core import NativeCoreError  # noqa: PLC0415
    from emu.faults import FaultError  # noqa: PLC0415
    from emu.image import ImageError, UnknownSymbol  # noqa: PLC0415
    from emu.kernel.system import SystemNotBuilt  # noqa: PLC0415
    from emu.memory.errors import OutOfMemory  # noqa: PLC0415
    from emu.profile import ProfileError  # noqa: PLC0415
    from emu.toolchain import GuestBuildError, ToolchainMissing  # noqa: PLC0415

    try:
        yield
    except (
        CheckError,
        ExperimentError,
        FaultError,
        GuestBuildError,
        ImageError,
        OutOfMemory,
        ProfileError,
        ToolchainMissing,
    ) as error:
        raise Mistake(str(error)) from error
    except UnknownSymbol as error:
        nearest = f"nearest: {', '.join(error.nearest)}; " if error.nearest else ""
        raise Mistake(f"there is no routine {error.name!r}; {nearest}one of your own needs --image FILE") from error
    except (EngineError, NativeCoreError, SystemNotBuilt) as error:
        raise Mistake(f"{error}; `emu doctor` looks at the whole installation") from error
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        raise Mistake(f"{where}{error.strerror or error}") from error
