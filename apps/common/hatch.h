// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// Slanted lines in one colour over nothing: how the disk bar marks what will be erased, readable without colour. Painted in software, so that it looks the same
// on a machine without a graphics driver.

#include <QColor>
#include <QQuickPaintedItem>
#include <qqmlregistration.h>

namespace Preon::Ui
{

class Hatch : public QQuickPaintedItem
{
    Q_OBJECT
    QML_ELEMENT
    Q_PROPERTY(QColor color READ color WRITE setColor NOTIFY changed)
    Q_PROPERTY(qreal pitch READ pitch WRITE setPitch NOTIFY changed)

public:
    explicit Hatch(QQuickItem *parent = nullptr);

    QColor color() const;
    void setColor(const QColor &color);
    qreal pitch() const; // pixels from line to line, along the item
    void setPitch(qreal pitch);

    void paint(QPainter *painter) override;

Q_SIGNALS:
    void changed();

private:
    QColor m_color = Qt::black;
    qreal m_pitch = 8;
};

} // namespace Preon::Ui
