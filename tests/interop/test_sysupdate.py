#!/usr/bin/env python3
# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""`preonctl sysupdate` does what `systemd-sysupdate` does: the same standard output to the letter, the same exit status, and the same files, links, tables and bytes
left behind, on equal trees and disks. What differs on purpose is listed in docs/compatibility.md.

PREON_RANDOM_SETS: how many random situations are compared (default 50), PREON_RANDOM_FIRST: the number of the first.
"""

import bz2
import gzip
import hashlib
import json
import lzma
import os
import shutil
import subprocess
import tempfile
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from servers import Nginx
from sysupdate_bench import ENVIRONMENT, OURS, SOURCE, THEIRS, Bench, Case, transfer
from sysupdate_cases import CASES, SLOT_CASES, TWO
from sysupdate_random import random_case

NOBODY = 65534
RANDOM_SETS = int(os.environ.get("PREON_RANDOM_SETS", "50"))
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

    def test_each_goes_on_with_what_the_other_left(self):
        with tempfile.TemporaryDirectory(prefix="sysupdate-", dir=MEMORY) as folder:
            bench = Bench(folder)
            bench.build(Case("", [], ["t/a_1.raw", "t/b_1.raw"], {name: text.replace("Path=/t", "Path=/t\nInstancesMax=2\nCurrentSymlink=now") for name, text in TWO.items()}))

            def run(tool, *words):
                done = subprocess.run([*tool, f"--root={bench.root}", "--sync=no", *words], capture_output=True, text=True, check=False, env=ENVIRONMENT)
                self.assertEqual(done.returncode, 0, done.stderr)
                return done.stdout

            for version, tool in enumerate((OURS, THEIRS, OURS, THEIRS), 2):
                for name in "ab":
                    (bench.root / f"src/{name}_{version}.raw").write_text(f"{name} {version}")
                run(tool, "--verify=no", "update")
                self.assertEqual(run(OURS, "list"), run(THEIRS, "list"))
                self.assertEqual(sorted(os.listdir(bench.root / "t")), sorted(f"{n}_{v}.raw" for n in "ab" for v in (version - 1, version)) + ["now"])
                self.assertEqual(os.readlink(bench.root / "t/now"), f"b_{version}.raw")

    def test_what_was_cut_off_is_free_for_both(self):
        """257 sees neither a partial file nor a pending one, and takes no harm; we tell and remove them."""
        with tempfile.TemporaryDirectory(prefix="sysupdate-", dir=MEMORY) as folder:
            bench = Bench(folder)
            bench.build(Case("", [], ["t/a_1.raw", "t/.sysupdate.partial.a_2.raw", "t/.sysupdate.pending.a_3.raw", "src/a_4.raw"]))
            listed = [subprocess.run([*tool, f"--root={bench.root}", "list"], capture_output=True, text=True, check=True).stdout for tool in (THEIRS, OURS)]
            self.assertEqual([" ".join(line.split()) for line in listed[0].splitlines()[1:]], ["↻ 4 ✓ candidate", "● 1 ✓ current"])
            self.assertEqual([" ".join(line.split()) for line in listed[1].splitlines()[1:]], ["↻ 4 ✓ candidate", "⤵️ 3 ✓ current+pending", "⤵️ 2 ✓ installed+partial", "1 ✓ installed"])
            for tool in (THEIRS, OURS):
                subprocess.run([*tool, f"--root={bench.root}", "--sync=no", "--verify=no", "update"], capture_output=True, check=True)
                (bench.root / "src/a_5.raw").write_text("5")
            self.assertEqual(sorted(os.listdir(bench.root / "t")), ["a_1.raw", "a_4.raw", "a_5.raw"])

    def test_an_image(self):
        with tempfile.TemporaryDirectory(prefix="sysupdate-") as folder:
            bench = Bench(folder)
            case = Case("", ["list"], [], {"a.transfer": transfer("", SOURCE, "[Target]\nType=partition\nPath=auto\nMatchPattern=a_@v\nMatchPartitionType=linux-generic\n")})
            bench.build(case)
            (bench.root / "src/a_3.raw").write_text("3")
            image = bench.folder / "image.img"
            with image.open("wb") as file:
                file.truncate(64 << 20)
            table = ("label: gpt\nstart=2048, size=65536, type=4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709\n"
                     + "".join(f'size=4096, type=0FC63DAF-8483-4772-8E79-3D69D8477DE4, name="{label}"\n' for label in ("a_1", "a_2", "_empty")))
            subprocess.run(["sfdisk", "-q", image], input=table, text=True, check=True, capture_output=True)
            subprocess.run(["mkfs.ext4", "-q", "-d", bench.root, "-E", "offset=1048576", image, "32m"], check=True, capture_output=True)
            said = []
            for tool in (THEIRS, OURS):
                runs = [subprocess.run([*tool, f"--image={image}", *words], capture_output=True, text=True, check=False, timeout=60) for words in (["list"], ["check-new"], ["list", "--json=short"])]
                said.append([(run.returncode, run.stdout) for run in runs])
                self.assertEqual(runs[0].returncode, 0, runs[0].stderr)
            self.assertEqual(said[0], said[1])
            labels = []
            for tool in (THEIRS, OURS):
                copy = bench.folder / "copy.img"
                shutil.copy(image, copy)
                subprocess.run([*tool, f"--image={copy}", "vacuum", "-m", "1", "--sync=no"], capture_output=True, text=True, check=True, timeout=60)
                labels.append([part.get("name") for part in json.loads(subprocess.run(["sfdisk", "--json", copy], capture_output=True, check=True).stdout)["partitiontable"]["partitions"]])
            self.assertEqual(labels[0], labels[1])
            self.assertEqual(labels[1][1:], ["_empty", "a_2", "_empty"])


def nobody(folder):
    """Away from root, as which preon-fetch would want a user of its own."""
    if os.geteuid() != 0:
        return []
    for path in (folder, *folder.rglob("*")):
        os.lchown(path, NOBODY, NOBODY)
    return ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--"]


class OverHttp(unittest.TestCase):
    """The same from nginx, packed in each of the ways: what both say, and what both leave."""

    PACKED = {"": lambda content: content, ".gz": gzip.compress, ".xz": lzma.compress, ".bz2": bz2.compress, ".zst": lambda content: subprocess.run(["zstd", "-q", "-c"], input=content, capture_output=True, check=True).stdout}
    RELEASED = {"1": b"the first\n" * 999, "2": b"the second\n" * 99999}

    def setUp(self):
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory(prefix="sysupdate-http-", dir="/tmp")))
        self.folder.chmod(0o755)
        (self.folder / "nginx").mkdir(mode=0o755)
        self.nginx = self.enterContext(Nginx(self.folder / "nginx"))
        self.programs = {}
        for name in ("preonctl", "preon-fetch"):
            self.programs[name] = self.folder / name
            shutil.copy(shutil.which(name), self.programs[name])

    def publish(self, suffix, wrong=()):
        sums = ""
        for version, content in self.RELEASED.items():
            packed = self.PACKED[suffix](content)
            name = f"a_{version}.raw{suffix}"
            self.nginx.put(name, packed)
            sums += f"{hashlib.sha256(packed + (b'x' if version in wrong else b'')).hexdigest()} *{name}\n"
        self.nginx.put("SHA256SUMS", sums.encode())

    def run_both(self, suffix, *words):
        results = []
        for tool in (THEIRS, [str(self.programs["preonctl"]), "sysupdate", f"--fetcher={self.programs['preon-fetch']}"]):
            tree = self.folder / "tree"
            shutil.rmtree(tree, ignore_errors=True)
            for name in ("sysupdate.d", "t"):
                (tree / name).mkdir(parents=True)
            (tree / "t/a_1.raw").write_bytes(self.RELEASED["1"])
            source = f"[Source]\nType=url-file\nPath={self.nginx.plain}/\nMatchPattern=a_@v.raw{suffix}\n"
            target = f"[Target]\nType=regular-file\nPath={tree}/t\nMatchPattern=a_@v.raw\nCurrentSymlink={tree}/t/current\n"
            (tree / "sysupdate.d/a.transfer").write_text(transfer("Verify=no", source, target))
            done = subprocess.run([*nobody(tree), *tool, f"--definitions={tree}/sysupdate.d", "--no-pager", *words], capture_output=True, text=True, check=False, timeout=60)
            left = {path.name: os.readlink(path) if path.is_symlink() else path.read_bytes() for path in (tree / "t").iterdir() if not path.name.startswith(".")}
            results.append((done.returncode, done.stdout, left, done.stderr))
        return results

    def test_looks_and_updates_alike(self):
        for suffix in self.PACKED.keys() - {".zst"}:
            self.publish(suffix)
            for words in (["list"], ["list", "2", "--json=short"], ["check-new"], ["update"]):
                with self.subTest(suffix=suffix, words=words):
                    theirs, ours = self.run_both(suffix, *words)
                    self.assertEqual(theirs[0], 0, theirs)
                    self.assertEqual(theirs[:3], ours[:3], (theirs[3], ours[3]))
            self.assertEqual(ours[2]["a_2.raw"], self.RELEASED["2"])

    def test_unpacks_what_257_leaves_packed(self):
        self.publish(".zst")
        self.assertEqual(self.run_both(".zst", "update")[1][2]["a_2.raw"], self.RELEASED["2"])

    def test_take_nothing_that_is_not_what_the_list_says(self):
        self.publish(".zst", wrong={"2"})
        theirs, ours = self.run_both(".zst", "update")
        self.assertNotEqual(theirs[0], 0)
        self.assertEqual((theirs[0], theirs[2]), (ours[0], ours[2]), (theirs[3], ours[3]))


if __name__ == "__main__":
    unittest.main()
