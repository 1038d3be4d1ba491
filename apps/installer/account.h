// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// The first person of a computer, while they introduce themselves: their name, what the system calls them, a picture, and a password that is judged as it is typed. The
// judge is libpwquality with this system's settings, which systemd-homed asks too: what is good enough here is good enough there. Its words are ours.

#include <QObject>
#include <QUrl>
#include <qqmlregistration.h>

namespace Preon::Installer
{

class Account : public QObject
{
    Q_OBJECT
    QML_ELEMENT
    QML_UNCREATABLE("made by the program")
    Q_PROPERTY(QString realName READ realName WRITE setRealName NOTIFY nameChanged)
    Q_PROPERTY(QString firstName READ firstName NOTIFY nameChanged)
    Q_PROPERTY(QString userName READ userName WRITE setUserName NOTIFY nameChanged)
    Q_PROPERTY(QString userNameProblem READ userNameProblem NOTIFY nameChanged)
    Q_PROPERTY(bool isNamed READ isNamed NOTIFY nameChanged)
    Q_PROPERTY(QUrl picture READ picture NOTIFY pictureChanged)
    Q_PROPERTY(QString pictureProblem READ pictureProblem NOTIFY pictureChanged)
    Q_PROPERTY(QString password READ password WRITE setPassword NOTIFY passwordChanged)
    Q_PROPERTY(QString repeated READ repeated WRITE setRepeated NOTIFY passwordChanged)
    Q_PROPERTY(int strength READ strength NOTIFY passwordChanged)
    Q_PROPERTY(QString strengthInWords READ strengthInWords NOTIFY passwordChanged)
    Q_PROPERTY(QString passwordProblem READ passwordProblem NOTIFY passwordChanged)
    Q_PROPERTY(bool differs READ differs NOTIFY passwordChanged)
    Q_PROPERTY(bool isLocked READ isLocked NOTIFY passwordChanged)

public:
    explicit Account(QObject *parent = nullptr);
    ~Account() override;

    QString realName() const;
    void setRealName(const QString &name);
    QString firstName() const; // to be greeted by
    QString userName() const; // made of the real one until somebody edits it
    void setUserName(const QString &name);
    QString userNameProblem() const; // a sentence; empty where it can be had
    bool isNamed() const;

    QUrl picture() const; // round, to be shown; empty: none
    QString pictureProblem() const;
    QByteArray pictureData() const; // a JPEG of at most 512 KiB, square
    Q_INVOKABLE void choosePicture(); // asks for a file
    Q_INVOKABLE void removePicture();

    QString password() const;
    void setPassword(const QString &password);
    QString repeated() const;
    void setRepeated(const QString &password);
    int strength() const; // 0 … 100; 0 where it cannot be used
    QString strengthInWords() const;
    QString passwordProblem() const; // a sentence; empty: it can be used, or nothing was typed yet
    bool differs() const; // the repeated one from it, as far as it was typed
    bool isLocked() const; // a good password, twice
    void wipe();

Q_SIGNALS:
    void nameChanged();
    void pictureChanged();
    void passwordChanged();

private:
    void judge();

    QString m_realName, m_userName;
    bool m_isEdited = false; // the user name
    QByteArray m_picture;
    QUrl m_shownPicture;
    QString m_pictureProblem;
    QString m_password, m_repeated, m_passwordProblem;
    int m_strength = 0;
};

// The first word of a name that small letters without accents can write, as core/home/username.h has it: "juergen" of "Jürgen Groß"; "user" of one that they cannot. Pure.
QString suggestedUserName(const QString &realName);

// The shape that systemd gives user names (strict), and no name that the system has already.
QString problemOfUserName(const QString &name);

} // namespace Preon::Installer
