// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A signature partition, and the PKCS#7 in it: read before anything vouches for it. Nothing made up may be accepted, and what is read must survive being
// written.
#include "core/verity/signature.h"

#include <cstdlib>

using namespace Preon;

namespace
{

// The certificate of corpus/verity_signature/by-repart, so that its signature is looked at to the end.
constexpr std::string_view trusted = "-----BEGIN CERTIFICATE-----\n"
                                     "MIIDDTCCAfWgAwIBAgIUKM9PHozy1dH0EICyoujhZTswtAMwDQYJKoZIhvcNAQEL\n"
                                     "BQAwFTETMBEGA1UEAwwKUHJlb24gdGVzdDAgFw0yNjExMjMwMzQyMDdaGA8yMTI2\n"
                                     "MTAzMDAzNDIwN1owFTETMBEGA1UEAwwKUHJlb24gdGVzdDCCASIwDQYJKoZIhvcN\n"
                                     "AQEBBQADggEPADCCAQoCggEBANGDOhYoY0RXEPvpAlmh/3lda/AqaQtxYG+adHwl\n"
                                     "HCgZoiUa4FfVOO44HaK+VSwtF/0n56z9DrnZnnnfGXk92TQWbWft+ZEW0qJ1ZRoO\n"
                                     "dCiFzPh3cIFbvTesyI5GrRAVYar2DowdIH9LyoQ+CttQZX3AZXSjayCu+BRoiVby\n"
                                     "/nzxh82Sz9MQLxbOoVDoLv9qcaxISFuYjvYiEP0yS3C467vJldJIpGVtkbmbFYhy\n"
                                     "nxdnAxGISJjtlkeYYM9VedWgoo0cwZsgX9J36itb8qyXLgOeInO7P6OHCHyJGn3O\n"
                                     "kXStpTj30evIusoo7jxjempAAu8n1f3wYLJ2WjUywgvME7kCAwEAAaNTMFEwHQYD\n"
                                     "VR0OBBYEFKY0GwCINwMgSMqfvBQzhYzdcuatMB8GA1UdIwQYMBaAFKY0GwCINwMg\n"
                                     "SMqfvBQzhYzdcuatMA8GA1UdEwEB/wQFMAMBAf8wDQYJKoZIhvcNAQELBQADggEB\n"
                                     "ABWOYcFP3Kt6ZNZbKtr8kTX3VE8pkWTuDTy8g9no4CX4bQugebVesSOTNdbQ9Tuk\n"
                                     "1ih7YHXbkzBYg4n7rKNWZTQfX5w6/a/iwZX12TzP7QpvE/4qSbEGXRpRTF6s76aD\n"
                                     "jRYfisqJyp0ybiONxYUshDuDALe7MPPvOBHqocd97spJanfcd9si+2DXLBnA2Hfq\n"
                                     "Aioz56tfcIZrEX2Hfcul6OU4/moGmjSAoNfN03PQoXRcYsB7jncnvUuhBJnlDip6\n"
                                     "nOYeSdWhY/bvYYiqM+42SZ6ZXXYJCFoI+UvFznXTRaqFzjJGT9q9CD9qpkdL31vl\n"
                                     "Na58hem7b1bEVMDuE1pHdRc=\n"
                                     "-----END CERTIFICATE-----\n";

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char *data, std::size_t size)
{
    static const auto certificates = Sign::Certificate::parse(asBytes(trusted)).value();
    const ByteView bytes = std::as_bytes(std::span(data, size));
    const Bytes otherContent(64, std::byte{'0'});
    if (Sign::verifyDetached(bytes, otherContent, certificates))
        std::abort();
    const auto parsed = Verity::parseSignature(bytes);
    if (!parsed)
        return 0;
    if (Sign::verifyDetached(parsed->signature, otherContent, certificates))
        std::abort();
    if (const auto checked = Verity::checkSignature(*parsed, certificates); !checked && checked.error().why.empty())
        std::abort();
    const auto text = Verity::signatureJson(*parsed);
    if (!text)
        return 0; // larger than the partition that we would write
    const auto again = Verity::parseSignature(asBytes(*text));
    if (!again || *again != *parsed)
        std::abort();
    return 0;
}
