#!/usr/bin/env python3
# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""`preonctl repart` does what `systemd-repart` does: the same plan as JSON, the same exit status, the same table to the letter, and the same bytes in the
partitions where mkfs gives the same twice, on equal files with one seed. What differs on purpose is listed in docs/compatibility.md.

PREON_RANDOM_SETS: how many random sets are compared (default 80), PREON_RANDOM_FIRST: the number of the first.
"""

import os
import subprocess
import tempfile
import unittest
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from repart_bench import OURS, Bench, Comparison, digest, make_keys
from repart_contents import CONTENTS, CRASHES, PLANS
from repart_random import random_set
from repart_sets import ESP, GPT, LINUX, MIB, SETS, Set, Step, entry

RANDOM_SETS = int(os.environ.get("PREON_RANDOM_SETS", "80"))
RANDOM_FIRST = int(os.environ.get("PREON_RANDOM_FIRST", "0"))


class Repart(Comparison):
    def test_sets(self):
        for case in SETS:
            with self.subTest(case.name):
                self.assertTrue(self.agree(case), "systemd-repart aborted")

    def test_contents(self):
        with tempfile.TemporaryDirectory(prefix="keys-") as keys:
            make_keys(Path(keys))
            self.bench.add_tree(Path(keys))
        for case in CONTENTS + PLANS:
            with self.subTest(case.name):
                self.assertTrue(self.agree(case), "systemd-repart aborted")

        self.agree(CRASHES)
        self.assertEqual([run[0] for run in self.bench.all_steps(OURS, CRASHES)[0][0]], [0, 0])

    def test_random_sets(self):
        def compare(number):
            with tempfile.TemporaryDirectory(prefix="random-") as folder:
                return self.agree(random_set(number), Bench(folder))

        compared = 0
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            runs = {number: pool.submit(compare, number) for number in range(RANDOM_FIRST, RANDOM_FIRST + RANDOM_SETS)}
            for number, run in runs.items():
                with self.subTest(number):
                    compared += run.result()
        self.assertGreater(compared, RANDOM_SETS * 0.8)

    def test_copied_blocks_are_the_file_s(self):
        case = next(s for s in SETS if s.name == "copied blocks")
        self.bench.all_steps(OURS, case)
        with self.bench.disk.open("rb") as disk:
            disk.seek(MIB)
            self.assertEqual(disk.read(len(case.files["blocks"])), case.files["blocks"])

    def test_a_dry_run_and_a_failure_leave_the_file_alone(self):
        case = Set("", [Step({"a.conf": "Type=home\n"}), Step({"a.conf": "Type=home\nSizeMinBytes=2G\n"}, ["--empty=allow", "--size=600M"])])
        self.bench.all_steps(OURS, Set("", case.steps[:1]))
        before = self.bench.disk.read_bytes()
        runs, _ = self.bench.run(OURS, case.steps[1])
        self.assertEqual([run[0] for run in runs], [1, 1])
        self.assertEqual(before, self.bench.disk.read_bytes())

    def test_options_that_we_lack_fail_in_words(self):
        self.bench.start(Set("", []))
        for option in ("--image-policy=root=verity", "--certificate-source=provider:x", "--private-key-source=engine:x"):
            done = subprocess.run([*OURS, option, "disk.img"], cwd=self.bench.folder, capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 1, option)
            self.assertIn(option.split("=")[0], done.stderr)


class Hostile(unittest.TestCase):
    """Broken tables, absurd sizes, files that may not be written: an error in words, and nothing written."""

    def setUp(self):
        holder = tempfile.TemporaryDirectory(prefix="hostile-")
        self.addCleanup(holder.cleanup)
        self.bench = Bench(holder.name)
        self.case = Set("", [Step({"a.conf": "Type=home\nSizeMinBytes=20M\n"}, ["--empty=allow"])], 100 * MIB, GPT + entry(1, 2048, 20480, ESP, "EFI") + entry(2, 40960, 20480, LINUX))
        self.bench.start(self.case)

    def spoil(self, *changes):
        with self.bench.disk.open("r+b") as file:
            for offset, content in changes:
                file.seek(offset, os.SEEK_END if offset < 0 else os.SEEK_SET)
                file.write(content)

    def refuses(self, status=1, step=None):
        before = digest(self.bench.disk.read_bytes())
        runs, _ = self.bench.run(OURS, step or self.case.steps[0])
        self.assertEqual([run[0] for run in runs], [status] * len(runs), runs)
        self.assertTrue(all(run[2].strip() for run in runs))
        self.assertEqual(before, digest(self.bench.disk.read_bytes()))
        return runs

    def test_both_copies_broken(self):
        self.spoil((512, b"x" * 512), (-512, b"x" * 512))
        self.refuses()

    def test_one_copy_broken_is_repaired(self):
        for place in (512 + 16, -512 + 16, 1024 + 40, -512 * 33 + 40):
            with self.subTest(place):
                self.bench.start(self.case)
                self.spoil((place, b"xxxx"))
                runs, table = self.bench.run(OURS, self.case.steps[0])
                self.assertEqual([run[0] for run in runs], [0, 0], runs)
                self.assertEqual(table.count('"node"'), 3)
                checked = subprocess.run(["sfdisk", "--verify", self.bench.disk], capture_output=True, text=True, check=False)
                self.assertIn("No errors detected", checked.stdout)

    def test_overlapping_entries(self):
        self.bench.disk.unlink()
        with self.bench.disk.open("wb") as file:
            file.truncate(100 * MIB)
        subprocess.run(["sfdisk", "-q", "--force", self.bench.disk], input=GPT + entry(1, 2048, 20480, ESP), text=True, check=True, capture_output=True)
        sector = bytearray(self.bench.disk.read_bytes()[: 34 * 512])
        sector[1024 + 128 : 1024 + 256] = sector[1024 : 1024 + 128]
        sector[1024 + 128 + 16 : 1024 + 128 + 32] = b"u" * 16
        sector[512 + 88 : 512 + 92] = zlib.crc32(sector[1024 : 1024 + 16384]).to_bytes(4, "little")
        sector[512 + 16 : 512 + 20] = bytes(4)
        sector[512 + 16 : 512 + 20] = zlib.crc32(sector[512 : 512 + 92]).to_bytes(4, "little")
        self.spoil((0, bytes(sector)))
        self.refuses()

    def test_a_hybrid_table_keeps_its_mbr_true(self):
        def hybrid():
            self.bench.start(self.case)
            self.spoil((446 + 16, bytes([0x80, 0, 2, 0, 0x83, 0xFE, 0xFF, 0xFF]) + (2048).to_bytes(4, "little") + (20480).to_bytes(4, "little")))
            return self.bench.disk.read_bytes()[:512]

        mbr = hybrid()
        runs, table = self.bench.run(OURS, self.case.steps[0])
        self.assertEqual([run[0] for run in runs], [0, 0], runs)
        self.assertEqual(table.count('"node"'), 3)
        self.assertEqual(self.bench.disk.read_bytes()[:512], mbr)
        # A partition that the MBR repeats would grow, or go.
        hybrid()
        grows = Step({"a.conf": "Type=linux-generic\nSizeMinBytes=20M\n"}, ["--empty=allow"])
        self.assertIn("hybrid", self.refuses(step=grows)[0][2])
        goes = Step({"a.conf": "Type=linux-generic\nFactoryReset=yes\n"}, ["--empty=allow", "--factory-reset=yes"])
        self.assertIn("hybrid", self.refuses(step=goes)[0][2])
        runs, table = self.bench.run(OURS, Step({"a.conf": "Type=home\n"}, ["--empty=force"]))
        self.assertEqual(runs[-1][0], 0, runs)
        types = [self.bench.disk.read_bytes()[446 + 4 + 16 * number] for number in range(4)]
        self.assertEqual(types, [0xEE, 0, 0, 0])

    def test_absurd_sizes(self):
        for text in ("SizeMinBytes=16777215T", "SizeMinBytes=8E", "PaddingMinBytes=15E", "SizeMinBytes=99999999999999999999"):
            with self.subTest(text):
                self.refuses(step=Step({"a.conf": f"Type=home\n{text}\n"}, ["--empty=allow"]))

    def test_two_tebibytes_and_more(self):
        for size in (2 << 40, (2 << 40) + 512, 3 << 40):
            with self.subTest(size):
                self.assertTrue(Comparison.agree(Comparison(), Set("", self.case.steps, size), self.bench))

    def test_a_file_that_may_only_be_read(self):
        subprocess.run(["mount", "--bind", self.bench.disk, self.bench.disk], check=True)
        self.addCleanup(subprocess.run, ["umount", self.bench.disk], check=True)
        subprocess.run(["mount", "-o", "remount,bind,ro", self.bench.disk], check=True)
        before = digest(self.bench.disk.read_bytes())
        runs, _ = self.bench.run(OURS, self.case.steps[0])
        self.assertEqual([run[0] for run in runs], [0, 1], runs)
        self.assertEqual(before, digest(self.bench.disk.read_bytes()))

    def test_links_of_definitions_in_circles(self):
        for links in ({"10-a.conf": "20-b.conf", "20-b.conf": "10-a.conf"}, {"10-a.conf.d": "10-a.conf.d"}, {"10-a.conf.d": "other", "other": "10-a.conf.d"}):
            with self.subTest(links):
                self.bench.define({} if "10-a.conf" in links else {"10-a.conf": "Type=home\n"})
                for name, target in links.items():
                    (self.bench.folder / "repart.d" / name).symlink_to(target)
                before = digest(self.bench.disk.read_bytes())
                words = [*OURS, "--definitions=repart.d", "--empty=force", "--dry-run=no", "disk.img"]
                done = subprocess.run(words, cwd=self.bench.folder, capture_output=True, text=True, check=False, timeout=20)
                self.assertEqual(done.returncode, 1, done.stderr)
                self.assertIn("10-a.conf", done.stderr)
                self.assertEqual(before, digest(self.bench.disk.read_bytes()))

    def test_definitions_that_are_no_files(self):
        self.bench.define({})
        folder = self.bench.folder / "repart.d"
        os.mkfifo(folder / "10-fifo.conf")
        (folder / "20-folder.conf").mkdir()
        (folder / "30-loop.conf").symlink_to("30-loop.conf")
        before = digest(self.bench.disk.read_bytes())
        done = subprocess.run([*OURS, "--definitions=repart.d", "--dry-run=no", "disk.img"], cwd=self.bench.folder, capture_output=True, text=True, check=False, timeout=20)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("30-loop.conf", done.stderr)
        self.assertEqual(before, digest(self.bench.disk.read_bytes()))


if __name__ == "__main__":
    unittest.main()
