// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "apps/common/choices.h"

#include <algorithm>
#include <numeric>

namespace Preon::Ui
{

Choices::Choices(QList<Choice> all, QObject *parent)
    : QAbstractListModel(parent)
    , m_all(std::move(all))
    , m_shown(m_all.size())
{
    std::iota(m_shown.begin(), m_shown.end(), 0);
}

QString Choices::filter() const
{
    return m_filter;
}

void Choices::setFilter(const QString &filter)
{
    if (filter == m_filter)
        return;
    m_filter = filter;
    show();
    Q_EMIT filterChanged();
    Q_EMIT rowChanged();
}

void Choices::setAll(QList<Choice> all)
{
    m_all = std::move(all);
    show();
    Q_EMIT currentChanged();
    Q_EMIT rowChanged();
}

void Choices::show()
{
    beginResetModel();
    m_shown.clear();
    const QString wanted = m_filter.trimmed();
    for (qsizetype i = 0; i < m_all.size(); ++i) {
        const Choice &each = m_all[i];
        if (wanted.isEmpty() || each.title.contains(wanted, Qt::CaseInsensitive) || each.subtitle.contains(wanted, Qt::CaseInsensitive)
            || each.keywords.contains(wanted, Qt::CaseInsensitive))
            m_shown.append(i);
    }
    endResetModel();
}

QString Choices::current() const
{
    return m_current;
}

void Choices::setCurrent(const QString &id)
{
    if (id == m_current || !std::ranges::contains(m_all, id, &Choice::id))
        return;
    m_current = id;
    Q_EMIT currentChanged();
    Q_EMIT rowChanged();
}

QString Choices::currentTitle() const
{
    const auto found = std::ranges::find(m_all, m_current, &Choice::id);
    return found == m_all.end() ? QString() : found->title;
}

int Choices::currentRow() const
{
    const auto found = std::ranges::find(m_shown, m_current, [this](qsizetype i) { return m_all[i].id; });
    return found == m_shown.end() ? -1 : int(found - m_shown.begin());
}

int Choices::count() const
{
    return int(m_shown.size());
}

int Choices::rowCount(const QModelIndex &parent) const
{
    return parent.isValid() ? 0 : count();
}

QVariant Choices::data(const QModelIndex &index, int role) const
{
    if (!checkIndex(index, CheckIndexOption::IndexIsValid))
        return {};
    const Choice &choice = m_all[m_shown[index.row()]];
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
