# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The real systemd-homed on a bus of its own, in namespaces of its own: its /home, its state and its bus are in memory, its processes end with the test.

Homes are folders here: an encrypted one needs the device mapper, which not every machine that builds has; those are tried in the virtual machine.
"""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

HOMED = "/usr/lib/systemd/systemd-homed"
STATE = Path("/var/lib/systemd/home")
LIMIT = 60

BUS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path=/run/dbus/system_bus_socket</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <allow own="*"/>
    <allow send_type="method_call"/>
    <allow send_type="signal"/>
    <allow send_requested_reply="true" send_type="method_return"/>
    <allow send_requested_reply="true" send_type="error"/>
    <allow receive_type="method_call"/>
    <allow receive_type="method_return"/>
    <allow receive_type="error"/>
    <allow receive_type="signal"/>
  </policy>
</busconfig>
"""


def enter_namespaces():
    """Runs this program again, as the first process of its own namespaces; returns there only."""
    if os.environ.get("PREON_HOMED_STAGE"):
        return
    command = ["unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child", "--mount-proc"]
    if os.geteuid() != 0:
        command[1:1] = ["--user", "--map-auto", "--map-root-user"]
    os.execvpe(command[0], [*command, sys.executable, *sys.argv], dict(os.environ, PREON_HOMED_STAGE="1"))


class Stage:
    def __init__(self, home_size="64m"):
        for place in ("/run", "/home", "/var/lib/systemd", "/var/cache"):
            subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={home_size}" if place == "/home" else "size=64m,mode=0755", "tmpfs", place], check=True)
        # /run/systemd/system: where it is missing, systemd's tools take the machine for one without systemd.
        for folder in ("/run/dbus", "/run/systemd/system", "/run/systemd/home", STATE, "/var/cache/systemd/home"):
            Path(folder).mkdir(parents=True)
        self.machine = subprocess.run(["systemd-id128", "new"], check=True, capture_output=True, text=True).stdout.strip()
        Path("/run/machine-id").write_text(self.machine + "\n")
        subprocess.run(["mount", "--bind", "/run/machine-id", "/etc/machine-id"], check=True)
        Path("/run/bus.conf").write_text(BUS)
        self.bus = subprocess.Popen(["dbus-daemon", "--config-file=/run/bus.conf", "--nofork", "--nopidfile"])
        self.wait(lambda: Path("/run/dbus/system_bus_socket").exists(), "the bus")
        self.homed = None
        self.start()

    def close(self):
        self.stop()
        self.bus.terminate()
        self.bus.wait()
        for place in ("/etc/machine-id", "/var/cache", "/var/lib/systemd", "/home", "/run"):
            subprocess.run(["umount", "--lazy", place], check=True)

    def start(self):
        with open("/run/homed.log", "ab") as log:
            self.homed = subprocess.Popen([HOMED], stdout=log, stderr=log, env=dict(os.environ, SYSTEMD_LOG_LEVEL="debug", SYSTEMD_LOG_TARGET="console"))
        self.wait(lambda: subprocess.run(["busctl", "status", "org.freedesktop.home1"], capture_output=True, check=False).returncode == 0, "systemd-homed")

    def stop(self):
        if self.homed:
            self.homed.terminate()
            self.homed.wait()
            self.homed = None

    def manager(self):
        """Stands for systemd, of which one thing is asked here: to start systemd-homed anew. What was asked for is in `asked`."""
        from gi.repository import Gio, GLib

        self.asked, self.refuses = [], False
        interface = Gio.DBusNodeInfo.new_for_xml(
            '<node><interface name="org.freedesktop.systemd1.Manager"><method name="RestartUnit"><arg type="s" direction="in"/><arg type="s" direction="in"/>'
            '<arg type="o" direction="out"/></method></interface></node>'
        ).interfaces[0]

        def called(_connection, _sender, _path, _interface, method, arguments, invocation):
            self.asked.append((method, *arguments.unpack()))
            if self.refuses:
                invocation.return_dbus_error("org.freedesktop.DBus.Error.AccessDenied", "not now")
                return
            invocation.return_value(GLib.Variant("(o)", ("/org/freedesktop/systemd1/job/1",)))
            self.stop()
            self.start()

        def serve():
            context = GLib.MainContext()
            context.push_thread_default()
            flags = Gio.DBusConnectionFlags
            bus = Gio.DBusConnection.new_for_address_sync(
                "unix:path=/run/dbus/system_bus_socket", flags.AUTHENTICATION_CLIENT | flags.MESSAGE_BUS_CONNECTION, None, None
            )
            bus.register_object("/org/freedesktop/systemd1", interface, called, None, None)
            Gio.bus_own_name_on_connection(bus, "org.freedesktop.systemd1", 0, None, None)
            GLib.MainLoop(context).run()

        threading.Thread(target=serve, daemon=True).start()
        self.wait(lambda: subprocess.run(["busctl", "status", "org.freedesktop.systemd1"], capture_output=True, check=False).returncode == 0, "systemd's stand-in")

    def log(self):
        return Path("/run/homed.log").read_text(errors="replace")

    def wait(self, is_there, what):
        end = time.monotonic() + LIMIT
        while not is_there():
            if time.monotonic() > end:
                raise TimeoutError(f"{what} did not come")
            time.sleep(0.1)
