#!/usr/bin/env python3
# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The network page, against a NetworkManager that plays what a test needs (wireless.py). The helper is the real one."""
import atexit
import subprocess
import unittest

import dbus

import wireless
from desktop import Desktop, wait_for

MOCK = "org.freedesktop.DBus.Mock"
PSK = 0x100
ENTERPRISE = 0x200

desktop = Desktop()
desktop.__enter__()
atexit.register(desktop.__exit__, None, None, None)
bus = desktop.system_bus()

from window import Window  # noqa: E402  (accessibility looks for its bus when it is imported)


def keys(*words, action="key"):
    subprocess.run(["xdotool", action, *words], env=desktop.env, check=True)


class NetworkTest(unittest.TestCase):
    def setUp(self):
        (desktop.logs / "installer").unlink(missing_ok=True)
        self.helper = desktop.helper()
        self.addCleanup(desktop.stop, self.helper)

    def tearDown(self):
        self.assertNotIn(".qml", desktop.log("installer"))

    def manager(self, *networks):
        """NetworkManager with a radio that hears these (name, strength, lock)."""
        process, self.nm = desktop.network_manager(bus)
        self.addCleanup(lambda: wait_for("the end of it", lambda: not bus.name_has_owner("org.freedesktop.NetworkManager")))
        self.addCleanup(desktop.stop, process)
        self.radio = self.nm.AddRadio(dbus_interface=MOCK) if networks else None
        self.points = {}
        for name, strength, lock in networks:
            self.hear(name, strength, lock)

    def hear(self, name, strength, lock):
        number = len(self.points)
        self.points[name] = self.nm.AddAccessPoint(self.radio, f"ap{number}", name, f"00:00:00:00:00:{number:02x}", dbus.UInt32(2), dbus.UInt32(2412), dbus.UInt32(54000),
                                                   dbus.Byte(strength), dbus.UInt32(lock), dbus_interface=MOCK)

    def connections(self):
        settings = bus.get_object("org.freedesktop.NetworkManager", "/org/freedesktop/NetworkManager/Settings")
        return settings.ListConnections(dbus_interface="org.freedesktop.NetworkManager.Settings")

    def open(self, *options):
        program = desktop.installer(*options)
        self.addCleanup(desktop.stop, program)
        self.window = Window(program)
        for page in ("Welcome to Particle", "Which keyboard", "Where are you"):
            self.window.page(page)
            self.window.press("button", "Continue")

    def open_page(self):
        self.open("--network")
        self.window.page("Which network")

    def summary(self):
        """From the page of disks: what the summary says of the network, as the helper understood it."""
        self.addCleanup(desktop.disk("target", 64 << 30).unlink)
        for page in ("Where should", "How should", "How your files"):
            self.window.page(page)
            self.window.press("button", "Continue")
        self.window.page("Install Particle?")
        return self.window.find("label", "Wi-Fi").name

    def line(self, name, beginning):
        return wait_for(lambda: f"{name}: {beginning}, it is {self.window.look('radio button', name) and self.window.look('radio button', name).description}",
                        lambda: (lambda c: c if c and c.description.startswith(beginning) else None)(self.window.look("radio button", name)))

    def test_virtual_disks_leave_the_page_out(self):
        self.manager(("Home", 90, PSK))
        self.open()
        self.window.page("Where should")

    def test_without_networkmanager_the_page_says_so_and_goes_on(self):
        self.open_page()
        self.window.find("heading", "The network cannot be set up from here")
        self.window.press("button", "Continue without network")
        self.window.page("Where should")

    def test_a_machine_without_wireless_goes_on(self):
        self.manager()
        self.open_page()
        self.window.find("heading", "There is no Wi-Fi in this computer")
        self.window.press("button", "Continue without network")
        self.window.page("Where should")

    def test_a_cable_is_enough(self):
        self.manager()
        device = self.nm.AddEthernetDevice("eth0", "eth0", 20, dbus_interface=MOCK)
        self.open_page()
        self.window.find("button", "Continue without network")
        self.nm.Carrier(device, dbus_interface=MOCK)
        self.window.find("heading", "Connected by cable")
        self.window.press("button", "Continue")
        self.window.page("Where should")

    def test_a_wrong_password_is_told_in_words_and_asked_for_again(self):
        self.manager(("Home", 90, PSK), ("Café", 50, 0), ("Library", 20, PSK))
        self.open_page()
        self.line("Home", "Strong signal · asks for a password")
        self.line("Café", "Good signal · open")
        self.line("Library", "Weak signal")
        self.window.press("radio button", "Home")
        field = self.window.find("password text", id="password")
        wait_for("the keyboard in it", lambda: field.has("FOCUSED"))
        keys("short", action="type")
        self.assertFalse(self.window.find("button", "Connect").has("ENABLED"))
        self.assertNotIn("short", field.text)
        keys("er than that", action="type")
        keys("Return")
        self.window.find(name="“Home” did not take that password.")
        self.assertEqual(len(self.connections()), 0, "NetworkManager would try the wrong one again")
        field = self.window.find("password text", id="password")
        wait_for("the keyboard in it", lambda: field.has("FOCUSED"))
        keys(wireless.PASSWORD, action="type")
        self.window.press("check box", "Show the password")
        field = self.window.find("text", "Password")
        wait_for(lambda: f"the password to be readable; it is {field.text}", lambda: field.text == wireless.PASSWORD)
        self.window.press("button", "Connect")
        self.line("Home", "Connecting")
        self.line("Home", "Connected")
        self.assertEqual(len(self.connections()), 1)
        self.window.press("button", "Continue")
        self.window.page("Where should")
        self.assertEqual(self.summary(), "Wi-Fi “Home”")

    def test_an_open_network_is_joined_at_once(self):
        self.manager(("Café", 50, 0))
        self.open_page()
        self.window.press("radio button", "Café")
        self.line("Café", "Connected")
        self.window.find("button", "Continue")

    def test_what_needs_more_than_a_password_says_so(self):
        self.manager(("Home", 90, PSK), ("University", 80, ENTERPRISE))
        self.open_page()
        self.line("University", "Cannot be chosen: It asks for a name and more.")

    def test_networks_come_and_go_while_the_page_is_open(self):
        self.manager(("Home", 90, PSK))
        self.open_page()
        self.window.find("radio button", "Home")
        self.hear("Neighbour", 60, PSK)
        self.window.find("radio button", "Neighbour")
        self.nm.RemoveAccessPoint(self.radio, self.points["Home"], dbus_interface=MOCK)
        wait_for("it to go", lambda: not self.window.look("radio button", "Home"))
        self.nm.SetProperty("/org/freedesktop/NetworkManager", "org.freedesktop.NetworkManager", "WirelessEnabled", False, dbus_interface=MOCK)
        self.window.find("heading", "Wi-Fi is switched off")
        self.window.press("button", "Switch Wi-Fi on")
        self.window.find("radio button", "Neighbour")


if __name__ == "__main__":
    unittest.main(verbosity=2)
