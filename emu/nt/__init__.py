# SPDX-License-Identifier: GPL-2.0-or-later
"""The Windows x64 ABI as declared facts: status codes, bugchecks and structure layouts."""
