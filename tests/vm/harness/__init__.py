# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""Virtual machines for Preon's tests: QEMU, OVMF with Secure Boot, a swtpm TPM, and a way to run commands in the guest.

A Machine is the hardware a person owns: its TPM and the firmware's variables stay the same from boot to boot. Disks
are files; what a test writes goes to overlays, so the image itself is never touched.
"""

from .disk import Disk, Partition
from .errors import Trouble
from .machine import Machine
from .story import Story

__all__ = ["Disk", "Machine", "Partition", "Story", "Trouble"]
