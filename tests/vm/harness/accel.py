# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""Does KVM run our kind of guest here?

/dev/kvm being there does not say so: nested machines refuse SMM, which Secure Boot needs, or run nothing at all. So the
firmware itself is started, and has a few seconds to say something.
"""

import functools
import os
import subprocess
import tempfile
import time
from pathlib import Path

from . import child, firmware

_SECONDS = 12


def _kvm_runs_the_firmware():
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return False
    with tempfile.TemporaryDirectory(prefix="preon-kvm-") as folder:
        variables, console = Path(folder, "vars.fd"), Path(folder, "console")
        firmware.new_variables(variables)
        command = ["qemu-system-x86_64", *firmware.machine_options(variables, "kvm", 512, 1)]
        qemu = child.spawn([*command, "-display", "none", "-serial", f"file:{console}"])
        try:
            end = time.monotonic() + _SECONDS
            while time.monotonic() < end and qemu.poll() is None:
                if console.exists() and b"BdsDxe" in console.read_bytes():
                    return True
                time.sleep(0.1)
            return False
        finally:
            child.end(qemu)


@functools.cache
def accelerator():
    """`kvm` or `tcg`; PREON_ACCEL overrides what was found."""
    wanted = os.environ.get("PREON_ACCEL", "")
    if wanted in ("kvm", "tcg"):
        return wanted
    if wanted:
        raise SystemExit(f"PREON_ACCEL is '{wanted}'; it can be kvm or tcg")
    try:
        found = "kvm" if _kvm_runs_the_firmware() else "tcg"
    except (OSError, subprocess.SubprocessError):
        found = "tcg"
    # Programs that we start need not find out again.
    os.environ["PREON_ACCEL"] = found
    return found
