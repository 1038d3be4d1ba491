#!/usr/bin/env python3
# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""`preonctl repart` does what `systemd-repart` does: the same plan as JSON, the same exit status, the same table to the letter, and the same bytes in the
partitions where mkfs gives the same twice, on equal files with one seed. What differs on purpose is listed in docs/compatibility.md.

PREON_RANDOM_SETS: how many random sets are compared (default 300), PREON_RANDOM_FIRST: the number of the first.
"""

import hashlib
import os
import random
import shutil
import subprocess
import tempfile
import unittest
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from repart_contents import CONTENTS, CRASHES, HASH_SEED, PLANS, WHEN, make_tree
from repart_sets import ESP, GPT, HOME, LINUX, MIB, SETS, Set, Step, entry

SEED = "--seed=0123456789abcdef0123456789abcdef"
OURS = [os.environ.get("PREONCTL", "preonctl"), "repart"]
THEIRS = ["systemd-repart"]
RANDOM_SETS = int(os.environ.get("PREON_RANDOM_SETS", "300"))
RANDOM_FIRST = int(os.environ.get("PREON_RANDOM_FIRST", "0"))
ABORTED = (-6, -11)
# What they say where docs/compatibility.md knows a difference: from there on the two are not compared.
KNOWN = ("reverting to randomized UUID", "Failed to update partition: Numerical result out of range")
ENVIRONMENT = os.environ | {"SOURCE_DATE_EPOCH": str(WHEN), "SYSTEMD_REPART_MKFS_OPTIONS_EXT4": HASH_SEED}


class Bench:
    """One disk in one folder, which both tools get in turn: paths are part of what is compared."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.disk = self.folder / "disk.img"

    def add_tree(self, keys):
        """What sets with contents refer to: a tree, a key, an image to copy from."""
        make_tree(self.folder / "tree")
        (self.folder / "tree/blocks.img").write_bytes(bytes(range(256)) * 4096)
        os.utime(self.folder / "tree/blocks.img", (WHEN, WHEN))
        os.utime(self.folder / "tree", (WHEN, WHEN))
        (self.folder / "none").mkdir()
        for name in ("key.pem", "cert.pem"):
            shutil.copy(keys / name, self.folder)
        (self.folder / "key").write_bytes(b"k" * 32)
        (self.folder / "key").chmod(0o600)
        other = self.folder / "other.img"
        with other.open("wb") as file:
            file.truncate(40 * MIB)
        table = GPT + entry(2, 2048, 20480, ESP, "EFI", attributes="GUID:60") + entry(5, 40960, 16384, LINUX)
        subprocess.run(["sfdisk", "-q", other], input=table, text=True, check=True, capture_output=True)
        with other.open("r+b") as file:
            file.seek(2 * MIB)
            file.write(b"content" * 1000)

    def made(self):
        """Files that were made beside the disk, and in the tree."""
        found = {}
        for path in sorted(self.folder.iterdir()):
            if path.is_file() and path.name.startswith("disk.") and path != self.disk:
                found[path.name] = digest(path.read_bytes())
        for name in ("fstab", "crypttab"):
            path = self.folder / "tree/etc" / name
            if path.exists():
                found[name] = path.read_text() + oct(path.stat().st_mode)
        return found

    def clean(self):
        for path in self.folder.glob("disk.*"):
            path.unlink()
        for name in ("fstab", "crypttab"):
            path = self.folder / "tree/etc" / name
            if path.exists():
                path.unlink()
                os.utime(path.parent, (WHEN, WHEN))

    def start(self, case):
        self.clean()
        if case.size:
            with self.disk.open("wb") as file:
                file.truncate(case.size)
        if case.table:
            subprocess.run(["sfdisk", "-q", f"--sector-size={case.sector}", self.disk], input=case.table, text=True, check=True, capture_output=True)
        for name, content in case.files.items():
            (self.folder / name).write_bytes(content)
            (self.folder / name).chmod(0o600)

    def define(self, definitions):
        folder = self.folder / "repart.d"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for name, text in definitions.items():
            path = folder / name
            path.parent.mkdir(exist_ok=True)
            if text is None:
                path.symlink_to("/dev/null")
            else:
                path.write_text("[Partition]\n" + text.replace("@", str(self.folder)))

    def run(self, tool, step):
        """The plan of a dry run, and what a real run made."""
        self.define(step.definitions)
        options = [option.replace("@", str(self.folder)) for option in step.options]
        own = [] if any(o.startswith(("--make-ddi", "--definitions=")) for o in options) else ["--definitions=repart.d"]
        common = [*tool, SEED, *own, "--no-pager", "--json=pretty", *options]
        runs = []
        for dry in ("yes", "no"):
            if dry == "yes" and ("--empty=create" in options or any(o.startswith("--make-ddi") for o in options)):
                continue
            if dry == "yes" and "--factory-reset=yes" in options:
                continue
            done = subprocess.run([*common, f"--dry-run={dry}", "disk.img"], cwd=self.folder, capture_output=True, text=True, check=False, timeout=120, env=ENVIRONMENT)
            runs.append((done.returncode, done.stdout, done.stderr))
        return runs, self.table(options)

    def table(self, options):
        if not self.disk.exists():
            return None
        sector = next((o.split("=")[1] for o in options if o.startswith("--sector-size=") and o.split("=")[1] in ("512", "2048", "4096")), "512")
        return subprocess.run(["sfdisk", f"--sector-size={sector}", "--json", self.disk], capture_output=True, text=True, check=False).stdout

    def all_steps(self, tool, case):
        self.start(case)
        return [self.run(tool, step) for step in case.steps]

    def partitions(self, sector):
        """Digests of what the partitions hold."""
        table = subprocess.run(["sfdisk", f"--sector-size={sector}", "--dump", self.disk], capture_output=True, text=True, check=False).stdout
        found = []
        for line in table.splitlines():
            if "start=" not in line:
                continue
            start, size = (int(line.split(key)[1].split(",")[0]) * sector for key in ("start=", "size="))
            with self.disk.open("rb") as file:
                file.seek(start)
                found.append(digest(file.read(size)))
        return found

    def contents(self):
        """What blkid says of each partition; sizes and versions of the formats are those tools' own matter."""
        found = []
        table = subprocess.run(["sfdisk", "--dump", self.disk], capture_output=True, text=True, check=False).stdout
        for line in table.splitlines():
            if "start=" not in line:
                continue
            start, size = (int(line.split(key)[1].split(",")[0]) * 512 for key in ("start=", "size="))
            words = ["blkid", "-p", "-o", "export", "-O", str(start), "-S", str(size), self.disk]
            told = subprocess.run(words, capture_output=True, text=True, check=False).stdout.splitlines()
            found.append(sorted(word for word in told if word.split("=")[0] in ("TYPE", "UUID", "LABEL")))
        return found


def digest(content):
    return hashlib.sha256(content).hexdigest()


class Repart(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        holder = tempfile.TemporaryDirectory(prefix="repart-")
        self.addCleanup(holder.cleanup)
        self.bench = Bench(holder.name)

    def agree(self, case, bench=None):
        bench = bench or self.bench
        theirs = bench.all_steps(THEIRS, case)
        sector = next((int(o.split("=")[1]) for s in case.steps for o in s.options if o in ("--sector-size=4096", "--sector-size=2048")), 512)
        compare = bench.contents if case.files or "file systems" in case.name else (lambda: bench.partitions(sector)) if case.exact else None
        their_contents = compare() if compare and bench.disk.exists() else None
        their_files = bench.made()
        ours = bench.all_steps(OURS, case)
        for number, (their, our) in enumerate(zip(theirs, ours)):
            if any(run[0] in ABORTED for run in their[0]):
                return False
            if any(known in run[2] for run in their[0] for known in KNOWN):
                return True
            said = "\n".join(run[2] for run in (*their[0], *our[0]))
            where = f"{case.name}, step {number}: {case.steps[number]}\n{said}"
            self.assertEqual([run[:1] for run in their[0]], [run[:1] for run in our[0]], where)
            self.assertEqual([run[1] for run in their[0]], [run[1] for run in our[0]], where)
            # A failure of theirs leaves the file grown and the partitions removed: from there on the two are no longer equal.
            if our[0][-1][0] != 0 and any(o.startswith(("--size=", "--factory-reset=")) and o != "--size=auto" for o in case.steps[number].options):
                return True
            self.assertEqual(their[1], our[1], where)
        if their_contents is not None:
            self.assertEqual(their_contents, compare(), case.name)
        self.assertEqual(their_files, bench.made(), case.name)
        return True

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

    def test_a_hybrid_table_keeps_its_partitions(self):
        self.spoil((446 + 16, bytes([0x80, 0, 0, 0, 0x83, 0, 0, 0]) + (2048).to_bytes(4, "little") + (20480).to_bytes(4, "little")))
        runs, table = self.bench.run(OURS, self.case.steps[0])
        if runs[-1][0] == 0:
            self.assertEqual(table.count('"node"'), 3)

    def test_absurd_sizes(self):
        for text in ("SizeMinBytes=16777215T", "SizeMinBytes=8E", "PaddingMinBytes=15E", "SizeMinBytes=99999999999999999999"):
            with self.subTest(text):
                self.refuses(step=Step({"a.conf": f"Type=home\n{text}\n"}, ["--empty=allow"]))

    def test_two_tebibytes_and_more(self):
        for size in (2 << 40, (2 << 40) + 512, 3 << 40):
            with self.subTest(size):
                self.assertTrue(Repart.agree(Repart("test_sets"), Set("", self.case.steps, size), self.bench))

    def test_a_file_that_may_only_be_read(self):
        subprocess.run(["mount", "--bind", self.bench.disk, self.bench.disk], check=True)
        self.addCleanup(subprocess.run, ["umount", self.bench.disk], check=True)
        subprocess.run(["mount", "-o", "remount,bind,ro", self.bench.disk], check=True)
        before = digest(self.bench.disk.read_bytes())
        runs, _ = self.bench.run(OURS, self.case.steps[0])
        self.assertEqual([run[0] for run in runs], [0, 1], runs)
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


def make_keys(folder):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", folder / "key.pem", "-out", folder / "cert.pem", "-subj", "/CN=test", "-days", "9"],
                   check=True, capture_output=True)


def random_set(number):
    """Definitions, a disk and an (aligned) table made up from a number; the same for all time."""
    dice = random.Random(number)
    size = dice.randrange(30, 300) * MIB
    sector = dice.choice([512, 512, 4096])
    options = ["--sector-size=4096"] if sector == 4096 else dice.choice([[], [], ["--sector-size=512"]])
    table = ""
    if dice.random() < 0.6:
        grain = 4096 // sector  # sectors
        table, at = GPT, MIB // sector + dice.choice([0, grain, 2 * MIB // sector])
        numbers = dice.sample(range(1, 12), 5)
        for index in numbers[: dice.randrange(0, 5)]:
            length = grain * dice.randrange(1, 5000)
            if at + length > size // sector - 2 * MIB // sector:
                break
            table += entry(index, at, length, dice.choice([ESP, HOME, LINUX]), dice.choice(["", "home", "old", "root-x86-64"]), attributes=dice.choice(["", "", "GUID:59", "RequiredPartition"]))
            at += length + grain * dice.choice([0, 0, 1, 256, dice.randrange(0, 5000)])
    first = random_definitions(dice)
    mode = dice.choice(["allow"] * 5 + ["force", "require", "refuse"])
    steps = [Step(first, ["--empty=" + mode, *options, *dice.choice([[]] * 8 + [["--defer-partitions=home,swap"], ["--exclude-partitions=root,usr"], ["--size=320M"] if sector == 512 else []])])]
    if dice.random() < 0.4:
        more = dice.choice([[], [], ["--factory-reset=yes"]])
        steps.append(Step(first if dice.random() < 0.5 else random_definitions(dice), ["--empty=allow", *options, *more]))
    return Set(f"random {number}", steps, size, table, sector=sector)


def random_definitions(dice):
    kinds = ["esp", "usr", "home", "root", "xbootldr", "usr-verity", "usr-verity-sig", "srv", "var", "tmp", "linux-generic", "user-home", "12345678-1234-4234-8234-123456789abc"]
    def size(low, high):
        return dice.choice([dice.randrange(low, high), dice.randrange(low // MIB, high // MIB) * MIB])

    definitions = {}
    for index in range(dice.randrange(0, 6)):
        text = f"Type={dice.choice(kinds[: dice.choice([3, 7, 13])])}\n"
        for chance, key, value in [
            (0.5, "SizeMinBytes", lambda: size(0, 40 * MIB)),
            (0.3, "SizeMaxBytes", lambda: size(40 * MIB, 80 * MIB)),
            (0.25, "PaddingMinBytes", lambda: size(0, 10 * MIB)),
            (0.2, "PaddingMaxBytes", lambda: size(10 * MIB, 20 * MIB)),
            (0.4, "Weight", lambda: dice.choice([0, 1, 10, 333, 999999, 1000000])),
            (0.2, "PaddingWeight", lambda: dice.choice([0, 1, 500, 1000000])),
            (0.2, "Priority", lambda: dice.choice([-1, 0, 1, 2, 10])),
            (0.2, "Label", lambda: dice.choice(["", "x", "äöü", "home", "%o", "root-x86-64", "linux"])),
            (0.1, "Flags", lambda: dice.choice(["0", "0x8000000000000000", "1", "0x0800000000000000"])),
            (0.15, "ReadOnly", lambda: dice.choice(["yes", "no", ""])),
            (0.15, "NoAuto", lambda: dice.choice(["yes", "no"])),
            (0.15, "GrowFileSystem", lambda: dice.choice(["yes", "no"])),
            (0.2, "FactoryReset", lambda: dice.choice(["yes", "no"])),
            (0.1, "SupplementFor", lambda: dice.choice(list(definitions) or ["x.conf"]).split(".conf")[0]),
        ]:
            if dice.random() < chance:
                text += f"{key}={value()}\n"
        name = f"{dice.randrange(10, 99)}-{index}.conf"
        definitions[name] = text
        if dice.random() < 0.1:
            definitions[name + ".d/x.conf"] = "Label=dropped in\n"
    if dice.random() < 0.1:
        priority = dice.choice(["", "Priority=3\n"])
        definitions["40-data.conf"] = f"Type=usr\nVerity=data\nVerityMatchKey=u\nSizeMaxBytes={size(40 * MIB, 80 * MIB)}\n" + priority
        definitions["95-hash.conf"] = "Type=usr-verity\nVerity=hash\nVerityMatchKey=u\n" + priority
    return definitions


if __name__ == "__main__":
    unittest.main()
