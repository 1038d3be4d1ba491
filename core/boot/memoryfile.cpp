// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/boot/memoryfile.h"

#include <utility>

#include <sys/mman.h>
#include <sys/stat.h>

namespace Preon::Boot
{

Result<MemoryFile> MemoryFile::empty()
{
    return copyOf({});
}

Result<MemoryFile> MemoryFile::copyOf(ByteView content)
{
    MemoryFile file;
    PREON_TRY(file.m_fd, memoryFile("preon-boot-file", content));
    PREON_CHECK(file.refresh(content.size()));
    return file;
}

MemoryFile::MemoryFile(MemoryFile &&other) noexcept
    : m_fd(std::move(other.m_fd))
    , m_view(std::exchange(other.m_view, {}))
{
}

MemoryFile &MemoryFile::operator=(MemoryFile &&other) noexcept
{
    if (this != &other) {
        unmap();
        m_fd = std::move(other.m_fd);
        m_view = std::exchange(other.m_view, {});
    }
    return *this;
}

MemoryFile::~MemoryFile()
{
    unmap();
}

void MemoryFile::unmap()
{
    if (!m_view.empty())
        ::munmap(const_cast<std::byte *>(m_view.data()), m_view.size());
    m_view = {};
}

Result<void> MemoryFile::refresh(std::size_t limit)
{
    unmap();
    struct stat status{};
    if (::fstat(m_fd.get(), &status) < 0)
        return failErrno("A file in memory could not be read");
    const auto size = static_cast<std::size_t>(status.st_size);
    if (size > limit)
        return fail(ErrorCode::NoSpace, "A file is larger than it may be", std::to_string(size) + " bytes, at most " + std::to_string(limit));
    if (size == 0)
        return {};
    void *address = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, m_fd.get(), 0);
    if (address == MAP_FAILED)
        return failErrno("A file could not be kept in memory");
    m_view = ByteView(static_cast<const std::byte *>(address), size);
    return {};
}

} // namespace Preon::Boot
