// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
import QtQuick
import QtQuick.Layouts
import QtQuick.Controls as QQC2
import org.kde.kirigami as Kirigami

// A disk as a bar: the pieces to scale but never thinner than a finger, their names and sizes in words below. What stays is calm, what is new takes the accent
// colour, what will be erased is hatched and named; each of them is also said in words. Read out as a list.
ColumnLayout {
    id: bar

    property string title
    property var segments: [] // of {"name", "bytes", "size", "kind"}, as diskpicture.h makes them
    property bool compares: false // says of each piece what becomes of it

    readonly property real finger: Kirigami.Units.gridUnit * 1.6

    spacing: Kirigami.Units.smallSpacing
    Layout.fillWidth: true

    Accessible.role: Accessible.List
    Accessible.name: title

    function fate(kind: string): string {
        switch (kind) {
        case "new": return i18ndc("preon", "becomes of a part of a disk", "new");
        case "erased": return i18ndc("preon", "becomes of a part of a disk", "erased");
        case "stays": return compares ? i18ndc("preon", "becomes of a part of a disk", "stays") : "";
        default: return "";
        }
    }

    function isSecond(index: int): bool {
        let before = 0;
        while (before < index && segments[index - before - 1].kind === segments[index].kind)
            ++before;
        return before % 2 === 1;
    }

    // To scale, where each piece is at least a finger wide; all of it is used.
    function widths(total: real): var {
        const gaps = 2 * Math.max(0, segments.length - 1);
        const space = Math.max(0, total - gaps);
        const least = Math.min(finger, space / Math.max(1, segments.length));
        let result = segments.map(() => 0), open = segments.map((_, i) => i), rest = space;
        for (let changed = true; changed && open.length;) {
            const bytes = open.reduce((sum, i) => sum + segments[i].bytes, 0) || 1;
            const small = open.filter(i => rest * segments[i].bytes / bytes < least);
            changed = small.length > 0;
            for (const i of changed ? small : open)
                result[i] = changed ? least : rest * segments[i].bytes / bytes;
            if (changed) {
                rest -= least * small.length;
                open = open.filter(i => !small.includes(i));
            }
        }
        return result.map(Math.floor);
    }

    QQC2.Label {
        text: bar.title
        visible: text !== ""
        font.weight: Font.DemiBold
        Accessible.ignored: true
    }
    Row {
        id: row
        spacing: 2
        Layout.fillWidth: true
        Layout.preferredHeight: Kirigami.Units.gridUnit * 2
        Accessible.ignored: true
        readonly property var pieces: bar.widths(width)
        Repeater {
            model: bar.segments
            DiskPiece {
                required property var modelData
                required property int index
                kind: modelData.kind
                width: row.pieces[index] ?? 0
                height: row.height
                first: index === 0
                last: index === bar.segments.length - 1
                second: bar.isSecond(index)
                QQC2.Label {
                    anchors.centerIn: parent
                    text: parent.modelData.name
                    visible: implicitWidth + Kirigami.Units.largeSpacing * 2 <= parent.width
                    color: parent.ink
                    font.weight: parent.kind === "new" ? Font.DemiBold : Font.Normal
                    Accessible.ignored: true
                }
            }
        }
    }
    Flow {
        spacing: Kirigami.Units.largeSpacing
        Layout.fillWidth: true
        Accessible.ignored: true
        Repeater {
            model: bar.segments
            Row {
                id: entry
                required property var modelData
                required property int index
                spacing: Kirigami.Units.smallSpacing
                rightPadding: Kirigami.Units.largeSpacing
                Accessible.role: Accessible.ListItem
                Accessible.name: [modelData.name, modelData.size, bar.fate(modelData.kind)].filter(part => part !== "").join(", ")
                DiskPiece {
                    kind: entry.modelData.kind
                    width: Math.round(Kirigami.Units.gridUnit * 0.8)
                    height: width
                    first: true
                    last: true
                    tiny: true
                    second: bar.isSecond(entry.index)
                    anchors.verticalCenter: parent.verticalCenter
                }
                QQC2.Label {
                    text: entry.modelData.name
                    Accessible.ignored: true
                }
                QQC2.Label {
                    text: [entry.modelData.size, bar.fate(entry.modelData.kind)].filter(part => part !== "").join(" · ")
                    opacity: 0.75
                    Accessible.ignored: true
                }
            }
        }
    }
}
