#!/usr/bin/env python3
# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The update centre in each state that a machine can be in: what its window says, and what it asks the helper and logind for. Stand-ins describe the machine and do no work."""
import atexit
import datetime
import os
import pathlib
import subprocess
import time
import unittest

import dbus
from desktop import Desktop, wait_for

NEXT = {"version": "3", "notes": "Sleep works on more laptops.\nTwo holes in the network are mended.", "changeLog": "https://example.com/particle/3", "fetch": 142000000,
        "write": 1100000000, "parts": [], "failedHere": False}
HALF = {"version": "3", "fetched": 48000000, "fetch": 142000000}
LEFT = {"tries": 3, "gotToRoot": True, "reasons": ["The unit display-manager.service failed"], "last": int(time.time()) - 7200}
FAILED_START = {"began": int(time.time()) - 7200, "outcome": "failed", "reasons": ["The unit display-manager.service failed"], "try": 3}
VERSIONS = [{"version": "2", "running": True, "startsNext": True, "lastGood": True}, {"version": "1"}]
NO_ROOM = {"code": "no-space", "what": "Particle 3 does not fit on this computer", "why": "1.1 GB are needed, 600 MB are free", "todo": "Free some room, then try again."}
STALE = {"code": "stale", "what": "The list of versions at https://updates.example.com is out of date", "why": "it is good until 2026-11-01, and today is 2026-11-30 (UTC)", "todo": ""}
UNSIGNED = {"code": "untrusted", "what": "The signature of SHA256SUMS is wrong", "why": "it was made by another key", "todo": "Ask the maker."}
INSECURE = {"code": "insecure", "what": "https://example.com/SHA256SUMS could not be fetched", "why": "the certificate is for another name", "todo": ""}
SILENT_SERVER = {"code": "timeout", "what": "The server gave no answer", "why": "example.com did not answer for 30 s", "todo": "Try again later."}
NO_DEFINITIONS = {"code": "not-found", "what": "This system cannot be updated from here", "why": "it has no sysupdate.d", "todo": "Update it as its maker says."}
REFUSED = {"code": "permission", "what": "This is not allowed", "why": "it was refused", "todo": ""}
CHANGED = {"code": "changed", "what": "The computer is not as it was when this was planned", "why": "Particle 1 is not there any more", "todo": ""}
CANCELLED = {"code": "cancelled", "what": "Stopped as asked", "why": "", "todo": ""}
UPDATES = "org.preon.Updates1"

desktop = Desktop()
desktop.__enter__()
atexit.register(desktop.__exit__, None, None, None)
system_bus = desktop.system_bus()
desktop.env["XDG_DATA_DIRS"] = f"{desktop.folder}/share:{desktop.env['XDG_DATA_DIRS']}"

from window import Window  # noqa: E402  (accessibility looks for its bus when it is imported)


class UpdatesTest(unittest.TestCase):
    def setUp(self):
        (desktop.logs / "updates").unlink(missing_ok=True)

    def tearDown(self):
        self.assertNotIn(".qml", desktop.log("updates"))

    def machine(self, **facts):
        process, self.mock = desktop.updates(**facts)
        self.addCleanup(desktop.stop, process)

    def logind(self, can="yes"):
        process, mock = desktop.logind(system_bus, can)
        self.addCleanup(desktop.stop, process)
        return mock

    def open(self, page):
        self.program = desktop.centre()
        self.addCleanup(desktop.stop, self.program)
        self.window = Window(self.program)
        self.window.page(page)

    def calls(self, name):
        return desktop.called(self.mock, name)

    def asked(self, name, *arguments):
        """Waits until the helper was asked for just this."""
        wait_for(lambda: f"{name}{arguments} among {self.calls(name)}", lambda: list(arguments) in self.calls(name))

    def says(self, text):
        """Somewhere on the page, as a name or a description."""
        return wait_for(lambda: f"“{text}” in {self.window.describe()}",
                        lambda: any(text in control.name or text in control.description for control in self.window.controls()))

    def silent(self, text):
        self.assertFalse([control.name for control in self.window.controls() if text in control.name], self.window.describe())

    # Without a window.

    def watching(self):
        (desktop.folder / "config/preon-updatesrc").unlink(missing_ok=True)  # what was told before
        process, self.notifications = desktop.notifications()
        self.addCleanup(desktop.stop, process)
        watch = desktop.centre("--watch")
        self.addCleanup(desktop.stop, watch)
        return watch

    def told(self, *titles):
        wait_for(lambda: f"{titles}, not {desktop.notified(self.notifications)}", lambda: [title for title, _ in desktop.notified(self.notifications)] == list(titles))
        return desktop.notified(self.notifications)

    def test_a_notification_says_what_is_new_once(self):
        self.machine(candidate=NEXT)
        watch = self.watching()
        self.assertEqual("142 MB to fetch. This computer runs Particle 2.", self.told("Particle 3 is available")[0][1])
        desktop.versions(self.mock, candidate=NEXT)
        time.sleep(3)
        self.told("Particle 3 is available")
        desktop.stop(watch)
        again = desktop.centre("--watch")
        self.addCleanup(desktop.stop, again)
        wait_for("a second look", lambda: len(self.calls("Describe")) > 2)
        desktop.versions(self.mock, pending="3")
        self.told("Particle 3 is available", "Particle 3 waits for a restart")
        # Another one in the same session leaves by itself.
        desktop.centre("--watch").wait(20)
        desktop.versions(self.mock, candidate=NEXT | {"version": "4"})
        self.told("Particle 3 is available", "Particle 3 waits for a restart", "Particle 4 is available")

    def test_who_wants_no_notifications_is_told_of_a_version_that_did_not_come_up(self):
        quiet = {"automatic": "check", "metered": False, "rate": 0, "notify": False}
        self.machine(candidate=NEXT, policy=quiet)
        self.watching()
        wait_for("a first look", lambda: self.calls("Describe"))
        failed = [{"version": "3", "left": LEFT, "starts": [FAILED_START]}, *VERSIONS]
        desktop.versions(self.mock, policy=quiet, versions=failed)
        self.told("Particle 3 did not start properly, so this computer went back to Particle 2")
        desktop.versions(self.mock, policy=quiet, versions=failed, pending="4")
        time.sleep(3)
        self.told("Particle 3 did not start properly, so this computer went back to Particle 2")

    def test_a_version_that_did_not_come_up_hides_none_that_mends_it(self):
        failed = [{"version": "3", "left": LEFT, "starts": [FAILED_START]}, *VERSIONS]
        self.machine(versions=failed)
        self.watching()
        left = "Particle 3 did not start properly, so this computer went back to Particle 2"
        self.told(left)
        desktop.versions(self.mock, versions=failed, candidate=NEXT | {"version": "4"})
        self.told(left, "Particle 4 is available")

    def test_what_should_come_by_itself_and_does_not_is_told_of(self):
        fetch = {"automatic": "fetch", "metered": False, "rate": 0, "notify": True}
        self.machine(candidate=NEXT, policy=fetch, found=int(time.time()) - 4 * 86400)
        self.watching()
        self.told("Particle 3 is available")

    def test_what_comes_by_itself_is_told_of_when_it_waits(self):
        fetch = {"automatic": "fetch", "metered": False, "rate": 0, "notify": True}
        self.machine(candidate=NEXT, policy=fetch)
        self.watching()
        wait_for("a first look", lambda: self.calls("Describe"))
        desktop.versions(self.mock, policy=fetch, pending="3")
        self.told("Particle 3 waits for a restart")

    def test_a_maker_who_says_nothing_for_weeks_is_told_of(self):
        self.machine(silent=36)
        self.watching()
        self.told("Nothing came from the maker for 5 weeks")

    # How things stand.

    def test_up_to_date(self):
        self.machine()
        self.open("Particle 2 is up to date")
        self.says("Checked: today, ")
        self.assertEqual([], self.calls("Check"))
        desktop.checked(self.mock, NEXT)
        desktop.versions(self.mock, candidate=NEXT)
        self.window.page("Particle 3 is available")

    def test_checking_finds_what_is_new(self):
        self.machine()
        self.open("Particle 2 is up to date")
        desktop.checked(self.mock, NEXT, seconds=1)
        self.window.press("button", "Check now")
        self.window.page("Looking for updates")
        self.window.find(id="checking")
        desktop.versions(self.mock, candidate=NEXT)
        self.window.page("Particle 3 is available")
        self.assertEqual(1, len(self.calls("Check")))

    def test_who_switched_checking_off_is_not_overruled(self):
        self.machine(checked=0, silent=-1, policy={"automatic": "off", "metered": False, "rate": 0, "notify": True})
        self.open("This computer runs Particle 2")
        self.says("Whether anything newer is there is not known yet.")
        time.sleep(0.5)
        self.assertEqual([], self.calls("Check"))
        self.window.press("button", "Check now")
        self.asked("Check")

    def test_what_was_not_looked_for_in_a_day_is_looked_for_when_the_window_opens(self):
        self.machine(checked=int(time.time()) - 2 * 86400)
        self.open("Particle 2 is up to date")
        self.asked("Check")
        # Once, whatever is told afterwards.
        desktop.versions(self.mock, checked=int(time.time()) - 2 * 86400)
        time.sleep(0.5)
        self.assertEqual(1, len(self.calls("Check")))

    def test_nothing_is_fetched_before_its_size_was_said(self):
        self.machine(candidate=NEXT)
        desktop.updating(self.mock)
        self.open("Particle 3 is available")
        self.says("142 MB to fetch. This computer runs Particle 2.")
        self.says("Sleep works on more laptops.")
        self.says("Particle 1 makes room for it.")
        self.says("Particle 2 stays, to go back to.")
        self.window.find(id="changeLog")
        self.assertEqual([["3", {}]], self.calls("Plan"))
        self.assertEqual([], self.calls("Apply"))
        self.window.press("button", "Details")
        self.assertIn("partition 5, Particle_1 goes", self.window.find(id="detailsText").text)
        self.window.press("button", "Update")
        self.window.page("Updating to Particle 3")
        self.assertEqual([["1"]], self.calls("Apply"))

    def test_the_makers_words_are_never_taken_for_more_than_words(self):
        self.machine(candidate=NEXT | {"notes": "<a href='https://evil.example'>Press here</a>", "changeLog": "file:///etc/passwd"})
        self.open("Particle 3 is available")
        self.says("<a href='https://evil.example'>Press here</a>")
        self.assertIsNone(self.window.look(id="changeLog"))

    def test_a_maker_who_writes_nothing(self):
        self.machine(candidate=NEXT | {"notes": "", "changeLog": ""})
        self.open("Particle 3 is available")
        self.says("The maker has written nothing about it.")

    def test_where_every_byte_costs_it_asks(self):
        self.machine(candidate=NEXT, connection={"online": True, "metered": True})
        desktop.updating(self.mock)
        self.open("Particle 3 is available")
        self.says("Nothing is fetched over it before you say so.")
        self.assertEqual([], self.calls("Plan"))
        self.window.press("button", "Update")
        self.says("142 MB will be fetched over a connection that may be paid for by the byte.")
        self.window.press("button", "Not now")
        wait_for("the dialog to close", lambda: self.window.look("button", "Fetch 142 MB") is None)
        self.assertEqual([], self.calls("Plan") + self.calls("Apply"))
        self.window.press("button", "Update")
        self.window.press("button", "Fetch 142 MB")
        self.window.page("Updating to Particle 3")
        self.assertEqual([["3", {"metered": True}]], self.calls("Plan"))

    def test_where_every_byte_costs_nobody_has_said_yes_to_more(self):
        self.machine(candidate=NEXT | {"fetch": 100000000}, connection={"online": True, "metered": True})
        desktop.updating(self.mock)
        self.open("Particle 3 is available")
        self.says("100 MB to fetch.")
        self.window.press("button", "Update")
        self.window.press("button", "Fetch 100 MB")
        self.window.find("button", "Fetch 142 MB")
        self.assertEqual([], self.calls("Apply"))
        self.window.press("button", "Fetch 142 MB")
        self.window.page("Updating to Particle 3")
        self.assertEqual(1, len(self.calls("Plan")))

    def test_a_plan_that_does_not_fit_any_more_is_shown_anew(self):
        self.machine(candidate=NEXT)
        desktop.answer(self.mock, "Apply", CHANGED, "s", "o")
        self.open("Particle 3 is available")
        self.says("Particle 1 makes room for it.")
        self.window.press("button", "Update")
        self.window.page("The computer is not as it was")
        self.window.press("button", "Try again")
        self.window.page("Particle 3 is available")
        self.says("Particle 1 makes room for it.")
        self.assertEqual(1, len(self.calls("Apply")))
        self.assertEqual(2, len(self.calls("Plan")))

    def test_offline(self):
        self.machine(connection={"online": False, "metered": False}, checked=int(time.time()) - 3 * 86400)
        self.open("Particle 2 is up to date")
        self.says("There is no connection to the internet")
        self.assertEqual([], self.calls("Check"))
        desktop.versions(self.mock, connection={"online": False, "metered": False}, checkError=SILENT_SERVER)
        self.window.page("There is no connection to the internet")
        self.says("Connect to a network, then try again.")

    def test_a_server_that_does_not_answer(self):
        self.machine(checkError=SILENT_SERVER)
        self.open("The maker's server does not answer")
        self.says("example.com did not answer for 30 s. Try again later.")
        self.window.press("button", "Copy details")
        self.window.press("button", "Try again")
        self.asked("Check")

    def test_an_error_of_the_check_itself_is_said(self):
        self.machine()
        self.open("Particle 2 is up to date")
        desktop.answer(self.mock, "Check", SILENT_SERVER, "", "s")
        self.window.press("button", "Check now")
        self.window.page("The maker's server does not answer")

    def test_a_list_that_is_not_the_makers(self):
        self.machine(checkError=UNSIGNED)
        self.open("The server's list is not signed by the maker")
        self.says("Nothing of it was used. This computer runs Particle 2.")
        self.window.press("button", "Details")
        self.assertIn("it was made by another key", self.window.find(id="detailsText").text)

    def test_a_list_that_is_past_its_day(self):
        self.machine(checkError=STALE)
        self.open("The server's list of versions is out of date")
        self.says("Nothing of it was used. This computer runs Particle 2.")
        self.says("Look at this computer's date, and try again later or in another network.")
        self.silent("signed")

    def test_a_server_that_cannot_prove_who_it_is(self):
        self.machine(checkError=INSECURE)
        self.open("There is no secure connection to the maker's server")
        self.says("Some networks want you to log in with a browser first. This computer runs Particle 2.")
        self.silent("signed")

    def test_no_room_with_numbers(self):
        self.machine(candidate=NEXT)
        desktop.answer(self.mock, "Plan", NO_ROOM, "sa{sv}", "ss")
        self.open("Particle 3 is available")
        self.says("Particle 3 does not fit on this computer")
        self.says("1.1 GB are needed, 600 MB are free. Free some room, then try again.")
        before = len(self.calls("Plan"))
        self.window.press("button", "Try again")
        wait_for("another plan", lambda: len(self.calls("Plan")) > before)
        self.window.page("Particle 3 does not fit on this computer")
        self.says("Nothing. Particle 2 runs as before.")
        self.window.press("button", "Back")
        self.window.page("Particle 3 is available")

    def test_a_maker_who_is_silent_for_weeks(self):
        self.machine(silent=37)
        self.open("Particle 2 is up to date")
        self.says("Nothing came from the maker for 5 weeks")
        desktop.versions(self.mock, silent=20)
        wait_for("the warning to go", lambda: not self.window.look(name="Nothing came"))

    def test_what_cannot_be_updated_says_why(self):
        self.machine(problem=NO_DEFINITIONS, versions=[])
        self.open("This system cannot be updated from here")
        self.says("It has no sysupdate.d. Update it as its maker says.")
        self.assertIsNone(self.window.look(id="verb"))
        self.assertIsNone(self.window.look(id="link-PolicyPage"))
        self.window.find(id="link-apps")

    def test_a_helper_that_cannot_describe_this_computer(self):
        self.machine()
        desktop.answer(self.mock, "Describe", REFUSED, "", "s")
        self.open("This is not allowed")
        desktop.versions(self.mock)
        self.window.page("Particle 2 is up to date")

    def test_news_do_not_take_the_keyboard_away(self):
        self.machine()
        self.open("Particle 2 is up to date")
        self.window.find("button", "Optional features").focus()
        desktop.versions(self.mock, versions=[*VERSIONS, {"version": "0"}])
        self.says("3 versions")
        self.assertEqual("link-FeaturesPage", self.window.focused().id)

    def test_a_helper_that_comes_late_is_noticed(self):
        self.open("The part of Preon that works on disks does not answer")
        self.window.find("button", "Try again")
        self.machine()
        self.window.page("Particle 2 is up to date")

    # The work.

    def test_work_is_shown_paused_and_gone_on_with(self):
        self.machine(candidate=NEXT)
        job = desktop.updating(self.mock)
        self.open("Particle 3 is available")
        self.window.press("button", "Update")
        self.window.page("Updating to Particle 3")
        self.says("48 MB of 142 MB · 12 MB/s")
        self.says("About 4 minutes left")
        self.assertEqual(["Making room for the new version", "Fetching the new version", "Reading everything back", "Putting it into place"],
                         [control.name for control in self.window.controls() if control.role == "list item"])
        self.window.press("button", "Pause")
        wait_for("the helper to be asked", lambda: [call for call in job.GetCalls() if str(call[1]) == "Cancel"])
        desktop.versions(self.mock, candidate=NEXT, partial=HALF)
        desktop.updating(self.mock, "failed", CANCELLED)
        self.window.page("Particle 3 is paused")
        self.says("48 MB of 142 MB are here already")
        wait_for("its record to be let go of", lambda: [call for call in job.GetCalls() if str(call[1]) == "Forget"])
        desktop.updating(self.mock, number=2)
        self.window.press("button", "Resume")
        self.window.page("Updating to Particle 3")
        self.assertEqual("3", self.calls("Plan")[-1][0])
        self.assertEqual(2, len(self.calls("Apply")))

    def test_what_was_fetched_can_be_discarded(self):
        self.machine(candidate=NEXT, partial=HALF)
        self.open("Particle 3 is paused")
        self.window.press("button", "Discard…")
        self.says("48 MB of 142 MB were fetched of Particle 3.")
        self.window.press("button", "Keep it")
        wait_for("the dialog to close", lambda: self.window.look("button", "Keep it") is None)
        self.assertEqual([], self.calls("Discard"))
        self.window.press("button", "Discard…")
        self.window.find("button", "Keep it")
        desktop.versions(self.mock, candidate=NEXT, partial=HALF)
        wait_for("the verb", lambda: [c for c in self.window.controls() if c.name == "Discard"])[0].press()
        self.asked("Discard")
        desktop.versions(self.mock, candidate=NEXT)
        self.window.page("Particle 3 is available")

    def test_a_newer_version_makes_a_half_fetched_one_old(self):
        self.machine(candidate=NEXT | {"version": "4"}, partial=HALF)
        self.open("Particle 4 is available")

    def test_closing_the_window_stops_nothing_and_another_one_shows_the_work(self):
        self.machine(candidate=NEXT)
        job = desktop.updating(self.mock)
        self.open("Particle 3 is available")
        self.window.press("button", "Update")
        self.window.page("Updating to Particle 3")
        desktop.updating(self.mock, listed=True)
        desktop.stop(self.program)
        self.assertFalse([call for call in job.GetCalls() if str(call[1]) in ("Cancel", "Forget")])
        self.open("Updating to Particle 3")

    def test_work_that_something_else_began_is_shown_at_once(self):
        self.machine(candidate=NEXT)
        self.open("Particle 3 is available")
        desktop.updating(self.mock, listed=True)
        self.mock.EmitSignal("org.preon.Helper1", "JobAdded", "o", [dbus.ObjectPath("/org/preon/Job1/1")])
        self.window.page("Updating to Particle 3")

    def test_work_that_something_else_began_takes_no_page_away(self):
        self.versions_page()
        desktop.updating(self.mock, listed=True)
        self.mock.EmitSignal("org.preon.Helper1", "JobAdded", "o", [dbus.ObjectPath("/org/preon/Job1/1")])
        time.sleep(0.5)
        self.window.press("button", "Particle 1")
        self.window.find("check box", "Keep this version")
        self.window.press("button", "Back")
        self.window.page("Updating to Particle 3")

    def test_a_download_that_was_cut_off_goes_on(self):
        self.machine(candidate=NEXT, partial=HALF)
        desktop.updating(self.mock, "interrupted", listed=True)
        self.open("The download of Particle 3 was cut off")
        desktop.updating(self.mock, number=2)
        self.window.press("button", "Resume")
        self.window.page("Updating to Particle 3")

    def test_an_update_that_failed_says_what_is_as_it_was(self):
        self.machine(candidate=NEXT)
        desktop.updating(self.mock, "failed", NO_ROOM, listed=True)
        self.open("Particle 3 does not fit on this computer")
        self.says("Nothing that is in use: this computer runs and starts Particle 2 as before.")
        self.says("1.1 GB are needed, 600 MB are free.")
        self.window.press("button", "Save log")
        path = pathlib.Path(wait_for("the log", lambda: self.window.look("label", "Saved as ")).name.removeprefix("Saved as "))
        self.assertIn("Fetching usr_3.raw.zst", path.read_text())
        desktop.updating(self.mock, number=2)
        self.window.press("button", "Try again")
        self.window.page("Updating to Particle 3")

    def test_what_was_fetched_and_is_not_the_makers(self):
        self.machine(candidate=NEXT)
        desktop.updating(self.mock, "failed", UNSIGNED, listed=True)
        self.open("What was fetched is not signed by the maker")

    def test_a_server_that_cannot_prove_any_more_who_it_is(self):
        self.machine(candidate=NEXT)
        desktop.updating(self.mock, "failed", INSECURE, listed=True)
        self.open("There is no secure connection to the maker's server")
        self.says("The certificate is for another name.")

    def test_back_from_an_update_that_failed(self):
        self.machine(candidate=NEXT)
        desktop.updating(self.mock, "failed", NO_ROOM, listed=True)
        self.open("Particle 3 does not fit on this computer")
        self.window.press("button", "Back")
        self.window.page("Particle 3 is available")

    # The restart.

    def test_work_that_ends_leads_to_the_restart(self):
        self.logind()
        self.machine(candidate=NEXT)
        desktop.updating(self.mock)
        self.open("Particle 3 is available")
        self.window.press("button", "Update")
        self.window.page("Updating to Particle 3")
        desktop.versions(self.mock, pending="3")
        desktop.updating(self.mock, "done")
        self.window.page("Restart to use Particle 3")

    def test_restarting_now(self):
        logind = self.logind()
        self.machine(pending="3")
        self.open("Restart to use Particle 3")
        self.silent("logged in")
        self.silent("battery")
        self.window.press("button", "Restart now")
        wait_for("logind to be asked", lambda: desktop.called(logind, "Reboot") == [[True]])

    def test_restarting_tonight_and_taking_that_back(self):
        logind = self.logind()
        self.machine(pending="3")
        self.open("Restart to use Particle 3")
        self.window.press("button", "Tonight at ")
        call = wait_for("logind to be asked", lambda: desktop.called(logind, "ScheduleShutdown"))[0]
        when = datetime.datetime.fromtimestamp(int(call[1]) / 1e6)
        self.assertEqual(("reboot", 3, 0), (str(call[0]), when.hour, when.minute))
        self.assertTrue(0 < (when - datetime.datetime.now()).total_seconds() <= 86400)
        self.says("This computer restarts by itself at 3:00")
        self.assertIsNone(self.window.look("button", "Tonight at "))
        self.window.press("button", "Do not restart by itself")
        self.window.find("button", "Tonight at ")
        self.assertEqual(1, len(desktop.called(logind, "CancelScheduledShutdown")))

    def test_restarting_later(self):
        self.logind()
        self.machine(pending="3")
        self.open("Restart to use Particle 3")
        self.window.press("button", "Later")
        self.window.page("Particle 3 waits for a restart")
        self.window.press("button", "Restart…")
        self.window.page("Restart to use Particle 3")

    def test_what_speaks_against_a_restart(self):
        self.logind()
        self.machine(pending="3", others=2, power={"onBattery": True, "percent": 9})
        self.open("Restart to use Particle 3")
        self.says("2 other people are logged in")
        self.says("The battery is low: 9 %")
        desktop.versions(self.mock, pending="3", others=1, power={"onBattery": True, "percent": 80})
        self.says("Somebody else is logged in")
        self.says("This computer runs on its battery")

    def test_where_logind_does_not_let_anybody_restart_nothing_is_offered(self):
        self.logind("no")
        self.machine(pending="3")
        self.open("Restart to use Particle 3")
        self.says("This computer cannot be restarted from here")
        self.assertIsNone(self.window.look("button", "Restart now"))
        self.assertIsNone(self.window.look("button", "Tonight at "))

    # The versions.

    def test_a_version_that_failed_is_told_in_words(self):
        self.machine(versions=[{"version": "4", "left": LEFT, "starts": [FAILED_START]}, VERSIONS[0] | {"version": "3"}, {"version": "2"}], system={"name": "Particle", "version": "3", "title": ""})
        self.open("Particle 3 is up to date")
        self.says("Particle 4 did not start properly, so this computer went back to Particle 3")
        self.says("It was tried 3 times. Particle 3 and your files are as they were.")
        self.window.press("button", "What happened")
        self.assertIn("The unit display-manager.service failed", self.window.find(id="detailsText").text)

    def test_a_version_that_failed_here_is_offered_with_a_warning(self):
        self.machine(candidate=NEXT | {"failedHere": True})
        self.open("Particle 3 is available")
        self.says("Particle 3 was tried here before and did not start properly")
        self.window.find("button", "Update anyway")

    def test_a_version_that_is_handed_out_in_steps_can_be_had_before_its_turn(self):
        self.machine(candidate=NEXT | {"percent": 25})
        self.open("Particle 3 is on its way")
        self.says("It comes to all computers bit by bit, and the turn of this one is still to come. 142 MB to fetch.")
        self.window.press("button", "Update anyway")
        self.asked("Plan", "3", {})

    def versions_page(self, **facts):
        self.machine(**facts)
        self.open("Particle 2 is up to date")
        self.window.press("button", "Versions on this computer")
        self.window.page("Versions on this computer")

    def version(self, title):
        return self.window.find("button", title)

    def test_versions_and_how_they_came_up(self):
        self.versions_page()
        self.assertIn("Runs now, Starts next. Came up 7 times, last: today, ", self.version("Particle 2").description)
        self.assertIn("Came up once: ", self.version("Particle 1").description)
        self.version("Particle 2").press()
        starts = wait_for("the starts", lambda: [control.name for control in self.window.controls() if control.role == "list item"])
        self.assertEqual(5, len(starts))
        self.assertRegex(starts[0], "^today, .*: Runs since then$")
        self.assertRegex(starts[1], "^yesterday, .*: Came up$")
        self.window.press("button", "Show all")
        wait_for("all of them", lambda: len([control for control in self.window.controls() if control.role == "list item"]) == 7)

    def test_starting_another_version_names_what_that_means_and_asks_once(self):
        self.versions_page()
        self.version("Particle 1").press()
        self.window.press("button", "Start this version from now on…")
        self.says("From the next restart on this computer starts Particle 1, until the next update. What newer versions have mended is missing there, safety too.")
        self.window.press("button", "Leave it as it is")
        wait_for("the dialog to close", lambda: self.window.look("button", "Leave it as it is") is None)
        self.assertEqual([], self.calls("StartFrom"))
        self.window.press("button", "Start this version from now on…")
        self.window.press("button", "Start Particle 1 from now on")
        self.asked("StartFrom", "1")
        desktop.versions(self.mock, versions=[{"version": "2", "running": True}, {"version": "1", "startsNext": True}])
        wait_for("its mark", lambda: "Starts next" in self.version("Particle 1").description)
        self.window.press("button", "Back")
        self.window.page("Restart to use Particle 1")

    def test_going_back_to_the_newest(self):
        self.logind()
        self.machine(versions=[{"version": "2", "running": True}, {"version": "1", "startsNext": True}])
        self.open("Restart to use Particle 1")
        self.window.press("button", "Later")
        self.window.page("Particle 1 waits for a restart")
        self.window.press("button", "Versions on this computer")
        self.version("Particle 2").press()
        self.window.press("button", "Start this version from now on…")
        self.window.press("button", "Start Particle 2 from now on")
        self.asked("StartFrom", "")

    def test_a_version_that_did_not_come_up_is_not_started_for_good(self):
        self.logind()
        self.machine(versions=[{"version": "3", "left": LEFT, "starts": [FAILED_START]}, {"version": "2", "running": True}, {"version": "1", "startsNext": True}])
        self.open("Restart to use Particle 1")
        self.window.press("button", "Later")
        self.window.press("button", "Versions on this computer")
        self.version("Particle 3").press()
        self.window.find("check box", "Keep this version")
        self.assertIsNone(self.window.look("button", "Start this version from now on"))
        self.version("Particle 3").press()
        # The newest that may come up is the one before.
        self.version("Particle 2").press()
        self.window.press("button", "Start this version from now on…")
        self.says("starts Particle 2, the newest version here.")
        self.window.press("button", "Start Particle 2 from now on")
        self.asked("StartFrom", "")

    def test_keeping_a_version(self):
        self.versions_page()
        self.version("Particle 1").press()
        self.window.press("check box", "Keep this version")
        self.asked("Keep", "1", True)
        desktop.versions(self.mock, versions=[VERSIONS[0], {"version": "1", "kept": True}])
        wait_for("its mark", lambda: "Kept" in self.version("Particle 1").description)
        # What is open stays open.
        self.assertTrue(self.window.find("check box", "Keep this version").has("CHECKED"))
        self.window.press("check box", "Keep this version")
        self.asked("Keep", "1", False)

    def test_a_version_that_is_not_complete_cannot_be_chosen(self):
        self.versions_page(versions=[{"version": "3", "complete": False}, *VERSIONS])
        self.assertIn("Not complete", self.version("Particle 3").description)
        self.version("Particle 3").press()
        self.says("Cannot be chosen: it is not complete")
        self.assertIsNone(self.window.look("button", "Start this version from now on"))

    def test_what_is_refused_is_said_and_can_be_asked_again(self):
        self.versions_page()
        desktop.answer(self.mock, "Keep", REFUSED, "sb", "")
        self.version("Particle 1").press()
        self.window.press("check box", "Keep this version")
        self.window.page("This is not allowed")
        self.says("It was refused.")
        self.says("Nothing. Particle 2 runs as before.")
        self.mock.AddMethod(UPDATES, "Keep", "sb", "", "")
        self.window.press("button", "Try again")
        wait_for("a second call", lambda: len(self.calls("Keep")) == 2)
        self.window.page("Versions on this computer")

    # Features, policy, what is elsewhere.

    def test_features(self):
        feature = {"id": "devel", "description": "Tools for developers", "documentation": "https://example.com/devel", "enabled": False}
        self.machine(features=[feature, {"id": "games", "description": "Drivers for games", "documentation": "", "enabled": True}])
        self.open("Particle 2 is up to date")
        self.says("1 of 2 switched on")
        self.window.press("button", "Optional features")
        self.window.page("Optional features")
        self.assertTrue(self.window.find("check box", "Drivers for games").has("CHECKED"))
        self.assertEqual(1, len([control for control in self.window.controls() if control.name == "What is it?"]))
        self.window.press("check box", "Tools for developers")
        self.asked("SetFeature", "devel", True)
        desktop.versions(self.mock, features=[feature | {"enabled": True}])
        wait_for("the switch", lambda: (lambda c: c and c.has("CHECKED"))(self.window.look("check box", "Tools for developers")))

    def test_no_features(self):
        self.machine()
        self.open("Particle 2 is up to date")
        self.window.press("button", "Optional features")
        self.says("Particle has no optional features")

    def policy_page(self):
        self.machine()
        self.open("Particle 2 is up to date")
        self.window.press("button", "How updates come")
        self.window.page("How should updates come?")

    def test_policy_is_saved_as_a_whole_and_only_what_differs(self):
        self.policy_page()
        self.assertTrue(self.window.find("radio button", "Tell me").has("CHECKED"))
        self.assertFalse(self.window.find(id="verb").has("ENABLED"))
        self.assertIsNone(self.window.look(id="meteredToggle"))
        self.window.press("radio button", "By themselves")
        self.window.press("check box", "Also over connections that cost")
        self.window.press("check box", "Leave room for others in this network")
        self.says("At most 2 MB in a second.")
        self.assertEqual([], self.calls("SetPolicy"))
        self.window.press("button", "Save")
        call = wait_for("the helper to be asked", lambda: self.calls("SetPolicy"))[0][0]
        self.assertEqual({"automatic": "fetch", "metered": True, "rate": 2000000}, call)
        self.assertEqual(["String", "Boolean", "UInt64"], [type(call[key]).__name__ for key in ("automatic", "metered", "rate")])
        self.window.page("Particle 2 is up to date")

    def test_a_policy_that_is_refused_is_still_there_to_be_tried_again(self):
        self.policy_page()
        desktop.answer(self.mock, "SetPolicy", REFUSED, "a{sv}", "")
        self.window.press("radio button", "Only when I look")
        self.window.press("button", "Save")
        self.window.page("This is not allowed")
        self.mock.AddMethod(UPDATES, "SetPolicy", "a{sv}", "", "")
        self.window.press("button", "Try again")
        wait_for("a second call", lambda: self.calls("SetPolicy")[1:] == [[{"automatic": "off"}]])
        self.window.page("Particle 2 is up to date")

    def test_firmware_and_apps_are_updated_elsewhere(self):
        self.machine()
        self.open("Particle 2 is up to date")
        self.says("No app for it is installed. In a terminal: fwupdmgr")
        self.assertEqual("label", self.window.find(id="link-firmware").role)
        desktop.stop(self.program)
        opened = desktop.folder / "opened"
        script = desktop.folder / "discover"
        script.write_text(f"#!/bin/sh\necho \"$@\" > {opened}\n")
        script.chmod(0o755)
        folder = desktop.folder / "share/applications"
        folder.mkdir(parents=True)
        (folder / "org.kde.discover.desktop").write_text(f"[Desktop Entry]\nType=Application\nName=Discover\nExec={script} %F\n")
        self.addCleanup(os.remove, folder / "org.kde.discover.desktop")
        self.open("Particle 2 is up to date")
        self.says("Updated in Discover")
        self.window.press("button", "Firmware of this computer and its devices")
        wait_for("the app", opened.exists)
        wait_for("what it was given", lambda: opened.read_text() == "--mode Update\n")

    # Without a pointer.

    def test_each_page_is_gone_round_by_keyboard_and_speaks(self):
        self.logind()
        feature = {"id": "devel", "description": "Tools for developers", "documentation": "https://example.com/devel", "enabled": False}
        self.machine(candidate=NEXT, features=[feature], versions=[{"version": "4", "left": LEFT, "starts": [FAILED_START]}, *VERSIONS])
        self.open("Particle 3 is available")
        self.assertEqual("verb", self.window.focused().id)
        self.window.round()
        for link, page in (("Versions on this computer", "Versions on this computer"), ("Optional features", "Optional features"), ("How updates come", "How should updates come?")):
            self.window.press("button", link)
            self.window.page(page)
            if page == "Versions on this computer":
                self.version("Particle 1").press()
                self.window.find("button", "Start this version from now on…")
            self.window.round()
            subprocess.run(["xdotool", "key", "Escape"], check=True)
            self.window.page("Particle 3 is available")
        desktop.versions(self.mock, pending="3", others=1)
        self.window.page("Restart to use Particle 3")
        self.window.round()
        desktop.updating(self.mock, listed=True)
        self.mock.EmitSignal("org.preon.Helper1", "JobAdded", "o", [dbus.ObjectPath("/org/preon/Job1/1")])
        self.window.page("Updating to Particle 3")
        self.window.round()

    def test_enter_updates(self):
        self.machine(candidate=NEXT)
        desktop.updating(self.mock)
        self.open("Particle 3 is available")
        wait_for("the keyboard on the verb", lambda: (lambda here: here and here.id == "verb")(self.window.focused()))
        subprocess.run(["xdotool", "key", "Return"], check=True)
        self.window.page("Updating to Particle 3")


if __name__ == "__main__":
    unittest.main(verbosity=2)
