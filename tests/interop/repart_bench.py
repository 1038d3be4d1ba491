# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs one set of definitions with two tools, on equal disks in one place, and compares what they said and what they made."""

import hashlib
import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from repart_contents import HASH_SEED, WHEN, make_tree
from repart_sets import ESP, GPT, LINUX, MIB, entry

SEED = "--seed=0123456789abcdef0123456789abcdef"
OURS = [os.environ.get("PREONCTL", "preonctl"), "repart"]
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


class Comparison(unittest.TestCase):
    """A test that has a bench; `theirs` is the peer's command."""

    maxDiff = None
    theirs = ["systemd-repart"]

    def setUp(self):
        holder = tempfile.TemporaryDirectory(prefix="repart-")
        self.addCleanup(holder.cleanup)
        self.bench = Bench(holder.name)

    def said(self, step, tool):
        """What a step said, in the form that is compared: exit statuses and plans."""
        return [run[:2] for run in step[0]]

    def table(self, step, tool):
        return step[1]

    def goes_on(self, their, our):
        """Whether the next step finds the same with both."""
        return True

    def agree(self, case, bench=None):
        bench = bench or self.bench
        theirs = bench.all_steps(self.theirs, case)
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
            told = "\n".join(run[2] for run in (*their[0], *our[0]))
            where = f"{case.name}, step {number}: {case.steps[number]}\n{told}"
            self.assertEqual(self.said(their, self.theirs), self.said(our, OURS), where)
            # A failure of theirs leaves the file grown and the partitions removed: from there on the two are no longer equal.
            if our[0][-1][0] != 0 and any(o.startswith(("--size=", "--factory-reset=")) and o != "--size=auto" for o in case.steps[number].options):
                return True
            self.assertEqual(self.table(their, self.theirs), self.table(our, OURS), where)
            if number + 1 < len(ours) and not self.goes_on(their, our):
                return True
        if their_contents is not None:
            self.assertEqual(their_contents, compare(), case.name)
        self.assertEqual(their_files, bench.made(), case.name)
        return True


def make_keys(folder):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", folder / "key.pem", "-out", folder / "cert.pem", "-subj", "/CN=test", "-days", "9"],
                   check=True, capture_output=True)
