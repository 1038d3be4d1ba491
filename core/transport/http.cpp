// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "core/transport/http.h"

#include <algorithm>
#include <array>

#include <curl/curl.h>

namespace Preon::Transport
{

using Fetch::FailureKind;

namespace
{
constexpr long receiveBuffer = 256L << 10;

struct UrlFree {
    void operator()(CURLU *url) const
    {
        curl_url_cleanup(url);
    }
};
using Url = std::unique_ptr<CURLU, UrlFree>;

struct ListFree {
    void operator()(curl_slist *list) const
    {
        curl_slist_free_all(list);
    }
};

std::string part(CURLU *url, CURLUPart which)
{
    char *text = nullptr;
    if (curl_url_get(url, which, &text, 0) != CURLUE_OK)
        return {};
    std::string copy = text;
    curl_free(text);
    return copy;
}

std::expected<Address, std::string> checked(CURLU *url, CURLUcode code)
{
    if (code != CURLUE_OK)
        return std::unexpected(std::string("the address is none: ") + curl_url_strerror(code));
    const std::string scheme = part(url, CURLUPART_SCHEME);
    if (scheme != "http" && scheme != "https")
        return std::unexpected("only http and https are fetched, not " + scheme);
    if (!part(url, CURLUPART_USER).empty() || !part(url, CURLUPART_PASSWORD).empty())
        return std::unexpected("an address with a name or password in it is not fetched");
    curl_url_set(url, CURLUPART_FRAGMENT, nullptr, 0);
    return Address{part(url, CURLUPART_URL), scheme == "https"};
}

// What one transfer knows, for libcurl's callbacks.
struct Transfer {
    CURL *handle;
    Listener &listener;
    bool answered = false;
};

std::string header(CURL *handle, const char *name)
{
    curl_header *found = nullptr;
    // Of the last answer only, and not of a proxy's.
    if (curl_easy_header(handle, name, 0, CURLH_HEADER, -1, &found) != CURLHE_OK)
        return {};
    return found->value;
}

Answer answerOf(CURL *handle)
{
    Answer answer;
    long status = 0;
    curl_off_t length = -1;
    curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(handle, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    answer.status = static_cast<int>(status);
    if (length >= 0)
        answer.length = static_cast<std::uint64_t>(length);
    answer.contentRange = header(handle, "Content-Range");
    answer.tag = header(handle, "ETag");
    answer.modified = header(handle, "Last-Modified");
    answer.acceptRanges = header(handle, "Accept-Ranges");
    answer.location = header(handle, "Location");
    return answer;
}

bool tellAnswer(Transfer &transfer)
{
    if (transfer.answered)
        return true;
    transfer.answered = true;
    return transfer.listener.answered(answerOf(transfer.handle));
}

std::size_t onBody(char *data, std::size_t, std::size_t size, void *context)
{
    auto &transfer = *static_cast<Transfer *>(context);
    if (!tellAnswer(transfer) || (size > 0 && !transfer.listener.received(std::as_bytes(std::span(data, size)))))
        return CURL_WRITEFUNC_ERROR;
    return size;
}

int onProgress(void *context, curl_off_t, curl_off_t, curl_off_t, curl_off_t)
{
    return static_cast<Transfer *>(context)->listener.isUnwanted() ? 1 : 0;
}

void classify(CURLcode code, Outcome &outcome)
{
    switch (code) {
    case CURLE_OK:
    case CURLE_WRITE_ERROR: // the listener ended it and knows why
    case CURLE_ABORTED_BY_CALLBACK:
        return;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
        outcome.failure = FailureKind::Tls;
        outcome.isFinal = true;
        return;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_ENGINE_INITFAILED:
        outcome.failure = FailureKind::Tls;
        return;
    case CURLE_URL_MALFORMAT:
        outcome.failure = FailureKind::Request;
        outcome.isFinal = true;
        return;
    case CURLE_OPERATION_TIMEDOUT:
        outcome.failure = FailureKind::Stalled;
        return;
    default:
        outcome.failure = FailureKind::Network;
    }
}

// For whoever does not know libcurl, whose own words come after these; what is rare has only those.
const char *inWords(CURLcode code)
{
    switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
        return "the name of the server was not found";
    case CURLE_COULDNT_CONNECT:
        return "the server was not reached";
    case CURLE_OPERATION_TIMEDOUT:
        return "the server did not answer in time";
    case CURLE_PARTIAL_FILE:
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
        return "the connection broke off";
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR:
        return "the certificate of the server is not trusted";
    default:
        return nullptr;
    }
}
}

std::expected<Address, std::string> parseAddress(const std::string &url)
{
    const Url parsed(curl_url());
    const CURLUcode code = curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), CURLU_NON_SUPPORT_SCHEME);
    return checked(parsed.get(), code);
}

std::expected<Address, std::string> resolveAddress(const Address &base, const std::string &location)
{
    const Url parsed(curl_url());
    curl_url_set(parsed.get(), CURLUPART_URL, base.url.c_str(), 0);
    const CURLUcode code = curl_url_set(parsed.get(), CURLUPART_URL, location.c_str(), CURLU_NON_SUPPORT_SCHEME);
    return checked(parsed.get(), code);
}

void Http::Free::operator()(void *handle) const
{
    curl_easy_cleanup(handle);
}

std::expected<Http, std::string> Http::make(const Fetch::Request &settings)
{
    Http http;
    http.m_settings = settings;
    // Loads what OpenSSL is told to load; nothing of the network is touched.
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return std::unexpected("libcurl could not be set up");
    http.m_handle.reset(curl_easy_init());
    if (!http.m_handle)
        return std::unexpected("libcurl could not be set up");
    return http;
}

Outcome Http::get(const Address &address, std::uint64_t offset, const std::string &strongTag, Listener &listener)
{
    CURL *handle = m_handle.get();
    curl_easy_reset(handle); // keeps its connections
    Transfer transfer{handle, listener};
    std::array<char, CURL_ERROR_SIZE> text{};
    std::unique_ptr<curl_slist, ListFree> headers;
    const std::string range = std::to_string(offset) + '-';
    const std::string condition = "If-Range: " + strongTag;
    curl_easy_setopt(handle, CURLOPT_URL, address.url.c_str());
    curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(handle, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(handle, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2TLS));
    curl_easy_setopt(handle, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    curl_easy_setopt(handle, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(handle, CURLOPT_SSL_VERIFYHOST, 2L);
    if (!m_settings.caFile.empty()) {
        curl_easy_setopt(handle, CURLOPT_CAINFO, m_settings.caFile.c_str());
        curl_easy_setopt(handle, CURLOPT_CAPATH, nullptr);
    }
    // Set even when empty: else libcurl looks into the environment.
    curl_easy_setopt(handle, CURLOPT_PROXY, m_settings.proxy.c_str());
    curl_easy_setopt(handle, CURLOPT_NOPROXY, "");
    curl_easy_setopt(handle, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
    curl_easy_setopt(handle, CURLOPT_USERAGENT, "preon/" PREON_VERSION);
    curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT, static_cast<long>(m_settings.stallTime.count()));
    curl_easy_setopt(handle, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(handle, CURLOPT_BUFFERSIZE, receiveBuffer);
    curl_easy_setopt(handle, CURLOPT_MAX_RECV_SPEED_LARGE, static_cast<curl_off_t>(m_settings.bytesPerSecond));
    curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, &onBody);
    curl_easy_setopt(handle, CURLOPT_WRITEDATA, &transfer);
    curl_easy_setopt(handle, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(handle, CURLOPT_XFERINFOFUNCTION, &onProgress);
    curl_easy_setopt(handle, CURLOPT_XFERINFODATA, &transfer);
    curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, text.data());
    if (m_settings.sizeOnly)
        curl_easy_setopt(handle, CURLOPT_NOBODY, 1L);
    if (offset > 0) {
        curl_easy_setopt(handle, CURLOPT_RANGE, range.c_str());
        if (!strongTag.empty())
            headers.reset(curl_slist_append(nullptr, condition.c_str()));
        curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers.get());
    }

    const CURLcode code = curl_easy_perform(handle);
    // A file without bytes has no body that would have told.
    if (code == CURLE_OK)
        tellAnswer(transfer);
    Outcome outcome{.code = static_cast<std::uint32_t>(code), .answered = transfer.answered};
    outcome.text = text[0] != '\0' ? text.data() : curl_easy_strerror(code);
    if (const char *words = inWords(code))
        outcome.text = std::string(words) + ": " + outcome.text;
    curl_off_t after = 0;
    if (curl_easy_getinfo(handle, CURLINFO_RETRY_AFTER, &after) == CURLE_OK && after > 0)
        outcome.retryAfter = std::chrono::seconds(std::min<curl_off_t>(after, 60));
    classify(code, outcome);
    return outcome;
}

} // namespace Preon::Transport
