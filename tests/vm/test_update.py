#!/usr/bin/env python3
# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""From version 1 to 2, with the plug pulled while it is fetched; from 2 to 3 by itself, with an archive beside it; and a 4 in which nobody can log in: the machine is back in 3 by itself,
and knows why. From the real nginx."""

import json
import time

from harness import Story, Trouble, particle
from harness.updates import Nginx, connect, join, labels, serve, served, version

MIB = 1 << 20


def came_up(story, vm, number, before):
    story.equals(f"it is version {number}", str(number), version(vm))
    story.equals("from the disk, its root opened by the TPM alone", ("disk", ["vda"]), (particle.mode(vm), particle.disks_under(vm, particle.mounted_from(vm, "/"))))
    story.says("/usr is verified by its own hash tree", particle.mounted_from(vm, "/usr") == "/dev/mapper/usr" and vm.run("veritysetup status usr").ok)
    story.equals("what lay on root and home is there", ("kept", "kept"), (vm.ask("cat /root/kept"), vm.ask("cat /home/kept")))
    # The verdict comes when somebody could log in, a little after the first command can be run.
    end = time.monotonic() + 120
    while time.monotonic() < end and not vm.run("systemctl is-active --quiet systemd-bless-boot.service || ! ls /efi/EFI/Linux | grep -q '+'").ok:
        time.sleep(1)
    kernels = vm.ask("ls /efi/EFI/Linux").split()
    story.equals("its kernel is no longer on trial, and the one before it is still there", sorted([f"Particle_{before}.efi", f"Particle_{number}.efi"]), sorted(kernels))
    starts = json.loads(vm.ask("preonctl boot starts --json"))
    story.equals("the start is recorded as one that came up", (str(number), "came-up"), (starts[-1]["version"], starts[-1]["outcome"]))
    story.equals("no unit failed", [], particle.failed_units(vm))


def first_update(story, vm, server):
    size = serve(server, 2)
    story.chapter("version 2 is on the server")
    connect(vm, server)
    check = json.loads(vm.ask("preonctl update check --json", 120))
    story.equals("before anything is fetched it says what there is and how much, to the byte", ("2", size), (check["candidate"]["version"], check["candidate"]["fetch"]))
    table = vm.ask("sfdisk --dump /dev/vda")
    plan = vm.ask("preonctl update plan")
    story.says("the plan names the slots and the bytes", f"({size} bytes)" in plan and plan.count(" /dev/vda") == 3, plan)
    story.equals("looking changes nothing", table, vm.ask("sfdisk --dump /dev/vda"))
    vm.agent.send("systemd-run --unit=updating --property=Type=exec preonctl update install --yes --rate 12M >/dev/null 2>&1")
    end = time.monotonic() + 240
    kept = 0
    while time.monotonic() < end and kept < 40 * MIB:
        time.sleep(1)
        kept = int(vm.run("du -sb /var/lib/preon/update/kept 2>/dev/null | cut -f1").out.strip() or 0)
    story.says("tens of MiB have come when the plug is pulled", kept >= 40 * MIB, (kept, vm.run("systemctl status updating; journalctl -u updating").out))
    return size


def resumed(story, vm, server, size):
    story.equals("after the cut version 1 starts as before", "1", version(vm))
    join(vm)
    fetched = served(server)
    plan = json.loads(vm.ask("preonctl update plan --json", 120))
    story.says("most of what had come is still there", plan["cost"]["already"] >= fetched - 16 * MIB and plan["cost"]["already"] > 20 * MIB, (plan["cost"], fetched))
    done = vm.run("preonctl update resume --yes --json", 600)
    story.says("going on with it installs the rest", done.ok, done)
    total = served(server)
    story.says("a few MiB at most were fetched twice", size <= total < size + 16 * MIB, (size, fetched, total))
    return done.ok


def offer_archives(vm, server):
    """Optional features of this system, as its maker would say them."""
    port = server.plain.rsplit(":", 1)[1]
    for name in ("devices", "tools"):
        vm.push(f"/etc/sysupdate.d/{name}.feature", f"[Feature]\nDescription=An archive of {name}\nEnabled=false\n")
        vm.push(f"/etc/sysupdate.d/05-{name}.transfer", f"[Transfer]\nFeatures={name}\n[Source]\nType=url-tar\nPath=http://10.0.2.2:{port}/\nMatchPattern={name}_@v.tar.gz\n"
                f"[Target]\nType=directory\nPath=/var/lib/{name}\nMatchPattern={name}_@v\nCurrentSymlink=current\n")  # fmt: skip


def looks_by_itself(vm):
    """What the timer starts, once."""
    vm.run("rm -f /var/lib/preon-update/*; journalctl --rotate >/dev/null 2>&1; journalctl --vacuum-time=1s >/dev/null 2>&1")
    done = vm.run("systemctl start preon-update.service", 900)
    return f"{done}\n{vm.run('journalctl -b -o cat -u preon-update.service').out}"


def comes_by_itself(story, vm):
    """By the helper, in its unit, with an archive that needs what the unit allows; and one that wants more."""
    vm.ask("busctl call org.preon.Helper1 /org/preon/Helper1 org.preon.Updates1 SetPolicy 'a{sv}' 1 automatic s fetch", 60)
    vm.ask("preonctl update features enable devices")
    said = looks_by_itself(vm)
    story.says("an archive with a device in it is not unpacked by the helper", "/null could not be made" in said and "is installed" not in said, said)
    story.equals("and nothing of version 3 is there then", (3, 0, ""), (labels(vm).count("Particle_2"), labels(vm).count("Particle_3"), vm.run("ls -A /var/lib/devices").out.strip()))
    vm.ask("preonctl update features disable devices && preonctl update features enable tools")
    said = looks_by_itself(vm)
    story.says("version 3 comes by itself once the policy says so", "Version 3 is installed" in said, said)
    story.equals("with what was switched on, unpacked", "tool 3", vm.ask("/var/lib/tools/current/bin/t"))
    story.equals("with the group's bit and the capability that the archive has", ("2755", "1"),
                 (vm.ask("stat -c %a /var/lib/tools/tools_3/share"), vm.ask("tar --xattrs --xattrs-include='*' -C /var/lib/tools/tools_3 -c bin | grep -a -c security.capability")))  # fmt: skip
    is_on_trial(story, vm, 3)


def update(story, vm, number):
    done = vm.run("preonctl update install --yes --json", 600)
    story.says(f"version {number} is fetched, proven and installed", done.ok, done)
    is_on_trial(story, vm, number)


def is_on_trial(story, vm, number):
    story.equals("it has one slot of each kind", 3, labels(vm).count(f"Particle_{number}"))
    story.says("its kernel is on trial", vm.run(f"ls /efi/EFI/Linux/Particle_{number}+2*.efi").ok, vm.run("ls /efi/EFI/Linux"))


def back_by_itself(story, vm):
    """Restarts into version 4, until the loader gives it up. Nobody touches anything."""
    before, seen = vm.agent.boot_id, []
    vm.agent.send("systemctl reboot")
    for _ in range(5):
        vm.agent.wait_ready(600, not_boot=before)
        before = vm.agent.boot_id
        try:
            seen.append(version(vm))
        except Trouble:  # it restarts already
            seen.append("gone")
        if seen[-1] == "3":
            break
    return seen


with Story("update") as story:
    machine, disk = particle.installed(story.folder)
    (story.folder / "server").mkdir()
    with Nginx(story.folder / "server") as server:
        with machine.boot(disks=[disk], network=True) as vm:
            vm.wait_up()
            story.chapter("version 1 is up")
            size = first_update(story, vm, server)
            vm.power_cut()
        with machine.boot(disks=[disk], network=True) as vm:
            vm.wait_up()
            story.chapter("after the power cut")
            if resumed(story, vm, server, size):
                story.equals("nothing newer is on the server", 1, vm.run("preonctl update check").status)
                vm.reboot()
                story.chapter("restarted")
                came_up(story, vm, 2, 1)
                join(vm)
                serve(server, 3)
                story.chapter("version 3 is on the server")
                offer_archives(vm, server)
                comes_by_itself(story, vm)
                vm.reboot()
                came_up(story, vm, 3, 2)
                story.says("version 1 made room", "Particle_1" not in labels(vm) and labels(vm).count("Particle_2") == 3, labels(vm))
                join(vm)
                serve(server, 4)
                story.chapter("version 4 is on the server: nobody can log in there")
                update(story, vm, 4)
                seen = back_by_itself(story, vm)
                story.says("version 4 was tried, and given up for 3", seen[-1] == "3" and set(seen[:-1]) <= {"4", "gone"}, seen)
                came_back = json.loads(vm.ask("preonctl boot starts --json"))
                failed = [start for start in came_back if start["version"] == "4"]
                story.says("its starts are recorded, with the reason", len(failed) == 2 and all("logind" in " ".join(start["reasons"]) for start in failed), failed)
                join(vm)
                again = vm.run("preonctl update check --json", 120)
                story.says("it is not offered again by itself", again.status == 1, again)
                story.equals("no unit failed", [], particle.failed_units(vm))
            vm.poweroff()
