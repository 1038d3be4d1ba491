// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "apps/common/problem.h"

#include "apps/common/words.h"

#include <KLocalizedString>

#include <QJsonDocument>
#include <QJsonObject>
#include <QRegularExpression>

namespace Preon::Ui
{

using namespace Qt::StringLiterals;

namespace
{

Problem ofBus(const QString &why)
{
    return {.code = u"helper"_s,
            .what = i18n("The part of Preon that works on disks does not answer"),
            .why = i18n("It did not start, or it stopped"),
            .todo = i18n("Try again. If that does not help, restart this computer."),
            .detail = why};
}

} // namespace

QString Problem::text() const
{
    QStringList lines = {what, why, todo, detail};
    lines.removeAll(QString());
    return lines.join(u'\n') + u"\n("_s + code + u")\n"_s;
}

Problem Problem::plain(const QString &device, const QString &model) const
{
    const auto simple = [&](QString text) {
        static const QRegularExpression exact(u" \\([0-9]+ bytes\\)"_s);
        const QString path = device.isEmpty() ? u"(?!)"_s : QRegularExpression::escape(device);
        // "MODEL (SIZE, PATH)", and "PATH (SIZE)" where no model is known.
        const QString whole = model.isEmpty() ? u"(?!)"_s : QRegularExpression::escape(model) + u" \\([^()]*, "_s + path + u"\\)"_s;
        const QRegularExpression name(u"(?:"_s + whole + u"|"_s + path + u"(?: \\([^)]*\\))?)"_s);
        text.remove(exact);
        const bool begins = name.match(text).capturedStart() == 0;
        text.replace(name, begins ? i18n("This disk") : i18n("this disk"));
        return text;
    };
    Problem problem = *this;
    problem.what = simple(what);
    problem.why = simple(why);
    problem.todo = simple(todo);
    if (problem != *this && detail.isEmpty())
        problem.detail = what + u": "_s + why;
    return problem;
}

Problem Problem::fromJson(const QJsonValue &json)
{
    if (json.isNull() || json.isUndefined())
        return {};
    const QJsonObject object = json.toObject();
    Problem problem{
        .code = object["code"_L1].toString(), .what = object["what"_L1].toString(), .why = object["why"_L1].toString(), .todo = object["todo"_L1].toString()};
    if (!problem.isSet() || problem.what.isEmpty())
        return ofBus(u"its answer makes no sense"_s);
    Problem said = problem;
    for (QString *text : {&said.what, &said.why, &said.todo})
        *text = translated(*text);
    // Whoever mends it may not read the person's language.
    if (said != problem)
        said.detail = problem.what + u": "_s + problem.why;
    return said;
}

Problem Problem::fromText(const QString &json)
{
    return json.isEmpty() ? Problem() : fromJson(QJsonDocument::fromJson(json.toUtf8()).object());
}

Problem Problem::fromBus(const QDBusError &error)
{
    if (error.name().startsWith("org.preon.Error."_L1))
        return fromText(error.message());
    return ofBus(error.message());
}

} // namespace Preon::Ui
