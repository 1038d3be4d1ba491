# SPDX-FileCopyrightText: Preon contributors
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Situations in which both tools have to say and do the same."""

from sysupdate_bench import SLOTS, SOURCE, TARGET, Case, transfer

TWO = {"a.transfer": transfer(), "b.transfer": transfer(name="b")}
PAIR = ["t/a_1.raw", "t/b_1.raw"]
HALF = [*PAIR, "t/a_2.raw", "src/a_2.raw", "src/b_2.raw"]
FIVE = [f"t/a_{i}.raw" for i in range(1, 6)] + ["src/a_6.raw"]
UPDATE = ["--verify=no", "update"]


def one(settings="", more="", source=SOURCE, target=TARGET):
    return {"a.transfer": transfer(settings, source, target + more)}


COUNTED = TARGET.replace("a_@v.raw", "a_@v+@l-@d.efi a_@v+@l.efi a_@v.efi")
COUNTS = ["t/a_1.efi", "t/a_2+3.efi", "t/a_3+2-1.efi", "src/a_4.raw"]
TWICE = ["t/a_0.efi", "t/a_1.efi", "t/a_1+3.efi", "t/a_1+2-1.efi", "t/a_2.efi"]
FIELDS = SOURCE.replace("a_@v.raw", "a_@v_@u_@f_@a_@g_@r_@t_@m_@s_@d_@l_@h")
FIELD_FILE = "src/a_1_0123456789abcdef0123456789abcdef_8000_1_0_1_1000_640_{}_2_3_" + "ab" * 32
FOLDERS = {"a.transfer": transfer("", "[Source]\nType=directory\nPath=/src\nMatchPattern=a_@v\n", "[Target]\nType=directory\nPath=/t\nMatchPattern=a_@v\n")}
FEATURE = "[Feature]\nDescription=Some thing\nDocumentation=https://d/%A\nAppStream=https://a/\nEnabled={}\n"
OPTIONAL = {"a.transfer": transfer(), "b.transfer": transfer("Features=x", name="b"), "c.transfer": transfer("RequisiteFeatures=x", name="c")}
ESP = TARGET.replace("Path=/t", "Path=/EFI/Linux\nPathRelativeTo=esp")

OFFERS = {"a.transfer": transfer("Verify=no", "[Source]\nType=url-file\nPath=file://src/\nMatchPattern=a_@v.raw a_@v_@h\n")}
HASH = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def manifest(*names):
    return {"src/SHA256SUMS": "".join(f"{HASH}  {name}\n" for name in names)}


CASES = [
    Case("nothing there", ["list"]),
    Case("nothing there, JSON", ["list", "--json=pretty"]),
    Case("no definitions", ["list"], definitions={}),
    Case("some versions", ["list"], ["t/a_1.raw", "t/a_2.raw", "src/a_2.raw", "src/a_3.raw", "src/a_10.raw"]),
    Case("no command", [], ["t/a_1.raw", "src/a_2.raw"]),
    Case("without legend", ["--no-legend", "list"], ["t/a_1.raw", "src/a_20.raw"]),
    Case("JSON", ["list", "--json=short"], ["t/a_1.raw", "src/a_2.raw"], one("AppStream=https://a/%A\nAppStream=https://b/")),
    Case("one version", ["list", "2"], ["t/a_2.raw", "src/a_2.raw"], one("ProtectVersion=%A\nChangeLog=https://c/@v/@v\nChangeLog=https://d/")),
    Case("one version, no legend", ["list", "2", "--no-legend"], ["t/a_2.raw"]),
    Case("one version as JSON", ["list", "2", "--json=pretty"], ["t/a_2.raw"], one("ChangeLog=https://c/@v")),
    Case("an offered version", ["list", "3"], ["t/a_2.raw", "src/a_3.raw"]),
    Case("a version that is not there", ["list", "9"], ["t/a_2.raw"]),
    Case("all fields", ["list", "1"], [FIELD_FILE.format(1536)], one(source=FIELDS)),
    Case("all fields as JSON", ["list", "1", "--json=pretty"], [FIELD_FILE.format(4096)], one(source=FIELDS)),
    Case("several patterns", ["list"], ["src/a_1", "src/b_1", "src/b_2"], one(source=SOURCE.replace("a_@v.raw", "a_@v b_@v"))),
    Case("offline", ["--offline", "list"], ["t/a_1.raw", "src/a_2.raw"]),
    Case("something new", ["check-new"], ["t/a_1.raw", "src/a_2.raw", "src/a_3.raw"]),
    Case("something new, JSON", ["check-new", "--json=short"], ["t/a_1.raw", "src/a_2.raw"]),
    Case("nothing new", ["check-new"], ["t/a_5.raw", "src/a_3.raw"]),
    Case("nothing new, JSON", ["check-new", "--json=pretty"], ["t/a_5.raw"]),
    Case("incomplete and repairable", ["list"], HALF, TWO),
    Case("incomplete and repairable, one", ["list", "2"], HALF, TWO),
    Case("incomplete and repairable, JSON", ["list", "2", "--json=short"], HALF, TWO),
    Case("incomplete and repairable, new", ["check-new"], HALF, TWO),
    Case("repair", UPDATE, HALF, TWO),
    Case("repair by name", [*UPDATE, "2"], HALF, TWO),
    Case("incomplete, with something newer", ["list"], [*HALF, "src/a_3.raw", "src/b_3.raw"], TWO),
    Case("incomplete, old", ["list"], ["t/a_1.raw", "t/a_2.raw", "t/b_2.raw"], TWO),
    Case("incomplete at the second", ["list"], [*PAIR, "t/b_5.raw"], TWO),
    Case("offered in part", ["list"], [*PAIR, "src/a_2.raw", "src/b_2.raw", "src/a_3.raw", "src/b_4.raw"], TWO),
    Case("offered, and older than what is here", ["list"], ["t/a_4.raw", "t/a_5.raw", "src/a_4.raw"]),
    Case("obsolete", ["list"], ["t/a_1.raw", "t/a_3.raw", "src/a_2.raw", "src/a_4.raw"], one("MinVersion=3")),
    Case("obsolete, one", ["list", "1"], ["t/a_1.raw", "t/a_3.raw"], one("MinVersion=3")),
    Case("all obsolete", ["list"], ["t/a_1.raw", "src/a_4.raw"], one("MinVersion=5")),
    Case("all obsolete, new", ["check-new"], ["t/a_1.raw", "src/a_4.raw"], one("MinVersion=5")),
    Case("update to what is obsolete", [*UPDATE, "4"], ["t/a_1.raw", "src/a_4.raw"], one("MinVersion=5")),
    Case("protected", ["list"], FIVE, one("ProtectVersion=1\nProtectVersion=2")),
    Case("vacuum around the protected", ["vacuum"], FIVE, one("ProtectVersion=1\nProtectVersion=2")),
    Case("all protected", UPDATE, FIVE, one("\n".join(f"ProtectVersion={i}" for i in range(1, 6)))),
    Case("vacuum", ["vacuum"], FIVE),
    Case("vacuum to two", ["vacuum"], FIVE, one(more="InstancesMax=2\n")),
    Case("vacuum by option", ["vacuum", "-m3"], FIVE, one(more="InstancesMax=2\n")),
    Case("vacuum to one", ["vacuum", "--instances-max=1", "--json=short"], FIVE),
    Case("vacuum to none", ["vacuum", "-m", "0"], FIVE),
    Case("vacuum with nothing to do", ["vacuum", "--json=pretty"], ["t/a_1.raw"]),
    Case("leftovers of 257", ["vacuum"], ["t/.#sysupdatea_1.rawabc", "t/.#a_2.raw0123456789abcdef", "t/a_1.raw"]),
    Case("leftovers that are kept", ["vacuum"], ["t/.#sysupdatea_1.rawabc", "t/a_1.raw"], one(more="RemoveTemporary=no\n")),
    Case("update", UPDATE, FIVE),
    Case("update as JSON", [*UPDATE, "--json=pretty"], FIVE),
    Case("update to what is there", [*UPDATE, "5"], [*FIVE, "src/a_5.raw"]),
    Case("update to what is not there", [*UPDATE, "7"], FIVE),
    Case("update with nothing new", UPDATE, ["t/a_1.raw"]),
    Case("downgrade", [*UPDATE, "3"], ["t/a_5.raw", "t/a_6.raw", "t/a_7.raw", "src/a_3.raw"]),
    Case("update keeping two", [*UPDATE, "-m", "2"], FIVE),
    Case("update keeping one", [*UPDATE, "-m", "1"], FIVE),
    Case("update of two", UPDATE, [*PAIR, "src/a_2.raw", "src/b_2.raw"], TWO),
    Case("update without a target folder", UPDATE, ["src/a_1.raw"], one(target=TARGET.replace("/t", "/x/y"))),
    Case("boot counts", ["list"], COUNTS, one(target=COUNTED)),
    Case("boot counts, one", ["list", "3"], COUNTS, one(target=COUNTED)),
    Case("boot counts, update", UPDATE, COUNTS, one(target=COUNTED)),
    Case("boot counts of our own", UPDATE, COUNTS, one(target=COUNTED, more="TriesLeft=5\nTriesDone=1\n")),
    Case("one version in several files", ["list"], TWICE, one(target=COUNTED)),
    Case("one version in several files, vacuum", ["vacuum"], TWICE, one(target=COUNTED, more="InstancesMax=2\n")),
    Case("link", UPDATE, ["src/a_1.raw"], one(more="CurrentSymlink=now.raw\n")),
    Case("link that moves", UPDATE, ["src/a_1.raw", "t/now.raw"], one(more="CurrentSymlink=now.raw\n")),
    Case("absolute link", UPDATE, ["src/a_1.raw", "x/y/"], one(more="CurrentSymlink=/x/y/now.raw\n")),
    Case("mode", UPDATE, ["src/a_1.raw"], one(more="Mode=0600\nReadOnly=yes\n")),
    Case("mode and time by name", UPDATE, ["src/a_1_640_1000000000"], one(source=SOURCE.replace("a_@v.raw", "a_@v_@m_@t"))),
    Case("folders", ["list", "1"], ["src/a_1/x", "src/a_2"], FOLDERS),
    Case("folders, update", UPDATE, ["src/a_5/x", "src/a_5/y/z"] + [f"t/a_{i}/x/y" for i in range(5)], FOLDERS),
    Case("features", ["features"], [], OPTIONAL | {"x.feature": FEATURE.format("yes")}),
    Case("features without legend", ["features", "--no-legend"], [], OPTIONAL | {"x.feature": "[Feature]\nDescription=Some\n"}),
    Case("features as JSON", ["features", "--json=short"], [], OPTIONAL | {"x.feature": FEATURE.format("no")}),
    Case("a feature", ["features", "x"], [], OPTIONAL | {"x.feature": FEATURE.format("yes")}),
    Case("a feature as JSON", ["features", "x", "--json=pretty"], [], OPTIONAL | {"x.feature": FEATURE.format("no")}),
    Case("a feature that nothing has", ["features", "y", "--json=pretty"], [], OPTIONAL | {"y.feature": "[Feature]\n"}),
    Case("a feature that is not there", ["features", "y"], [], OPTIONAL),
    Case("feature on", ["list"], ["t/a_1.raw", "t/b_1.raw", "t/c_1.raw"], OPTIONAL | {"x.feature": FEATURE.format("yes")}),
    Case("feature off", ["list"], ["t/a_1.raw", "t/b_1.raw", "t/c_1.raw"], OPTIONAL | {"x.feature": FEATURE.format("no")}),
    Case("feature off, vacuum", ["vacuum", "--json=short"], ["t/a_1.raw", "t/b_1.raw", "t/b_2.raw", "t/c_1.raw"], OPTIONAL | {"x.feature": FEATURE.format("no")}),
    Case("feature off, update", UPDATE, ["t/a_1.raw", "t/b_1.raw", "src/a_2.raw"], OPTIONAL | {"x.feature": FEATURE.format("no")}),
    Case("everything off", ["list"], [], {"a.transfer": transfer("Features=x")}),
    Case("components", ["components"], [], {"../sysupdate.foo.d/a.transfer": transfer(), "../../../etc/sysupdate.bar.d/a": "", "../sysupdate..d/a": ""}),
    Case("components as JSON", ["components", "--json=pretty"], [], {"../sysupdate.foo.d/a.transfer": transfer()}),
    Case("a component", ["-C", "foo", "list"], ["t/a_1.raw"], {"../sysupdate.foo.d/a.transfer": transfer()}),
    Case("a component that is not there", ["--component=foo", "list"], ["t/a_1.raw"]),
    Case("old names", ["list"], ["t/a_1.raw"], {"a.conf": transfer()}),
    Case("drop-ins", ["list"], ["t/q_1"], {"a.transfer": transfer(), "../../../etc/sysupdate.d/a.transfer.d/x.conf": "[Target]\nMatchPattern=\nMatchPattern=q_@v\n"}),
    Case("masked", ["list"], ["t/a_1.raw"], {"a.transfer": transfer(), "../../../etc/sysupdate.d/a.transfer": ""}),
    Case("on the EFI partition", UPDATE, ["boot/EFI/Linux/a_1.raw", "src/a_2.raw"], one(target=ESP)),
    Case("warnings only", ["list"], ["t/a_1.raw"], one("MinVersion=a b\nFoo=1\nVerify=x", "Mode=9\nTriesLeft=x\nInstancesMax=1\n")),
    Case("a bad pattern", ["list"], ["t/a_1.raw"], one(target=TARGET.replace("@v", "v"))),
    Case("types that do not fit", ["list"], [], one(target=TARGET.replace("regular-file", "directory"))),
    Case("offers", ["list"], ["t/a_1.raw"], OFFERS, texts=manifest("a_1.raw", "a_2.raw", "x_3.raw", "other", f"a_4_{HASH}")),
    Case("offers, one", ["list", "2"], ["t/a_1.raw"], OFFERS, texts=manifest("a_1.raw", "a_2.raw")),
    Case("offers as JSON", ["list", "2", "--json=pretty"], ["t/a_1.raw"], OFFERS, texts=manifest("a_2.raw")),
    Case("offers, new", ["check-new"], ["t/a_1.raw"], OFFERS, texts=manifest("a_2.raw", "a_10.raw")),
    Case("offers that contradict themselves", ["list"], ["t/a_1.raw"], OFFERS, texts=manifest("a_2.raw", "a_3_" + "0" * 64)),
    Case("offers of another folder", ["list"], ["t/a_1.raw"], OFFERS, texts=manifest("a_2.raw", "../a_3.raw")),
    Case("offers without an end", ["list"], ["t/a_1.raw"], OFFERS, texts={"src/SHA256SUMS": f"{HASH}  a_2.raw"}),
    Case("no offers", ["list"], ["t/a_1.raw"], OFFERS),
    Case("offers, offline", ["list", "--offline"], ["t/a_1.raw"], OFFERS),
    Case("pending needs this machine", ["pending"]),
    Case("too many words", ["list", "1", "2"]),
    Case("an unknown command", ["frobnicate"]),
    Case("an unknown option", ["--frobnicate"]),
    Case("bad JSON", ["--json=x", "list"]),
]

GPT = "".join(f'size={size}, {SLOTS}, uuid=00000000-0000-0000-0000-00000000000{n}, name="{{{n}}}"\n' for n, size in ((1, 8192), (2, 16384), (3, 12288)))
GPT += 'size=2048, type=0FC63DAF-8483-4772-8E79-3D69D8477DE4, uuid=00000000-0000-0000-0000-000000000009, name="_empty"\n'


def table(*labels):
    return GPT.format("", *labels)


SLOT = "[Target]\nType=partition\nPath=@\nMatchPattern=a_@v\nMatchPartitionType=usr\n"


def slot(settings="", more="", source=SOURCE):
    return {"a.transfer": transfer(settings, source, SLOT + more)}


NEW = ["src/a_3.raw", "src/a_4.raw"]
SLOT_CASES = [
    Case("slots", ["list"], NEW, slot("ProtectVersion=2"), table("a_1", "a_2", "_empty")),
    Case("slots, one version", ["list", "2"], NEW, slot("ProtectVersion=2"), table("a_1", "a_2", "_empty")),
    Case("slots, one version as JSON", ["list", "2", "--json=pretty"], NEW, slot(), table("a_1", "a_2", "_empty")),
    Case("slots, attributes", ["list", "2"], NEW, slot(), table("a_1", "a_2", "_empty").replace('name="a_2"', 'name="a_2", attrs="GUID:60,63"')),
    Case("slots, update into the free one", UPDATE, NEW, slot(), table("a_1", "a_2", "_empty")),
    Case("slots, update into the smallest", UPDATE, NEW, slot(), table("_empty", "a_2", "_empty")),
    Case("slots, update over the oldest", UPDATE, NEW, slot(), table("a_1", "a_2", "foreign")),
    Case("slots, update over what is not protected", UPDATE, NEW, slot("ProtectVersion=1"), table("a_1", "a_2", "foreign")),
    Case("slots, all protected", UPDATE, NEW, slot("ProtectVersion=1\nProtectVersion=2"), table("a_1", "a_2", "foreign")),
    Case("slots, first version", UPDATE, NEW, slot(), table("_empty", "_empty", "_empty")),
    Case("slots, only one", UPDATE, NEW, slot(), table("a_1", "foreign", "foreign")),
    Case("slots, identity", UPDATE, NEW, slot(more="PartitionUUID=0123456789abcdef0123456789abcdef\nPartitionNoAuto=yes\nReadOnly=yes\nPartitionGrowFileSystem=no\n"), table("a_1", "a_2", "_empty")),
    Case("slots, flags", UPDATE, NEW, slot(more="PartitionFlags=0x1000000000000000\n"), table("a_1", "a_2", "_empty")),
    Case("slots, identity by name", UPDATE, ["src/a_3_0123456789abcdef0123456789abcdef_1_0"], slot(source=SOURCE.replace("a_@v.raw", "a_@v_@u_@r_@a")), table("a_1", "a_2", "_empty")),
    Case("slots, vacuum", ["vacuum", "-m", "1"], NEW, slot(), table("a_1", "a_2", "a_3")),
    Case("slots, vacuum around the protected", ["vacuum", "-m", "1", "--json=short"], NEW, slot("ProtectVersion=1"), table("a_1", "a_2", "a_3")),
    Case("slots, nothing to vacuum", ["vacuum"], NEW, slot(), table("a_1", "a_2", "a_3")),
    Case("slots, keeping two", ["vacuum"], NEW, slot(more="InstancesMax=2\n"), table("a_1", "a_2", "a_3")),
    Case("slots, off", ["vacuum"], NEW, slot("Features=x") | {"b.transfer": transfer(source=SOURCE.replace("/src", "/nowhere"), target=TARGET.replace("/t", "/nowhere"))}, table("a_1", "a_2", "a_3")),
    Case("slots with size by name", UPDATE, ["src/a_3_5000000"], slot(source=SOURCE.replace("a_@v.raw", "a_@v_@s")), table("_empty", "a_2", "_empty")),
]
