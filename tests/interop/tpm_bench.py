# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A TPM for tests, without a kernel that has one.

Tpm is an emulated TPM 2.0 (swtpm). Where a program insists on a device, as the plugin of cryptsetup does, a pseudo terminal stands in for it: what is written to
it goes to the emulator, and the answer comes back. With without_ecc=True the commands pass a filter that makes of it an old TPM, one which knows RSA alone.
"""

import contextlib
import os
import pty
import select
import socket
import struct
import subprocess
import tempfile
import threading
import tty
from pathlib import Path

ECC = (0x18, 0x19, 0x1A, 0x1B, 0x1C, 0x1D, 0x23)  # TPM_ALG_ECDSA … ECMQV, ECC
GET_CAPABILITY, CREATE_PRIMARY, TEST_PARMS = 0x17A, 0x131, 0x18A
CAP_ALGS, CAP_CURVES = 0, 8


def size_of(message):
    """Of a whole command or answer; None while too little of it is there."""
    return struct.unpack(">I", message[2:6])[0] if len(message) >= 10 else None


def answer(code=0, payload=b""):
    return struct.pack(">HII", 0x8001, 10 + len(payload), code) + payload


def talk(connection, command):
    connection.sendall(command)
    reply = b""
    while size_of(reply) is None or len(reply) < size_of(reply):
        reply += connection.recv(65536)
    return reply


def primary_type(command):
    """The algorithm of the key that a CreatePrimary asks for."""
    at = 14 + 4 + struct.unpack(">I", command[14:18])[0]
    at += 2 + struct.unpack(">H", command[at : at + 2])[0]
    return struct.unpack(">H", command[at + 2 : at + 4])[0]


def talk_without_ecc(connection, command):
    code = struct.unpack(">I", command[6:10])[0]
    if code == CREATE_PRIMARY and primary_type(command) in ECC:
        return answer(0x2CA)  # TPM_RC_TYPE of parameter 2
    if code == TEST_PARMS and struct.unpack(">H", command[10:12])[0] in ECC:
        return answer(0x1CA)
    capability = struct.unpack(">I", command[10:14])[0] if code == GET_CAPABILITY else None
    if capability == CAP_CURVES:
        return answer(payload=struct.pack(">BII", 0, CAP_CURVES, 0))
    reply = talk(connection, command)
    if capability != CAP_ALGS or size_of(reply) == 10:
        return reply
    count = struct.unpack(">I", reply[15:19])[0]
    entries = [reply[19 + 6 * i : 25 + 6 * i] for i in range(count)]
    left = [entry for entry in entries if struct.unpack(">H", entry[:2])[0] not in ECC]
    return answer(payload=reply[10:15] + struct.pack(">I", len(left)) + b"".join(left))


class Device(threading.Thread):
    """The pseudo terminal in place of /dev/tpmrm0; serves until closed."""

    def __init__(self, socket_path, talker):
        super().__init__(daemon=True)
        self.master, self.slave = pty.openpty()
        tty.setraw(self.master)
        tty.setraw(self.slave)
        self.path = os.ttyname(self.slave)
        self.connection = socket.socket(socket.AF_UNIX)
        self.connection.connect(str(socket_path))
        self.talker = talker
        self.done = threading.Event()

    def run(self):
        pending = b""
        while not self.done.is_set():
            if not select.select([self.master], [], [], 0.02)[0]:
                continue
            pending += os.read(self.master, 65536)
            while size_of(pending) is not None and len(pending) >= size_of(pending):
                command, pending = pending[: size_of(pending)], pending[size_of(pending) :]
                os.write(self.master, self.talker(self.connection, command))

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        self.join()
        self.connection.close()
        os.close(self.master)
        os.close(self.slave)


class Tpm:
    def __init__(self, without_ecc=False):
        self.folder = tempfile.TemporaryDirectory(prefix="preon-tpm-")
        path = Path(self.folder.name)
        (path / "state").mkdir()
        self.socket = path / "socket"
        self.without_ecc = without_ecc
        self.process = subprocess.Popen(
            ["swtpm", "socket", "--tpm2", "--tpmstate", f"dir={path}/state", "--server", f"type=unixio,path={self.socket}"]
            + ["--ctrl", f"type=unixio,path={self.socket}.ctrl", "--flags", "startup-clear"]
        )
        self.wait()

    def wait(self):
        """Until it listens; and after a client left, until the next is taken."""
        for _ in range(500):
            try:
                with socket.socket(socket.AF_UNIX) as probe:
                    probe.connect(str(self.socket))
                    return
            except OSError:
                threading.Event().wait(0.01)
        raise RuntimeError("swtpm does not listen")

    @contextlib.contextmanager
    def tcti(self):
        """How programs are told of it."""
        if not self.without_ecc:
            yield f"swtpm:path={self.socket}"
            return
        with self.device() as device:
            yield f"device:{device.path}"

    def tool(self, *command):
        environment = dict(os.environ, TPM2TOOLS_TCTI=f"swtpm:path={self.socket}", TSS2_LOG="all+NONE")
        said = subprocess.run([*map(str, command)], env=environment, check=True, capture_output=True, text=True).stdout
        if command[0] in ("tpm2_createprimary", "tpm2_create", "tpm2_createpolicy", "tpm2_loadexternal"):  # they leave something behind
            subprocess.run(["tpm2_flushcontext", "-t"], env=environment, check=True)
            subprocess.run(["tpm2_flushcontext", "-l"], env=environment, check=True)
        return said

    def extend(self, pcr, number):
        """By some digest, in all banks."""
        banks = ",".join(f"{name}={number:0{size}x}" for name, size in (("sha1", 40), ("sha256", 64), ("sha384", 96), ("sha512", 128)))
        self.tool("tpm2_pcrextend", f"{pcr}:{banks}")

    def device(self):
        return Device(self.socket, talk_without_ecc if self.without_ecc else talk)

    def close(self):
        self.process.terminate()
        self.process.wait()
        self.folder.cleanup()
