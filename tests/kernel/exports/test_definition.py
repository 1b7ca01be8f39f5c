# SPDX-License-Identifier: GPL-2.0-or-later
"""guest/kernel/ntoskrnl.def, the tables of exports and the kernel image say the same."""

import re
from pathlib import Path

import pytest

from emu import Machine, Returned
from emu.accessors import PRIMITIVES
from emu.image import UnknownSymbol
from emu.kernel.exports import DATA_EXPORTS, EXPORTS, GUEST_EXPORTS
from emu.kernel.system import KERNEL_IMAGE
from emu.toolchain.import_library import read_definition
from emu.toolchain.layout import guest_directory


def test_the_definition_lists_every_export() -> None:
    text = (guest_directory() / "kernel" / "ntoskrnl.def").read_text(encoding="utf-8")
    expected = dict.fromkeys((*EXPORTS, *GUEST_EXPORTS), False) | dict.fromkeys(DATA_EXPORTS, True)
    assert read_definition(text) == expected
    names = [line.split()[0] for line in text.splitlines()[2:]]
    assert names == sorted(set(names))


def test_no_export_is_both_the_hosts_and_the_guests() -> None:
    assert not set(EXPORTS) & set(GUEST_EXPORTS)


def test_the_kernel_image_has_the_guests_exports(machine: Machine) -> None:
    image = machine.modules[0].image
    assert image.name == KERNEL_IMAGE.name
    public = {name for name in image.exports if not name.startswith("Ki")}
    assert public - set(EXPORTS) == {*GUEST_EXPORTS, *DATA_EXPORTS, *PRIMITIVES}


@pytest.mark.parametrize("name", [*EXPORTS, *GUEST_EXPORTS])
def test_every_export_is_in_scope_of_call(machine: Machine, name: str) -> None:
    address = machine.resolve(name)
    kernel = machine.modules[0]
    assert kernel.contains(address)


def test_stubs_are_aligned_apart(machine: Machine) -> None:
    addresses = [machine.resolve(name) for name in EXPORTS]
    assert len({address // 16 for address in addresses}) == len(EXPORTS)
    assert all(address % 16 == 0 for address in addresses)


def test_an_unknown_name_names_the_nearest_export(machine: Machine) -> None:
    with pytest.raises(UnknownSymbol, match="nearest: ProbeForRead"):
        machine.resolve("ProbeForReed")


@pytest.mark.parametrize("name", ["memset", "KeGetCurrentIrql"])
def test_an_export_of_the_users_own_takes_the_kernels_place(name: str) -> None:
    with Machine() as machine:

        @machine.export(name)
        def replacement(first: int, second: int) -> int:
            return first * 100 + second

        assert machine.call(name, 3, 7) == Returned(307)


def test_the_manual_lists_every_export() -> None:
    page = (Path(__file__).parents[3] / "docs" / "reference" / "exports.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1] for line in page.splitlines() if line.startswith("| `")]
    listed = [name for row in rows for name in re.findall(r"`(\w+)`", row)]
    assert sorted(listed) == sorted({*EXPORTS, *GUEST_EXPORTS, *DATA_EXPORTS})
