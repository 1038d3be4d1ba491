# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""Versions of the reference OS on a real web server, and a machine that gets them from there."""

import json
import shutil
import sys
from pathlib import Path

from .story import top

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "interop"))
from servers import Nginx  # noqa: E402, F401

NETWORK = "[Match]\nType=ether\n[Network]\nDHCP=ipv4\n"


def version(vm):
    return vm.ask(". /usr/lib/os-release && echo $IMAGE_VERSION")


def labels(vm):
    """Of the disk's partitions, as the table has them: udev looks again at the next start."""
    return [each.get("name") for each in json.loads(vm.ask("sfdisk --json /dev/vda"))["partitiontable"]["partitions"]]


def serve(server, number):
    """The server has that version now; returns how many bytes of it there are, archives beside it not counted."""
    folder = top() / "out/updates" / str(number)
    www = server.folder / "www"
    for old in www.iterdir():
        old.unlink()
    for file in sorted(folder.iterdir(), key=lambda path: path.name.startswith("SHA256SUMS")):
        if not file.name.startswith("."):
            shutil.copy(file, www / file.name)
    return sum(file.stat().st_size for file in www.glob("Particle_*"))


def connect(vm, server):
    """A network, and where the next version comes from: as an OS says it, in drop-ins. They stay on root."""
    port = server.plain.rsplit(":", 1)[1]
    vm.push("/etc/systemd/network/50-any.network", NETWORK)
    vm.push("/etc/sysupdate.d/90-kernel.transfer.d/51-fewer.conf", "[Target]\nTriesLeft=2\n")  # each takes a start
    for transfer in vm.ask("cd /usr/lib/sysupdate.d && ls -- *.transfer").split():
        vm.push(f"/etc/sysupdate.d/{transfer}.d/50-here.conf", f"[Source]\nPath=http://10.0.2.2:{port}/\n")
    vm.ask("systemctl enable systemd-networkd 2>&1")
    join(vm)


def join(vm):
    vm.ask("systemctl start systemd-networkd && /usr/lib/systemd/systemd-networkd-wait-online --timeout=60 --any", 90)


def served(server):
    """Bytes of files that left the server, its lists aside."""
    # nginx writes the line of a request when it has ended.
    lines = [line.split('"') for line in server.log().splitlines()]
    return sum(int(rest.split()[1]) for _, request, rest, *_ in lines if request.startswith("GET") and "SHA256SUMS" not in request)
