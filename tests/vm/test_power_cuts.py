#!/usr/bin/env python3
# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""The plug is pulled anywhere in an installation or a first start.

QEMU records each write; what every cut between two flushes may leave is made from that on a copy of the disk, and an oracle made of other people's
tools says what it would start: what was there before, the new system, or nothing that a second run does not finish. Some states are really started.
"""

import subprocess

from harness import Disk, Machine, Story, particle
from harness.cuts import Cuts, tool
from harness.oracle import Oracle, bytes_of, file_on, kind, primary_table_is_whole, table_of
from harness.writelog import LoggedDisk, WriteLog, touches

SIZE = 9 << 30
THEIRS = ["/EFI/Microsoft/Boot/bootmgfw.efi", "/EFI/BOOT/BOOTX64.EFI", "/loader/random-seed"]
TABLE = """\
label: gpt
size=400MiB, type=uefi, name="EFI system partition"
size=500MiB, type=4f68bce3-e8cd-4db1-96e7-fbcaf984b709, name="root-x86-64"
size=300MiB, type=933ac7e1-2eb4-4f13-b844-0e14e2aef915, name="home"
size=400MiB, type=8484680c-9521-48c6-9c11-b0720656f69e, name="_empty"
"""
TABLES = [(0, 1 << 20), (SIZE - (1 << 20), 1 << 20)]


def disk_of_others(path):
    """A disk that somebody else's system lives on, with files on its EFI partition."""
    with open(path, "wb") as file:
        file.truncate(SIZE)
    tool("sfdisk", "--quiet", path, input=TABLE.encode())
    partitions = table_of(path)
    esp = f"{path}@@{partitions[0]['start'] * 512}"
    tool("mformat", "-i", esp, "-F", "-T", partitions[0]["size"], "-v", "SYSTEM", "::")
    for name in THEIRS:
        parts = name.split("/")[1:-1]
        for depth in range(1, len(parts) + 1):
            subprocess.run(["mmd", "-i", esp, "-D", "s", "::" + "/".join(["", *parts[:depth]])], capture_output=True, check=False)
        tool("mcopy", "-i", esp, "-", "::" + name, input=("theirs: " + name).encode())
    for number, partition in enumerate(partitions[1:]):
        start, size = bytes_of(partition)
        with open(path, "r+b") as file:
            for at in range(0, size, 50 << 20):
                file.seek(start + at)
                file.write(bytes([number + 1]) * (1 << 20))
    return partitions


def record(story, machine, stick, disks):
    """Installs beside the others on the first disk, and on the whole of the second."""
    with machine.boot(disks=disks, sticks=[stick]) as vm:
        vm.wait_up()
        story.chapter("the live system is up, writes are recorded")
        for device, mode in (("/dev/vda", "beside"), ("/dev/vdb", "erase")):
            answer = vm.run(f"preonctl install --source=booted --target={device} --mode={mode} --yes", particle.INSTALL_LIMIT)
            story.says(f"installed, mode {mode}", answer.ok, answer)
        vm.poweroff()


def finish(story, state, mode, image):
    """A second run on what a cut has left, by preonctl on the disk's file; then it must be whole."""
    done = subprocess.run(["preonctl", "install", f"--source={image.path}", f"--target={state}", f"--mode={mode}", "--yes"], capture_output=True, text=True, check=False)
    story.says(f"a second run finishes {state.name}", done.returncode == 0, done.stdout[-400:] + done.stderr[-800:])


def starts(story, machine, disk, sentence):
    with machine.boot(disks=[disk]) as vm:
        vm.wait_up()
        story.equals(sentence, ("disk", ["vda"]), (particle.mode(vm), particle.disks_under(vm, particle.mounted_from(vm, "/"))))
        story.says("home is there, swap is on", particle.mounted_from(vm, "/home") != "" and vm.ask("swapon --noheadings --show=NAME") != "")
        story.equals("no unit failed", [], particle.failed_units(vm))
        vm.poweroff()


def first_start(story, machine, state, oracle, partitions):
    """A first start recorded, and what each cut of it leaves: the system is still there, nothing of others was touched, and the next start goes on."""
    base, disk = story.folder / "first.before", LoggedDisk(Disk.raw(state), story.folder / "first.log")
    tool("cp", "--sparse=always", state, base)
    starts(story, machine, disk, "cut off right after the kernel was there, it starts from the disk")
    before, end = table_of(base), table_of(state)
    log = WriteLog(disk.log)
    slots = [p for p in before if kind(p) in ("usr", "usr-verity", "usr-verity-sig")]
    strays = [w for w in log.writes() for p in partitions[1:] + slots if touches(w, *bytes_of(p))]
    story.equals("first start: no write reached a partition of others, or the running /usr", [], strays[:5])
    boot = [p for p in before if kind(p) in ("esp", "bc13c2ff-59e6-4262-a352-b275fd6f7172")]
    areas = [*TABLES, *map(bytes_of, boot)]

    def label(finding):
        if not primary_table_is_whole(oracle_path):
            return "torn"
        return "complete" if len(finding.table) == len(end) else "begun"

    # systemd-boot itself renews a random seed that it finds, at each start and whoever's it is.
    oracle = oracle | {"files": {name: content for name, content in oracle["files"].items() if name != "/loader/random-seed"}}
    oracle_path = story.folder / "first.state"
    cuts = Cuts(story, "first", base, disk.log, {"new"}, lambda path: Oracle(path, **oracle), TABLES, areas=areas, label=label).go(keep=("torn", "complete"))
    cuts.tell("new")
    story.says("a cut can leave a torn table", "torn" in cuts.samples, cuts.samples)
    return cuts.samples


with Story("power-cuts") as story:
    folder, image = story.folder, particle.image()
    stick = image.overlay(folder / "stick.qcow2")
    partitions = disk_of_others(folder / "beside.before")
    tool("cp", "--sparse=always", folder / "beside.before", folder / "erase.before")
    disks = []
    for name in ("beside", "erase"):
        tool("cp", "--sparse=always", folder / f"{name}.before", folder / f"{name}.raw")
        disks.append(LoggedDisk(Disk.raw(folder / f"{name}.raw"), folder / f"{name}.log"))
    machine = Machine.new(folder / "machine")
    record(story, machine, stick, disks)

    kernel = particle.kernel_path().read_bytes()
    theirs = {name: ("theirs: " + name).encode() for name in THEIRS}
    end = table_of(disks[0].path)
    own = [p for p in end if p["uuid"] not in [q["uuid"] for q in partitions]]
    log = WriteLog(disks[0].log)
    strays = [w for w in log.writes() for p in partitions[1:] if touches(w, *bytes_of(p))]
    story.equals("beside: no write ever reached a partition of others", [], strays[:5])
    loader = file_on(disks[0].path, end[0], "/EFI/Particle/systemd-bootx64.efi")
    story.says("beside: three partitions were added", len(own) == 3, own)

    oracle = {"kernel": kernel, "loader": loader, "loader_paths": ["/EFI/Particle/systemd-bootx64.efi"], "others": partitions, "files": theirs}
    beside = Cuts(story, "beside", folder / "beside.before", disks[0].log, {"old", "new"}, lambda path: Oracle(path, **oracle), TABLES).go(keep=("half", "new"))
    beside.tell("new")
    erased = {"kernel": kernel, "loader": loader, "loader_paths": ["/EFI/systemd/systemd-bootx64.efi"]}
    erase = Cuts(story, "erase", folder / "erase.before", disks[1].log, {"old", "nothing", "new"}, lambda path: Oracle(path, **erased), TABLES).go(keep=("nothing",))
    erase.tell("new")
    finish(story, beside.samples["half"], "beside", image)
    finish(story, erase.samples["nothing"], "erase", image)
    story.chapter("starting what the cuts left")
    first = first_start(story, machine, beside.samples["new"], oracle, partitions)
    starts(story, machine, Disk.raw(first["torn"]), "cut off while the table was written in a first start, the next one starts from the disk")
    starts(story, machine, Disk.raw(first["complete"]), "cut off when home's partition had just been made, the next one starts from the disk")
    starts(story, machine, Disk.raw(beside.samples["half"]), "cut off after the table, finished by a second run, it starts from the disk")
    starts(story, machine, Disk.raw(erase.samples["nothing"]), "cut off on an erased disk, installed by a second run, it starts from the disk")
