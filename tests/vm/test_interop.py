#!/usr/bin/env python3
# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""Volumes made by systemd-repart and by preonctl, opened by the other, with a real TPM in between."""

from harness import Disk, Machine, Story, particle, policy

ROOT = "[Partition]\nType=root\nFormat=btrfs\nEncrypt=tpm2\nSizeMinBytes=200M\n"
SEALED = {
    "to a signed policy over PCR 11": "--tpm2-public-key=/run/probe/own.pem --tpm2-public-key-pcrs=11 --tpm2-pcrs=",
    "to the literal PCRs 4 and 7": "--tpm2-pcrs=4+7",
    "to both": "--tpm2-public-key=/run/probe/own.pem --tpm2-public-key-pcrs=11 --tpm2-pcrs=7",
}


def made_by(vm, tool, disk, options):
    command = f"{tool} --definitions=/run/probe/defs --empty=force --dry-run=no --tpm2-device=auto {options} {disk}"
    return vm.run(f"{command} && udevadm settle", 240)


def opens(vm, command):
    """Opens a volume as `theirs`, looks whether a file system is in it, and closes it again."""
    return vm.run(f"{command} && blkid -o value -s TYPE /dev/mapper/theirs; s=$?; cryptsetup close theirs; exit $s", 180)


def openers(device):
    return {
        "systemd-cryptsetup": f"systemd-cryptsetup attach theirs {device} - luks,tpm2-device=auto,headless=true,tpm2-signature={particle.SIGNATURE}",
        "preonctl": f"preonctl luks unlock {device} theirs --tpm2 >&2",
    }


def both_ways(story, vm):
    for what, options in SEALED.items():
        for maker, disk in (("systemd-repart", "/dev/vda"), ("preonctl repart", "/dev/vdb")):
            answer = made_by(vm, maker, disk, options)
            if not story.says(f"{maker} makes a root sealed {what}", answer.ok, answer):
                continue
            for opener, command in openers(f"{disk}1").items():
                answer = opens(vm, command)
                story.says(f"{opener} opens it", answer.ok and answer.out.strip() == "btrfs", answer)


def after_the_policy_is_gone(story, vm):
    for maker, disk in (("systemd-repart", "/dev/vda"), ("preonctl repart", "/dev/vdb")):
        answer = made_by(vm, maker, disk, SEALED["to a signed policy over PCR 11"])
        story.says(f"{maker} makes another root", answer.ok, answer)
    vm.ask("tpm2_pcrextend 11:sha256=$(head -c 32 /dev/zero | sha256sum | cut -d' ' -f1)")
    for disk in ("/dev/vda1", "/dev/vdb1"):
        for opener, command in openers(disk).items():
            answer = opens(vm, command)
            story.says(f"once PCR 11 went on, {opener} opens {disk} no longer", not answer.ok, answer)


with Story("interop") as story:
    private, public = policy.new_key(story.folder)
    machine = Machine.new(story.folder / "machine")
    disks = [Disk.empty(story.folder / f"{name}.qcow2", "2G") for name in ("systemds", "ours")]
    stick = particle.image().overlay(story.folder / "stick.qcow2")
    with machine.boot(disks=disks, sticks=[stick]) as vm:
        vm.wait_up()
        story.chapter("a system is up, from the stick")
        vm.push("/run/probe/own.pem", public.read_bytes())
        vm.push("/run/probe/defs/root.conf", ROOT)
        # Both tools would take the kernel's own key where they are told none.
        vm.ask("rm -f /run/systemd/tpm2-pcr-public-key.pem")
        value = bytes.fromhex(vm.ask("cat /sys/class/tpm/tpm0/pcr-sha256/11"))
        vm.push(particle.SIGNATURE, policy.signature_file(private, public, 11, value))
        both_ways(story, vm)
        after_the_policy_is_gone(story, vm)
        vm.poweroff()
