# SPDX-License-Identifier: GPL-2.0-or-later
"""The processor, and the only room that knows the engine."""
