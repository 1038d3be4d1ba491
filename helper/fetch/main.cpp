// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
//
// preon-fetch: `fetch` takes a request (core/fetch/request.h) from standard input and sends frames (core/fetch/frames.h) to standard output; `unpack FORMAT`
// takes a packed file and gives the unpacked one; `untar` takes an archive and sends what is in it as frames (core/fetch/treeframes.h). Each is a process of
// its own, started by root for one file, that first gives up all it does not need.
#include "helper/fetch/confine.h"
#include "helper/fetch/pipes.h"

#include "core/transport/decompress.h"
#include "core/transport/fetching.h"
#include "core/transport/tar.h"

#include <cstdlib>
#include <functional>
#include <span>

using namespace Preon;

namespace
{
void tellConfined(const Fetcher::Confined &confined)
{
    if (!confined.hasLandlock)
        Fetcher::say("this kernel has no Landlock; seccomp alone confines preon-fetch");
}

int fetchFile()
{
    const auto text = Fetcher::readAll(STDIN_FILENO, 1U << 20U);
    const auto request = text ? Fetch::requestFromJson(*text) : std::unexpected(text.error());
    if (!request) {
        Fetcher::say(request.error().text());
        return EXIT_FAILURE;
    }
    Fetcher::PipeOutlet outlet(STDOUT_FILENO);
    std::vector<std::filesystem::path> readable;
    if (!request->caFile.empty())
        readable.emplace_back(request->caFile);
    const auto confined = Fetcher::confine(Fetcher::Job::Fetch, readable);
    if (!confined) {
        outlet.failed({.kind = Fetch::FailureKind::Confinement, .text = confined.error().text()});
        return EXIT_FAILURE;
    }
    tellConfined(*confined);
    Transport::fetch(*request, outlet);
    return EXIT_SUCCESS;
}

int statusOf(const Error &error)
{
    switch (error.code) {
    case ErrorCode::BadFormat:
        return static_cast<int>(Fetch::UnpackStatus::Damaged);
    case ErrorCode::Unsupported:
        return static_cast<int>(Fetch::UnpackStatus::TooMuchMemory);
    default:
        return EXIT_FAILURE;
    }
}

// From standard input to standard output, confined.
int turn(const std::function<Result<void>(int from, int to)> &job)
{
    const auto confined = Fetcher::confine(Fetcher::Job::Unpack);
    if (!confined) {
        Fetcher::say(confined.error().text());
        return static_cast<int>(Fetch::UnpackStatus::NotConfined);
    }
    tellConfined(*confined);
    if (const auto unpacked = job(STDIN_FILENO, STDOUT_FILENO); !unpacked) {
        Fetcher::say(unpacked.error().why.empty() ? unpacked.error().what : unpacked.error().why);
        return statusOf(unpacked.error());
    }
    return EXIT_SUCCESS;
}
}

int main(int count, char **words)
{
    const std::span arguments(words, static_cast<std::size_t>(count));
    if (count == 2 && std::string_view(arguments[1]) == "fetch")
        return fetchFile();
    if (count == 3 && std::string_view(arguments[1]) == "unpack") {
        if (const auto format = Fetch::formatNamed(arguments[2]))
            return turn([format](int from, int to) { return Fetcher::unpack(*format, from, to); });
    }
    if (count == 2 && std::string_view(arguments[1]) == "untar") {
        Transport::prepareTar();
        return turn(Fetcher::untar);
    }
    Fetcher::say("preon-fetch is started by Preon's helper and by preonctl: preon-fetch fetch | unpack gz|xz|zst|bz2|auto | untar");
    return 2;
}
