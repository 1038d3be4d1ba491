#!/usr/bin/env python3
# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""The installed disk alone: it unlocks by itself, a running system's root cannot unseal, and it installs the next disk."""

from harness import Disk, Story, particle


def start(story, vm):
    vm.wait_up()
    story.chapter("a system is up, from the disk alone")
    story.equals("it is the installed system", "disk", particle.mode(vm))
    story.equals("root was unlocked without anybody", ["vda"], particle.disks_under(vm, particle.mounted_from(vm, "/")))
    story.equals("it is the root of the first start", "kept", vm.run("cat /root/kept").out.strip())
    story.equals("home is the one of the first start", "kept", vm.run("cat /home/kept").out.strip())
    story.says("swap is on", vm.ask("swapon --noheadings --show=NAME"))
    story.equals("no unit failed", [], particle.failed_units(vm))
    entries = vm.run("preonctl boot list --json")
    story.says("boot list knows the entry that was started", entries.ok and "particle_1.efi" in entries.out.lower(), entries)


def root_cannot_unseal(story, vm):
    particle.give_signature(vm)
    control = particle.volume_with(vm, "control", "--tpm2-public-key= --tpm2-pcrs=")
    for name, answer in particle.tries_to_unseal(vm, control).items():
        story.says(f"{name} opens a volume that is sealed without a policy (so the next lines mean something)", answer.ok, answer)
    for what, device in (
        ("its own root volume", particle.header_copy(vm, "/dev/disk/by-preon/root")),
        ("a new volume sealed with the kernel's public key", particle.volume_with(vm, "sealed", particle.KERNEL_POLICY)),
    ):
        for name, answer in particle.tries_to_unseal(vm, device).items():
            story.says(f"root in the running system cannot unseal {what} with {name}", not answer.ok, answer)


def next_disk(story, vm):
    answer = particle.install(vm, "/dev/vdb")
    story.says("the installed system installs itself on the next disk", answer.ok, answer)
    story.equals("and goes on running from its own", ["vda"], particle.disks_under(vm, particle.mounted_from(vm, "/")))


with Story("second-start") as story:
    machine, disk = particle.installed(story.folder)
    other = Disk.empty(story.folder / "other.qcow2", "12G")
    with machine.boot(disks=[disk, other]) as vm:
        start(story, vm)
        root_cannot_unseal(story, vm)
        next_disk(story, vm)
        vm.poweroff()
    with machine.boot(disks=[other]) as vm:
        vm.wait_up()
        story.chapter("a system is up, from the next disk alone")
        story.equals("it is an installed system", "disk", particle.mode(vm))
        story.equals("with a root of its own, made there", (["vda"], False),
                     (particle.disks_under(vm, particle.mounted_from(vm, "/")), vm.run("test -e /root/kept").ok))  # fmt: skip
        story.says("swap and home are there", vm.ask("swapon --noheadings --show=NAME") and particle.mounted_from(vm, "/home"))
        vm.poweroff()
