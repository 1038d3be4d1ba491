# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""What a power cut can leave: QEMU's record of every write to a disk, replayed onto a copy of what the disk was before.

Between two flushes a disk may keep its writes in any order, or lose them. So the states after a cut are: everything up to a flush, and any subset of
what was written since. The log's format is that of the kernel's dm-log-writes (Documentation/admin-guide/device-mapper/log-writes.rst).
"""

import random
import struct
from dataclasses import dataclass, replace
from pathlib import Path

from .disk import Disk
from .errors import Trouble

_MAGIC = 0x6A736677736872
_FLUSH, _FUA, _DISCARD = 1, 2, 4


@dataclass(frozen=True)
class Write:
    offset: int  # bytes, on the disk
    size: int
    at: int  # in the log file; None for what reads as zeroes
    discard: bool = False


class LoggedDisk(Disk):
    """A raw disk whose writes are recorded. Caches are honest: a flush of the guest is one of the file."""

    def __init__(self, disk, log):
        super().__init__(disk.path, "raw", disk.serial)
        self.log = Path(log)
        self.log.write_bytes(b"")

    def drive(self, name):
        return (
            f"id={name},if=none,driver=blklogwrites,file.driver=raw,file.file.driver=file,file.file.filename={self.path.resolve()},"
            f"log.driver=file,log.filename={self.log.resolve()},log-sector-size=512,cache=writeback,discard=unmap"
        )


class WriteLog:
    """`epochs[n]` is what was written between flush n-1 and flush n; the last may be empty."""

    def __init__(self, path):
        self._file = open(path, "rb")
        head = self._file.read(28)
        magic, version, count, sector = struct.unpack("<QQQI", head)
        if magic != _MAGIC or version != 1:
            raise Trouble(f"{path} is no log of writes")
        self.epochs = [[]]
        at = sector
        for _ in range(count):
            self._file.seek(at)
            first, sectors, flags, _ = struct.unpack("<QQQQ", self._file.read(32))
            at += sector
            if flags & _FLUSH and self.epochs[-1]:
                self.epochs.append([])
            if sectors:
                discard = bool(flags & _DISCARD)
                self.epochs[-1].append(Write(first * sector, sectors * sector, at, discard))
                at += 0 if discard else sectors * sector
            if flags & _FUA:
                self.epochs.append([])

    def data(self, write):
        self._file.seek(write.at)
        return self._file.read(write.size)

    def writes(self):
        return [write for epoch in self.epochs for write in epoch]


class Replay:
    """A disk file that goes forward flush by flush; `subset` shows what a cut on the way may leave, and takes it back."""

    def __init__(self, log, path):
        self.log, self.path = log, Path(path)
        self._file = open(path, "r+b", buffering=0)
        self.done = 0

    def _apply(self, write):
        self._file.seek(write.offset)
        if not write.discard:  # what was discarded may also still be there: the worse of the two for whoever relies on it
            self._file.write(self.log.data(write))

    def forward(self):
        """Everything up to the next flush is on the disk. Returns the writes."""
        epoch = self.log.epochs[self.done]
        for write in epoch:
            self._apply(write)
        self.done += 1
        return epoch

    def subset(self, chance, work):
        """Calls WORK with the writes that a cut in the epoch that comes next left by CHANCE. Some of them are torn: a disk promises whole sectors only."""
        kept = [write for write in self.log.epochs[self.done] if chance.random() < 0.5]
        kept = [torn(write, chance) if chance.random() < 0.25 else write for write in kept]
        saved = []
        for write in (write for write in kept if not write.discard):
            self._file.seek(write.offset)
            saved.append((write.offset, self._file.read(write.size)))
            self._apply(write)
        try:
            return work(kept)
        finally:
            for offset, data in reversed(saved):
                self._file.seek(offset)
                self._file.write(data)

    def close(self):
        self._file.close()


def chance(seed):
    """The same choices in every run; SEED is a name."""
    return random.Random(seed)


def torn(write, chance):
    sectors = write.size // 512
    return write if write.discard or sectors < 2 else replace(write, size=chance.randrange(1, sectors) * 512)


def touches(write, start, size):
    return write.offset < start + size and start < write.offset + write.size
