// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bus/homederrors.h"

#include <algorithm>
#include <array>

namespace Preon::Bus
{

namespace
{
using enum ErrorCode;

constexpr std::string_view noToken = "Security keys are not handled here: log in or use homectl with the key plugged in, or use the recovery key.";
constexpr std::string_view noHomed = "Install the package systemd-homed and start again, or make an ordinary account.";

// In the order of docs/errors.md. Where the why is empty, systemd-homed's own words stand there.
constexpr std::array table{
    // Which account
    HomedError{"org.freedesktop.home1.NoSuchHome", NotFound, "There is no home of NAME", "systemd-homed knows none of that name",
               "Look at the names in \"preonctl home list\"."},
    HomedError{"org.freedesktop.home1.UserNameExists", Exists, "The user name NAME is taken", "another account of this computer has it", "Choose another one."},
    HomedError{"org.freedesktop.home1.UIDInUse", Exists, "The account NAME cannot have that number", "another user or group of this computer has it",
               "Leave the number out, so that a free one is taken."},
    HomedError{"org.freedesktop.home1.HomeExists", Exists, "There is a home of NAME already", "a file or folder lies where it would be put",
               "Choose another user name, or move away what lies in /home."},
    // What is going on with it
    HomedError{"org.freedesktop.home1.HomeAlreadyActive", Busy, "The home of NAME is open already", "the user is logged in",
               "Nothing needs to be done; to change it, log out first."},
    HomedError{"org.freedesktop.home1.HomeNotActive", NotFound, "The home of NAME is not open", "the user is not logged in", "Log in first."},
    HomedError{"org.freedesktop.home1.HomeBusy", Busy, "The home of NAME is in use", "", "Wait until what goes on there is done, log out, and try again."},
    HomedError{"org.freedesktop.home1.HomeInUse", Busy, "The home of NAME is open elsewhere", "another computer or program holds its image",
               "Log out there first."},
    HomedError{"org.freedesktop.home1.HomeLocked", Busy, "The home of NAME is locked", "it was locked before the computer slept",
               "Unlock the screen with the password, then try again."},
    HomedError{"org.freedesktop.home1.HomeNotLocked", BadArgument, "The home of NAME is not locked", "so there is nothing to unlock",
               "Nothing needs to be done."},
    HomedError{"org.freedesktop.home1.HomeNotReferenced", NotFound, "The home of NAME is used by nobody", "no session holds it open", "Log in first."},
    HomedError{"org.freedesktop.home1.HomeAbsent", NotFound, "The home of NAME is not there",
               "the disk that it lies on is not plugged in, or its file was moved", "Plug the disk in, or put the file back into /home."},
    HomedError{"org.freedesktop.home1.HomeUnfixated", Unsupported, "The home of NAME was never opened on this computer", "it came from another one",
               "Log in once with its password, then try again."},
    HomedError{"org.freedesktop.home1.HomeAlreadyFixated", Exists, "The home of NAME belongs to this computer already", "it was opened here before",
               "Nothing needs to be done."},
    HomedError{"org.freedesktop.home1.TooManyOperations", Busy, "systemd-homed has too much to do", "", "Wait a little and try again."},
    HomedError{"org.freedesktop.home1.RebalanceNotNeeded", Changed, "No home needs another size", "each has what it should have", "Nothing needs to be done."},
    // Ways in
    HomedError{"org.freedesktop.home1.BadPassword", Permission, "The password of NAME is wrong", "the home does not open with it",
               "Type it again; look at the keyboard layout and at Caps Lock. The recovery key opens the home too."},
    HomedError{"org.freedesktop.home1.BadRecoveryKey", Permission, "The recovery key of NAME is wrong or missing",
               "it does not belong to this home, or a letter of it is; a new password needs the recovery key, or a new one in its place",
               "Type it again, all eight groups, or let a new recovery key be made with the password."},
    HomedError{"org.freedesktop.home1.BadPasswordAndNoToken", Permission, "The password of NAME is wrong, and no security key is plugged in",
               "the home opens with the one or the other", "Type the password again, or use the recovery key."},
    HomedError{"org.freedesktop.home1.LowPasswordQuality", BadArgument, "The new password is too weak", "",
               "Choose a longer one: four words that have nothing to do with each other are good."},
    HomedError{"org.freedesktop.home1.AuthenticationLimitHit", Timeout, "Too many wrong tries for NAME", "", "Wait half a minute, then try again."},
    HomedError{"org.freedesktop.home1.HomeCantAuthenticate", Permission, "The home of NAME has no way in",
               "its user record has neither a password nor a recovery key nor a security key",
               "Put back a backup of the account, or remove it and make it anew."},
    HomedError{"org.freedesktop.home1.TokenPinNeeded", Unsupported, "The security key of NAME wants its PIN", "the home opens with a security key", noToken},
    HomedError{"org.freedesktop.home1.TokenProtectedAuthenticationPathNeeded", Unsupported, "The security key of NAME wants its PIN on its own keys",
               "the home opens with a security key", noToken},
    HomedError{"org.freedesktop.home1.TokenUserPresenceNeeded", Unsupported, "The security key of NAME wants to be touched",
               "the home opens with a security key", noToken},
    HomedError{"org.freedesktop.home1.TokenUserVerificationNeeded", Unsupported, "The security key of NAME wants to know its user",
               "the home opens with a security key", noToken},
    HomedError{"org.freedesktop.home1.TokenActionTimeout", Timeout, "The security key of NAME was not touched in time", "the home opens with a security key",
               noToken},
    HomedError{"org.freedesktop.home1.TokenPinLocked", Permission, "The PIN of NAME's security key is blocked", "it was wrong too often", noToken},
    HomedError{"org.freedesktop.home1.BadPin", Permission, "The PIN of NAME's security key is wrong", "the security key refused it", noToken},
    HomedError{"org.freedesktop.home1.BadPinFewTriesLeft", Permission, "The PIN of NAME's security key is wrong",
               "the security key refused it, and few tries are left", noToken},
    HomedError{"org.freedesktop.home1.BadPinOneTryLeft", Permission, "The PIN of NAME's security key is wrong",
               "the security key refused it, and one try is left", noToken},
    // Room
    HomedError{"org.freedesktop.home1.NoDiskSpace", NoSpace, "There is no room for the home of NAME", "the volume that holds /home is too full",
               "Free some space, or choose a smaller home."},
    HomedError{"org.freedesktop.home1.BadHomeSize", BadArgument, "The home of NAME cannot have that size", "",
               "Choose a size between the smallest and the largest that are offered."},
    // Signatures
    HomedError{"org.freedesktop.home1.BadSignature", Untrusted, "The account NAME is not trusted here",
               "no key that this computer takes signed its user record, or the record was changed since",
               "Put the public key of the computer that it comes from into /var/lib/systemd/home."},
    HomedError{"org.freedesktop.home1.NoPrivateKey", NotFound, "The account NAME cannot be signed",
               "this computer has no key for signing in /var/lib/systemd/home", "Restart systemd-homed, which makes one."},
    HomedError{"org.freedesktop.home1.RecordSigned", Permission, "The account NAME cannot be changed here", "its user record is signed by another computer",
               "Change it there."},
    HomedError{"org.freedesktop.home1.RecordMismatch", Changed, "The account NAME cannot be changed so", "the new user record belongs to another account",
               "Read the account again and repeat the change."},
    HomedError{"org.freedesktop.home1.RecordDowngrade", Changed, "The account NAME was changed meanwhile", "the home has a newer user record",
               "Read the account again and repeat the change."},
    // The bus
    HomedError{"org.freedesktop.DBus.Error.ServiceUnknown", NotFound, "There is no systemd-homed on this computer", "nobody answers to org.freedesktop.home1",
               noHomed},
    HomedError{"org.freedesktop.DBus.Error.NameHasNoOwner", NotFound, "systemd-homed does not run", "nobody answers to org.freedesktop.home1", noHomed},
    HomedError{"org.freedesktop.systemd1.NoSuchUnit", NotFound, "There is no systemd-homed on this computer", "its service is not installed", noHomed},
    HomedError{"org.freedesktop.systemd1.UnitMasked", NotFound, "systemd-homed does not run", "its service is masked",
               "Type: systemctl unmask systemd-homed.service"},
    HomedError{"org.freedesktop.DBus.Error.NoReply", Io, "systemd-homed gave no answer", "it ended while it worked, or was stopped",
               "Look at \"journalctl -u systemd-homed\", then at \"preonctl home list\" for what became of it."},
    HomedError{"org.freedesktop.DBus.Error.Timeout", Timeout, "systemd-homed gave no answer", "it did not answer in time",
               "Look at \"preonctl home list\" for what became of it."},
    HomedError{"org.freedesktop.DBus.Error.AccessDenied", Permission, "That is not allowed", "", "Ask an administrator of this computer."},
    HomedError{"org.freedesktop.DBus.Error.InteractiveAuthorizationRequired", Permission, "That needs an administrator's password",
               "nobody could be asked for it", "Run it in a session, or as root."},
    HomedError{"org.freedesktop.DBus.Error.NotSupported", Unsupported, "systemd-homed cannot do that on this computer", "",
               "Choose another storage or file system for the home."},
    HomedError{"org.freedesktop.DBus.Error.InvalidArgs", BadArgument, "systemd-homed does not take that", "", "Check what was asked for."},
    HomedError{"org.freedesktop.DBus.Error.UnknownMethod", Unsupported, "The systemd-homed of this computer is too old", "it does not know what was asked for",
               "Update the system."},
};

std::string filled(std::string_view text, std::string_view userName)
{
    std::string all(text);
    for (auto at = all.find("NAME"); at != std::string::npos; at = all.find("NAME", at + userName.size()))
        all.replace(at, 4, userName);
    return all;
}
}

std::span<const HomedError> homedErrors()
{
    return table;
}

const HomedError *findHomedError(std::string_view name)
{
    const auto found = std::ranges::find(table, name, &HomedError::name);
    return found == table.end() ? nullptr : &*found;
}

Error homedError(std::string_view name, std::string_view message, std::string_view userName)
{
    const std::string_view user = userName.empty() ? "this account" : userName;
    const HomedError *known = findHomedError(name);
    if (!known)
        return {ErrorCode::Io, "systemd-homed could not do what was asked", message.empty() ? std::string(name) : std::string(message),
                "Look at \"journalctl -u systemd-homed\"."};
    return {known->code, filled(known->what, user), filled(known->why.empty() ? message : known->why, user), filled(known->todo, user)};
}

} // namespace Preon::Bus
