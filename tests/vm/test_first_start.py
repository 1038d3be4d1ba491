#!/usr/bin/env python3
# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""A system that nobody lives on yet, and what can be in the way of its first account: no systemd-homed, a full disk, a power cut, a forgotten password. Its pages: test_live.py."""

import json
import subprocess
import time

from harness import Machine, Story, firststart, particle

PASSWORD, NEW_PASSWORD = "Drei blaue Pferde 17", "Vier rote Boote 23"
ANNA = {"user_name": "anna", "real_name": "Anna Blüm", "account": "encrypted"}


def greeted(story, vm):
    vm.wait_up()
    story.chapter("a system is up that nobody lives on")
    vm.ask("for i in $(seq 120); do grep -qsx preon-installer /proc/[0-9]*/comm && exit; sleep 1; done; journalctl -b -u particle-first-start --no-pager >&2; exit 1", 240)
    story.equals("its owner is greeted, at the screen", "preon-first-start", vm.ask("ps -o user:32= -p $(pgrep -x preon-installer)").strip())
    story.says("nobody is asked to log in there", not vm.run("systemctl is-active getty@tty1").ok)
    story.says("the start is over all the same", vm.run("systemctl is-active multi-user.target").ok)
    stranger = vm.run(f"systemd-run --quiet --wait --pipe --uid=nobody {firststart.BUS} MakeRecoveryKey")
    story.says("who is not at the screen gets no key", not stranger.ok and '"permission"' in stranger.err, stranger)
    vm.ask("pkill -x preon-installer; sleep 1; systemctl stop particle-first-start")


def in_the_way(story, vm):
    facts = firststart.describe(vm)
    story.equals("nothing is known of a system that was copied", {"language": "", "keyboard": "", "time-zone": ""}, {name: facts["known"][name] for name in ("language", "keyboard", "time-zone")})
    story.equals("an encrypted home is possible, the TPM locks, and a key can be made", (False, None, "tpm", None, False),
                 (facts["over"], facts["accounts"]["encrypted"], facts["lock"], facts["recoveryKey"], facts["hasRecoveryKey"]))  # fmt: skip
    vm.ask("systemctl mask --runtime --now systemd-homed")
    without = firststart.describe(vm)["accounts"]
    story.says("without systemd-homed it says so, and offers an ordinary account", without["encrypted"] and without["ordinary"] is None, without)
    refused = firststart.apply(vm, PASSWORD, **ANNA)
    story.says("and makes no encrypted one", "refused" in refused, refused)
    vm.ask("systemctl unmask --runtime systemd-homed && systemctl start systemd-homed")
    vm.ask("free=$(df --output=avail -B1 /home | tail -1); fallocate -l $((free - 300000000)) /home/filler")
    full = firststart.describe(vm)["accounts"]["encrypted"]
    story.says("on a full disk too, with the numbers", full and full["code"] == "no-space" and "are free" in full["why"], full)
    refused = firststart.apply(vm, PASSWORD, **ANNA)
    story.says("and begins nothing", "no-space" in refused.get("refused", "") and not vm.run("ls /var/lib/preon/first-start.json").ok, refused)
    vm.ask("rm /home/filler && btrfs filesystem sync /home")
    weak = firststart.apply(vm, "", **ANNA)
    story.says("an empty password is none", "bad-argument" in weak.get("refused", ""), weak)
    taken = firststart.apply(vm, PASSWORD, user_name="sudo", account="encrypted")
    story.says("a name that is taken is refused", "exists" in taken.get("refused", ""), taken)


def cut_off(story, vm, phase, after):
    key = firststart.new_key(vm)
    firststart.apply(vm, PASSWORD, key, wait=False, language="de_DE.UTF-8", keyboard="de", time_zone="Europe/Berlin", hostname="laptop", **ANNA)
    firststart.wait_for_phase(vm, phase)
    time.sleep(after)
    vm.power_cut()
    story.chapter(f"the power went: {phase.lower()}")
    return key


def greeted_again(story, vm):
    vm.wait_up()
    story.chapter("started again")
    facts = firststart.describe(vm)
    story.equals("the greeting comes again", False, facts["over"])
    story.equals("the key of before does not count", False, facts["hasRecoveryKey"])
    vm.ask("pkill -x preon-installer; sleep 1; systemctl stop particle-first-start", 180)


def goes_on(story, vm, lost):
    vm.wait_up()
    story.chapter("started again")
    facts = firststart.describe(vm)
    story.equals("the greeting comes again", False, facts["over"])
    story.says("no failed unit, no half account", not particle.failed_units(vm) and not vm.run("id anna").ok, particle.failed_units(vm))
    story.equals("what was set before is known", "de_DE.UTF-8 de Europe/Berlin laptop", " ".join(facts["known"].values()))
    story.equals("the key of before does not count", False, facts["hasRecoveryKey"])
    vm.ask("pkill -x preon-installer; sleep 1; systemctl stop particle-first-start", 180)
    key = firststart.new_key(vm)
    done = firststart.apply(vm, PASSWORD, key, **ANNA)
    story.equals("the account is made", ("done", {"account": "anna", "recoveryKey": "tested"}), (done.get("state"), done.get("result")))
    if done.get("state") != "done":
        story.says("it says why not", False, f"{done}\n" + vm.run("journalctl -b -u systemd-homed -u preond --no-pager | tail -40").out)
    story.says("the keys of before open nothing", not any(vm.run(f"echo {each} | preonctl unlock test").ok for each in lost))
    story.says("the new one opens the disk", vm.run(f"echo {key} | preonctl unlock test").ok)
    story.equals("the TPM and that are all the ways in", ["recovery-key", "tpm"], sorted(kind for kind, _ in particle.ways(vm)))
    home = firststart.home_facts(vm, "anna")
    story.equals("the home is an encrypted image with a recovery key, in use", ("luks", ["sudo"], ["modhex64"], "btrfs", "gpt"),
                 (home["storage"], home["groups"], home["recovery"], home["mounted"], home["image"]))  # fmt: skip
    story.equals("nothing is left of the one that was cut off", "anna.home", vm.ask("ls -A /home | grep -v '^anna$'").strip())
    story.says("a second first start is refused", firststart.describe(vm)["over"] and "exists" in firststart.apply(vm, PASSWORD, user_name="otto").get("refused", ""))
    story.says("its note is root's alone", vm.ask("stat -c '%a %u' /var/lib/preon/first-start.json").strip() == "600 0")
    return key


def forgotten(story, vm, key):
    vm.ask("runuser -u anna -- sh -c 'echo kept >/home/anna/kept' && sync && homectl deactivate anna")
    story.equals("logged out, the home is shut", ("", False), (firststart.home_facts(vm, "anna")["mounted"], vm.run("ls /home/anna/kept").ok))
    vm.push("/run/key", key, "0600")
    vm.push("/run/new", NEW_PASSWORD, "0600")
    changed = vm.run("preonctl home passwd anna --recovery-key-file=/run/key --new-password-file=/run/new; s=$?; rm /run/key /run/new; exit $s", 300)
    story.says("a forgotten password is replaced with the recovery key", changed.ok, changed)
    story.says("the new one opens it", vm.run(f"PASSWORD='{NEW_PASSWORD}' homectl activate anna", 180).ok)
    story.equals("everything is there", "kept", vm.run("cat /home/anna/kept").out.strip())
    vm.ask("homectl deactivate anna")
    # systemd-homed itself is asked: its tool would go on asking somebody.
    tries = "busctl call --timeout=120 org.freedesktop.home1 /org/freedesktop/home1 org.freedesktop.home1.Manager AuthenticateHome ss anna"
    old = vm.run(f"{tries} '{{\"password\":[\"{PASSWORD}\"]}}'", 180)
    story.says("the old one does not", not old.ok and "incorrect" in old.err, old)
    story.says("the recovery key still does", vm.run(f"{tries} '{{\"password\":[\"{key}\"]}}'", 180).ok)


def kept(story, vm, key):
    """As after an installation that kept the homes: of the old system systemd-homed has nothing left, neither record nor key."""
    vm.ask("systemctl stop systemd-homed && rm -rf /var/lib/systemd/home/* /var/cache/systemd/home/* && systemctl start systemd-homed", 120)
    listed = json.loads(vm.ask("preonctl home adopt --list --json"))
    story.equals("the home that was kept is found", [("anna", "luks", True)], [(home["userName"], home["storage"], home["size"] > 0) for home in listed])
    refused = vm.run(f"PASSWORD='{NEW_PASSWORD}' homectl activate anna </dev/null", 180)
    story.says("systemd-homed lets nobody in", not refused.ok, refused)
    vm.push("/run/password", PASSWORD, "0600")
    wrong = vm.run("preonctl home adopt anna --password-file=/run/password", 180)
    story.says("nor does Preon by another password", not wrong.ok and "does not open" in wrong.err and not vm.run("ls /var/lib/systemd/home/anna.identity").ok, wrong)
    vm.push("/run/password", NEW_PASSWORD, "0600")
    planned = vm.run("preonctl home adopt anna --password-file=/run/password --dry-run", 180)
    story.says("who lives there is said before anything is changed", planned.ok and "Anna" in planned.out and not vm.run("ls /var/lib/systemd/home/anna.identity").ok, planned)
    adopted = vm.run("preonctl home adopt anna --password-file=/run/password --group sudo; s=$?; rm /run/password; exit $s", 180)
    story.says("by its password it is adopted", adopted.ok, adopted)
    story.says("and opens", vm.run(f"PASSWORD='{NEW_PASSWORD}' homectl activate anna", 180).ok)
    story.equals("everything is there", "kept", vm.run("cat /home/anna/kept").out.strip())
    story.says("whoever adopted it said that she administers", "sudo" in vm.ask("id --name --groups anna").split())
    vm.ask("homectl deactivate anna")
    story.equals("no foreign key was let in", ["anna.identity", "local.private", "local.public"], vm.ask("ls /var/lib/systemd/home").split())
    vm.reboot()
    story.chapter("restarted with the adopted home")
    tries = "busctl call --timeout=120 org.freedesktop.home1 /org/freedesktop/home1 org.freedesktop.home1.Manager AuthenticateHome ss anna"
    story.says("it is hers after a restart too", vm.run(f"{tries} '{{\"password\":[\"{NEW_PASSWORD}\"]}}'", 180).ok)
    story.says("its recovery key opens it as before", vm.run(f"{tries} '{{\"password\":[\"{key}\"]}}'", 180).ok)


def next_owner(story, vm, key):
    vm.ask("useradd --create-home --home-dir /var/home/otto --shell /bin/bash otto && echo otto:x | chpasswd && systemctl stop preond")
    vm.ask("mkdir -p /etc/NetworkManager/system-connections && echo psk=geheim >/etc/NetworkManager/system-connections/home.nmconnection")
    without = vm.run("echo cccccccc | preonctl first-start reset --yes")
    story.says("whoever has no key of the disk cannot hand it over", not without.ok and not vm.run("ls /var/lib/preon/first-start-reset.json").ok, without)
    vm.push("/run/key", key, "0600")
    said = vm.run("preonctl first-start reset --yes --key-file=/run/key; s=$?; rm /run/key; exit $s", 120)
    story.says("a computer is made ready for its next owner: by the next start", said.ok and "anna" in said.err and "otto" in said.err, said)
    story.says("nothing is gone before", vm.run("id anna && id otto").ok)
    vm.reboot()
    story.chapter("started for the next owner")
    vm.ask("for i in $(seq 120); do pgrep -x preon-installer >/dev/null && exit; sleep 1; done; journalctl -b -u particle-first-start --no-pager >&2; exit 1", 240)
    facts = firststart.describe(vm)
    story.equals("who had it before is nobody here", ["anna.home", "otto"], [name for name in ("anna.home", "otto") if not vm.run(f"id {name.removesuffix('.home')} || ls /home/{name} /var/home/{name}").ok])
    story.equals("the greeting asks for all that it asked for", "", "".join(facts["known"].values()))
    story.equals("networks are forgotten", "", vm.run("ls /etc/NetworkManager/system-connections").out.strip())
    story.equals("a new recovery key can be made", (None, False), (facts["recoveryKey"], facts["hasRecoveryKey"]))
    story.says("the old one opens nothing", not vm.run(f"echo {key} | preonctl unlock test").ok)
    story.equals("no journal names them", "", vm.run("journalctl --no-pager | grep -e Blüm -e 'home of anna' -e otto | grep -v -e preon-probe -e 'preonctl\\[' -e first-start-reset").out)
    story.equals("no unit failed", [], particle.failed_units(vm))
    vm.ask("pkill -x preon-installer; sleep 1; systemctl stop particle-first-start", 180)


def left_nowhere(story, vm, disk, secrets):
    words = " ".join(f"-e '{secret}'" for secret in secrets)
    found = vm.run(f"grep -rlaF {words} /run /var /etc --exclude-dir='preon-probe*' --exclude=first-start.py; journalctl -b --no-pager | grep -F {words} | grep -v preon-probe", 300).out
    story.equals("passwords and keys are in no file and not in the journal", "", found)
    vm.poweroff()
    for secret in secrets:
        count = subprocess.run(["grep", "-caF", secret, disk.path], capture_output=True, text=True, check=False).stdout.strip()
        story.equals("nor anywhere on the disk as it lies there", "0", count)


with Story("first-start") as story:
    machine = Machine.new(story.folder / "machine", memory=3072)
    disk = particle.image("live").overlay(story.folder / "disk.qcow2", "14G")
    lost = []
    with machine.boot(disks=[disk]) as vm:
        greeted(story, vm)
        in_the_way(story, vm)
        lost.append(cut_off(story, vm, "Making the recovery key", 0.3))
    with machine.boot(disks=[disk]) as vm:
        greeted_again(story, vm)
        lost.append(cut_off(story, vm, "Making the account", 2))
    with machine.boot(disks=[disk]) as vm:
        key = goes_on(story, vm, lost)
        forgotten(story, vm, key)
        kept(story, vm, key)
        next_owner(story, vm, key)
        left_nowhere(story, vm, disk, [PASSWORD, NEW_PASSWORD, key, *lost])
