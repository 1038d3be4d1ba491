// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "helper/service.h"

#include <systemd/sd-bus.h>

namespace Preon::Helper
{

namespace
{

// sdbus-c++ has no word for this flag, nor for the message below its own.
struct Below : sdbus::Message {
    static bool allowsInteraction(const sdbus::Message &message)
    {
        return sd_bus_message_get_allow_interactive_authorization(static_cast<sd_bus_message *>(message.*(&Below::msg_))) > 0;
    }
    static void makeSensitive(const sdbus::Message &message)
    {
        static_cast<void>(sd_bus_message_sensitive(static_cast<sd_bus_message *>(message.*(&Below::msg_))));
    }
};

} // namespace

std::string callerOf(const sdbus::IObject &object)
{
    return object.getCurrentlyProcessedMessage().getSender();
}

Call callOf(const sdbus::IObject &object)
{
    const sdbus::Message message = object.getCurrentlyProcessedMessage();
    return {.caller = message.getSender(), .mayAskPerson = Below::allowsInteraction(message)};
}

void wipeWhenDone(const sdbus::IObject &object)
{
    Below::makeSensitive(object.getCurrentlyProcessedMessage());
}

} // namespace Preon::Helper
