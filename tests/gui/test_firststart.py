#!/usr/bin/env python3
# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The welcome of an installed system: what it asks and what it does not, what it takes for a name and a password, how the recovery key is handed over, and what it says where
something is in the way. Machines that no test has are described by a stand-in; the way through is also gone with the real helper.
"""
import atexit
import json
import shutil
import subprocess
import unittest

import dbus

from desktop import RECOVERY_KEY, Desktop, wait_for

NOTHING_KNOWN = {"language": "", "keyboard": "", "time-zone": "", "hostname": ""}
ALL_KNOWN = {"language": "en_US.UTF-8", "keyboard": "us", "time-zone": "Europe/Berlin", "hostname": "anna-laptop"}
NO_HOMED = {"code": "not-found", "what": "There can be no encrypted home", "why": "systemd-homed is not running", "todo": "Start this computer again."}
PASSWORD = "Three blue horses swim"

desktop = Desktop()
desktop.__enter__()
atexit.register(desktop.__exit__, None, None, None)
bus = desktop.system_bus()

from window import Window  # noqa: E402  (accessibility looks for its bus when it is imported)


def key(*names):
    subprocess.run(["xdotool", "key", *names], check=True)


def write(text):
    """As a keyboard writes it: with Shift pressed for capitals."""
    subprocess.run(["xdotool", "type", "--delay", "20", "--", text], check=True)


class Story(unittest.TestCase):
    def setUp(self):
        for log in ("installer", "machine"):
            (desktop.logs / log).unlink(missing_ok=True)

    def tearDown(self):
        log = desktop.log("installer")
        self.assertNotIn(".qml", log)
        # Neither passwords nor keys are anybody's to read afterwards.
        for secret in (PASSWORD, *RECOVERY_KEY.split("-")):
            self.assertNotIn(secret, log)

    def open(self, *options, language=""):
        self.program = desktop.start("installer", ["preon-installer", "--session-bus", "--first-start", *options])
        self.addCleanup(desktop.stop, self.program)
        self.window = Window(self.program, language)

    def machine(self, *options, plan=None, language="", **facts):
        process, self.mock = desktop.new_owner(plan, **({"known": ALL_KNOWN} | facts))
        self.addCleanup(desktop.stop, process)
        self.open(*options, language=language)
        return self.mock

    def go_on(self, *pages):
        """From page to page; the last one stays."""
        for page in pages[:-1]:
            self.window.page(page)
            self.window.press("button", "Continue")
        self.window.page(pages[-1])

    def fill(self, id, text):
        """Writes into a field, in the place of what is there."""
        self.window.find(id=id + "Field").focus()
        key("ctrl+a", "BackSpace")
        write(text)

    def note(self, id, text):
        return wait_for(lambda: f"“{text}” under {id} in {self.window.describe()}",
                        lambda: (lambda c: c and c.name.startswith(text))(self.window.look("label", id=id + "Note")))

    def blocked(self, verb="Continue"):
        wait_for(f"“{verb}” to wait", lambda: not self.window.find("button", verb).has("ENABLED"))

    def introduce(self, name="Anna Schmidt"):
        self.window.page("Who uses this computer?")
        self.fill("realName", name)
        self.window.press("button", "Continue")

    def lock(self, password=PASSWORD):
        self.window.page("Choose a password")
        self.fill("password", password)
        self.fill("repeated", password)
        self.window.press("button", "Continue")

    def type_group(self, made=RECOVERY_KEY):
        self.window.page("Do you have the recovery key?")
        self.window.find(id="typedGroup").focus()
        write(made.split("-")[int(self.window.find(id="typedGroup").name.split()[-1]) - 1])

    def to_ready(self):
        self.go_on("Welcome to Particle", "Who uses this computer?")
        self.introduce()
        self.lock()
        self.window.press("button", "I have it")
        self.type_group()
        self.window.page("Ready, Anna?")
        self.window.find("label", "Anna Schmidt, signing in as “anna”")

    def asked_for(self, method):
        """What the stand-in was asked, call by call."""
        return [line.split(" ", 2)[2] if line.count(" ") > 1 else "" for line in desktop.log("machine").splitlines() if f" {method}" in f"{line} " and line.split(" ")[1] == method]


class AskingTest(Story):
    def test_only_what_is_not_known_is_asked(self):
        self.machine()
        self.window.page("Welcome to Particle")
        self.window.find(name="What was chosen before")
        self.assertIn("Berlin", self.window.find(name="What was chosen before").description)
        self.assertIn("Step 1 of 5", self.window.find(name="Step 1").name)
        self.to_ready()

    def test_what_is_known_can_be_chosen_anew(self):
        self.machine()
        self.window.page("Welcome to Particle")
        self.window.press("button", "Choose others")
        self.window.find(name="Step 1 of 8")
        self.window.find("list item", "Deutsch").press()
        self.window.page("Willkommen bei Particle") if self.window.look("heading", "Willkommen") else None
        self.window.find("list item", "English").press()
        self.go_on("Welcome to Particle", "Which keyboard", "Where are you", "Who uses this computer?")

    def test_nothing_known_is_all_asked(self):
        self.machine(known=NOTHING_KNOWN, network=False)
        self.go_on("Welcome to Particle", "Which keyboard", "Where are you", "Which network")
        self.window.press("button", "Continue without network")
        self.introduce()
        self.window.page("What is this computer called?")
        wait_for("a name made of the person's", lambda: self.window.find(id="hostnameField").text.startswith("anna-"))
        for wrong in ("anna laptop", "-anna", "anna_1"):
            self.fill("hostname", wrong)
            self.note("hostname", "Only letters from a to z")
            self.blocked()
        self.fill("hostname", "kitchen")
        self.window.press("button", "Continue")
        self.lock()
        self.window.press("button", "Go on without one")
        self.window.page("Ready, Anna?")
        self.window.find("label", "It is called “kitchen”")
        self.window.find("label", "There is no recovery key.")
        self.assertIn('"recovery-key": False', self.asked_for("Plan")[-1])

    def test_each_page_is_gone_round_and_speaks(self):
        self.machine(known=NOTHING_KNOWN)
        for page in ("Welcome to Particle", "Which keyboard", "Where are you"):
            self.window.page(page)
            self.window.round()
            self.window.press("button", "Continue")
        self.window.page("Who uses this computer?")
        write("Anna Schmidt")
        self.window.round()
        self.window.press("button", "Continue")
        self.window.page("What is this computer called?")
        self.window.round()
        self.window.press("button", "Continue")
        self.window.page("Choose a password")
        self.fill("password", PASSWORD)
        self.fill("repeated", PASSWORD)
        self.window.round()
        self.window.press("button", "Continue")
        self.window.page("Keep this recovery key")
        self.window.find("list item", "Group 8: n l k j r t u v")
        self.window.round()
        self.window.press("button", "I have it")
        self.window.page("Do you have the recovery key?")
        self.window.round()
        self.type_group()
        self.window.page("Ready, Anna?")
        self.window.find("label", "Anna Schmidt, signing in as")
        self.window.round()

    def test_escape_goes_back_and_nothing_is_lost(self):
        self.machine()
        self.to_ready()
        key("Escape")
        self.window.page("The recovery key is yours")
        key("Escape")
        self.window.page("Choose a password")
        self.assertEqual(len(self.window.find(id="passwordField").text), len(PASSWORD))
        key("Escape")
        self.window.page("Who uses this computer?")
        self.assertEqual(self.window.find(id="realNameField").text, "Anna Schmidt")
        self.go_on("Who uses this computer?", "Choose a password", "The recovery key is yours", "Ready, Anna?")

    def test_answers_are_not_asked_and_a_password_always_is(self):
        file = desktop.folder / "answers.json"
        file.write_text(json.dumps({"language": "en_US", "keyboard": "us", "timeZone": "Europe/Berlin", "hostname": "desk-7", "realName": "Anna Schmidt", "userName": "anna",
                                    "network": "skip", "recoveryKey": "skip"}))
        self.machine("--answers", file, known=NOTHING_KNOWN, network=False)
        self.window.page("Welcome to Particle")
        self.window.press("button", "Continue")
        self.lock()
        self.window.page("Ready, Anna?")
        self.window.find("label", "It is called “desk-7”")
        self.assertIn('"hostname": "desk-7"', self.asked_for("Plan")[-1])

    def test_names_of_many_alphabets_are_spelt_for_signing_in(self):
        file = desktop.folder / "answers.json"
        process, self.mock = desktop.new_owner(known=ALL_KNOWN)
        self.addCleanup(desktop.stop, process)
        for name, user in (("Jürgen Groß", "juergen"), ("Øystein Æsir", "oystein"), ("É. Łukasz", "e"), ("山田 太郎", "user")):
            file.write_text(json.dumps({"realName": name}))
            self.open("--answers", file)
            self.go_on("Welcome to Particle", "Who uses this computer?")
            self.assertEqual(self.window.find(id="realNameField").text, name)
            self.assertEqual(self.window.find(id="userNameField").text, user)
            desktop.stop(self.program)

    def test_answers_that_make_no_sense_are_refused_whole(self):
        file = desktop.folder / "answers.json"
        file.write_text('{"userName": "Anna Schmidt"}')
        self.machine("--answers", file)
        self.window.page("The answers file cannot be used")
        self.window.press("button", "Choose here")
        self.go_on("Welcome to Particle", "Who uses this computer?")
        self.assertEqual(self.window.find(id="userNameField").text, "")

    def test_what_is_known_and_cannot_be_chosen_here_stays(self):
        self.machine(known=ALL_KNOWN | {"language": "gsw_CH.UTF-8", "keyboard": "xx unheardof"})
        self.to_ready()
        plan = self.asked_for("Plan")[-1]
        for setting in ("language", "keyboard", "time-zone", "hostname"):
            self.assertNotIn(f'"{setting}"', plan)


class PersonTest(Story):
    def setUp(self):
        super().setUp()
        self.machine()
        self.go_on("Welcome to Particle", "Who uses this computer?")

    def test_a_name_for_signing_in_is_suggested_until_it_is_edited(self):
        self.blocked()
        for name, suggested in (("Anna Schmidt", "anna"), ("Dr. No", "dr"), ("2 Pac", "pac")):
            self.fill("realName", name)
            wait_for(f"“{suggested}” of {name}", lambda: self.window.find(id="userNameField").text == suggested)
        self.fill("userName", "nina")
        self.fill("realName", "Anna Schmidt")
        self.assertEqual(self.window.find(id="userNameField").text, "nina")

    def test_rules_of_names_are_said_while_typing(self):
        self.fill("realName", "Anna")
        for wrong, why in (("Anna", "It begins with a small letter"), ("a b", "Only small letters from a to z"), ("root", "The system itself uses this name"),
                           ("1a", "It begins with a small letter")):
            self.fill("userName", wrong)
            self.note("userName", why)
            self.blocked()
        self.fill("userName", "a" * 40)
        self.assertEqual(self.window.find(id="userNameField").text, "a" * 31)
        self.fill("userName", "anna_2")
        wait_for("the name to be fine", lambda: self.window.find("button", "Continue").has("ENABLED"))


class PasswordTest(Story):
    def setUp(self):
        super().setUp()
        self.machine()
        self.go_on("Welcome to Particle", "Who uses this computer?")
        self.introduce()
        self.window.page("Choose a password")

    def test_weak_ones_are_refused_with_a_reason(self):
        for weak, why in (("abc", "Too short"), ("anna1234x", "It has your name in it"), ("abcdcbaabcdcba", "It reads the same backwards")):
            self.fill("password", weak)
            self.fill("repeated", weak)
            self.note("password", why)
            self.window.find(name="Strength of the password: Too weak")
            self.blocked()
        self.fill("password", PASSWORD)
        self.window.find(name="Strength of the password: Strong")

    def test_both_have_to_be_the_same(self):
        self.fill("password", PASSWORD)
        self.fill("repeated", "Three red")
        self.note("repeated", "This is another one than above")
        self.blocked()
        self.fill("repeated", PASSWORD)
        wait_for("the password to be taken", lambda: self.window.find("button", "Continue").has("ENABLED"))

    def test_it_is_shown_only_when_asked(self):
        self.fill("password", PASSWORD)
        self.assertNotIn(PASSWORD, self.window.find(id="passwordField").text)
        self.window.press("check box", "Show the password")
        wait_for("the password", lambda: self.window.find(id="passwordField").text == PASSWORD)

    def test_caps_lock_is_warned_of(self):
        self.window.find(id="passwordField").focus()
        write("a")
        self.assertIsNone(self.window.look(id="capsLock"))
        key("Caps_Lock")
        try:
            write("b")
            self.window.find(name="Caps Lock is on.")
        finally:
            key("Caps_Lock")
        write("c")
        wait_for("the warning to go", lambda: not self.window.look(id="capsLock"))

    def test_the_home_is_told_of(self):
        home = self.window.find(name="Your home is encrypted by this password")
        self.assertIn("has room for 170 GB", home.description)


class RecoveryKeyTest(Story):
    def to_key(self, *options, **facts):
        self.machine(*options, **facts)
        self.go_on("Welcome to Particle", "Who uses this computer?")
        self.introduce()
        self.lock()
        self.window.page("Keep this recovery key")
        self.window.find("list item", "Group 1: b c d e f g h i")

    def test_it_counts_only_once_the_right_group_was_typed(self):
        self.to_key()
        self.window.press("button", "I have it")
        self.window.page("Do you have the recovery key?")
        self.assertIsNone(self.window.look("list item", "Group 1"))
        self.blocked()
        first = self.window.find(id="typedGroup").name
        self.window.find(id="typedGroup").focus()
        write("bcdefghj")
        key("Return")
        self.window.find("label", "That was another one.")
        self.assertNotEqual(self.window.find(id="typedGroup").name, first)
        key("Escape")
        self.window.page("Keep this recovery key")
        self.window.press("button", "I have it")
        self.type_group()
        self.window.page("Ready, Anna?")
        self.window.find("label", "Your recovery key is tried")
        self.assertIn('"recovery-key": True', self.asked_for("Plan")[-1])
        self.assertEqual(len(self.asked_for("MakeRecoveryKey")), 1)

    def test_skipping_says_what_it_means(self):
        self.to_key()
        self.window.find("label", "Then only this computer’s security chip opens your files")
        self.window.press("button", "Go on without one")
        self.window.page("Ready, Anna?")
        self.window.find("label", "There is no recovery key.")

    def test_a_copy_is_told_of(self):
        self.to_key()
        self.window.press("button", "Copy")
        self.window.find("label", "Copied. The copy is cleared after a minute.")

    def test_what_it_is_for_depends_on_the_lock(self):
        self.to_key(lock="passphrase")
        self.window.find("label", "It opens this computer if its passphrase is forgotten.")

    def test_a_screen_with_nothing_but_the_welcome_has_no_files(self):
        self.machine("--kiosk")
        self.go_on("Welcome to Particle", "Who uses this computer?")
        self.assertIsNone(self.window.look("button", "Choose a picture"))
        self.introduce()
        self.lock()
        self.window.page("Keep this recovery key")
        self.window.find("list item", "Group 1")
        self.assertIsNone(self.window.look("button", "Save"))

    def test_there_a_stick_that_is_plugged_in_takes_the_key(self):
        storage, proxy = desktop.udisks(bus)
        self.addCleanup(desktop.stop, storage)
        udisks = dbus.Interface(proxy, "org.freedesktop.DBus.Mock")
        self.to_key("--kiosk")
        self.assertIsNone(self.window.look("button", "Save on"))
        folder = desktop.folder / "stick"
        folder.mkdir()
        (folder / "Recovery key.txt").write_text("another one's")
        path = udisks.AddStick("PHOTOS", str(folder), False)
        udisks.AddStick("FIXED", str(folder), True)
        self.window.press("button", "Save on PHOTOS (64 GB)")
        self.window.find("label", "Saved on PHOTOS (64 GB). You can take it out.")
        text = (folder / "Recovery key 2.txt").read_text()
        for half in ("-".join(RECOVERY_KEY.split("-")[:4]), "-".join(RECOVERY_KEY.split("-")[4:])):
            self.assertIn(half, text)
        self.assertEqual((folder / "Recovery key.txt").read_text(), "another one's")
        self.assertIsNone(self.window.look("button", "Save on FIXED"))
        calls = dbus.Interface(bus.get_object("org.freedesktop.UDisks2", path), "org.freedesktop.DBus.Mock").GetCalls()
        self.assertEqual([str(call[1]) for call in calls], ["Mount", "Unmount"])

    def test_where_the_helper_makes_none_it_is_asked_again_or_gone_without(self):
        mock = self.machine()
        error = json.dumps({"code": "permission", "what": "This is not allowed", "why": "it was refused", "todo": ""})
        mock.AddMethod("org.preon.FirstStart1", "MakeRecoveryKey", "", "s", f"raise dbus.exceptions.DBusException({error!r}, name='org.preon.Error.Permission')")
        self.go_on("Welcome to Particle", "Who uses this computer?")
        self.introduce()
        self.lock()
        self.window.find("heading", "This is not allowed")
        self.blocked("I have it")
        mock.AddMethod("org.preon.FirstStart1", "MakeRecoveryKey", "", "s", f"ret = {RECOVERY_KEY!r}")
        self.window.press("button", "Try again")
        self.window.find("list item", "Group 1: b c d e f g h i")
        wait_for("the problem to go", lambda: not self.window.look("heading", "This is not allowed"))
        self.window.press("button", "I have it")

    def test_where_none_can_be_made_the_summary_says_why(self):
        self.machine(recoveryKey={"code": "not-found", "what": "The system's volume takes no key", "why": "", "todo": ""})
        self.go_on("Welcome to Particle", "Who uses this computer?")
        self.introduce()
        self.lock()
        self.window.page("Ready, Anna?")
        self.window.find("label", "No recovery key can be made: The system's volume takes no key")


class ObstaclesTest(Story):
    def test_no_encrypted_home_is_explained_and_an_ordinary_account_has_to_be_chosen(self):
        self.machine(accounts={"encrypted": NO_HOMED, "ordinary": None})
        self.go_on("Welcome to Particle", "Who uses this computer?")
        self.introduce()
        self.window.page("How should your files be kept?")
        self.assertIn("systemd-homed is not running", self.window.find("radio button", "In an encrypted home").description.lower())
        self.blocked()
        self.window.press("radio button", "In an ordinary account")
        self.window.press("button", "Continue")
        self.window.page("Choose a password")
        self.window.find(name="An ordinary account")
        self.lock()
        self.window.press("button", "Go on without one")
        self.window.page("Ready, Anna?")
        self.window.find("label", "An ordinary home in /home/anna")
        self.assertIn('"account": "ordinary"', self.asked_for("Plan")[-1])

    def test_no_account_at_all_can_be_looked_for_again(self):
        self.machine(accounts={"encrypted": NO_HOMED, "ordinary": {"code": "no-space", "what": "There is no room", "why": "", "todo": ""}})
        self.go_on("Welcome to Particle", "Who uses this computer?")
        self.introduce()
        self.window.page("How should your files be kept?")
        self.blocked()
        self.window.press("button", "Check again")
        wait_for("it to be described again", lambda: len(self.asked_for("Describe")) == 2)

    def test_over_says_so_and_ends_well(self):
        self.machine(over=True)
        self.window.page("This computer is set up")
        self.window.press("button", "Close")
        wait_for("the program to end", lambda: self.program.poll() is not None)
        self.assertEqual(self.program.returncode, 0)

    def test_another_keyboard_than_that_of_the_start_is_told_of(self):
        self.machine(known=ALL_KNOWN | {"keyboard": ""}, lock="passphrase")
        self.go_on("Welcome to Particle", "Which keyboard")
        self.window.find(id="search").focus()
        write("German (Austria)")
        wait_for("one keyboard", lambda: self.window.look("list item", "German (Austria)"))
        self.window.find("list item", "German (Austria)").press()
        self.go_on("Which keyboard", "Who uses this computer?")
        self.introduce()
        self.window.page("Choose a password")
        self.window.find(name="What this computer asks for when it starts is typed on an American keyboard.")

    def test_a_plan_that_no_longer_fits_is_shown_anew(self):
        mock = self.machine()
        self.to_ready()
        error = json.dumps({"code": "changed", "what": "The computer is not as it was when this was planned", "why": "somebody has changed it meanwhile", "todo": "Look at what will be done again."})
        mock.AddMethod("org.preon.FirstStart1", "Apply", "sssay", "o", f"raise dbus.exceptions.DBusException({error!r}, name='org.preon.Error.Changed')")
        self.window.press("button", "Create account and begin")
        self.window.page("The computer is not as it was")
        plans = len(self.asked_for("Plan"))
        self.window.press("button", "Look again")
        self.window.page("Ready, Anna?")
        wait_for("a new plan", lambda: len(self.asked_for("Plan")) == plans + 1)

    def test_a_plan_that_cannot_be_made_is_no_dead_end(self):
        mock = self.machine()
        self.to_ready()
        key("Escape")
        self.window.page("The recovery key is yours")
        error = json.dumps({"code": "exists", "what": "There is an account “anna” already", "why": "", "todo": "Choose another name."})
        mock.AddMethod("org.preon.FirstStart1", "Plan", "a{sv}", "ss", f"raise dbus.exceptions.DBusException({error!r}, name='org.preon.Error.Exists')")
        self.window.press("button", "Continue")
        self.window.page("There is an account “anna” already")
        self.window.press("button", "Back")
        self.go_on("The recovery key is yours", "There is an account “anna” already")
        key("Escape")
        self.window.page("The recovery key is yours")
        key("Escape")
        self.window.page("Choose a password")

    def test_a_failure_keeps_what_was_typed(self):
        mock = self.machine()
        desktop.owned(mock, "failed", error={"code": "no-space", "what": "The home could not be made", "why": "there is too little room", "todo": "Make room and try again."})
        self.to_ready()
        self.window.press("button", "Create account and begin")
        self.window.page("The home could not be made")
        self.window.find("label", "There is no account yet. What you typed is kept")
        self.window.round()
        self.window.press("button", "Try again")
        self.window.page("Ready, Anna?")
        self.window.find("label", "Your recovery key is tried")
        key("Escape", "Escape")
        self.window.page("Choose a password")
        self.assertEqual(len(self.window.find(id="passwordField").text), len(PASSWORD))

    def test_work_that_runs_is_shown_to_a_window_that_comes_later(self):
        process, mock = desktop.new_owner(known=ALL_KNOWN)
        self.addCleanup(desktop.stop, process)
        desktop.owned(mock, "running", listed=True)
        self.open()
        self.window.page("Getting everything ready")
        self.assertEqual(self.window.find("list item", "Making your home").description, "Under way")

    def test_done_greets_and_ends_well(self):
        process, mock = desktop.new_owner(known=ALL_KNOWN, over=True)
        self.addCleanup(desktop.stop, process)
        desktop.owned(mock, "done", result={"account": "anna", "recoveryKey": "skipped"}, listed=True)
        self.open()
        self.window.page("Welcome, Anna")
        self.window.find(name="There is no recovery key yet")
        self.window.press("button", "Start using Particle")
        wait_for("the program to end", lambda: self.program.poll() is not None)
        self.assertEqual(self.program.returncode, 0)


class MakerTest(Story):
    def setUp(self):
        super().setUp()
        self.folder = desktop.folder / "share/preon/oem"
        self.folder.mkdir(parents=True, exist_ok=True)
        usual = desktop.env["XDG_DATA_DIRS"]
        desktop.env["XDG_DATA_DIRS"] = f"{desktop.folder}/share:{usual}"
        self.addCleanup(desktop.env.__setitem__, "XDG_DATA_DIRS", usual)

    def test_a_maker_greets_and_its_terms_have_to_be_accepted(self):
        (self.folder / "oem.conf").write_text("[OEM]\nName=Example Computers\nSupportUrl=https://example.com/help\nLegal=terms.txt\n")
        (self.folder / "terms.txt").write_text("<b>All of it</b> is yours.")
        self.machine()
        self.window.page("Welcome to your new computer by Example Computers")
        self.window.find("label", "Help from Example Computers: https://example.com/help")
        self.window.press("button", "Continue")
        self.window.page("The terms of Example Computers")
        self.assertEqual(self.window.find(id="legal").text, "<b>All of it</b> is yours.")
        self.blocked()
        self.window.press("check box", "I accept these terms")
        self.go_on("The terms of Example Computers", "Who uses this computer?")

    def test_a_maker_speaks_the_language_that_is_chosen(self):
        (self.folder / "oem.conf").write_text("[OEM]\nName=Example Computers\nName[de]=Beispiel-Computer\nSupportUrl=https://example.com/\nLegal=terms.txt\nLegal[de]=bedingungen.txt\n")
        (self.folder / "bedingungen.txt").write_text("Alles gehört Ihnen.")
        (self.folder / "terms.txt").write_text("All of it is yours.")
        self.machine(language="de", known=ALL_KNOWN | {"language": "de_DE.UTF-8"})
        self.window.page("Welcome to your new computer")
        wait_for("the name in German", lambda: "Beispiel-Computer" in self.window.describe())
        self.window.press("button", "Continue")
        self.assertEqual(self.window.find(id="legal").text, "Alles gehört Ihnen.")

    def test_a_maker_answers_what_the_owner_is_not_asked(self):
        answers = self.folder / "answers.json"
        self.addCleanup(answers.unlink)
        answers.write_text('{"timeZone": "Europe/Berlin", "keyboard": "de", "network": "skip"}')
        self.machine(known=NOTHING_KNOWN, network=False)
        self.window.page("Welcome")
        self.window.press("button", "Continue")
        self.window.page("Who uses this computer?")

    def test_answers_of_a_maker_that_make_no_sense_leave_the_owner_asked(self):
        answers = self.folder / "answers.json"
        self.addCleanup(answers.unlink)
        answers.write_text('{"timeZone": "Nowhere/Land"}')
        self.machine(known=NOTHING_KNOWN)
        self.window.page("Welcome")

    def test_what_lies_elsewhere_or_is_no_address_is_left_out(self):
        (self.folder.parent / "secret.txt").write_text("not a maker's")
        (self.folder / "oem.conf").write_text("[OEM]\nName=Example Computers\nSupportUrl=javascript:alert(1)\nLegal=../secret.txt\n")
        self.machine()
        self.window.page("Welcome to your new computer")
        self.assertIsNone(self.window.look("label", "Help from"))
        self.window.press("button", "Continue")
        self.window.page("Who uses this computer?")


class RealTest(Story):
    """With the real helper, on a computer that is a folder: no service keeps encrypted homes there, and no volume takes a key."""

    def setUp(self):
        super().setUp()
        self.root = desktop.disks / ".machine"
        shutil.rmtree(self.root, ignore_errors=True)
        for name, text in {"run/preon/mode-disk": "", "usr/lib/os-release": "NAME=Particle\nVERSION_ID=1\n", "etc/locale.conf": "LANG=en_US.UTF-8\n",
                           "etc/passwd": "root:x:0:0:root:/root:/bin/bash\n", "etc/group": "root:x:0:\nwheel:x:10:\n", "home/.keep": ""}.items():
            file = self.root / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        (self.root / "etc/localtime").symlink_to("/usr/share/zoneinfo/Europe/Berlin")
        self.helper = desktop.helper()
        self.addCleanup(desktop.stop, self.helper)

    def pass_network(self, then):
        """The sandbox may not know whether there is one."""
        wait_for(then, lambda: self.window.look("heading", then) or self.window.look("heading", "Which network"))
        if self.window.look("heading", "Which network"):
            self.window.press("button", "Continue without network")
        self.window.page(then)

    def to_plan(self):
        self.open()
        self.go_on("Welcome to Particle", "Which keyboard")
        self.window.press("button", "Continue")
        self.pass_network("Who uses this computer?")
        self.introduce()
        self.window.page("What is this computer called?")
        self.fill("hostname", "kitchen")
        self.go_on("What is this computer called?", "How should your files be kept?")
        self.window.press("radio button", "In an ordinary account")
        self.window.press("button", "Continue")
        self.lock()
        self.window.page("Ready, Anna?")
        self.window.find("label", "An ordinary home in /var/home/anna")

    def test_it_asks_what_this_computer_does_not_know_and_plans_it(self):
        self.to_plan()
        self.window.find("label", "It is called “kitchen”")
        self.window.press("button", "Details")
        text = self.window.find(id="detailsText").text
        self.assertIn("hostname", text)
        self.assertIn("kitchen", text)
        self.assertNotIn("language", text)
        self.assertFalse((self.root / "etc/hostname").exists(), "nothing is changed before it is begun")

    def test_begun_it_sets_the_computer_up_or_says_why_not_and_keeps_what_was_typed(self):
        self.to_plan()
        self.window.press("button", "Create account and begin")
        end = wait_for(self.window.describe, lambda: self.window.look("heading", "Welcome, Anna") or self.window.look("button", "Try again"), 30)
        self.assertEqual((self.root / "etc/hostname").read_text().strip(), "kitchen")
        if end.role == "heading":
            return
        self.window.find("label", "There is no account yet. What you typed is kept")
        self.window.press("button", "Try again")
        self.window.page("Ready, Anna?")

    def test_a_plan_is_made_anew_by_a_helper_that_was_replaced(self):
        self.to_plan()
        desktop.stop(self.helper)
        self.helper = desktop.helper()
        self.addCleanup(desktop.stop, self.helper)
        self.window.page("Ready, Anna?")
        wait_for("a plan", lambda: self.window.find("button", "Create account and begin").has("ENABLED"))

    def test_people_who_are_there_already_end_it(self):
        with open(self.root / "etc/passwd", "a") as file:
            file.write("berta:x:1000:1000:Berta:/var/home/berta:/bin/bash\n")
        self.open()
        self.window.page("This computer is set up")


if __name__ == "__main__":
    unittest.main(verbosity=2)
