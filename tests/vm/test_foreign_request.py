#!/usr/bin/env python3
# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""A computer with Microsoft's keys and Secure Boot off: the installation leaves a request, the next start asks for its code, and Secure Boot can be switched on.

shim asks once; who missed it is asked again. Pictures of what a person sees: out/screens/foreign_request.
"""

import re
import time

from harness import Disk, Machine, Story, Trouble, firmware, kiosk, particle, shim


def allowed_by_request(story):
    machine = Machine.new(story.folder / "off")
    firmware.microsofts_variables(machine.variables, False)
    stick, disk = particle.image().overlay(story.folder / "plain.qcow2"), Disk.empty(story.folder / "disk2.qcow2", "12G")
    with machine.boot(disks=[disk], sticks=[stick]) as vm:
        screen = kiosk.Screen(vm, kiosk.screens("foreign_request"))
        vm.wait_up()
        story.chapter("a second computer, Secure Boot off, an ordinary stick")
        story.says("Secure Boot is off", not particle.secure_boot(vm))
        answer = particle.install(vm, "/dev/vda", options="--prepare-secure-boot")
        code = re.search(r"type (\d{8}),", answer.out)
        if not story.says("the system installs itself and says a code", answer.ok and code, answer):
            raise Trouble("there is no code to type")
        vm.reboot()
        story.chapter("nobody answered: after ten seconds it went on")
        story.says("MokManager had come up", vm.serial.seen(shim.LAUNCHED))
        story.equals("with Secure Boot off the disk starts by way of shim all the same", (False, "disk"), (particle.secure_boot(vm), particle.mode(vm)))
        story.says("shim asks once: the request is gone", not vm.run("ls /sys/firmware/efi/efivars/MokNew-*").ok)
        again = vm.run("preonctl boot ask-owner")
        code = re.search(r"type (\d{8}),", again.out)
        if not story.says("it can be asked again, with another code", again.ok and code, again):
            raise Trouble("there is no code to type")
        vm.serial.mark()
        vm.agent.send("systemctl reboot")
        vm.expect(shim.LAUNCHED, 240)
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
        shim.starts_by_shim(story, vm, "the disk")
        story.equals("the disk set itself up", ("disk", ["vda"]), (particle.mode(vm), particle.disks_under(vm, particle.mounted_from(vm, "/"))))
        shim.has_shim(story, vm)
        story.equals("no unit failed", [], particle.failed_units(vm))
        vm.poweroff()


with Story("foreign_request") as story:
    allowed_by_request(story)
