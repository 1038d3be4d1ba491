#!/usr/bin/env python3
# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""A computer without a TPM: a passphrase is chosen at the first start and asked for at each later one; a disk that a TPM locks says what is missing."""

import json
import re
import time

from harness import Machine, Story, particle

PASSPHRASE = "correct horse battery"
NEW, AGAIN, UNLOCK = r"[Nn]ew passphrase[^\r\n]*:", r"once more:", r"(?i)please enter passphrase[^\r\n]*:"


def answer(vm, question, text, limit=300):
    """Waits for the question and types; what was typed must not be shown."""
    vm.expect(question, limit)
    time.sleep(2)  # the prompt drops what came before it listened
    vm.serial.mark()
    vm.type_on_console(text + "\r")


def cut_while_asked(story, machine, disk):
    with machine.boot(disks=[disk]) as vm:
        vm.expect(NEW, 300)
        vm.power_cut()
    story.says("a passphrase is asked for before anything was written", disk.is_untouched())


def first_start(story, machine, disk):
    with machine.boot(disks=[disk]) as vm:
        vm.expect("TPM cannot hold the key", 300)
        answer(vm, NEW, "short")
        answer(vm, r"too short", PASSPHRASE)
        answer(vm, AGAIN, PASSPHRASE + "x")
        answer(vm, r"not the same", PASSPHRASE)
        answer(vm, AGAIN, PASSPHRASE)
        vm.wait_up()
        story.chapter("a system is up, without a TPM")
        story.says("it opened what it had made without asking again", not vm.serial.seen(UNLOCK))
        story.says("what was typed was never shown", PASSPHRASE not in vm.serial.text())
        story.equals("a disk that completed itself", ("disk", ["vda"]), (particle.mode(vm), particle.disks_under(vm, particle.mounted_from(vm, "/"))))
        slots = json.loads(vm.ask("cryptsetup luksDump --dump-json-metadata /dev/disk/by-preon/root"))
        story.equals("root has two key slots: the passphrase's, and that of the enrolment key, which lies on it",
                     (["argon2id", "pbkdf2"], [("preon-enrolment", ["1"])], "400 0 0 32 700 0"),
                     ([slot["kdf"]["type"] for slot in slots["keyslots"].values()],
                      [(token["type"], token["keyslots"]) for token in slots["tokens"].values()], particle.enrolment_key(vm)))  # fmt: skip
        story.says("swap and home are there", vm.ask("swapon --noheadings --show=NAME") and particle.mounted_from(vm, "/home") == "/dev/mapper/home")
        story.equals("no unit failed", [], particle.failed_units(vm))
        story.says("the console says what opens it", vm.shows("encrypted, unlocked with a passphrase or a recovery key"), vm.serial.tail())
        story.says("the journal says what locks root, and why", vm.run("journalctl -b --no-pager | grep 'locked with a passphrase. The TPM cannot hold'").ok)
        found = vm.run(f"grep -rlaF '{PASSPHRASE}' /run /var /etc --exclude-dir='preon-probe*'; journalctl -b --no-pager | grep -F '{PASSPHRASE}'").out
        story.equals("the passphrase is in no file and not in the journal", "", found)
        key = vm.ask("preonctl unlock add recovery-key 2>/dev/null </dev/null").strip()
        story.says("a recovery key was made, without a question", re.fullmatch(r"([cbdefghijklnrtuv]{8}-){7}[cbdefghijklnrtuv]{8}", key), key)
        story.equals("it was tested, and the enrolment key is gone", ([("passphrase", False), ("recovery-key", True)], ""),
                     (particle.ways(vm), particle.enrolment_key(vm)))  # fmt: skip
        vm.poweroff()
        return key


def later_starts(story, machine, disk, recovery):
    for name, typed in (("passphrase", [PASSPHRASE[:-1], PASSPHRASE]), ("recovery key", [recovery])):
        with machine.boot(disks=[disk]) as vm:
            for text in typed:
                answer(vm, UNLOCK, text)
            vm.wait_up()
            story.chapter(f"a system is up, unlocked with the {name}")
            story.equals("it runs from its disk, home is open", ("disk", "/dev/mapper/home"), (particle.mode(vm), particle.mounted_from(vm, "/home")))
            vm.poweroff()


def locked_by_a_tpm(story, machine, disk):
    with machine.boot(disks=[disk]) as vm:
        stopped = particle.is_stopped(vm)
        story.says("a disk that only a TPM opens is not asked about; the start is stopped", stopped and not vm.serial.seen(UNLOCK), vm.serial.tail())
        story.says("it says what is missing", vm.shows(r"key in the computer's TPM, and there is none now"), vm.serial.tail())
        story.says("nothing else was opened", not particle.opened_on(vm.serial.text()))


with Story("no-tpm") as story:
    machine = Machine.new(story.folder / "machine", tpm=False)
    disk = particle.image().overlay(story.folder / "disk.qcow2", "12G")
    cut_while_asked(story, machine, disk)
    recovery = first_start(story, machine, disk)
    later_starts(story, machine, disk, recovery)
    locked_by_a_tpm(story, machine, particle.installed(story.folder / "installed")[1])
