// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// A long list that one thing is chosen from (languages, keyboards, time zones): titles with a second line, narrowed by what is typed.

#include <QAbstractListModel>
#include <QList>
#include <QString>
#include <qqmlregistration.h>

#include <functional>

namespace Preon::Ui
{

struct Choice {
    QString id, title, subtitle;
    QString keywords; // also searched, not shown
};

class Choices : public QAbstractListModel
{
    Q_OBJECT
    QML_ELEMENT
    QML_UNCREATABLE("made by the program")
    Q_PROPERTY(QString filter READ filter WRITE setFilter NOTIFY filterChanged)
    Q_PROPERTY(QString current READ current WRITE setCurrent NOTIFY currentChanged)
    Q_PROPERTY(QString currentTitle READ currentTitle NOTIFY currentChanged)
    Q_PROPERTY(int currentRow READ currentRow NOTIFY rowChanged)
    Q_PROPERTY(int count READ count NOTIFY rowChanged)

public:
    enum Role { IdRole = Qt::UserRole, TitleRole, SubtitleRole };

    // A list may be long to make (each keyboard, each city), so it is made when somebody first looks at it.
    using Make = std::function<QList<Choice>()>;
    explicit Choices(Make make, QObject *parent = nullptr);

    // The same ones by other names: made anew when looked at next; what is chosen stays.
    void renew(Make make);

    QString filter() const;
    void setFilter(const QString &filter);
    QString current() const; // an id; empty: nothing is chosen
    void setCurrent(const QString &id); // of one that is there
    void suggest(const QString &id); // the same, but the list is not made for it; if it is not there after all, nothing is chosen
    QString currentTitle() const;
    int currentRow() const; // among those shown; -1: not shown
    int count() const;

    int rowCount(const QModelIndex &parent = {}) const override;
    QVariant data(const QModelIndex &index, int role) const override;
    QHash<int, QByteArray> roleNames() const override;

Q_SIGNALS:
    void filterChanged();
    void currentChanged();
    void rowChanged();

private:
    const QList<Choice> &all() const;
    const QList<qsizetype> &shown() const; // indexes in all()
    QList<qsizetype> matching() const;
    void choose(const QString &id);

    // Looking at them makes them.
    mutable Make m_make; // empty: made
    mutable QList<Choice> m_all;
    mutable QList<qsizetype> m_shown;
    mutable QString m_current;
    QString m_filter;
};

} // namespace Preon::Ui
