#!/usr/bin/env python3
# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""The installed disk alone: it unlocks by itself, a running system's root cannot unseal, makes a recovery key, and installs the next disk. With another TPM that
key opens it."""

import json
import time

from harness import Disk, Machine, Story, particle

UNLOCK = r"(?i)please enter (passphrase|recovery key)[^\r\n]*:"


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


def recovery_key(story, vm):
    """Nothing is asked: the key that the first start left on root is used, and used up."""
    story.says("the enrolment key lies on root, for root alone", particle.enrolment_key(vm) == "400 0 0 32 700 0", particle.enrolment_key(vm))
    story.equals("root opens with the TPM and that", [("tpm", False), ("enrolment-key", False)], particle.ways(vm))
    refused = vm.run("preonctl unlock remove 0 </dev/null")
    story.says("what nobody else could open it by is not removed", not refused.ok and "last way" in refused.err, refused)
    before = vm.ask("head -c 20M /dev/disk/by-preon/root | sha256sum")
    story.says("a dry run says that nothing will be asked", "without a question" in vm.ask("preonctl unlock add recovery-key --dry-run </dev/null"))
    story.equals("and changes nothing", before, vm.ask("head -c 20M /dev/disk/by-preon/root | sha256sum"))
    key = json.loads(vm.ask("preonctl unlock add recovery-key --json </dev/null"))["recoveryKey"]
    story.equals("a recovery key was made without a question, and tested", [("tpm", False), ("recovery-key", True)], particle.ways(vm))
    story.equals("the enrolment key is gone, from the header too", ("", ["systemd-tpm2", "systemd-recovery"], 2),
                 (particle.enrolment_key(vm), *[particle.luks_facts(vm, "/dev/disk/by-preon/root")[fact] for fact in ("tokens", "slots")]))  # fmt: skip
    slot = next(way["slot"] for way in json.loads(vm.ask("preonctl unlock list --json"))["ways"] if way["kind"] == "recovery-key")
    refused = vm.run(f"preonctl unlock remove {slot} </dev/null")
    story.says("the last way that was tested is not removed", not refused.ok and "last way of which it was seen" in refused.err, refused)
    untried = vm.run("preonctl unlock test 0 </dev/null")
    story.says("the TPM's cannot be tried now, and it says so", not untried.ok and "only while the system starts" in untried.err, untried)
    story.says("the key is tried as a person types it", vm.run(f"echo {key.replace('-', '').upper()} | preonctl unlock test").ok)
    wrong = vm.run("echo nonsense | preonctl unlock test")
    story.says("another word opens nothing", not wrong.ok, wrong)
    found = vm.run(f"grep -rlaF {key} /run /var /etc --exclude-dir='preon-probe*'; journalctl -b --no-pager | grep -F {key} | grep -v preon-probe").out
    story.equals("the recovery key is in no file and not in the journal", "", found)
    return key


def another_tpm(story, machine, disk, key):
    """As if the TPM was cleared, or the mainboard changed."""
    with Machine.new(story.folder / "twin", twin_of=machine).boot(disks=[disk]) as vm:
        vm.expect(UNLOCK, 300)
        story.says("with another TPM somebody is asked", True)
        time.sleep(2)  # the prompt drops what came before it listened
        vm.type_on_console(key + "\r")
        vm.wait_up()
        story.chapter("a system is up, unlocked with the recovery key")
        story.equals("it is the one of the first start, home too", ("disk", "kept", "kept"),
                     (particle.mode(vm), vm.run("cat /root/kept").out.strip(), vm.run("cat /home/kept").out.strip()))  # fmt: skip
        story.says("the key was not shown", key not in vm.serial.text())
        vm.poweroff()


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
        key = recovery_key(story, vm)
        next_disk(story, vm)
        vm.poweroff()
    another_tpm(story, machine, disk, key)
    with machine.boot(disks=[other]) as vm:
        vm.wait_up()
        story.chapter("a system is up, from the next disk alone")
        story.equals("it is an installed system", "disk", particle.mode(vm))
        story.equals("with a root of its own, made there", (["vda"], False),
                     (particle.disks_under(vm, particle.mounted_from(vm, "/")), vm.run("test -e /root/kept").ok))  # fmt: skip
        story.says("swap and home are there", vm.ask("swapon --noheadings --show=NAME") and particle.mounted_from(vm, "/home"))
        vm.poweroff()
