#!/usr/bin/env python3
# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Machines that are not easy, and what the installer says of them: started the old way, without a TPM, on battery, with a locked Windows. Where
virtual disks can be such a machine the helper is the real one; else a stand-in describes it.
"""
import atexit
import subprocess
import unittest

from desktop import Desktop, wait_for

GIB = 1 << 30
NO_TPM = ("The TPM cannot hold the key of this system's disk: this computer has none, or it is switched off. In the firmware's settings a TPM is often called "
          "\"Security Device\", \"PTT\" or \"fTPM\".")
LOCKED = "The TPM cannot hold the key of this system's disk: the TPM refuses all tries for a while, because too many wrong PINs were given."
SYSTEM = {"system": {"name": "Particle", "version": "1", "title": "Particle 1"}, "firmware": "uefi", "secureBoot": "on"}

desktop = Desktop()
desktop.__enter__()
atexit.register(desktop.__exit__, None, None, None)
bus = desktop.system_bus()

from window import Window  # noqa: E402  (accessibility looks for its bus when it is imported)


class MachineTest(unittest.TestCase):
    def setUp(self):
        for disk in desktop.disks.glob("*.raw"):
            disk.unlink()
        (desktop.logs / "installer").unlink(missing_ok=True)

    def tearDown(self):
        self.assertNotIn(".qml", desktop.log("installer"))

    def open(self):
        program = desktop.installer()
        self.addCleanup(desktop.stop, program)
        self.window = Window(program)

    def go_to(self, question, mode=None):
        for page in ("Welcome to Particle", "Which keyboard", "Where are you", "Where should", "How should", "How your files", "Install Particle"):
            self.window.page(page)
            if page.startswith(question):
                return
            if page == "How should" and mode:
                self.window.press("radio button", mode)
            self.window.press("button", "Continue")

    def real(self):
        helper = desktop.helper()
        self.addCleanup(desktop.stop, helper)
        self.open()

    def machine(self, *disks, **facts):
        process, mock = desktop.machine(disks, **facts)
        self.addCleanup(desktop.stop, process)
        mock.AddMethod("org.preon.Installer1", "Plan", "ssa{sv}", "ss", "ret = ('1', '{\"mode\": \"erase\", \"target\": {\"size\": 64000000000}}')")
        self.open()
        return mock

    def protection(self, **facts):
        disk = {"token": "1", "device": "/dev/vda", "name": "Disk", "size": 64000000000, "transport": "nvme", "removable": False, "refusal": None, "content": [],
                "partitions": [], "damage": "", "modes": {"erase": None, "beside": {"code": "no-space", "what": "No room"}, "reinstall": {"code": "not-found", "what": "None"}}}
        mock = self.machine(disk, **facts)
        for page in ("Welcome to Particle", "Which keyboard", "Where are you", "Which network", "Where should", "How should", "How your files"):
            self.window.page(page)
            if page != "How your files":
                self.window.press("button", "Continue" if page != "Which network" else "Continue without network")
        return mock

    def card(self, name, beginning, role="radio button"):
        return wait_for(lambda: f"“{name}” with “{beginning}” among {self.window.describe()}",
                        lambda: (lambda c: c if c and c.description.startswith(beginning) else None)(self.window.look(role, name)))

    def too_small(self, device, name, called):
        refusal = {"code": "no-space", "what": f"{called} is too small",
                   "why": "the system does not fit: 30G (32212254720 bytes) are needed, 16G (17179869184 bytes) are there", "todo": "Choose a larger disk."}
        self.machine({"token": "1", "device": device, "name": name, "size": 17179869184, "transport": "nvme", "removable": False, "refusal": refusal, "content": [],
                      "partitions": [], "damage": "", "modes": {}})
        for page in ("Welcome to Particle", "Which keyboard", "Where are you"):
            self.window.page(page)
            self.window.press("button", "Continue")
        self.window.page("Which network")
        self.window.press("button", "Continue without network")
        self.window.page("Where should")
        wait_for(self.window.describe, lambda: "This disk is too small: the system does not fit: 30G are needed, 16G are there" in self.window.describe())

    def test_in_its_reason_a_disk_that_cannot_be_used_is_this_disk(self):
        self.too_small("/dev/nvme0n1", "Samsung SSD 990 PRO", "Samsung SSD 990 PRO (16G, /dev/nvme0n1)")

    def test_so_it_is_where_no_model_is_known(self):
        self.too_small("/dev/vda", "", "/dev/vda (16G)")

    def test_homes_that_could_not_be_kept_are_told_of(self):
        refusal = {"code": "permission", "what": "The home partition on Disk (64G, /dev/vda) could never be opened again",
                   "why": "its key lies on the root file system that goes, and partition 5 has no recovery key",
                   "todo": "Start the system that is there and make one with \"preonctl home-volume add-recovery\"; or let the whole disk be erased, files and all."}
        self.machine({"token": "1", "device": "/dev/vda", "name": "Disk", "size": 64000000000, "transport": "nvme", "removable": False, "refusal": None, "content": [],
                      "partitions": [], "damage": "", "modes": {"erase": None, "beside": {"code": "no-space", "what": "No room"}, "reinstall": refusal}})
        for page in ("Welcome to Particle", "Which keyboard", "Where are you"):
            self.window.page(page)
            self.window.press("button", "Continue")
        self.window.page("Which network")
        self.window.press("button", "Continue without network")
        self.window.page("Where should")
        self.window.press("button", "Continue")
        self.window.page("How should")
        self.card("Install Particle anew", "Cannot be chosen: The home partition on this disk could never be opened again: its key lies on the root file system that goes")
        wait_for("the way that is left to be chosen", lambda: self.window.look("radio button", "Use the whole disk").has("CHECKED"))

    def test_a_machine_started_the_old_way_says_what_helps(self):
        self.machine(firmware="bios")
        self.window.page("Welcome to Particle")
        self.window.press("button", "Continue")
        self.window.page("This computer was started in the old way")
        self.window.find("label", "Restart and open the firmware")

    def test_no_disk_hints_at_what_hides_disks(self):
        self.machine()
        for page in ("Welcome to Particle", "Which keyboard", "Where are you"):
            self.window.page(page)
            self.window.press("button", "Continue")
        self.window.page("Which network")
        self.window.press("button", "Continue without network")
        self.window.find("heading", "No disk was found")
        self.window.find("label", "Connect one, and it appears here. If this computer has a disk that is missing: many laptops hide theirs in a mode called RST, VMD or RAID.")

    def test_without_a_security_chip_a_passphrase_is_used_and_it_can_be_looked_for_again(self):
        mock = self.protection(tpm=NO_TPM)
        self.card("Unlocked by this computer", "Cannot be chosen: This computer has no security chip (TPM), or it is switched off.")
        self.card("A passphrase at each start", "You choose it when the system starts")
        desktop.describe(mock, SYSTEM | {"tpm": ""})
        self.window.press("button", "Check again")
        self.card("Unlocked by this computer", "Its security chip (TPM)")

    def test_a_locked_chip_is_told_as_such(self):
        self.protection(tpm=LOCKED)
        self.card("Unlocked by this computer", "Cannot be chosen: Its security chip (TPM) is locked for a while")

    def test_bitlocker_is_named_and_its_key_is_asked_to_be_noted(self):
        desktop.windows("windows", 40 * GIB, locked=True)
        self.real()
        self.go_to("Where should")
        card = self.window.find("radio button", "windows")
        self.assertIn("Windows, locked with BitLocker", card.description)
        self.window.press("button", "Continue")
        self.window.page("How should")
        self.window.find(name="Windows on this disk is locked with BitLocker")
        self.assertIn("account.microsoft.com/devices/recoverykey", self.window.find(id="bitLocker").name)
        self.window.find("list item", "Windows, locked with BitLocker, 43 GB, stays")
        self.window.press("radio button", "Use the whole disk")
        wait_for("the note to go", lambda: not self.window.look(id="bitLocker"))
        self.window.find("list item", "Windows, locked with BitLocker, 43 GB, erased")
        self.window.press("radio button", "Beside")
        self.window.find(id="bitLocker")
        self.window.press("button", "Continue")
        self.window.page("How your files")
        self.window.press("button", "Continue")
        self.window.page("Install Particle?")
        self.window.find(id="bitLocker")
        self.window.find("label", "Windows and Particle keep the clock in different ways.")

    def test_a_full_locked_windows_says_how_to_make_room(self):
        disk = desktop.windows("windows", 40 * GIB, locked=True)
        subprocess.run(["sfdisk", "--quiet", "--append", disk], input=b"size=42G, type=L\n", check=True)
        self.real()
        self.go_to("How should")
        self.window.press("radio button", "Beside")
        self.window.page("Make room")
        for step in ("2. Windows is locked with BitLocker. Note its recovery key", "3. Suspend BitLocker", "4. Switch Fast Startup off"):
            self.window.find("list item", step)
        self.window.press("button", "Check again")
        self.window.find(name="Checked just now: there is still not enough free space.")
        subprocess.run(["sfdisk", "--quiet", "--delete", disk, "2"], check=True)
        self.window.press("button", "Check again")
        self.window.page("There is room now")
        self.window.press("button", "Continue")
        self.window.find(id="bitLocker")

    def test_a_battery_is_warned_of_while_it_is_in_use(self):
        process, upower = desktop.upower(bus)
        self.addCleanup(desktop.stop, process)
        desktop.disk("target", 64 * GIB)
        self.real()
        self.go_to("Install Particle")
        self.assertIsNone(self.window.look(id="onBattery"))
        upower.Set("org.freedesktop.UPower", "OnBattery", True, dbus_interface="org.freedesktop.DBus.Properties")
        self.window.find(name="This computer runs on its battery. Connect the charger")
        upower.Set("org.freedesktop.UPower", "OnBattery", False, dbus_interface="org.freedesktop.DBus.Properties")
        wait_for("the warning to go", lambda: not self.window.look(id="onBattery"))
        upower.Set("org.freedesktop.UPower", "OnBattery", True, dbus_interface="org.freedesktop.DBus.Properties")
        self.window.find(id="onBattery")
        desktop.stop(process)
        wait_for("nothing to be said of what is not known", lambda: not self.window.look(id="onBattery"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
