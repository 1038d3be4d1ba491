# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A window as a screen reader has it: controls are found by role and name, read, pressed and typed into through AT-SPI. Import it only inside a Desktop."""
import subprocess

import gi

gi.require_version("Atspi", "2.0")
from gi.repository import Atspi, GLib  # noqa: E402

import words  # noqa: E402
from desktop import wait_for  # noqa: E402


class Control:
    def __init__(self, node):
        self.node = node

    @property
    def name(self):
        return self.node.get_name() or ""

    @property
    def description(self):
        return self.node.get_description() or ""

    @property
    def role(self):
        return self.node.get_role_name()

    @property
    def id(self):
        return (self.node.get_accessible_id() or "").rsplit(".", 1)[-1]

    def has(self, state):
        return self.node.get_state_set().contains(getattr(Atspi.StateType, state))

    @property
    def text(self):
        return Atspi.Text.get_text(self.node.get_text_iface(), 0, -1)

    def press(self):
        actions = [self.node.get_action_name(i).lower() for i in range(self.node.get_n_actions())]
        index = next(i for i, action in enumerate(actions) if action in ("press", "toggle"))
        assert self.node.do_action(index), f"{self.role} “{self.name}” could not be pressed"

    def focus(self):
        self.node.get_component_iface().grab_focus()
        wait_for(f"the keyboard to be in “{self.name}”", lambda: self.has("FOCUSED"))


class Window:
    """The window of one process. language: the one it speaks, where that is not English; the tests' words are English all the same."""

    def __init__(self, process, language=""):
        self._process, self.language = process, language
        self._app = wait_for("the window to be announced", self._find, 20)
        # There is no window manager that would give it the keyboard.
        found = subprocess.run(["xdotool", "search", "--sync", "--onlyvisible", "--pid", str(process.pid)], capture_output=True, check=True, text=True).stdout
        subprocess.run(["xdotool", "mousemove", "0", "0", "windowfocus", "--sync", found.split()[-1]], check=True)

    def _find(self):
        assert self._process.poll() is None, f"the program ended with {self._process.returncode}"
        desktop = Atspi.get_desktop(0)
        for i in range(desktop.get_child_count()):
            try:
                app = desktop.get_child_at_index(i)
                if app and app.get_process_id() == self._process.pid and app.get_child_count():
                    return app
            except GLib.Error:
                continue
        return None

    def controls(self):
        """All that are showing, in reading order."""
        found = []

        def walk(node):
            for i in range(node.get_child_count()):
                child = node.get_child_at_index(i)
                if child and child.get_state_set().contains(Atspi.StateType.SHOWING):
                    found.append(Control(child))
                    walk(child)

        try:
            self._app.clear_cache()
            walk(self._app)
        except GLib.Error:
            pass  # the page changed under us: the next look sees the new one
        return found

    def look(self, role=None, name=None, id=None):
        """The control of that role whose name begins so, or None."""
        for control in self.controls():
            try:
                if (role is None or control.role == role) and (name is None or words.pattern(name, self.language).match(control.name)) and (id is None or control.id == id):
                    return control
            except GLib.Error:
                continue
        return None

    def find(self, role=None, name=None, id=None, seconds=10):
        return wait_for(lambda: f"{role or 'a control'} “{name or id}” among {self.describe()}", lambda: self.look(role, name, id), seconds)

    def page(self, question, seconds=10):
        """Waits for the page that asks this."""
        return self.find("heading", question, seconds=seconds)

    def press(self, role, name, seconds=10):
        control = wait_for(f"{role} “{name}” that can be pressed",
                           lambda: (lambda c: c if c and c.has("ENABLED") else None)(self.look(role, name)), seconds)
        control.press()

    def focused(self):
        return next((control for control in reversed(self.controls()) if control.has("FOCUSED") and control.role != "layered pane"), None)

    # What is pressed, chosen or typed into.
    ACTING = ("button", "push button", "toggle button", "check box", "radio button", "text", "password text")

    def told(self, control):
        """What a reader says of a control: its name; Qt lets a field for passwords have a description only."""
        return control.name or (control.description if control.role == "password text" else "")

    def round(self):
        """Goes round this page by Tab and answers with what came by, as (id, role, what a reader says), in order. Whatever can be acted on came by, and all of it speaks."""
        seen, silent = [], []
        for _ in range(40):
            here = wait_for(lambda: f"the keyboard anywhere after {seen} in {self.describe()}", self.focused)
            entry = (here.id, here.role, self.told(here))
            if entry in seen:
                break
            seen.append(entry)
            if not entry[2] or entry[1] in ("filler", "panel", "unknown", ""):
                silent.append(entry)
            subprocess.run(["xdotool", "key", "Tab"], check=True)
            wait_for("Tab to go on", lambda: (lambda now: now and (now.id, now.role, self.told(now)) != entry)(self.focused()))
        assert not silent, f"a reader hears nothing of {silent}"
        controls = self.controls()
        dialogs = [number for number, each in enumerate(controls) if each.role == "dialog"]
        # What lies behind a dialog waits. Its sentence has no name and is read; a nameless field that Tab comes to was silent above.
        missed = [(each.id, each.role, each.name) for each in controls[dialogs[-1] if dialogs else 0 :]
                  if each.role in self.ACTING and each.has("ENABLED") and each.has("FOCUSABLE") and self.told(each)
                  and (each.id, each.role, self.told(each)) not in seen]
        assert not missed, f"Tab does not come to {missed}; it came to {seen}"
        return seen

    def keys(self, text):
        Atspi.generate_keyboard_event(0, text, Atspi.KeySynthType.STRING)

    def describe(self):
        lines = []
        for control in self.controls():
            try:
                lines.append(f"\n  {control.role} “{control.name}” [{control.id}] {control.description}")
            except GLib.Error:
                continue
        return "".join(lines)
