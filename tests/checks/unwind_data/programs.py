# SPDX-License-Identifier: GPL-2.0-or-later
"""The guest sources of this repository as images, and what their unwind data is known to get wrong.

A finding that is not in `KNOWN` is either a false report, or a mistake that nobody meant.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final, NamedTuple

from emu import build_guest
from emu.checks.unwind_data import UnwindFinding, check_unwind_data
from emu.cpu.native_core import BUILT
from emu.image import PeImage
from emu.toolchain.layout import guest_directory

TESTS: Final = Path(__file__).parent.parent.parent
MISTAKES: Final = Path(__file__).parent / "guest"
RIGHT: Final = Path(__file__).parent / "right"
CONFORMANCE: Final = TESTS / "conformance" / "seh"
LEVELS: Final = ("0", "1", "2", "3")
TARGETS: Final = ("msvc", "gnu")
SYSTEM_IMAGES: Final = (BUILT / "ntoskrnl.exe", BUILT / "umaccess.sys")

_LIBRARY: Final = tuple(sorted((TESTS.parent / "guest" / "umaccess").glob("*.S")))
_COMPANIONS: Final[dict[str, tuple[Path, ...]]] = {
    "tests/conformance/guest/frames.S": (TESTS / "conformance/guest/observer.c",),
    "tests/fuzz/guest/dispatch.S": (TESTS / "fuzz/guest/plan.c",),
    "tests/guest/sources/unused_result.c": _LIBRARY,
    "tests/image/sources/driver.c": (TESTS / "image/sources/routine.S",),
    "tests/kernel/exports/sources/own_handler.S": (TESTS / "kernel/exports/sources/own_handler.c",),
}
"""What a source needs beside it to be an image."""

_NOT_BUILT_ALONE: Final = ("plan.c", "own_handler.c")
_NO_GUEST_CODE: Final = ("benchmarks/host_fault.c", "silicon/runner.c", "wine/main.c")
"""Programs of the host or of a user process."""

_RAISE: Final = guest_directory() / "umaccess" / "raise.S"
"""What the copy routines of tests/campaign raise with."""

_DEFINES: Final = {"load_config.S": ("COOKIE=1",)}

_FLAGS = "an inline pushfq or popfq: the compiler does not know that RSP moves, and gives no frame register"
_STEP = "loads every register, as a context would, and sets TF by a popfq"
_ALLOCA = (
    "clang lowers RSP around each call of a funclet whose function has an alloca, and gives the funclet no frame "
    "register: on Windows too an unwind through that call goes wrong"
)
_MEANT = "the mistake is what the source is for"

KNOWN: Final[dict[str, dict[str, str]]] = {
    "alloca_in_callee": {"outer": _ALLOCA},
    "alloca_in_try_body": {"use": _ALLOCA},
    "arguments": {
        "store_registers": "a leaf that pushes the flags",
        "spoil": "spoils every register, for a test that looks whether the machine minds",
    },
    "continue_with_changed_flags": {
        "continue_with_changed_flags": _FLAGS,
        "set_carry": _FLAGS,
        "stop_with_direction": _FLAGS,
    },
    "exit_unwind": {"leaving": _MEANT},
    "frame_elsewhere": {"inner": _MEANT},
    "frame_misaligned": {"inner": _MEANT},
    "dispatch": {"fault_in_epilogue": "an epilogue by lea from RCX, to fault in its pop"},
    "frames": {
        "flags_now": _FLAGS,
        "observed_call": "pushes and pops the flags in its body",
        "jumping_call": "pushes and pops the flags in its body",
        "fault_in_epilogue": "overwrites the saved RBX, to see that the fault is in the epilogue",
    },
    "flags": {"CallWithFlags": "gives the callee its flags by a popfq"},
    "jumps": {"protected": "changes xmm6 without a save, to see what a long jump restores"},
    "machine_frames": {
        "with_error_code": "makes a trap by hand, in a leaf",
        "without_error_code": "makes a trap by hand, in a leaf",
    },
    "mistaken": {
        "ChangesRegister": _MEANT,
        "ChangesVector": _MEANT,
        "ClosesCallersWindow": _FLAGS,
        "LeavesWindow": _FLAGS,
    },
    "modes_after_except": {"show_modes": _FLAGS},
    "observer": {"flags_now": _FLAGS},
    "single_step": {"step": _FLAGS},
    "clobbers_rbx": {"ClobbersRbx": _MEANT},
    "clobbers_rsi": {"ClobbersRsi": _MEANT},
    "clobbers_xmm6": {"ClobbersXmm6": _MEANT},
    "missing_unwind_data": {"MissingUnwindData": _MEANT},
    "unwind_code_of_another_register": {"UnwindCodeOfAnotherRegister": _MEANT},
    "unwind_code_of_another_size": {"UnwindCodeOfAnotherSize": _MEANT},
    "unwind_code_of_another_slot": {"UnwindCodeOfAnotherSlot": _MEANT},
    "unwind_from_every_instruction": {"leave_at": _STEP},
    "watched_call": {"WatchedCall": "gives the callee its flags by a popfq"},
}
"""Image → function → why what is reported of it is so."""

IN_EVERY_IMAGE: Final = {"step": _STEP, "step_frame": _STEP}
"""Functions of tests/conformance/seh/program.inc."""

WRONG_ON_PURPOSE: Final = ("bad_unwind", "unwind_outside")
"""Images of nothing but mistakes."""


class Build(NamedTuple):
    """One image to be: its first source names it."""

    sources: tuple[Path, ...]
    target: str
    optimize: str

    @property
    def name(self) -> str:
        """The image's name."""
        return self.sources[0].stem

    def __str__(self) -> str:
        return f"{self.name}-O{self.optimize}-{self.target}"

    def path(self) -> Path:
        """Build it, or take it from the cache."""
        defines = _DEFINES.get(self.sources[0].name, ())
        return build_guest(self.sources, optimize=self.optimize, target=self.target, defines=defines)

    def image(self) -> PeImage:
        """Build and read it."""
        path = self.path()
        return PeImage.parse(path.read_bytes(), path.name, strict_functions=False)


def guest_sources() -> list[tuple[Path, ...]]:
    """Return every guest source of tests and benchmarks, those of this directory left out, with what belongs to it."""
    root = TESTS.parent
    found = []
    for path in sorted((*TESTS.rglob("*.[cS]"), *(root / "benchmarks").glob("*.[cS]"))):
        name = path.relative_to(root).as_posix()
        if TESTS / "checks" in path.parents or path.name in _NOT_BUILT_ALONE or name.endswith(_NO_GUEST_CODE):
            continue
        companions = (_RAISE,) if path.parent.parent == TESTS / "campaign" and path.suffix == ".S" else ()
        found.append((path, *_COMPANIONS.get(name, ()), *companions))
    return found


def builds(sources: Iterable[tuple[Path, ...]], levels: Iterable[str] = LEVELS) -> list[Build]:
    """Return the builds of sources at some levels, for both targets; assembly is the same at every level."""
    levels = tuple(levels)
    return [
        Build(group, target, level)
        for group in sources
        for target in TARGETS
        for level in (levels if any(path.suffix == ".c" for path in group) else levels[:1])
    ]


def unexplained(findings: Iterable[UnwindFinding]) -> list[str]:
    """Return the findings that nothing above explains."""

    def is_known(finding: UnwindFinding) -> bool:
        name = finding.function.partition("+")[0]
        return name in IN_EVERY_IMAGE or name in KNOWN.get(finding.module, {})

    return [str(finding) for finding in findings if not is_known(finding)]


def unexplained_by_reading(build: Build) -> list[str]:
    """Check an image by reading, and return what is not explained."""
    return unexplained(check_unwind_data(build.image()))
