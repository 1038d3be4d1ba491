// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "core/transport/fetching.h"
#include "core/transport/http.h"

#include <algorithm>
#include <vector>

namespace Preon::Transport
{

using Fetch::Failure;
using Fetch::FailureKind;

namespace
{
using Clock = std::chrono::steady_clock;

constexpr int redirectLimit = 5;
constexpr int changeLimit = 3; // how often a file may turn out to be another one
constexpr std::uint64_t gettingFurther = 64U << 10U; // so many bytes more make a new try worth it
constexpr std::chrono::milliseconds lookEvery{100};
constexpr std::chrono::milliseconds longestDelay = std::chrono::minutes(1);

struct Source {
    Address address{};
    Fetch::Validator validator{};
    std::string strongTag{};
    std::uint32_t failures = 0; // in a row, without getting further
    bool isOut = false; // never asked again
};

class Fetching : public Listener
{
public:
    Fetching(const Fetch::Request &request, Outlet &outlet)
        : m_request(request)
        , m_outlet(outlet)
        , m_position(request.offset)
        , m_furthest(request.offset)
    {
        for (const Fetch::Mirror &mirror : request.mirrors)
            m_sources.push_back({.address = {}, .validator = mirror.validator, .strongTag = {}});
    }

    void run();

private:
    // What became of one try.
    struct Attempt {
        std::optional<Failure> failure{}; // none: all of the file is here
        bool isFinal = false; // of this mirror
        std::chrono::milliseconds retryAfter{0};
    };

    bool answered(const Answer &answer) override;
    bool received(ByteView bytes) override;
    bool isUnwanted() override;

    Attempt attempt(Http &http);
    std::optional<Attempt> follow(Address &address) const;
    Attempt ended(const Outcome &outcome);
    Attempt judged() const;
    bool goOn(const Attempt &attempt);
    bool chooseNext();
    Failure failure(FailureKind kind, std::string text, std::uint32_t curl = 0) const;
    Source &source()
    {
        return m_sources[m_current];
    }

    const Fetch::Request &m_request;
    Outlet &m_outlet;
    std::vector<Source> m_sources;
    std::size_t m_current = 0;
    std::uint64_t m_position; // of the next byte that is needed
    std::uint64_t m_furthest; // that any try got to
    std::optional<std::uint64_t> m_total; // of the file whose beginning is here
    int m_changes = 0;
    bool m_wholeWanted = false; // the next request is for all of the file
    bool m_nobodyListens = false;

    // Of the request at work.
    Asked m_asked;
    Answer m_answer;
    std::optional<Judgement> m_judgement;
    std::optional<Failure> m_stopped; // why we ended it ourselves
    Clock::time_point m_windowBegin; // of the time in which stallBytes must come
    std::uint64_t m_windowBytes = 0;
    Clock::time_point m_lookedAt; // whether somebody listens still
};

Failure Fetching::failure(FailureKind kind, std::string text, std::uint32_t curl) const
{
    return {.kind = kind,
            .status = static_cast<std::uint16_t>(kind == FailureKind::Http ? std::clamp(m_answer.status, 0, 65535) : 0),
            .curl = curl,
            .mirror = static_cast<std::uint32_t>(m_current),
            .text = Fetch::printableText(text)};
}

bool Fetching::answered(const Answer &answer)
{
    m_answer = answer;
    m_judgement = judge(m_asked, answer);
    if (m_judgement->verdict != Verdict::Take)
        return false;
    m_position = m_judgement->first;
    m_total = m_judgement->total ? m_judgement->total : m_request.expectedSize;
    m_wholeWanted = false;
    source().validator = m_judgement->validator;
    source().strongTag = isStrongTag(answer.tag) ? answer.tag : std::string();
    m_nobodyListens = !m_outlet.start({.total = m_total,
                                       .offset = m_position,
                                       .ranges = m_judgement->ranges,
                                       .mirror = static_cast<std::uint32_t>(m_current),
                                       .validator = m_judgement->validator});
    return !m_nobodyListens;
}

bool Fetching::received(ByteView bytes)
{
    const std::uint64_t end = m_total.value_or(m_request.limit);
    if (m_position > end || bytes.size() > end - m_position) {
        m_stopped = failure(FailureKind::Size,
                            m_total ? "the server sends more than the " + std::to_string(*m_total) + " bytes of the file"
                                    : "the server sends more than the " + std::to_string(m_request.limit) + " bytes that are fetched");
        return false;
    }
    if (m_judgement->hasLength && m_position + bytes.size() > m_judgement->first + m_judgement->length) {
        m_stopped = failure(FailureKind::Range, "the server sends more than the " + std::to_string(m_judgement->length) + " bytes that it announced");
        return false;
    }
    m_windowBytes += bytes.size();
    m_position += bytes.size();
    const Clock::time_point before = Clock::now();
    for (; !bytes.empty() && !m_nobodyListens; bytes = bytes.subspan(std::min(bytes.size(), Fetch::frameLimit)))
        m_nobodyListens = !m_outlet.data(bytes.first(std::min(bytes.size(), Fetch::frameLimit)));
    // While the disk takes its time the server is not slow.
    m_windowBegin += Clock::now() - before;
    return !m_nobodyListens;
}

bool Fetching::isUnwanted()
{
    const Clock::time_point now = Clock::now();
    if (now - m_lookedAt > lookEvery) {
        m_nobodyListens = m_nobodyListens || !m_outlet.wait(std::chrono::milliseconds(0));
        m_lookedAt = now;
    }
    if (m_nobodyListens)
        return true;
    if (now - m_windowBegin < m_request.stallTime)
        return false;
    if (m_windowBytes < m_request.stallBytes) {
        m_stopped = failure(FailureKind::Stalled,
                            "the connection is too slow: only " + std::to_string(m_windowBytes) + " bytes came in "
                                + std::to_string(m_request.stallTime.count()) + " seconds");
        return true;
    }
    m_windowBegin = now;
    m_windowBytes = 0;
    return false;
}

// To where the server sends us; an attempt's end where we do not go.
std::optional<Fetching::Attempt> Fetching::follow(Address &address) const
{
    const auto next = resolveAddress(address, m_answer.location);
    if (!next)
        return Attempt{failure(FailureKind::Redirect, "the server sends us to where we do not go: " + next.error()), true};
    if (address.isEncrypted && !next->isEncrypted)
        return Attempt{failure(FailureKind::Redirect, "the server sends us from https to http"), true};
    address = *next;
    return std::nullopt;
}

Fetching::Attempt Fetching::attempt(Http &http)
{
    Address address = source().address;
    for (int hop = 0; hop <= redirectLimit; ++hop) {
        m_asked = {.offset = m_wholeWanted ? 0 : m_position,
                   .expectedSize = m_request.expectedSize,
                   .limit = m_request.limit,
                   .total = m_total,
                   .validator = source().validator};
        m_answer = {};
        m_judgement.reset();
        m_stopped.reset();
        m_windowBegin = Clock::now();
        m_windowBytes = 0;
        const Outcome outcome = http.get(address, m_asked.offset, source().strongTag, *this);
        if (!m_judgement || m_judgement->verdict != Verdict::Moved || m_stopped || m_nobodyListens)
            return ended(outcome);
        if (auto end = follow(address))
            return *end;
    }
    return {failure(FailureKind::Redirect, "the server sent us elsewhere " + std::to_string(redirectLimit + 1) + " times"), true};
}

Fetching::Attempt Fetching::ended(const Outcome &outcome)
{
    if (m_stopped)
        return {m_stopped, m_stopped->kind != FailureKind::Stalled};
    if (outcome.failure)
        return {failure(*outcome.failure, outcome.text, outcome.code), outcome.isFinal, outcome.retryAfter};
    if (!m_judgement)
        return {failure(FailureKind::Network, outcome.text, outcome.code)};
    if (m_judgement->verdict != Verdict::Take) {
        Attempt end = judged();
        end.retryAfter = outcome.retryAfter;
        return end;
    }
    if (m_total && m_position < *m_total)
        return {failure(FailureKind::Size, "the server ends at byte " + std::to_string(m_position) + " of " + std::to_string(*m_total))};
    return {};
}

Fetching::Attempt Fetching::judged() const
{
    if (m_judgement->verdict == Verdict::Complete)
        return {};
    return {failure(m_judgement->kind, m_judgement->text), m_judgement->verdict == Verdict::Refuse};
}

// The next mirror that is not out; false when there is none.
bool Fetching::chooseNext()
{
    for (std::size_t step = 1; step <= m_sources.size(); ++step) {
        const std::size_t candidate = (m_current + step) % m_sources.size();
        if (!m_sources[candidate].isOut) {
            m_current = candidate;
            return true;
        }
    }
    return false;
}

// After a failed try: whether there is another one. The outlet is told either way.
bool Fetching::goOn(const Attempt &attempt)
{
    const Failure &failure = *attempt.failure;
    const bool isFurther = m_position > m_furthest + gettingFurther;
    std::chrono::milliseconds delay = m_request.retryDelay;
    if (isFurther) {
        m_furthest = m_position;
        for (Source &each : m_sources)
            each.failures = 0;
    } else {
        ++source().failures;
    }
    if (m_judgement && m_judgement->verdict == Verdict::StartOver && !m_stopped) {
        m_wholeWanted = true;
        source().validator = {};
        source().strongTag.clear();
        if (++m_changes > changeLimit) {
            m_outlet.failed(failure);
            return false;
        }
    }
    source().isOut = attempt.isFinal || source().failures >= std::max(1U, m_request.tries);
    // One that just gave bytes is asked again first.
    if ((!isFurther || source().isOut) && !chooseNext()) {
        m_outlet.failed(failure);
        return false;
    }
    if (source().failures == 0 && !isFurther)
        delay = std::chrono::milliseconds(0);
    for (std::uint32_t i = 1; i < source().failures && delay < longestDelay; ++i)
        delay *= 2;
    return m_outlet.setback(failure) && m_outlet.wait(std::max(attempt.retryAfter, std::min(delay, longestDelay)));
}

void Fetching::run()
{
    auto http = Http::make(m_request);
    if (!http) {
        m_outlet.failed(failure(FailureKind::Request, http.error()));
        return;
    }
    for (m_current = 0; m_current < m_sources.size(); ++m_current) {
        const auto address = parseAddress(m_request.mirrors[m_current].url);
        if (!address) {
            m_outlet.failed(failure(FailureKind::Request, address.error()));
            return;
        }
        source().address = *address;
    }
    m_current = 0;
    for (;;) {
        const Attempt attempt = this->attempt(*http);
        if (m_nobodyListens)
            return;
        if (!attempt.failure)
            break;
        if (!goOn(attempt))
            return;
    }
    if (m_judgement->verdict == Verdict::Complete
        && !m_outlet.start(
            {.total = m_position, .offset = m_position, .ranges = true, .mirror = static_cast<std::uint32_t>(m_current), .validator = source().validator}))
        return;
    m_outlet.done(m_position);
}
}

void fetch(const Fetch::Request &request, Outlet &outlet)
{
    Fetching(request, outlet).run();
}

} // namespace Preon::Transport
