// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/tpm/measurelog.h"

#include "core/base/hash.h"

#include <array>
#include <cerrno>

#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <sys/file.h>
#include <sys/stat.h>

namespace Preon::Tpm
{

namespace
{
constexpr auto what = "The log of TPM measurements could not be written";
constexpr char recordSeparator = '\x1e';
// systemd's mark of a record that is being written: who gets the lock and finds it knows that the last writer did not finish.
constexpr mode_t unfinished = 0600 | S_ISVTX;

std::string_view eventName(Event event)
{
    switch (event) {
    case Event::Phase:
        return "phase";
    case Event::FileSystem:
        return "filesystem";
    case Event::VolumeKey:
        return "volume-key";
    case Event::MachineId:
        return "machine-id";
    }
    return {};
}

// As cescape() of systemd: \n and its like, octal for the rest.
std::string escaped(std::string_view text)
{
    constexpr std::string_view letters = "abtnvfr"; // 7 … 13
    std::string safe;
    for (const char c : text) {
        const auto octet = static_cast<unsigned char>(c);
        if (c == '\\' || c == '"' || c == '\'')
            safe += {'\\', c};
        else if (octet >= 7 && octet <= 13)
            safe += {'\\', letters[octet - 7U]};
        else if (octet < 32 || octet >= 127)
            safe += {'\\', static_cast<char>('0' + (octet >> 6U)), static_cast<char>('0' + (octet >> 3U & 7U)), static_cast<char>('0' + (octet & 7U))};
        else
            safe += c;
    }
    return safe;
}
}

std::string measureRecord(const Measurement &measurement)
{
    nlohmann::ordered_json digests = nlohmann::ordered_json::array();
    for (const auto &[bank, digest] : measurement.digests)
        digests.push_back({{"hashAlg", bank}, {"digest", toHex(digest)}});
    nlohmann::ordered_json content;
    if (!measurement.description.empty())
        content["string"] = escaped(measurement.description);
    content["bootId"] = measurement.bootId.hex();
    content["timestamp"] = measurement.uptime.count();
    content["eventType"] = eventName(measurement.event);
    const nlohmann::ordered_json record{{"pcr", measurement.pcr}, {"digests", digests}, {"content_type", "systemd"}, {"content", content}};
    return recordSeparator + record.dump() + '\n';
}

Result<MeasureLog> MeasureLog::open(const Host &host)
{
    const std::filesystem::path folder = host.run / "log/systemd";
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    if (error)
        return failErrno(error.value(), what);
    PREON_TRY(Fd file, openFile(folder / "tpm2-measure.log", O_WRONLY | O_CREAT | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK, 0600));
    struct stat state{};
    if (::fstat(file.get(), &state) < 0)
        return failErrno(what);
    if (!S_ISREG(state.st_mode))
        return fail(ErrorCode::BadFormat, what, "something that is no file lies in its place");
    while (::flock(file.get(), LOCK_EX) < 0) {
        if (errno != EINTR)
            return failErrno(what);
    }
    if (::fstat(file.get(), &state) < 0) // once more: only now nobody else writes
        return failErrno(what);
    if (state.st_mode & S_ISVTX)
        return fail(ErrorCode::Corrupt, what, "a program that wrote to it before was stopped in the middle");
    if (::fchmod(file.get(), unfinished) < 0)
        return failErrno(what);
    return MeasureLog(std::move(file));
}

Result<void> MeasureLog::append(const Measurement &measurement)
{
    struct stat state{};
    if (::fstat(m_file.get(), &state) < 0)
        return failErrno(what);
    PREON_CHECK(writeAt(m_file, static_cast<std::uint64_t>(state.st_size), asBytes(measureRecord(measurement))));
    PREON_CHECK(flush(m_file));
    return release();
}

Result<void> MeasureLog::release()
{
    if (::fchmod(m_file.get(), 0600) < 0)
        return failErrno(what);
    return flush(m_file);
}

} // namespace Preon::Tpm
