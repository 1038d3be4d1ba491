# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""What each cut of the power in a recorded run leaves, looked at by an oracle."""

import collections
import subprocess

from .writelog import Replay, WriteLog, chance, touches

SUBSETS, TABLE_SUBSETS = 8, 40  # for each flush


def tool(*command, **options):
    return subprocess.run(list(map(str, command)), check=True, capture_output=True, **options).stdout


class Cuts:
    """Goes through a log and looks at what each cut leaves."""

    def __init__(self, story, name, base, log, allowed, oracle, tables, *, areas=None, contents=(), label=None):
        """ORACLE: makes one for the disk file; ALLOWED: what it may say that a disk starts. TABLES: where partition tables lie (first byte, size). AREAS: where writes change
        what the oracle sees, everywhere unless given; CONTENTS: where they change what it only looks at when something points there. LABEL: names the state of the disk
        file, for samples.
        """
        self.story, self.name, self.allowed, self.areas, self.tables, self.contents = story, name, allowed, areas, tables, contents
        self.label = label or (lambda finding: "half" if finding.starts == "old" and finding.system else finding.starts)
        self.log = WriteLog(log)
        self.path = story.folder / f"{name}.state"
        tool("cp", "--sparse=always", base, self.path)
        self.replay = Replay(self.log, self.path)
        self.oracle = oracle(self.path)
        self.version = 0
        self.counts = collections.Counter()
        self.flushed = collections.Counter()  # the kinds of states that a flush has confirmed
        self.samples = {}
        self.wrong = []

    def go(self, keep=()):
        """KEEP: the kinds of states of which one is kept as a file, to be started or finished."""
        for number, epoch in enumerate(self.log.epochs):
            if self.areas is not None and not any(touches(write, *area) for write in epoch for area in self.areas):
                self._count(self.replay.forward())
                continue
            table = any(touches(write, *area) for write in epoch for area in self.tables)
            for turn in range(TABLE_SUBSETS if table else SUBSETS if len(epoch) > 1 else 0):
                self.replay.subset(chance(f"{self.name} {number} {turn}"), lambda kept: self._look(number, kept, keep, turn))
            self._count(self.replay.forward())
            self._look(number + 1, [], keep)
        self.replay.close()
        return self

    def _count(self, writes):
        self.version += bool(writes) if self.areas is None else any(touches(write, *area) for write in writes for area in self.contents)

    def _look(self, number, kept, keep, turn=0):
        # Data that no flush has confirmed makes a version of its own.
        unsure = any(w.size >= 1 << 16 for w in kept) if self.areas is None else any(touches(w, *area) for w in kept for area in self.contents)
        finding = self.oracle.look((self.version, number if kept else 0, len(kept), turn) if unsure else self.version)
        starts = finding.starts
        self.counts[starts] += 1
        label = f"after flush {number}" + (f" and {len(kept)} further writes" if kept else "")
        if starts not in self.allowed or finding.others:
            self.wrong.append(f"{label}: {finding}")
        state = self.label(finding)
        self.flushed[state] += not kept
        if state in keep and state not in self.samples:
            self.samples[state] = self.story.folder / f"{self.name}-{state}.raw"
            tool("cp", "--sparse=always", self.path, self.samples[state])

    def tell(self, end):
        text = ", ".join(f"{count} × {name}" for name, count in sorted(self.counts.items()))
        self.story.says(f"{self.name}: {len(self.log.epochs)} flushes, {len(self.log.writes())} writes, {sum(self.counts.values())} cuts: {text}",
                        not self.wrong, "\n".join(self.wrong[:10]))  # fmt: skip
        self.story.says(f"{self.name}: the new system comes up in the end", self.counts[end] > 0, self.counts)
