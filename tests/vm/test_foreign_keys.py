#!/usr/bin/env python3
# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""A computer whose Secure Boot has Microsoft's keys: a person allows our key by key presses, installs, and the disk starts by way of shim.

First with Secure Boot on, from a stick whose key is taken from the stick. Then on a second such computer with Secure Boot off: the installation leaves a request, the next start asks for
its code, and Secure Boot can be switched on. Pictures of what a person sees: out/screens/foreign_keys.
"""

import os
import re
import shutil
import subprocess
import time
from pathlib import Path

from harness import Disk, Machine, Story, Trouble, firmware, particle
from harness.story import top

SCREENS = top() / "out/screens/foreign_keys"
LAUNCHED = r"perform MOK management"


def picture(vm, name):
    SCREENS.mkdir(parents=True, exist_ok=True)
    vm.screenshot(SCREENS / f"{name}.png")


def press(vm, name, *keys):
    """Presses one key after the other and keeps a picture of what came of it."""
    for key in keys:
        vm.qmp.press(key)
        time.sleep(1.2)
    picture(vm, name)


def medium(folder):
    raw = folder / "stick.raw"
    subprocess.run(["cp", "--sparse=always", particle.image().path, raw], check=True)
    tool = top() / "packaging/image/tools/for-microsoft"
    subprocess.run([tool, raw, Path(os.environ["PREON_CACHE"]) / "keys/secureboot.crt"], check=True)
    return Disk.raw(raw)


def starts_by_shim(story, vm, what):
    story.says(f"{what}: Secure Boot is on", particle.secure_boot(vm))
    story.says(f"{what}: shim started it", vm.run("ls /sys/firmware/efi/efivars/MokListRT-*").ok)
    story.says(f"{what}: the keys are still Microsoft's", vm.run("grep -q Microsoft /sys/firmware/efi/efivars/KEK-*").ok)


def installed_and_started(story, vm):
    story.equals("the firmware starts the disk, which sets itself up", ("disk", ["vda"]), (particle.mode(vm), particle.disks_under(vm, particle.mounted_from(vm, "/"))))
    story.equals("root opens with the TPM", ["systemd-tpm2"], particle.luks_facts(vm, "/dev/disk/by-preon/root")["tokens"])
    # FAT knows no case.
    files = vm.ask("cd /efi/EFI && find . -type f").lower().split()
    wanted = {"./boot/bootx64.efi", "./boot/grubx64.efi", "./boot/mmx64.efi", "./systemd/shimx64.efi", "./systemd/grubx64.efi", "./systemd/systemd-bootx64.efi"}
    story.says("its EFI partition has shim and what that starts, in both places", wanted <= set(files), files)
    story.says("and no keys to enrol", not vm.run("ls /efi/loader/keys").ok)
    story.equals("no unit failed", [], particle.failed_units(vm))


def allowed_from_the_stick(story):
    machine = Machine.new(story.folder / "on")
    firmware.microsofts_variables(machine.variables, True)
    stick, disk = medium(story.folder).overlay(story.folder / "stick.qcow2"), Disk.empty(story.folder / "disk.qcow2", "12G")
    with machine.boot(disks=[disk], sticks=[stick]) as vm:
        vm.expect(r"Verification failed", 240)
        story.chapter("the firmware starts shim; our kernel's key is not known to it")
        vm.expect(LAUNCHED, 60)
        time.sleep(1)
        picture(vm, "1-asked")
        press(vm, "2-menu", "ret")
        press(vm, "3-disk", "down", "ret")
        press(vm, "4-files", "ret")
        # EFI, loader and the certificate, in whatever order the folder has them.
        names = subprocess.run(["mdir", "-b", "-i", f"{stick_esp(story)}", "::/"], capture_output=True, text=True, check=True, env={**os.environ, "MTOOLS_SKIP_CHECK": "1"}).stdout.split()
        press(vm, "5-key", *["down"] * names.index("::/ALLOW-THIS.CER"), "ret")
        press(vm, "6-sure", "down", "ret")
        press(vm, "7-done", "down", "ret")
        vm.serial.mark()
        vm.qmp.press("ret")
        vm.wait_up()
        story.chapter("allowed, and started")
        starts_by_shim(story, vm, "the stick")
        plan = vm.ask("preonctl install --source=booted --target=/dev/vda --mode=erase --dry-run --json")
        story.says("nobody needs to be asked again", '"loader": "shim"' in plan and '"asks": false' in plan, plan[-1500:])
        answer = particle.install(vm, "/dev/vda")
        if not story.says("the system installs itself", answer.ok, answer):
            raise Trouble("nothing is installed, so there is nothing to start")
        vm.reboot()
        story.chapter("restarted")
        starts_by_shim(story, vm, "the disk")
        installed_and_started(story, vm)
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
        story.says("the request is still there", vm.run("ls /sys/firmware/efi/efivars/MokNew-*").ok)
        vm.serial.mark()
        vm.agent.send("systemctl reboot")
        vm.expect(LAUNCHED, 240)
        time.sleep(1)
        picture(vm, "a-asked")
        press(vm, "b-menu", "ret")
        press(vm, "c-key", "down", "ret")
        press(vm, "d-sure", "down", "ret")
        press(vm, "e-password", "down", "ret")
        vm.qmp.type(code.group(1), pace=0.3)
        press(vm, "f-done", "ret")
        time.sleep(2)
        vm.close()
    firmware.switch_secure_boot(machine.variables, True)
    with machine.boot(disks=[disk], sticks=[]) as vm:
        vm.wait_up()
        story.chapter("Secure Boot switched on in the firmware's settings")
        starts_by_shim(story, vm, "the disk")
        installed_and_started(story, vm)
        vm.poweroff()


with Story("foreign_keys") as story:
    shutil.rmtree(SCREENS, ignore_errors=True)
    allowed_from_the_stick(story)
    allowed_by_request(story)
