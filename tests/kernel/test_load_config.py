# SPDX-License-Identifier: GPL-2.0-or-later
"""What the loader writes into an image: its cookie and its guard pointers."""

from emu import Machine, Returned
from emu.image import Module
from emu.image.load_config import DEFAULT_COOKIE
from emu.kernel.load_config import security_cookie
from emu.testing.guest import Guest


def load(machine: Machine, guest: Guest, cookie: int = DEFAULT_COOKIE) -> Module:
    return machine.load(guest.build("sources/load_config.S", defines=[f"COOKIE={cookie:#x}"]))


def cookie_of(machine: Machine) -> int:
    outcome = machine.call("cookie")
    assert type(outcome) is Returned
    return outcome.value


def test_the_cookie_is_initialised(machine: Machine, guest: Guest) -> None:
    module = load(machine, guest)
    cookie = cookie_of(machine)
    assert cookie == security_cookie(module.base)
    assert cookie not in (0, DEFAULT_COOKIE)
    assert cookie >> 48 == 0
    other = machine._system.memory.read_u64(module["other_data"])
    assert other == DEFAULT_COOKIE, "only the cookie is written"


def test_images_have_cookies_of_their_own_and_runs_repeat(machine: Machine, guest: Guest) -> None:
    load(machine, guest)
    first = cookie_of(machine)
    load(machine, guest)
    second = cookie_of(machine)
    assert first != second
    machine.reset()
    load(machine, guest)
    assert cookie_of(machine) == first


def test_a_cookie_that_is_set_stays(machine: Machine, guest: Guest) -> None:
    load(machine, guest, 0x1234)
    assert cookie_of(machine) == 0x1234


def test_guard_pointers(machine: Machine, guest: Guest) -> None:
    module = load(machine, guest)
    expected = {
        "check": "KiGuardCheckCall",
        "dispatch": "KiGuardDispatchCall",
        "xfg_check": "KiGuardCheckCall",
        "xfg_dispatch": "KiGuardDispatchCall",
        "xfg_table_dispatch": "KiGuardDispatchCall",
    }
    for pointer, function in expected.items():
        assert machine._system.memory.read_u64(module[pointer]) == machine.resolve(function)
    assert machine.call("guarded_call", module["twice"], 21) == Returned(84)


def test_an_image_without_one(machine: Machine, guest: Guest) -> None:
    module = machine.load(guest.build_text(".globl f\nf: ret\n"))
    assert module.image.load_config == ((None, (), ()))
