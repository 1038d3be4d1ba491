#!/usr/bin/env python3
# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""preonctl update on a system in a folder and a disk image, from the real nginx: what it says before, what is there after, and what every way of being cut off leaves. sfdisk, sha256sum and
veritysetup see what came of it."""

import io
import json
import os
import random
import shutil
import signal
import subprocess
import tarfile
import tempfile
import time
import unittest
from pathlib import Path

from releases import KEPT, MIB, Key, Machine, Release, run, run_bytes, sha256
from servers import Nginx

NOBODY = 65534


class UpdateTest(Machine, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.all = Path(cls.enterClassContext(tempfile.TemporaryDirectory(prefix="update-", dir="/tmp")))
        cls.all.chmod(0o755)
        cls.key = Key(cls.all / "key")
        cls.addClassCleanup(cls.key.close)
        cls.releases = {version: Release(version, cls.all / f"release-{version}") for version in (1, 2, 3)}
        # Where an ordinary user gets to: neither the clone nor the cache need be such a place. As root preon-fetch would want a user of its own.
        cls.fetcher, cls.preonctl = cls.all / "preon-fetch", cls.all / "preonctl"
        for program in (cls.fetcher, cls.preonctl):
            shutil.copy(shutil.which(program.name), program)

    def setUp(self):
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory(dir=self.all)))
        self.folder.chmod(0o755)
        (self.folder / "nginx").mkdir(mode=0o755)
        self.nginx = self.enterContext(Nginx(self.folder / "nginx"))
        self.root = self.folder / "root"
        self.target = self.root / "disk.raw"
        self.lay()

    def command(self, *words):
        return [*self.as_nobody(), str(self.preonctl), "update", *words, "--json", f"--root={self.root}", f"--disk={self.target}"]

    def as_nobody(self):
        if os.geteuid() != 0:
            return []
        for path in (self.root, *self.root.rglob("*"), self.target):
            os.lchown(path, NOBODY, NOBODY)
        return ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--"]

    def online(self, *words):
        return [*self.command(*words), f"--fetcher={self.fetcher}"]

    def ask(self, command, status=0):
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, status, f"{command}\n{done.stdout}\n{done.stderr}")
        return json.loads(done.stdout)

    def refused(self, command, code):
        error = self.ask(command, 1)["error"]
        self.assertEqual(error["code"], code, error)
        return error

    def is_as_before(self, cut=False):
        self.assertEqual(self.labels(), ["OS_1", "OS_1", "_empty", "_empty"])
        # No loader reads what is only partial.
        self.assertEqual([name for name in self.kernels() if not (cut and name.startswith(".sysupdate.partial."))], ["OS_1.efi"])

    def test_says_what_it_costs_and_then_does_it(self):
        self.offer(1, 2)
        found = self.ask(self.online("check"))["candidate"]
        self.assertEqual((found["version"], found["fetch"]), ("2", self.releases[2].bytes))
        plan = self.ask(self.online("plan"))
        self.assertEqual((plan["version"], plan["from"], plan["cost"]["fetch"]), ("2", "1", self.releases[2].bytes))
        self.is_as_before()
        self.assertEqual(self.ask(self.online("install", "--dry-run"))["version"], "2")
        self.is_as_before()
        done = self.ask(self.online("install"))
        self.assertEqual((done["version"], done["fetched"]), ("2", self.releases[2].bytes))
        self.is_there(2)
        self.assertIn("OS_1.efi", self.kernels())
        versions = {each["version"]: each for each in self.ask(self.command("list", "--offline"))}
        self.assertTrue(versions["1"]["running"] and versions["1"]["kept"] and versions["2"]["installed"] and not versions["2"]["incomplete"])
        self.assertEqual(self.ask(self.online("check"), 1), {"candidate": None, "later": None})
        self.assertEqual(self.ask(self.online("install")), {"version": None})
        history = self.ask(self.command("history"))
        self.assertEqual([(each["version"], each["state"]) for each in history["updates"]], [("2", "done")])

    def test_takes_the_oldest_version_out_and_never_the_one_that_runs(self):
        self.offer(1, 2, 3)
        self.assertEqual(self.ask(self.online("install", "2"))["version"], "2")
        # Version 1 runs still: 3 takes the place of 2.
        self.assertEqual(self.ask(self.online("install"))["version"], "3")
        self.is_there(3)
        self.assertEqual(sorted(set(self.labels())), ["OS_1", "OS_3"])
        self.assertEqual(self.kernels(), ["OS_1.efi", "OS_3+3-0.efi"])

    def cut_off(self, how, after):
        """Ends an update once that many bytes are known to be kept; gives how many there were."""
        process = subprocess.Popen(self.online("install", "--rate=2M"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        end = time.monotonic() + 60
        while time.monotonic() < end and process.poll() is None:
            notes = [json.loads(path.read_text()) for path in (self.root / KEPT).glob("*.json")] if (self.root / KEPT).exists() else []
            if sum(note["bytes"] for note in notes) >= after:
                break
            time.sleep(0.02)
        process.send_signal(how)
        process.communicate(timeout=60)
        return process.returncode

    def test_goes_on_after_being_killed(self):
        self.offer(1, 2)
        self.assertEqual(self.cut_off(signal.SIGKILL, 2 * MIB), -signal.SIGKILL)
        self.is_as_before(cut=True)
        plan = self.ask(self.online("plan"))
        self.assertGreater(plan["cost"]["already"], 0)
        done = self.ask(self.online("resume"))
        self.assertEqual(done["fetched"] + done["kept"], self.releases[2].bytes)
        self.assertGreaterEqual(done["kept"], MIB)
        self.is_there(2)

    def test_goes_on_after_being_stopped(self):
        self.offer(1, 2)
        self.assertNotEqual(self.cut_off(signal.SIGINT, MIB // 2), 0)
        self.is_as_before(cut=True)
        done = self.ask(self.online("resume"))
        self.assertEqual(done["fetched"] + done["kept"], self.releases[2].bytes)
        self.is_there(2)

    def test_begins_anew_where_what_was_kept_is_damaged(self):
        self.offer(1, 2)
        self.cut_off(signal.SIGKILL, MIB)
        for path in (self.root / KEPT).glob("*.part"):
            content = bytearray(path.read_bytes())
            content[1000] ^= 1
            path.write_bytes(content)
        self.ask(self.online("resume"))
        self.is_there(2)

    def test_begins_anew_at_a_server_that_cannot_go_on_in_the_middle(self):
        """Unpacked, what is kept lies in the slot itself; cut off a second time, no note may say more than there is."""

        def unpack(files):
            name = next(name for name in files if name.startswith("OS_2.usr."))
            files[name] = self.releases[2].usr

        self.offer(1, 2, change=unpack)
        self.cut_off(signal.SIGKILL, 2 * MIB)
        conf = self.nginx.folder / "nginx.conf"
        conf.write_text(conf.read_text().replace("sendfile on;", "sendfile on; max_ranges 0;"))
        self.nginx.process.send_signal(signal.SIGHUP)
        time.sleep(1)
        self.cut_off(signal.SIGKILL, MIB)
        note = max((json.loads(path.read_text()) for path in (self.root / KEPT).glob("*.json")), key=lambda note: note["bytes"])
        self.assertLessEqual(note["bytes"], len(self.releases[2].usr))
        self.ask(self.online("resume"))
        self.is_there(2)

    def test_ends_well_where_nothing_can_be_kept(self):
        self.offer(1, 2)
        (self.root / KEPT).mkdir(parents=True)
        run("mount", "-t", "tmpfs", "-o", "size=64k,mode=0777", "tmpfs", self.root / KEPT)
        self.addCleanup(run, "umount", self.root / KEPT)
        self.assertEqual(self.ask(self.online("install"))["version"], "2")
        self.is_there(2)

    def test_says_before_fetching_that_a_kernel_does_not_fit(self):
        self.offer(1, 2)
        run("mount", "-t", "tmpfs", "-o", "size=64k,mode=0777", "tmpfs", self.root / "efi")
        self.addCleanup(run, "umount", self.root / "efi")
        (self.root / "efi/EFI/Linux").mkdir(parents=True)
        error = self.refused(self.online("install"), "no-space")
        self.assertRegex(error["why"], r"free, .* are needed")
        self.assertEqual(self.labels(), ["OS_1", "OS_1", "_empty", "_empty"])

    def test_is_done_by_one_at_a_time(self):
        self.offer(1, 2)
        first = subprocess.Popen(self.online("install", "--rate=2M"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        end = time.monotonic() + 30
        while time.monotonic() < end and not (self.root / KEPT).exists():
            time.sleep(0.02)
        self.refused([*self.online("install")], "busy")
        first.communicate(timeout=60)
        self.assertEqual(first.returncode, 0)
        self.is_there(2)

    def test_comes_from_a_stick_as_from_a_server(self):
        stick = self.folder / "a stick"
        self.offer(1, 2)
        (self.nginx.folder / "www").rename(stick)
        self.define(url=f"file://{stick}".replace(" ", "%%20"))
        self.assertEqual(self.ask(self.online("check"))["candidate"]["fetch"], self.releases[2].bytes)
        # Nothing there is trusted for lying here.
        usr = next(stick.glob("OS_2.usr.*"))
        good = usr.read_bytes()
        usr.write_bytes(good[:1000] + bytes([good[1000] ^ 1]) + good[1001:])
        self.refused(self.online("install"), "corrupt")
        self.is_as_before()
        # Damaged where zstd sees it at once, and larger than its place: nothing of it stays.
        usr.write_bytes(good[:20000] + bytes(64) + good[20064:])
        self.ask(self.online("install"), 1)
        self.is_as_before()
        usr.write_bytes(subprocess.run(["zstd", "-q", "-c"], input=random.Random(9).randbytes(9 * MIB), capture_output=True, check=True).stdout)
        self.refused(self.online("install"), "bad-format")
        self.is_as_before()
        usr.unlink()
        usr.symlink_to("/dev/zero")
        self.refused(self.online("install"), "changed")
        usr.unlink()
        os.mkfifo(usr)
        self.refused(self.online("install"), "changed")
        self.is_as_before()
        usr.unlink()
        (stick / "elsewhere").write_bytes(good)
        usr.symlink_to("elsewhere")
        sums = stick / "SHA256SUMS"
        listed = sums.read_bytes()
        sums.write_bytes(listed.replace(b"OS_2", b"OS_9"))
        self.refused(self.online("check"), "untrusted")
        sums.write_bytes(listed)
        done = self.ask(self.online("install"))
        self.assertEqual((done["version"], done["fetched"]), ("2", 0))
        self.is_there(2)

    def test_forgets_what_a_stopped_update_left_when_asked_to(self):
        self.offer(1, 2)
        self.cut_off(signal.SIGKILL, MIB)
        self.assertNotEqual(list((self.root / KEPT).iterdir()), [])
        subprocess.run(self.command("cancel"), check=True)
        self.assertEqual(list((self.root / KEPT).iterdir()), [])

    def offer_archive(self):
        """Beside the OS a tree of its own, not packed, so that what comes of it is as long as what is fetched."""
        content = random.Random(5).randbytes(6 * MIB)
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as tar:
            info = tarfile.TarInfo("usr/content")
            info.size, info.mtime = len(content), 1_700_000_000
            tar.addfile(info, io.BytesIO(content))
        archive = packed.getvalue()
        self.offer(1, 2, change=lambda files: files.update({"tree_1.tar": b"", "tree_2.tar": archive}))
        (self.root / "trees/tree_1").mkdir(parents=True)
        (self.root / "usr/lib/sysupdate.d/10-tree.transfer").write_text(
            f"[Source]\nType=url-tar\nPath={self.nginx.plain}\nMatchPattern=tree_@v.tar\n[Target]\nType=directory\nPath=/trees\nMatchPattern=tree_@v\nInstancesMax=2\n")
        return archive, content

    def trees(self):
        return sorted(path.name for path in (self.root / "trees").iterdir())

    def test_unpacks_an_archive_once_all_of_it_is_there(self):
        archive, content = self.offer_archive()
        plan = self.ask(self.online("plan"))
        part = next(part for part in plan["cost"]["parts"] if part["name"] == "10-tree")
        self.assertEqual((part["fetch"], part["write"]), (len(archive), None))
        self.assertEqual(self.cut_off(signal.SIGKILL, 3 * MIB), -signal.SIGKILL)
        self.assertEqual(self.trees(), ["tree_1"])
        self.assertGreater(self.ask(self.online("plan"))["cost"]["already"], 0)
        done = self.ask(self.online("resume"))
        self.assertGreaterEqual(done["kept"], 3 * MIB)
        self.assertEqual(done["fetched"] + done["kept"], self.releases[2].bytes + len(archive))
        self.assertEqual((self.root / "trees/tree_2/usr/content").read_bytes(), content)
        self.assertEqual(self.trees(), ["tree_1", "tree_2"])
        self.is_there(2)

    def test_unpacks_no_archive_of_a_stick_that_is_not_the_listed_one(self):
        archive, content = self.offer_archive()
        stick = self.nginx.folder / "www"
        transfer = self.root / "usr/lib/sysupdate.d/10-tree.transfer"
        transfer.write_text(transfer.read_text().replace(self.nginx.plain, f"file://{stick}"))
        script, asked = self.folder / "fetcher", self.folder / "asked"
        asked.touch(mode=0o666)
        asked.chmod(0o666)
        script.write_text(f'#!/bin/sh\necho "$1" >>{asked}\nexec {self.fetcher} "$@"\n')
        script.chmod(0o755)
        swapped = bytearray(archive)
        swapped[-20000] ^= 1
        (stick / "tree_2.tar").write_bytes(swapped)
        self.refused([*self.command("install"), f"--fetcher={script}"], "corrupt")
        self.assertNotIn("untar", asked.read_text())
        self.assertEqual(self.trees(), ["tree_1"])
        (stick / "tree_2.tar").write_bytes(archive)
        self.assertEqual(self.ask([*self.command("install"), f"--fetcher={script}"])["version"], "2")
        self.assertIn("untar", asked.read_text())
        self.assertEqual((self.root / "trees/tree_2/usr/content").read_bytes(), content)
        self.is_there(2)

    def test_refuses_an_archive_that_changes_between_its_check_and_its_use(self):
        self.offer_archive()
        script = self.folder / "fetcher"
        script.write_text(f'#!/bin/sh\n[ "$1" != untar ] || printf changed | dd of=$(ls {self.root}/{KEPT}/*.part) bs=1 seek=6000000 conv=notrunc 2>/dev/null\nexec {self.fetcher} "$@"\n')
        script.chmod(0o755)
        self.refused([*self.command("install"), f"--fetcher={script}"], "corrupt")
        self.assertEqual(self.trees(), ["tree_1"])
        self.assertEqual(list((self.root / KEPT).iterdir()), [])
        self.is_as_before()

    def test_refuses_files_that_are_not_the_signed_ones(self):
        self.offer(1, 2)
        name = next(name for name in self.releases[2].files if ".usr." in name)
        self.nginx.put(name, self.releases[3].files[next(other for other in self.releases[3].files if ".usr." in other)])
        self.refused(self.online("install"), "corrupt")
        self.is_as_before()

    def test_refuses_a_list_by_somebody_else(self):
        other = Key(self.folder / "other")
        self.addCleanup(other.close)
        self.offer(1, 2, key=other)
        self.refused(self.online("check"), "untrusted")
        self.define(verify="no")
        self.assertEqual(self.ask(self.online("check"))["candidate"]["version"], "2")

    def test_refuses_a_list_that_was_changed_after_it_was_signed(self):
        self.offer(1, 2)
        sums = (self.nginx.folder / "www/SHA256SUMS").read_bytes()
        self.nginx.put("SHA256SUMS", sums + f"{sha256(b'x')} *OS_9.efi\n".encode())
        self.refused(self.online("check"), "untrusted")

    def test_sees_a_server_that_plays_back_the_past(self):
        now = int(time.time())
        self.offer(1, 2, 3, when=now + 200)
        self.assertEqual(self.ask(self.online("check"))["candidate"]["version"], "3")
        self.offer(1, 2, when=now + 100)
        error = self.refused(self.online("check"), "stale")
        self.assertIn("older", error["what"])
        self.offer(1, 2, 3, when=now + 300)
        self.assertEqual(self.ask(self.online("check"))["candidate"]["version"], "3")

    def test_refuses_a_list_that_is_past_its_day(self):
        today = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 60))
        self.offer(1, 2, change=lambda files: files.update({f"BEST-BEFORE-{today}": b""}))
        self.assertEqual(self.ask(self.online("check"))["candidate"]["version"], "2")
        self.offer(1, 2, change=lambda files: files.update({f"BEST-BEFORE-{today}": b"", "BEST-BEFORE-2026-11-01": b""}))
        for words in (["check"], ["install"], ["install", "2"]):
            self.assertIn("good until 2026-11-01", self.refused(self.online(*words), "stale")["why"])
        self.is_as_before()

    def test_a_version_that_is_handed_out_in_steps_waits_for_its_turn(self):
        (self.root / "etc/machine-id").write_text("0123456789abcdef0123456789abcdef\n")
        steps = {}
        for percent in range(0, 101, 5):
            self.offer(1, 2, change=lambda files, name=f"ROLLOUT-{percent}-2": files.update({name: b""}))
            steps[percent] = json.loads(subprocess.run(self.online("check"), capture_output=True, text=True, check=False).stdout)
        came = [percent for percent, found in steps.items() if found["candidate"]]
        self.assertTrue(came and 0 < came[0] and came == list(range(came[0], 101, 5)), steps)
        self.assertEqual(steps[0], {"candidate": None, "later": None}, "one that is stopped is named to nobody")
        self.assertEqual(steps[came[0] - 5], {"candidate": None, "later": {"version": "2", "percent": came[0] - 5}})
        # An older one that everybody may have is no worse for it.
        self.offer(1, 2, 3, change=lambda files: files.update({"ROLLOUT-0-3": b""}))
        self.assertEqual(self.ask(self.online("check"))["candidate"]["version"], "2")
        self.offer(1, 2, change=lambda files: files.update({"ROLLOUT-0-2": b"", "ROLLOUT-1000-2": b"", "ROLLOUT-2": b"", "ROLLOUT--1-2": b""}))
        self.assertEqual(self.ask(self.online("install")), {"version": None})
        self.refused(self.online("plan"), "not-found")
        self.is_as_before()
        # Who asks for it gets it.
        self.assertEqual(self.ask(self.online("install", "2"))["version"], "2")
        self.is_there(2)

    def test_what_was_begun_goes_on_whatever_the_steps(self):
        self.offer(1, 2)
        self.assertEqual(self.cut_off(signal.SIGKILL, 2 * MIB), -signal.SIGKILL)
        # Also where nothing of it lies at its place yet.
        for path in (self.root / "efi/EFI/Linux").glob(".sysupdate.partial.*"):
            path.unlink()
        self.offer(1, 2, change=lambda files: files.update({"ROLLOUT-0-2": b""}))
        self.assertEqual(self.ask(self.online("check"), 1), {"candidate": None, "later": None})
        self.assertEqual(self.ask(self.online("resume")), {"version": None})
        # Without a machine ID this computer is the last one.
        self.offer(1, 2, change=lambda files: files.update({"ROLLOUT-99-2": b""}))
        self.assertEqual(self.ask(self.online("check"))["candidate"]["version"], "2")
        done = self.ask(self.online("resume"))
        self.assertEqual(done["version"], "2")
        self.assertGreater(done["kept"], 0)
        self.is_there(2)

    def test_features_are_switched(self):
        folder = self.root / "usr/lib/sysupdate.d"
        (folder / "games.feature").write_text("[Feature]\nDescription=Games\n")
        self.assertEqual([(each["id"], each["enabled"]) for each in self.ask(self.command("features"))], [("games", False)])
        self.assertEqual(self.ask(self.command("features", "enable", "games")), {"feature": "games", "enabled": True})
        self.assertTrue(self.ask(self.command("features"))[0]["enabled"])
        self.ask(self.command("features", "disable", "games"))
        self.assertFalse(self.ask(self.command("features"))[0]["enabled"])
        self.refused(self.command("features", "enable", "../games"), "not-found")
        self.refused(self.command("features", "enable"), "bad-argument")

    def test_refuses_a_kernel_for_another_usr(self):
        def swap(files):
            files["OS_2.efi"] = self.releases[3].kernel

        self.offer(1, 2, change=swap)
        self.refused(self.online("install"), "untrusted")
        self.is_as_before()

    def test_refuses_a_usr_that_its_tree_does_not_fit(self):
        def damage(files):
            name = next(name for name in files if name.startswith("OS_2.usr."))
            usr = bytearray(self.releases[2].usr)
            usr[5 * MIB] ^= 1
            (self.folder / "damaged").write_bytes(usr)
            files[name] = run_bytes("zstd", "-q", "-c", self.folder / "damaged")

        self.offer(1, 2, change=damage)
        self.refused(self.online("install"), "corrupt")
        self.is_as_before()

    def test_says_before_fetching_that_there_is_no_room(self):
        self.offer(1, 2)
        # One of each: there is nothing that could be emptied.
        run("sfdisk", "-q", "--delete", self.target, "3", "4")
        before = self.target.read_bytes()
        error = self.refused(self.online("install"), "no-space")
        self.assertEqual(self.target.read_bytes(), before)
        self.assertIn("2", error["why"] + error["what"])

    def test_offers_nothing_that_is_not_complete(self):
        self.offer(1, 2, change=lambda files: files.pop("OS_2.efi"))
        self.assertEqual(self.ask(self.online("check"), 1), {"candidate": None, "later": None})

    def test_takes_a_mirror_where_the_first_server_has_lost_a_file(self):
        self.offer(1, 2)
        (self.folder / "mirror").mkdir(mode=0o755)
        with Nginx(self.folder / "mirror") as mirror:
            for name, content in self.releases[2].files.items():
                mirror.put(name, content)
            (self.nginx.folder / "www/OS_2.efi").unlink()
            done = self.ask(self.online("install", f"--mirror={mirror.plain}"))
        self.assertEqual(done["version"], "2")
        self.is_there(2)

    def test_leaves_a_system_that_systemd_sysupdate_goes_on_with(self):
        self.offer(1, 2)
        self.ask(self.online("install"))
        env = os.environ | {"SYSTEMD_RELAX_ESP_CHECKS": "1", "SYSTEMD_ESP_PATH": "/efi"}
        for path in (self.root / "usr/lib/sysupdate.d").glob("*.transfer"):
            path.write_text(path.read_text().replace("Path=auto", "Path=/disk.raw"))
        said = subprocess.run(["/usr/lib/systemd/systemd-sysupdate", f"--root={self.root}", "--offline", "--json=short", "list"],
                              capture_output=True, text=True, env=env)
        if said.returncode == 0 and said.stdout.strip():
            self.assertEqual(json.loads(said.stdout)["current"], "2", said)
        else:
            self.fail(said.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
