# SPDX-License-Identifier: GPL-2.0-or-later
"""The fault that kernel code on the host's side meets."""

from emu.address import Gva


class GuestFault(Exception):
    """The kernel's own work on guest memory met a page that the guest could not touch either."""

    def __init__(self, address: Gva, write: bool) -> None:
        super().__init__(f"{'write' if write else 'read'} of {address:#x}")
        self.address = address
        self.write = write
