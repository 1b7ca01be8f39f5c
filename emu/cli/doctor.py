# SPDX-License-Identifier: GPL-2.0-or-later
"""`emu doctor`: whether everything that a machine needs is there and works.

With `--json`: {"healthy", "checks": [{"name", "healthy", "optional", "found", "remedy"}]}; "remedy" is empty where all
is well. What is optional does not make an installation unhealthy.
"""

from __future__ import annotations

import dataclasses
import importlib.metadata
import platform
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from emu.cli.output import make_console, show, show_json
from emu.toolchain import built_directory
from emu.toolchain.library import DEBUG_LIBRARY, LIBRARY
from emu.toolchain.system import ACCESSOR_IMAGE, KERNEL_IMAGE

if TYPE_CHECKING:
    from rich.text import Text

REBUILD: Final = (
    "in a checkout run `make setup`, else install the package again: pip install --force-reinstall umaccess-emu"
)
REINSTALL_ENGINE: Final = "install an engine that is known to work: pip install --force-reinstall 'unicorn==2.1.4'"
REPORT: Final = "the installation is complete and does not work: please report it with this output"

OPTIONAL: Final = ("toolchain",)

SYSTEM_IMAGES: Final = (KERNEL_IMAGE, ACCESSOR_IMAGE)
LIBRARIES: Final = (LIBRARY, DEBUG_LIBRARY)


class Unhealthy(Exception):
    """What a check found wrong."""


@dataclasses.dataclass(frozen=True, slots=True)
class Finding:
    """What a check found."""

    name: str
    healthy: bool
    optional: bool
    found: str
    remedy: str


def describe_versions() -> str:
    """Return the versions of this package, its engine and Python, without loading the engine."""
    ours, engine = (importlib.metadata.version(name) for name in ("umaccess-emu", "unicorn"))
    return f"umaccess-emu {ours} (unicorn {engine}, Python {platform.python_version()})"


def run_doctor(*, as_json: bool) -> int:
    """Run `emu doctor`; returns the exit status."""
    findings = [examine(name, check, remedy) for name, check, remedy in CHECKS]
    healthy = all(finding.healthy or finding.optional for finding in findings)
    if as_json:
        show_json({"healthy": healthy, "checks": [dataclasses.asdict(finding) for finding in findings]})
        return 0 if healthy else 1
    from rich.table import Table  # noqa: PLC0415 (not needed for --json)
    from rich.text import Text  # noqa: PLC0415

    table = Table.grid(padding=(0, 2, 0, 0))
    for finding in findings:
        table.add_row(_verdict(finding), Text(finding.name, "bold"), finding.found)
        if finding.remedy:
            table.add_row("", "", Text(finding.remedy, "yellow"))
    show(make_console(), table)
    return 0 if healthy else 1


def _verdict(finding: Finding) -> Text:
    from rich.text import Text  # noqa: PLC0415 (not needed for --json)

    if finding.healthy:
        return Text("ok", "bold green")
    return Text("optional", "yellow") if finding.optional else Text("MISSING", "bold red")


def examine(name: str, check: Callable[[], str], remedy: str) -> Finding:
    """Run one check. Whatever it raises is its finding: a doctor must not fall ill itself."""
    optional = name in OPTIONAL
    try:
        return Finding(name, True, optional, check(), "")
    except Exception as error:
        return Finding(name, False, optional, str(error) or type(error).__name__, remedy)


def _package() -> str:
    return f"{describe_versions()} on {platform.system()} {platform.machine()}"


def _engine() -> str:
    from emu.cpu.calibration import CALIBRATED_WITH, calibrate  # noqa: PLC0415 (a broken engine fails to import)
    from emu.cpu.engine import engine_version  # noqa: PLC0415

    offsets = ", ".join(f"{name} {value:#x}" for name, value in calibrate()._asdict().items())
    other = "" if engine_version() == CALIBRATED_WITH else f" (made for {CALIBRATED_WITH})"
    return f"unicorn {engine_version()}{other}, calibrated: {offsets}"


def _native_core() -> str:
    from emu.cpu.native_core import library_path, load_native_core  # noqa: PLC0415

    load_native_core()
    return f"{library_path().name}, {library_path().stat().st_size:,} bytes"


def _system_images() -> str:
    return _built(SYSTEM_IMAGES)


def _libraries() -> str:
    return _built(LIBRARIES)


def _built(names: tuple[str, ...]) -> str:
    paths = [built_directory() / name for name in names]
    missing = [path.name for path in paths if not path.is_file()]
    if missing:
        raise Unhealthy(f"{', '.join(missing)} not built")
    return ", ".join(f"{path.name} {path.stat().st_size:,} bytes" for path in paths)


def _toolchain() -> str:
    from emu.toolchain.compiler import find_toolchain  # noqa: PLC0415

    return f"ziglang {find_toolchain().version}, for .S and .c of your own"


def _clean_copy() -> str:
    from emu.campaign import CopyExperiment  # noqa: PLC0415

    result = CopyExperiment().run()
    if not result.clean:
        raise Unhealthy(f"a copy of {len(result.content)} bytes {result.outcome}")
    return f"{len(result.content)} bytes copied"


def _faulting_copy() -> str:
    from emu.campaign import CopyExperiment  # noqa: PLC0415
    from emu.faults import parse_fault  # noqa: PLC0415
    from emu.outcome import Raised  # noqa: PLC0415

    result = CopyExperiment(source_offset=4059, faults=(parse_fault("none@src+37"),)).run()
    outcome = result.outcome
    if not isinstance(outcome, Raised) or outcome.record.fault_address != result.source_address + 37:
        raise Unhealthy(f"a copy whose byte 37 cannot be read {outcome}")
    return "a fault at byte 37 was dispatched to its __except"


CHECKS: Final[tuple[tuple[str, Callable[[], str], str], ...]] = (
    ("package", _package, REBUILD),
    ("engine", _engine, REINSTALL_ENGINE),
    ("native core", _native_core, REBUILD),
    ("system images", _system_images, REBUILD),
    ("libraries", _libraries, REBUILD),
    ("toolchain", _toolchain, "pip install 'umaccess-emu[toolchain]'; only building .S and .c needs it"),
    ("copy", _clean_copy, REPORT),
    ("fault", _faulting_copy, REPORT),
)
