// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#include "apps/common/words.h"

#include <KLazyLocalizedString>
#include <KLocalizedString>

#include <QLocale>
#include <QRegularExpression>

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

namespace Preon::Ui
{

using namespace Qt::StringLiterals;

namespace
{

// The phases that core names, and what they are to a person.
struct Phase {
    const char *name;
    KLazyLocalizedString words;
};

constexpr auto phases = std::to_array<Phase>({
    {"Checking the source", kli18n("Looking at the stick")},
    {"Checking the data of the source", kli18n("Checking the system on the stick")},
    {"Erasing the old content", kli18n("Erasing what was there")},
    {"Removing the old kernels", kli18n("Taking the old system away")},
    {"Erasing the old keys", kli18n("Destroying the old keys")},
    {"Preparing the free space", kli18n("Preparing the free space")},
    {"Copying the system", kli18n("Copying the system")},
    {"Writing the boot files", kli18n("Writing what starts it")},
    {"Flushing", kli18n("Waiting for the disk to finish")},
    {"Checking what was written", kli18n("Reading everything back")},
    {"Writing the partition table", kli18n("Putting it into place")},
    {"Adding the boot files", kli18n("Adding what starts it")},
    {"Telling the firmware", kli18n("Telling this computer to start it")},
    {"Setting up the computer", kli18n("Taking over the settings")},
    {"Making the recovery key", kli18n("Trying the recovery key")},
    {"Making the account", kli18n("Making your home")},
    {"Finishing", kli18n("Getting everything ready")},
    {"Making room", kli18n("Making room for the new version")},
    {"Fetching", kli18n("Fetching the new version")},
    {"Putting into place", kli18n("Putting it into place")},
});

// Sentences of core, helper and answers file that stand in windows, as docs/errors.md has errors: for programs a code, for people these words. The test lint-words looks for each in the
// sources, so that none is left behind when its English changes.
constexpr auto sentences = std::to_array<KLazyLocalizedString>({
    // clang-format off
    kli18n("There is no room for an encrypted home"),
    kli18n("%1 are free, %2 are needed"),
    kli18n("Free some room, or use an ordinary account."),
    kli18n("There is a user or a group called %1 already"),
    kli18n("Choose another name."),
    kli18n("The first account is being made already"),
    kli18n("The computer is not as it was when this was planned"),
    kli18n("somebody has changed it meanwhile"),
    kli18n("The picture is too large"),
    kli18n("Choose one of at most 512 KiB."),
    kli18n("The disk of this computer cannot be given a recovery key now"),
    kli18n("The user name %1 is taken"),
    kli18n("another account of this computer has it"),
    kli18n("Choose another one."),
    kli18n("There is a home of %1 already"),
    kli18n("a file or folder lies where it would be put"),
    kli18n("Choose another user name, or move away what lies in /home."),
    kli18n("systemd-homed has too much to do"),
    kli18n("Wait a little and try again."),
    kli18n("The new password is too weak"),
    kli18n("Choose a longer one: four words that have nothing to do with each other are good."),
    kli18n("There is no room for the home of %1"),
    kli18n("the volume that holds /home is too full"),
    kli18n("Free some space, or choose a smaller home."),
    kli18n("There is no systemd-homed on this computer"),
    kli18n("nobody answers to org.freedesktop.home1"),
    kli18n("its service is not installed"),
    kli18n("Install the package systemd-homed and start again, or make an ordinary account."),
    kli18n("systemd-homed does not run"),
    kli18n("its service is masked"),
    kli18n("systemd-homed gave no answer"),
    kli18n("it ended while it worked, or was stopped"),
    kli18n("it did not answer in time"),
    kli18n("systemd-homed could not do what was asked"),
    kli18n("%1 cannot be installed to"),
    kli18n("it is what is installed from, or what this system runs from"),
    kli18n("Choose another disk."),
    kli18n("%1 cannot be written"),
    kli18n("it is read-only"),
    kli18n("%1 is in use"),
    kli18n("%1 is mounted at %2"),
    kli18n("%1 is used as swap space"),
    kli18n("%1 is held by %2"),
    kli18n("Unmount what is mounted from it, then try again."),
    kli18n("%1 can be unplugged"),
    kli18n("a system is rarely meant to live on such a disk"),
    kli18n("The home partition would not be kept"),
    kli18n("There is not enough free space on %1"),
    kli18n("the system does not fit: %1 are needed, %2 are free, %3 of them in one piece"),
    kli18n("the system does not fit: %1 are needed, %2 are free once the system that is there has gone, %3 of them in one piece"),
    kli18n("the system would fit, but not what its first start adds: %1 are needed, %2 are free, %3 of them in one piece"),
    kli18n("the system would fit, but not what its first start adds: %1 are needed, %2 are free once the system that is there has gone, %3 of them in one piece"),
    kli18n("Make room with the tools of the system that is there (nothing is made smaller from here), or let the whole disk be erased."),
    kli18n("%1 is too small"),
    kli18n("the system does not fit: %1 are needed, %2 are there"),
    kli18n("the system would fit, but not what its first start adds: %1 are needed, %2 are there"),
    kli18n("Choose a larger disk."),
    kli18n("The partition table of %1 cannot be read"),
    kli18n("%1 has no partitions"),
    kli18n("there is nothing to install beside of"),
    kli18n("there is no system on it"),
    kli18n("Let the whole disk be erased."),
    kli18n("%1 has a partition table of another kind than GPT"),
    kli18n("such a table is neither changed nor converted"),
    kli18n("Back up what is on it, then let the whole disk be erased."),
    kli18n("%1 cannot be installed beside what is on %2"),
    kli18n("Start it from there, or let the whole disk be erased."),
    kli18n("The disk cannot be locked with this computer's TPM"),
    kli18n("Choose a passphrase."),
    kli18n("The system could not be started on this computer"),
    kli18n("Nothing was changed on %1: it is not as it was when the plan was made"),
    kli18n("its size is another one"),
    kli18n("its partitions are others"),
    kli18n("Look at what will be done again."),
    kli18n("Look at the new plan."),
    kli18n("Stopped as asked"),
    kli18n("The installation medium %1 is damaged"),
    kli18n("The disk is not at fault. Make the medium again, or use another one."),
    kli18n("The disk %1 went away while it was written to"),
    kli18n("It was unplugged, lost its power, or has failed. The installation medium is not at fault."),
    kli18n("The disk %1 did not keep what was written to it"),
    kli18n("The installation medium is not at fault. Do not trust this disk with anything; install to another one."),
    kli18n("%1: everything that was there before is as it was"),
    kli18n("the new partitions are there, but nothing starts from them yet"),
    kli18n("the system that was on %1 does not start any more, and the new one not yet"),
    kli18n("the home partition and all that belongs to others is as it was"),
    kli18n("Start this again: it goes on with what is there."),
    kli18n("%1 was erased before: it has no partition table now and nothing starts from it"),
    kli18n("%1 was erased before, and its partition table may be left unfinished"),
    kli18n("To install after all, start the installation again."),
    kli18n("It is too late to stop"),
    kli18n("what is left is done in a moment"),
    kli18n("Partition %1: \"%2\", %3, with the homes that lie on it"),
    kli18n("Partition %1: %2"),
    kli18n("A partition table that cannot be read, and all that it holds: %1"),
    kli18n("A file system on the whole disk: %1"),
    kli18n("A hybrid partition table: what is also in its MBR, for systems that do not know a GPT"),
    kli18n("A partition table of another kind than GPT, and all that it holds"),
    kli18n("Secure Boot would not let %1 start on this computer"),
    kli18n("the firmware does not trust the key that Microsoft signs loaders of other systems with"),
    kli18n("the firmware's keys are others' and this medium has no loader for them"),
    kli18n("In the firmware's settings, allow \"Microsoft 3rd Party UEFI CA\", or switch Secure Boot off."),
    kli18n("Switch Secure Boot off in the firmware's settings."),
    kli18n("At the next start a blue screen asks whether this computer may start the new system, and for a code that is shown once it is installed."),
    kli18n("With Secure Boot on, this computer will not start the system: %1"),
    kli18n("This computer's owner could not be asked to allow %1: another program has asked for something else, which is shown at the next start. Restart, answer that, and try again."),
    kli18n("The firmware did not take our boot entry"),
    kli18n("choose the disk in its menu if it does not start by itself: %1"),
    kli18n("The password of the Wi-Fi network will be asked for again: %1"),
    kli18n("The password of the Wi-Fi network \"%1\" will be asked for again: only a TPM could keep it secret on the way."),
    kli18n("Its first start asks for a new PIN, which is then asked for at each start."),
    kli18n("Its first start asks for a new passphrase, which then locks the disk."),
    kli18n("Its first start on this computer asks for a new passphrase, which then locks the disk. %1"),
    kli18n("The TPM cannot hold the key of this system's disk: this computer has none, or it is switched off. In the firmware's settings a TPM is often called \"Security Device\", \"PTT\" or \"fTPM\"."),
    kli18n("The TPM cannot hold the key of this system's disk: this computer's firmware does not tell it what was started (PCR %1 is empty)."),
    kli18n("The system %1 and %2 with its settings and its root file system"),
    kli18n("The system %1 with its settings and its root file system"),
    kli18n("Accounts whose files lie in /var/home, on that root file system, and these files"),
    kli18n("The new system does not have the home partition's key: there it stays shut, and nothing on it is changed, until \"preonctl home-volume adopt\" was run once. It asks for the recovery key: have it at hand."),
    kli18n("There is no home partition of that system on the disk: there is nothing to keep."),
    kli18n("There is more than one system of this kind on %1"),
    kli18n("partitions %1 and %2 (EFI) each have others that were made for them, so it is not clear which one is meant"),
    kli18n("Remove one of them from there, or let the whole disk be erased."),
    kli18n("%1 cannot be installed anew on %2"),
    kli18n("its EFI partition has the UUID of the one that is installed from: it is a copy, which completes itself when it is started"),
    kli18n("Two partitions of %1 have the same UUID"),
    kli18n("of partitions %1 and %2 it cannot be told which one is the system's"),
    kli18n("The system on %1 is not %2"),
    kli18n("%1 starts another one, which would stay there"),
    kli18n("Install that system anew from a medium of its own, or let the whole disk be erased."),
    kli18n("The home partition on %1 cannot be kept"),
    kli18n("%1 is no integrity protected home, so that the new system could never open it"),
    kli18n("Copy out what is on it with the system that is there, then let the whole disk be erased."),
    kli18n("The home partition on %1 could never be opened again"),
    kli18n("its key lies on the root file system that goes, and %1 has no recovery key"),
    kli18n("Start the system that is there and make one with \"preonctl home-volume add-recovery\"; or let the whole disk be erased, files and all."),
    kli18n("The size of %1 could not be read"),
    kli18n("The partition table of %1 could not be read"),
    kli18n("The partition table of %1 is broken"),
    kli18n("Nothing was changed. Repair it with a partition editor, or erase the disk."),
    kli18n("%1 could not be opened"),
    kli18n("%1 has sectors of %2 bytes"),
    kli18n("Close what uses it and try again."),
    kli18n("The disk that this system was started from is not known"),
    kli18n("The running system was not found on %1"),
    kli18n("Too many programs use the helper at once"),
    kli18n("Close some of them and try again."),
    kli18n("Too many questions at once"),
    kli18n("Wait for an answer."),
    kli18n("How much room the system's first start needs is not known for an image file."),
    kli18n("There is no room for loader and kernel on %1"),
    kli18n("%1 are needed, partition %2 (EFI) has %3 free"),
    kli18n("Delete from the EFI partition what belongs to systems that are gone, or let the whole disk be erased."),
    kli18n("The disk that was chosen is not there any more"),
    kli18n("another one is in its place"),
    kli18n("This disk is not known any more"),
    kli18n("This plan is not known any more"),
    kli18n("Look at the list of disks again."),
    kli18n("This is not allowed"),
    kli18n("it was refused"),
    kli18n("nobody was there to be asked for a password"),
    kli18n("it needs a password, and the program did not allow to ask for one"),
    kli18n("The work has ended already"),
    kli18n("The work cannot be stopped from here"),
    kli18n("another program does it"),
    kli18n("Stop it where it was begun."),
    // Of updates: from what the server says to what is on the disk.
    kli18n("A live session is not updated"),
    kli18n("it comes from the medium, and what is changed in it is gone with it"),
    kli18n("Make a new medium, or install the system and update that."),
    kli18n("This system cannot be updated"),
    kli18n("it has no settings that say where updates come from (sysupdate.d)"),
    kli18n("Another update is at work"),
    kli18n("Wait until it is done, or stop it."),
    kli18n("Every byte may cost on this connection"),
    kli18n("nobody has said that the update may be fetched over it"),
    kli18n("Look at what will be done again, or use another network."),
    kli18n("The computer or the server is not as it was when this was planned"),
    kli18n("other versions would have to go than before"),
    kli18n("the server has other files now, or they would go to other places"),
    kli18n("Version %1 cannot be started from now on"),
    kli18n("it was tried here and did not come up"),
    kli18n("Update to it once more, which gives it new tries."),
    kli18n("The update of %1 to version %2 cannot be done"),
    kli18n("no partition for it on %1 is free"),
    kli18n("the largest free partition for it has %1, %2 are needed"),
    kli18n("There is no room for another version of %1"),
    kli18n("There is no room for %1"),
    kli18n("%1 has %2 free, %3 are needed"),
    kli18n("Remove what is not needed there."),
    kli18n("The server gave no answer"),
    kli18n("it did not answer within %1 seconds"),
    kli18n("Try again later."),
    kli18n("Fetching %1 failed"),
    kli18n("the name of the server was not found: %1"),
    kli18n("the server was not reached: %1"),
    kli18n("the server did not answer in time: %1"),
    kli18n("the connection broke off: %1"),
    kli18n("the connection is too slow: only %1 bytes came in %2 seconds"),
    kli18n("Check the connection to the network and try again."),
    kli18n("the certificate of the server is not trusted: %1"),
    kli18n("Check this computer's date, and whether the network wants you to log in with a browser first. Otherwise the server is at fault."),
    kli18n("the server does not have this file (status %1)"),
    kli18n("the server answers with status %1"),
    kli18n("Try again later. If it stays so, tell the maker."),
    kli18n("%1 is not the file that it should be"),
    kli18n("it was damaged or exchanged: the SHA-256 of its %1 bytes is %2, %3 is expected"),
    kli18n("The list of versions at %1 cannot be trusted"),
    kli18n("The signature could not be trusted: %1"),
    kli18n("it was signed by the key %1, which this computer does not trust"),
    kli18n("the key %1 that signed has expired"),
    kli18n("the signature by the key %1 does not belong to this content: one of the two was altered"),
    kli18n("it is no OpenPGP signature"),
    kli18n("The list of versions at %1 is older than the one that was there before"),
    kli18n("it was signed on %1, and one that was signed on %2 (UTC) was seen here already"),
    kli18n("The server, or somebody between it and here, offers what is past. Try again later, or in another network."),
    // Of the answers file (apps/installer/answers.cpp).
    kli18n("The answers file cannot be used"),
    kli18n("The disk that the answers file names was not found"),
    kli18n("More than one disk is what the answers file names"),
    kli18n("The answers file allows something else"),
    kli18n("the value of %1 is not a text"),
    kli18n("the value of %1 is empty"),
    kli18n("the value of %1 is too long, or has control characters in it"),
    kli18n("the value of %1 is %2"),
    kli18n("the value of \"disk\" does not say which"),
    kli18n("\"disk\" has a key %1 that is not known"),
    kli18n("it is not JSON in line %1"),
    kli18n("it has a number in it that is too large"),
    kli18n("the key %1 is there twice"),
    kli18n("it is JSON, but not one object"),
    kli18n("it is %1 bytes long, and %2 are the most"),
    kli18n("it has a key %1 that is not known"),
    kli18n("no disk is there that something can be installed on"),
    kli18n("it says \"only\", and %1 disks are there"),
    kli18n("none of the %1 disks has that serial number, model or name"),
    kli18n("%1 disks fit"),
    kli18n("it says %1"),
    kli18n("Put it between quotation marks."),
    kli18n("Leave the key out to be asked."),
    kli18n("Write one line of at most %1 bytes."),
    kli18n("Keys are language, keyboard, timeZone, hostname, protection, secureBoot, disk, mode, confirm and afterwards; of the first start realName, userName, account, network and recoveryKey."),
    kli18n("Write \"only\", \"largest\", or one or more of {\"serial\": \"…\", \"model\": \"…\", \"name\": \"…\"}."),
    kli18n("Write %1."),
    kli18n("a language and a country, as in \"de_DE\""),
    kli18n("a layout, or a layout and a variant, as in \"de nodeadkeys\""),
    kli18n("a place of the time zone database, as in \"Europe/Berlin\""),
    kli18n("letters, digits and hyphens, at most 64, as in \"anna-laptop\""),
    kli18n("small letters from a to z, digits, - and _, at most 31, as in \"anna\""),
    kli18n("a name without a colon, as in \"Anna Schmidt\""),
    kli18n("one of %1"),
    kli18n("Look for a missing comma, quotation mark or brace there."),
    kli18n("No answer is a number: put it between quotation marks."),
    kli18n("Keep one of them."),
    kli18n("Put all keys between one pair of braces."),
    kli18n("Check that it is the file you mean."),
    kli18n("Connect it, or choose one here."),
    kli18n("Connect it, or choose another one here."),
    kli18n("Choose it here, or name it by its serial number."),
    kli18n("Nothing is taken from the disk this way: leave the key out, or confirm here."),
    kli18n("Confirm here, or write %1."),
    // clang-format on
});

struct Sentence {
    QRegularExpression shape;
    KLazyLocalizedString words;
};

const std::vector<Sentence> &knownSentences()
{
    static const std::vector<Sentence> known = [] {
        std::vector<Sentence> list;
        static const QRegularExpression placeholder(u"\\\\%([1-9])"_s);
        for (const KLazyLocalizedString &words : sentences) {
            const QString shape = QRegularExpression::escape(QString::fromUtf8(words.untranslatedText())).replace(placeholder, u"(?<a\\1>.+)"_s);
            list.push_back({QRegularExpression(QRegularExpression::anchoredPattern(shape), QRegularExpression::DotMatchesEverythingOption), words});
        }
        return list;
    }();
    return known;
}

QString asSentence(const QString &english)
{
    for (const Sentence &each : knownSentences()) {
        const auto found = each.shape.match(english);
        if (!found.hasMatch())
            continue;
        KLocalizedString words = each.words;
        for (int i = 1; i <= each.shape.captureCount(); ++i)
            words = words.subs(translated(found.captured(u"a%1"_s.arg(i))));
        return words.toString();
    }
    return {};
}

} // namespace

QString sizeInWords(std::uint64_t bytes)
{
    static constexpr std::array units = {kli18nc("size", "%1 B"),  kli18nc("size", "%1 kB"), kli18nc("size", "%1 MB"),
                                         kli18nc("size", "%1 GB"), kli18nc("size", "%1 TB"), kli18nc("size", "%1 PB")};
    double value = double(bytes);
    std::size_t unit = 0;
    // 999.6 GB is what a box calls 1 TB.
    for (; value >= 999.5 && unit + 1 < units.size(); ++unit)
        value /= 1000;
    const double tenths = std::round(value * 10) / 10;
    const int digits = unit == 0 || tenths >= 10 || tenths == std::floor(tenths) ? 0 : 1;
    return units[unit].subs(QLocale().toString(value, 'f', digits)).toString();
}

QString timeLeftInWords(std::int64_t seconds)
{
    if (seconds < 0)
        return {};
    if (seconds < 50)
        return i18n("Less than a minute left");
    const int minutes = int((seconds + 30) / 60);
    if (minutes < 60)
        return i18np("About one minute left", "About %1 minutes left", minutes);
    return i18np("About one hour left", "About %1 hours left", (minutes + 30) / 60);
}

QString phaseInWords(const QString &name)
{
    const auto found = std::ranges::find(phases, name, [](const Phase &each) { return QString::fromLatin1(each.name); });
    return found == phases.end() ? translated(name) : found->words.toString();
}

QString translated(const QString &english)
{
    const auto whole = std::ranges::find(sentences, english, [](const KLazyLocalizedString &each) { return QString::fromUtf8(each.untranslatedText()); });
    if (whole != sentences.end())
        return whole->toString();
    // A reason and what became of the disk stand in one text.
    QStringList translations;
    const QStringList parts = english.split(u"; "_s);
    for (const QString &part : parts) {
        const QString sentence = asSentence(part);
        translations.append(sentence.isEmpty() ? part : sentence);
    }
    return translations.join(u"; "_s);
}

} // namespace Preon::Ui
