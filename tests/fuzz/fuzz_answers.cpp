// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "apps/installer/answers.h"

#include <cstdlib>

using namespace Preon::Installer;

// Answers files are written by hand and by programs of others. What is read is written as the same; what is refused says why; and nothing that is read allows what
// it does not say.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char *data, std::size_t size)
{
    const auto answers = parseAnswers(std::string_view(reinterpret_cast<const char *>(data), size));
    if (!answers) {
        const AnswersError &error = answers.error();
        if (error.code.empty() || error.what.empty() || error.why.empty() || error.todo.empty())
            std::abort();
        return 0;
    }
    if (parseAnswers(writeAnswers(*answers)) != *answers)
        std::abort();
    const std::vector<OfferedDisk> disks{{.serial = "A1", .model = "M", .name = "/dev/a", .size = 1},
                                         {.serial = "", .model = "M", .name = "/dev/b", .size = 2}};
    if (answers->disk) {
        const auto found = findDisk(*answers->disk, disks);
        if (found && *found >= disks.size())
            std::abort();
    }
    for (const OfferedDisk &disk : disks) {
        const auto confirmed = isConfirmed(*answers, disk);
        const auto is = [&](const std::string &name) {
            return answers->confirm == confirmation(answers->mode, name);
        };
        if (confirmed && *confirmed && !(is(disk.serial) || is(disk.model) || is(disk.name) || is(disk.name.substr(5))))
            std::abort();
    }
    return 0;
}
