// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "apps/updates/elsewhere.h"

#include <KConfigGroup>
#include <KDesktopFile>
#include <KLazyLocalizedString>
#include <KLocalizedString>

#include <QProcess>
#include <QStandardPaths>

#include <array>
#include <vector>

namespace Preon::Updates
{

using namespace Qt::StringLiterals;

namespace
{

struct Program {
    const char *desktopFile;
    std::vector<const char *> options; // that lead to its page of updates
};

struct Place {
    const char *id, *icon;
    KLazyLocalizedString title, none;
    std::vector<Program> programs; // the fittest first
};

const auto &knownPlaces()
{
    static const std::array places{
        Place{"firmware",
              "computer",
              kli18n("Firmware of this computer and its devices"),
              kli18n("No app for it is installed. In a terminal: fwupdmgr"),
              {{"org.gnome.Firmware.desktop", {}}, {"org.kde.discover.desktop", {"--mode", "Update"}}, {"org.gnome.Software.desktop", {"--mode", "updates"}}}},
        Place{"apps",
              "view-app-grid-symbolic",
              kli18n("Apps"),
              kli18n("No app for it is installed. In a terminal: flatpak update"),
              {{"org.kde.discover.desktop", {"--mode", "Update"}}, {"org.gnome.Software.desktop", {"--mode", "updates"}}}},
    };
    return places;
}

// What a desktop file starts, without what it would be given to open; empty where that is not installed.
QStringList commandOf(const KDesktopFile &file)
{
    QStringList words = QProcess::splitCommand(file.desktopGroup().readEntry("Exec"));
    words.removeIf([](const QString &word) { return word.startsWith(u'%'); });
    return words.isEmpty() || QStandardPaths::findExecutable(words.first()).isEmpty() ? QStringList() : words;
}

} // namespace

Elsewhere::Elsewhere(QObject *parent)
    : QObject(parent)
{
    for (const Place &place : knownPlaces()) {
        const QString id = QString::fromLatin1(place.id);
        QString line = place.none.toString(), icon = QString::fromLatin1(place.icon);
        for (const Program &program : place.programs) {
            const QString path = QStandardPaths::locate(QStandardPaths::ApplicationsLocation, QString::fromLatin1(program.desktopFile));
            if (path.isEmpty())
                continue;
            const KDesktopFile file(path);
            QStringList command = commandOf(file);
            if (command.isEmpty())
                continue;
            for (const char *option : program.options)
                command.append(QString::fromLatin1(option));
            line = i18nc("name of an app", "Updated in %1", file.readName());
            m_commands[id] = command;
            break;
        }
        m_places.append(
            QVariantMap{{u"id"_s, id}, {u"title"_s, place.title.toString()}, {u"line"_s, line}, {u"icon"_s, icon}, {u"opens"_s, m_commands.contains(id)}});
    }
}

QVariantList Elsewhere::places() const
{
    return m_places;
}

bool Elsewhere::open(const QString &id) const
{
    const QStringList command = m_commands.value(id);
    return !command.isEmpty() && QProcess::startDetached(command.first(), command.mid(1));
}

} // namespace Preon::Updates
