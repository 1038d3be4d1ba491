// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// What is installed from: the medium that this system runs from, or an image file. Opens it, finds the one system on it that is to be installed, and checks
// that its parts belong together by the root hash that its signed kernel carries. The data itself is checked block by block while it is copied.

#include "core/boot/loader.h"
#include "core/image/image.h"

#include <string>

namespace Preon::Install
{

enum class SourceKind { Booted, File };

// The part of a source that a plan is made from.
struct SourceFacts {
    SourceKind kind = SourceKind::File;
    std::filesystem::path path; // the whole disk, or the image file
    Uuid diskUuid;
    Image::System system;
    Disk::Partition esp;
    std::string kernelPath; // on the source's boot partition:
    Disk::Partition kernelPlace;
    std::string installedKernelPath; // on the target's: without a boot counter, for it has proven itself or is the only one
    struct File {
        std::string path; // on an EFI partition of the system's own
        std::uint64_t size = 0; // bytes
        std::optional<Boot::Start> only = {};
    };
    std::vector<File> bootFiles; // as in Source
    std::string loaderVersion; // empty: not known

    std::uint64_t bootFilesSize(Boot::Start start) const; // bytes of loader, settings and kernel
    bool hasShim() const;
};

struct Source {
    Disk::Device device;
    SourceFacts facts;
    std::vector<Boot::BootFile> bootFiles; // in the order of writing: the kernel last

    const Boot::BootFile *find(const std::string &path, Boot::Start start) const; // nullptr when there is none
};

// "booted", or the path of an image file (or of a disk that holds one). NotFound: nothing that can be installed; Untrusted: the partitions are not those that
// the kernel, or the running system, names.
Result<Source> openSource(const Host &host, const std::string &source);

} // namespace Preon::Install
