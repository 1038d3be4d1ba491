#!/usr/bin/env python3
# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""A system that was used is installed anew from the stick: its home stays, byte for byte, until the new system adopts it; nothing of the old root can be opened."""

import hashlib
import json

from harness import Disk, Machine, Story, Trouble, particle

MiB = 1 << 20
HEADER = 16 * MiB

# Somebody else's partitions, of types that a particle looks for, too.
THEIRS = """set -e
printf 'size=100MiB, type=%s, name="theirs"\\n' 4f68bce3-e8cd-4db1-96e7-fbcaf984b709 933ac7e1-2eb4-4f13-b844-0e14e2aef915 | sfdisk --quiet --append /dev/vda >&2
udevadm settle
for p in $(lsblk --noheadings --list --output PATH,PARTLABEL /dev/vda | awk '$2 == "theirs" { print $1 }'); do
    openssl enc -aes-128-ctr -K 00 -iv ${p#/dev/vda} -in /dev/zero 2>/dev/null | head -c 64M >$p
done
sync"""

FOREIGN = """set -e
sfdisk --dump /dev/vda | grep '"theirs"'
for p in $(lsblk --noheadings --list --output PATH,PARTLABEL /dev/vda | awk '$2 == "theirs" { print $1 }'); do sha256sum <$p; done"""

ANEW = "preonctl install --source=booted --target=/dev/vda --mode=reinstall"


def own(disk, kind):
    for partition in disk.partitions():
        if partition.type == kind and partition.label not in ("theirs", "_empty"):
            return partition
    raise Trouble(f"there is no {kind} partition of ours: {disk.partitions()}")


def digest(disk, partition, folder):
    copy = folder / "partition.raw"
    try:
        disk.read(partition.offset, partition.size, copy)
        with copy.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    finally:
        copy.unlink(missing_ok=True)


def header(disk, partition, folder):
    """The blocks of 4096 bytes of a volume's header that are not empty."""
    copy = folder / "header.raw"
    try:
        disk.read(partition.offset, HEADER, copy)
        data = copy.read_bytes()
    finally:
        copy.unlink(missing_ok=True)
    blocks = {at: data[at : at + 4096] for at in range(0, HEADER, 4096)}
    return {at: block for at, block in blocks.items() if block.strip(b"\0")}


def install(story, vm):
    vm.wait_up()
    story.chapter("the live system is up")
    empty = vm.run(ANEW + " --dry-run")
    story.says("on an empty disk there is nothing to install anew", not empty.ok and "no partitions" in empty.err, empty)
    answer = particle.install(vm, "/dev/vda")
    if not story.says("the system installs itself on the empty disk", answer.ok, answer):
        raise Trouble("nothing is installed, so there is nothing to start")
    vm.ask(THEIRS, 300)
    theirs = vm.ask(FOREIGN, 300)
    vm.poweroff()
    return theirs


def use(story, vm, theirs):
    vm.wait_up()
    story.chapter("a system is up, from the disk")
    story.equals("it is the installed system", "disk", particle.mode(vm))
    story.equals("others' partitions are as they were", theirs, vm.ask(FOREIGN, 300))
    recovery = vm.ask("preonctl home-volume add-recovery 2>/dev/null")
    vm.ask("mkdir /home/user && echo kept >/home/user/kept && head -c 8M /dev/urandom >/home/user/large && echo gone >/root/gone && sync")
    large = vm.ask("sha256sum </home/user/large")
    vm.poweroff()
    return recovery, large


def install_anew(story, vm, theirs):
    vm.wait_up()
    story.chapter("the stick is up, beside the disk that was used")
    story.equals("it runs live", "live", particle.mode(vm))
    table = vm.ask("sfdisk --dump /dev/vda")
    dry = vm.run(ANEW + " --dry-run --json")
    story.says("a dry run prints its plan", dry.ok, dry)
    plan = json.loads(dry.out) if dry.ok else {}
    story.says("the plan says what goes and what stays", "its root file system" in str(plan.get("lost")) and len(plan.get("kept", [])) == 1, plan.get("lost"))
    homes = [[p["uuid"] for p in plan.get(when, {}).get("partitions", []) if p["type"] == "home"] for when in ("before", "after", "firstBoot")]
    story.says("home is kept in all of it, and no second one is made", homes[0] == homes[1] == homes[2] and len(homes[0]) == 2, homes)
    unasked = vm.run(ANEW)
    story.says("without --yes and without a person nothing is done", not unasked.ok and vm.ask("sfdisk --dump /dev/vda") == table, unasked)
    onto_itself = vm.run(ANEW.replace("/dev/vda", "/dev/sda") + " --yes")
    story.says("it refuses the medium that it runs from", not onto_itself.ok, onto_itself)
    answer = vm.run(ANEW + " --yes", particle.INSTALL_LIMIT)
    if not story.says("the system is installed anew", answer.ok, answer):
        raise Trouble("nothing is installed, so there is nothing to start")
    story.equals("not a byte of the others has changed", theirs, vm.ask(FOREIGN, 300))
    again = vm.run(ANEW + " --dry-run")
    story.says("a second run would be possible before the first start", again.ok, again)
    vm.poweroff()


def adopt(story, vm, theirs, recovery, large):
    vm.wait_up()
    story.chapter("a system is up, from the disk that was installed anew")
    story.equals("it is the installed system", "disk", particle.mode(vm))
    story.says("its root is a new one", not vm.run("test -e /root/gone").ok)
    story.equals("root, and swap, are on that disk", [["vda"], ["vda"]],
                 [particle.disks_under(vm, particle.mounted_from(vm, "/")), particle.disks_under(vm, vm.ask("swapon --noheadings --show=NAME").split()[0])])  # fmt: skip
    story.equals("home stays shut", (False, ""), (particle.home_status(vm)["open"], particle.mounted_from(vm, "/home")))
    story.says("the journal says why", vm.run("journalctl -b --no-pager | grep 'home stays shut: this root does not hold its key'").ok)
    story.equals("others' partitions are as they were", theirs, vm.ask(FOREIGN, 300))
    wrong = vm.run("preonctl home-volume adopt <<<cbdefghi-cbdefghi-cbdefghi-cbdefghi-cbdefghi-cbdefghi-cbdefghi-cbdefghi")
    story.says("a wrong recovery key adopts nothing", not wrong.ok and not vm.run("test -e /var/lib/preon/keys/home.key").ok, wrong)
    adopted = vm.run(f"preonctl home-volume adopt <<<{recovery.replace('-', '').upper()}")
    story.says("the recovery key adopts it, as a person may type it", adopted.ok, adopted)
    vm.reboot()
    story.chapter("restarted")
    story.equals("the files are there", ("kept", large), (vm.run("cat /home/user/kept").out.strip(), vm.run("sha256sum </home/user/large").out.strip()))
    status = particle.home_status(vm)
    story.equals("every block fits; the old root's key slot is gone, the recovery key stays", (0, 2, True),
                 (status.get("mismatches"), status["keySlots"], status["recoveryKey"]))  # fmt: skip
    story.equals("no unit failed", [], particle.failed_units(vm))
    vm.poweroff()


with Story("reinstall") as story:
    machine = Machine.new(story.folder / "machine")
    stick, disk = particle.image().overlay(story.folder / "stick.qcow2"), Disk.empty(story.folder / "disk.qcow2", "8G")
    with machine.boot(disks=[disk], sticks=[stick]) as vm:
        theirs = install(story, vm)
    with machine.boot(disks=[disk]) as vm:
        recovery, large = use(story, vm, theirs)
    root, home = own(disk, "root"), own(disk, "home")
    before, keys = digest(disk, home, story.folder), header(disk, root, story.folder)
    story.says("the old root's header was found", len(keys) > 8, len(keys))
    with machine.boot(disks=[disk], sticks=[stick], first=stick) as vm:
        install_anew(story, vm, theirs)
    story.equals("home is as it was, byte for byte, in its place", (home, before), (own(disk, "home"), digest(disk, home, story.folder)))
    story.equals("there is no root until the first start", ["theirs"], [p.label for p in disk.partitions() if p.type == "root"])
    now = header(disk, root, story.folder)
    story.equals("nothing is left of what opened the old root", [], [at for at, block in keys.items() if now.get(at) == block])
    story.says("not one write reached the stick", stick.is_untouched())
    with machine.boot(disks=[disk]) as vm:
        adopt(story, vm, theirs, recovery, large)
