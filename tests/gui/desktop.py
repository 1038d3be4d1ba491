# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A desktop of one's own for a test: a screen (Xvfb), a session bus, accessibility, the helper on virtual disks, and the window under test.

One desktop a process, because the accessibility library looks for its bus only once.
"""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid

import dbus
import dbus.bus

DARK = "BreezeDark"
PHASES = ("Setting up the computer", "Making the recovery key", "Making the account", "Finishing")  # of a first start
UPDATE_PHASES = ("Making room", "Fetching", "Checking what was written", "Putting into place")
RECOVERY_KEY = "bcdefghi-jklnrtuv-cbdefghi-kjlnrtuv-dcbefghi-lkjnrtuv-edcbfghi-nlkjrtuv"
RETURNING, HOME_PASSWORD = {"anna": "Anna Schmidt", "otto": "Otto Groß"}, "Apple tree and cherry"  # people who lived there before


class Desktop:
    """Begins with everything but helper and window running, ends with everything ended. display: one that is there already, instead of one of its own."""

    def __init__(self, width=1080, height=756, scale=1, scheme="BreezeLight", language="", display=None):
        self._processes = []
        self._jobs = {}  # of stand-ins, by theirs
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="preon-gui-"))
        self.disks = self.folder / "disks"
        self.disks.mkdir()
        self.logs = self.folder / "logs"
        self.logs.mkdir()
        self.size = (width * scale, height * scale)
        self.language, self._display = language, display
        for name in ("runtime", "config", "home"):
            (self.folder / name).mkdir(mode=0o700)
        self.env = dict(os.environ, XDG_RUNTIME_DIR=str(self.folder / "runtime"), XDG_CONFIG_HOME=str(self.folder / "config"), HOME=str(self.folder / "home"),
                        XDG_CACHE_HOME=str(self.folder / "cache"), LANG="en_US.UTF-8", LOCPATH=f"{os.environ['PREON_SHARE']}/locales", LANGUAGE=language or "en", XDG_DATA_DIRS=f"{os.environ['PREON_SHARE']}:/usr/local/share:/usr/share", QT_SCALE_FACTOR=str(scale),
                        QT_LINUX_ACCESSIBILITY_ALWAYS_ON="1", QT_QPA_PLATFORM="xcb", QT_QPA_PLATFORMTHEME="kde", QT_QUICK_BACKEND="software",
                        QT_FORCE_STDERR_LOGGING="1", NO_AT_BRIDGE="0")
        self._write_scheme(scheme)

    def _write_scheme(self, scheme):
        colours = pathlib.Path(f"/usr/share/color-schemes/{scheme}.colors").read_text()
        icons = "breeze-dark" if scheme == DARK else "breeze"
        general = f"[General]\nColorScheme={scheme}\n[Icons]\nTheme={icons}\n[KDE]\nwidgetStyle=Breeze\n"
        (self.folder / "config/kdeglobals").write_text(colours + "\n" + general)

    def start(self, name, command, **options):
        """A process of this desktop; what it says goes to logs/NAME."""
        with open(self.logs / name, "ab") as log:
            process = subprocess.Popen([str(word) for word in command], env=self.env, stdout=options.pop("stdout", log), stderr=log, stdin=subprocess.DEVNULL,
                                       start_new_session=True, **options)
        self._processes.append(process)
        return process

    def log(self, name):
        return (self.logs / name).read_text(errors="replace")

    def __enter__(self):
        try:
            self.env["DISPLAY"] = self._display or self._own_display()
            bus = self.start("bus", ["dbus-daemon", "--session", "--nofork", "--print-address=1"], stdout=subprocess.PIPE)
            self.env["DBUS_SESSION_BUS_ADDRESS"] = bus.stdout.readline().decode().strip()
            # No system bus of the machine that this runs on is touched.
            self.env["DBUS_SYSTEM_BUS_ADDRESS"] = f"unix:path={self.folder}/no-system-bus"
            os.environ.update({key: self.env[key] for key in ("DISPLAY", "DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR")})
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def _own_display(self):
        read, write = os.pipe()
        self.start("xvfb", ["Xvfb", "-displayfd", write, "-noreset", "-screen", "0", "{}x{}x24".format(*self.size)], pass_fds=[write])
        os.close(write)
        with os.fdopen(read) as pipe:
            return ":" + pipe.readline().strip()

    def __exit__(self, kind, value, trace):
        for process in reversed(self._processes):
            self.stop(process)
        if kind:
            for log in sorted(self.logs.iterdir()):
                text = log.read_text(errors="replace").strip()
                if text:
                    print(f"--- {log.name}\n{text[-4000:]}")
        shutil.rmtree(self.folder, ignore_errors=True)

    @staticmethod
    def stop(process, how=signal.SIGTERM):
        """Ends a process and whatever it started."""
        if process.poll() is None:
            try:
                os.killpg(process.pid, how)
                process.wait(5)
            except ProcessLookupError:
                pass
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def disk(self, name, size, table="", files={}):
        """A virtual disk: a sparse file that the helper offers, with a table in sfdisk's words and FAT file systems (label by first sector) where asked for."""
        path = self.disks / f"{name}.raw"
        with open(path, "wb") as file:
            file.truncate(size)
        if table:
            subprocess.run(["sfdisk", "--quiet", path], input=table.encode(), check=True)
        for sector, (label, sectors) in files.items():
            subprocess.run(["mkfs.vfat", "-F32", "-n", label, f"--offset={sector}", path, str(sectors // 2)], check=True, capture_output=True)
        return path

    def windows(self, name, room, locked=False):
        """A disk with a Windows on it, and that much free behind it."""
        size = 40 << 30
        table = f"label: gpt\nstart=2048, size={size // 512}, type=EBD0A0A2-B9E5-4433-87C0-68B6B72699C7, name=\"Basic data partition\"\n"
        path = self.disk(name, size + room + (4 << 20), table)
        with open(path, "r+b") as disk:
            if locked:
                # Where libblkid looks: the boot sector of BitLocker since Windows 7, its GUID, and the metadata it points to.
                boot = bytearray(512)
                boot[0:11] = b"\xeb\x58\x90-FVE-FS-"
                boot[160:176] = uuid.UUID("4967d63b-2e29-4ad8-8399-f6a339e3d001").bytes_le
                boot[176:184] = (0x10000).to_bytes(8, "little")
                disk.seek(2048 * 512)
                disk.write(boot)
                disk.seek(2048 * 512 + 0x10000)
                disk.write(b"-FVE-FS-\x40\x00\x02\x00")
        return path

    def helper(self, *options):
        """The real helper on this desktop's virtual disks, with the reference system to install."""
        return self.start("helper", ["preond", f"--sandbox={self.disks}", "--image=" + os.environ["PREON_IMAGE"], "--idle=0", *options])

    def system_bus(self):
        """A bus in the system bus's place, without any service."""
        address = f"unix:path={self.folder}/system-bus"
        bus = self.start("system-bus", ["dbus-daemon", "--session", "--nofork", f"--address={address}", "--print-address=1"], stdout=subprocess.PIPE)
        bus.stdout.readline()
        self.env["DBUS_SYSTEM_BUS_ADDRESS"] = address
        return dbus.bus.BusConnection(address)

    def network_manager(self, bus):
        """A NetworkManager to test against (wireless.py), and the object that tells it what to play."""
        return self._stand_in(bus, "org.freedesktop.NetworkManager", "/org/freedesktop/NetworkManager", pathlib.Path(__file__).with_name("wireless.py"))

    def upower(self, bus):
        return self._stand_in(bus, "org.freedesktop.UPower", "/org/freedesktop/UPower", "upower")

    def udisks(self, bus):
        """A UDisks to test against (storage.py)."""
        return self._stand_in(bus, "org.freedesktop.UDisks2", "/org/freedesktop/UDisks2", pathlib.Path(__file__).with_name("storage.py"))

    def _helper_stand_in(self, session):
        name, path = "org.preon.Helper1", "/org/preon/Helper1"
        process = self.start("machine", [sys.executable, "-m", "dbusmock", "--session", name, path, name])
        bus = dbus.bus.BusConnection(self.env["DBUS_SESSION_BUS_ADDRESS"])
        wait_for(name, lambda: bus.name_has_owner(name))
        mock = dbus.Interface(bus.get_object(name, path), "org.freedesktop.DBus.Mock")
        mock.AddProperties(name, {"Version": "1", "Session": session})
        mock.AddMethod(name, "ListJobs", "", "ao", "ret = dbus.Array([], signature='o')")
        return process, mock

    def machine(self, disks=(), **facts):
        """A stand-in for the helper on a machine that no test has: it describes it so, lists these disks (as org.preon.Installer1.xml says), and does no work."""
        process, mock = self._helper_stand_in("live")
        described = {"system": {"name": "Particle", "version": "1", "title": "Particle 1"}, "firmware": "uefi", "secureBoot": "on", "tpm": ""} | facts
        self.describe(mock, described)
        mock.AddMethod("org.preon.Installer1", "ListDisks", "", "s", f"ret = {json.dumps(list(disks))!r}")
        return process, mock

    @staticmethod
    def plan(mock, **facts):
        """What such a helper plans, whatever it is asked for; without facts an empty plan for the whole of a disk."""
        plan = {"mode": "erase", "target": {"size": 64000000000}} | facts
        mock.AddMethod("org.preon.Installer1", "Plan", "ssa{sv}", "ss", f"ret = ('1', {json.dumps(plan)!r})")

    @staticmethod
    def done(mock, result=None, plan=None, listed=False):
        """Work of such a helper that ended well: what its window asks for when it begins, or (listed) finds when it is opened."""
        path = "/org/preon/Job1/1"
        described = f"ret = ({json.dumps(plan or {})!r}, {json.dumps(result or {})!r}, '', dbus.Array([], signature='s'))"
        mock.AddMethod("org.preon.Installer1", "Apply", "s", "o", f"ret = dbus.ObjectPath('{path}')")
        mock.AddObject(path, "org.preon.Job1", {"Kind": "install", "Target": "Disk", "State": "done", "Phase": "Flushing"}, [("Describe", "", "sssas", described)])
        if listed:
            mock.AddMethod("org.preon.Helper1", "ListJobs", "", "ao", f"ret = dbus.Array(['{path}'], signature='o')")

    @staticmethod
    def describe(mock, machine):
        mock.AddMethod("org.preon.Installer1", "DescribeMachine", "", "s", f"ret = {json.dumps(machine)!r}")

    def new_owner(self, plan=None, **facts):
        """A stand-in for the helper of an installed machine that no test has, at its first start (as org.preon.FirstStart1.xml says); it does no work."""
        process, mock = self._helper_stand_in("installed")
        machine = {"over": False, "system": {"name": "Particle", "version": "1", "title": "Particle 1"},
                   "known": {"language": "en_US.UTF-8", "keyboard": "us", "time-zone": "Europe/Berlin", "hostname": ""}, "accounts": {"encrypted": None, "ordinary": None, "kept": None}, "homes": [],
                   "room": {"free": 200 * 10**9, "minimum": 10**9, "suggested": 170 * 10**9, "maximum": 190 * 10**9}, "lock": "tpm", "recoveryKey": None,
                   "hasRecoveryKey": False, "network": True} | facts
        interface = "org.preon.FirstStart1"
        mock.AddMethod(interface, "Describe", "", "s", f"ret = {json.dumps(machine)!r}")
        mock.AddMethod(interface, "MakeRecoveryKey", "", "s", f"ret = {RECOVERY_KEY!r}")
        # One password opens all homes from before.
        opened = {name: json.dumps({"userName": name, "realName": person, "groups": ["sudo"], "notTakenOver": []}) for name, person in RETURNING.items()}
        mock.AddMethod(interface, "OpenHome", "ss", "s", f"""
if args[1] != {HOME_PASSWORD!r}:
    raise dbus.exceptions.DBusException({json.dumps({"code": "permission", "what": "This password does not open the home", "why": "", "todo": ""})!r}, name="org.preon.Error.Permission")
ret = {opened!r}[str(args[0])]""")
        # The plan says back what was asked for.
        mock.AddMethod(interface, "Plan", "a{sv}", "ss", f"""
import json
plan = {{"settings": {machine["known"]!r} | {{key: str(args[0][key]) for key in ("language", "keyboard", "time-zone", "hostname") if key in args[0]}},
        "account": {{"name": str(args[0]["user-name"]), "realName": str(args[0].get("real-name", "")), "kind": str(args[0]["account"]), "home": "/home/" + str(args[0]["user-name"]),
                    "size": {machine["room"]["suggested"]} if args[0]["account"] == "encrypted" else 0, "groups": ["sudo"]}}, "removed": [],
        "recoveryKey": bool(args[0]["recovery-key"]), "phases": [], "text": "All of it in English"}} | {plan or {}!r}
ret = ("1", json.dumps(plan))""")
        return process, mock

    @staticmethod
    def owned(mock, state="done", result=None, error=None, phase=PHASES[2], listed=False):
        """Work of such a helper, in that state."""
        path = "/org/preon/Job1/1"
        plan = {"account": {"name": "anna", "realName": "Anna Schmidt"}, "phases": [{"name": name, "bytes": 0, "cancellable": False} for name in PHASES]}
        described = f"ret = ({json.dumps(plan)!r}, {json.dumps(result or {})!r}, {json.dumps(error) if error else ''!r}, dbus.Array([], signature='s'))"
        mock.AddMethod("org.preon.FirstStart1", "Apply", "sssay", "o", f"ret = dbus.ObjectPath('{path}')")
        mock.AddObject(path, "org.preon.Job1", {"Kind": "first-start", "Target": "", "State": state, "Phase": phase, "Cancellable": False},
                       [("Describe", "", "sssas", described), ("Forget", "", "", ""), ("Cancel", "", "", "")])
        if listed:
            mock.AddMethod("org.preon.Helper1", "ListJobs", "", "ao", f"ret = dbus.Array(['{path}'], signature='o')")

    def updates(self, **facts):
        """A stand-in for the helper of an installed machine with versions (as org.preon.Updates1.xml says); it does no work. Each call of it is remembered (called())."""
        process, mock = self._helper_stand_in("installed")
        self.versions(mock, **facts)
        self.checked(mock)
        self.answer(mock, "Plan", ("1", {"version": "3", "from": "2", "fetch": 142000000, "write": 1100000000, "already": 0, "parts": [], "removes": ["1"], "keeps": ["2"],
                                         "phases": [], "text": "Particle 3 from the server, 142000000 bytes\npartition 5, Particle_1 goes"}), "sa{sv}", "ss")
        for name, taken in (("Discard", ""), ("StartFrom", "s"), ("Keep", "sb"), ("SetFeature", "sb"), ("SetPolicy", "a{sv}")):
            mock.AddMethod("org.preon.Updates1", name, taken, "", "")
        return process, mock

    @staticmethod
    def versions(mock, **facts):
        """What such a helper describes from now on; whoever listens is told."""
        now = int(time.time())
        came_up = [{"began": now - days * 86400 - 3600, "outcome": "came-up", "reasons": [], "try": 0} for days in (1, 2, 3, 5, 8, 13)]
        usual = {"version": "", "running": False, "startsNext": False, "lastGood": False, "kept": False, "complete": True, "left": None, "starts": []}
        state = {"system": {"name": "Particle", "version": "2", "title": "Particle 2"}, "problem": None,
                 "versions": [usual | {"version": "2", "running": True, "startsNext": True, "lastGood": True,
                                       "starts": [{"began": now - 3600, "outcome": "running", "reasons": [], "try": 0}, *came_up]},
                              usual | {"version": "1", "starts": [{"began": now - 30 * 86400, "outcome": "came-up", "reasons": [], "try": 0}]}],
                 "pending": "", "partial": None, "checked": now, "checkError": None, "candidate": None, "found": now, "silent": 0, "idle": True,
                 "policy": {"automatic": "check", "metered": False, "rate": 0, "notify": True}, "features": [], "connection": {"online": True, "metered": False},
                 "power": {"onBattery": False, "percent": -1}, "others": 0} | facts
        state["versions"] = [usual | each for each in state["versions"]]
        mock.AddMethod("org.preon.Updates1", "Describe", "", "s", f"ret = {json.dumps(state)!r}")
        mock.EmitSignal("org.preon.Updates1", "Changed", "", [])
        return state

    @staticmethod
    def checked(mock, candidate=None, seconds=0):
        """What such a helper answers when it is asked to look at the server, after that time."""
        mock.AddMethod("org.preon.Updates1", "Check", "", "s", f"import time\ntime.sleep({seconds})\nret = {json.dumps({'candidate': candidate})!r}")

    @staticmethod
    def answer(mock, name, answer, taken, given):
        """A plan's id and JSON text; an error (a dictionary) instead of an answer."""
        if isinstance(answer, dict):
            code = f"raise dbus.exceptions.DBusException({json.dumps(answer)!r}, name='org.preon.Error.Some')"
        else:
            code = f"ret = ({answer[0]!r}, {json.dumps(answer[1])!r})"
        mock.AddMethod("org.preon.Updates1", name, taken, given, code)

    @staticmethod
    def called(mock, name):
        """With what such a helper was asked for that so far, call by call."""
        return [list(call[2]) for call in mock.GetCalls() if str(call[1]) == name]

    def updating(self, mock, state="running", error=None, phase=1, listed=False, number=1, **values):
        """Work of such a helper in that state; the object that plays it. Asked for again it becomes what is said then, with another number it is
        work that comes after."""
        path, interface = f"/org/preon/Job1/{number}", "org.preon.Job1"
        plan = {"version": "3", "phases": [{"name": name, "bytes": size, "cancellable": size == 142000000}
                                           for name, size in zip(UPDATE_PHASES, (0, 142000000, 300000000, 0))]}
        described = f"ret = ({json.dumps(plan)!r}, '{{}}', {json.dumps(error) if error else ''!r}, dbus.Array(['Fetching usr_3.raw.zst'], signature='s'))"
        shown = {"Kind": "update", "Target": "Particle 3", "State": state, "Phase": UPDATE_PHASES[phase], "Cancellable": phase == 1, "Done": 48000000, "Total": 142000000,
                 "Rate": 12000000, "SecondsLeft": 240} | values
        bus = dbus.bus.BusConnection(self.env["DBUS_SESSION_BUS_ADDRESS"])
        mock.AddMethod("org.preon.Updates1", "Apply", "s", "o", f"ret = dbus.ObjectPath('{path}')")
        if (mock, number) in self._jobs:
            job = self._jobs[mock, number]
            job.AddMethod(interface, "Describe", "", "sssas", described)
            job.UpdateProperties(interface, shown)
        else:
            mock.AddObject(path, interface, shown, [("Describe", "", "sssas", described), ("Forget", "", "", ""), ("Cancel", "", "", "")])
            job = self._jobs[mock, number] = dbus.Interface(bus.get_object("org.preon.Helper1", path), "org.freedesktop.DBus.Mock")
        mock.AddMethod("org.preon.Helper1", "ListJobs", "", "ao", f"ret = dbus.Array({[path] if listed else []!r}, signature='o')")
        return job

    def logind(self, bus, can="yes"):
        """A logind to test against, which restarts nothing and keeps what was planned; what it was asked for called() says."""
        name, interface = "org.freedesktop.login1", "org.freedesktop.login1.Manager"
        process, manager = self._stand_in(bus, name, "/org/freedesktop/login1", "logind")
        mock = dbus.Interface(manager, "org.freedesktop.DBus.Mock")
        mock.AddMethod(interface, "CanReboot", "", "s", f"ret = {can!r}")
        mock.AddProperty(interface, "ScheduledShutdown", dbus.Struct(("", dbus.UInt64(0)), signature="st"))
        plan = "self.props['{}']['ScheduledShutdown'] = dbus.Struct(({}), signature='st')"
        mock.AddMethod(interface, "ScheduleShutdown", "st", "", plan.format(interface, "args[0], args[1]"))
        mock.AddMethod(interface, "CancelScheduledShutdown", "", "b", plan.format(interface, "'', dbus.UInt64(0)") + "\nret = True")
        return process, mock

    def _stand_in(self, bus, name, path, template):
        process = self.start(name, [sys.executable, "-m", "dbusmock", "--system", "--template", template])
        wait_for(name, lambda: bus.name_has_owner(name))
        return process, bus.get_object(name, path)

    def installer(self, *options):
        return self.start("installer", ["preon-installer", "--session-bus", *options])

    def notifications(self):
        """A desktop's service for them, which shows none; what it was given notified() says."""
        bus = dbus.bus.BusConnection(self.env["DBUS_SESSION_BUS_ADDRESS"])
        process = self.start("notifications", [sys.executable, "-m", "dbusmock", "--session", "--template", "notification_daemon"])
        wait_for("notifications", lambda: bus.name_has_owner("org.freedesktop.Notifications"))
        return process, dbus.Interface(bus.get_object("org.freedesktop.Notifications", "/org/freedesktop/Notifications"), "org.freedesktop.DBus.Mock")

    @classmethod
    def notified(cls, mock):
        """Title and text of each."""
        return [(str(call[3]), str(call[4])) for call in cls.called(mock, "Notify")]

    def centre(self, *options):
        return self.start("updates", ["preon-updates", "--session-bus", *options])

    def picture(self, path, moving=False):
        """The whole screen as a PNG, once two looks at it were equal; where something moves for good, after some."""
        path = pathlib.Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        before = None
        for _ in range(4 if moving else 40):
            now = subprocess.run(["import", "-window", "root", "-depth", "8", "ppm:-"], env=self.env, capture_output=True, check=True).stdout
            if now == before:
                break
            before = now
            time.sleep(0.12)
        subprocess.run(["convert", "ppm:-", str(path)], input=now, check=True)


def wait_for(what, check, seconds=10):
    """The first true answer of check(); a test fails with these words where there is none in time."""
    end = time.monotonic() + seconds
    while True:
        answer = check()
        if answer:
            return answer
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds} s in vain for {what() if callable(what) else what}")
        time.sleep(0.02)
