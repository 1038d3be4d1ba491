#!/usr/bin/env python3
# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""A computer whose Secure Boot has Microsoft's keys: a person allows our key by key presses, installs, and the disk starts by way of shim.

First with Secure Boot on and the live session, all by key presses: the key is taken from the stick, then the Installer's pages. Then on a second such computer with Secure Boot off: the installation
leaves a request, the next start asks for its code, and Secure Boot can be switched on. Pictures of what a person sees: out/screens/foreign_keys and out/screens/foreign_keys_request.
"""

import os
import re
import subprocess
import time
from pathlib import Path

from harness import Disk, Machine, Story, Trouble, firmware, kiosk, particle
from harness.story import top

LAUNCHED = r"perform MOK management"


def medium(folder):
    raw = folder / "stick.raw"
    subprocess.run(["cp", "--sparse=always", "--reflink=auto", particle.image("live").path, raw], check=True)
    tool = top() / "packaging/image/tools/for-microsoft"
    subprocess.run([tool, raw, Path(os.environ["PREON_CACHE"]) / "keys/secureboot.crt"], check=True)
    return Disk.raw(raw)


def starts_by_shim(story, vm, what):
    story.says(f"{what}: Secure Boot is on", particle.secure_boot(vm))
    story.says(f"{what}: shim started it", vm.run("ls /sys/firmware/efi/efivars/MokListRT-*").ok)
    story.says(f"{what}: the keys are still Microsoft's", vm.run("grep -q Microsoft /sys/firmware/efi/efivars/KEK-*").ok)


def has_shim(story, vm):
    # FAT knows no case.
    files = vm.ask("cd /efi/EFI && find . -type f").lower().split()
    wanted = {"./boot/bootx64.efi", "./boot/grubx64.efi", "./boot/mmx64.efi", "./systemd/shimx64.efi", "./systemd/grubx64.efi", "./systemd/systemd-bootx64.efi"}
    story.says("its EFI partition has shim and what that starts, in both places", wanted <= set(files), files)
    story.says("and no keys to enrol", not vm.run("ls /efi/loader/keys").ok)


def allow_from_the_stick(story, vm, screen):
    vm.expect(r"Verification failed", 240)
    story.chapter("the firmware starts shim; our kernel's key is not known to it")
    vm.expect(LAUNCHED, 60)
    time.sleep(1)
    screen.keep("asked")
    screen.picture_after("menu", "ret")
    screen.picture_after("disk", "down", "ret")
    screen.picture_after("files", "ret")
    # EFI, loader and the certificate, in whatever order the folder has them.
    names = subprocess.run(["mdir", "-b", "-i", f"{stick_esp(story)}", "::/"], capture_output=True, text=True, check=True, env={**os.environ, "MTOOLS_SKIP_CHECK": "1"}).stdout.split()
    screen.picture_after("key", *["down"] * names.index("::/ALLOW-THIS.CER"), "ret")
    screen.picture_after("sure", "down", "ret")
    screen.picture_after("done", "down", "ret")
    vm.serial.mark()
    vm.qmp.press("ret")


def by_key_presses(story):
    machine = Machine.new(story.folder / "on", memory=3072, cpus=2)
    firmware.microsofts_variables(machine.variables, True)
    stick, disk = medium(story.folder).overlay(story.folder / "stick.qcow2"), Disk.empty(story.folder / "disk.qcow2", "16G")
    with machine.boot(disks=[disk], sticks=[stick]) as vm:
        screen = kiosk.Screen(vm, kiosk.screens("foreign_keys"))
        allow_from_the_stick(story, vm, screen)
        kiosk.live_session(story, vm)
        starts_by_shim(story, vm, "the stick")
        plan = vm.ask("preonctl install --source=booted --target=/dev/vda --mode=erase --dry-run --json")
        story.says("nobody needs to be asked again", '"loader": "shim"' in plan and '"asks": false' in plan, plan[-1500:])
        kiosk.choose_german(screen)
        kiosk.through_the_pages(story, vm, screen)
        kiosk.restart_by_the_button(vm)
        story.chapter("restarted by the button, the stick still in")
        starts_by_shim(story, vm, "the disk")
        kiosk.has_what_was_chosen(story, vm)
        has_shim(story, vm)
        vm.poweroff()


def stick_esp(story):
    raw = story.folder / "stick.raw"
    esp = next(each for each in Disk.raw(raw).partitions() if each.type == "esp")
    return f"{raw}@@{esp.offset}"


def allowed_by_request(story):
    machine = Machine.new(story.folder / "off")
    firmware.microsofts_variables(machine.variables, False)
    stick, disk = particle.image().overlay(story.folder / "plain.qcow2"), Disk.empty(story.folder / "disk2.qcow2", "12G")
    with machine.boot(disks=[disk], sticks=[stick]) as vm:
        screen = kiosk.Screen(vm, kiosk.screens("foreign_keys_request"))
        vm.wait_up()
        story.chapter("a second computer, Secure Boot off, an ordinary stick")
        story.says("Secure Boot is off", not particle.secure_boot(vm))
        answer = particle.install(vm, "/dev/vda", options="--prepare-secure-boot")
        code = re.search(r"type (\d{8}),", answer.out)
        if not story.says("the system installs itself and says a code", answer.ok and code, answer):
            raise Trouble("there is no code to type")
        vm.reboot()
        story.chapter("nobody answered: after ten seconds it went on")
        story.says("MokManager had come up", vm.serial.seen(LAUNCHED))
        story.equals("with Secure Boot off the disk starts by way of shim all the same", (False, "disk"), (particle.secure_boot(vm), particle.mode(vm)))
        story.says("shim asks once: the request is gone", not vm.run("ls /sys/firmware/efi/efivars/MokNew-*").ok)
        again = vm.run("preonctl boot ask-owner")
        code = re.search(r"type (\d{8}),", again.out)
        if not story.says("it can be asked again, with another code", again.ok and code, again):
            raise Trouble("there is no code to type")
        vm.serial.mark()
        vm.agent.send("systemctl reboot")
        vm.expect(LAUNCHED, 240)
        time.sleep(1)
        screen.keep("asked")
        screen.picture_after("menu", "ret")
        screen.picture_after("key", "down", "ret")
        screen.picture_after("sure", "down", "ret")
        screen.picture_after("password", "down", "ret")
        vm.qmp.type(code.group(1), pace=0.3)
        screen.picture_after("done", "ret")
        time.sleep(2)
        vm.close()
    firmware.switch_secure_boot(machine.variables, True)
    with machine.boot(disks=[disk], sticks=[]) as vm:
        vm.wait_up()
        story.chapter("Secure Boot switched on in the firmware's settings")
        starts_by_shim(story, vm, "the disk")
        story.equals("the disk set itself up", ("disk", ["vda"]), (particle.mode(vm), particle.disks_under(vm, particle.mounted_from(vm, "/"))))
        has_shim(story, vm)
        story.equals("no unit failed", [], particle.failed_units(vm))
        vm.poweroff()


with Story("foreign_keys") as story:
    by_key_presses(story)
    allowed_by_request(story)
