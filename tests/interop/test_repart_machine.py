#!/usr/bin/env python3
# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""`preonctl repart` and systemd-repart where they look at more than one file: the machine's disks, the disk that root is on, another root, an image.

Each command runs in a mount namespace of its own, with a /run that the test made. --image= needs a loop device, and so does a disk that is
read-only; an ordinary user can have none, and then what is looked at is that we say so, a file that is read-only, and that nothing changes.
"""

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from repart_bench import OURS, SEED

THEIRS = ["systemd-repart"]
MIB = 1 << 20
HOME = "[Partition]\nType=home\n"


class Machine(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="machine-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.disk = self.folder / "disk.img"

    def new_disk(self, size=100 * MIB):
        with self.disk.open("wb") as file:
            file.truncate(size)

    def write(self, path, text):
        path = self.folder / path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def run_in(self, tool, *options, before=""):
        """What `before` mounts is there for this command alone."""
        user = [] if os.geteuid() == 0 else ["--map-root-user"]
        inside = ["unshare", *user, "--mount", "--propagation", "private", "sh", "-ec", f'mount -t tmpfs tmpfs /run\n{before}\nexec "$@"', "sh"]
        return subprocess.run([*inside, *tool, "--no-pager", *options], cwd=self.folder, capture_output=True, text=True, check=False, timeout=60)

    def agree(self, *options, before="", status=0):
        """Exit status and output, and the last line of what a person is told where both fail."""
        theirs, ours = (self.run_in(tool, *options, before=before) for tool in (THEIRS, OURS))
        self.assertEqual(theirs.returncode, status, theirs.stderr)
        self.assertEqual((theirs.returncode, theirs.stdout), (ours.returncode, ours.stdout), theirs.stderr + ours.stderr)
        return theirs, ours

    def test_no_device_and_a_root_that_is_on_none(self):
        self.write("d/10-home.conf", HOME)
        for options in ([], ["--empty=allow"], ["--dry-run=no"], ["--can-factory-reset"], ["--factory-reset=yes"], ["--size=1G"]):
            with self.subTest(options):
                theirs, ours = self.agree("--root=root", "--definitions=d", *options, before="mkdir -p root; mount -t tmpfs tmpfs root; mkdir root/usr", status=76)
                self.assertEqual(theirs.stderr.splitlines()[-1], ours.stderr.splitlines()[-1])
                self.assertEqual(ours.stderr.strip(), "Failed to discover root block device.")

    def test_list_devices(self):
        record = "\n".join(["S:disk/by-path/b", "S:disk/by-diskseq/1", "S:a", "L:0", "I:1234", "E:ID_PATH=b", "G:systemd", "V:1", ""])
        self.write("record", record)
        disks = [path for path in Path("/sys/block").iterdir() if (path / "dev").exists()]
        files = " ".join("/run/udev/data/b" + (path / "dev").read_text().strip() for path in disks)
        known = f"mkdir -p /run/udev/data; for file in {files}; do cp record $file; done"
        theirs, ours = self.agree("--list-devices", before=known)
        self.assertEqual(theirs.stderr, ours.stderr)
        listed = theirs.stdout.splitlines()
        self.assertEqual(listed.count("/dev/a"), sum(line.count("/") == 2 and line != "/dev/a" for line in listed), listed)
        # Not yet by udev: not there.
        nothing = self.agree("--list-devices", before="mkdir -p /run/udev/data")[1]
        self.assertEqual(nothing.stdout, "")

    def plans(self, *options, status=0):
        self.new_disk()
        return self.agree("--empty=allow", "--json=pretty", *options, "disk.img", status=status)

    def test_another_root_says_definitions_seed_and_specifiers(self):
        self.write("root/etc/machine-id", "0123456789abcdef0123456789abcdef\n")
        self.write("root/usr/lib/os-release", "ID=other\nVERSION_ID=7\nIMAGE_ID=img\nIMAGE_VERSION=3\n")
        self.write("root/usr/lib/repart.d/10-home.conf", HOME + "Label=%o-%w-%M-%A\n")
        self.write("root/usr/lib/repart.d/20-srv.conf", "[Partition]\nType=srv\n")
        self.write("root/usr/lib/repart.d/30-var.conf", "[Partition]\nType=var\nSizeMaxBytes=20M\n")
        self.write("root/etc/repart.d/20-srv.conf", "[Partition]\nType=srv\nSizeMaxBytes=10M\nLabel=%H\n")
        self.write("root/etc/repart.d/10-home.conf.d/a.conf", "[Partition]\nWeight=5\n")
        (self.folder / "root/etc/repart.d/30-var.conf").symlink_to("/dev/null")
        for root in ("root", "./root/", str(self.folder / "root")):
            with self.subTest(root):
                found = json.loads(self.plans(f"--root={root}")[1].stdout)
                self.assertEqual([row["label"] for row in found], ["other-7-img-3", os.uname().nodename])

    def test_links_of_another_root_stay_in_it(self):
        self.write("root/etc/machine-id", "0123456789abcdef0123456789abcdef\n")
        self.write("root/defs/10-home.conf", HOME)
        self.write("root/defs/weight", "[Partition]\nLabel=inside\n")
        self.write("defs/weight", "[Partition]\nLabel=outside\n")
        self.write("defs/10-outside.conf", "[Partition]\nType=srv\n")
        (self.folder / "root/usr/lib").mkdir(parents=True)
        for target in ("/defs", "../../defs", "../../../../../../../../../../../../defs"):
            with self.subTest(target):
                link = self.folder / "root/usr/lib/repart.d"
                link.unlink(missing_ok=True)
                link.symlink_to(target)
                (self.folder / "root/defs/10-home.conf.d").mkdir(exist_ok=True)
                drop_in = self.folder / "root/defs/10-home.conf.d/a.conf"
                drop_in.unlink(missing_ok=True)
                drop_in.symlink_to("/defs/weight")
                found = json.loads(self.plans("--root=root")[1].stdout)
                self.assertEqual([(row["type"], row["label"]) for row in found], [("home", "inside")])

    def test_roots_that_are_none(self):
        self.write("file", "x")
        (self.folder / "loop").symlink_to("loop")
        self.write("bad/usr/lib/repart.d/10-home.conf", "[Partition]\nType=nonsense\n")
        self.new_disk()
        before = hashlib.sha256(self.disk.read_bytes()).digest()
        for root in ("file", "loop", "bad"):
            with self.subTest(root):
                ours = self.plans(f"--root={root}", "--dry-run=no", status=1)[1]
                self.assertIn(root, ours.stderr)
                self.assertEqual(before, hashlib.sha256(self.disk.read_bytes()).digest())
        # One that is not there holds no definitions.
        self.assertEqual(self.plans("--root=none")[1].stdout, "[]\n")

    def make_image(self):
        self.write("tree/usr/lib/os-release", "ID=inside\n")
        self.write("tree/etc/machine-id", "0123456789abcdef0123456789abcdef\n")
        self.write("tree/usr/lib/repart.d/10-root.conf", "[Partition]\nType=root\nSizeMaxBytes=60M\n")
        self.write("tree/usr/lib/repart.d/20-home.conf", HOME + "Label=%o\n")
        self.write("make/10-root.conf", "[Partition]\nType=root\nFormat=ext4\nCopyFiles=/:/\nSizeMinBytes=40M\nSizeMaxBytes=40M\n")
        words = ["systemd-repart", "--definitions=make", "--empty=create", "--size=150M", "--dry-run=no", "--offline=yes", "--copy-source=tree", SEED, "image"]
        subprocess.run(words, cwd=self.folder, check=True, capture_output=True)

    def work_on(self, image, tool, *options):
        shutil.copy(self.folder / "image", self.folder / image)
        done = self.run_in(tool, *options)
        table = subprocess.run(["sfdisk", "--json", "--", self.folder / image], capture_output=True, text=True, check=True).stdout
        return done, table

    def have_loop(self):
        """Root of a user namespace is none who could."""
        is_root = Path("/proc/self/uid_map").read_text().split() == ["0", "0", str((1 << 32) - 1)]
        return is_root and subprocess.run(["losetup", "--find"], capture_output=True, check=False).returncode == 0

    def test_a_disk_that_may_only_be_read(self):
        self.new_disk()
        self.write("d/10-home.conf", HOME)
        before = hashlib.sha256(self.disk.read_bytes()).digest()
        disk, mounts = "disk.img", "mount --bind disk.img disk.img; mount -o remount,bind,ro disk.img"
        if self.have_loop():
            disk = subprocess.run(["losetup", "--find", "--show", "--read-only", self.disk], capture_output=True, text=True, check=True).stdout.strip()
            self.addCleanup(subprocess.run, ["losetup", "--detach", disk], check=True)
            mounts = ""
        for dry, status in (("yes", 0), ("no", 1)):
            for tool in (THEIRS, OURS):
                done = self.run_in(tool, "--definitions=d", "--empty=allow", f"--dry-run={dry}", disk, before=mounts)
                self.assertEqual(done.returncode, status, done.stderr)
        self.assertIn(disk, done.stderr)
        self.assertRegex(done.stderr, "[Rr]ead-only|not permitted")
        self.assertEqual(before, hashlib.sha256(self.disk.read_bytes()).digest())

    def test_an_image(self):
        self.make_image()
        options = ["--image=copy", "--json=pretty", "--dry-run=no"]
        ours, our_table = self.work_on("copy", OURS, *options)
        if not self.have_loop():
            self.assertEqual(ours.returncode, 1)
            self.assertTrue(ours.stderr.strip())
            self.assertEqual((self.folder / "copy").read_bytes(), (self.folder / "image").read_bytes())
            return
        theirs, their_table = self.work_on("copy", THEIRS, *options)
        self.assertEqual((theirs.returncode, ours.returncode), (0, 0), theirs.stderr + ours.stderr)
        self.assertEqual(their_table, our_table)
        rows = [json.loads(done.stdout) for done in (theirs, ours)]
        for row in rows[0] + rows[1]:
            del row["node"]  # of a loop device, and of the file
            row["file"] = Path(row["file"]).name  # below where each mounts it
        self.assertEqual(*rows)
        self.assertEqual([row["label"] for row in rows[1]], ["root-x86-64", "inside"])
        self.assertEqual(subprocess.run(["losetup", "--associated", self.folder / "copy"], capture_output=True, check=True).stdout, b"", "a loop device was left behind")

    def test_images_that_are_none(self):
        self.new_disk()
        self.write("text", "no image\n")
        subprocess.run(["sfdisk", "-q", self.disk], input="label: gpt\n,,linux\n", text=True, check=True, capture_output=True)
        for image, words in (("none", "No such file"), ("text", ""), ("disk.img", "holds no root and no /usr")):
            with self.subTest(image):
                path = self.folder / image
                before = path.read_bytes() if path.exists() else None
                for tool in (THEIRS, OURS):
                    done = self.run_in(tool, f"--image={image}", "--dry-run=no")
                    self.assertEqual(done.returncode, 1, done.stderr)
                self.assertIn(words, done.stderr)
                self.assertEqual(path.read_bytes() if path.exists() else None, before)


if __name__ == "__main__":
    unittest.main()
