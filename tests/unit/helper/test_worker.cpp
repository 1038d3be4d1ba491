// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "helper/worker.h"

#include <gtest/gtest.h>

#include <future>
#include <string>

using namespace Preon::Helper;

namespace
{

TEST(Worker, whatWasConfirmedComesBeforeAllThatWaits)
{
    std::promise<void> begun, go, done;
    std::string order;
    Worker worker(2);
    ASSERT_TRUE(worker.submit([&] {
        begun.set_value();
        go.get_future().wait();
    }));
    begun.get_future().wait();
    EXPECT_TRUE(worker.submit([&] { order += 'a'; }));
    EXPECT_TRUE(worker.submit([&] {
        order += 'b';
        done.set_value();
    }));
    EXPECT_FALSE(worker.submit([&] { order += 'c'; })) << "two wait already";
    EXPECT_TRUE(worker.submit([&] { order += 'd'; }, Worker::Turn::First)) << "also where too much waits";
    go.set_value();
    done.get_future().wait();
    worker.finish();
    EXPECT_EQ(order, "dab");
    EXPECT_FALSE(worker.submit([] { }, Worker::Turn::First)) << "it has ended";
}

} // namespace
