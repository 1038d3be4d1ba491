# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""Does KVM run a guest here? /dev/kvm being there does not say so (nested machines, containers), so a guest is run."""

import functools
import os
import subprocess
import tempfile

# Leaves QEMU through its debug-exit device with status (0x10 << 1) | 1.
#   mov al, 0x10; out 0xf4, al; hlt; jmp $-1
_PROGRAM = bytes([0xB0, 0x10, 0xE6, 0xF4, 0xF4, 0xEB, 0xFD])
_ANSWER = 33
_ROM_SIZE = 0x10000
_RESET_VECTOR = 0xFFF0


def _kvm_runs_a_guest():
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return False
    rom = bytearray(_ROM_SIZE)
    rom[_RESET_VECTOR : _RESET_VECTOR + len(_PROGRAM)] = _PROGRAM
    with tempfile.NamedTemporaryFile(suffix=".rom") as file:
        file.write(rom)
        file.flush()
        command = ["qemu-system-x86_64", "-machine", "q35", "-accel", "kvm", "-m", "16", "-nodefaults", "-display", "none"]
        command += ["-bios", file.name, "-device", "isa-debug-exit,iobase=0xf4,iosize=1"]
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=5, check=False)
        except (subprocess.TimeoutExpired, OSError):
            return False
    return done.returncode == _ANSWER


@functools.cache
def accelerator():
    """`kvm` or `tcg`; PREON_ACCEL overrides what was found."""
    wanted = os.environ.get("PREON_ACCEL", "")
    if wanted in ("kvm", "tcg"):
        return wanted
    if wanted:
        raise SystemExit(f"PREON_ACCEL is '{wanted}'; it can be kvm or tcg")
    found = "kvm" if _kvm_runs_a_guest() else "tcg"
    # Programs that we start need not find out again.
    os.environ["PREON_ACCEL"] = found
    return found


def is_slow():
    return accelerator() == "tcg"


def patience(seconds):
    """A time limit that was chosen for emulation on a busy two-core machine; it is a limit, so KVM may keep it."""
    return seconds * float(os.environ.get("PREON_VM_PATIENCE", "1"))
