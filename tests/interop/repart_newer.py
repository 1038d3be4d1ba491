# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Compares with a newer systemd-repart: what docs/compatibility.md says that it does otherwise is taken out of both sides here, and nothing else is."""

import json
import re

from newer import newer
from repart_bench import Bench, Comparison

GRAIN = 4096


def whole(found):
    """A size in bytes as the next whole number of grains."""
    return f"{found[1]}{-(-int(found[2]) // GRAIN) * GRAIN}\n"


def adapted(text):
    """A definition that both understand alike: sizes are whole grains, signatures are 16 KiB and have no flag, ESPs as large as 258 makes them, volumes have the same label (and no key
    derivation that takes long), and
    nothing is added for systemd-validatefs."""
    text = re.sub(r"((?:Size|Padding)(?:Min|Max)Bytes=)(\d+)\n", whole, text)
    if re.search("^Type=.*-verity-sig$", text, re.MULTILINE):
        text = re.sub("(Size(Min|Max)Bytes|ReadOnly)=.*\n", "", text) + "SizeMinBytes=16K\nSizeMaxBytes=16K\nReadOnly=no\n"
    if "Type=esp\nFormat=vfat\n" in text:
        text = re.sub("SizeMinBytes=40M\n", "SizeMinBytes=260M\n", text)
    if "Encrypt=" in text:
        text += "EncryptKDF=minimal\n" + ("" if "VolumeLabel=" in text else "VolumeLabel=volume\n")
    return text + "AddValidateFS=no\n"


class NewerBench(Bench):
    def made(self):
        """The lines that a generated fstab has, with the masks as 257 writes them."""
        found = super().made()
        if "fstab" in found:
            lines = found["fstab"].replace("fmask=0177,dmask=0077", "umask=0077").splitlines()
            found["fstab"] = [line for line in lines if line.startswith("UUID=")]
        return found

    def define(self, definitions):
        super().define({name: text and adapted(text) for name, text in definitions.items()})


def rows(text):
    try:
        return json.loads(text)
    except ValueError:
        return []


def plan(text):
    """Without the numbers of partitions and their padding, in the order of the disk; an empty list of drop-ins is none. Where there are partitions already
    only the sequence of the new ones is compared: what nobody wants lies behind them since 258."""
    found = sorted(rows(text), key=lambda row: row["offset"])
    kept = any(row["old_size"] for row in found)
    for row in found:
        dropped = ["partno", "node", "raw_padding"] + (["offset"] if kept and not row["old_size"] else [])
        for key in dropped:
            del row[key]
        if "drop-in_files" in row:
            row["drop-in_files"] = row["drop-in_files"] or None
    return found or text


class NewerComparison(Comparison):
    theirs = newer("systemd-repart")

    def said(self, step, tool):
        return [(status, plan(text)) for status, text, _ in step[0]]

    def table(self, step, tool):
        """Without the numbers of partitions; the usable space in grains; places as in the plan."""
        if not step[1] or '"gpt"' not in step[1]:
            return step[1]
        table = json.loads(step[1])["partitiontable"]
        entries = sorted(table.get("partitions", []), key=lambda entry: entry["start"])
        planned = rows(step[0][-1][1])
        new = {row["uuid"] for row in planned if not row["old_size"]} if any(row["old_size"] for row in planned) else set()
        for entry in entries:
            del entry["node"]
            if entry["uuid"].lower() in new:
                del entry["start"]
        table["lastlba"] = (table["lastlba"] + 1) * table["sectorsize"] // GRAIN
        return {**table, "partitions": entries}

    def goes_on(self, their, our):
        return their[1] == our[1]
