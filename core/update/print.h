// SPDX-FileCopyrightText: Preon contributors
// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// Sets, features and components as systemd-sysupdate prints them: the tables that people read and the JSON that scripts read, equal to the letter with 257's. What
// only newer ones know (partial, pending) is told as they tell it.

#include "core/update/sets.h"

#include <nlohmann/json.hpp>

namespace Preon::Update
{

enum class JsonStyle { Pretty, Short };
std::string jsonText(const nlohmann::ordered_json &json, JsonStyle style); // with a new line

std::string setsTable(const Sets &sets, bool legend);
nlohmann::ordered_json setsJson(const Sets &sets, const std::vector<Seen> &seen);

// ChangeLog= of the transfers for that version, each once.
std::vector<std::string> changeLogs(const UpdateSet &set, const std::vector<Seen> &seen);
std::string setText(const UpdateSet &set, const std::vector<Seen> &seen, bool legend);
nlohmann::ordered_json setJson(const UpdateSet &set, const std::vector<Seen> &seen);

std::string featuresTable(const std::vector<Feature> &features, bool legend);
nlohmann::ordered_json featuresJson(const std::vector<Feature> &features);
std::string featureText(const Feature &feature, const std::vector<Transfer> &transfers, bool legend);
nlohmann::ordered_json featureJson(const Feature &feature, const std::vector<Transfer> &transfers);

} // namespace Preon::Update
