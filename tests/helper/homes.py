# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Homes as an earlier system left them, made by other implementations than ours: cryptsetup, sfdisk, python3-cryptography. systemd-homed's own need the device mapper."""

import base64
import functools
import json
import subprocess
import tempfile
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

MiB = 1 << 20
KEY = Ed25519PrivateKey.generate()
PEM = KEY.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
VOLUME_KEY = bytes(range(32))


def tool(*command, text=None):
    return subprocess.run([*map(str, command)], input=text, capture_output=True, text=True, check=True).stdout


def signed(record):
    """As systemd-homed signs: without signature, binding and status, sorted, in one line."""
    record = {name: value for name, value in record.items() if name not in ("signature", "binding", "status", "secret")}
    text = json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    return record | {"signature": [{"data": base64.b64encode(KEY.sign(text)).decode(), "key": PEM}]}


def hashed(password):
    return tool("openssl", "passwd", "-6", "-stdin", text=password).strip()


def record(name, password, **more):
    return {"userName": name, "realName": "Anna Blüm", "disposition": "regular", "lastChangeUSec": 1000, "privileged": {"hashedPassword": [hashed(password)]}} | more


def folder(home, name, content):
    path = home / f"{name}.homedir"
    path.mkdir(parents=True, exist_ok=True)
    (path / ".identity").write_text(json.dumps(content))
    return path


@functools.cache
def _volume(password):
    """A LUKS2 volume with that password, its key known: made once."""
    with tempfile.TemporaryDirectory() as place:
        place = Path(place)
        (place / "key").write_text(password)
        (place / "volume-key").write_bytes(VOLUME_KEY)
        with (place / "volume").open("wb") as file:
            file.truncate(20 * MiB)
        tool("cryptsetup", "luksFormat", "--batch-mode", "--type=luks2", "--cipher=aes-xts-plain64", "--key-size=256", "--subsystem=systemd-home", f"--volume-key-file={place}/volume-key",
             f"--key-file={place}/key", "--pbkdf=pbkdf2", "--pbkdf-force-iterations=1000", place / "volume")
        return (place / "volume").read_bytes()


def image(home, name, content, password, label=None):
    """NAME.home with that record in its token."""
    iv = bytes(range(16))
    cipher = Cipher(algorithms.AES(VOLUME_KEY), modes.XTS(iv)).encryptor()
    sealed = cipher.update(json.dumps(content, ensure_ascii=False).encode()) + cipher.finalize()
    token = {"type": "systemd-homed", "keyslots": [], "record": base64.b64encode(sealed).decode(), "iv": base64.b64encode(iv).decode()}
    path = home / f"{name}.home"
    with tempfile.TemporaryDirectory() as place:
        volume = Path(place) / "volume"
        volume.write_bytes(_volume(password))
        tool("cryptsetup", "config", f"--label={label or name}", "--subsystem=systemd-home", volume)
        tool("cryptsetup", "token", "import", volume, text=json.dumps(token))
        with path.open("wb") as file:
            file.truncate(24 * MiB)
        tool("sfdisk", "--quiet", path, text=f'label: gpt\nstart=1MiB, size=20MiB, type=773f91ef-66d4-49b5-bd83-d683bf40ad16, name="{label or name}"\n')
        with path.open("r+b") as file:
            file.seek(MiB)
            file.write(volume.read_bytes())
    return path
