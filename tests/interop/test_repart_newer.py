#!/usr/bin/env python3
# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""`preonctl repart` against the systemd-repart of Debian forky, for what it has in common with 257's: exit statuses, plans as JSON, tables, contents. Then the
keys of 258 and later that we take. What is different on purpose is in docs/compatibility.md, and taken out of the comparison in repart_newer.py or here by name.

PREON_RANDOM_SETS: how many random sets are compared (default 25), PREON_RANDOM_FIRST: the number of the first.
"""

import os
import subprocess
import tempfile
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from newer import version
from repart_bench import OURS, make_keys
from repart_contents import CONTENTS, PLANS
from repart_newer import NewerBench, NewerComparison
from repart_random import random_set
from repart_sets import GPT, HOME, LINUX, MIB, SETS, Set, Step, entry, one

RANDOM_SETS = int(os.environ.get("PREON_RANDOM_SETS", "25"))
RANDOM_FIRST = int(os.environ.get("PREON_RANDOM_FIRST", "0"))

# What differs as a whole: how both end, theirs first. Why is in docs/compatibility.md.
DIFFERENT = {
    "btrfs and xfs hold what ext4 holds": (1, 0),
    "too many fields fail": (0, 1),
    "copied from another image": (0, 0),
    "copied from another image with other sectors": (0, 0),
    "sectors of 512 and contents": (0, 0),
    "a portable service": (0, 0),
}

KEY = {"size": 90 * MIB, "files": {"key": b"k" * 32}, "options": ["--empty=allow", "--key-file=@/key", "--offline=yes"]}
NEW_KEYS = [
    one("an empty partition", "Type=usr\nFormat=empty\nSizeMaxBytes=50M\n", "Type=usr-verity\nFormat=empty\nSizeMaxBytes=20M\n", "Type=home\n"),
    one("an empty partition of a label and flag of its own", "Type=usr\nFormat=empty\nLabel=mine\nNoAuto=no\n", "Type=home\nFormat=empty\nLabel=\n"),
    one("an empty partition of a type that knows no such flag", "Type=esp\nFormat=empty\n", "Type=linux-generic\nFormat=empty\n"),
    one("an empty partition that is there already", "Type=home\nFormat=empty\nSizeMinBytes=30M\n", table=GPT + entry(3, 2048, 20480, HOME, "old") + entry(4, 81920, 2048, LINUX)),
    one("an empty partition has no contents", "Type=home\nFormat=empty\nCopyBlocks=@/blocks\n", files={"blocks": b"x" * 4096}),
    one("empty partitions twice", "Type=usr\nFormat=empty\n", "Type=usr\nFormat=empty\n", "Type=root\nFormat=ext4\nSizeMinBytes=50M\n"),
    one("the label of a volume", "Type=home\nEncrypt=key-file\nFormat=ext4\nLabel=outside\nVolumeLabel=inside\n", **KEY),
    one("the label of a volume with a specifier", "Type=home\nEncrypt=key-file\nFormat=ext4\nVolumeLabel=%%-%a\n", **KEY),
    one("the label of a volume that is none is passed over", "Type=home\nEncrypt=key-file\nFormat=ext4\nVolumeLabel=inside\nVolumeLabel=" + "x" * 99 + "\n", **KEY),
    one("no label of a volume for file systems", "Type=home\nFormat=ext4\nVolumeLabel=inside\n", "Type=esp\nFormat=vfat\nSizeMinBytes=260M\nVolumeLabel=other\n", exact=True),
]


class Newer(NewerComparison):
    def compare(self, case):
        with tempfile.TemporaryDirectory(prefix="newer-") as folder:
            bench = NewerBench(folder)
            if case in CONTENTS + PLANS:
                bench.add_tree(self.keys)
            if case.name not in DIFFERENT:
                return self.agree(case, bench)
            ends = [bench.all_steps(tool, case)[0][0][-1][0] for tool in (self.theirs, OURS)]
            self.assertEqual(DIFFERENT[case.name], tuple(ends), case.name)
            return True

    def compare_all(self, cases):
        compared = 0
        with tempfile.TemporaryDirectory(prefix="keys-") as keys, ThreadPoolExecutor(os.cpu_count()) as pool:
            self.keys = Path(keys)
            make_keys(self.keys)
            runs = {case.name: pool.submit(self.compare, case) for case in cases}
            for name, run in runs.items():
                with self.subTest(name, peer=version()):
                    compared += run.result()
        return compared

    def test_sets(self):
        self.assertEqual(self.compare_all(SETS), len(SETS))

    def test_contents(self):
        cases = CONTENTS + PLANS
        self.assertEqual(self.compare_all(cases), len(cases))

    def test_random_sets(self):
        self.assertGreater(self.compare_all([random_set(number) for number in range(RANDOM_FIRST, RANDOM_FIRST + RANDOM_SETS)]), RANDOM_SETS * 0.8)

    def test_new_keys(self):
        self.assertEqual(self.compare_all(NEW_KEYS), len(NEW_KEYS))

    def test_the_label_of_a_volume_is_the_volume_s_alone(self):
        case = next(case for case in NEW_KEYS if case.name == "the label of a volume")
        self.bench.all_steps(OURS, case)
        with self.bench.disk.open("rb") as disk:
            disk.seek(MIB + 24)
            self.assertEqual(disk.read(7), b"inside\0")


if __name__ == "__main__":
    print(f"Compared with {version()}", flush=True)
    unittest.main()
