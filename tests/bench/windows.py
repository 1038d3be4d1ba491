# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Our Installer with its helper beside Calamares and KDE Partition Manager, on one desktop, in turns: how soon a person can use the first page, what is resident
then, and how often each wakes up while nobody touches it. Run by bench, through as_user, where the peers are installed (./dev bench ui).

Nothing is asked of a program that it could answer in its own favour: a start ends when the screen has a painted page that no longer changes, and, in rounds of
their own, when a screen reader finds a button with a name. Our helper is started by the bus within that time and counts; what the peers would start as
root does not run here and does not count.
"""
import ctypes
import os
import pathlib
import shutil
import signal
import statistics
import subprocess
import sys
import time

import dbus
import dbus.bus
from desktop import Desktop, wait_for

ROUNDS = int(os.environ.get("PREON_ROUNDS", "5"))
IDLE = 20  # seconds
QUIET = 0.8  # seconds without a change: the page is there
GIB = 1 << 30
HELPER = "org.preon.Helper1"
TICKS = os.sysconf("SC_CLK_TCK")


class Image(ctypes.Structure):
    _fields_ = [("width", ctypes.c_int), ("height", ctypes.c_int), ("xoffset", ctypes.c_int), ("format", ctypes.c_int), ("data", ctypes.c_void_p),
                ("byte_order", ctypes.c_int), ("bitmap_unit", ctypes.c_int), ("bitmap_bit_order", ctypes.c_int), ("bitmap_pad", ctypes.c_int), ("depth", ctypes.c_int),
                ("bytes_per_line", ctypes.c_int)]  # fmt: skip


class Screen:
    """Looks at the whole screen as the X server has it; a program of its own would take too long for that."""

    def __init__(self, desktop):
        self._x = ctypes.CDLL("libX11.so.6")
        for name, result, *arguments in (("XOpenDisplay", ctypes.c_void_p, ctypes.c_char_p), ("XDefaultRootWindow", ctypes.c_ulong, ctypes.c_void_p),
                                         ("XFree", ctypes.c_int, ctypes.c_void_p),
                                         ("XGetImage", ctypes.POINTER(Image), ctypes.c_void_p, ctypes.c_ulong, *[ctypes.c_int] * 4, ctypes.c_ulong, ctypes.c_int)):  # fmt: skip
            function = getattr(self._x, name)
            function.restype, function.argtypes = result, arguments
        self._display = self._x.XOpenDisplay(desktop.env["DISPLAY"].encode())
        self._root = self._x.XDefaultRootWindow(self._display)
        self._size = desktop.size

    def look(self):
        every_plane, z_pixmap = 0xFFFFFFFF, 2
        image = self._x.XGetImage(self._display, self._root, 0, 0, *self._size, every_plane, z_pixmap)
        stride = image.contents.bytes_per_line
        pixels = ctypes.string_at(image.contents.data, stride * self._size[1])
        self._x.XFree(image.contents.data)
        self._x.XFree(ctypes.cast(image, ctypes.c_void_p))
        return pixels, stride

    def rows_changed(self, before, now):
        (old, stride), (new, _) = before, now
        return 0 if old == new else sum(old[at : at + stride] != new[at : at + stride] for at in range(0, len(new), stride))

    @staticmethod
    def is_painted(look):
        """More than areas of plain colour: there are letters."""
        return len(set(memoryview(look[0]).cast("I")[::61])) > 12

    def settled(self, began):
        """Seconds until something was painted, and until that stopped changing. A blinking cursor, some lines high, is no change."""
        first, last, before = None, None, self.look()
        while time.perf_counter() - began < 30:
            now = self.look()
            at = time.perf_counter() - began
            if self.rows_changed(before, now) > 40:
                last = at
                if first is None and self.is_painted(now):
                    first = at
                before = now
            if first and at - last > QUIET:
                return first, last
            time.sleep(0.004)
        raise TimeoutError("nothing came to rest on the screen")


class Program:
    def __init__(self, desktop, name, command):
        self.desktop, self.name, self.command = desktop, name, command

    def start(self):
        self.began = time.perf_counter()
        self.process = self.desktop.start(self.name, self.command)

    def helper(self):
        return None

    def stop(self):
        self.desktop.stop(self.process)


def calamares(desktop):
    """As Debian sets it up, but for what refuses to go on without root's rights and a real disk and turns a wheel for ever: the checks, and the page for partitions."""
    config = desktop.folder / "calamares"
    shutil.copytree("/etc/calamares", config / "calamares")
    (config / "calamares/modules/welcome.conf").write_text("showSupportUrl: true\nshowKnownIssuesUrl: true\nshowReleaseNotesUrl: true\nrequirements:\n    check: []\n    required: []\n")
    settings = config / "calamares/settings.conf"
    settings.write_text(settings.read_text().replace("  - partition\n", ""))
    return Program(desktop, "calamares", ["env", f"XDG_CONFIG_DIRS={config}:/etc/xdg", "calamares", "-X"])


class Ours(Program):
    """With the helper, which the bus starts when the window asks for it."""

    def __init__(self, desktop):
        super().__init__(desktop, "preon", ["preon-installer", "--session-bus"])
        services = desktop.folder / "runtime/dbus-1/services"
        services.mkdir(parents=True, exist_ok=True)
        helper = f"{shutil.which('preond')} --sandbox={desktop.disks} --image={os.environ['PREON_IMAGE']}"
        (services / f"{HELPER}.service").write_text(f"[D-BUS Service]\nName={HELPER}\nExec={helper}\n")
        self.bus = dbus.bus.BusConnection(desktop.env["DBUS_SESSION_BUS_ADDRESS"])
        self.bus.get_object("org.freedesktop.DBus", "/org/freedesktop/DBus").ReloadConfig()

    def helper(self):
        return int(self.bus.get_object("org.freedesktop.DBus", "/org/freedesktop/DBus").GetConnectionUnixProcessID(HELPER))

    def stop(self):
        helper = self.helper()
        super().stop()
        os.kill(helper, signal.SIGTERM)
        wait_for("the helper's end", lambda: not self.bus.name_has_owner(HELPER))


def memory(process):
    """Resident and proportional MiB."""
    kib = {}
    for line in pathlib.Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()[1:]:
        key, value = line.split(":")
        kib[key] = int(value.split()[0])
    return kib["Rss"] / 1024, kib["Pss"] / 1024


def wakeups(process):
    total = 0
    for task in pathlib.Path(f"/proc/{process}/task").iterdir():
        status = (task / "status").read_text()
        total += int(next(line.split()[1] for line in status.splitlines() if line.startswith("voluntary_ctxt_switches")))
    return total


def processor_ms(process):
    fields = pathlib.Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * 1000 / TICKS


def processes(program):
    return [program.process.pid] + [pid for pid in [program.helper()] if pid]


def idle(program):
    window = subprocess.run(["xdotool", "search", "--onlyvisible", "--pid", str(program.process.pid)], env=program.desktop.env, capture_output=True, text=True).stdout.split()
    subprocess.run(["xdotool", "windowfocus", "--sync", window[-1]], env=program.desktop.env, check=True)
    time.sleep(3)
    members = processes(program)
    before = [(wakeups(pid), processor_ms(pid)) for pid in members]
    time.sleep(IDLE)
    after = [(wakeups(pid), processor_ms(pid)) for pid in members]
    return [((now[0] - then[0]) / IDLE, (now[1] - then[1]) / IDLE) for then, now in zip(before, after)]


def first_button(program):
    """Seconds until a screen reader has a named button; KDE Partition Manager enables none before its own helper, which does not run here, has looked at disks."""
    from window import Atspi, GLib

    def showing(node, depth=0):
        for i in range(node.get_child_count()):
            child = node.get_child_at_index(i)
            states = child.get_state_set() if child else None
            if not states or not states.contains(Atspi.StateType.SHOWING):
                continue
            if child.get_role_name() in ("button", "push button") and child.get_name():
                return True
            if showing(child, depth + 1):
                return True
        return False

    def look():
        desktop = Atspi.get_desktop(0)
        try:
            for i in range(desktop.get_child_count()):
                app = desktop.get_child_at_index(i)
                if app and app.get_process_id() == program.process.pid:
                    app.clear_cache()
                    return showing(app)
        except GLib.Error:
            return False

    wait_for(f"a button of {program.name}", look, 30)
    return time.perf_counter() - program.began


def table(what, unit, ours, peers, digits=0):
    """peers: name → value. Less is better in each row."""
    times = {name: f"{value / ours:6.2f} ×" if ours else " " * 8 for name, value in peers.items()}
    beside = "   ".join(f"{name} {value:8.{digits}f} {unit} {times[name]}" for name, value in peers.items())
    print(f"{what:38} ours {ours:8.{digits}f} {unit}   {beside}", flush=True)


def main():
    with Desktop() as desktop:
        for number in range(2):
            desktop.disk(f"disk{number}", 64 * GIB)
        desktop.env["DBUS_SYSTEM_BUS_ADDRESS"] = f"unix:path={desktop.folder}/system-bus"
        desktop.system_bus()
        ours = Ours(desktop)
        programs = [ours, calamares(desktop), Program(desktop, "partitionmanager", ["partitionmanager"])]
        screen = Screen(desktop)
        shots = pathlib.Path(os.environ["PREON_SCREENS"]) / "bench"
        painted, rest, button, resident = ({program.name: [] for program in programs} for _ in range(4))
        for turn in range(ROUNDS + 1):
            for program in programs:
                program.start()
                try:
                    first, last = screen.settled(program.began)
                except TimeoutError:
                    desktop.picture(shots / "failed.png")
                    raise
                if turn:
                    painted[program.name].append(first * 1000)
                    rest[program.name].append(last * 1000)
                    resident[program.name].append([memory(pid) for pid in processes(program)])
                else:
                    desktop.picture(shots / f"{program.name}.png")
                program.stop()
        for turn in range(ROUNDS):
            for program in programs:
                program.start()
                button[program.name].append(first_button(program) * 1000)
                program.stop()
        wakes = {}
        for program in programs:
            program.start()
            screen.settled(program.began)
            wakes[program.name] = idle(program)
            program.stop()

    names = [program.name for program in programs[1:]]
    middle = {key: {name: statistics.median(values) for name, values in measured.items()} for key, measured in (("painted", painted), ("rest", rest), ("button", button))}
    for key, what in (("painted", "start to first painted page"), ("rest", "start to a page that stands still"), ("button", "start to a reader's first button")):
        table(what, "ms", middle[key]["preon"], {name: middle[key][name] for name in names})
    for index, what in ((0, "resident memory (RSS)"), (1, "its share of it (PSS)")):
        def value(name, process, index=index):
            return statistics.median(round_[process][index] for round_ in resident[name])

        table(f"{what}, Installer", "MiB", value("preon", 0), {name: value(name, 0) for name in names}, 1)
        print(f"{'  helper':38} ours {value('preon', 1):8.1f} MiB")
        table("  both together", "MiB", value("preon", 0) + value("preon", 1), {name: value(name, 0) for name in names}, 1)
    for index, what, unit in ((0, "wake-ups, untouched, Installer", "/s"), (1, "processor, untouched, Installer", "ms/s")):
        table(what, unit, wakes["preon"][0][index], {name: wakes[name][0][index] for name in names}, 2)
        print(f"{'  helper':38} ours {wakes['preon'][1][index]:8.2f} {unit}")


if __name__ == "__main__":
    main()
