#!/usr/bin/env python3
# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""A person with a stick and a keyboard: the live session shows the Installer and reads it aloud, keys lead through its pages, and the installed system speaks their language.

Pictures of the screen: out/screens/vm.
"""

import array
import json
import wave

from harness import Disk, Machine, Story, kiosk, particle

SPEECH_LOG = "/run/user/$(id -u live)/speech-dispatcher/log/speech-dispatcher.log"


def at_the_seat(story, vm):
    session = vm.ask("loginctl list-sessions --json=short | tr -d '\\n'")
    live = [each for each in json.loads(session) if each["user"] == "live" and each["seat"] == "seat0"]
    story.says("its user sits at the seat", live, session)
    story.equals("no unit failed", [], particle.failed_units(vm))
    stranger = vm.run(f"systemd-run --quiet --wait --pipe --uid=nobody {kiosk.BUS} org.preon.Installer1 ListDisks")
    story.says("who is not at the screen may not even look", not stranger.ok and '"permission"' in stranger.err, stranger)
    exposure = vm.ask("systemd-analyze security --no-pager preond.service | tail -1").strip()
    story.says(f"preond: {exposure}", "preond.service:" in exposure)


def installed(story, vm):
    kiosk.restart_by_the_button(vm)
    story.chapter("restarted by the button, the stick still in")
    kiosk.has_what_was_chosen(story, vm)
    story.says("its language is there", vm.run("locale -a | grep -qx de_DE.utf8").ok)
    story.says("the live session's rights stayed on the stick", not vm.run("ls /run/polkit-1/rules.d/50-preon-live.rules || systemctl is-active particle-kiosk").ok)


with Story("live") as story:
    machine = Machine.new(story.folder / "machine", memory=3072, cpus=2)
    stick, disk = particle.image("live").overlay(story.folder / "stick.qcow2"), Disk.empty(story.folder / "disk.qcow2", "16G")
    sound = story.folder / "spoken.wav"
    with machine.boot(disks=[disk], sticks=[stick], sound=f"wav,path={sound}") as vm:
        screen = kiosk.Screen(vm, kiosk.screens("vm"))
        kiosk.live_session(story, vm)
        at_the_seat(story, vm)
        screen.settle("welcome")
        locked = []
        kiosk.through_the_pages(story, vm, screen, lambda: locked.append(vm.run("systemd-inhibit --list --no-pager | grep -q 'Preon.*sleep'").ok))
        story.says("while it worked the computer could not go to sleep", any(locked))
        installed(story, vm)
        vm.poweroff()
    story.says("not one write reached the stick, from first to last", stick.is_untouched())
