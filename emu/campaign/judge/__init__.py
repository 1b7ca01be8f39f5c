# SPDX-License-Identifier: GPL-2.0-or-later
"""What an experiment left behind, what it must have, and the verdict."""
