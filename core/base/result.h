// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// What goes wrong, as a value that a person can use: a stable code for programs, and in words what failed, why, and what to do
// about it. Nothing in core throws; every function that can fail returns Result. Not for bugs of our own: those assert.

#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace Preon
{

// Stable over releases and across D-Bus: names are part of the interface (errorName). docs/errors.md says what each asks of a person.
enum class ErrorCode {
    BadArgument, // the caller asked for something that makes no sense
    BadFormat, // bytes from outside are not what their format says
    Busy, // another program holds the device or the lock
    Cancelled, // the person asked us to stop
    Changed, // the world is no longer what the plan was made from
    Corrupt, // a hash or checksum does not match: the data is damaged or was altered
    Exists, // would overwrite something that must not be
    Insecure, // a server could not prove who it is, or sends us where we do not go
    Io, // the device or the kernel reported an error
    NoSpace, // does not fit; the numbers are in the text
    NotFound,
    NoTpm, // no usable TPM 2.0
    Permission,
    PolicyMismatch, // the TPM refuses: this is not the machine, kernel or moment that the secret was sealed for
    Stale, // good once, and too old now: a list that its maker has not renewed, or one from before what was seen here
    Timeout,
    TpmLockout, // too many wrong tries; the TPM makes us wait
    ToolFailed, // a program of another project that we run did not succeed
    Untrusted, // a signature or certificate is missing or wrong
    Unsupported, // valid, but not something that we can do
};

// Lower-case with dashes: "no-space".
std::string_view errorName(ErrorCode code);

struct Error {
    ErrorCode code = ErrorCode::Io;
    std::string what; // "The partition table of /dev/sda could not be read"
    std::string why; // "the backup header has a wrong checksum"; may be empty
    std::string todo; // "Run …" / "Unplug …"; may be empty

    // One line: what, why and todo as sentences.
    std::string text() const;
    // The same error, seen from the step above: what becomes the step that failed, and the old what joins the why.
    Error during(std::string step) const;
};

template<typename T = void>
using Result = std::expected<T, Error>;

inline std::unexpected<Error> fail(ErrorCode code, std::string what, std::string why = {}, std::string todo = {})
{
    return std::unexpected(Error{code, std::move(what), std::move(why), std::move(todo)});
}

// What errno (or the one given) means; EACCES, ENOSPC, EBUSY, ENOENT … get their own codes.
std::unexpected<Error> failErrno(std::string what);
std::unexpected<Error> failErrno(int number, std::string what);

} // namespace Preon

#define PREON_CONCAT_(a, b) a##b
#define PREON_CONCAT(a, b) PREON_CONCAT_(a, b)
// PREON_TRY(auto table, readTable(device)); hands an error on to the caller.
#define PREON_TRY(declaration, ...)                                                      \
    auto PREON_CONCAT(preonResult_, __LINE__) = (__VA_ARGS__);                           \
    if (!PREON_CONCAT(preonResult_, __LINE__))                                           \
        return std::unexpected(std::move(PREON_CONCAT(preonResult_, __LINE__)).error()); \
    declaration = std::move(*PREON_CONCAT(preonResult_, __LINE__))
// PREON_CHECK(flush(device)); the same where there is no value.
#define PREON_CHECK(...)                                             \
    do {                                                             \
        if (auto preonChecked = (__VA_ARGS__); !preonChecked)        \
            return std::unexpected(std::move(preonChecked).error()); \
    } while (false)
