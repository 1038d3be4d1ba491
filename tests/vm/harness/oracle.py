# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""Says what a disk would start, without starting it, by other people's tools: sfdisk, mtools, veritysetup."""

import json
import re
import struct
import subprocess
import zlib
from dataclasses import dataclass, field
from pathlib import Path

from .disk import TYPES

KERNEL = "/EFI/Linux/Particle_1.efi"


@dataclass
class Finding:
    table: list = field(default_factory=list)  # of sfdisk's partitions; empty: no table that a firmware takes
    kernel: str = ""  # "", "whole" or "broken"
    loader: str = ""
    system: str = ""  # "", "whole" or "broken": /usr against the root hash
    others: str = ""  # what is wrong with what belongs to others

    @property
    def starts(self):
        """What a firmware would find: the new system, only what was there before, or nothing."""
        if self.kernel == "whole" and self.loader == "whole" and self.system == "whole":
            return "new"
        if "broken" in (self.kernel, self.loader) or (self.kernel and self.system != "whole"):
            return "broken"
        return "old" if self.table else "nothing"


    def __str__(self):
        return f"{self.starts}; kernel {self.kernel or 'not there'}, /usr {self.system or 'not there'}; {self.others}"


@dataclass
class Offered:
    """What a loader has to choose from, of several versions."""

    versions: dict = field(default_factory=dict)  # number: "whole", or what is wrong with it; of those whose kernel has its name
    slots: set = field(default_factory=set)  # versions whose /usr the table has
    empty: bool = False  # a kernel has its name and no bytes; a loader passes over it
    torn: bool = False  # the first of the two tables does not fit its own checksums
    begun: bool = False  # the table is not the one that it was at first
    others: str = ""

    @property
    def starts(self):
        """The newest version, where all that could be chosen are whole; "nothing" where there is none."""
        if any(state != "whole" for state in self.versions.values()):
            return "broken"
        return str(max(self.versions)) if self.versions else "nothing"

    def __str__(self):
        return f"{self.starts}; {self.versions}; {self.others}"


def _run(*command):
    return subprocess.run(list(map(str, command)), capture_output=True, check=False)


def table_of(path):
    done = _run("sfdisk", "--json", path)
    if done.returncode:
        return []
    table = json.loads(done.stdout)["partitiontable"]
    # A protective MBR whose GPT is gone is no table that a firmware starts from.
    return table.get("partitions", []) if table["label"] == "gpt" else []


def primary_table_is_whole(path):
    """Whether the first of the two copies of a GPT fits its own checksums (UEFI 2.10, 5.3.2), for sectors of 512 bytes."""
    with open(path, "rb") as disk:
        disk.seek(512)
        header = disk.read(92)
        signature, _, size, checksum = struct.unpack_from("<8sIII", header)
        entries_at, count, entry_size, entries_checksum = struct.unpack_from("<QIII", header, 72)
        if signature != b"EFI PART" or size != 92 or count * entry_size > 1 << 20:
            return False
        disk.seek(entries_at * 512)
        entries = disk.read(count * entry_size)
    return zlib.crc32(header[:16] + bytes(4) + header[20:]) == checksum and zlib.crc32(entries) == entries_checksum


def kind(partition):
    return TYPES.get(partition["type"].lower(), partition["type"].lower())


def bytes_of(partition):
    return partition["start"] * 512, partition["size"] * 512


def file_on(path, partition, name):
    """The bytes of a file on a FAT partition; None when it is not there."""
    done = _run("mtype", "-i", f"{path}@@{partition['start'] * 512}", "::" + name)
    return None if done.returncode else done.stdout


class Oracle:
    """KERNEL and LOADERS: what the new system's files must be. OTHERS: partitions that belong to somebody else, FILES: their files on the first EFI partition."""

    def __init__(self, path, kernel, loader_paths, loader, others=(), files=None):
        self.path, self.scratch = Path(path), Path(path).with_suffix(".scratch")
        self.kernel, self.loader_paths, self.loader = kernel, loader_paths, loader
        self.others, self.files = list(others), files or {}
        self.root_hash = root_hash_of(kernel)
        self._checked = {}

    def look(self, usr_version):
        """USR_VERSION names the state of what /usr's partitions hold, so that equal ones are checked once."""
        finding = Finding(table=table_of(self.path))
        if not finding.table:
            return finding
        boot = [p for p in finding.table if kind(p) in ("esp", "bc13c2ff-59e6-4262-a352-b275fd6f7172")]
        for partition in boot:
            found = file_on(self.path, partition, KERNEL)
            if found is not None:
                finding.kernel = "whole" if found == self.kernel else "broken"
        for name in self.loader_paths:
            found = file_on(self.path, boot[0], name) if boot else None
            if found is not None:
                finding.loader = "whole" if found == self.loader else "broken"
        finding.system = self._system(finding.table, usr_version)
        finding.others = self._others(finding.table, boot)
        return finding

    def _others(self, table, boot):
        for partition in self.others:
            if not any(p["uuid"] == partition["uuid"] and bytes_of(p) == bytes_of(partition) and p.get("name") == partition.get("name") for p in table):
                return f"partition {partition.get('name')} is not in the table as it was"
        for name, content in self.files.items():
            if not boot or file_on(self.path, boot[0], name) != content:
                return f"{name} is not what it was"
        return ""

    def _system(self, table, usr_version):
        pair = pair_of(table, self.root_hash)
        if None in pair:
            return ""
        key = (usr_version, tuple(bytes_of(p) for p in pair))
        if key not in self._checked:
            self._checked[key] = "whole" if self._verified(pair) else "broken"
        return self._checked[key]

    def _verified(self, pair):
        return is_verified(self.path, pair, self.root_hash, self.scratch)


def root_hash_of(kernel):
    return re.search(rb"usrhash=([0-9a-f]{64})", kernel).group(1).decode()


def pair_of(table, root_hash):
    """The partitions of /usr and of its hash tree; None for one that is not there."""
    return [next((p for p in table if p["uuid"].replace("-", "").lower() == uuid), None) for uuid in (root_hash[:32], root_hash[32:])]


def is_verified(path, pair, root_hash, scratch):
    names = []
    for number, partition in enumerate(pair):
        start, size = bytes_of(partition)
        names.append(scratch.with_suffix(f".{number}"))
        with open(path, "rb") as disk, open(names[-1], "wb") as copy:
            disk.seek(start)
            while size > 0:
                data = disk.read(min(size, 1 << 22))
                copy.write(data)
                size -= len(data)
    done = _run("veritysetup", "verify", *names, root_hash)
    for name in names:
        name.unlink()
    return done.returncode == 0


def _without_node(partition):
    return {key: value for key, value in partition.items() if key != "node"}


class UpdateOracle:
    """A disk of ours while its versions change. KERNELS: what each version's must be, by its number; LOADER: the file, and what it must be; STAYS: partitions of
    the first table that have to stay as they are, ALWAYS: versions that have to be whole.
    """

    def __init__(self, path, kernels, loader, stays, always):
        self.path, self.scratch = Path(path), Path(path).with_suffix(".scratch")
        self.kernels, self.loader, self.stays, self.always = kernels, loader, stays, always
        self._first = [_without_node(partition) for partition in table_of(path)]
        self._checked = {}

    def look(self, contents):
        """CONTENTS names the state of what the slots hold, so that equal ones are checked once."""
        table = table_of(self.path)
        if not table:
            return Offered(others="there is no table")
        esp = next(p for p in table if kind(p) == "esp")
        found = Offered(torn=not primary_table_is_whole(self.path))
        found.slots = {number for number, kernel in self.kernels.items() if None not in pair_of(table, root_hash_of(kernel))}
        listed = _run("mdir", "-b", "-i", f"{self.path}@@{esp['start'] * 512}", "::/EFI/Linux").stdout.decode(errors="replace")
        for name in (line.rsplit("/", 1)[-1] for line in listed.splitlines()):
            match = re.fullmatch(r"Particle_(\d+)(\+\d+(-\d+)?)?\.efi", name)
            if match:
                number = int(match.group(1))
                if file_on(self.path, esp, f"/EFI/Linux/{name}") == b"":
                    found.empty = True
                    continue
                if found.versions.get(number, "whole") == "whole":
                    found.versions[number] = self._version(table, esp, name, number, contents)
            elif not name.startswith("."):
                found.others = f"a loader would see {name}"
        for number in self.always:
            if found.versions.get(number) != "whole":
                found.others = f"version {number} is {found.versions.get(number, 'not there')}"
        if file_on(self.path, esp, self.loader[0]) != self.loader[1]:
            found.others = "the loader is not what it was"
        here = [_without_node(partition) for partition in table]
        found.begun = here != self._first
        for partition in self.stays:
            if _without_node(partition) not in here:
                found.others = f"partition {partition.get('name')} is not in the table as it was"
        return found

    def _version(self, table, esp, name, number, contents):
        if file_on(self.path, esp, f"/EFI/Linux/{name}") != self.kernels[number]:
            return f"{name} is not what it should be"
        root_hash = root_hash_of(self.kernels[number])
        pair = pair_of(table, root_hash)
        if None in pair:
            return "its /usr is not in the table"
        key = (contents, number)
        if key not in self._checked:
            self._checked[key] = "whole" if is_verified(self.path, pair, root_hash, self.scratch) else "its /usr is not whole"
        return self._checked[key]
