# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""The live session and a person in front of it: pictures of the screen, keys, what a screen reader is told, and the way through the Installer's pages."""

import hashlib
import json
import time

from . import particle
from .errors import Trouble
from .story import top

BUS = "busctl --json=short call org.preon.Helper1 /org/preon/Helper1"
# What is chosen by `choose_german` and `through_the_pages`.
CHOSEN = {"language": "de_DE.UTF-8", "keyboard": ["XKBLAYOUT=de"], "time zone": "../usr/share/zoneinfo/Europe/Berlin", "name": "particle", "z": "+0x0b7a"}

# The session's user and their bus.
AS_LIVE = "runuser -u live -- env HOME=/run/live XDG_RUNTIME_DIR=/run/user/$(id -u live) DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/$(id -u live)/bus"

# Stays in the guest and says, whenever it is asked, what assistive technologies are told of the page: its heading, what has the focus, and the choices in their
# order, by objectName.
_READER = """\
import json, os, gi
gi.require_version("Atspi", "2.0")
from gi.repository import Atspi

def nodes(node):
    yield node
    for number in range(node.get_child_count()):
        child = node.get_child_at_index(number)
        if child is not None and child.get_state_set().contains(Atspi.StateType.SHOWING):
            yield from nodes(child)

def look():
    desktop = Atspi.get_desktop(0)
    page = {"headings": [], "focused": None, "choices": [], "items": [], "names": {}}
    for number in range(desktop.get_child_count()):
        app = desktop.get_child_at_index(number)
        if app is None or "preon-installer" not in (app.get_name() or ""):
            continue
        for frame in (app.get_child_at_index(each) for each in range(app.get_child_count())):
            for node in nodes(frame):
                role, states = node.get_role(), node.get_state_set()
                name = (node.get_accessible_id() or "").rsplit(".", 1)[-1]
                if role == Atspi.Role.HEADING:
                    page["headings"].append(node.get_name())
                if states.contains(Atspi.StateType.FOCUSED):
                    page["focused"] = name
                if role == Atspi.Role.RADIO_BUTTON:
                    page["choices"].append(name)
                if role == Atspi.Role.LIST_ITEM:
                    page["items"].append(node.get_name())
                if name:
                    page["names"][name] = node.get_name()
    return page

# The first who asks wakes the bus of assistive technologies; the window joins it a little later.
Atspi.get_desktop(0)
while True:
    with open("ask") as asked:
        asked.read()
    Atspi.get_desktop(0).clear_cache()
    try:
        said = look()
    except Exception as error:
        said = {"trouble": repr(error)}
    with open("said", "w") as answer:
        json.dump(said, answer)
"""


class Screen:
    """Pictures are kept, numbered, in FOLDER."""

    def __init__(self, vm, folder):
        self.vm, self.folder, self.count = vm, folder, 0
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob("*.png"):
            old.unlink()

    def _look(self):
        path = self.folder / "now.png"
        self.vm.screenshot(path)
        return hashlib.sha256(path.read_bytes()).digest()

    def settle(self, name, unlike=None, limit=120):
        """Waits until the picture stands still (and is another than UNLIKE), keeps it, and gives its hash. A blinking cursor is still enough."""
        end, seen = time.monotonic() + limit, []
        while time.monotonic() < end:
            seen.append(self._look())
            # A page has thousands of bytes as PNG; a screen on which nothing was drawn yet has not.
            drawn = (self.folder / "now.png").stat().st_size > 12000
            if drawn and seen[-1] != unlike and seen[-6:].count(seen[-1]) >= 3:
                self.keep(name)
                return seen[-1]
            time.sleep(1)
        raise Trouble(f"the screen did not come to rest at {name}")

    def keep(self, name):
        """Keeps a picture of what is there now."""
        self._look()
        self.count += 1
        (self.folder / "now.png").rename(self.folder / f"{self.count:02}-{name}.png")

    def press(self, name, *keys):
        """Presses one key after the other; the picture has to change."""
        before = self._look()
        for key in keys:
            self.vm.qmp.press(key)
            time.sleep(1)
        return self.settle(name, before)

    def picture_after(self, name, *keys):
        """Presses one key after the other and keeps a picture of what came of it: for the firmware's programs, which do not move."""
        for key in keys:
            self.vm.qmp.press(key)
            time.sleep(1.2)
        self.keep(name)


class Page:
    """What a screen reader is told of the Installer's page, in the session of that user."""

    def __init__(self, vm, user="live"):
        self.vm = vm
        vm.push("/run/preon-page/reader.py", _READER.encode())
        vm.ask(
            f"cd /run/preon-page && mkfifo ask said && chown {user} . ask said && systemd-run --quiet --collect --unit=preon-page --uid={user}"
            f" --working-directory=$PWD -E XDG_RUNTIME_DIR=/run/user/$(id -u {user}) -E DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/$(id -u {user})/bus"
            " python3 reader.py"
        )

    def look(self, limit=60):
        end = time.monotonic() + limit
        while True:
            page = json.loads(self.vm.ask("cd /run/preon-page && echo >ask && cat said"))
            # Empty: the window has not joined the bus yet. Trouble: it was drawn anew while it was read.
            if page.get("headings"):
                return page
            if time.monotonic() > end:
                raise Trouble(f"there is no page to read: {page}")
            time.sleep(1)

    def focus(self, wanted):
        """Moves there with Tab."""
        for _ in range(16):
            page = self.look()
            if page["focused"] == wanted:
                return
            self.vm.qmp.press("tab")
            time.sleep(0.7)
        raise Trouble(f"Tab does not lead to {wanted}: {page}")

    def turn(self, screen, name):
        """To the next page with Enter: another question stands there then. A page that still looks something up does not let anybody on, and is asked again."""
        before = self.look()["headings"]
        for _ in range(3):
            self.vm.qmp.press("ret")
            end = time.monotonic() + 30
            while time.monotonic() < end:
                if self.look()["headings"] != before:
                    return screen.settle(name)
                time.sleep(1)
        raise Trouble(f"there is no way on to {name}: {self.look()}")

    def go_to(self, field, screen, name):
        """On to the page that has this field. What is known is not asked, so a page or two may come before it (the network, the computer's name), and their proposals are taken."""
        for number in range(1, 5):
            self.focus("verb")
            self.turn(screen, f"{name}-{number}")
            if field in self.look()["names"]:
                return
        raise Trouble(f"no page has {field}: {self.look()}")

    def choose(self, wanted):
        """Moves to the choice of that objectName with the arrow keys: what they move to is chosen, and the focus begins on what is proposed."""
        page = self.look()
        for _ in range(2 * len(page["choices"])):
            if page["focused"] == wanted:
                return
            if wanted not in page["choices"] or page["focused"] not in page["choices"]:
                break
            down = page["choices"].index(page["focused"]) < page["choices"].index(wanted)
            self.vm.qmp.press("down" if down else "up")
            time.sleep(1)
            page = self.look()
        raise Trouble(f"{wanted} cannot be chosen by the arrow keys: {page}")


def live_session(story, vm):
    vm.wait_up()
    story.chapter("a system is up, from the stick")
    vm.ask("for i in $(seq 120); do grep -qsx preon-installer /proc/[0-9]*/comm && exit; sleep 1; done; journalctl -b -u particle-kiosk --no-pager >&2; exit 1", 240)
    vm.ask("for i in $(seq 120); do systemctl is-active -q preond && exit; sleep 1; done; journalctl -b --no-pager -u particle-kiosk -u preond >&2; exit 1", 240)
    story.chapter("the Installer asks the helper")


def choose_german(screen):
    screen.settle("welcome")
    screen.press("welcome-german", "up")


def through_the_pages(story, vm, screen, while_it_works=lambda: None):
    """After German: its keyboard, Berlin, no network, the one disk as a whole, unlocked by the TPM alone; then until it is installed."""
    page = Page(vm)
    for name in ("keyboard", "time-zone", "network", "disk", "how", "protection"):
        page.turn(screen, name)
    # Which of them is proposed depends on whose keys the computer has.
    page.choose("protection:tpm")
    page.turn(screen, "summary")
    story.chapter("the summary is there")
    start = "head -c 1M /dev/vda | tr -d '\\0' | wc -c"
    story.equals("nothing was written so far", "0", vm.ask(start).strip())
    vm.qmp.press("ret")
    state = None
    for _ in range(240):
        jobs = json.loads(vm.ask(f"{BUS} org.preon.Helper1 ListJobs"))["data"][0]
        state = jobs and json.loads(vm.ask(f"busctl --json=short get-property org.preon.Helper1 {jobs[0]} org.preon.Job1 State"))["data"]
        if state and state != "running":
            break
        while_it_works()
        time.sleep(2)
    story.equals("the work is done", "done", state)
    screen.settle("done")
    story.chapter("installed")


def make_account(story, vm, screen, real_name, password):
    """The first start, by key presses: nothing but a name, a password and the group of the key that it asks for is typed. Returns the recovery key."""
    vm.ask("for i in $(seq 120); do pgrep -u preon-first-start -x preon-installer >/dev/null && exit; sleep 1; done; journalctl -b -u particle-first-start --no-pager >&2; exit 1", 240)
    story.chapter("the owner is greeted")
    page = Page(vm, "preon-first-start")
    screen.settle("greeting")
    page.go_to("realNameField", screen, "person")
    page.focus("realNameField")
    vm.qmp.type(real_name)
    page.go_to("passwordField", screen, "password")
    for field in ("passwordField", "repeatedField"):
        page.focus(field)
        vm.qmp.type(password)
    screen.settle("password-typed")
    page.focus("verb")
    screen.press("recovery-key", "ret")
    groups = [item.split(": ", 1)[1].replace(" ", "") for item in page.look()["items"] if ": " in item]
    story.says("the recovery key is read out, group by group", len(groups) == 8 and all(len(group) == 8 for group in groups), groups)
    page.focus("verb")
    screen.press("recovery-key-asked", "ret")
    page.focus("typedGroup")
    asked = int("".join(letter for letter in page.look()["names"]["typedGroup"] if letter.isdigit()))
    vm.qmp.type(groups[asked - 1])
    screen.settle("ready")
    story.says("nobody was made so far", not vm.run("ls /home/*.home /var/lib/preon/first-start.json").ok)
    page.focus("verb")
    vm.qmp.press("ret")
    for _ in range(120):
        state = vm.run("cat /var/lib/preon/first-start.json").out
        if '"done"' in state:
            break
        time.sleep(2)
    else:
        story.says("the account is made", False, vm.run("journalctl -b -u preond -u systemd-homed --no-pager | tail -40").out)
    screen.settle("greeted")
    page.focus("verb")
    vm.ask("systemctl stop preon-page")
    vm.qmp.press("ret")
    return "-".join(groups)


def is_logged_in(story, vm, screen, name, user):
    """In a plain session on the first console: a terminal."""
    vm.ask(f"for i in $(seq 180); do pgrep -u {user} -x foot >/dev/null && exit; sleep 1; done; journalctl -b --no-pager | tail -60 >&2; exit 1", 240)
    time.sleep(8)
    vm.qmp.type(f"mkdir {name}\n")  # nothing but letters that the keyboards which are chosen here have at the same place
    typed = vm.run(f"for i in $(seq 40); do [ -d /home/{user}/{name} ] && break; sleep 0.5; done; stat -c %U /home/{user}/{name}").out.strip()
    screen.keep(name)
    story.equals("the person is logged in, and what they type reaches their home", user, typed)
    spoken = vm.run(f"tr '\\0' '\\n' </proc/$(pgrep -u {user} -x foot)/environ | sed -n 's/^LANG=//p'; hostname").out.split()
    story.equals("in their language, on a computer with the name they gave it", ["de_DE.UTF-8", f"{user}-pc"], spoken)
    story.equals("it is the encrypted home", "btrfs", vm.run(f"findmnt --noheadings --output FSTYPE --mountpoint /home/{user}").out.strip())


def restart_by_the_button(vm):
    vm.reboot(ask=lambda vm: vm.qmp.press("ret"))


def has_what_was_chosen(story, vm):
    story.equals("the firmware starts the disk, which sets itself up", ("disk", ["vda"]), (particle.mode(vm), particle.disks_under(vm, particle.mounted_from(vm, "/"))))
    story.equals("root opens with the TPM", ["systemd-tpm2", "preon-enrolment"], particle.luks_facts(vm, "/dev/disk/by-preon/root")["tokens"])
    story.equals("it has what was chosen", CHOSEN, particle.settings(vm))
    story.equals("no unit failed", [], particle.failed_units(vm))


def screens(name):
    return top() / "out/screens" / name
