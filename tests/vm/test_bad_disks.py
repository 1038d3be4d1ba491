#!/usr/bin/env python3
# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""Disks that cannot be written, that fail in the middle, or that go away: what is said, whom it blames, and what is left."""

import subprocess
import uuid

from harness import Disk, Machine, Story, particle
from harness.disk import FaultyDisk, ReadOnlyDisk
from harness.oracle import table_of

SIZE = 6 << 30
INSIDE = 48 << 20  # bytes from the begin of /usr's partition: in the midst of its data
INSTALL = "preonctl install --mode=erase --yes --source={source} --target={target} {more}"


def usr_on_a_new_disk(folder):
    """Where /usr will be on an empty disk of that size: a byte of its data, from an installation into a file."""
    path = folder / "plan.raw"
    with open(path, "wb") as file:
        file.truncate(SIZE)
    subprocess.run(["preonctl", "install", f"--source={particle.image().path}", f"--target={path}", "--mode=erase", "--yes"], check=True, capture_output=True)
    usr = next(p for p in table_of(path) if "Particle_1" in p.get("name", ""))
    path.unlink()
    return usr["start"] * 512 + INSIDE


def medium_of_its_own(path):
    """A copy of the image that is not taken for a second one of the medium that is started from, which would stop the start."""
    subprocess.run(["cp", "--sparse=always", particle.image().path, path], check=True)
    number = particle.image().partition("esp").number
    subprocess.run(["sfdisk", "--quiet", "--part-uuid", path, str(number), str(uuid.uuid4())], check=True, capture_output=True)
    return Disk.raw(path)


def refused(story, vm, sentence, target, words, source="booted", more="", blames_not=()):
    before = vm.ask(f"sfdisk --dump {target} 2>/dev/null || true")
    answer = vm.run(INSTALL.format(source=source, target=target, more=more), particle.INSTALL_LIMIT)
    said = answer.out + answer.err
    story.says(sentence, not answer.ok and all(word in said for word in words) and not any(word in said for word in blames_not), answer)
    return before, said


def read_only(story, vm, target):
    before, _ = refused(story, vm, "a write-protected disk is refused, in words", target, [target, "cannot be written: it is read-only"])
    story.equals("it is as it was", before, vm.ask(f"sfdisk --dump {target} 2>/dev/null || true"))


def failing(story, vm, writing, reading):
    for target, sentence in ((writing, "a disk that fails while it is written is blamed, not the medium"), (reading, "so is one that cannot be read back")):
        refused(story, vm, sentence, target, [f"The disk {target} did not keep what was written to it", "medium is not at fault"])
        story.equals("it has no partition that a firmware could start", "", vm.run(f"sfdisk --json {target} | grep -o '\"node\"'").out.strip())
    story.equals("the live system goes on", [], particle.failed_units(vm))


def bad_medium(story, vm, good, medium):
    refused(story, vm, "a medium that cannot be read is blamed, not the disk", good, ["The installation medium", "is damaged", "The disk is not at fault"], source=medium)
    answer = vm.run(INSTALL.format(source="booted", target=good, more=""), particle.INSTALL_LIMIT)
    story.says("from a good medium the same disk is installed to", answer.ok, answer)


def device_mapper_error(story, vm, good):
    """The last megabyte, where a GPT has its backup, gives errors."""
    vm.ask(f"d={good}; "
           "s=$(blockdev --getsz $d); wipefs --quiet --all --force $d $d? ; udevadm settle; "
           "printf \"0 %d linear $d 0\\n%d 2048 error\\n\" $((s - 2048)) $((s - 2048)) | dmsetup create bad; "
           "mkdir -p /run/defs && printf '[Partition]\\nType=linux-generic\\nSizeMinBytes=64M\\nFormat=ext4\\n' >/run/defs/a.conf")  # fmt: skip
    for what in ("preonctl repart --dry-run=no --empty=force --definitions=/run/defs /dev/mapper/bad", INSTALL.format(source="booted", target="/dev/mapper/bad", more="")):
        answer = vm.run(what, particle.INSTALL_LIMIT)
        name = " ".join(what.split()[:2])
        story.says(f"{name} on a disk whose end cannot be written fails with the disk's name", not answer.ok and "/dev/mapper/bad" in answer.err + answer.out, answer)
        table = vm.run("dd if=/dev/mapper/bad bs=512 skip=1 count=1 status=none iflag=direct | head -c 8").out
        story.says("no table was published", table != "EFI PART" and not vm.run("sfdisk --dump /dev/mapper/bad").ok, table)
    vm.ask("dmsetup remove bad")


def vanishing(story, vm, pulled, plug):
    command = INSTALL.format(source="booted", target=pulled, more="--allow-removable")
    vm.ask(f"systemd-run --quiet --no-block bash -c '{command} >/run/vanish 2>&1; echo $? >/run/vanish.rc'")
    vm.ask(f"cd /sys/block/{pulled.removeprefix('/dev/')}; "
           "for i in $(seq 600); do [ $(awk '{ print $7 }' stat) -gt 200000 ] && exit 0; sleep 0.2; done; exit 1", 180)  # fmt: skip
    vm.qmp.command("device_del", id=plug)
    vm.ask("for i in $(seq 600); do [ -s /run/vanish.rc ] && exit 0; sleep 0.5; done; exit 1", 320)
    said = vm.ask("cat /run/vanish /run/vanish.rc")
    story.says("a disk that is pulled out while it is written ends the installation, which names it", said.endswith("\n1") and f"The disk {pulled} went away" in said and "medium is not at fault" in said, said)
    story.equals("the live system goes on", [], particle.failed_units(vm))


with Story("bad-disks") as story:
    folder = story.folder
    machine = Machine.new(folder / "machine")
    usr = usr_on_a_new_disk(folder)
    medium = medium_of_its_own(folder / "medium.raw")
    on_medium = medium.partition("usr")
    empty = {name: Disk.empty(folder / f"{name}.qcow2", str(SIZE)) for name in ("protected", "writes", "reads", "good", "pulled")}
    protected, writing, reading, good = disks = [ReadOnlyDisk(empty["protected"]), FaultyDisk(empty["writes"], "write", usr), FaultyDisk(empty["reads"], "read", usr), empty["good"]]
    bad = FaultyDisk(medium, "read", on_medium.offset + INSIDE)
    stick, pulled = particle.image().overlay(folder / "stick.qcow2"), empty["pulled"]
    with machine.boot(disks=disks, sticks=[stick, bad, pulled], first=stick) as vm:
        vm.wait_up()
        story.chapter("the live system is up, among bad disks")
        read_only(story, vm, vm.device_of(protected))
        failing(story, vm, vm.device_of(writing), vm.device_of(reading))
        bad_medium(story, vm, vm.device_of(good), vm.device_of(bad))
        device_mapper_error(story, vm, vm.device_of(good))
        vanishing(story, vm, vm.device_of(pulled), "plug2")
        vm.poweroff()
