// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "helper/errors.h"
#include "helper/work.h"

#include "core/base/errorjson.h"

#include <gtest/gtest.h>

using namespace Preon;
using namespace Preon::Helper;
using namespace std::chrono_literals;

namespace
{

const std::vector<WorkPhase> phases{{"Looking", 0, true}, {"Copying", 1000, true}, {"Checking", 500, true}, {"Writing the table", 0, false}};

TEST(Work, whatIsLeftIsOfThisPhaseAndThoseToCome)
{
    const auto left = [](const char *phase, std::uint64_t done, std::uint64_t total, std::uint64_t rate) {
        return secondsLeft(phases, {.phase = phase, .done = done, .total = total, .rate = rate});
    };
    EXPECT_EQ(left("Copying", 0, 1000, 100), 15);
    EXPECT_EQ(left("Copying", 1000, 1000, 100), 5);
    EXPECT_EQ(left("Copying", 1200, 1000, 100), 5) << "more than was announced";
    EXPECT_EQ(left("Checking", 250, 500, 100), 3) << "rounded up";
    EXPECT_EQ(left("Something else", 0, 100, 100), 1);
    EXPECT_EQ(left("Copying", 0, 1000, 0), -1) << "not known";
}

TEST(Work, theRateIsThatOfTheLastSeconds)
{
    WorkProgress progress(phases);
    const WorkProgress::Clock::time_point start{};
    progress.phase("Copying", 1000);
    EXPECT_EQ(progress.look(start).rate, 0U);
    progress.advance(100);
    EXPECT_EQ(progress.look(start + 500ms).rate, 0U) << "too early to say";
    progress.advance(100);
    EXPECT_EQ(progress.look(start + 2s).rate, 100U);
    for (int second = 3; second <= 12; ++second) {
        progress.advance(10);
        static_cast<void>(progress.look(start + std::chrono::seconds(second)));
    }
    const WorkState state = progress.look(start + 12s);
    EXPECT_EQ(state.rate, 10U);
    EXPECT_EQ(state.secondsLeft, (1000 - 300 + 500) / 10);
    progress.phase("Writing the table", 0);
    EXPECT_EQ(progress.look(start + 13s).rate, 0U);
    EXPECT_EQ(progress.look(start + 13s).secondsLeft, -1);
}

TEST(Work, isCancelledWhereItMayBe)
{
    WorkProgress progress(phases);
    progress.phase("Writing the table", 0);
    EXPECT_FALSE(progress.look({}).cancellable);
    EXPECT_FALSE(progress.cancel());
    EXPECT_FALSE(progress.isCancelled());
    progress.phase("Copying", 10);
    EXPECT_TRUE(progress.look({}).cancellable);
    EXPECT_TRUE(progress.cancel());
    EXPECT_TRUE(progress.isCancelled());
    EXPECT_FALSE(progress.look({}).cancellable) << "once is enough";
}

TEST(Work, itsLogIsTakenOnceAndHasAnEnd)
{
    WorkProgress progress(phases);
    for (int i = 0; i < 2'000; ++i)
        progress.log("line");
    EXPECT_EQ(progress.takeLog().size(), 1'000U);
    EXPECT_TRUE(progress.takeLog().empty());
}

TEST(Errors, crossTheBusWhole)
{
    const Error error{ErrorCode::NoSpace, "It does not fit", "91 MiB are free, \xff", "Choose a larger disk."};
    const sdbus::Error sent = toDBus(error);
    EXPECT_EQ(sent.getName(), "org.preon.Error.NoSpace");
    const Error got = errorFromJson(nlohmann::ordered_json::parse(sent.getMessage()));
    EXPECT_EQ(got.code, error.code);
    EXPECT_EQ(got.what, error.what);
    EXPECT_EQ(got.todo, error.todo);
    EXPECT_EQ(toDBus({ErrorCode::TpmLockout, {}, {}, {}}).getName(), "org.preon.Error.TpmLockout");
    EXPECT_EQ(errorFromJson({{"code", 5}, {"what", nullptr}}).code, ErrorCode::Io);
}

} // namespace
