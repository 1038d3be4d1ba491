#!/usr/bin/env python3
# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""One changed bit in /usr, one in the kernel, a longer command line, and the disk in another computer."""

import subprocess

from harness import Machine, Story, particle

ESP_KERNELS = "::/EFI/Linux"


def flipped_usr(story, machine, disk):
    usr = disk.partition("usr")
    # In the first block, which is read whole when /usr is mounted, behind the file system's superblock.
    disk.flip_bit(usr.offset + 3000)
    with machine.boot(disks=[disk]) as vm:
        vm.expect(r"verity: .*data block 0 is corrupted", 300)
        story.says("one flipped bit in /usr is noticed by verity", True)
        vm.expect(r"Kernel panic.*(verity|corrupted)", 60)
        story.says("and the machine stops there", True)


def mtools(*arguments):
    return subprocess.run(list(map(str, arguments)), check=True, capture_output=True, text=True).stdout


def flip_bit_of_kernel(story, disk):
    esp, copy, kernel = disk.partition("esp"), story.folder / "esp.img", story.folder / "kernel.efi"
    disk.read(esp.offset, esp.size, copy)
    name = mtools("mdir", "-b", "-i", copy, ESP_KERNELS).split()[0]
    mtools("mcopy", "-n", "-i", copy, name, kernel)
    data = bytearray(kernel.read_bytes())
    data[len(data) // 2] ^= 1
    kernel.write_bytes(data)
    mtools("mcopy", "-o", "-i", copy, kernel, name)
    disk.write(esp.offset, copy)
    copy.unlink()


def tampered_kernel(story, machine, disk):
    flip_bit_of_kernel(story, disk)
    with machine.boot(disks=[disk]) as vm:
        vm.expect(r"(?i)access denied|security violation", 180)
        story.says("a kernel with one flipped bit is refused by Secure Boot", True)
        story.says("nothing of it ran", not vm.serial.seen(r"EFI stub|Linux version|initrd"), vm.serial.tail())


def another_computer(story, machine, disk):
    stranger = Machine.new(story.folder / "stranger", twin_of=machine)
    with stranger.boot(disks=[disk]) as vm:
        stopped = particle.is_stopped(vm)
        story.says("the disk in a machine with another TPM does not unlock; the start is stopped, which says so", stopped, vm.serial.tail())
        console = vm.serial.text()
        story.says("it says so on the console, in words of the TPM", vm.shows(r"unseal secret using TPM2|No TPM2 metadata"), vm.serial.tail())
        story.says("nothing else was opened there", not particle.opened_on(console), particle.opened_on(console))


def longer_command_line(story, machine, disk):
    """Firmware strings that systemd-stub adds to what is signed: anybody with the vendor's tools can write them."""
    with machine.boot(disks=[disk], cmdline="systemd.run=/bin/true") as vm:
        stopped = particle.is_stopped(vm)
        story.says("a command line that was added to from outside unlocks nothing; the start is stopped, which says so", stopped, vm.serial.tail())
        console = vm.serial.text()
        story.says("nothing else was opened there", not particle.opened_on(console), particle.opened_on(console))
    with machine.boot(disks=[disk]) as vm:
        vm.wait_up()
        story.equals("without the addition it starts as ever", "disk", particle.mode(vm))
        vm.poweroff()


with Story("tampering") as story:
    machine, disk = particle.installed(story.folder)
    flipped_usr(story, machine, disk.overlay(story.folder / "usr.qcow2"))
    tampered_kernel(story, machine, disk.overlay(story.folder / "kernel.qcow2"))
    another_computer(story, machine, disk.overlay(story.folder / "moved.qcow2"))
    longer_command_line(story, machine, disk.overlay(story.folder / "longer.qcow2"))
