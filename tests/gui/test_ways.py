#!/usr/bin/env python3
# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Each way to install, to its end and with the disk looked at after; stopped in each phase that can be stopped; and by somebody who has a keyboard and hears what a
screen reader says, nothing else. The helper is the real one.
"""
import atexit
import hashlib
import hmac
import json
import signal
import subprocess
import time
import unittest
import uuid

import dbus
import dbus.bus
from dbus.mainloop.glib import DBusGMainLoop
from desktop import Desktop, wait_for

GIB = 1 << 30
SECTOR = 512
HOME = uuid.UUID("933ac7e1-2eb4-4f13-b844-0e14e2aef915")
# Ways, and phases of core/install/phases.h in which a person could press something in time.
STOPS = (("Beside", "Copying the system"), ("Use the whole disk", "Copying the system"), ("Use the whole disk", "Writing the boot files"),
         ("Use the whole disk", "Checking what was written"))
PHOTOS = 20 * GIB // SECTOR
desktop = Desktop()
desktop.__enter__()
atexit.register(desktop.__exit__, None, None, None)

from window import GLib, Window  # noqa: E402  (accessibility looks for its bus when it is imported)


def keys(*words):
    subprocess.run(["xdotool", "key", *words], env=desktop.env, check=True)


def table(disk):
    return json.loads(subprocess.run(["sfdisk", "--json", disk], check=True, capture_output=True).stdout)["partitiontable"]["partitions"]


def part(disk, start, size):
    """What a piece of a disk holds, in sectors."""
    with disk.open("rb") as file:
        file.seek(start * SECTOR)
        return hashlib.sha256(file.read(size * SECTOR)).hexdigest()


class WaysTest(unittest.TestCase):
    def setUp(self):
        for disk in desktop.disks.glob("*.raw"):
            disk.unlink()
        subprocess.run(["rm", "-rf", desktop.disks / ".machine"], check=True)
        (desktop.logs / "installer").unlink(missing_ok=True)
        self.helper = desktop.helper()
        self.addCleanup(lambda: desktop.stop(self.helper))

    def tearDown(self):
        self.assertNotIn(".qml", desktop.log("installer"))

    def open(self):
        program = desktop.installer()
        self.addCleanup(desktop.stop, program)
        self.window = Window(program)

    def photos(self):
        return desktop.disk("photos", 64 * GIB, f"label: gpt\nstart=2048, size={PHOTOS}, type=EBD0A0A2-B9E5-4433-87C0-68B6B72699C7, name=photos\n", {2048: ("PHOTOS", PHOTOS)})

    def go_on_to(self, last, *pages):
        for page in (*pages, last):
            self.window.page(page)
            if page != last:
                self.window.press("button", "Continue")

    def test_beside_what_is_there_leaves_it_as_it_was(self):
        disk = self.photos()
        before, content = table(disk)[0], part(disk, 2048, 1 << 17)
        self.open()
        self.go_on_to("How should", "Welcome to Particle", "Which keyboard", "Where are you", "Where should")
        self.window.press("radio button", "Beside")
        self.window.find("list item", "PHOTOS, 21 GB, stays")
        self.go_on_to("Install Particle?", "How should", "How your files")
        self.window.find("label", "Everything that is on the disk now")
        self.window.press("button", "Install")
        self.window.page("Particle is installed", 120)
        self.assertEqual(table(disk)[0], before)
        self.assertEqual(part(disk, 2048, 1 << 17), content)
        self.assertIn("Particle_1", [each.get("name") for each in table(disk)])

    def add_home(self, disk):
        """As the first start would have: a partition whose UUID derives from the EFI partition's, locked."""
        esp = next(each for each in table(disk) if each["type"] == "C12A7328-F81F-11D2-BA4B-00A0C93EC93B")
        derived = bytearray(hmac.new(uuid.UUID(esp["uuid"]).bytes, HOME.bytes, "sha256").digest()[:16])
        derived[6], derived[8] = derived[6] & 0x0F | 0x40, derived[8] & 0x3F | 0x80
        number = len(table(disk)) + 1
        subprocess.run(["sfdisk", "--quiet", "--append", disk], check=True, input=f"size=8G, type={HOME}, uuid={uuid.UUID(bytes=bytes(derived))}, name=home\n".encode())
        home = table(disk)[number - 1]
        volume = desktop.folder / "volume"
        with volume.open("wb") as file:
            file.truncate(home["size"] * SECTOR)
        subprocess.run(["cryptsetup", "luksFormat", "--batch-mode", "--type=luks2", "--subsystem=preon-integrity", "--pbkdf=pbkdf2", "--pbkdf-force-iterations=1000", "--key-file=-",
                        volume], input=b"x", check=True)  # fmt: skip
        subprocess.run(["cryptsetup", "token", "import", volume], input=b'{"type": "systemd-recovery", "keyslots": ["0"]}', check=True)
        with volume.open("rb") as source, disk.open("r+b") as target:
            target.seek(home["start"] * SECTOR)
            target.write(source.read(32 << 20))
        volume.unlink()
        return home

    def test_anew_keeps_the_home_partition_to_the_byte(self):
        disk = desktop.disk("target", 64 * GIB)
        answers = desktop.folder / "answers.json"
        answers.write_text(json.dumps({"language": "en_US", "keyboard": "us", "timeZone": "Europe/Berlin", "protection": "tpm", "disk": "only", "mode": "erase"}))
        program = desktop.installer("--answers", answers)
        Window(program).page("Particle is installed", 120)
        desktop.stop(program)
        desktop.stop(self.helper)
        subprocess.run(["rm", "-rf", desktop.disks / ".machine"], check=True)
        home = self.add_home(disk)
        content = part(disk, home["start"], 1 << 16)
        esp = table(disk)[0]["uuid"]
        self.helper = desktop.helper()
        self.open()
        self.go_on_to("How should", "Welcome to Particle", "Which keyboard", "Where are you", "Where should")
        self.window.press("radio button", "Install Particle anew")
        self.window.find("list item", "Particle 1, ")
        self.window.find("list item", "Your files, 38 GB, stays")
        self.go_on_to("Install Particle?", "How should", "How your files")
        self.window.find("label", "Partition ")
        self.window.press("button", "Install anew")
        self.window.page("Particle is installed", 120)
        self.assertIn(home | {"node": ""}, [each | {"node": ""} for each in table(disk)])
        self.assertEqual(part(disk, home["start"], 1 << 16), content)
        self.assertEqual(table(disk)[0]["uuid"], esp)
        self.assertEqual([each.get("name") for each in table(disk)].count("Particle_1"), 3)

    def step(self, wanted):
        """Lets the helper work for moments only, until it is in that phase, and holds it there. False: it was past it before that could be seen."""
        context = GLib.MainContext.default()
        while self.phases[-1:] != [wanted]:
            if self.phases and self.phases[-1] in ("Writing the partition table", "Telling the firmware"):
                return False
            self.helper.send_signal(signal.SIGCONT)
            time.sleep(0.004)
            self.helper.send_signal(signal.SIGSTOP)
            for _ in range(20):
                while context.iteration(False):
                    pass
                time.sleep(0.0005)
        return True

    def told(self, interface, changed, _):
        if interface == "org.preon.Job1" and "Phase" in changed:
            self.phases.append(str(changed["Phase"]))

    def stop_in(self, way, phase):
        """Installs onto a disk with photos and stops in that phase. False: the phase was over before it could be seen."""
        self.photos()
        bus = dbus.bus.BusConnection(desktop.env["DBUS_SESSION_BUS_ADDRESS"], mainloop=DBusGMainLoop())
        bus.add_signal_receiver(self.told, "PropertiesChanged", "org.freedesktop.DBus.Properties")
        self.phases = []
        self.addCleanup(bus.close)
        self.addCleanup(self.helper.send_signal, signal.SIGCONT)
        self.open()
        beside = way == "Beside"
        self.go_on_to("How should", "Welcome to Particle", "Which keyboard", "Where are you", "Where should")
        self.window.press("radio button", way)
        self.go_on_to("How your files", "How should")
        self.window.press("button", "Continue")
        if beside:
            self.window.press("button", "Install")
        else:
            self.window.press("button", "Erase and install")
            self.window.find("button", "Erase and install").press()
        self.window.page("Installing")
        if not self.step(phase):
            return False
        self.window.press("button", "Cancel")
        self.window.press("button", "Stop")
        self.window.find("label", "Stopping at the next safe point")
        self.helper.send_signal(signal.SIGCONT)
        self.window.page("The installation was stopped", 30)
        self.window.find("heading", "What was changed")
        self.window.find("label", "This disk: everything that was there before is as it was." if beside else "This disk was erased before: it has no partition table now")
        self.window.press("button", "Begin again")
        self.window.page("Where should")
        return True

    def test_it_is_stopped_in_each_phase_that_can_be_stopped(self):
        missed = []
        for number, (way, phase) in enumerate(STOPS):
            with self.subTest(f"{way}: {phase}"):
                if number:
                    self.setUp()
                if not self.stop_in(way, phase):
                    missed.append(phase)
                self.doCleanups()
        # That one takes a moment only.
        self.assertLessEqual(set(missed), {"Writing the boot files"})

    def heard(self):
        """All that this page says, in its order."""
        return "\n".join(part for control in self.window.controls() for part in (control.name, control.description) if part)

    def go_to(self, name):
        """By arrows, from where the keyboard is, until that is said."""
        for key in ("Down", "Down", "Down", "Up", "Up", "Up"):
            if self.window.focused().name == name:
                return
            keys(key)
            time.sleep(0.1)
        self.assertEqual(self.window.focused().name, name)

    def test_a_person_who_hears_and_types_installs(self):
        disk = self.photos()
        desktop.disk("small", GIB)
        self.open()
        for page in ("Welcome to Particle", "Which keyboard", "Where are you"):
            self.window.page(page)
            self.window.round()
            keys("Return")
        self.window.page("Where should")
        self.window.find("radio button", "small")
        self.window.round()
        self.assertIn("Cannot be chosen: This disk is too small", self.heard())
        self.go_to("photos")
        keys("Return")
        self.window.page("How should")
        self.window.find("list item", "PHOTOS, 21 GB, stays")
        self.window.round()
        self.go_to("Use the whole disk")
        self.window.find("list item", "PHOTOS, 21 GB, erased")
        keys("Return")
        self.window.page("How your files")
        self.window.round()
        keys("Return")
        self.window.page("Erase this disk")
        self.window.round()
        self.assertIn("PHOTOS, 21 GB, erased", self.heard())
        self.assertIn("Keep it pressed to confirm", self.window.focused().description)
        subprocess.run(["xdotool", "keydown", "Return"], env=desktop.env, check=True)
        self.addCleanup(subprocess.run, ["xdotool", "keyup", "Return"], env=desktop.env, check=True)
        self.window.page("Installing", 5)
        subprocess.run(["xdotool", "keyup", "Return"], env=desktop.env, check=True)
        self.helper.send_signal(signal.SIGSTOP)
        self.addCleanup(self.helper.send_signal, signal.SIGCONT)
        self.window.round()
        self.assertIn("Under way", self.heard())
        keys("space")
        # The keyboard comes to what changes nothing, once the dialog stands.
        wait_for("the keyboard to be on what goes on", lambda: (lambda here: here and here.name == "Keep installing")(self.window.focused()))
        self.assertEqual([name for _, role, name in self.window.round() if role == "button"], ["Keep installing", "Stop"])
        keys("space")
        self.helper.send_signal(signal.SIGCONT)
        self.window.page("Particle is installed", 120)
        self.window.round()
        self.assertEqual([each["name"] for each in table(disk)].count("Particle_1"), 3)

    def test_a_page_that_says_why_is_heard_and_left_by_keys(self):
        full = 60 * GIB // SECTOR
        desktop.disk("full", 60 * GIB + (4 << 20), f"label: gpt\nstart=2048, size={full}, type=EBD0A0A2-B9E5-4433-87C0-68B6B72699C7, name=music\n", {2048: ("MUSIC", full)})
        self.open()
        self.go_on_to("How should", "Welcome to Particle", "Which keyboard", "Where are you", "Where should")
        self.window.press("radio button", "Beside")
        self.window.page("Make room")
        self.window.round()
        keys("Escape")
        self.window.page("How should")
        desktop.stop(self.helper)
        keys("Escape")
        self.window.page("The part of Preon")
        self.window.round()
        self.helper = desktop.helper()
        self.window.page("How should")
        self.window.round()


if __name__ == "__main__":
    unittest.main(verbosity=2)
