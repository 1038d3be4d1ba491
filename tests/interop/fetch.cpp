// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
//
// preon-test-fetch PROGRAM: fetches what standard input describes with the given preon-fetch, as root's code does, and says as JSON what became of it.
#include "core/base/errorjson.h"
#include "core/fetch/receive.h"

#include <chrono>
#include <csignal>
#include <iostream>
#include <iterator>

#include <fcntl.h>
#include <unistd.h>

using namespace Preon;
using Json = nlohmann::ordered_json;

namespace
{
volatile std::sig_atomic_t stopped = 0;

class Watcher : public SilentProgress
{
public:
    explicit Watcher(std::uint64_t stopAfter)
        : m_stopAfter(stopAfter)
    {
    }
    void advance(std::uint64_t bytes) override
    {
        m_done += bytes;
    }
    void log(std::string_view line) override
    {
        m_lines.emplace_back(line);
    }
    bool isCancelled() const override
    {
        return stopped != 0 || (m_stopAfter > 0 && m_done >= m_stopAfter);
    }
    std::vector<std::string> m_lines;

private:
    std::uint64_t m_stopAfter;
    std::uint64_t m_done = 0;
};

class FileTarget : public Fetch::Target
{
public:
    FileTarget(Fd output, Fd kept)
        : m_output(std::move(output))
        , m_kept(std::move(kept))
    {
    }
    Result<void> begin() override
    {
        m_written = 0;
        if (!m_isFirst)
            m_fetched = 0;
        m_isFirst = false;
        if (m_output.isOpen() && ::ftruncate(m_output.get(), 0) < 0)
            return failErrno("Truncating failed");
        return {};
    }
    Result<void> write(ByteView bytes) override
    {
        m_written += bytes.size();
        return m_output.isOpen() ? writeAt(m_output, m_written - bytes.size(), bytes) : Result<void>();
    }
    Result<void> fetched(ByteView bytes) override
    {
        m_fetched += bytes.size();
        return m_kept.isOpen() ? writeAt(m_kept, m_fetched - bytes.size(), bytes) : Result<void>();
    }
    void started(const Fetch::Start &start) override
    {
        starts.push_back({{"offset", start.offset}, {"mirror", start.mirror}, {"ranges", start.ranges}, {"validator", toHex(start.validator)}});
        if (start.total)
            starts.back()["total"] = *start.total;
    }
    void goOnAt(std::uint64_t offset)
    {
        m_fetched = offset;
    }
    const Fd &kept() const
    {
        return m_kept;
    }
    Json starts = Json::array();

private:
    Fd m_output, m_kept;
    std::uint64_t m_written = 0, m_fetched = 0;
    bool m_isFirst = true;
};

Result<Fd> openIfNamed(const std::string &path)
{
    return path.empty() ? Result<Fd>(Fd()) : openFile(path, O_RDWR | O_CREAT, 0644);
}

Result<Json> run(const std::string &program, const Json &asked, Json &said)
{
    Fetch::Wanted wanted;
    PREON_TRY(wanted.request, Fetch::requestFromJson(asked.dump()));
    wanted.program = program;
    if (asked.contains("format"))
        wanted.format = Fetch::formatNamed(asked["format"].get<std::string>());
    wanted.sizeLimit = asked.value("sizeLimit", wanted.sizeLimit);
    const auto hash = fromHex(asked.value("hash", std::string(64, '0')));
    std::copy_n(hash->begin(), wanted.hash.size(), wanted.hash.begin());
    PREON_TRY(Fd output, openIfNamed(asked.value("output", std::string())));
    PREON_TRY(Fd kept, openIfNamed(asked.value("kept", std::string())));
    FileTarget target(std::move(output), std::move(kept));
    target.goOnAt(wanted.request.offset);
    wanted.kept = [&target](std::uint64_t offset, std::span<std::byte> buffer) {
        return readAt(target.kept(), offset, buffer);
    };
    Watcher watcher(asked.value("stopAfter", std::uint64_t(0)));
    const auto began = std::chrono::steady_clock::now();
    const auto received = Fetch::receive(wanted, target, watcher);
    said["seconds"] = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
    said["log"] = watcher.m_lines;
    said["starts"] = target.starts;
    if (!received)
        return std::unexpected(received.error());
    return Json{{"fetched", received->fetched},
                {"size", received->size},
                {"unpacked", received->unpacked},
                {"setbacks", received->setbacks},
                {"restarts", received->restarts}};
}
}

int main(int count, char **words)
{
    if (count != 2)
        return 2;
    std::signal(SIGTERM, [](int) { stopped = 1; });
    const std::string text{std::istreambuf_iterator<char>(std::cin), {}};
    const Json asked = Json::parse(text, nullptr, false);
    if (!asked.is_object())
        return 2;
    Json said;
    if (auto received = run(words[1], asked, said))
        said["received"] = *received;
    else
        said["error"] = toJson(received.error());
    std::cout << said.dump(-1, ' ', true, Json::error_handler_t::replace) << '\n';
    return 0;
}
