// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "apps/common/hatch.h"

#include <QPainter>

namespace Preon::Ui
{

Hatch::Hatch(QQuickItem *parent)
    : QQuickPaintedItem(parent)
{
    setAntialiasing(true);
}

QColor Hatch::color() const
{
    return m_color;
}

void Hatch::setColor(const QColor &color)
{
    if (color == m_color)
        return;
    m_color = color;
    Q_EMIT changed();
    update();
}

qreal Hatch::pitch() const
{
    return m_pitch;
}

void Hatch::setPitch(qreal pitch)
{
    if (pitch == m_pitch || pitch <= 0)
        return;
    m_pitch = pitch;
    Q_EMIT changed();
    update();
}

void Hatch::paint(QPainter *painter)
{
    painter->setRenderHint(QPainter::Antialiasing);
    painter->setPen(QPen(m_color, m_pitch / 3));
    for (qreal x = -height(); x < width() + height(); x += m_pitch)
        painter->drawLine(QPointF(x, height()), QPointF(x + height(), 0));
}

} // namespace Preon::Ui
