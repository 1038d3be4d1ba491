#!/usr/bin/env python3
# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""The image copied to a disk with dd completes itself there, and the menu's entries force either way."""

from harness import Machine, Story, particle


def completes_itself(story, machine, disk):
    shipped, table = disk.partition("esp").uuid, disk.disk_uuid()
    with machine.boot(disks=[disk]) as vm:
        vm.wait_up()
        story.chapter("a system is up, from the copied disk")
        story.equals("a fixed disk completes itself in place", "disk", particle.mode(vm))
        story.equals("root is a volume made there", ["vda"], particle.disks_under(vm, particle.mounted_from(vm, "/")))
        story.says("swap and home are there", vm.ask("swapon --noheadings --show=NAME") and particle.mounted_from(vm, "/home"))
        story.equals("no unit failed", [], particle.failed_units(vm))
        vm.ask("echo kept >/root/kept && sync")
        vm.reboot()
        story.chapter("restarted")
        story.equals("its second start unlocks by itself", "kept", vm.run("cat /root/kept").out.strip())
        vm.poweroff()
    story.says("the disk got a fresh UUID", disk.disk_uuid() != table)
    story.says("so did its EFI partition", disk.partition("esp").uuid != shipped)
    story.says("the disk is used to its end", sum(p.size for p in disk.partitions()) > 0.95 * disk.size(), disk.partitions())


def set_up_on_stick(story, machine, stick):
    with machine.boot(sticks=[stick]) as vm:
        vm.choose("set up on this medium")
        vm.wait_up()
        story.chapter("a system is up, from the stick that was set up")
        story.equals("the entry `setup` completes the stick and restarts into it", "disk", particle.mode(vm))
        story.equals("root is on the stick", ["sda"], particle.disks_under(vm, particle.mounted_from(vm, "/")))
        vm.poweroff()


def live_from_fixed_disk(story, machine, disk):
    with machine.boot(disks=[disk]) as vm:
        vm.choose("try from memory")
        vm.wait_up()
        story.chapter("the entry `live` is up, from a fixed disk")
        story.equals("the entry `live` forces a live system", "live", particle.mode(vm))
        story.says("root is in memory", particle.root_is_in_memory(vm))
        vm.poweroff()
    story.says("not one write reached the fixed disk", disk.is_untouched())


with Story("copied") as story:
    machine = Machine.new(story.folder / "machine")
    completes_itself(story, machine, particle.image().overlay(story.folder / "copied.qcow2", "12G"))
    set_up_on_stick(story, machine, particle.image().overlay(story.folder / "stick.qcow2", "12G"))
    live_from_fixed_disk(story, machine, particle.image().overlay(story.folder / "fixed.qcow2"))
