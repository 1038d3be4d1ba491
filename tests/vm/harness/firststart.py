# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""The first start of a system that nobody lives on yet: as a program asks for it, and what a machine is like that somebody has."""

import json
import shlex
import time

from .errors import Trouble

BUS = "busctl --json=short --timeout=300 call org.preon.Helper1 /org/preon/Helper1 org.preon.FirstStart1"


def describe(vm):
    return json.loads(json.loads(vm.ask(f"{BUS} Describe", 300))["data"][0])


def new_key(vm):
    return json.loads(vm.ask(f"{BUS} MakeRecoveryKey"))["data"][0]


class Caller:
    """Somebody whose plan lives as long as they stay: one program for all questions. What it is told lies in memory that goes with it."""

    _PROGRAM = """\
import json, sys, time, gi
gi.require_version("Gio", "2.0")
from gi.repository import Gio, GLib
bus = Gio.bus_get_sync(Gio.BusType.SYSTEM, None)

def call(interface, path, method, arguments):
    return bus.call_sync("org.preon.Helper1", path, interface, method, arguments, None, Gio.DBusCallFlags.NONE, 300000, None).unpack()

def prop(path, name):
    return call("org.freedesktop.DBus.Properties", path, "Get", GLib.Variant("(ss)", ("org.preon.Job1", name)))[0]

asked = json.load(sys.stdin)
kinds = {str: "s", bool: "b", int: "t"}
options = {name: GLib.Variant(kinds[type(value)], value) for name, value in asked["options"].items()}
try:
    id, plan = call("org.preon.FirstStart1", "/org/preon/Helper1", "Plan", GLib.Variant("(a{sv})", (options,)))
    job = call("org.preon.FirstStart1", "/org/preon/Helper1", "Apply", GLib.Variant("(sssay)", (id, asked["password"], asked["key"], b"")))[0]
except GLib.Error as error:
    print(json.dumps({"refused": error.message}))
    sys.exit(0)
phase = None
while True:
    state = prop(job, "State")
    if prop(job, "Phase") != phase:
        phase = prop(job, "Phase")
        with open("/run/first-start-phase", "w") as file:
            file.write(phase)
    if state != "running":
        break
    time.sleep(0.1)
plan, result, error, log = call("org.preon.Job1", job, "Describe", None)
print(json.dumps({"state": state, "result": json.loads(result), "error": error, "log": log}))
"""


def apply(vm, password, key="", wait=True, **options):
    """Plans and applies. Options by the interface's names, with _ for -. Returns what came of it; without WAIT nothing, and the phase is in /run/first-start-phase."""
    vm.push("/run/first-start.py", Caller._PROGRAM)
    asked = {"password": password, "key": key, "options": {name.replace("_", "-"): value for name, value in options.items()} | {"recovery-key": bool(key)}}
    command = f"printf %s {shlex.quote(json.dumps(asked))} | python3 /run/first-start.py"
    if not wait:
        vm.ask(f"rm -f /run/first-start-phase; ({command}) >/run/first-start-said 2>&1 &")
        return None
    return json.loads(vm.ask(command, 600))


PHASES = ("Setting up the computer", "Making the recovery key", "Making the account", "Finishing")


def wait_for_phase(vm, wanted, limit=300):
    """That one, or one after it where it was too short to be seen."""
    end = time.monotonic() + limit
    while time.monotonic() < end:
        if vm.run("cat /run/first-start-phase").out in PHASES[PHASES.index(wanted) :]:
            return
        time.sleep(0.3)
    raise Trouble(f"the first start did not come to “{wanted}”: " + vm.run("cat /run/first-start-phase /run/first-start-said").out)


def storage_of(record, machine_id):
    """Where a home is kept stands in the part of the record for that machine (user record specification, "perMachine")."""
    return next((part["storage"] for part in record.get("perMachine", []) if part.get("matchMachineId") == machine_id and "storage" in part), record.get("storage"))


def home_facts(vm, user):
    """Of an encrypted home that is in use: what the system and its image say."""
    record = json.loads(vm.ask(f"userdbctl user --output=json {user}"))
    return {
        "storage": storage_of(record, vm.ask("cat /etc/machine-id").strip()),
        "groups": record.get("memberOf"),
        "recovery": record.get("recoveryKeyType"),
        "mounted": vm.run(f"findmnt --noheadings --output FSTYPE --mountpoint /home/{user}").out.strip(),
        "image": vm.run(f"blkid --probe --output value --match-tag PTTYPE /home/{user}.home").out.strip(),
    }
