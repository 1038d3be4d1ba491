#!/usr/bin/env python3
# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""From a stick onto an empty disk, and the first start from there with the stick still in.

Leaves the machine and its installed disk for the tests that need one (harness/particle.py: installed).
"""

from harness import Disk, Machine, Story, Trouble, particle

CHOICES = "--language=C.UTF-8 --keyboard=de --time-zone=Europe/Berlin --hostname=atelier"
# The Wi-Fi network that was joined, with a password that must be found nowhere but in its file.
PASSWORD = "correct horse 4711"
WIFI = f"{'Café'.encode().hex()} wpa-psk {PASSWORD}"
CONNECTION = "/etc/NetworkManager/system-connections/preon-wifi.nmconnection"
# On a German keyboard the key that is Y on an English one writes z (0x7a, as a letter 0xb7a).
CHOSEN = {"language": "C.UTF-8", "keyboard": ["XKBLAYOUT=de"], "time zone": "../usr/share/zoneinfo/Europe/Berlin", "name": "atelier", "z": "+0x0b7a"}


def live_system(story, vm):
    vm.wait_up()
    story.chapter("a system is up, from the stick")
    story.says("the firmware took our keys: Secure Boot is on", particle.secure_boot(vm))
    story.equals("from a removable medium the system runs live", "live", particle.mode(vm))
    story.says("root is in memory", particle.root_is_in_memory(vm))
    story.equals("/usr is the stick's, through verity", ["sda"], particle.disks_under(vm, particle.mounted_from(vm, "/usr")))
    story.says("/usr cannot be written", not vm.run("touch /usr/x").ok)
    story.equals("no unit failed", [], particle.failed_units(vm))


def installation(story, vm):
    start_of_disk = "head -c 32M /dev/vda | sha256sum"
    before = vm.ask(start_of_disk)
    dry = vm.run("preonctl install --source=booted --target=/dev/vda --mode=erase --dry-run --json")
    story.says("a dry run prints its plan", dry.ok and '"partitions"' in dry.out.replace(" ", ""), dry)
    story.equals("a dry run changes nothing", before, vm.ask(start_of_disk))
    unasked = vm.run("preonctl install --source=booted --target=/dev/vda --mode=erase")
    story.says("without --yes and without a person nothing is erased", not unasked.ok and vm.ask(start_of_disk) == before, unasked)
    onto_itself = vm.run("preonctl install --source=booted --target=/dev/sda --mode=erase --yes")
    story.says("it refuses to erase the medium that it runs from", not onto_itself.ok, onto_itself)
    story.chapter("installing")
    vm.ask(f"(umask 077; echo '{WIFI}' >/run/wifi)")
    answer = particle.install(vm, "/dev/vda", options=CHOICES + " --wifi-from=/run/wifi")
    story.says("it says which network the new system will know, not its password", "Wi-Fi: Café" in answer.out and PASSWORD not in answer.out, answer)
    story.says("the password was carried over: no note says otherwise", "will be asked for again" not in answer.out, answer)
    esp = "head -c 4G $(lsblk --noheadings --paths --list --output NAME /dev/vda | sed -n 2p)"
    story.equals("the EFI partition does not hold the password", "0", vm.run(f"{esp} | grep -caF '{PASSWORD}'").out.strip())
    story.equals("nor do the records of the work", "", vm.run(f"grep -rlaF '{PASSWORD}' /run/preon /var/lib/preon").out)
    if not story.says("the system installs itself on the empty disk", answer.ok, answer):
        raise Trouble("nothing is installed, so there is nothing to start")
    uuids = vm.ask("for d in /dev/sda /dev/vda; do blkid --probe --match-tag PTUUID --output value $d; done").split()
    story.says("the installed disk has a UUID of its own", len(set(uuids)) == 2, uuids)
    esps = vm.ask("sfdisk --part-uuid /dev/sda 1 && sfdisk --part-uuid /dev/vda 1").split()
    story.says("its EFI partition has a UUID of its own", len(set(esps)) == 2, esps)


def first_start(story, vm):
    vm.reboot()
    story.chapter("restarted, the stick still in")
    story.equals("the firmware starts the disk, which sets itself up", "disk", particle.mode(vm))
    for path in ("/", "/usr", "/home"):
        source = particle.mounted_from(vm, path)
        story.equals(f"{path} is on the installed disk only", ["vda"], particle.disks_under(vm, source) if source else f"{path} is not mounted")
    story.says("without a partition for kernels nothing waits at /boot", not vm.run("systemctl is-active boot.automount").ok)
    swap = vm.ask("swapon --noheadings --show=NAME").split()
    story.equals("swap is on, on the installed disk only", ["vda"], particle.disks_under(vm, swap[0]) if swap else "there is no swap")
    root = particle.luks_facts(vm, "/dev/disk/by-preon/root")
    story.equals("root opens with the TPM, and with the enrolment key that lies on it", (["systemd-tpm2", "preon-enrolment"], 2), (root["tokens"], root["slots"]))
    story.equals("it is sealed to the signed policy over PCR 11, and to PCR 12", ([12], [11]), (root["pcrs"][0], root["signed"][0]))
    story.equals("the enrolment key is root's alone, 32 bytes", "400 0 0 32 700 0", particle.enrolment_key(vm))
    story.equals("what was chosen at the installation is so", CHOSEN, particle.settings(vm))
    loader = vm.ask("ls /efi/loader").split()
    story.says("its file has left the EFI partition", "loader.conf" in loader and not any("preon" in name for name in loader), loader)
    story.equals("the network is known to root alone", "600 0 0 700", vm.run(f"stat -c '%a %u %g' {CONNECTION}; stat -c %a $(dirname {CONNECTION})").out.replace("\n", " ").strip())
    story.says("with its name and its password", "id=Café" in vm.ask(f"cat {CONNECTION}") and "psk=correct\\shorse\\s4711" in vm.ask(f"cat {CONNECTION}"))
    story.equals("the EFI partition, its free room too, does not hold the password", "0",
                 vm.run("grep -caF -e 'correct horse' -e 'correct\\shorse' /dev/disk/by-preon/esp").out.strip())
    story.says("nor does the journal", not vm.run("journalctl -b --no-pager | grep -F -e 'horse 4711' -e 'horse\\s4711'| grep -v preon-probe").ok)
    home = particle.home_status(vm)
    story.equals("home is integrity protected, and every block fits", (True, True, 0), (home["protected"], home["open"], home["mismatches"]))
    for name in ("swap", "home"):
        story.equals(f"{name} has no TPM slot of its own", [], particle.luks_facts(vm, f"/dev/disk/by-preon/{name}")["tokens"])
        story.equals(f"{name}'s key is a file on root that only root reads", "400 0 32", vm.ask(f"stat -c '%a %u %s' /var/lib/preon/keys/{name}.key"))
    story.equals("no unit failed", [], particle.failed_units(vm))
    vm.ask("echo kept >/home/kept && echo kept >/root/kept && sync")


with Story("install") as story:
    machine = Machine.new(story.folder / "machine")
    stick, disk = particle.image().overlay(story.folder / "stick.qcow2"), Disk.empty(story.folder / "disk.qcow2", "12G")
    with machine.boot(disks=[disk], sticks=[stick]) as vm:
        live_system(story, vm)
        installation(story, vm)
        first_start(story, vm)
        vm.poweroff()
    story.says("not one write reached the stick, from first to last", stick.is_untouched())
    kinds = [(p.type, p.label) for p in disk.partitions()]
    story.says("slot B is there, empty, for the next version", ("usr", "_empty") in kinds and ("usr-verity", "_empty") in kinds, kinds)
    particle.leave_installed(machine, disk)
