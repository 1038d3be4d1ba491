#!/usr/bin/env python3
# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""The home partition: made at the first start even when that is cut off, never silently wrong, read out without a key. How a new root adopts it: test_reinstall.py."""

import mmap
import re

from harness import Disk, Machine, Story, Trouble, particle

KEY, NEW_KEY = "/var/lib/preon/keys/home.key", "/var/lib/preon/keys/home.key.new"
MARK = "what-the-home-partition-holds-in-clear"
MOUNT = "mount -t btrfs -o nodev,nosuid /dev/mapper/home /home"
MiB = 1 << 20

# Each file is reported once it is on the disk, and its name goes to the console.
WRITER = """
mkdir -p /home/many && cd /home/many
for i in $(seq 1 100000); do
    seq $i $((i + 20000)) | dd of=$i bs=64k conv=fsync status=none || break
    echo "fsynced $i." >/dev/console
done
"""


def cut_while_made(story, machine, disk):
    with machine.boot(disks=[disk]) as vm:
        vm.expect("Making the home volume", 300)
        vm.power_cut()
    kinds = {partition.type for partition in disk.partitions()}
    story.says("the power was cut while home was made, its partition already in the table", "home" in kinds, kinds)


def first_start(story, vm):
    vm.wait_up()
    story.chapter("a system is up, after a first start that was cut off")
    home = particle.home_status(vm)
    story.equals("home was made anew and is open, every block fits", (True, True, 0), (home["open"], home["protected"], home["mismatches"]))
    story.equals("/home is on it", "/dev/mapper/home", particle.mounted_from(vm, "/home"))
    story.equals("its key is a file that only root reads, under its last name", ("400 0 32", False),
                 (vm.ask(f"stat -c '%a %u %s' {KEY}"), vm.run(f"test -e {NEW_KEY}").ok))  # fmt: skip
    story.equals("no unit failed", [], particle.failed_units(vm))
    story.equals("no block was read that was never written", "", vm.run("journalctl -k -b --no-pager | grep -i 'checksum failed'").out.strip())
    story.equals("nothing is read ahead of it, so that no block is met that was never written", "0", vm.ask("blockdev --getra /dev/mapper/home").strip())
    story.equals("no discard can reach it", "0", vm.ask("lsblk --nodeps --bytes --noheadings --output DISC-MAX /dev/mapper/home").strip())
    trim = vm.run("fstrim /home")
    story.says("fstrim is refused", not trim.ok and "not supported" in trim.err, trim)
    options = vm.ask("dmsetup table home").split()
    story.says("it is journalled, with HMACs of blocks, journal and superblock",
               {"J", "fix_hmac", "fix_padding", "block_size:4096"} <= set(options) and "allow_discards" not in options and any(o.startswith("journal_mac:hmac(sha256)") for o in options),
               " ".join(o for o in options if "hmac(sha256):" not in o))  # fmt: skip


def cost(story, vm):
    """Writing and reading 64 MiB, against a plain btrfs on an empty disk of the same machine."""
    vm.ask("mkfs.btrfs --quiet --force /dev/vdb && mkdir -p /run/plain && mount -t btrfs -o nodev,nosuid /dev/vdb /run/plain", 180)

    def rate(script):
        vm.ask("sync; echo 3 >/proc/sys/vm/drop_caches", 300)
        return int(vm.ask(f"began=$(date +%s%N); {script}; echo $(($(date +%s%N) - began))", 600)) / 1e9

    vm.ask("head -c 64M /dev/urandom >/run/random", 300)
    seconds = {"written": {}, "read": {}, "synced in small files": {}}
    for name, folder in (("plain", "/run/plain"), ("home", "/home"), ("plain", "/run/plain"), ("home", "/home")):
        for what, script in (
            ("written", f"rm -f {folder}/big; dd if=/run/random of={folder}/big bs=1M conv=fsync status=none"),
            ("read", f"dd if={folder}/big of=/dev/null bs=1M status=none"),
            ("synced in small files", f"rm -rf {folder}/small; mkdir {folder}/small; for i in $(seq 30); do dd if=/run/random of={folder}/small/$i bs=4k count=4 conv=fsync status=none; done"),
        ):  # fmt: skip
            seconds[what].setdefault(name, []).append(rate(script))
    for what, found in seconds.items():
        plain, home = min(found["plain"]), min(found["home"])
        story.chapter(f"cost: {what}, plain {plain:.1f} s, home {home:.1f} s: {home / plain:.2f} times as long")
    vm.ask("rm -rf /home/big /home/small /run/random && umount /run/plain && sync", 120)


def cut_while_writing(story, vm):
    recovery = vm.ask("preonctl home-volume add-recovery 2>/dev/null")
    story.says("a recovery key was made", re.fullmatch(r"([cbdefghijklnrtuv]{8}-){7}[cbdefghijklnrtuv]{8}", recovery), recovery)
    vm.agent.send(WRITER)
    vm.expect(r"fsynced 60\.", 300)
    vm.power_cut()
    count = max(int(number) for number in re.findall(r"fsynced (\d+)\.", vm.serial.text()))
    story.chapter(f"the power was cut while the {count + 1}. file was written")
    return count


def second_start(story, vm, count):
    vm.wait_up()
    story.chapter("a system is up, after the cut")
    check = vm.ask(f"cd /home/many && for i in $(seq 1 {count}); do seq $i $((i + 20000)) | cmp -s - $i || echo $i; done", 600)
    story.equals("each file that was synced is there, whole", "", check)
    story.equals("no unit failed", [], particle.failed_units(vm))
    vm.ask("umount /home")
    checked = vm.run("btrfs check --readonly /dev/mapper/home", 600)
    story.says("btrfs finds no error", checked.ok and "no error found" in checked.out + checked.err, checked)
    vm.ask(MOUNT)
    story.equals("every block that was read fits", 0, particle.home_status(vm)["mismatches"])
    vm.ask(f"mkdir /home/user && for i in $(seq 400); do echo {MARK}; done >/home/user/marked && echo kept >/home/user/kept && sync")
    vm.poweroff()


def alter(story, disk, folder):
    """Flips one bit of the marked file where it lies on the disk, in clear."""
    home = disk.partition("home")
    disk.read(home.offset, home.size, folder / "home.raw")
    needle = (MARK + "\n").encode() * 3
    with (folder / "home.raw").open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        places, at = [], data.find(needle, 64 * MiB)
        while at >= 0:
            places.append(at)
            at = data.find(needle, at + 16384)
    (folder / "home.raw").unlink()
    if not places:
        raise Trouble("the marked file was not found on the disk")
    for place in places:
        disk.flip_bit(home.offset + place)
    story.says("the partition is not encrypted: the marked file was found on the disk, and one bit of it flipped", True)


def grown_and_altered(story, vm, before):
    vm.wait_up()
    story.chapter("a system is up, on a larger disk, with one bit of home altered")
    size = int(vm.ask("blockdev --getsize64 /dev/mapper/home"))
    fs = int(vm.ask("findmnt --noheadings --bytes --output SIZE --mountpoint /home").strip())
    story.says("home has grown, and its file system with it", size > before + 512 * MiB and fs > before + 512 * MiB, (before, size, fs))
    story.equals("nothing was read that does not fit", 0, particle.home_status(vm)["mismatches"])
    story.equals("a file beside it is as it was", "kept", vm.ask("cat /home/user/kept"))
    marked = vm.run("cat /home/user/marked")
    story.says("the altered file is an error, not other words", not marked.ok and "Input/output error" in marked.err and not marked.out, marked)
    story.says("the journal says which block", "hecksum failed at sector" in vm.ask("journalctl -k -b --no-pager | grep -i integrity"))
    story.says("status counts it", particle.home_status(vm)["mismatches"] >= 1)
    written = vm.run("head -c 600M /dev/urandom >/home/fill && sync && sha256sum /home/fill >/run/sum && echo 3 >/proc/sys/vm/drop_caches && sha256sum --check --status /run/sum", 900)
    story.says("what is written to it now is read back", written.ok, written)
    vm.ask("rm /home/fill && sync")
    story.equals("no unit failed", [], particle.failed_units(vm))


def recovering(story, vm):
    vm.ask("umount /home && preonctl home-volume close")
    story.says("it is shut", not particle.home_status(vm)["open"])
    opened = vm.run("preonctl home-volume recover --read-only")
    story.says("it can be opened for copying out, with words of warning", opened.ok and "NOTHING" in opened.out, opened)
    story.says("not for writing", not vm.run("dd if=/dev/zero of=/dev/mapper/home-unchecked bs=4096 count=1 conv=fsync").ok)
    vm.ask("mkdir -p /run/m && mount -o ro,nosuid,nodev,noexec,rescue=idatacsums /dev/mapper/home-unchecked /run/m")
    lines = vm.ask("cat /run/m/user/marked").splitlines()
    story.equals("all but the altered line comes out", (400, 399), (len(lines), lines.count(MARK)))
    vm.ask("umount /run/m && preonctl home-volume close")
    lost = vm.run("preonctl home-volume recover --read-only --key-file=/dev/null && mount -o ro,rescue=idatacsums /dev/mapper/home-unchecked /run/m && cat /run/m/user/kept; umount /run/m; preonctl home-volume close")
    story.says("even without any key", "kept" in lost.out, lost)
    # One bit of the superblock, which its MAC covers: byte 32 is in the unused field before the salt.
    flip = "b=$(dd if=/dev/disk/by-preon/home bs=1 skip=$((16777216 + 40)) count=1 status=none | od -An -tu1); printf \"\\\\x$(printf %02x $((b ^ 1)))\" | dd of=/dev/disk/by-preon/home bs=1 seek=$((16777216 + 40)) conv=notrunc,fsync status=none"
    vm.ask(flip)
    refused = vm.run("preonctl home-volume open")
    story.says("an altered superblock is refused, and said to be", not refused.ok and "does not fit its key" in refused.err, refused)
    vm.ask(flip)
    story.says("restored, it opens", vm.run(f"preonctl home-volume open && {MOUNT}").ok)


with Story("home") as story:
    machine = Machine.new(story.folder / "machine")
    disk, plain = particle.image().overlay(story.folder / "disk.qcow2", "8G"), Disk.empty(story.folder / "plain.qcow2", "2G")
    cut_while_made(story, machine, disk)
    with machine.boot(disks=[disk, plain]) as vm:
        first_start(story, vm)
        cost(story, vm)
        count = cut_while_writing(story, vm)
    with machine.boot(disks=[disk]) as vm:
        second_start(story, vm, count)
    before = disk.partition("home").size
    alter(story, disk, story.folder)
    disk.grow("10G")
    with machine.boot(disks=[disk]) as vm:
        grown_and_altered(story, vm, before)
        recovering(story, vm)
        vm.poweroff()
