# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""What the tests ask a running Particle, and what they do to one. How it must behave: docs/boot.md."""

import json
import re
import shlex
import struct
import time

from .disk import TYPES, Disk
from .errors import Trouble
from .machine import Machine
from .story import image_path, scratch_folder

# Shown by the initrd when a start was stopped (preon-stop.service).
STOPPED = r"could not be started"
SIGNATURE = "/run/systemd/tpm2-pcr-signature.json"

# Seals to the policy of the kernel's public key and to nothing else, as the installed system's root is.
KERNEL_POLICY = "--tpm2-public-key=/run/probe/policy.pem --tpm2-public-key-pcrs=11 --tpm2-pcrs="

INSTALL_LIMIT = 420


def image(profile="base"):
    return Disk.raw(image_path(profile))


def kernel_path():
    return image_path().with_suffix(".efi")


def kernel_section(name):
    """The bytes of the first section NAME of the image's unified kernel; the first is the normal profile's (PE format, section table)."""
    data = kernel_path().read_bytes()
    header = struct.unpack_from("<I", data, 0x3C)[0]
    count, optional = struct.unpack_from("<H12xH", data, header + 6)
    for number in range(count):
        entry = header + 24 + optional + 40 * number
        label = data[entry : entry + 8].rstrip(b"\0").decode()
        size, _, raw_size, offset = struct.unpack_from("<IIII", data, entry + 8)
        if label == name:
            return data[offset : offset + min(size, raw_size)]
    raise Trouble(f"the kernel has no section {name}")


def root_hash():
    """Of the image's /usr, as its kernel's signed command line names it."""
    return re.search(rb"usrhash=([0-9a-f]{64})", kernel_section(".cmdline")).group(1).decode()


def boot_facts(vm):
    return json.loads(vm.ask("cat /run/preon/boot.json"))


def mode(vm):
    return boot_facts(vm).get("mode")


def secure_boot(vm):
    """The firmware's SecureBoot variable: four bytes of attributes, then 1 where it is on."""
    return vm.ask("od -An -tu1 -j4 /sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c").strip() == "1"


def disks_under(vm, source):
    """The whole disks (vda, sda, zram0, …) that a block device rests on."""
    rows = vm.ask(f"lsblk --inverse --noheadings --list --output NAME,TYPE {shlex.quote(source)}").splitlines()
    return sorted({name for name, kind in (row.split() for row in rows) if kind == "disk"})


def root_is_in_memory(vm):
    return all(disk.startswith("zram") for disk in disks_under(vm, mounted_from(vm, "/")))


def mounted_from(vm, path):
    """The device mounted at PATH, or an empty string."""
    return vm.run(f"findmnt --noheadings --nofsroot --output SOURCE --mountpoint {path}").out.strip()


def failed_units(vm):
    return vm.ask("systemctl --failed --plain --no-legend | awk '{ print $1 }'").split()


def luks_facts(vm, device):
    """What the tokens of a device's key slots say, from its header."""
    data = json.loads(vm.ask(f"cryptsetup luksDump --dump-json-metadata {device}"))
    tokens = [token for token in data.get("tokens", {}).values() if token["keyslots"]]
    return {"tokens": [token["type"] for token in tokens], "pcrs": [token.get("tpm2-pcrs") for token in tokens],
            "signed": [token.get("tpm2_pubkey_pcrs") for token in tokens], "slots": len(data["keyslots"])}  # fmt: skip


def enrolment_key(vm):
    """Mode, owner and size of the key by which a recovery key can be made, and of its folder; empty once it is gone."""
    file = "/var/lib/preon/keys/root-enrolment.key"
    return vm.run(f"test -e {file} && stat -c '%a %u %g %s' {file} && stat -c '%a %u' $(dirname {file})").out.replace("\n", " ").strip()


def ways(vm):
    """What `preonctl unlock list` says opens root: each kind, and whether it was tested."""
    return [(way["kind"], way["tested"] is not None) for way in json.loads(vm.ask("preonctl unlock list --json"))["ways"]]


def home_status(vm):
    return json.loads(vm.ask("preonctl home-volume status --json"))


def install(vm, target, source="booted", options=""):
    return vm.run(f"preonctl install --source={source} --target={target} --mode=erase --yes {options}", INSTALL_LIMIT)


def settings(vm):
    """What a person chose, as the running system has it."""
    return {
        "language": vm.run(". /etc/locale.conf && echo $LANG").out.strip(),
        "keyboard": vm.run("grep -h ^XKB /etc/vconsole.conf").out.split(),
        "time zone": vm.ask("readlink /etc/localtime || true").strip(),
        "name": vm.ask("hostname").strip(),
        "z": vm.run("dumpkeys --numeric | sed -n 's/^keycode *21 = *\\([^ ]*\\).*/\\1/p'").out.strip(),
    }


def give_signature(vm):
    """Hands the guest's root what the normal kernel carries: the policy's public key and signature. An attacker has them as well."""
    vm.push("/run/probe/policy.pem", kernel_section(".pcrpkey"))
    vm.push(SIGNATURE, kernel_section(".pcrsig").rstrip(b"\0"))


def header_copy(vm, device):
    """A loop device with a volume's LUKS header: opening it needs the same key, and does not fail because the volume is in use."""
    return vm.ask(
        f"mkdir -p /run/probe && f=$(mktemp /run/probe/header.XXXXXX) && head -c 20M {device} >$f && truncate -s 64M $f && losetup --find --show $f"
    )


def partition_of(vm, disk, kind):
    """The device of a disk's first partition of that type (a name in disk.TYPES)."""
    wanted = next(uuid for uuid, name in TYPES.items() if name == kind)
    for row in vm.ask(f"lsblk --noheadings --list --output PATH,PARTTYPE {disk}").splitlines():
        if row.split()[1:] == [wanted]:
            return row.split()[0]
    raise Trouble(f"the guest sees no {kind} partition on {disk}")


def tries_to_unseal(vm, device):
    """Asks systemd's tool and ours for the key of a volume. Returns what each answered, by their names."""
    vm.ask(f"cryptsetup isLuks --type luks2 {device}")
    commands = {
        "systemd-cryptsetup": f"systemd-cryptsetup attach unsealed {device} - luks,tpm2-device=auto,headless=true,tpm2-signature={SIGNATURE}",
        "preonctl": f"preonctl luks unlock {device} unsealed --tpm2",
    }
    return {name: vm.run(f"{command}; s=$?; cryptsetup close unsealed 2>/dev/null; exit $s", 180) for name, command in commands.items()}


def volume_with(vm, path, enrol):
    """A loop device with a LUKS2 volume that has one TPM2 slot, made with systemd-cryptenroll's options ENROL."""
    return vm.ask(
        f"mkdir -p /run/probe && cd /run/probe && echo -n secret >key && truncate -s 40M {path} && l=$(losetup --find --show {path}) &&"
        " cryptsetup luksFormat --batch-mode --type luks2 --pbkdf pbkdf2 --pbkdf-force-iterations 1000 $l key >&2 &&"
        f" systemd-cryptenroll --unlock-key-file=key --tpm2-device=auto {enrol} $l >&2 && echo $l",
        240,
    )



def is_stopped(vm):
    """Waits for the last line of the page that stands in for an emergency shell; true when the first one was there too."""
    vm.expect(r"Press Enter to switch", 300)
    return bool(vm.serial.seen(STOPPED))


def press_enter_until_off(vm):
    """The prompt drops what was typed before it listened, so once may be too early."""
    for _ in range(12):
        vm.type_on_console("\r")
        time.sleep(5)
        if not vm.is_running():
            return
    raise Trouble(f"Enter did not switch the machine off\n{vm.serial.tail()}")


def opened_on(console):
    """What the initrd says that it opened, from its console's text."""
    return re.findall(r"(?:Finished|Started).*(?:Own (?:Swap|Home|Root)).*|Switch Root", console)


def _installed_folder():
    return scratch_folder() / "install"


def leave_installed(machine, disk):
    """Marks machine and disk of the story `install` as finished, for the tests that start where it ended."""
    (_installed_folder() / "finished").write_text(f"{machine.folder.name}\n{disk.path.name}\n")


def installed(folder):
    """The machine that test_install left and its disk, as copies that a test may change."""
    finished = _installed_folder() / "finished"
    if not finished.exists():
        raise Trouble("there is no installed machine yet: test_install.py makes it")
    machine, disk = finished.read_text().split()
    return Machine(_installed_folder() / machine).copy(folder / "machine"), Disk(_installed_folder() / disk).overlay(folder / "disk.qcow2")
