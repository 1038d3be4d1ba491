#!/usr/bin/env python3
# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Disks that say that they are failing, as UDisks reads it (a stand-in: storage.py), and what the installer makes of that."""
import atexit
import json
import unittest

import dbus
from desktop import Desktop, wait_for

NONE = {"code": "not-found", "what": "-"}
MOCK = "org.freedesktop.DBus.Mock"

desktop = Desktop()
desktop.__enter__()
atexit.register(desktop.__exit__, None, None, None)
bus = desktop.system_bus()

from window import Window  # noqa: E402  (accessibility looks for its bus when it is imported)


def disk(device, name, serial):
    return {"token": serial, "device": device, "name": name, "serial": serial, "size": 64000000000, "transport": "nvme", "removable": False, "refusal": None, "content": [],
            "partitions": [], "damage": "", "modes": {"erase": None, "beside": NONE, "reinstall": NONE}}


TWO = [disk("/dev/sda", "Old disk", "A1"), disk("/dev/nvme0n1", "New disk", "B2")]


class HealthTest(unittest.TestCase):
    def setUp(self):
        (desktop.logs / "installer").unlink(missing_ok=True)

    def tearDown(self):
        self.assertNotIn(".qml", desktop.log("installer"))

    def machine(self, *disks):
        process, mock = desktop.machine(disks)
        self.addCleanup(desktop.stop, process)
        desktop.plan(mock)
        return mock

    def udisks(self):
        process, proxy = desktop.udisks(bus)
        self.addCleanup(desktop.stop, process)
        return dbus.Interface(proxy, MOCK)

    def open(self, *options):
        program = desktop.installer(*options)
        self.addCleanup(desktop.stop, program)
        self.window = Window(program)

    def to_the_disks(self):
        for page in ("Welcome to Particle", "Which keyboard", "Where are you"):
            self.window.page(page)
            self.window.press("button", "Continue")
        self.window.page("Which network")
        self.window.press("button", "Continue without network")
        self.window.page("Where should")

    def says(self, name, beginning):
        wait_for(lambda: f"“{name}” with “{beginning}” among {self.window.describe()}",
                 lambda: (lambda card: card and beginning in card.description)(self.window.look("radio button", name)))

    def test_a_failing_disk_is_shown_with_its_reason_and_cannot_be_chosen(self):
        udisks = self.udisks()
        udisks.Fail(udisks.AddDisk("/dev/sda", False), True)
        udisks.AddDisk("/dev/nvme0n1", True)
        self.machine(*TWO)
        self.open()
        self.to_the_disks()
        self.says("Old disk", "Cannot be chosen: This disk is failing: by its own health check (SMART) it will not work for much longer.")
        self.assertNotIn("failing", self.window.find("radio button", "New disk").description)
        self.assertTrue(self.window.find("radio button", "New disk").has("CHECKED"))
        self.window.find("radio button", "Old disk").press()
        self.assertFalse(self.window.find("radio button", "Old disk").has("CHECKED"))
        self.assertTrue(self.window.find("radio button", "New disk").has("CHECKED"))

    def test_what_becomes_known_later_is_told_at_once(self):
        udisks = self.udisks()
        self.machine(*TWO)
        self.open()
        self.to_the_disks()
        self.assertTrue(self.window.find("radio button", "Old disk").has("ENABLED"))
        drive = udisks.AddDisk("/dev/nvme0n1", True)
        for warnings, reason in ((["spare"], "it is worn out"), (["temperature", "degraded"], "it makes too many errors"), (["readonly", "spare"], "it can only be read any more"),
                                 (["volatile_mem"], "it can lose what was written last")):
            udisks.Warn(drive, warnings)
            self.says("New disk", reason)
        # Heat passes.
        udisks.Warn(drive, ["temperature"])
        wait_for("the disk to be usable", lambda: "Cannot be chosen" not in self.window.find("radio button", "New disk").description)

    def test_a_disk_that_begins_to_fail_while_it_is_chosen_is_chosen_no_more(self):
        udisks = self.udisks()
        drive = udisks.AddDisk("/dev/sda", False)
        self.machine(*TWO[:1])
        self.open()
        self.to_the_disks()
        self.window.press("button", "Continue")
        self.window.page("How should")
        udisks.Fail(drive, True)
        self.window.page("Where should")
        self.window.find(name="Old disk, 64 GB can no longer be chosen. Its card says why.")
        self.assertFalse(self.window.find("button", "Continue").has("ENABLED"))
        udisks.Fail(drive, False)
        self.window.press("button", "Continue")
        self.window.page("How should")

    def test_a_check_that_is_switched_off_says_nothing(self):
        udisks = self.udisks()
        drive = udisks.AddDisk("/dev/sda", False)
        bus.get_object("org.freedesktop.UDisks2", drive).UpdateProperties("org.freedesktop.UDisks2.Drive.Ata", {"SmartEnabled": False, "SmartFailing": True}, dbus_interface=MOCK)
        self.machine(*TWO[:1])
        self.open()
        self.to_the_disks()
        self.assertTrue(self.window.find("radio button", "Old disk").has("CHECKED"))

    def test_without_udisks_nothing_is_said_and_it_may_come_late_and_go(self):
        self.machine(*TWO[:1])
        self.open()
        self.to_the_disks()
        self.assertTrue(self.window.find("radio button", "Old disk").has("CHECKED"))
        process, proxy = desktop.udisks(bus)
        udisks = dbus.Interface(proxy, MOCK)
        udisks.Fail(udisks.AddDisk("/dev/sda", False), True)
        self.says("Old disk", "This disk is failing")
        desktop.stop(process)
        wait_for("UDisks to be gone", lambda: not bus.name_has_owner("org.freedesktop.UDisks2"))
        self.says("Old disk", "This disk is failing")

    def test_an_answers_file_does_not_take_a_failing_disk(self):
        udisks = self.udisks()
        udisks.Fail(udisks.AddDisk("/dev/sda", False), True)
        self.machine(*TWO[:1])
        file = desktop.folder / "answers.json"
        file.write_text(json.dumps({"language": "en_US", "keyboard": "us", "timeZone": "Europe/Berlin", "disk": {"serial": "A1"}, "mode": "erase"}))
        self.open("--answers", file)
        self.window.page("The disk that the answers file names was not found")


if __name__ == "__main__":
    unittest.main(verbosity=2)
