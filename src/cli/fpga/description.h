// schedule.json: what the memories of a layer's products hold (fpga/schedule.md).
#pragma once
#include <nlohmann/json.hpp>
#include <string>

#include "fpga/cycles.h"
#include "fpga/hex.h"
#include "fpga/record.h"

namespace subbyte {

nlohmann::ordered_json array_json(const ArrayConfig&);
nlohmann::ordered_json cycles_json(const Cycles&);

/// One product (or part); `whole` is the product's name, `prefix` begins its files' names.
nlohmann::ordered_json product_json(const Schedule&, const std::string& whole, const std::string& prefix,
                                    const std::vector<HexFile>& files);

}  // namespace subbyte
