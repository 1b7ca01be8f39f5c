# SPDX-License-Identifier: GPL-2.0-or-later
"""A machine's profile: a CPU model × the kernel's policy for supervisor access to user pages × what it exports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple


class ProfileError(ValueError):
    """A profile that does not exist; the message lists what does."""


class CpuModel(NamedTuple):
    """What a CPU model has, as its CPUID says; a guest finds out the same way."""

    description: str
    smep: bool
    smap: bool
    erms: bool
    avx: bool
    """The silicon has AVX: the engine's `#UD` for it is then the engine's limit, not the CPU's behaviour."""
    avx512: bool = False
    """The silicon has EVEX-encoded instructions."""
    rdrand: bool = False


CPU_MODELS: Final[dict[str, CpuModel]] = {
    "nehalem": CpuModel("Intel Nehalem, 2008", smep=False, smap=False, erms=False, avx=False),
    "westmere": CpuModel("Intel Westmere, 2010", smep=False, smap=False, erms=False, avx=False),
    "sandybridge": CpuModel("Intel Sandy Bridge, 2011", smep=False, smap=False, erms=False, avx=True),
    "ivybridge": CpuModel("Intel Ivy Bridge, 2012", smep=True, smap=False, erms=True, avx=True, rdrand=True),
    "haswell": CpuModel("Intel Haswell, 2013", smep=True, smap=False, erms=True, avx=True, rdrand=True),
    "broadwell": CpuModel("Intel Broadwell, 2014", smep=True, smap=True, erms=True, avx=True, rdrand=True),
    "skylake-server": CpuModel(
        "Intel Skylake-SP, 2017", smep=True, smap=True, erms=True, avx=True, avx512=True, rdrand=True
    ),
    "cascadelake-server": CpuModel(
        "Intel Cascade Lake-SP, 2019", smep=True, smap=True, erms=True, avx=True, avx512=True, rdrand=True
    ),
    "icelake-server": CpuModel(
        "Intel Ice Lake-SP, 2021", smep=True, smap=True, erms=True, avx=True, avx512=True, rdrand=True
    ),
    "epyc": CpuModel("AMD EPYC (Zen), 2017", smep=True, smap=True, erms=False, avx=True, rdrand=True),
    "epyc-rome": CpuModel("AMD EPYC (Zen 2), 2019", smep=True, smap=True, erms=False, avx=True, rdrand=True),
}

DEFAULT_CPU: Final = "skylake-server"

SMAP_POLICIES: Final[dict[str, str]] = {
    "enforce": "AC is clear in kernel code: a plain access to a present user page bugchecks",
    "permit": "AC is set on kernel entry, as Windows does today: a plain access goes through",
    "off": "CR4.SMAP is clear",
}

PRIMITIVES: Final[dict[str, str]] = {
    "library": "an older kernel: it exports no Rtl primitive for user memory, the library uses its own",
    "kernel": "a newer kernel: it exports all 32, and the library calls through to them",
}
"""Who has the primitives beneath the accessors."""


@dataclass(frozen=True, slots=True)
class Profile:
    """CPU model × SMAP policy × whose primitives the accessors stand on.

    A CPU without SMAP has no policy to apply: whatever was asked for, its `smap` is "off".
    Raises `ProfileError` for a model or a setting that is not known.
    """

    cpu: str = DEFAULT_CPU
    smap: str = "enforce"
    primitives: str = "library"

    def __post_init__(self) -> None:
        if self.cpu not in CPU_MODELS:
            raise ProfileError(f"unknown CPU model {self.cpu!r}; known: {', '.join(CPU_MODELS)}")
        if self.smap not in SMAP_POLICIES:
            raise ProfileError(f"unknown SMAP policy {self.smap!r}; known: {', '.join(SMAP_POLICIES)}")
        if self.primitives not in PRIMITIVES:
            raise ProfileError(f"unknown primitives {self.primitives!r}; known: {', '.join(PRIMITIVES)}")
        if not self.model.smap:
            object.__setattr__(self, "smap", "off")

    @classmethod
    def parse(cls, text: str) -> Profile:
        """Read the text form: a CPU model, then settings, as in `skylake-server` or `epyc,smap=off`."""
        cpu, *settings = text.split(",")
        given: dict[str, str] = {}
        for setting in settings:
            name, equals, value = setting.partition("=")
            if name not in ("smap", "primitives") or not equals:
                raise ProfileError(
                    f"unknown setting {setting!r} in profile {text!r}; "
                    "the form is CPU[,smap=POLICY][,primitives=library|kernel]"
                )
            if name in given:
                raise ProfileError(f"the setting {name!r} is given twice in profile {text!r}")
            given[name] = value
        return cls(cpu, **given)

    def __str__(self) -> str:
        text, default = self.cpu, "enforce" if self.model.smap else "off"
        if self.smap != default:
            text += f",smap={self.smap}"
        if self.primitives != "library":
            text += f",primitives={self.primitives}"
        return text

    @property
    def model(self) -> CpuModel:
        """What the CPU model has."""
        return CPU_MODELS[self.cpu]

    @property
    def smap_enabled(self) -> bool:
        """Whether the kernel sets CR4.SMAP."""
        return self.smap != "off"

    @property
    def kernel_has_primitives(self) -> bool:
        """Whether the kernel exports the primitives beneath the accessors."""
        return self.primitives == "kernel"

    @property
    def kernel_entry_ac(self) -> bool:
        """Whether kernel code starts with RFLAGS.AC set."""
        return self.smap == "permit"


def parse_profiles(text: str) -> tuple[Profile, ...]:
    """Read profiles with commas between them: a part with an equals sign is a setting of the one before.

    Raises `ProfileError`.
    """
    profiles: list[str] = []
    for part in (part.strip() for part in text.split(",")):
        if profiles and "=" in part:
            profiles[-1] += f",{part}"
        else:
            profiles.append(part)
    return tuple(Profile.parse(profile) for profile in profiles)
