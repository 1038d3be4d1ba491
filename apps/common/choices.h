// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// A long list that one thing is chosen from (languages, keyboards, time zones): titles with a second line, narrowed by what is typed.

#include <QAbstractListModel>
#include <QList>
#include <QString>
#include <qqmlregistration.h>

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

    explicit Choices(QList<Choice> all, QObject *parent = nullptr);

    // The same ones by other names; what is chosen stays.
    void setAll(QList<Choice> all);

    QString filter() const;
    void setFilter(const QString &filter);
    QString current() const; // an id; empty: nothing is chosen
    void setCurrent(const QString &id); // of one that is there
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
    void show();
    QList<Choice> m_all;
    QList<qsizetype> m_shown; // indexes in m_all
    QString m_filter, m_current;
};

} // namespace Preon::Ui
