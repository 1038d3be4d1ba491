#!/usr/bin/env python3
# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""A person with a stick and a keyboard: the live session shows the Installer, keys lead through its pages, and the installed system speaks their language.

Pictures of the screen: out/screens/vm.
"""

import hashlib
import json
import os
import time
from pathlib import Path

top = Path(os.environ.get("PREON_TOP") or Path(__file__).resolve().parents[2])
os.environ["PREON_IMAGE"] = str(top / "out/image-live/Particle_1.raw")

from harness import Disk, Machine, Story, Trouble, particle  # noqa: E402

SCREENS = top / "out/screens/vm"
BUS = "busctl --json=short call org.preon.Helper1 /org/preon/Helper1"
CHOSEN = {"language": "de_DE.UTF-8", "keyboard": ["XKBLAYOUT=de"], "time zone": "../usr/share/zoneinfo/Europe/Berlin", "name": "particle", "z": "+0x0b7a"}


class Screen:
    def __init__(self, vm):
        self.vm, self.count = vm, 0
        SCREENS.mkdir(parents=True, exist_ok=True)
        for old in SCREENS.glob("*.png"):
            old.unlink()

    def _look(self):
        path = SCREENS / "now.png"
        self.vm.screenshot(path)
        return hashlib.sha256(path.read_bytes()).digest()

    def settle(self, name, unlike=None, limit=120):
        """Waits until the picture stands still (and is another than UNLIKE), keeps it, and gives its hash. A blinking cursor is still enough."""
        end, seen = time.monotonic() + limit, []
        while time.monotonic() < end:
            seen.append(self._look())
            # A page has thousands of bytes as PNG; a screen on which nothing was drawn yet has not.
            drawn = (SCREENS / "now.png").stat().st_size > 12000
            if drawn and seen[-1] != unlike and seen[-6:].count(seen[-1]) >= 3:
                self.count += 1
                (SCREENS / "now.png").rename(SCREENS / f"{self.count:02}-{name}.png")
                return seen[-1]
            time.sleep(1)
        raise Trouble(f"the screen did not come to rest at {name}")

    def press(self, name, *keys):
        """Presses one key after the other; the picture has to change."""
        before = self._look()
        for key in keys:
            self.vm.qmp.press(key)
            time.sleep(1)
        return self.settle(name, before)


def live_session(story, vm):
    vm.wait_up()
    story.chapter("a system is up, from the stick")
    vm.ask("for i in $(seq 120); do grep -qsx preon-installer /proc/[0-9]*/comm && exit; sleep 1; done; journalctl -b -u particle-kiosk --no-pager >&2; exit 1", 240)
    vm.ask("for i in $(seq 120); do systemctl is-active -q preond && exit; sleep 1; done; journalctl -b --no-pager -u particle-kiosk -u preond >&2; exit 1", 240)
    story.chapter("the Installer asks the helper")
    session = vm.ask("loginctl list-sessions --json=short | tr -d '\\n'")
    live = [each for each in json.loads(session) if each["user"] == "live" and each["seat"] == "seat0"]
    story.says("its user sits at the seat", live, session)
    story.equals("no unit failed", [], particle.failed_units(vm))
    stranger = vm.run(f"systemd-run --quiet --wait --pipe --uid=nobody {BUS} org.preon.Installer1 ListDisks")
    story.says("who is not at the screen may not even look", not stranger.ok and '"permission"' in stranger.err, stranger)
    exposure = vm.ask("systemd-analyze security --no-pager preond.service | tail -1").strip()
    story.says(f"preond: {exposure}", "preond.service:" in exposure)


def through_the_pages(story, vm, screen):
    screen.settle("welcome")
    screen.press("welcome-german", "up")
    screen.press("keyboard", "ret")
    screen.press("time-zone", "ret")
    screen.press("network", "ret")
    screen.press("disk", "ret")
    screen.press("how", "ret")
    screen.press("protection", "ret")
    screen.press("summary", "ret")
    story.chapter("the summary is there")
    start = "head -c 1M /dev/vda | tr -d '\\0' | wc -c"
    story.equals("nothing was written so far", "0", vm.ask(start).strip())
    vm.qmp.press("ret")
    locked = False
    for _ in range(240):
        jobs = json.loads(vm.ask(f"{BUS} org.preon.Helper1 ListJobs"))["data"][0]
        state = jobs and json.loads(vm.ask(f"busctl --json=short get-property org.preon.Helper1 {jobs[0]} org.preon.Job1 State"))["data"]
        if state and state != "running":
            break
        locked = locked or vm.run("systemd-inhibit --list --no-pager | grep -q 'Preon.*sleep'").ok
        time.sleep(2)
    story.says("while it worked the computer could not go to sleep", locked)
    story.equals("the work is done", "done", state)
    screen.settle("done")
    story.chapter("installed")


def installed(story, vm, screen):
    vm.reboot(ask=lambda vm: vm.qmp.press("ret"))
    story.chapter("restarted by the button, the stick still in")
    story.equals("the firmware starts the disk, which sets itself up", ("disk", ["vda"]), (particle.mode(vm), particle.disks_under(vm, particle.mounted_from(vm, "/"))))
    story.equals("root opens with the TPM", ["systemd-tpm2"], particle.luks_facts(vm, "/dev/disk/by-preon/root")["tokens"])
    story.equals("it has what was chosen", CHOSEN, particle.settings(vm))
    story.says("its language is there", vm.run("locale -a | grep -qx de_DE.utf8").ok)
    story.says("the live session's rights stayed on the stick", not vm.run("ls /run/polkit-1/rules.d/50-preon-live.rules || systemctl is-active particle-kiosk").ok)
    story.equals("no unit failed", [], particle.failed_units(vm))


with Story("live") as story:
    machine = Machine.new(story.folder / "machine", memory=3072, cpus=2)
    stick, disk = particle.image().overlay(story.folder / "stick.qcow2"), Disk.empty(story.folder / "disk.qcow2", "16G")
    with machine.boot(disks=[disk], sticks=[stick]) as vm:
        screen = Screen(vm)
        live_session(story, vm)
        through_the_pages(story, vm, screen)
        installed(story, vm, screen)
        vm.poweroff()
    story.says("not one write reached the stick, from first to last", stick.is_untouched())
