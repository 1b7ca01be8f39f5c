# SPDX-License-Identifier: GPL-2.0-or-later
"""Structured exception handling from `.pdata`/`.xdata` alone: unwinding and dispatch."""
