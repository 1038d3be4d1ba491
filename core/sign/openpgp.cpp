// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later

#include "core/sign/openpgp.h"

#include "core/base/format.h"
#include "core/base/hash.h"
#include "core/base/process.h"

#include <algorithm>
#include <charconv>
#include <array>

#include <sys/stat.h>

namespace Preon::Sign
{

namespace
{
constexpr std::size_t signatureLimit = 1U << 20U;
constexpr std::size_t keyringLimit = 4U << 20U;
constexpr std::size_t keyringCount = 8;
constexpr int firstNumber = 10; // of the descriptors that the program gets

constexpr const char *notSigned = "The signature could not be trusted";

std::unexpected<Error> untrusted(std::string why, std::string todo = {})
{
    return fail(ErrorCode::Untrusted, notSigned, std::move(why), std::move(todo));
}

std::vector<std::string_view> words(std::string_view line)
{
    std::vector<std::string_view> found;
    while (!line.empty() && found.size() < 32) {
        const std::size_t end = std::min(line.find(' '), line.size());
        if (end > 0)
            found.push_back(line.substr(0, end));
        line.remove_prefix(std::min(end + 1, line.size()));
    }
    return found;
}

std::string_view takeLine(std::string_view &text)
{
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return line;
}

bool isFingerprint(std::string_view word)
{
    return (word.size() == 40 || word.size() == 64) && std::ranges::all_of(word, [](char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F'); });
}

// For an error's text: what a key calls itself is nobody's to print as it comes.
std::string hexOnly(std::string_view word)
{
    const bool isHex = !word.empty() && word.size() <= 64 && word.find_first_not_of("0123456789ABCDEFabcdef") == std::string_view::npos;
    return isHex ? std::string(word) : "(unreadable)";
}

std::string printable(std::string_view text)
{
    std::string line(trimmed(text.substr(0, 400)));
    std::ranges::replace_if(line, [](char c) { return c < 0x20 || c >= 0x7f; }, ' ');
    return line;
}

// GnuPG prints seconds since 1970; where it prints a date with a T in it nothing is known.
std::optional<std::int64_t> secondsOf(std::string_view word)
{
    std::int64_t seconds = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), seconds);
    return error == std::errc() && end == word.data() + word.size() && seconds > 0 ? std::optional(seconds) : std::nullopt;
}

void addOnce(std::vector<OpenPgpSigner> &signers, OpenPgpSigner signer)
{
    if (!std::ranges::contains(signers, signer.fingerprint, &OpenPgpSigner::fingerprint))
        signers.push_back(std::move(signer));
}

// What is known of the signature at hand and of those before it.
class GpgvReader
{
public:
    void read(std::span<const std::string_view> line)
    {
        const std::string_view word = line[0];
        const std::string_view key = line.size() > 1 ? line[1] : std::string_view();
        if (word == "NEWSIG")
            m_isGood = false;
        else if (word == "GOODSIG")
            m_isGood = true;
        else if (word == "VALIDSIG" && m_isGood && line.size() > 10 && isFingerprint(line[1]) && isFingerprint(line[10]))
            addOnce(m_signers, {std::string(line[10]), std::string(line[1]), secondsOf(line[3])});
        else if (word == "BADSIG")
            m_isForged = true, m_why = "the signature by the key " + hexOnly(key) + " does not belong to this content: one of the two was altered";
        else if (word == "EXPKEYSIG")
            complain("the key " + hexOnly(key) + " that signed has expired");
        else if (word == "EXPSIG")
            complain("the signature by the key " + hexOnly(key) + " has expired");
        else if (word == "REVKEYSIG")
            complain("the key " + hexOnly(key) + " that signed was revoked by its owner");
        else if (word == "ERRSIG" && line.size() > 6)
            complain(uncheckable(hexOnly(line.size() > 7 ? line[7] : key), line[6]));
        else if (word == "NODATA")
            m_isNone = true;
    }

    Result<std::vector<OpenPgpSigner>> verdict() const
    {
        // One that is wrong says that somebody was at work; whatever else is there does not mend that.
        if (m_isForged)
            return untrusted(m_why);
        if (!m_signers.empty())
            return m_signers;
        if (!m_why.empty())
            return untrusted(m_why);
        if (m_isNone)
            return fail(ErrorCode::BadFormat, notSigned, "it is no OpenPGP signature");
        return untrusted("there is no signature");
    }

private:
    static std::string uncheckable(const std::string &key, std::string_view reason)
    {
        if (reason == "9")
            return "it was signed by the key " + key + ", which this computer does not trust";
        if (reason == "5")
            return "the key " + key + " signed over a weak hash";
        return "the signature by the key " + key + " cannot be checked (GnuPG's error " + hexOnly(reason) + ")";
    }

    void complain(std::string why)
    {
        if (!m_isForged)
            m_why = std::move(why);
    }

    std::vector<OpenPgpSigner> m_signers;
    std::string m_why; // of the last one that was not good
    bool m_isGood = false, m_isForged = false, m_isNone = false;
};

Result<std::vector<OpenPgpSigner>> run(OpenPgpProgram program, const std::vector<Fd> &files, std::size_t keyrings)
{
    const bool isGpgv = program == OpenPgpProgram::Gpgv;
    std::vector<std::string> command{isGpgv ? "gpgv" : "sqv"};
    if (isGpgv)
        command.insert(command.end(), {"--homedir", "/nonexistent", "--status-fd", "1", "--weak-digest", "SHA1", "--weak-digest", "RIPEMD160"});
    ProcessOptions options;
    options.isShutIn = true;
    options.timeout = std::chrono::seconds(60);
    for (std::size_t i = 0; i < files.size(); ++i) {
        const int number = firstNumber + static_cast<int>(i);
        options.files.emplace_back(&files[i], number);
        if (i < keyrings)
            command.emplace_back("--keyring");
        command.push_back("/proc/self/fd/" + std::to_string(number));
    }
    PREON_TRY(const ProcessOutput output, runProcess(command, options));
    if (output.status >= 126)
        return fail(ErrorCode::ToolFailed, command.front() + " ended with status " + std::to_string(output.status), printable(output.errors));
    return isGpgv ? signersOfGpgv(output.output) : signersOfSqv(output.output, output.errors);
}
}

Result<std::vector<std::filesystem::path>> importKeyrings(const Host &host)
{
    std::vector<std::filesystem::path> found;
    for (const char *folder : {"/etc/systemd", "/usr/lib/systemd"}) {
        for (const char *name : {"import-pubring.pgp", "import-pubring.gpg"}) {
            const auto path = host.resolved(std::filesystem::path(folder) / name);
            if (path) {
                found.push_back(*path);
                break;
            }
            if (path.error().code != ErrorCode::NotFound)
                return std::unexpected(path.error());
        }
    }
    if (found.empty())
        return untrusted("this system has no keyring of those who may sign",
                         "Put the keys of the system's maker into /etc/systemd/import-pubring.pgp or /usr/lib/systemd/import-pubring.pgp");
    return found;
}

Result<Bytes> withoutArmour(ByteView keyring)
{
    constexpr std::string_view head = "-----BEGIN PGP PUBLIC KEY BLOCK-----";
    constexpr std::string_view tail = "-----END PGP PUBLIC KEY BLOCK-----";
    std::string_view text(reinterpret_cast<const char *>(keyring.data()), keyring.size());
    if (!text.contains(head))
        return Bytes(keyring.begin(), keyring.end());
    Bytes all;
    std::string base64;
    enum { Outside, Headers, Body } state = Outside;
    while (!text.empty()) {
        const std::string_view line = trimmed(takeLine(text));
        if (state == Outside) {
            state = line == head ? Headers : Outside;
        } else if (line == tail) {
            const auto block = fromBase64(base64);
            if (!block)
                return fail(ErrorCode::BadFormat, "A keyring could not be read", "its armour is broken");
            all.insert(all.end(), block->begin(), block->end());
            base64.clear();
            state = Outside;
        } else if (state == Headers) {
            // An empty line ends them; some write none at all.
            state = line.empty() ? Body : (line.contains(": ") ? Headers : Body);
            base64 += state == Body ? line : std::string_view();
        } else if (!line.starts_with('=')) { // the checksum
            base64 += line;
        }
    }
    if (state != Outside)
        return fail(ErrorCode::BadFormat, "A keyring could not be read", "its armour has no end");
    return all;
}

Result<std::vector<OpenPgpSigner>> signersOfGpgv(std::string_view statusLines)
{
    constexpr std::string_view mark = "[GNUPG:] ";
    GpgvReader reader;
    while (!statusLines.empty()) {
        std::string_view line = takeLine(statusLines);
        if (!line.starts_with(mark))
            continue;
        line.remove_prefix(mark.size());
        if (const auto parts = words(line); !parts.empty())
            reader.read(parts);
    }
    return reader.verdict();
}

Result<std::vector<OpenPgpSigner>> signersOfSqv(std::string_view output, std::string_view errors)
{
    std::vector<OpenPgpSigner> signers;
    while (!output.empty()) {
        const std::string_view line = trimmed(takeLine(output));
        if (isFingerprint(line))
            addOnce(signers, {std::string(line), std::string(line)});
    }
    // It has no fixed words for reasons; these are the ones of sqv 1.3.
    if (errors.contains("Message has been manipulated"))
        return untrusted("a signature does not belong to this content: one of the two was altered");
    if (!signers.empty())
        return signers;
    if (errors.contains("is not considered secure"))
        return untrusted("it was signed over a weak hash");
    if (const std::size_t at = errors.find("Missing key "); at != std::string_view::npos) {
        const std::string_view rest = errors.substr(at + 12);
        return untrusted("it was signed by the key " + hexOnly(rest.substr(0, std::min(rest.find_first_of(",\n "), rest.size())))
                         + ", which this computer does not trust");
    }
    if (errors.contains("Expired on "))
        return untrusted("the signature has expired");
    if (errors.contains("Not live until "))
        return untrusted("the signature is from the future", "Check this computer's date.");
    if (errors.contains("Error: Reading "))
        return fail(ErrorCode::BadFormat, notSigned, "it is no OpenPGP signature");
    return untrusted(errors.empty() ? "there is no signature" : "sqv says: " + printable(errors));
}

Result<std::vector<OpenPgpSigner>> verifyOpenPgp(ByteView content, ByteView signature, std::span<const std::filesystem::path> keyrings, OpenPgpProgram program)
{
    if (signature.empty() || signature.size() > signatureLimit)
        return fail(ErrorCode::BadFormat, notSigned, "a signature has no " + std::to_string(signature.size()) + " bytes");
    if (keyrings.empty() || keyrings.size() > keyringCount)
        return fail(ErrorCode::BadArgument, notSigned,
                    std::to_string(keyrings.size()) + " keyrings are given, 1 to " + std::to_string(keyringCount) + " can be used");
    // Read here, so that the program needs no way to them.
    std::vector<Fd> files;
    for (const std::filesystem::path &keyring : keyrings) {
        PREON_TRY(const Bytes bytes, readFile(keyring, keyringLimit));
        PREON_TRY(const Bytes binary, withoutArmour(bytes));
        PREON_TRY(Fd file, memoryFile("keyring", binary));
        files.push_back(std::move(file));
    }
    PREON_TRY(Fd signatureFile, memoryFile("signature", signature));
    PREON_TRY(Fd contentFile, memoryFile("content", content));
    files.push_back(std::move(signatureFile));
    files.push_back(std::move(contentFile));
    // The program is another user, and opens them anew.
    for (const Fd &file : files) {
        if (::fchmod(file.get(), 0444) < 0)
            return failErrno(notSigned);
    }
    if (program != OpenPgpProgram::Any)
        return run(program, files, keyrings.size());
    auto signers = run(OpenPgpProgram::Gpgv, files, keyrings.size());
    if (signers || signers.error().code != ErrorCode::NotFound)
        return signers;
    signers = run(OpenPgpProgram::Sqv, files, keyrings.size());
    if (!signers && signers.error().code == ErrorCode::NotFound)
        return fail(ErrorCode::NotFound, notSigned, "neither gpgv nor sqv is installed", "Install one of them.");
    return signers;
}

} // namespace Preon::Sign
