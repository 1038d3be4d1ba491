// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "apps/common/sticks.h"

#include "apps/common/helper.h"
#include "apps/common/words.h"

#include <KLocalizedString>

#include <QDBusArgument>
#include <QDBusMessage>
#include <QDBusMetaType>
#include <QDBusObjectPath>
#include <QDBusPendingReply>
#include <QFile>
#include <QMap>

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <utility>

namespace Preon::Ui
{

using namespace Qt::StringLiterals;
using namespace std::chrono_literals;

namespace
{

const QString storage = u"org.freedesktop.UDisks2"_s;
const QString storagePath = u"/org/freedesktop/UDisks2"_s;
const QString storageManager = u"org.freedesktop.DBus.ObjectManager"_s;
const QString fileSystem = u"org.freedesktop.UDisks2.Filesystem"_s;
// The EFI system partition (UEFI, table 5.7): of a stick that starts computers; nobody would look there.
const QString efiPartition = u"c12a7328-f81f-11d2-ba4b-00a0c93ec93b"_s;

using StorageObject = QMap<QString, QVariantMap>;
using StorageObjects = QMap<QDBusObjectPath, StorageObject>;

QString mountedAt(const QVariantMap &properties)
{
    // Paths are bytes, with a zero at the end.
    const auto folders = qdbus_cast<QList<QByteArray>>(properties[u"MountPoints"_s]);
    return folders.isEmpty() ? QString() : QString::fromUtf8(folders.first().constData());
}

bool canBeTakenAway(const StorageObject &object, const QVariantMap &drive)
{
    const QVariantMap block = object[storage + u".Block"_s];
    const QString bus = drive[u"ConnectionBus"_s].toString();
    return object.contains(fileSystem) && block[u"IdUsage"_s].toString() == "filesystem"_L1 && !block[u"ReadOnly"_s].toBool()
        && !block[u"HintIgnore"_s].toBool() && !block[u"HintSystem"_s].toBool() && (drive[u"MediaRemovable"_s].toBool() || bus == "usb"_L1 || bus == "sdio"_L1)
        && object[storage + u".Partition"_s][u"Type"_s].toString() != efiPartition;
}

QString nameOf(const QVariantMap &block, const QVariantMap &drive)
{
    const QString label = block[u"IdLabel"_s].toString().simplified();
    const QString model = QString(drive[u"Vendor"_s].toString() + u' ' + drive[u"Model"_s].toString()).simplified();
    const QString size = sizeInWords(block[u"Size"_s].toULongLong());
    const QString name = !label.isEmpty() ? label : model;
    return name.isEmpty() ? size : i18nc("name of a memory stick, its size", "%1 (%2)", name, size);
}

QDBusMessage callOf(const QString &id, const QString &method)
{
    auto call = QDBusMessage::createMethodCall(storage, id, fileSystem, method);
    call << QVariantMap();
    call.setInteractiveAuthorizationAllowed(false);
    return call;
}

} // namespace

Sticks::Sticks(QObject *parent)
    : QObject(parent)
{
    qDBusRegisterMetaType<StorageObject>();
    qDBusRegisterMetaType<StorageObjects>();
    // One that is plugged in brings several objects at once.
    m_soon.setSingleShot(true);
    m_soon.setInterval(200ms);
    connect(&m_soon, &QTimer::timeout, this, &Sticks::ask);
}

void Sticks::watch()
{
    QDBusConnection bus = QDBusConnection::systemBus();
    bus.connect(storage, QString(), u"org.freedesktop.DBus.Properties"_s, u"PropertiesChanged"_s, this, SLOT(askSoon()));
    bus.connect(storage, storagePath, storageManager, u"InterfacesAdded"_s, this, SLOT(askSoon()));
    bus.connect(storage, storagePath, storageManager, u"InterfacesRemoved"_s, this, SLOT(askSoon()));
    ask();
}

void Sticks::askSoon()
{
    m_soon.start();
}

void Sticks::ask()
{
    const auto call = QDBusMessage::createMethodCall(storage, storagePath, storageManager, u"GetManagedObjects"_s);
    Helper::await(this, QDBusPendingReply<StorageObjects>(QDBusConnection::systemBus().asyncCall(call)), [this](const auto &answer) {
        QList<Stick> now;
        const StorageObjects objects = answer ? answer->value() : StorageObjects();
        for (auto each = objects.begin(); each != objects.end(); ++each) {
            const QVariantMap block = each.value()[storage + u".Block"_s];
            const QVariantMap drive = objects[block[u"Drive"_s].value<QDBusObjectPath>()][storage + u".Drive"_s];
            if (canBeTakenAway(each.value(), drive))
                now.append({each.key().path(), nameOf(block, drive), mountedAt(each.value()[fileSystem])});
        }
        if (std::exchange(m_sticks, now) != now)
            Q_EMIT changed();
    });
}

QVariantList Sticks::list() const
{
    QVariantList list;
    for (const Stick &each : m_sticks)
        list.append(QVariantMap{{u"id"_s, each.id}, {u"name"_s, each.name}});
    return list;
}

bool Sticks::isBusy() const
{
    return m_isBusy;
}

void Sticks::save(const QString &id, const QString &name, const QByteArray &content)
{
    const auto stick = std::ranges::find(m_sticks, id, &Stick::id);
    if (stick == m_sticks.end() || std::exchange(m_isBusy, true))
        return;
    Q_EMIT changed();
    if (!stick->folder.isEmpty())
        return write(*stick, stick->folder, name, content);
    Helper::await(this, QDBusPendingReply<QString>(QDBusConnection::systemBus().asyncCall(callOf(id, u"Mount"_s))),
                  [this, stick = *stick, name, content](const auto &answer) {
                      if (answer)
                          write(stick, answer->value(), name, content);
                      else
                          end(stick, i18n("%1 could not be opened.", stick.name));
                  });
}

void Sticks::write(const Stick &stick, const QString &folder, const QString &name, const QByteArray &content)
{
    QFile file;
    bool isThere = true;
    for (int number = 1; isThere && number < 100; ++number) {
        file.setFileName(folder + u'/' + name + (number == 1 ? u""_s : u" %1"_s.arg(number)) + u".txt"_s);
        isThere = file.exists();
    }
    const bool isWritten = !isThere && file.open(QIODevice::WriteOnly | QIODevice::NewOnly) && file.write(content) == content.size() && file.flush()
        && ::fsync(file.handle()) == 0;
    const QString why
        = isWritten ? QString() : i18nc("name of a memory stick, what is wrong", "%1 could not be written to: %2", stick.name, file.errorString());
    file.close();
    if (!stick.folder.isEmpty())
        return end(stick, why);
    // It is written all the same where that does not work: others may look into it.
    Helper::await(this, QDBusPendingReply<>(QDBusConnection::systemBus().asyncCall(callOf(stick.id, u"Unmount"_s))),
                  [this, stick, why](const auto &) { end(stick, why); });
}

void Sticks::end(const Stick &stick, const QString &why)
{
    m_isBusy = false;
    Q_EMIT changed();
    if (why.isEmpty())
        Q_EMIT saved(stick.name);
    else
        Q_EMIT failed(why);
}

} // namespace Preon::Ui
