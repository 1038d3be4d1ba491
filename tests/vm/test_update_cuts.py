#!/usr/bin/env python3
# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""The plug is pulled anywhere in an update from version 1 to 2.

QEMU records each write of it. Of what any cut may leave an oracle made of other people's tools says which versions a loader would find there, and whether all of them are whole: 1 always is,
and 2 from the moment on that its kernel has its name. Some of those states are really started.
"""

import subprocess

from harness import Disk, Story, particle
from harness.cuts import Cuts
from harness.oracle import UpdateOracle, bytes_of, file_on, kind, table_of
from harness.story import top
from harness.updates import Nginx, connect, join, labels, serve, version
from harness.writelog import LoggedDisk, WriteLog, touches

LOADER = "/EFI/systemd/systemd-bootx64.efi"
SLOTS = ("usr", "usr-verity", "usr-verity-sig")


def record(story, machine, disk, server):
    with machine.boot(disks=[disk], network=True) as vm:
        vm.wait_up()
        serve(server, 2)
        connect(vm, server)
        story.chapter("version 1 is up, version 2 on the server; writes are recorded")
        done = vm.run("preonctl update install --yes --json", 600)
        story.says("version 2 is installed", done.ok, done)
        vm.poweroff()


def state_of(finding):
    """The kinds of states of which one is started."""
    if finding.torn:
        return "torn"
    if finding.empty:
        return "empty"
    if finding.starts == "2":
        return "new"
    return "placed" if 2 in finding.slots else "begun" if finding.begun else "old"


def starts(story, machine, state, wanted, sentence, then=None):
    with machine.boot(disks=[Disk.raw(state)], network=True) as vm:
        vm.wait_up()
        story.equals(sentence, (str(wanted), "disk"), (version(vm), particle.mode(vm)))
        story.equals("what lay on root and home is there", ("kept", "kept"), (vm.ask("cat /root/kept"), vm.ask("cat /home/kept")))
        story.equals("no unit failed", [], particle.failed_units(vm))
        if then:
            then(vm)
        vm.poweroff()


with Story("update-cuts") as story:
    machine, installed = particle.installed(story.folder)
    base, path = story.folder / "update.before", story.folder / "update.raw"
    subprocess.run(["qemu-img", "convert", "-f", "qcow2", "-O", "raw", installed.path, base], check=True)
    subprocess.run(["cp", "--sparse=always", base, path], check=True)
    disk = LoggedDisk(Disk.raw(path), story.folder / "update.log")
    (story.folder / "server").mkdir()
    with Nginx(story.folder / "server") as server:
        record(story, machine, disk, server)
        before = table_of(base)
        esp = next(p for p in before if kind(p) == "esp")
        kernels = {1: particle.kernel_path().read_bytes(), 2: (top() / "out/updates/2/Particle_2.efi").read_bytes()}
        running = [p for p in before if p.get("name") == "Particle_1"]
        free = [p for p in before if p.get("name") == "_empty" and kind(p) in SLOTS]
        story.equals("version 1 has three partitions, and as many are free", (3, 3), (len(running), len(free)))
        log = WriteLog(disk.log)
        strays = [write for write in log.writes() for p in running if touches(write, *bytes_of(p))]
        story.equals("no write ever reached the /usr that runs", [], strays[:5])

        tables = [(0, 1 << 20), (base.stat().st_size - (1 << 20), 1 << 20)]
        stays = [p for p in before if p not in free]
        loader = (LOADER, file_on(base, esp, LOADER))
        cuts = Cuts(story, "update", base, disk.log, {"1", "2"}, lambda path: UpdateOracle(path, kernels, loader, stays, [1]), tables,
                    areas=[*tables, bytes_of(esp)], contents=[bytes_of(p) for p in free], label=state_of).go(keep=("begun", "torn", "placed", "empty", "new"))  # fmt: skip
        cuts.tell("2")
        story.says("there were cuts of each kind", set(cuts.samples) >= {"begun", "torn", "placed", "new"}, cuts.samples)
        # Of a new name and the length of the file, which on FAT stands beside it, a cut may leave the one without the other.
        story.equals("no flush confirms a name without bytes", 0, cuts.flushed["empty"])

        def finish(vm):
            join(vm)
            done = vm.run("preonctl update resume --yes --json", 600)
            story.says("going on with the update installs version 2", done.ok and labels(vm).count("Particle_2") == 3, done)
            vm.reboot()
            story.equals("which a restart starts", "2", version(vm))

        starts(story, machine, cuts.samples["begun"], 1, "cut off when the first slot had its name, version 1 starts")
        starts(story, machine, cuts.samples["torn"], 1, "cut off while the table was written, version 1 starts", finish)
        starts(story, machine, cuts.samples["placed"], 1, "cut off when all was there but the kernel's name, version 1 starts")
        if "empty" in cuts.samples:
            starts(story, machine, cuts.samples["empty"], 1, "cut off when the kernel had a name and no bytes, version 1 starts", finish)
        starts(story, machine, cuts.samples["new"], 2, "cut off right after the kernel had its name, version 2 starts")
