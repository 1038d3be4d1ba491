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
    ASSERT_TRUE(worker.submit(
        [&] {
            begun.set_value();
            go.get_future().wait();
        },
        1));
    begun.get_future().wait();
    EXPECT_TRUE(worker.submit([&] { order += 'a'; }, 1));
    EXPECT_TRUE(worker.submit(
        [&] {
            order += 'b';
            done.set_value();
        },
        1));
    EXPECT_FALSE(worker.submit([&] { order += 'c'; }, 1)) << "two wait already";
    EXPECT_TRUE(worker.submit([&] { order += 'd'; }, 1, Worker::Turn::First)) << "also where too much waits";
    go.set_value();
    done.get_future().wait();
    worker.finish();
    EXPECT_EQ(order, "dab");
    EXPECT_FALSE(worker.submit([] { }, 1, Worker::Turn::First)) << "it has ended";
}

TEST(Worker, usersTakeTurns)
{
    std::promise<void> begun, go, done;
    std::string order;
    Worker worker(4);
    ASSERT_TRUE(worker.submit(
        [&] {
            begun.set_value();
            go.get_future().wait();
        },
        1));
    begun.get_future().wait();
    for (const char each : {'a', 'b', 'c'})
        EXPECT_TRUE(worker.submit([&order, each] { order += each; }, 1));
    EXPECT_TRUE(worker.submit(
        [&] {
            order += 'd';
            done.set_value(); // the last of all: finish() drops what still waits
        },
        1));
    EXPECT_FALSE(worker.submit([&] { order += 'e'; }, 1));
    EXPECT_TRUE(worker.submit([&] { order += 'x'; }, 2)) << "another's queue is another's";
    EXPECT_TRUE(worker.submit([&] { order += 'y'; }, 2));
    EXPECT_TRUE(worker.submit([&] { order += '1'; }, 0));
    go.set_value();
    done.get_future().wait();
    worker.finish();
    EXPECT_EQ(order, "x1aybcd") << "who waits for the first time is next, then all in a circle";
}

} // namespace
