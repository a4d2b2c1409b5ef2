// SUBBYTE_ISA while this lives: networks choose their kernels when they are made.
#pragma once
#include <cstdlib>
#include <string>

#include "base/isa.h"

namespace subbyte::bench {

class ForcedIsa {
 public:
  explicit ForcedIsa(Isa isa) {
    if (const char* value = std::getenv("SUBBYTE_ISA")) before_ = value;
    setenv("SUBBYTE_ISA", isa_name(isa), 1);
  }
  ~ForcedIsa() {
    if (before_.empty()) unsetenv("SUBBYTE_ISA");
    else setenv("SUBBYTE_ISA", before_.c_str(), 1);
  }
  ForcedIsa(const ForcedIsa&) = delete;
  ForcedIsa& operator=(const ForcedIsa&) = delete;

 private:
  std::string before_;
};

}  // namespace subbyte::bench
