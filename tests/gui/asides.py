# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Pages that an ordinary installation on a virtual disk does not come by, photographed: what other machines, their networks and their batteries bring."""
import signal
import subprocess

import dbus

NONE = {"code": "not-found", "what": "-"}
SSD = {"token": "1", "device": "/dev/nvme0n1", "name": "Samsung SSD 990 PRO", "size": 1000204886016, "transport": "nvme", "removable": False, "refusal": None, "content": [],
       "partitions": [], "damage": "", "modes": {"erase": None, "beside": NONE, "reinstall": NONE}}
MOCK = "org.freedesktop.DBus.Mock"
NETWORKS = [("Home", 90, 0x100), ("Neighbour", 62, 0x100), ("Café", 45, 0), ("University", 33, 0x200), ("Library 5 GHz, second floor", 15, 0x100)]


def network(desktop, bus, album, options):
    program = desktop.installer("--network", *options)
    window = window_of(desktop, program)
    for page in ("Welcome to Particle", "Which keyboard", "Where are you"):
        window.page(page)
        window.press("button", "Continue")
    window.page("Which network")
    album.add("network-absent")
    process, manager = desktop.network_manager(bus)
    window.find("heading", "There is no Wi-Fi")
    album.add("network-no-wifi")
    radio = manager.AddRadio(dbus_interface=MOCK)
    for number, (name, strength, lock) in enumerate(NETWORKS):
        manager.AddAccessPoint(radio, f"ap{number}", name, f"00:00:00:00:00:{number:02x}", dbus.UInt32(2), dbus.UInt32(2412), dbus.UInt32(54000), dbus.Byte(strength),
                               dbus.UInt32(lock), dbus_interface=MOCK)
    window.find("radio button", "Library")
    album.add("network")
    window.press("radio button", "Home")
    window.find(id="password")
    album.add("network-password")
    window.keys("wrong password")
    window.press("button", "Connect")
    window.find(name="“Home” did not take")
    album.add("network-wrong-password")
    window.press("button", "Cancel")
    window.press("radio button", "Café")
    window.find("label", "Connected to “Café”")
    album.add("network-joined")
    device = manager.AddEthernetDevice("eth0", "eth0", 20, dbus_interface=MOCK)
    manager.Carrier(device, dbus_interface=MOCK)
    manager.SetProperty("/org/freedesktop/NetworkManager", "org.freedesktop.NetworkManager", "WirelessEnabled", False, dbus_interface=MOCK)
    window.find("heading", "Connected by cable")
    album.add("network-cable")
    desktop.stop(program)
    desktop.stop(process)


def machines(desktop, album, options):
    """What machines are, which no test has."""
    none = "The TPM cannot hold the key of this system's disk: this computer has none, or it is switched off."
    locked = "The TPM cannot hold the key of this system's disk: the TPM refuses all tries for a while."
    for name, disks, facts in (("bios", [], {"firmware": "bios"}), ("no-disk", [], {}), ("no-chip", [SSD], {"tpm": none, "secureBoot": "off"}),
                               ("locked-chip", [SSD], {"tpm": locked}), ("setup-mode", [SSD], {"secureBoot": "setup"})):
        process, mock = desktop.machine(disks, **facts)
        desktop.plan(mock, target={"size": SSD["size"]})
        program = desktop.installer(*options)
        window = window_of(desktop, program)
        window.page("Welcome to Particle")
        window.press("button", "Continue")
        if name != "bios":
            for page in ("Which keyboard", "Where are you", "Which network") + (("Where should", "How should") if disks else ()):
                window.page(page)
                window.press("button", "Continue")
        window.page({"bios": "This computer was started", "no-disk": "Where should"}.get(name, "How your files"))
        album.add(name)
        desktop.stop(program)
        desktop.stop(process)


def secure_boot(desktop, album, options):
    """Computers with others' keys: what is said of them, what is recommended, and the code in the end."""
    asks = {"loader": "shim", "couldAsk": True, "asks": True, "trustsOthers": True}
    note = "At the next start a blue screen asks whether this computer may start the new system, and for a code that is shown once it is installed."
    for name, state, start in (("others-keys", "on", asks | {"couldAsk": False, "asks": False}), ("prepare", "off", asks | {"asks": False}), ("asks", "on", asks)):
        process, mock = desktop.machine([SSD], secureBoot=state, start=start)
        desktop.plan(mock, target={"size": SSD["size"]}, notes=[note])
        desktop.done(mock, {"code": "40718265", "notes": []}, {"start": asks})
        program = desktop.installer(*options)
        window = window_of(desktop, program)
        for page in ("Welcome to Particle", "Which keyboard", "Where are you", "Which network", "Where should", "How should"):
            window.page(page)
            window.press("button", "Continue")
        window.page("How your files")
        if name == "prepare":
            # It may be below what a small window shows: there the keyboard brings it into view.
            subprocess.run(["xdotool", "key", "Tab", "Tab", "Tab", "space"], check=True)
            window.find("check box", "Prepare Secure Boot")
        album.add(f"protection-{name}")
        if name != "others-keys":
            window.press("button", "Continue")
            window.page("Install Particle?")
            album.add(f"summary-{name}")
            window.press("button", "Install")
            window.page("Particle is installed")
            window.find(id="code")
            album.add(f"done-code-{name}")
        desktop.stop(program)
        desktop.stop(process)


def cannot_start(desktop, album, options):
    process, mock = desktop.machine([SSD], startProblem={
        "code": "unsupported", "what": "Secure Boot would not let Particle start on this computer",
        "why": "the firmware does not trust the key that Microsoft signs loaders of other systems with",
        "todo": "In the firmware's settings, allow \"Microsoft 3rd Party UEFI CA\", or switch Secure Boot off."})
    program = desktop.installer(*options)
    window = window_of(desktop, program)
    window.page("Welcome to Particle")
    window.press("button", "Continue")
    window.page("Secure Boot would not let")
    album.add("cannot-start")
    desktop.stop(program)
    desktop.stop(process)


def failing(desktop, bus, album, options):
    """Disks whose own health check says that they will not last."""
    storage, proxy = desktop.udisks(bus)
    udisks = dbus.Interface(proxy, MOCK)
    udisks.Fail(udisks.AddDisk("/dev/sda", False), True)
    udisks.Warn(udisks.AddDisk("/dev/nvme1n1", True), ["spare"])
    old = SSD | {"token": "2", "device": "/dev/sda", "name": "WDC WD10EZEX", "transport": "sata"}
    worn = SSD | {"token": "3", "device": "/dev/nvme1n1", "name": "KINGSTON SNV2S", "size": 500107862016}
    process, mock = desktop.machine([old, worn, SSD])
    desktop.plan(mock)
    program = desktop.installer(*options)
    window = window_of(desktop, program)
    for page in ("Welcome to Particle", "Which keyboard", "Where are you", "Which network"):
        window.page(page)
        window.press("button", "Continue")
    window.page("Where should")
    album.add("disk-failing")
    for each in (program, process, storage):
        desktop.stop(each)


def windows(desktop, bus, helper, album, options):
    """Beside a locked Windows, on a laptop whose charger is not connected."""
    process, upower = desktop.upower(bus)
    upower.Set("org.freedesktop.UPower", "OnBattery", True, dbus_interface="org.freedesktop.DBus.Properties")
    disk = desktop.windows("windows", 40 << 30, locked=True)
    program = desktop.installer(*options)
    window = window_of(desktop, program)
    for page in ("Welcome to Particle", "Which keyboard", "Where are you", "Where should"):
        window.page(page)
        if page == "Where should":
            installed = window.find("radio button", "empty").description
            assert "Particle 1" in installed and "ESP" not in installed, installed
            window.press("radio button", "windows")
            album.add("disk-bitlocker")
        window.press("button", "Continue")
    window.page("How should")
    window.find("list", "Afterwards")
    album.add("how-bitlocker")
    window.press("button", "Continue")
    window.page("How your files")
    window.press("button", "Continue")
    window.page("Install Particle?")
    album.add("summary-battery")
    window.press("button", "Install")
    window.page("Installing")
    helper.send_signal(signal.SIGSTOP)
    album.add("progress-battery")
    helper.send_signal(signal.SIGCONT)
    window.page("Particle is installed", seconds=240)
    desktop.stop(program)
    desktop.stop(process)
    disk.unlink()


def answers(desktop, album, options):
    """A file that cannot be used, and one after which the computer would restart."""
    file = desktop.folder / "answers.json"
    file.write_text('{"langauge": "de_DE"}')
    process, mock = desktop.machine()
    program = desktop.installer("--answers", file, *options)
    window_of(desktop, program).page("The answers file cannot be used")
    album.add("answers-misspelt")
    desktop.stop(program)
    desktop.stop(process)

    process, mock = desktop.machine([SSD])
    desktop.plan(mock, target={"size": SSD["size"]})
    desktop.done(mock)
    file.write_text('{"language": "en_US", "keyboard": "us", "timeZone": "Europe/Berlin", "protection": "tpm", "disk": "only", "mode": "erase", "afterwards": "restart"}')
    program = desktop.installer("--answers", file, *options)
    window = window_of(desktop, program)
    window.page("Particle is installed")
    window.find("button", "Stay here").press()
    window.find("button", "Keep trying it out")
    window.press("button", "Save these answers")
    window.find("label", "Saved as ")
    album.add("done-saved")
    desktop.stop(program)
    desktop.stop(process)


def window_of(desktop, program):
    from window import Window

    return Window(program, desktop.language)


def walk(desktop, helper, album, options):
    bus = desktop.system_bus()
    network(desktop, bus, album, options)
    windows(desktop, bus, helper, album, options)
    desktop.stop(helper)
    machines(desktop, album, options)
    secure_boot(desktop, album, options)
    cannot_start(desktop, album, options)
    failing(desktop, bus, album, options)
    answers(desktop, album, options)
