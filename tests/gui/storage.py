# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A UDisks to test against, as a template of python-dbusmock: its objects and their properties as udisks 2.10 documents them, as far as they are about disks' health and sticks."""
import dbus
import dbus.service
from dbusmock import MOCK_IFACE, get_object, get_objects  # noqa: F401

BUS_NAME = "org.freedesktop.UDisks2"
MAIN_OBJ = "/org/freedesktop/UDisks2"
MAIN_IFACE = "org.freedesktop.UDisks2.Manager"
SYSTEM_BUS = True
IS_OBJECT_MANAGER = True
FILE_SYSTEM = "org.freedesktop.UDisks2.Filesystem"
ATA, NVME = "org.freedesktop.UDisks2.Drive.Ata", "org.freedesktop.UDisks2.NVMe.Controller"


def load(mock, _):
    # One without a drive, as loop devices are.
    mock.AddObject(f"{MAIN_OBJ}/block_devices/loop0", "org.freedesktop.UDisks2.Block", block("/dev/loop0", "/"), [])


def block(device, drive):
    return {"Device": dbus.ByteArray(device.encode() + b"\0"), "Drive": dbus.ObjectPath(drive), "Size": dbus.UInt64(64000000000)}


@dbus.service.method(MOCK_IFACE, in_signature="sb", out_signature="s")
def AddDisk(self, device, is_nvme):
    """A disk in good health; the path of its drive."""
    name = device.rsplit("/", 1)[-1]
    drive = f"{MAIN_OBJ}/drives/{name}"
    health = {"SmartUpdated": dbus.UInt64(1), "SmartCriticalWarning": dbus.Array([], signature="s")} if is_nvme else {
        "SmartSupported": True, "SmartEnabled": True, "SmartUpdated": dbus.UInt64(1), "SmartFailing": False}
    self.AddObject(drive, "org.freedesktop.UDisks2.Drive", {"Model": "<b>Model</b>"}, [])
    get_object(drive).AddProperties(NVME if is_nvme else ATA, health)
    path = f"{MAIN_OBJ}/block_devices/{name}"
    self.AddObject(path, "org.freedesktop.UDisks2.Block", block(device, drive), [])
    self.object_manager_emit_added(drive)
    self.object_manager_emit_added(path)
    return drive


@dbus.service.method(MOCK_IFACE, in_signature="ssb", out_signature="s")
def AddStick(self, label, folder, is_read_only):
    """A memory stick with a file system, which is in folder once it is mounted."""
    name = label.lower()
    drive, path = f"{MAIN_OBJ}/drives/{name}", f"{MAIN_OBJ}/block_devices/{name}"
    self.AddObject(drive, "org.freedesktop.UDisks2.Drive", {"Vendor": "Kingston", "Model": "DataTraveler", "ConnectionBus": "usb", "MediaRemovable": True}, [])
    self.AddObject(path, "org.freedesktop.UDisks2.Block",
                   block(f"/dev/{name}", drive) | {"IdUsage": "filesystem", "IdLabel": label, "ReadOnly": is_read_only, "HintSystem": False, "HintIgnore": False}, [])
    get_object(path).AddProperties(FILE_SYSTEM, {"MountPoints": dbus.Array([], signature="ay")})
    get_object(path).AddMethods(FILE_SYSTEM, [("Mount", "a{sv}", "s", f"ret = {str(folder)!r}"), ("Unmount", "a{sv}", "", "")])
    self.object_manager_emit_added(drive)
    self.object_manager_emit_added(path)
    return path


@dbus.service.method(MOCK_IFACE, in_signature="sb", out_signature="")
def Fail(self, drive, fails):
    """What a SATA disk says of itself."""
    get_object(drive).UpdateProperties(ATA, {"SmartFailing": fails})


@dbus.service.method(MOCK_IFACE, in_signature="sas", out_signature="")
def Warn(self, drive, warnings):
    """What an NVMe disk warns of."""
    get_object(drive).UpdateProperties(NVME, {"SmartCriticalWarning": dbus.Array(warnings, signature="s")})
