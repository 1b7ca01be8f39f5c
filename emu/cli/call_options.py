# SPDX-License-Identifier: GPL-2.0-or-later
"""The options that are about a call, of every verb that makes one only if asked to."""

from __future__ import annotations

from typing import Final, Protocol

DEFAULT_PROFILE: Final = "skylake-server"


class CallOptions(Protocol):
    """The options of a call, as given."""

    @property
    def faults(self) -> tuple[str, ...]: ...

    @property
    def stubs(self) -> tuple[str, ...]: ...

    @property
    def unguarded(self) -> bool: ...

    @property
    def budget(self) -> int | None: ...

    @property
    def irql(self) -> int: ...

    @property
    def profile(self) -> str: ...


def given_call_options(options: CallOptions) -> list[str]:
    """Return the names of those that were given, for a verb that is to refuse them."""
    given: dict[str, object] = {"--fault": options.faults, "--stub": options.stubs, "--unguarded": options.unguarded}
    given |= {"--budget": options.budget is not None, "--irql": options.irql != 0}
    given |= {"--profile": options.profile != DEFAULT_PROFILE}
    return [name for name, value in given.items() if value]
