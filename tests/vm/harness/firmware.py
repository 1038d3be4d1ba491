# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""The machine type and firmware every VM has: q35 with SMM, so that only the firmware can write its variables."""

import shutil
from pathlib import Path

from .errors import Trouble

_FOLDERS = (Path("/usr/share/OVMF"), Path("/usr/share/edk2/ovmf"))
_CODE = "OVMF_CODE_4M.secboot.fd"
# No keys: the firmware starts in setup mode and systemd-boot enrols ours from the stick, as on a person's machine.
_VARS = "OVMF_VARS_4M.fd"


def _find(name):
    for folder in _FOLDERS:
        if (folder / name).exists():
            return folder / name
    raise Trouble(f"{name} is not installed; the package is called ovmf")


def new_variables(path):
    shutil.copyfile(_find(_VARS), path)


def machine_options(variables, accelerator, memory, cpus):
    # Page tables of five levels cost the emulator a sixth of its time and nobody a feature; no guest runs guests of its own. Told that copying byte by byte is fast
    # (erms, fsrm), as it is on real processors, the guest's kernel does so for all memory, and an emulator takes each byte by itself.
    accel, cpu = ("tcg,thread=multi", "max,la57=off,svm=off,vmx=off,erms=off,fsrm=off") if accelerator == "tcg" else (accelerator, "host")
    options = ["-machine", "q35,smm=on,sata=off", "-accel", accel, "-cpu", cpu]
    options += ["-smp", str(cpus), "-m", str(memory), "-nodefaults", "-no-user-config", "-rtc", "base=utc"]
    options += ["-global", "driver=cfi.pflash01,property=secure,value=on"]
    options += ["-drive", f"if=pflash,format=raw,unit=0,readonly=on,file={_find(_CODE)}"]
    options += ["-drive", f"if=pflash,format=raw,unit=1,file={variables}"]
    return options


def microsofts_variables(path, secure_boot):
    """The keys that computers are sold with, Secure Boot on or off."""
    shutil.copyfile(_find("OVMF_VARS_4M.ms.fd"), path)
    switch_secure_boot(path, secure_boot)


# An authenticated variable's header (edk2, VariableFormat.h): 0x55AA, state, reserved, attributes, count, time stamp, key index, sizes of name and data, vendor.
_HEADER, _ADDED = 60, 0x3F


def switch_secure_boot(path, on):
    """What the switch in the firmware's settings does: the variable SecureBootEnable, which no operating system can write."""
    data = bytearray(Path(path).read_bytes())
    name = "SecureBootEnable\0".encode("utf-16-le")
    found = 0
    at = data.find(name)
    while at >= 0:
        start = at - _HEADER
        if data[start : start + 3] == bytes([0xAA, 0x55, _ADDED]):
            data[at + len(name)] = int(on)
            found += 1
        at = data.find(name, at + 1)
    if found != 1:
        raise Trouble(f"{path} has {found} switches for Secure Boot")
    Path(path).write_bytes(data)
