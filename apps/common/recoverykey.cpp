// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "apps/common/recoverykey.h"

#include "apps/common/wipe.h"

#include <KLocalizedString>
#include <Prison/Barcode>

#include <QClipboard>
#include <QDateTime>
#include <QDir>
#include <QFileDialog>
#include <QGuiApplication>
#include <QMimeData>
#include <QPainter>
#include <QPrintDialog>
#include <QPrinter>
#include <QPrinterInfo>
#include <QRandomGenerator>
#include <QSaveFile>
#include <QStandardPaths>

#include <chrono>
#include <utility>

namespace Preon::Ui
{

using namespace Qt::StringLiterals;
using namespace std::chrono_literals;

RecoveryKey::RecoveryKey(QObject *parent)
    : QObject(parent)
{
    m_clipboard.setSingleShot(true);
    m_clipboard.setInterval(1min);
    connect(&m_clipboard, &QTimer::timeout, this, &RecoveryKey::takeBack);
}

RecoveryKey::~RecoveryKey()
{
    takeBack();
    wipe(m_key);
}

void RecoveryKey::set(const QString &key)
{
    wipe(m_key);
    m_key = key;
    m_key.detach();
    m_isTested = false;
    ask();
}

void RecoveryKey::clear()
{
    takeBack();
    wipe(m_key);
    m_isTested = false;
    m_asked = 0;
    Q_EMIT changed();
}

bool RecoveryKey::isSet() const
{
    return !m_key.isEmpty();
}

QString RecoveryKey::text() const
{
    return m_key;
}

QStringList RecoveryKey::groups() const
{
    return m_key.split(u'-', Qt::SkipEmptyParts);
}

int RecoveryKey::asked() const
{
    return m_asked;
}

bool RecoveryKey::isTested() const
{
    return m_isTested;
}

// Not the one that was asked for last: what did not fit is looked up again.
void RecoveryKey::ask()
{
    const int count = int(m_key.count(u'-')) + 1;
    const int before = std::exchange(m_asked, 0);
    if (isSet() && count > 1) {
        do
            m_asked = 1 + QRandomGenerator::system()->bounded(count);
        while (m_asked == before);
    }
    Q_EMIT changed();
}

bool RecoveryKey::check(const QString &typed)
{
    const bool fits = isSet() && m_asked > 0 && typed.trimmed().toLower() == groups().value(m_asked - 1);
    if (fits && !std::exchange(m_isTested, true))
        Q_EMIT changed();
    return fits;
}

QImage RecoveryKey::code(int pixels) const
{
    auto code = Prison::Barcode::create(Prison::BarcodeType::QRCode);
    if (!code || !isSet())
        return {};
    code->setData(m_key);
    return code->toImage(QSizeF(pixels, pixels));
}

void RecoveryKey::copy()
{
    auto *data = new QMimeData;
    data->setText(m_key);
    data->setData(u"x-kde-passwordManagerHint"_s, "secret"_ba); // no clipboard history keeps it
    QGuiApplication::clipboard()->setMimeData(data);
    m_isInClipboard = true;
    m_clipboard.start();
    Q_EMIT clipboardChanged();
}

void RecoveryKey::takeBack()
{
    m_clipboard.stop();
    if (!std::exchange(m_isInClipboard, false))
        return;
    if (QGuiApplication::clipboard()->text() == m_key)
        QGuiApplication::clipboard()->clear();
    Q_EMIT clipboardChanged();
}

bool RecoveryKey::isInClipboard() const
{
    return m_isInClipboard;
}

bool RecoveryKey::canPrint() const
{
    return m_canPrint;
}

void RecoveryKey::lookForPrinters()
{
    const bool can = !QPrinterInfo::availablePrinterNames().isEmpty();
    if (std::exchange(m_canPrint, can) != can)
        Q_EMIT printersChanged();
}

QString RecoveryKey::page(const QString &title) const
{
    QString lines = title + u"\n\n"_s;
    const QStringList all = groups();
    for (qsizetype i = 0; i < all.size(); ++i)
        lines += all[i] + (i % 4 == 3 || i + 1 == all.size() ? u"\n"_s : u"-"_s);
    return lines + u'\n' + i18n("Keep it away from the computer that it opens. Whoever has it can open that computer.") + u'\n'
        + QLocale().toString(QDate::currentDate(), QLocale::LongFormat) + u'\n';
}

bool RecoveryKey::print(const QString &title)
{
    QPrinter printer(QPrinter::HighResolution);
    printer.setDocName(i18n("Recovery key"));
    QPrintDialog dialog(&printer);
    if (!isSet() || dialog.exec() != QDialog::Accepted)
        return false;
    QPainter painter(&printer);
    const int side = printer.logicalDpiX() * 2;
    painter.drawImage(QRect(0, 0, side, side), code(600));
    QFont font(u"monospace"_s);
    font.setPointSize(12);
    painter.setFont(font);
    painter.drawText(QRect(0, side + printer.logicalDpiY() / 2, printer.width(), printer.height() - side), Qt::TextWordWrap, page(title));
    return painter.end();
}

void RecoveryKey::saveOn(Sticks *sticks, const QString &stick, const QString &title)
{
    if (sticks && isSet())
        sticks->save(stick, i18nc("name of a file", "Recovery key"), page(title).toUtf8());
}

QString RecoveryKey::save(const QString &title)
{
    QString folder = QStandardPaths::writableLocation(QStandardPaths::DocumentsLocation);
    if (!QDir(folder).exists())
        folder = QDir::homePath();
    const QString name = QFileDialog::getSaveFileName(nullptr, i18n("Save the recovery key"),
                                                      folder + u'/' + i18nc("name of a file", "Recovery key") + u".txt"_s, i18n("Text (*.txt)"));
    if (!isSet() || name.isEmpty())
        return {};
    QSaveFile file(name);
    QByteArray text = page(title).toUtf8();
    const bool isWritten
        = file.open(QIODevice::WriteOnly) && file.setPermissions(QFile::ReadOwner | QFile::WriteOwner) && file.write(text) == text.size() && file.commit();
    text.fill('\0');
    if (isWritten)
        return name;
    Q_EMIT saveFailed(file.errorString());
    return {};
}

} // namespace Preon::Ui
