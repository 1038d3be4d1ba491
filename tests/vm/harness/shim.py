# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""Computers that start by way of shim: what its MokManager says on the console, and what one asks of a disk that it starts."""

from . import particle

# MokManager has come up and waits for a key.
LAUNCHED = r"perform MOK management"


def starts_by_shim(story, vm, what):
    story.says(f"{what}: Secure Boot is on", particle.secure_boot(vm))
    story.says(f"{what}: shim started it", vm.run("ls /sys/firmware/efi/efivars/MokListRT-*").ok)
    story.says(f"{what}: the keys are still Microsoft's", vm.run("grep -q Microsoft /sys/firmware/efi/efivars/KEK-*").ok)


def has_shim(story, vm):
    # FAT knows no case.
    files = vm.ask("cd /efi/EFI && find . -type f").lower().split()
    wanted = {"./boot/bootx64.efi", "./boot/grubx64.efi", "./boot/mmx64.efi", "./systemd/shimx64.efi", "./systemd/grubx64.efi", "./systemd/systemd-bootx64.efi"}
    story.says("its EFI partition has shim and what that starts, in both places", wanted <= set(files), files)
    story.says("and no keys to enrol", not vm.run("ls /efi/loader/keys").ok)
