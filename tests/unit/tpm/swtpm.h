// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// For tests: a real TPM 2.0 emulator in a folder of its own, and a policy key with the signatures that a builder would put into a kernel.

#include "core/base/hash.h"
#include "core/base/process.h"
#include "core/tpm/policy.h"
#include "core/tpm/tpm.h"

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>

#include <nlohmann/json.hpp>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

namespace Preon::Test
{

class Folder
{
public:
    Folder()
    {
        std::string shape = (std::filesystem::temp_directory_path() / "preon-test-XXXXXX").string();
        m_path = ::mkdtemp(shape.data());
    }
    Folder(const Folder &) = delete;
    Folder &operator=(const Folder &) = delete;
    ~Folder()
    {
        std::error_code ignored;
        std::filesystem::remove_all(m_path, ignored);
    }
    std::filesystem::path operator/(const std::filesystem::path &name) const
    {
        return m_path / name;
    }

private:
    std::filesystem::path m_path;
};

// Speaks to one client at a time: close a Tpm::Context before another program talks to it.
class Swtpm
{
public:
    Swtpm()
    {
        ::setenv("TSS2_LOG", "all+NONE", 0); // expected errors are not for the log
        std::filesystem::create_directory(m_folder / "state");
        const auto started = runTool({"swtpm", "socket", "--tpm2", "--tpmstate", "dir=" + (m_folder / "state").string(), "--server",
                                      "type=unixio,path=" + (m_folder / "socket").string(), "--ctrl", "type=unixio,path=" + (m_folder / "socket.ctrl").string(),
                                      "--flags", "startup-clear", "--daemon", "--pid", "file=" + (m_folder / "pid").string()});
        if (!started)
            throw std::runtime_error(started.error().text());
        m_host.run = m_folder / "run"; // the log of measurements
        m_host.tpm = "swtpm:path=" + (m_folder / "socket").string();
    }
    ~Swtpm()
    {
        if (const auto pid = readTextFile(m_folder / "pid"))
            ::kill(std::atoi(pid->c_str()), SIGTERM);
        for (unsigned tries = 0; tries < 100 && std::filesystem::exists(m_folder / "pid"); ++tries)
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    const Host &host() const
    {
        return m_host;
    }
    const std::string &tcti() const
    {
        return m_host.tpm;
    }
    // With all of the TPM's own tools: tool({"tpm2_getcap", …}).
    Result<ProcessOutput> tool(const std::vector<std::string> &command) const
    {
        ProcessOptions options;
        options.environment = {{"TPM2TOOLS_TCTI", tcti()}};
        return runTool(command, options);
    }

private:
    Folder m_folder;
    Host m_host;
};

// The builder's key; what systemd-measure sign writes is made here with the PCR values of a real (emulated) TPM.
class PolicyKey
{
public:
    PolicyKey()
        : m_key(EVP_RSA_gen(2048), &EVP_PKEY_free)
    {
    }
    std::string pem() const
    {
        const std::unique_ptr<BIO, decltype(&BIO_free_all)> bio(BIO_new(BIO_s_mem()), &BIO_free_all);
        PEM_write_bio_PUBKEY(bio.get(), m_key.get());
        char *text = nullptr;
        const long size = BIO_get_mem_data(bio.get(), &text);
        return std::string(text, static_cast<std::size_t>(size));
    }
    nlohmann::json sign(const std::vector<Tpm::PcrValue> &values, const std::string &bank = "sha256") const
    {
        Tpm::PcrMask mask = 0;
        auto pcrs = nlohmann::json::array();
        for (const Tpm::PcrValue &value : values) {
            mask |= 1U << value.index;
            pcrs.push_back(value.index);
        }
        Tpm::PolicyDigest policy;
        policy.pcr(bank, mask, values).value();
        const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
        EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, m_key.get());
        Bytes signature(256);
        std::size_t size = signature.size();
        EVP_DigestSign(context.get(), reinterpret_cast<unsigned char *>(signature.data()), &size,
                       reinterpret_cast<const unsigned char *>(policy.digest().data()), policy.digest().size());
        return {{bank,
                 {{{"pcrs", pcrs},
                   {"pkfp", toHex(Tpm::keyFingerprint(pem()).value())},
                   {"pol", toHex(policy.digest())},
                   {"sig", toBase64(ByteView(signature).first(size))}}}}};
    }

private:
    std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> m_key;
};

} // namespace Preon::Test
