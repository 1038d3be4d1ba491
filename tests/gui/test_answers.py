#!/usr/bin/env python3
# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The installer with an answers file: what needs nobody, what still needs somebody, and what it refuses. The helper is the real one, except where a machine would be
restarted.
"""
import atexit
import json
import pathlib
import subprocess
import time
import unittest

from desktop import Desktop, wait_for

GIB = 1 << 30
PLACES = {"language": "en_US", "keyboard": "de nodeadkeys", "timeZone": "Europe/Berlin"}
DISK = {"token": "1", "device": "/dev/vda", "name": "Disk", "serial": "A1", "size": 64000000000, "transport": "nvme", "removable": False, "refusal": None, "content": [],
        "partitions": [], "damage": "", "modes": {"erase": None, "beside": {"code": "not-found", "what": "-"}, "reinstall": {"code": "not-found", "what": "-"}}}

desktop = Desktop()
desktop.__enter__()
atexit.register(desktop.__exit__, None, None, None)
bus = desktop.system_bus()

from window import Window  # noqa: E402  (accessibility looks for its bus when it is imported)


class AnswersTest(unittest.TestCase):
    def setUp(self):
        for disk in desktop.disks.glob("*.raw"):
            disk.unlink()
        subprocess.run(["rm", "-rf", desktop.disks / ".machine"], check=True)
        (desktop.logs / "installer").unlink(missing_ok=True)

    def tearDown(self):
        self.assertNotIn(".qml", desktop.log("installer"))

    def real(self):
        helper = desktop.helper()
        self.addCleanup(desktop.stop, helper)

    def open(self, answers):
        path = desktop.folder / "answers.json"
        path.write_text(answers if isinstance(answers, str) else json.dumps(answers))
        self.open_file(path)

    def open_file(self, path):
        self.program = desktop.installer("--answers", path)
        self.addCleanup(desktop.stop, self.program)
        self.window = Window(self.program)

    def photos(self):
        return desktop.disk("photos", 64 * GIB, f"label: gpt\nstart=2048, size={20 * GIB // 512}, type=EBD0A0A2-B9E5-4433-87C0-68B6B72699C7, name=photos\n",
                            {2048: ("PHOTOS", 20 * GIB // 512)})

    def unchanged(self, disk):
        with disk.open("rb") as file:
            return b"PHOTOS" in file.read(2 << 20)

    def test_an_empty_disk_needs_nobody(self):
        disk = desktop.disk("target", 64 * GIB)
        self.real()
        self.open(PLACES | {"protection": "tpm", "disk": "only", "mode": "erase"})
        self.window.page("Particle is installed", 120)
        with disk.open("rb") as file:
            self.assertIn(b"EFI PART", file.read(4096))

    def test_a_disk_with_photos_goes_only_with_its_sentence(self):
        disk = self.photos()
        self.real()
        self.open(PLACES | {"protection": "tpm", "disk": {"name": str(disk)}, "mode": "erase"})
        self.window.page("Erase this disk and install Particle?")
        self.window.find("label", "English · German (no dead keys) · Berlin")
        time.sleep(2)
        self.window.page("Erase this disk and install Particle?", 1)
        self.assertTrue(self.unchanged(disk))
        desktop.stop(self.program)
        self.open(PLACES | {"protection": "tpm", "disk": {"name": str(disk)}, "mode": "erase", "confirm": f"erase everything on {disk}"})
        self.window.page("Particle is installed", 120)
        self.assertFalse(self.unchanged(disk))

    def test_a_sentence_about_another_disk_is_refused(self):
        disk = self.photos()
        self.real()
        self.open(PLACES | {"protection": "tpm", "disk": "largest", "mode": "erase", "confirm": "erase everything on /dev/sda"})
        self.window.page("The answers file allows something else")
        self.window.find("label", "It says \"erase everything on /dev/sda\".")
        self.window.press("button", "Choose here")
        self.window.page("How should Particle be installed?")
        self.assertTrue(self.unchanged(disk))

    def test_beside_what_is_there_needs_no_sentence(self):
        disk = self.photos()
        self.real()
        self.open(PLACES | {"protection": "tpm", "disk": "only", "mode": "beside"})
        self.window.page("Particle is installed", 120)
        self.assertTrue(self.unchanged(disk))

    def test_what_is_not_answered_is_asked_and_then_the_summary_is_shown(self):
        desktop.disk("target", 64 * GIB)
        self.real()
        self.open({"language": "en_US", "timeZone": "Europe/Berlin", "protection": "tpm", "disk": "only", "mode": "erase"})
        self.window.page("Which keyboard")
        self.window.press("button", "Continue")
        self.window.page("Install Particle?")
        time.sleep(2)
        self.window.page("Install Particle?", 1)
        self.window.press("button", "Back")
        self.window.page("How your files")

    def test_what_is_misspelt_is_said_and_nothing_is_taken(self):
        desktop.disk("target", 64 * GIB)
        self.real()
        self.open(PLACES | {"protection": "tpm", "disk": "only", "mode": "erase", "afterward": "restart"})
        self.window.page("The answers file cannot be used")
        self.window.find("label", "It has a key \"afterward\" that is not known.")
        self.assertIn("It has a key", desktop.log("installer").replace("it has", "It has"))
        self.window.press("button", "Choose here")
        self.window.page("Welcome to Particle")

    def test_a_file_that_is_not_there_is_said(self):
        self.real()
        self.open_file(desktop.folder / "nothing.json")
        self.window.page("The answers file could not be read")

    def test_a_place_that_nobody_knows_is_said(self):
        self.real()
        self.open({"keyboard": "klingon"})
        self.window.page("The answers file asks for something that is not known here")
        self.window.find("label", "“keyboard” is “klingon”.")

    def test_a_disk_that_comes_late_is_waited_for(self):
        desktop.disk("other", 64 * GIB)
        self.real()
        wanted = desktop.disks / "wanted.raw"
        self.open(PLACES | {"protection": "tpm", "disk": {"name": str(wanted)}, "mode": "erase"})
        self.window.page("The disk that the answers file names was not found")
        desktop.disk("wanted", 64 * GIB)
        self.window.page("Particle is installed", 120)

    def test_a_protection_is_chosen_and_reaches_the_plan(self):
        disk = desktop.disk("target", 64 * GIB)
        self.real()
        self.open(PLACES | {"hostname": "anna-laptop", "protection": "passphrase", "disk": "only", "mode": "erase"})
        self.window.page("Particle is installed", 120)
        with disk.open("rb") as file:
            start = file.read(64 << 20)
        said = start[start.index(b"system=") :].split(b"\0")[0].decode()
        self.assertEqual(said.splitlines()[1:], ["language=en_US.UTF-8", "keyboard=de nodeadkeys", "time-zone=Europe/Berlin", "hostname=anna-laptop", "protection=passphrase"])

    def test_a_protection_that_this_machine_has_not_is_refused(self):
        process, mock = desktop.machine([DISK], tpm="The TPM cannot hold the key of this system's disk: this computer has none, or it is switched off.")
        self.addCleanup(desktop.stop, process)
        mock.AddMethod("org.preon.Installer1", "Plan", "ssa{sv}", "ss", "ret = ('1', '{}')")
        self.open(PLACES | {"protection": "tpm-pin", "disk": "only", "mode": "erase"})
        self.window.page("This computer cannot protect files as the answers file wants it")
        self.window.find("label", "This computer has no security chip")

    def test_what_was_chosen_is_saved_and_can_be_used(self):
        desktop.disk("target", 64 * GIB)
        self.real()
        self.open(PLACES | {"hostname": "anna-laptop", "protection": "tpm", "disk": "only", "mode": "erase", "afterwards": "stay"})
        self.window.page("Particle is installed", 120)
        self.window.press("button", "Save these answers")
        where = self.window.find("label", "Saved as ").name.removeprefix("Saved as ")
        saved = json.loads(pathlib.Path(where).read_text())
        self.assertEqual(saved, PLACES | {"hostname": "anna-laptop", "protection": "tpm", "disk": {"model": "target"}, "mode": "erase", "afterwards": "stay"})
        self.window.press("button", "Close")
        self.program.wait(10)
        # The work is let go of with the helper that did it; the disk is not empty any more, and the file allows nothing.
        self.doCleanups()
        subprocess.run(["rm", "-rf", desktop.disks / ".machine"], check=True)
        self.real()
        self.open_file(where)
        self.window.page("Erase this disk")

    def ended(self, afterwards):
        """A machine whose installation is done at once, and the calls that its logind got."""
        logind = desktop.start("logind", ["python3", "-m", "dbusmock", "--system", "--template", "logind"])
        self.addCleanup(desktop.stop, logind)
        wait_for("logind", lambda: bus.name_has_owner("org.freedesktop.login1"))
        process, mock = desktop.machine([DISK])
        self.addCleanup(desktop.stop, process)
        mock.AddMethod("org.preon.Installer1", "Plan", "ssa{sv}", "ss", "ret = ('1', '{\"mode\": \"erase\", \"target\": {\"size\": 64000000000}}')")
        mock.AddMethod("org.preon.Installer1", "Apply", "s", "o", "ret = dbus.ObjectPath('/org/preon/Job1/1')")
        mock.AddObject("/org/preon/Job1/1", "org.preon.Job1", {"Kind": "install", "Target": "Disk", "State": "done", "Phase": "Flushing"},
                       [("Describe", "", "sssas", "ret = ('{}', '', '', dbus.Array([], signature='s'))")])
        self.open(PLACES | {"protection": "tpm", "disk": {"serial": "A1"}, "mode": "erase", "afterwards": afterwards})
        self.window.page("Particle is installed")
        return lambda: [str(call[1]) for call in bus.get_object("org.freedesktop.login1", "/org/freedesktop/login1").GetCalls(dbus_interface="org.freedesktop.DBus.Mock")]

    def test_the_machine_is_restarted_after_a_while_to_say_no(self):
        calls = self.ended("restart")
        self.window.find("label", "This computer restarts in 9 seconds.")
        self.assertNotIn("Reboot", calls())
        wait_for("the restart", lambda: "Reboot" in calls(), 15)

    def test_a_person_who_is_there_stops_the_machine_from_being_switched_off(self):
        calls = self.ended("poweroff")
        self.window.find("label", "This computer switches off in ")
        self.window.press("button", "Stay here")
        self.window.find("button", "Keep trying it out")
        time.sleep(11)
        self.assertNotIn("PowerOff", calls())


if __name__ == "__main__":
    unittest.main(verbosity=2)
