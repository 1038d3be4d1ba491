# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A whole update beside systemd-sysupdate's: /usr of 2 GB as one file, from nginx on loopback into a slot of a disk image. In turns, each onto a fresh disk."""

import os
import pathlib
import random
import resource
import shutil
import statistics
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "interop"))
from servers import Nginx  # noqa: E402

MIB = 1 << 20
SIZE = 2 << 30
SLOT = 2100
ROUNDS = 3
NOBODY = 65534
USR = "8484680c-9521-48c6-9c11-b0720656f69e"
TRANSFER = """\
[Transfer]
Verify=no
[Source]
Type=url-file
Path={url}
MatchPattern=OS_@v.usr{suffix}
[Target]
Type=partition
Path={path}
MatchPattern=OS_@v
MatchPartitionType=usr
"""


def write_usr(path):
    """Half of it packs, as the files of a /usr do."""
    chance = random.Random(1)
    with open(path, "wb") as file:
        for _ in range(SIZE // (2 * MIB)):
            file.write(chance.randbytes(MIB))
            word = chance.randbytes(4096)
            file.write(word * (MIB // len(word)))


def written():
    """Bytes that ended children sent to the disk."""
    return next(int(line.split()[1]) for line in pathlib.Path("/proc/self/io").read_text().splitlines() if line.startswith("write_bytes"))


def memory_of(group):
    """Resident bytes of all processes of a session that are their own: what is shared with others (files in the cache) is counted in parts."""
    total = 0
    for process in pathlib.Path("/proc").iterdir():
        try:
            if process.name.isdigit() and os.getsid(int(process.name)) == group:
                rollup = (process / "smaps_rollup").read_text()
                total += next(int(line.split()[1]) * 1024 for line in rollup.splitlines() if line.startswith("Pss:"))
        except (OSError, StopIteration):
            continue
    return total


class Run:
    """One update: seconds, processor seconds, bytes of memory at most, bytes written."""

    def __init__(self, command):
        before, io = resource.getrusage(resource.RUSAGE_CHILDREN), written()
        began = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True)
        self.memory, ended = 0, threading.Event()

        def look():
            while not ended.wait(0.1):
                self.memory = max(self.memory, memory_of(process.pid))

        watcher = threading.Thread(target=look)
        watcher.start()
        said = process.stderr.read()
        status = process.wait()
        # What is still in memory is nobody's update yet.
        os.sync()
        self.seconds = time.perf_counter() - began
        ended.set()
        watcher.join()
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        self.cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        self.written = written() - io
        if status:
            sys.exit(f"{' '.join(map(str, command))} failed:\n{said.decode()}")


class Place:
    """A system in a folder with a disk of its own, version 1 in the first slot."""

    def __init__(self, folder, url, suffix):
        self.folder, self.disk = folder, folder / "disk.raw"
        for name in ("usr/lib/sysupdate.d", "var/lib/preon", "efi"):
            (folder / name).mkdir(parents=True)
        (folder / "usr/lib/os-release").write_text("ID=os\nIMAGE_ID=OS\nIMAGE_VERSION=1\n")
        self.definitions = folder / "definitions"
        self.definitions.mkdir()
        for place, path in ((folder / "usr/lib/sysupdate.d", "auto"), (self.definitions, self.disk)):
            (place / "10-usr.transfer").write_text(TRANSFER.format(url=url, suffix=suffix, path=path))
        self.renew()

    def renew(self):
        self.disk.unlink(missing_ok=True)
        with open(self.disk, "wb") as file:
            file.truncate((2 * SLOT + 4) * MIB)
        table = "label: gpt\n" + "".join(f"type={USR}, name={name}, size={SLOT}MiB\n" for name in ("OS_1", "_empty"))
        subprocess.run(["sfdisk", "-q", self.disk], input=table, text=True, check=True)
        for path in (self.folder, *self.folder.rglob("*")):
            os.lchown(path, NOBODY, NOBODY)

    def holds(self, content):
        table = subprocess.run(["sfdisk", "--json", self.disk], check=True, capture_output=True, text=True).stdout
        if '"name": "OS_2"' not in table.replace('"name":"', '"name": "'):
            sys.exit(f"no update came of it:\n{table}")
        with open(self.disk, "rb") as disk, open(content, "rb") as wanted:
            disk.seek(MIB + SLOT * MIB)
            while block := wanted.read(4 * MIB):
                if disk.read(len(block)) != block:
                    sys.exit("the slot does not hold what was published")


def table(what, ours, theirs):
    def row(name, of, unit, scale):
        mine, peer = (statistics.median(of(run) for run in runs) for runs in (ours, theirs))
        print(f"  {name:20} ours {mine / scale:9.1f} {unit:4} systemd-sysupdate {peer / scale:9.1f} {unit:4} {mine / peer:5.2f} ×")

    print(what)
    row("time", lambda run: run.seconds, "s", 1)
    row("processor time", lambda run: run.cpu, "s", 1)
    row("memory at most", lambda run: run.memory, "MiB", MIB)
    row("written", lambda run: run.written, "MiB", MIB)


def update(folder):
    # Ours runs as an ordinary user: as root preon-fetch would want a user of its own.
    folder.chmod(0o755)
    (folder / "nginx").mkdir()
    programs = {name: folder / name for name in ("preonctl", "preon-fetch")}
    for name, path in programs.items():
        shutil.copy(shutil.which(name), path)
    with Nginx(folder / "nginx") as nginx:
        www = folder / "nginx/www"
        usr = folder / "usr"
        write_usr(usr)
        for suffix, what in (("", "as it is"), (".gz", "packed with gzip")):
            for old in www.iterdir():
                old.unlink()
            published = www / f"OS_2.usr{suffix}"
            if suffix:
                # Not zstd: systemd 257 leaves that as it is.
                with open(published, "wb") as file:
                    subprocess.run(["gzip", "-1", "-c", usr], stdout=file, check=True)
            else:
                os.link(usr, published)
            sums = subprocess.run(["sha256sum", "-b", published.name], cwd=www, check=True, capture_output=True, text=True).stdout
            (www / "SHA256SUMS").write_text(sums)
            place = Place(folder / f"place{suffix}", nginx.plain, suffix)
            ours = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--", programs["preonctl"], "update", "install", "--yes", "--unsigned",
                    f"--root={place.folder}", f"--disk={place.disk}", f"--fetcher={programs['preon-fetch']}"]  # fmt: skip
            theirs = ["/usr/lib/systemd/systemd-sysupdate", "--verify=no", f"--definitions={place.definitions}", "update"]
            runs = {"ours": [], "theirs": []}
            for number in range(ROUNDS + 1):
                for name, command in (("ours", ours), ("theirs", theirs)):
                    place.renew()
                    os.sync()
                    done = Run(command)
                    place.holds(usr)
                    if number:
                        runs[name].append(done)
            table(f"update, 2 GiB of /usr, {what} ({published.stat().st_size / MIB:.0f} MiB)", runs["ours"], runs["theirs"])
            shutil.rmtree(place.folder)
