// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "core/base/result.h"

#include <cerrno>
#include <cstring>

namespace Preon
{

std::string_view errorName(ErrorCode code)
{
    switch (code) {
    case ErrorCode::BadArgument:
        return "bad-argument";
    case ErrorCode::BadFormat:
        return "bad-format";
    case ErrorCode::Busy:
        return "busy";
    case ErrorCode::Cancelled:
        return "cancelled";
    case ErrorCode::Changed:
        return "changed";
    case ErrorCode::Corrupt:
        return "corrupt";
    case ErrorCode::Exists:
        return "exists";
    case ErrorCode::Insecure:
        return "insecure";
    case ErrorCode::Io:
        return "io";
    case ErrorCode::NoSpace:
        return "no-space";
    case ErrorCode::NotFound:
        return "not-found";
    case ErrorCode::NoTpm:
        return "no-tpm";
    case ErrorCode::Permission:
        return "permission";
    case ErrorCode::PolicyMismatch:
        return "policy-mismatch";
    case ErrorCode::Stale:
        return "stale";
    case ErrorCode::Timeout:
        return "timeout";
    case ErrorCode::TpmLockout:
        return "tpm-lockout";
    case ErrorCode::ToolFailed:
        return "tool-failed";
    case ErrorCode::Untrusted:
        return "untrusted";
    case ErrorCode::Unsupported:
        return "unsupported";
    }
    return "io";
}

std::string Error::text() const
{
    std::string line = what;
    if (!why.empty())
        line += ": " + why;
    if (!line.empty() && line.back() != '.')
        line += '.';
    if (!todo.empty()) {
        line += ' ' + todo;
        if (line.back() != '.')
            line += '.';
    }
    return line;
}

Error Error::during(std::string step) const
{
    return {code, std::move(step), why.empty() ? what : what + ": " + why, todo};
}

std::unexpected<Error> failErrno(std::string what)
{
    return failErrno(errno, std::move(what));
}

std::unexpected<Error> failErrno(int number, std::string what)
{
    ErrorCode code = ErrorCode::Io;
    switch (number) {
    case EACCES:
    case EPERM:
    case EROFS:
        code = ErrorCode::Permission;
        break;
    case EBUSY:
    case ETXTBSY:
    case EWOULDBLOCK:
        code = ErrorCode::Busy;
        break;
    case ENOENT:
    case ENODEV:
    case ENXIO:
    case ENOMEDIUM:
        code = ErrorCode::NotFound;
        break;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        code = ErrorCode::NoSpace;
        break;
    case EEXIST:
        code = ErrorCode::Exists;
        break;
    case EINVAL:
    case ENOTDIR:
    case EISDIR:
        code = ErrorCode::BadArgument;
        break;
    case ENOSYS:
    case EOPNOTSUPP:
        code = ErrorCode::Unsupported;
        break;
    case ETIMEDOUT:
        code = ErrorCode::Timeout;
        break;
    case ECANCELED:
        code = ErrorCode::Cancelled;
        break;
    default:
        break;
    }
    return fail(code, std::move(what), std::strerror(number));
}

} // namespace Preon
