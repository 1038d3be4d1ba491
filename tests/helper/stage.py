# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What tests of the helper stand on: a bus of their own with the real dbus-daemon, the real preond as an ordinary user, virtual disks, and callers of several users."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from gi.repository import Gio, GLib

NAME, PATH = "org.preon.Helper1", "/org/preon/Helper1"
INSTALLER, HELPER, JOB, UPDATES = "org.preon.Installer1", "org.preon.Helper1", "org.preon.Job1", "org.preon.Updates1"
OWNER, STRANGER = 65534, 1  # the users nobody (whose helper it is) and daemon
LIMIT = 60

BUS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>{kind}</type>
  <listen>unix:path={folder}/bus</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <allow own="*"/>
    <allow send_type="method_call"/>
    <allow send_requested_reply="true" send_type="method_return"/>
    <allow send_requested_reply="true" send_type="error"/>
    <allow send_type="signal"/>
    <allow eavesdrop="false"/>
    <allow receive_type="method_call"/>
    <allow receive_type="method_return"/>
    <allow receive_type="error"/>
    <allow receive_type="signal"/>
  </policy>
</busconfig>
"""


class Refused(Exception):
    """An error of ours that came over the bus: code, what, why, todo."""

    def __init__(self, name, error):
        super().__init__(f"{name}: {error}")
        self.name, self.code, self.error = name, error["code"], error


def as_user(uid, *command):
    return ["env", "-u", "TMPDIR", "setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "--", *map(str, command)]


@contextlib.contextmanager
def effective_user(uid):
    before = os.geteuid()
    os.seteuid(uid)
    try:
        yield
    finally:
        os.seteuid(before)


def spin(until, limit=LIMIT, what="it"):
    """Turns the main loop until `until()` is true."""
    context, end = GLib.MainContext.default(), time.monotonic() + limit
    while not until():
        if time.monotonic() > end:
            raise AssertionError(f"{what} did not happen within {limit} s")
        if not context.iteration(False):
            time.sleep(0.005)


class Caller:
    """A program that is connected to the bus as some user."""

    def __init__(self, address, uid=OWNER):
        flags = Gio.DBusConnectionFlags
        with effective_user(uid):
            self.connection = Gio.DBusConnection.new_for_address_sync(address, flags.AUTHENTICATION_CLIENT | flags.MESSAGE_BUS_CONNECTION, None, None)
        self.signals = []
        for interface in (HELPER, INSTALLER, JOB, UPDATES, "org.freedesktop.DBus.Properties"):
            self.connection.signal_subscribe(None, interface, None, None, None, Gio.DBusSignalFlags.NONE, self._on_signal)

    def _on_signal(self, _connection, _sender, path, interface, name, parameters):
        self.signals.append((path, interface, name, parameters.unpack()))

    def call(self, method, arguments=None, interface=INSTALLER, path=PATH, limit=LIMIT, interactive=False):
        """The answer's values. Errors of ours are Refused, others GLib.Error."""
        flags = Gio.DBusCallFlags.NO_AUTO_START | (Gio.DBusCallFlags.ALLOW_INTERACTIVE_AUTHORIZATION if interactive else Gio.DBusCallFlags.NONE)
        try:
            answer = self.connection.call_sync(NAME, path, interface, method, arguments, None, flags, limit * 1000, None)
        except GLib.Error as error:
            raise self.refusal(error) or error from None
        return answer.unpack()

    def refusal(self, error):
        name = Gio.DBusError.get_remote_error(error) or ""
        if not name.startswith("org.preon.Error."):
            return None
        return Refused(name, json.loads(error.message.partition(f"{name}: ")[2]))

    def send(self, method, arguments=None, interface=INSTALLER, path=PATH):
        """Asks without waiting; the list that is given gets the answer (values, Refused or GLib.Error)."""
        answers = []

        def done(connection, result):
            try:
                answers.append(connection.call_finish(result).unpack())
            except GLib.Error as error:
                answers.append(self.refusal(error) or error)

        self.connection.call(NAME, path, interface, method, arguments, None, Gio.DBusCallFlags.NO_AUTO_START, LIMIT * 1000, None, done)
        return answers

    def disks(self):
        return {Path(disk["device"]).stem: disk for disk in json.loads(self.call("ListDisks")[0])}

    def plan(self, token, mode="erase", **options):
        arguments = {name.replace("_", "-"): GLib.Variant("b", value) for name, value in options.items()}
        plan_id, plan = self.call("Plan", GLib.Variant("(ssa{sv})", (token, mode, arguments)))
        return plan_id, json.loads(plan)

    def apply(self, plan_id):
        return self.call("Apply", GLib.Variant("(s)", (plan_id,)))[0]

    def job(self, path, name):
        return self.call("Get", GLib.Variant("(ss)", (JOB, name)), "org.freedesktop.DBus.Properties", path)[0]

    def wait_for_state(self, path, *states, limit=LIMIT):
        spin(lambda: self.job(path, "State") in states, limit, f"the state {states}")
        return self.job(path, "State")

    def leave(self):
        self.connection.close_sync(None)


class Stage(unittest.TestCase):
    """A bus and a folder with disks; the helper is started by each test, or by setUp where OPTIONS is not None."""

    BUS_KIND = "session"
    OPTIONS = ()
    INSTALLS = True  # whether the helper has the reference image to install
    maxDiff = None

    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="helper-", dir="/tmp"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.folder.chmod(0o755)
        self.disks = self.folder / "disks"
        self.disks.mkdir()
        os.chown(self.disks, OWNER, OWNER)
        # Where the build lies others than root may not look.
        self.preond = self.folder / "preond"
        shutil.copy(shutil.which("preond"), self.preond)
        self.image = self.folder / "image.raw"
        self.image.touch()
        if self.INSTALLS:
            image = Path(os.environ["PREON_TOP"]) / "out/image/Particle_1.raw"
            subprocess.run(["mount", "--bind", image, self.image], check=True)
            self.addCleanup(subprocess.run, ["umount", self.image], check=True)
        (self.folder / "bus.conf").write_text(BUS.format(kind=self.BUS_KIND, folder=self.folder))
        self.address = f"unix:path={self.folder}/bus"
        with (self.folder / "bus.log").open("w") as log:  # what it says of floods
            self.start(["dbus-daemon", "--nofork", f"--config-file={self.folder}/bus.conf"], stderr=log)
        spin((self.folder / "bus").exists, what="the bus")
        self.helper = None
        if self.OPTIONS is not None:
            self.start_helper(*self.OPTIONS)

    def start(self, command, **options):
        process = subprocess.Popen(command, **options)
        self.addCleanup(self.end, process)
        return process

    @staticmethod
    def end(process):
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                raise AssertionError(f"{process.args[-1]} did not end when asked to") from None

    def start_helper(self, *options):
        self.helper = self.start(as_user(OWNER, self.preond, f"--sandbox={self.disks}", f"--image={self.image}", f"--bus={self.address}", "--idle=0", *options))
        watcher = Caller(self.address)
        names = lambda: watcher.connection.call_sync("org.freedesktop.DBus", "/", "org.freedesktop.DBus", "NameHasOwner", GLib.Variant("(s)", (NAME,)), None, 0, -1, None)
        spin(lambda: self.helper.poll() is not None or names().unpack()[0], what="the helper's start")
        self.assertIsNone(self.helper.poll(), "the helper ended")
        watcher.leave()

    def disk(self, name="disk", size=8 << 30):
        path = self.disks / f"{name}.raw"
        with path.open("wb") as file:
            file.truncate(size)
        os.chown(path, OWNER, OWNER)
        return path

    def caller(self, uid=OWNER):
        caller = Caller(self.address, uid)
        self.addCleanup(lambda: caller.connection.is_closed() or caller.leave())
        return caller

    def refused(self, code, act, *arguments, **options):
        with self.assertRaises(Refused) as raised:
            act(*arguments, **options)
        self.assertEqual(raised.exception.code, code, raised.exception)
        self.assertTrue(raised.exception.error["what"])
        return raised.exception.error
