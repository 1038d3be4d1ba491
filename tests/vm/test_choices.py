#!/usr/bin/env python3
# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""What was chosen at an installation, at the first start: a PIN on the chosen keyboard; and a file on the EFI partition that somebody else wrote."""

import base64
import json
import subprocess
import time

from harness import Disk, Machine, Story, particle

PIN, WRONG = "482915", "482916"
NEW, AGAIN, ASKED = r"[Nn]ew PIN[^\r\n]*:", r"once more:", r"(?i)PIN[^\r\n]*:"
FILE = "/loader/preon-first-start.conf"


def installed(story, name, *options):
    path = story.folder / f"{name}.raw"
    subprocess.run(["truncate", "--size=12G", path], check=True)
    subprocess.run(["preonctl", "install", f"--source={particle.image().path}", f"--target={path}", "--mode=erase", "--yes", *options],
                   check=True, stdout=subprocess.DEVNULL)  # fmt: skip
    return Disk.raw(path)


def answer(vm, question, text):
    vm.expect(question, 300)
    time.sleep(2)  # the prompt drops what came before it listened
    vm.serial.mark()
    vm.type_on_console(text + "\r")


def damage_network(story, disk):
    """A sealed Wi-Fi network that no TPM of this world opens, beside choices that are in order."""
    text = subprocess.run(["mtype", "-i", f"{disk.path}@@{disk.partition('esp').offset}", f"::{FILE}"], check=True, capture_output=True, text=True).stdout
    damaged = story.folder / "damaged.conf"
    damaged.write_text(text + "network=" + base64.b64encode(b"PREONWF1e\0\x40" + bytes(64) + b"\0\x40" + bytes(128)).decode() + "\n")
    subprocess.run(["mcopy", "-o", "-i", f"{disk.path}@@{disk.partition('esp').offset}", damaged, f"::{FILE}"], check=True)


def pin(story, machine, disk):
    damage_network(story, disk)
    with machine.boot(disks=[disk]) as vm:
        answer(vm, NEW, "123")
        answer(vm, r"too short", PIN)
        answer(vm, AGAIN, PIN)
        vm.wait_up()
        story.chapter("a system is up, locked with TPM and PIN")
        story.says("it opened what it had made without asking again", not vm.serial.seen(r"(?i)enter[^\r\n]*PIN"), vm.serial.tail())
        root = json.loads(vm.ask("cryptsetup luksDump --dump-json-metadata /dev/disk/by-preon/root"))["tokens"].values()
        story.equals("root's key is sealed with a PIN, and its header names the keyboard", [("systemd-tpm2", True, None), ("preon-enrolment", None, None), ("preon-keymap", None, "fr-bepo")],
                     [(each["type"], each.get("tpm2-pin"), each.get("keymap")) for each in root])  # fmt: skip
        story.equals("the keyboard is the chosen one", ["XKBLAYOUT=fr", "XKBVARIANT=bepo"], particle.settings(vm)["keyboard"])
        story.says("the initrd set it before it asked", vm.run("journalctl -b --no-pager | grep -q 'keyboard of the console is fr-bepo'").ok)
        story.says("a damaged network is not taken, and the journal says so",
                   vm.run("journalctl -b --no-pager | grep -q 'The Wi-Fi network is not taken over'; test $? = 0 -a ! -e /etc/NetworkManager").ok)
        story.equals("no unit failed", [], particle.failed_units(vm))
        story.equals("the PIN is in no file and not in the journal", "",
                     vm.run(f"grep -rlaF '{PIN}' /run /var /etc --exclude-dir='preon-probe*'; journalctl -b --no-pager | grep -F '{PIN}'").out)  # fmt: skip
        vm.poweroff()
    with machine.boot(disks=[disk]) as vm:
        answer(vm, ASKED, WRONG)
        answer(vm, ASKED, PIN)
        vm.wait_up()
        story.chapter("a later start, unlocked with the PIN at the second try")
        story.equals("it runs from its disk, home is open", ("disk", "/dev/mapper/home"), (particle.mode(vm), particle.mounted_from(vm, "/home")))
        vm.poweroff()


def forged(story, machine, disk):
    """Somebody writes what no installer would: it is not taken, in whole or in part, and the start goes on."""
    text = story.folder / "forged.conf"
    text.write_text(f"system={particle.root_hash()}\nhostname=evil\nlanguage=de_DE.UTF-8\nLD_PRELOAD=/efi/x.so\n")
    subprocess.run(["mcopy", "-o", "-i", f"{disk.path}@@{disk.partition('esp').offset}", text, f"::{FILE}"], check=True)
    with machine.boot(disks=[disk]) as vm:
        vm.wait_up()
        story.chapter("a system is up, with a forged file on its EFI partition")
        story.equals("nothing of it was taken", ("particle", ""), (particle.settings(vm)["name"], vm.run("grep -rl 'evil\\|LD_PRELOAD=/efi' /etc").out))
        story.says("the journal says so", vm.run("journalctl -b --no-pager | grep -q 'What was chosen at the installation cannot be read'").ok)
        story.equals("no unit failed", [], particle.failed_units(vm))
        vm.poweroff()


with Story("choices") as story:
    machine = Machine.new(story.folder / "machine")
    pin(story, machine, installed(story, "pin", "--keyboard=fr bepo", "--protection=tpm-pin"))
    forged(story, machine, installed(story, "forged", "--hostname=mine"))
