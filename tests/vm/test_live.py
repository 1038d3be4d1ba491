#!/usr/bin/env python3
# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""A person with a stick and a keyboard: the live session shows the Installer and reads it aloud, keys lead through its pages, and the installed system speaks their language,
greets them, makes their account and lets them in.

Pictures of the screen: out/screens/vm.
"""

import array
import json
import time
import wave

from harness import Disk, Machine, Story, kiosk, particle

SPEECH_LOG = "/run/user/$(id -u live)/speech-dispatcher/log/speech-dispatcher.log"
PASSWORD = "drei blaue pferde 17"
SPEECH_SWITCH = ("meta_l", "alt", "s")


def at_the_seat(story, vm):
    session = vm.ask("loginctl list-sessions --json=short | tr -d '\\n'")
    live = [each for each in json.loads(session) if each["user"] == "live" and each["seat"] == "seat0"]
    story.says("its user sits at the seat", live, session)
    story.equals("no unit failed", [], particle.failed_units(vm))
    stranger = vm.run(f"systemd-run --quiet --wait --pipe --uid=nobody {kiosk.BUS} org.preon.Installer1 ListDisks")
    story.says("who is not at the screen may not even look", not stranger.ok and '"permission"' in stranger.err, stranger)
    may = "pkcheck --process $(pgrep -x preon-installer) --action-id org.freedesktop.udisks2"
    story.says("who is may have disks' health looked at", vm.run(f"{may}.ata-smart-update").ok)
    story.says("but mounts nothing, not even a stick", not vm.run(f"{may}.filesystem-mount").ok)
    exposure = vm.ask("systemd-analyze security --no-pager preond.service | tail -1").strip()
    story.says(f"preond: {exposure}", "preond.service:" in exposure)


def has_a_terminal(story, vm, screen):
    vm.qmp.press("ctrl", "alt", "f2")
    time.sleep(3)
    vm.qmp.type("id -un > typed\n")
    typed = vm.run("for i in $(seq 20); do [ -s /run/live/typed ] && break; sleep 0.5; done; cat /run/live/typed").out.strip()
    screen.keep("terminal")
    story.equals("Ctrl+Alt+F2 leads to a terminal", "live", typed)
    vm.qmp.press("ctrl", "alt", "f1")
    time.sleep(2)


def is_spoken(vm, pattern, limit=120):
    """Whether the speech server is told to say that; its log has marks between the words."""
    return vm.run(f"for i in $(seq {limit}); do grep -aq {pattern!r} {SPEECH_LOG} && exit; sleep 1; done; tail -n 20 {SPEECH_LOG} >&2; exit 1", limit + 60)


def reads_aloud(story, vm, screen):
    vm.ask("sed -i 's/^ *LogLevel .*/LogLevel 5/' /etc/speech-dispatcher/speechd.conf")
    story.says("nobody is read to who did not ask for it", not vm.run("pgrep -x orca").ok)
    vm.qmp.press(*SPEECH_SWITCH)
    answer = is_spoken(vm, "Welcome.*to.*Particle")
    story.says("Super+Alt+S: the page's heading is spoken", answer.ok, answer)
    # A person hears the page to its end. The reader begins anew with each language, and what happens while it begins it may miss.
    answer = is_spoken(vm, "installed.*system.*speaks")
    story.says("and what the page is about", answer.ok, answer)
    time.sleep(12)
    address = f"$({kiosk.AS_LIVE} busctl --user --json=short call org.a11y.Bus /org/a11y/bus org.a11y.Bus GetAddress | sed 's/.*\\[\"//; s/\".*//')"
    reader = vm.run(f"{kiosk.AS_LIVE} busctl --address={address} list --no-pager | grep -w orca")
    story.says("Orca is on the bus of assistive technologies, as the session's user", reader.ok and "live" in reader.out, reader)
    screen.press("welcome-spoken", "up")
    answer = is_spoken(vm, "Deutsch")
    story.says("a choice is spoken as it is made", answer.ok, answer)
    answer = is_spoken(vm, "SET self LANGUAGE de")
    story.says("and then the voice speaks that language", answer.ok, answer)
    vm.qmp.press(*SPEECH_SWITCH)
    quiet = vm.run("for i in $(seq 30); do pgrep -x orca >/dev/null || exit 0; sleep 1; done; exit 1")
    story.says("Super+Alt+S again: it is quiet", quiet.ok)


def was_heard(sound):
    with wave.open(str(sound)) as file:
        samples = array.array("h", file.readframes(file.getnframes()))
    return max(samples, default=0) > 1000


def installed(story, vm):
    kiosk.restart_by_the_button(vm)
    story.chapter("restarted by the button, the stick still in")
    kiosk.has_what_was_chosen(story, vm)
    story.says("its language is there", vm.run("locale -a | grep -qx de_DE.utf8").ok)
    story.says("the live session's rights stayed on the stick", not vm.run("ls /run/polkit-1/rules.d/50-preon-live.rules || systemctl is-active particle-kiosk").ok)


def at_home(story, vm, screen):
    key = kiosk.make_account(story, vm, screen, "Anna Berg", PASSWORD)
    kiosk.is_logged_in(story, vm, screen, "first", "anna")
    story.says("the greeting's rights are gone", not vm.run("ls /run/polkit-1/rules.d/50-preon-first-start.rules || pgrep -u preon-first-start").ok)
    story.says("the recovery key opens the disk", vm.run(f"echo {key} | preonctl unlock test").ok)
    story.equals("no unit failed", [], particle.failed_units(vm))
    vm.reboot()
    story.chapter("restarted")
    story.says("nobody is greeted any more", not vm.run("preonctl first-start needed || systemctl is-active particle-first-start").ok)
    vm.ask("for i in $(seq 60); do systemctl is-active -q getty@tty1 && exit; sleep 1; done; exit 1")
    time.sleep(3)
    screen.keep("login")
    vm.qmp.type("anna\n")
    time.sleep(4)
    vm.qmp.type(PASSWORD + "\n")
    kiosk.is_logged_in(story, vm, screen, "second", "anna")
    story.says("their home is as they left it", vm.run("test -d /home/anna/first").ok)


with Story("live") as story:
    machine = Machine.new(story.folder / "machine", memory=3072, cpus=2)
    stick, disk = particle.image("live").overlay(story.folder / "stick.qcow2"), Disk.empty(story.folder / "disk.qcow2", "16G")
    sound = story.folder / "spoken.wav"
    with machine.boot(disks=[disk], sticks=[stick], sound=f"wav,path={sound}") as vm:
        screen = kiosk.Screen(vm, kiosk.screens("vm"))
        kiosk.live_session(story, vm)
        at_the_seat(story, vm)
        screen.settle("welcome")
        has_a_terminal(story, vm, screen)
        reads_aloud(story, vm, screen)
        locked = []
        kiosk.through_the_pages(story, vm, screen, lambda: locked.append(vm.run("systemd-inhibit --list --no-pager | grep -q 'Preon.*sleep'").ok))
        story.says("while it worked the computer could not go to sleep", any(locked))
        installed(story, vm)
        at_home(story, vm, screen)
        vm.poweroff()
    story.says("what was spoken went to the loudspeaker", was_heard(sound))
    story.says("not one write reached the stick, from first to last", stick.is_untouched())
