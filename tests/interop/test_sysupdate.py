#!/usr/bin/env python3
# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""`preonctl sysupdate` does what `systemd-sysupdate` does: the same standard output to the letter, the same exit status, and the same files, links, tables and bytes
left behind, on equal trees and disks. What differs on purpose is listed in docs/compatibility.md.

PREON_RANDOM_SETS: how many random situations are compared (default 300), PREON_RANDOM_FIRST: the number of the first.
"""

import os
import tempfile
import unittest
from concurrent.futures import ThreadPoolExecutor

from sysupdate_bench import OURS, THEIRS, Bench
from sysupdate_cases import CASES, SLOT_CASES
from sysupdate_random import random_case

RANDOM_SETS = int(os.environ.get("PREON_RANDOM_SETS", "300"))
MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # flushing to a disk is what takes long
RANDOM_FIRST = int(os.environ.get("PREON_RANDOM_FIRST", "0"))


class Sysupdate(unittest.TestCase):
    maxDiff = None

    def agree(self, case):
        with tempfile.TemporaryDirectory(prefix="sysupdate-", dir=MEMORY) as folder:
            bench = Bench(folder)
            theirs = bench.run(THEIRS, case)
            ours = bench.run(OURS, case)
        where = f"{case.name}: {case.words}\n{case.files}\n{case.definitions}\ntheirs: {theirs[1]}{theirs[3]}\nours: {ours[1]}{ours[3]}"
        self.assertGreaterEqual(theirs[0], 0, where)
        self.assertEqual(theirs[0], ours[0], where)
        self.assertEqual(theirs[1], ours[1], where)
        if theirs[0] == 0:
            self.assertEqual(theirs[2], ours[2], where)
        else:
            self.assertTrue(ours[3].strip() or "check-new" in case.words, where)
        return theirs

    def test_situations(self):
        for case in CASES:
            with self.subTest(case.name):
                self.agree(case)

    def test_slots(self):
        for case in SLOT_CASES:
            with self.subTest(case.name):
                self.agree(case)

    def test_random_situations(self):
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            runs = {number: pool.submit(self.agree, random_case(number)) for number in range(RANDOM_FIRST, RANDOM_FIRST + RANDOM_SETS)}
        done = 0
        for number, run in runs.items():
            with self.subTest(number):
                done += run.result()[0] == 0
        self.assertGreater(done, RANDOM_SETS * 0.6)


if __name__ == "__main__":
    unittest.main()
