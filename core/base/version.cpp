// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "core/base/version.h"

namespace Preon
{

namespace
{
bool isDigit(char c)
{
    return c >= '0' && c <= '9';
}

bool isLetter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// What is left of one version string. At the end it reads as NUL, which is also what a NUL inside the text means.
struct Rest {
    const char *position;
    const char *end;

    char front() const
    {
        return position < end ? *position : '\0';
    }
    void skipSeparators()
    {
        for (; front() != '\0'; ++position) {
            const char c = front();
            if (isDigit(c) || isLetter(c) || c == '~' || c == '-' || c == '^' || c == '.')
                return;
        }
    }
    template<typename Predicate>
    Rest take(Predicate belongs)
    {
        Rest part{position, position};
        while (front() != '\0' && belongs(front()))
            ++position;
        part.end = position;
        return part;
    }
    long length() const
    {
        return end - position;
    }
};

int sign(long difference)
{
    return (difference > 0) - (difference < 0);
}

int compareBytes(const Rest &a, const Rest &b)
{
    for (long i = 0; i < a.length() && i < b.length(); ++i) {
        if (a.position[i] != b.position[i])
            return static_cast<unsigned char>(a.position[i]) < static_cast<unsigned char>(b.position[i]) ? -1 : 1;
    }
    return sign(a.length() - b.length());
}

int compareNumbers(Rest a, Rest b)
{
    // Digits on one side only: the number is the newer part.
    if ((a.length() == 0) != (b.length() == 0))
        return sign(a.length() - b.length());
    a.take([](char c) { return c == '0'; });
    b.take([](char c) { return c == '0'; });
    if (a.length() != b.length())
        return sign(a.length() - b.length());
    return compareBytes(a, b);
}

// A separator that only one side has makes that side the older one. Where both have it, it is stepped over.
int compareSeparator(Rest &a, Rest &b, char separator)
{
    const bool inA = a.front() == separator;
    const bool inB = b.front() == separator;
    if (inA != inB)
        return inA ? -1 : 1;
    if (inA) {
        ++a.position;
        ++b.position;
    }
    return 0;
}
}

int compareVersions(const char *a, unsigned long aLength, const char *b, unsigned long bLength)
{
    Rest restA{a, a + aLength};
    Rest restB{b, b + bLength};
    for (;;) {
        restA.skipSeparators();
        restB.skipSeparators();
        if (const int order = compareSeparator(restA, restB, '~'); order != 0)
            return order;
        // An ended string is the older one; that ~ was looked at before makes 1~rc1 older than 1.
        if (restA.front() == '\0' || restB.front() == '\0')
            return sign((restA.front() != '\0') - (restB.front() != '\0'));
        constexpr char inner[] = {'-', '^', '.'};
        for (const char separator : inner) {
            if (const int order = compareSeparator(restA, restB, separator); order != 0)
                return order;
        }
        if (isDigit(restA.front()) || isDigit(restB.front())) {
            const Rest numberA = restA.take(isDigit);
            const Rest numberB = restB.take(isDigit);
            if (const int order = compareNumbers(numberA, numberB); order != 0)
                return order;
        } else {
            const Rest wordA = restA.take(isLetter);
            const Rest wordB = restB.take(isLetter);
            if (const int order = compareBytes(wordA, wordB); order != 0)
                return order;
        }
    }
}

} // namespace Preon
