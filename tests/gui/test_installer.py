#!/usr/bin/env python3
# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the installer does when things are not as in the pictures: keys only, stopped, killed, unplugged, alone. The helper is the real one."""
import atexit
import contextlib
import signal
import subprocess
import time
import unittest

from desktop import Desktop, wait_for

GIB = 1 << 30
desktop = Desktop()
desktop.__enter__()
atexit.register(desktop.__exit__, None, None, None)

from window import Window  # noqa: E402  (accessibility looks for its bus when it is imported)


def keys(*words, action="key"):
    subprocess.run(["xdotool", action, *words], env=desktop.env, check=True)


class InstallerTest(unittest.TestCase):
    def setUp(self):
        for disk in desktop.disks.glob("*.raw"):
            disk.unlink()
        subprocess.run(["rm", "-rf", desktop.disks / ".machine"], check=True)
        (desktop.logs / "installer").unlink(missing_ok=True)
        self.disk = desktop.disk("target", 64 * GIB)
        self.helper = desktop.helper()
        self.addCleanup(lambda: desktop.stop(self.helper))
        self.open()

    def tearDown(self):
        self.assertNotIn(".qml", desktop.log("installer"))

    def open(self):
        self.program = desktop.installer()
        self.addCleanup(desktop.stop, self.program)
        self.window = Window(self.program)

    def focused(self, *names):
        return wait_for(lambda: f"the keyboard in {names}; it is in {self.window.focused() and self.window.focused().name}",
                        lambda: (lambda control: control if control and control.name.startswith(names) else None)(self.window.focused()))

    def chosen(self):
        return [control.name for control in self.window.controls() if control.role == "radio button" and control.has("CHECKED")]

    def go_to(self, question):
        for page in ("Welcome to Particle", "Which keyboard", "Where are you", "Where should", "How should"):
            self.window.page(page)
            if page.startswith(question):
                return
            self.window.press("button", "Continue")

    def begin(self):
        """Begins to install onto the empty disk, and holds the helper still as soon as the window shows it."""
        self.go_to("How should")
        self.window.press("radio button", "Use the whole disk")
        self.window.press("button", "Continue")
        self.window.page("How your files")
        self.window.press("button", "Continue")
        self.window.page("Install Particle?")
        self.window.press("button", "Install")
        self.window.page("Installing")

    @contextlib.contextmanager
    def held(self):
        self.helper.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.helper.send_signal(signal.SIGCONT)

    def test_a_person_with_a_keyboard_only_installs(self):
        self.window.page("Welcome to Particle")
        self.focused("English", "Language")
        wait_for("a reader to be told which language is chosen", lambda: [c.name for c in self.window.controls() if c.role == "list item" and c.has("SELECTED")] == ["English"])
        keys("Return")
        self.window.page("Which keyboard")
        self.focused("Search")
        keys("Return")
        self.window.page("Where are you")
        keys("Return")
        self.window.page("Where should")
        self.focused("target")  # the only one: chosen already
        keys("Return")
        self.window.page("How should")
        self.focused("Use the whole disk")  # the only way on an empty disk
        self.window.find("list", "Afterwards")
        keys("Return")
        self.window.page("How your files")
        self.focused("Unlocked by this computer")
        self.assertEqual(self.chosen(), ["Unlocked by this computer"])
        keys("Down")
        self.focused("Unlocked by this computer and a PIN")
        wait_for("a reader to be told what is chosen", lambda: self.chosen() == ["Unlocked by this computer and a PIN"])
        keys("space")  # chosen already: it stays
        keys("Up")
        wait_for("a reader to be told what is chosen", lambda: self.chosen() == ["Unlocked by this computer"])
        keys("Return")
        self.window.page("Install Particle?")
        self.focused("Install")
        keys("Return")
        self.window.page("Particle is installed", 120)
        self.focused("Close")
        with self.disk.open("rb") as disk:
            self.assertIn(b"EFI PART", disk.read(4096))

    def test_what_is_on_a_disk_goes_only_when_the_button_is_held(self):
        self.disk.unlink()
        desktop.disk("music", 60 * GIB, f"label: gpt\nstart=2048, size={30 * GIB // 512}, type=EBD0A0A2-B9E5-4433-87C0-68B6B72699C7, name=music\n",
                     {2048: ("MUSIC", 30 * GIB // 512)})
        self.go_to("Where should")
        self.window.press("radio button", "music")
        self.window.press("button", "Continue")
        self.window.page("How should")
        self.window.press("radio button", "Use the whole disk")
        self.window.press("button", "Continue")
        self.window.page("How your files")
        self.window.press("button", "Continue")
        self.window.page("Erase this disk")
        self.focused("Erase and install")
        keys("Return")
        time.sleep(0.5)
        self.window.page("Erase this disk", 1)
        keys("Return", action="keydown")
        self.addCleanup(keys, "Return", action="keyup")
        self.window.page("Installing", 5)

    def test_the_window_turns_round_for_a_language_that_is_written_from_the_right(self):
        self.window.page("Welcome to Particle")

        def left(name):
            return self.window.find("button", name).node.get_component_iface().get_extents(1).x

        before = left("Continue")
        self.window.press("list item", "العربية")
        self.window.find("button", "تابع")
        self.window.language = "ar"
        wait_for("the button on the other side", lambda: left("Continue") < before / 4)
        self.window.press("button", "Continue")
        self.window.page("Which keyboard")
        self.window.find("list item", "العربية")
        self.window.find("text", "Type here to try “العربية”")

    def test_the_field_writes_what_the_chosen_keyboard_would_write(self):
        self.go_to("Which keyboard")
        self.window.find("list item", "English (US)")
        self.focused("Search").focus()
        keys("German", action="type")
        self.window.find("list item", "German").press()
        field = self.window.find("text", "Type here to try “German”")
        field.focus()
        keys("y", "shift+y", "bracketleft")
        wait_for(lambda: f"zZü, there is {field.text}", lambda: field.text == "zZü")

    def test_stopping_says_what_became_of_the_disk_and_leads_back(self):
        self.begin()
        with self.held():
            self.window.press("button", "Cancel")
            self.window.press("button", "Stop")
            self.window.find("label", "Stopping at the next safe point")
        self.window.page("The installation was stopped")
        self.window.press("button", "Save log")
        self.window.find("label", "Saved as ")
        self.window.press("button", "Begin again")
        self.window.page("Where should")

    def test_there_is_something_to_read_meanwhile(self):
        self.begin()
        with self.held():
            first = self.window.find(id="tour").name
            wait_for("another sentence", lambda: self.window.find(id="tour").name != first, 15)

    def test_nothing_moves_for_who_asked_for_less_motion(self):
        settings = desktop.folder / "config/kdeglobals"
        before = settings.read_text()
        self.addCleanup(settings.write_text, before)
        settings.write_text(before.replace("[KDE]", "[KDE]\nAnimationDurationFactor=0"))
        desktop.stop(self.program)
        self.open()
        self.begin()
        with self.held():
            first = self.window.find(id="tour").name
            time.sleep(12)
            self.assertEqual(self.window.find(id="tour").name, first)

    def test_a_window_that_was_killed_finds_its_work_again(self):
        self.begin()
        with self.held():
            desktop.stop(self.program, signal.SIGKILL)
        self.open()
        self.window.page("Particle is installed", 120)

    def test_a_disk_that_is_unplugged_is_missed_and_taken_back(self):
        self.go_to("How should")
        self.disk.unlink()
        self.window.page("Where should")
        self.window.find(name="target, 69 GB is no longer connected")
        self.window.page("Where should")
        desktop.disk("target", 64 * GIB)
        self.window.find("radio button", "target")

    def test_a_helper_that_dies_is_named_and_asked_again(self):
        self.begin()
        desktop.stop(self.helper, signal.SIGKILL)
        self.window.page("The part of Preon")
        self.window.find("label", "The disk may be half written")
        self.helper = desktop.helper()
        self.window.press("button", "Begin again")
        self.window.page("Where should")
        self.window.find("radio button", "target")


if __name__ == "__main__":
    unittest.main(verbosity=2)
