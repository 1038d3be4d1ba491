// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "apps/installer/account.h"

#include "apps/common/wipe.h"

#include <KLocalizedString>

#include <QBuffer>
#include <QFileDialog>
#include <QImageReader>
#include <QPainter>
#include <QStandardPaths>

#include <pwd.h>
#include <pwquality.h>

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

namespace Preon::Installer
{

using namespace Qt::StringLiterals;

namespace
{

constexpr qsizetype longestUserName = 31;
constexpr int pictureSide = 512;
constexpr qsizetype largestPicture = 512 * 1024;

// What is written with two letters where it has no accent, and what no accent can be taken from.
constexpr auto spellings = std::to_array<std::pair<char16_t, const char *>>({{u'ä', "ae"},
                                                                             {u'ö', "oe"},
                                                                             {u'ü', "ue"},
                                                                             {u'ß', "ss"},
                                                                             {u'æ', "ae"},
                                                                             {u'ø', "o"},
                                                                             {u'œ', "oe"},
                                                                             {u'ð', "d"},
                                                                             {u'þ', "th"},
                                                                             {u'ł', "l"},
                                                                             {u'đ', "d"},
                                                                             {u'ı', "i"}});

bool isLetter(QChar c)
{
    return c >= u'a' && c <= u'z';
}

// Why the judge refuses a password. Settings that only an administrator makes get one sentence together.
QString reason(int code)
{
    switch (code) {
    case PWQ_ERROR_MIN_LENGTH:
        return i18n("Too short. Three or four words that nobody says together make a good one.");
    case PWQ_ERROR_USER_CHECK:
    case PWQ_ERROR_GECOS_CHECK:
        return i18n("It has your name in it, which is the first thing others try.");
    case PWQ_ERROR_PALINDROME:
        return i18n("It reads the same backwards, which is easy to guess.");
    case PWQ_ERROR_MAX_CONSECUTIVE:
    case PWQ_ERROR_MAX_CLASS_REPEAT:
        return i18n("It repeats the same sign too often.");
    case PWQ_ERROR_MAX_SEQUENCE:
        return i18n("Its letters or digits follow each other too simply.");
    case PWQ_ERROR_CRACKLIB_CHECK:
    case PWQ_ERROR_BAD_WORDS:
        return i18n("Too easy to guess: it is a known word or pattern, or made of one.");
    case PWQ_ERROR_MIN_DIGITS:
    case PWQ_ERROR_MIN_UPPERS:
    case PWQ_ERROR_MIN_LOWERS:
    case PWQ_ERROR_MIN_OTHERS:
    case PWQ_ERROR_MIN_CLASSES:
        return i18n("This computer’s rules ask for more kinds of signs: capitals, digits, others.");
    default:
        return i18n("Too easy to guess.");
    }
}

// Drawn here, so that it looks the same on a machine without a graphics driver.
QUrl inCircle(const QImage &square)
{
    QImage image(square.size(), QImage::Format_ARGB32_Premultiplied);
    image.fill(Qt::transparent);
    QPainter painter(&image);
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setBrush(QBrush(square));
    painter.setPen(Qt::NoPen);
    painter.drawEllipse(image.rect());
    painter.end();
    QBuffer png;
    png.open(QIODevice::WriteOnly);
    image.save(&png, "PNG");
    return QUrl(u"data:image/png;base64,"_s + QString::fromLatin1(png.data().toBase64()));
}

struct Verdict {
    int score = 0;
    QString problem;
};

struct FreeSettings {
    void operator()(pwquality_settings_t *settings) const
    {
        pwquality_free_settings(settings);
    }
};

Verdict judged(const QString &password, const QString &userName)
{
    const std::unique_ptr<pwquality_settings_t, FreeSettings> settings(pwquality_default_settings());
    if (!settings)
        return {};
    void *more = nullptr;
    pwquality_read_config(settings.get(), nullptr, &more);
    static bool hasDictionary = true; // cracklib would complain at each letter
    if (!hasDictionary)
        pwquality_set_int_value(settings.get(), PWQ_SETTING_DICT_CHECK, 0);
    QByteArray text = password.toUtf8();
    const QByteArray user = userName.toUtf8();
    const auto check = [&] {
        more = nullptr;
        return pwquality_check(settings.get(), text.constData(), nullptr, user.isEmpty() ? nullptr : user.constData(), &more);
    };
    int score = check();
    // A system without cracklib's dictionary is no reason to refuse every password.
    if (score == PWQ_ERROR_CRACKLIB_CHECK && more && QByteArrayView(static_cast<const char *>(more)).startsWith("error loading dictionary")) {
        hasDictionary = false;
        pwquality_set_int_value(settings.get(), PWQ_SETTING_DICT_CHECK, 0);
        score = check();
    }
    text.fill('\0');
    return score < 0 ? Verdict{0, reason(score)} : Verdict{std::max(score, 1), {}};
}

} // namespace

QString suggestedUserName(const QString &realName)
{
    QString name;
    for (const QString &word : realName.toLower().split(u' ', Qt::SkipEmptyParts)) {
        for (const QChar c : word) {
            const auto spelling = std::ranges::find(spellings, c.unicode(), &std::pair<char16_t, const char *>::first);
            if (spelling != spellings.end())
                name += QLatin1StringView(spelling->second);
            else
                name += QString(c).normalized(QString::NormalizationForm_KD);
        }
        name.removeIf([](QChar c) { return !isLetter(c) && !c.isDigit(); });
        name.removeIf([](QChar c) { return c.unicode() > 0x7F; });
        while (!name.isEmpty() && !isLetter(name.front()))
            name.removeFirst();
        if (!name.isEmpty())
            return name.first(std::min(name.size(), longestUserName));
    }
    return realName.simplified().isEmpty() ? QString() : u"user"_s;
}

QString problemOfUserName(const QString &name)
{
    if (name.isEmpty())
        return i18n("Choose a short name for signing in.");
    if (name.size() > longestUserName)
        return i18np("At most one letter.", "At most %1 letters.", int(longestUserName));
    if (!isLetter(name.front()))
        return i18n("It begins with a small letter from a to z.");
    if (!std::ranges::all_of(name, [](QChar c) { return isLetter(c) || (c >= u'0' && c <= u'9') || c == u'-' || c == u'_'; }))
        return i18n("Only small letters from a to z, digits, - and _.");
    if (getpwnam(name.toLatin1().constData()))
        return i18n("The system itself uses this name. Choose another one.");
    return {};
}

Account::Account(QObject *parent)
    : QObject(parent)
{
}

Account::~Account()
{
    wipe();
}

QString Account::realName() const
{
    return m_realName;
}

void Account::setRealName(const QString &name)
{
    if (std::exchange(m_realName, name) == name)
        return;
    if (!m_isEdited)
        m_userName = suggestedUserName(name);
    judge();
    Q_EMIT nameChanged();
}

QString Account::firstName() const
{
    const QString whole = m_realName.simplified();
    return whole.isEmpty() ? m_userName : whole.section(u' ', 0, 0);
}

QString Account::userName() const
{
    return m_userName;
}

// Emptied again it follows the real name again.
void Account::setUserName(const QString &name)
{
    if (std::exchange(m_userName, name) == name)
        return;
    m_isEdited = !name.isEmpty();
    judge();
    Q_EMIT nameChanged();
}

QString Account::userNameProblem() const
{
    return problemOfUserName(m_userName);
}

bool Account::isNamed() const
{
    return !m_realName.simplified().isEmpty() && userNameProblem().isEmpty();
}

QUrl Account::picture() const
{
    return m_shownPicture;
}

QString Account::pictureProblem() const
{
    return m_pictureProblem;
}

QByteArray Account::pictureData() const
{
    return m_picture;
}

void Account::choosePicture()
{
    const QString file
        = QFileDialog::getOpenFileName(nullptr, i18n("Choose a picture of yourself"), QStandardPaths::writableLocation(QStandardPaths::PicturesLocation),
                                       i18n("Pictures (*.png *.jpg *.jpeg *.webp *.gif *.bmp)"));
    if (file.isEmpty())
        return;
    m_pictureProblem.clear();
    QImageReader reader(file);
    reader.setAutoTransform(true);
    const QImage image = reader.read();
    if (image.isNull()) {
        m_pictureProblem = i18n("This file is no picture that can be read here.");
        Q_EMIT pictureChanged();
        return;
    }
    // The middle of it; smaller, and rougher where it has to be.
    const int side = std::min(image.width(), image.height());
    const QImage square = image.copy((image.width() - side) / 2, (image.height() - side) / 2, side, side)
                              .scaled(pictureSide, pictureSide, Qt::IgnoreAspectRatio, Qt::SmoothTransformation)
                              .convertToFormat(QImage::Format_RGB888);
    m_shownPicture = inCircle(square);
    m_picture.clear();
    for (int quality = 90; quality > 20 && (m_picture.isEmpty() || m_picture.size() > largestPicture); quality -= 15) {
        QBuffer buffer;
        buffer.open(QIODevice::WriteOnly);
        square.save(&buffer, "JPEG", quality);
        m_picture = buffer.data();
    }
    Q_EMIT pictureChanged();
}

void Account::removePicture()
{
    m_picture.clear();
    m_shownPicture.clear();
    m_pictureProblem.clear();
    Q_EMIT pictureChanged();
}

QString Account::password() const
{
    return m_password;
}

void Account::setPassword(const QString &password)
{
    if (m_password == password)
        return;
    Ui::wipe(m_password);
    m_password = password;
    judge();
}

QString Account::repeated() const
{
    return m_repeated;
}

void Account::setRepeated(const QString &password)
{
    if (m_repeated == password)
        return;
    Ui::wipe(m_repeated);
    m_repeated = password;
    Q_EMIT passwordChanged();
}

void Account::judge()
{
    const Verdict verdict = m_password.isEmpty() ? Verdict() : judged(m_password, m_userName);
    m_strength = verdict.score;
    m_passwordProblem = verdict.problem;
    Q_EMIT passwordChanged();
}

int Account::strength() const
{
    return m_strength;
}

QString Account::strengthInWords() const
{
    if (m_password.isEmpty())
        return {};
    if (!m_passwordProblem.isEmpty())
        return i18nc("strength of a password", "Too weak");
    if (m_strength < 40)
        return i18nc("strength of a password", "Fair");
    return m_strength < 75 ? i18nc("strength of a password", "Good") : i18nc("strength of a password", "Strong");
}

QString Account::passwordProblem() const
{
    return m_passwordProblem;
}

bool Account::differs() const
{
    return !m_repeated.isEmpty() && !m_password.startsWith(m_repeated);
}

bool Account::isLocked() const
{
    return !m_password.isEmpty() && m_passwordProblem.isEmpty() && m_password == m_repeated;
}

void Account::wipe()
{
    Ui::wipe(m_password);
    Ui::wipe(m_repeated);
    m_strength = 0;
    m_passwordProblem.clear();
    Q_EMIT passwordChanged();
}

} // namespace Preon::Installer
