// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
import QtQuick
import QtQuick.Layouts
import QtQuick.Controls as QQC2
import org.kde.kirigami as Kirigami

// The code that shim's screen asks for at the next start, and what to choose there. That screen speaks English and has an American keyboard, whatever was chosen here.
ColumnLayout {
    id: owner

    required property string code // eight digits
    required property string system
    required property bool secureBootOn // nothing starts before the answer

    readonly property var steps: [
        i18n("Press any key within ten seconds."),
        i18n("Choose “Enroll MOK”, then “Continue”, then “Yes”."),
        i18n("Type the code and press Enter. Nothing is shown while you type; the digits need no Shift."),
        i18n("Choose “Reboot”."),
    ]

    spacing: Kirigami.Units.largeSpacing
    Layout.fillWidth: true

    Rectangle {
        id: paper
        Kirigami.Theme.inherit: false
        Kirigami.Theme.colorSet: Kirigami.Theme.View
        radius: Kirigami.Units.cornerRadius * 1.5
        color: Kirigami.Theme.backgroundColor
        border.width: 1
        border.color: Kirigami.ColorUtils.linearInterpolation(Kirigami.Theme.backgroundColor, Kirigami.Theme.textColor, 0.2)
        implicitHeight: inside.implicitHeight + 2 * inside.anchors.margins
        Layout.fillWidth: true

        ColumnLayout {
            id: inside
            anchors { left: parent.left; right: parent.right; top: parent.top; margins: Kirigami.Units.largeSpacing * 1.5 }
            spacing: Kirigami.Units.largeSpacing

            QQC2.Label {
                text: i18n("Write this code down. A blue screen in English asks for it after the restart:")
                wrapMode: Text.Wrap
                horizontalAlignment: Text.AlignHCenter
                Layout.fillWidth: true
            }
            Row {
                objectName: "code"
                Accessible.role: Accessible.StaticText
                Accessible.name: i18nc("eight digits, read one by one", "The code: %1", owner.code.split("").join(", "))
                // Digits are typed from left to right in every language.
                LayoutMirroring.enabled: false
                LayoutMirroring.childrenInherit: true
                layoutDirection: Qt.LeftToRight
                Layout.alignment: Qt.AlignHCenter
                Layout.topMargin: Kirigami.Units.smallSpacing
                Layout.bottomMargin: Kirigami.Units.smallSpacing
                readonly property real cell: Math.min(Kirigami.Units.gridUnit * 2, inside.width / 9)
                spacing: Math.round(cell * 0.08)
                id: digits

                Repeater {
                    model: owner.code.split("")
                    Item {
                        required property string modelData
                        required property int index
                        width: digits.cell + (index === 3 ? digits.cell * 0.35 : 0)
                        height: Math.round(digits.cell * 1.3)
                        Rectangle {
                            width: Math.round(digits.cell * 0.92)
                            height: parent.height
                            radius: Kirigami.Units.cornerRadius
                            color: Kirigami.ColorUtils.tintWithAlpha(Kirigami.Theme.backgroundColor, Kirigami.Theme.highlightColor, 0.14)
                            QQC2.Label {
                                anchors.centerIn: parent
                                text: modelData
                                textFormat: Text.PlainText
                                font.pixelSize: Math.round(digits.cell * 0.85)
                                font.weight: Font.DemiBold
                                font.features: { "tnum": 1 }
                                Accessible.ignored: true
                            }
                        }
                    }
                }
            }
            Repeater {
                model: owner.steps
                StepLine {}
            }
        }
    }
    QQC2.Label {
        objectName: "missed"
        text: owner.secureBootOn ? i18n("It asks once. If you miss it, %1 does not start until you switch Secure Boot off in the firmware’s settings, or install it again.", owner.system)
                                 : i18n("Then you can switch Secure Boot on in the firmware’s settings. It asks once: if you miss it, %1 starts all the same while Secure Boot is off, and “preonctl boot ask-owner” in a terminal lets it ask again.", owner.system)
        opacity: 0.8
        wrapMode: Text.Wrap
        Layout.fillWidth: true
    }
}
