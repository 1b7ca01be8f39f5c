# SPDX-License-Identifier: GPL-2.0-or-later
"""Images in a machine: placed, moved, linked, protected, and gone again after a reset."""

import pytest

from emu import Bugchecked, Machine, Raised, Returned
from emu.image import ImageError, UnknownSymbol
from emu.kernel.modules import MissingImports
from emu.memory.errors import OutOfMemory
from emu.memory.layout import USER_PROBE_ADDRESS
from emu.testing.guest import Guest


def test_pointers_in_data_move_with_the_image(machine: Machine, guest: Guest) -> None:
    path = guest.build("guest/sections.S")
    first, second = machine.load(path), machine.load(path)
    assert first.base != second.base
    for module in (first, second):
        assert machine.call(module["get_pointer"]) == Returned(module["constant"])


def test_two_copies_have_their_own_data(machine: Machine, guest: Guest) -> None:
    path = guest.build("guest/sections.S")
    first, second = machine.load(path), machine.load(path)
    assert machine.call(first["count"]) == Returned(42)
    assert machine.call(first["count"]) == Returned(43)
    assert machine.call(second["count"]) == Returned(42)


def test_imports_of_variables(machine: Machine, guest: Guest) -> None:
    machine.load(guest.build("guest/sections.S"))
    assert machine.call("read_limit") == Returned(USER_PROBE_ADDRESS)


def test_all_missing_imports_at_once(machine: Machine, guest: Guest) -> None:
    path = guest.build("guest/many_imports.c", kernel_imports=True)
    before = machine.modules
    with pytest.raises(MissingImports) as missing:
        machine.load(path)
    text = str(missing.value)
    assert "many_imports.sys" in text
    assert "InbvDisplayString, ZwOpenSomethingElse, ZwQuerySomething" in text
    assert "@machine.export(" in text
    assert machine.modules == before


def test_exports_of_the_users_own(machine: Machine, guest: Guest) -> None:
    machine.export("ZwQuerySomething")(lambda number: number * 2)
    machine.export("ZwOpenSomethingElse")(lambda number: 100)
    machine.export("InbvDisplayString")(lambda text: None)
    machine.load(guest.build("guest/many_imports.c"))
    assert machine.call("ask", 21) == Returned(142)


class TestProtection:
    """Every section has its own, and the guest's MMU holds it."""

    @pytest.mark.parametrize(
        ("symbol", "routine", "code"),
        [
            ("load", "store", 0xBE),
            ("constant", "store", 0xBE),
            ("constant", "enter", 0xFC),
            ("counter", "enter", 0xFC),
        ],
    )
    def test_what_a_section_does_not_allow(
        self, machine: Machine, guest: Guest, symbol: str, routine: str, code: int
    ) -> None:
        module = machine.load(guest.build("guest/sections.S"))
        outcome = machine.call(routine, module[symbol])
        assert isinstance(outcome, Bugchecked)
        assert (outcome.code, outcome.parameters[0]) == (code, module[symbol])

    def test_what_it_allows(self, machine: Machine, guest: Guest) -> None:
        module = machine.load(guest.build("guest/sections.S"))
        assert machine.call("load", module["load"]) == Returned(0x0F)
        assert machine.call("load", module["constant"]) == Returned(0xC3)
        assert isinstance(machine.call("store", module["counter"]), Returned)

    def test_the_header_can_be_read(self, machine: Machine, guest: Guest) -> None:
        module = machine.load(guest.build("guest/sections.S"))
        assert machine.call("load", module.base) == Returned(ord("M"))
        assert isinstance(machine.call("store", module.base), Bugchecked)

    @pytest.mark.parametrize("side", [-1, 0])
    def test_around_it_there_is_nothing(self, machine: Machine, guest: Guest, side: int) -> None:
        module = machine.load(guest.build("guest/sections.S"))
        outcome = machine.call("load", module.base - 1 if side else module.base + module.size)
        assert isinstance(outcome, Bugchecked)
        assert outcome.code == 0x50


class TestReset:
    def test_modules_go(self, machine: Machine, guest: Guest) -> None:
        before = machine.modules
        machine.load(guest.build("guest/one.S"))
        machine.reset()
        assert machine.modules == before
        with pytest.raises(UnknownSymbol):
            machine.call("answer")

    def test_another_image_at_the_same_address_runs_its_own_code(self, machine: Machine, guest: Guest) -> None:
        """No translation of the first one is left."""
        one, two = guest.build("guest/one.S"), guest.build("guest/two.S")
        bases = set()
        for _ in range(3):
            for path, value in ((one, 1), (two, 2)):
                bases.add(machine.load(path).base)
                assert machine.call("answer") == Returned(value)
                machine.reset()
        assert len(bases) == 1

    def test_data_of_an_image_under_the_checkpoint(self, guest: Guest) -> None:
        with Machine() as machine:
            machine.load(guest.build("guest/sections.S"))
            machine.checkpoint()
            for _ in range(3):
                assert machine.call("count") == Returned(42)
                machine.reset()

    def test_an_exception_unwinds_through_the_new_image(self, machine: Machine, guest: Guest) -> None:
        """The scope tables and unwind plans of the image that was there before are forgotten."""
        for name in ("guest/one.S", "guest/sections.S", "guest/two.S", "guest/sections.S"):
            module = machine.load(guest.build(name))
            if "load" in module:
                assert isinstance(machine.call("load", 0x10), Raised)
            machine.reset()


def test_the_module_loaded_last_wins(machine: Machine, guest: Guest) -> None:
    machine.load(guest.build("guest/one.S"))
    assert machine.call("answer") == Returned(1)
    machine.load(guest.build("guest/two.S"))
    assert machine.call("answer") == Returned(2)


def test_a_file_that_is_no_image(machine: Machine, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("images") / "note.sys"
    path.write_text("not an image")
    with pytest.raises(ImageError, match=r"note\.sys"):
        machine.load(path)
    with pytest.raises(FileNotFoundError):
        machine.load(path.with_name("absent.sys"))


def test_no_room_leaves_nothing_behind(guest: Guest) -> None:
    path = guest.build("guest/sections.S")
    with Machine(ram_size=2 << 20) as machine:
        module = machine.load(path)
        pages, system = module.size // 0x1000, machine._system
        while system.ram.frames - system.memory._frames.mark > pages:
            machine.kernel.alloc(1)
        before = machine.modules
        with pytest.raises(OutOfMemory, match="MiB of guest RAM"):
            machine.load(path)
        assert machine.modules == before
        assert machine.call("count") == Returned(42)
        machine.reset()
        machine.load(path)
        assert machine.call("count") == Returned(42)


def test_finding_a_module(machine: Machine, guest: Guest) -> None:
    module = machine.load(guest.build("guest/one.S"))
    modules = machine._system.modules
    found = modules.find(module.base)
    assert found is not None
    assert found.module is module
    assert modules.find(module.base + module.size - 1) is found
    assert modules.find(module.base - 1) is None
    assert modules.find(module.base + module.size) is None
    for address in (0, 1 << 63, (1 << 64) - 1):
        assert modules.find(address) is None
