#!/usr/bin/env python3
# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""A computer whose Secure Boot has Microsoft's keys: a person allows our key by key presses, installs by key presses in the live session, and the disk starts by way of shim.

The key is taken from the stick. Pictures of what a person sees: out/screens/foreign_keys.
"""

import os
import subprocess
import time
from pathlib import Path

from harness import Disk, Machine, Story, firmware, kiosk, particle, shim
from harness.story import top


def medium(folder):
    raw = folder / "stick.raw"
    subprocess.run(["cp", "--sparse=always", "--reflink=auto", particle.image("live").path, raw], check=True)
    tool = top() / "packaging/image/tools/for-microsoft"
    subprocess.run([tool, raw, Path(os.environ["PREON_CACHE"]) / "keys/secureboot.crt"], check=True)
    return Disk.raw(raw)


def stick_esp(story):
    raw = story.folder / "stick.raw"
    esp = next(each for each in Disk.raw(raw).partitions() if each.type == "esp")
    return f"{raw}@@{esp.offset}"


def allow_from_the_stick(story, vm, screen):
    vm.expect(r"Verification failed", 240)
    story.chapter("the firmware starts shim; our kernel's key is not known to it")
    vm.expect(shim.LAUNCHED, 60)
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
        shim.starts_by_shim(story, vm, "the stick")
        plan = vm.ask("preonctl install --source=booted --target=/dev/vda --mode=erase --dry-run --json")
        story.says("nobody needs to be asked again", '"loader": "shim"' in plan and '"asks": false' in plan, plan[-1500:])
        kiosk.choose_german(screen)
        kiosk.through_the_pages(story, vm, screen)
        kiosk.restart_by_the_button(vm)
        story.chapter("restarted by the button, the stick still in")
        shim.starts_by_shim(story, vm, "the disk")
        kiosk.has_what_was_chosen(story, vm)
        shim.has_shim(story, vm)
        vm.poweroff()


with Story("foreign_keys") as story:
    by_key_presses(story)
