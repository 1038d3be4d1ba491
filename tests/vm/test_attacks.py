#!/usr/bin/env python3
# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""What somebody who holds the machine and our own stick can do to an installed disk."""

from harness import Story, particle

# An operating system's tree as far as a root needs one: /usr comes from elsewhere.
TREE = "mkdir -p {0}/etc {0}/usr {0}/var {0}/home {0}/root && echo attacker >{0}/root/whose"


def live_cannot_unseal(story, vm, profile):
    particle.give_signature(vm)
    control = particle.volume_with(vm, f"control-{profile.split()[0]}", "--tpm2-public-key= --tpm2-pcrs=")
    for name, answer in particle.tries_to_unseal(vm, control).items():
        story.says(f"{name} opens a volume that is sealed without a policy (so the next lines mean something)", answer.ok, answer)
    root = particle.partition_of(vm, "/dev/vda", "root")
    for name, answer in particle.tries_to_unseal(vm, root).items():
        story.says(f"our own stick ({profile}) cannot unseal the installed root with {name}", not answer.ok, answer)


def plaintext_root(vm, disk):
    device = particle.partition_of(vm, disk, "root")
    vm.ask(f"wipefs --all --quiet {device} && mkfs.btrfs --quiet --force {device} && mkdir -p /run/m && mount {device} /run/m", 180)
    vm.ask(TREE.format("/run/m") + " && umount /run/m")


def sealed_root(vm, disk):
    """A LUKS2 volume that the TPM opens for the normal kernel in the initrd, with the attacker's files. No secret is needed for it."""
    device = particle.partition_of(vm, disk, "root")
    vm.ask(
        f"cd /run/probe && echo -n attacker >key && wipefs --all --quiet {device} &&"
        f" cryptsetup luksFormat --batch-mode --type luks2 --pbkdf pbkdf2 --pbkdf-force-iterations 1000 {device} key >&2 &&"
        f" systemd-cryptenroll --unlock-key-file=key --tpm2-device=auto {particle.KERNEL_POLICY} {device} >&2 &&"
        f" cryptsetup open --key-file key {device} forged && mkfs.btrfs --quiet --force /dev/mapper/forged &&"
        " mkdir -p /run/m && mount /dev/mapper/forged /run/m && " + TREE.format("/run/m") + " && mkdir -p -m 700 /run/m/var/lib/preon/keys &&"
        " head -c 32 /dev/urandom >/run/m/var/lib/preon/keys/swap.key && umount /run/m && cryptsetup close forged",
        300,
    )


def the_stick(story, machine, disks):
    stick = particle.image().overlay(story.folder / "stick.qcow2")
    with machine.boot(disks=disks, sticks=[stick], first=stick) as vm:
        vm.wait_up()
        story.chapter("our stick is up, beside the installed disk")
        story.equals("it runs live, although the machine has an installed disk", "live", particle.mode(vm))
        live_cannot_unseal(story, vm, "normal entry")
        plaintext_root(vm, "/dev/vdb")
        sealed_root(vm, "/dev/vdc")
        vm.serial.mark()
        vm.agent.send("systemctl reboot")
        vm.choose("try from memory")
        vm.wait_up()
        story.chapter("the stick's entry `live` is up")
        live_cannot_unseal(story, vm, "entry `live`")
        vm.poweroff()


def plaintext_does_not_come_up(story, machine, disk):
    with machine.boot(disks=[disk]) as vm:
        stopped = particle.is_stopped(vm)
        story.says("a disk whose root was replaced by a plaintext one is stopped in the initrd, which says so", stopped, vm.serial.tail())
        console = vm.serial.text()
        story.says("nothing else was opened there", not particle.opened_on(console), particle.opened_on(console))
        particle.press_enter_until_off(vm)
        story.says("Enter switches it off", True)


def forged_opens_nothing(story, machine, disk):
    with machine.boot(disks=[disk]) as vm:
        vm.wait_up()
        story.equals("the TPM opens a forged root for our kernel (encrypted is not authentic)", "attacker", vm.run("cat /root/whose").out.strip())
        for name in ("swap", "home"):
            story.says(f"{name} stays shut", not vm.run(f"test -e /dev/mapper/{name}").ok)
        story.equals("nothing is mounted at /home", "", particle.mounted_from(vm, "/home"))
        story.says("no new key of home was made", not vm.run("test -e /var/lib/preon/keys/home.key").ok)
        vm.poweroff()
    story.says("not one write reached swap or home", all(disk.is_untouched(disk.partition(kind)) for kind in ("swap", "home")))


with Story("attacks") as story:
    machine, disk = particle.installed(story.folder)
    victim, plaintext, forged = (disk.overlay(story.folder / f"{name}.qcow2") for name in ("victim", "plaintext", "forged"))
    the_stick(story, machine, [victim, plaintext, forged])
    plaintext_does_not_come_up(story, machine, plaintext)
    forged_opens_nothing(story, machine, forged)
