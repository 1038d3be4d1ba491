// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "apps/common/choices.h"

#include <algorithm>
#include <utility>

namespace Preon::Ui
{

Choices::Choices(Make make, QObject *parent)
    : QAbstractListModel(parent)
    , m_make(std::move(make))
{
}

const QList<Choice> &Choices::all() const
{
    if (m_make) {
        m_all = std::exchange(m_make, {})();
        m_shown = matching();
        if (!m_current.isEmpty() && !std::ranges::contains(m_all, m_current, &Choice::id)) {
            m_current.clear();
            QMetaObject::invokeMethod(const_cast<Choices *>(this), &Choices::currentChanged, Qt::QueuedConnection);
        }
    }
    return m_all;
}

const QList<qsizetype> &Choices::shown() const
{
    all();
    return m_shown;
}

QString Choices::filter() const
{
    return m_filter;
}

void Choices::setFilter(const QString &filter)
{
    if (filter == m_filter)
        return;
    beginResetModel();
    m_filter = filter;
    if (!m_make)
        m_shown = matching();
    endResetModel();
    Q_EMIT filterChanged();
    Q_EMIT rowChanged();
}

void Choices::renew(Make make)
{
    beginResetModel();
    m_make = std::move(make);
    endResetModel();
    Q_EMIT currentChanged();
    Q_EMIT rowChanged();
}

QList<qsizetype> Choices::matching() const
{
    QList<qsizetype> found;
    const QString wanted = m_filter.trimmed();
    for (qsizetype i = 0; i < m_all.size(); ++i) {
        const Choice &each = m_all[i];
        if (wanted.isEmpty() || each.title.contains(wanted, Qt::CaseInsensitive) || each.subtitle.contains(wanted, Qt::CaseInsensitive)
            || each.keywords.contains(wanted, Qt::CaseInsensitive))
            found.append(i);
    }
    return found;
}

QString Choices::current() const
{
    return m_current;
}

void Choices::setCurrent(const QString &id)
{
    if (id != current() && std::ranges::contains(all(), id, &Choice::id))
        choose(id);
}

void Choices::suggest(const QString &id)
{
    if (!m_make)
        setCurrent(id);
    else if (id != m_current)
        choose(id);
}

void Choices::choose(const QString &id)
{
    m_current = id;
    Q_EMIT currentChanged();
    Q_EMIT rowChanged();
}

QString Choices::currentTitle() const
{
    const auto found = std::ranges::find(all(), m_current, &Choice::id);
    return found == m_all.end() ? QString() : found->title;
}

int Choices::currentRow() const
{
    const auto found = std::ranges::find(shown(), m_current, [this](qsizetype i) { return m_all[i].id; });
    return found == m_shown.end() ? -1 : int(found - m_shown.begin());
}

int Choices::count() const
{
    return int(shown().size());
}

int Choices::rowCount(const QModelIndex &parent) const
{
    return parent.isValid() ? 0 : count();
}

QVariant Choices::data(const QModelIndex &index, int role) const
{
    if (!checkIndex(index, CheckIndexOption::IndexIsValid))
        return {};
    const Choice &choice = all()[shown()[index.row()]];
    switch (role) {
    case IdRole:
        return choice.id;
    case TitleRole:
        return choice.title;
    case SubtitleRole:
        return choice.subtitle;
    default:
        return {};
    }
}

QHash<int, QByteArray> Choices::roleNames() const
{
    return {{IdRole, "choiceId"}, {TitleRole, "title"}, {SubtitleRole, "subtitle"}};
}

} // namespace Preon::Ui
