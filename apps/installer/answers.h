// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// What a person would choose in the window, written down beforehand: the answers file (docs/answers.md). Here bytes become answers, or an exact sentence about what is
// wrong with them, and back; and answers meet the disks of a machine. Pure functions without a window: what the answers do to one is in answering.h. Everything
// that is not known is refused, so that a misspelt word never means "as usual". There are no secrets in such a file.

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace Preon::Installer
{

// As docs/errors.md has it: what failed, why, what to do.
struct AnswersError {
    std::string code, what, why, todo;
    bool operator==(const AnswersError &) const = default;
};

// Which disk. The words, and else all of the names that are set have to fit.
struct WantedDisk {
    enum class Pick { Named, Only, Largest };

    Pick pick = Pick::Named;
    std::string serial, model, name; // name: "/dev/nvme0n1" or "nvme0n1"
    bool operator==(const WantedDisk &) const = default;
};

// An empty text: the person is asked.
struct Answers {
    std::string language; // "de_DE"
    std::string keyboard; // "de", "de nodeadkeys"
    std::string timeZone; // "Europe/Berlin"
    std::string hostname;
    std::string protection; // "tpm", "tpm-pin", "passphrase"
    std::string secureBoot; // "prepare", "leave"
    std::optional<WantedDisk> disk;
    std::string mode; // "erase", "beside", "reinstall"
    std::string confirm; // the whole sentence
    std::string afterwards; // "restart", "poweroff", "stay"
    // Of the first start only; the installer leaves them.
    std::string realName; // "Anna Schmidt"
    std::string userName; // "anna"
    std::string account; // "encrypted", "ordinary"
    std::string network; // "skip"
    std::string recoveryKey; // "skip"
    bool operator==(const Answers &) const = default;
};

// RFC 1123, 2.1, and the 64 bytes that Linux has for it.
bool isHostname(std::string_view name);

constexpr std::size_t longestAnswers = 64 * 1024; // bytes

// JSON in UTF-8 (RFC 8259), one object. Codes: bad-format, no-space (too long).
std::expected<Answers, AnswersError> parseAnswers(std::string_view text);

// The file that parseAnswers() reads as the same answers.
std::string writeAnswers(const Answers &answers);

// A disk of this machine that something can be installed on.
struct OfferedDisk {
    std::string serial, model, name;
    std::uint64_t size = 0; // bytes
    bool operator==(const OfferedDisk &) const = default;
};

// The index of the one disk that is meant. Codes: not-found; changed: several fit.
std::expected<std::size_t, AnswersError> findDisk(const WantedDisk &wanted, const std::vector<OfferedDisk> &disks);

// The sentence that allows a way to take something from that disk ("erase everything on S4EVNX0T"); empty for a way that takes nothing.
std::string confirmation(std::string_view mode, std::string_view disk);

// Whether the answers allow it. No sentence: the person is asked. A sentence about another disk or way is an error: code permission.
std::expected<bool, AnswersError> isConfirmed(const Answers &answers, const OfferedDisk &disk);

} // namespace Preon::Installer
