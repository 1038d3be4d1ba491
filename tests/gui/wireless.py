# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A NetworkManager to test against, as a template of python-dbusmock: its own template, and joining a network as the real one does it, state by state. The machines
that run the tests have no radio, and no kernel module that would play one.
"""
import dbus
from dbusmock import MOCK_IFACE, get_object
from dbusmock.templates import networkmanager as nm
from dbusmock.templates.networkmanager import *  # noqa: F401,F403  (what a template consists of)
from gi.repository import GLib

PASSWORD = "correct horse"
STEP = 150  # ms
PREPARE, CONFIG, NEED_AUTH, IP_CONFIG, ACTIVATED, FAILED, DISCONNECTED = 40, 50, 60, 70, 100, 120, 30
NO_SECRETS = 7


def load(mock, parameters):
    nm.load(mock, parameters)
    get_object(nm.MANAGER_OBJ).add_and_activate_connection = add_and_activate_connection


def set_state(device, state, reason=0):
    old = device.Get(nm.DEVICE_IFACE, "State")
    device.Set(nm.DEVICE_IFACE, "State", dbus.UInt32(state))
    device.Set(nm.DEVICE_IFACE, "StateReason", (dbus.UInt32(state), dbus.UInt32(reason)))
    device.EmitSignal(nm.DEVICE_IFACE, "StateChanged", "uuu", [dbus.UInt32(state), old, dbus.UInt32(reason)])


def add_and_activate_connection(self, settings, device_path, point_path):
    """Takes the settings as the real one does, then goes through the states: with the wrong password to the end that the real one has where nobody can be asked."""
    device, point = get_object(device_path), get_object(point_path)
    ssid = bytes(settings["802-11-wireless"]["ssid"])
    assert ssid == bytes(point.Get(nm.ACCESS_POINT_IFACE, "Ssid")), f"{ssid} is not that access point's name"
    assert settings["connection"]["type"] == "802-11-wireless", settings["connection"]
    connection = nm.SettingsAddConnection(self, settings)
    locked = point.Get(nm.ACCESS_POINT_IFACE, "RsnFlags") != 0
    security = settings.get("802-11-wireless-security", {})
    assert not locked or security["key-mgmt"] == "wpa-psk", security
    is_right = not locked or security.get("psk") == PASSWORD
    states = [(PREPARE, 0), (CONFIG, 0), (NEED_AUTH, 0)]
    states += [(IP_CONFIG, 0), (ACTIVATED, 0)] if is_right else [(FAILED, NO_SECRETS), (DISCONNECTED, 0)]

    def step():
        state, reason = states.pop(0)
        if state == ACTIVATED:
            device.Set(nm.WIRELESS_DEVICE_IFACE, "ActiveAccessPoint", dbus.ObjectPath(point_path))
        set_state(device, state, reason)
        return bool(states)

    GLib.timeout_add(STEP, step)
    return dbus.ObjectPath(connection), dbus.ObjectPath("/org/freedesktop/NetworkManager/ActiveConnection/1")


@dbus.service.method(MOCK_IFACE, in_signature="", out_signature="s")
def AddRadio(self):
    """A Wi-Fi device without networks."""
    path = nm.AddWiFiDevice(self, "wlan0", "wlan0", DISCONNECTED)
    device = get_object(path)
    device.AddProperties(nm.WIRELESS_DEVICE_IFACE, {"ActiveAccessPoint": dbus.ObjectPath("/"), "LastScan": dbus.Int64(1)})
    return path


@dbus.service.method(MOCK_IFACE, in_signature="s", out_signature="")
def Carrier(self, path):
    """A cable is plugged into a wired device, and works."""
    device = get_object(path)
    device.Set("org.freedesktop.NetworkManager.Device.Wired", "Carrier", True)
    set_state(device, ACTIVATED)
