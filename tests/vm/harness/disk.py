# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""Disks as files: overlays over images, and a way to look into and change a partition while no machine runs."""

import json
import struct
import subprocess
import uuid
from dataclasses import dataclass
from pathlib import Path

from .errors import Trouble

_SECTOR = 512
TYPES = {
    "c12a7328-f81f-11d2-ba4b-00a0c93ec93b": "esp",
    "8484680c-9521-48c6-9c11-b0720656f69e": "usr",
    "77ff5f63-e7b6-4633-acf4-1565b864c0e6": "usr-verity",
    "e7bb33fb-06cf-4e81-8273-e543b413e2e2": "usr-verity-sig",
    "4f68bce3-e8cd-4db1-96e7-fbcaf984b709": "root",
    "0657fd6d-a4ab-43c4-84e5-0933c84b4f4f": "swap",
    "933ac7e1-2eb4-4f13-b844-0e14e2aef915": "home",
}


@dataclass(frozen=True)
class Partition:
    number: int
    type: str
    uuid: str
    label: str
    offset: int
    size: int


def _qemu_img(*arguments):
    done = subprocess.run(["qemu-img", *map(str, arguments)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise Trouble(f"qemu-img {arguments[0]}: {done.stderr.strip()}")
    return done.stdout


class Disk:
    """A disk file. `serial` is what the guest sees as the disk's serial number."""

    def __init__(self, path, file_format="qcow2", serial=None):
        self.path = Path(path)
        self.format = file_format
        self.serial = serial or self.path.stem.upper().replace("-", "")[:20]

    @classmethod
    def empty(cls, path, size):
        """A new disk with nothing on it; SIZE as qemu-img takes it, such as 14G."""
        Path(path).unlink(missing_ok=True)
        _qemu_img("create", "-q", "-f", "qcow2", path, size)
        return cls(path)

    @classmethod
    def raw(cls, path):
        return cls(path, "raw")

    def overlay(self, path, size=None):
        """A disk that starts as a copy of this one; this one is only read from then on."""
        Path(path).unlink(missing_ok=True)
        _qemu_img("create", "-q", "-f", "qcow2", "-F", self.format, "-b", self.path.resolve(), path, *([size] if size else []))
        return Disk(path)

    def grow(self, size):
        """Makes it larger, as a disk copied to a larger one is."""
        _qemu_img("resize", "-q", self.path, size)

    def drive(self, name):
        return f"id={name},if=none,format={self.format},file={self.path.resolve()},cache=unsafe,discard=unmap"

    def size(self):
        return json.loads(_qemu_img("info", "--output=json", self.path))["virtual-size"]

    def is_untouched(self, partition=None):
        """No write reached this overlay (or that partition of it), not even one of equal bytes.

        qcow2 keeps track of whole clusters: the ones that a partition shares with its neighbours do not tell whose write it was.
        """
        cluster = 65536
        start, end = (partition.offset, partition.offset + partition.size) if partition else (0, self.size())
        if partition:
            start, end = -(-start // cluster) * cluster, end // cluster * cluster
        extents = json.loads(_qemu_img("map", "--output=json", self.path))
        own = [e for e in extents if e["depth"] == 0 and e.get("present", e["data"])]
        return not any(e["start"] < end and start < e["start"] + e["length"] for e in own)

    def _slice(self, offset, size):
        return f"driver=raw,offset={offset},size={size},file.driver={self.format},file.file.driver=file,file.file.filename={self.path.resolve()}"

    def read(self, offset, size, path):
        """Copies SIZE bytes from OFFSET into the file PATH (sparse)."""
        Path(path).unlink(missing_ok=True)
        _qemu_img("convert", "--image-opts", "-O", "raw", self._slice(offset, size), path)

    def write(self, offset, path):
        """Copies the file PATH (whole sectors) to OFFSET."""
        size = Path(path).stat().st_size
        _qemu_img("convert", "-n", "-f", "raw", "--target-image-opts", path, self._slice(offset, size))

    def _bytes(self, offset, size):
        scratch = self.path.with_suffix(".bytes")
        try:
            self.read(offset, size, scratch)
            return scratch.read_bytes()
        finally:
            scratch.unlink(missing_ok=True)

    def flip_bit(self, offset):
        """Flips the lowest bit of the byte at OFFSET."""
        start = offset - offset % _SECTOR
        sector = bytearray(self._bytes(start, _SECTOR))
        sector[offset - start] ^= 1
        scratch = self.path.with_suffix(".bytes")
        try:
            scratch.write_bytes(sector)
            self.write(start, scratch)
        finally:
            scratch.unlink(missing_ok=True)

    def partitions(self):
        """The GPT (UEFI specification 2.10, section 5.3)."""
        start = self._bytes(0, 1 << 20)
        header = start[_SECTOR : 2 * _SECTOR]
        if header[:8] != b"EFI PART":
            return []
        table, count, entry_size = struct.unpack_from("<QII", header, 72)
        found = []
        for number in range(count):
            entry = start[table * _SECTOR + number * entry_size :][:entry_size]
            kind, own = (str(uuid.UUID(bytes_le=bytes(entry[at : at + 16]))) for at in (0, 16))
            first, last = struct.unpack_from("<QQ", entry, 32)
            label = entry[56:128].decode("utf-16-le").rstrip("\0")
            if uuid.UUID(kind).int:
                found.append(Partition(number + 1, TYPES.get(kind, kind), own, label, first * _SECTOR, (last - first + 1) * _SECTOR))
        return found

    def disk_uuid(self):
        return str(uuid.UUID(bytes_le=self._bytes(_SECTOR, _SECTOR)[56:72]))

    def partition(self, kind):
        """The first partition of this type that is in use."""
        for partition in self.partitions():
            if partition.type == kind and partition.label != "_empty":
                return partition
        raise Trouble(f"{self.path.name} has no {kind} partition; it has {[p.type for p in self.partitions()]}")


class FaultyDisk(Disk):
    """A disk with a sector that gives an I/O error each time it is read or written. HOW: "read" or "write"."""

    def __init__(self, disk, how, offset):
        super().__init__(disk.path, disk.format, disk.serial)
        self.how, self.sector = how, offset // _SECTOR

    def drive(self, name):
        return (
            f"id={name},if=none,driver=blkdebug,image.driver={self.format},image.file.driver=file,image.file.filename={self.path.resolve()},"
            f"inject-error.0.event=none,inject-error.0.iotype={self.how},inject-error.0.sector={self.sector},inject-error.0.errno=5,cache=unsafe,discard=unmap"
        )


class ReadOnlyDisk(Disk):
    """A disk with its write protection on."""

    def __init__(self, disk):
        super().__init__(disk.path, disk.format, disk.serial)

    def drive(self, name):
        return super().drive(name) + ",readonly=on"
