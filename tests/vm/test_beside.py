#!/usr/bin/env python3
# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""Into the free space of disks that other systems live on: one with a large EFI partition, one where only the loader fits on it.

What belongs to others is hashed before the installation, after it, and after the first start from there.
"""

from harness import Disk, Machine, Story, particle

# Another system of the discoverable kind: each of its partitions has a type that a particle looks for, too.
OTHERS = """\
label: gpt
size={esp}MiB, type=uefi, name="EFI system partition"
size=600MiB, type=4f68bce3-e8cd-4db1-96e7-fbcaf984b709, name="root-x86-64"
size=300MiB, type=933ac7e1-2eb4-4f13-b844-0e14e2aef915, name="home"
size=100MiB, type=swap, name="swap"
size=400MiB, type=8484680c-9521-48c6-9c11-b0720656f69e, name="_empty"
size=400MiB, type=8484680c-9521-48c6-9c11-b0720656f69e, name="Other_7"
size=200MiB, type=uefi, name="ESP of a recovery system"
size=200MiB, type=ebd0a0a2-b9e5-4433-87c0-68b6b72699c7, name="Basic data partition"
"""

MAKE = """set -e
sfdisk --quiet {disk} >&2 <<'T'
{table}T
udevadm settle
mkfs.vfat -n SYSTEM {disk}1 >&2
mkfs.ext4 -q {disk}2 && mkfs.btrfs -q {disk}3 && mkswap -q {disk}4
mkdir -p /run/m && mount {disk}2 /run/m && mkdir -p /run/m/etc /run/m/home && echo foreign >/run/m/etc/hostname && umount /run/m
for n in 5 6 7 8; do openssl enc -aes-128-ctr -K 00 -iv $n -in /dev/zero 2>/dev/null | head -c 64M >{disk}$n; done
mount {disk}1 /run/m
mkdir -p /run/m/EFI/Microsoft/Boot /run/m/EFI/BOOT /run/m/EFI/debian /run/m/loader
for f in EFI/Microsoft/Boot/bootmgfw.efi EFI/BOOT/BOOTX64.EFI EFI/debian/shimx64.efi loader/random-seed; do echo "theirs: $f" >/run/m/$f; done
{fill}
umount /run/m
sync"""

# The table's lines and the bytes of each partition but the first, and the files of the first that are not ours.
FOREIGN = """set -e
sfdisk --dump {disk} | grep -E '^/dev/[a-z]+[1-8] ' | sed 's#^/dev/[a-z]*##'
for n in 2 3 4 5 6 7 8; do sha256sum <{disk}$n; done
for f in EFI/Microsoft/Boot/bootmgfw.efi EFI/BOOT/BOOTX64.EFI EFI/debian/shimx64.efi; do mtype -i {disk}1 ::$f; done"""


def foreign(vm, disk):
    return vm.ask(FOREIGN.format(disk=disk), 300)


def prepare(vm, disk, esp, fill=":"):
    vm.ask(MAKE.format(disk=disk, table=OTHERS.format(esp=esp), fill=fill), 300)
    return foreign(vm, disk)


def install(story, vm, disk, before):
    answer = vm.run(f"preonctl install --source=booted --target={disk} --mode=beside --yes", particle.INSTALL_LIMIT)
    story.says(f"the system installs itself beside the others on {disk}", answer.ok, answer)
    story.equals("not a byte of the others has changed", before, foreign(vm, disk))
    # Later each start of systemd-boot, whosever it is, makes a new one.
    story.equals("their random seed is theirs", "theirs: loader/random-seed", vm.ask(f"mtype -i {disk}1 ::loader/random-seed"))


def started(story, vm, disk, before):
    story.equals("it is the installed system", "disk", particle.mode(vm))
    story.equals("it found the disk that it was started from", "vda", vm.ask("basename $(readlink -f /dev/disk/by-preon/disk)"))
    for path in ("/", "/usr", "/home"):
        source = particle.mounted_from(vm, path)
        story.equals(f"{path} is on that disk", ["vda"], particle.disks_under(vm, source) if source else f"{path} is not mounted")
    story.says("its root is none of the others'", vm.run("test -e /etc/hostname && grep -q foreign /etc/hostname").status != 0)
    story.equals("no unit failed", [], particle.failed_units(vm))
    story.equals("after the first start not a byte of the others has changed", before, foreign(vm, disk))


with Story("beside") as story:
    machine = Machine.new(story.folder / "machine")
    stick = particle.image().overlay(story.folder / "stick.qcow2")
    large, small = (Disk.empty(story.folder / f"{name}.qcow2", "9G") for name in ("large", "small"))
    with machine.boot(disks=[large, small], sticks=[stick]) as vm:
        vm.wait_up()
        story.chapter("the live system is up")
        at_large, at_small = vm.device_of(large), vm.device_of(small)
        before_large = prepare(vm, at_large, 400)
        before_small = prepare(vm, at_small, 100, "head -c 70M /dev/zero >/run/m/fonts.pak")
        # With sectors of 512 bytes a FAT of 100 MiB has about 30 left now: enough for a loader, too little for two kernels.
        install(story, vm, at_large, before_large)
        install(story, vm, at_small, before_small)
        kinds = vm.ask(f"lsblk --noheadings --list --output PARTTYPENAME {at_small}")
        story.says("where the EFI partition is too small the kernels have a partition of their own", "Linux extended boot" in kinds, kinds)
        full = vm.run(f"preonctl install --source=booted --target={at_large} --mode=beside --dry-run")
        story.says("a second one beside it is planned as finishing the first", full.ok, full)
        vm.poweroff()
    # The first start beside others on a large EFI partition: test_power_cuts.py, each write of it.
    with machine.boot(disks=[small]) as vm:
        vm.wait_up()
        story.chapter("a system is up, from the disk with the small EFI partition")
        started(story, vm, "/dev/vda", before_small)
        story.says("its kernels are reached at /boot, the loader's files at /efi", vm.run("ls /boot/EFI/Linux/Particle_1*.efi && test -d /efi/EFI/Particle && mountpoint -q /boot").ok)
        again = vm.run("preonctl boot list")
        story.says("boot list knows the kernel on the partition of its own", again.ok and "particle_1.efi" in again.out.lower(), again)
        vm.poweroff()
