// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// One HTTP request by libcurl: HTTP/1.1 and HTTP/2, TLS 1.2 and newer, nothing but http and https, no cookies, no passwords, no environment. Redirects are not
// followed here (download.cpp does, so that each is looked at), nor is anything tried twice.

#include "core/fetch/frames.h"
#include "core/fetch/request.h"
#include "core/transport/judge.h"

#include <chrono>
#include <memory>
#include <string>

namespace Preon::Transport
{

// An address taken apart by libcurl.
struct Address {
    std::string url; // normalised, without a fragment
    bool isEncrypted = false; // https
};
// An error's text for what is no http or https address, or carries a name or password.
std::expected<Address, std::string> parseAddress(const std::string &url);
// Where a Location header leads from there.
std::expected<Address, std::string> resolveAddress(const Address &base, const std::string &location);

// Takes the answer. False ends the transfer.
class Listener
{
public:
    virtual ~Listener() = default;
    virtual bool answered(const Answer &answer) = 0; // once, before the body
    virtual bool received(ByteView bytes) = 0;
    // Asked about once a second and after each piece; true ends the transfer.
    virtual bool isUnwanted() = 0;
};

struct Outcome {
    std::uint32_t code = 0; // CURLcode; 0 when all of the answer came
    std::string text{}; // what it is to a person, then what libcurl says of it
    std::optional<Fetch::FailureKind> failure{}; // of the transfer itself: Network, Tls, Request
    bool isFinal = false; // another try would end the same way
    std::chrono::seconds retryAfter{0}; // what the server asks for (Retry-After)
    bool answered = false; // headers came
};

class Http
{
public:
    static std::expected<Http, std::string> make(const Fetch::Request &settings);

    // offset 0: the whole file. strongTag: only if it is that state of the file still, else all of it (If-Range).
    Outcome get(const Address &address, std::uint64_t offset, const std::string &strongTag, Listener &listener);

private:
    struct Free {
        void operator()(void *handle) const;
    };
    std::unique_ptr<void, Free> m_handle;
    Fetch::Request m_settings;
};

} // namespace Preon::Transport
