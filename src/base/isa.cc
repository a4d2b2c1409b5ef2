#include "base/isa.h"

#include <cstdlib>

#include "base/error.h"
#include "base/names.h"

namespace subbyte {

const char* isa_name(Isa isa) {
  switch (isa) {
    case Isa::scalar: return "scalar";
    case Isa::avx2: return "avx2";
    case Isa::avx512vnni: return "avx512vnni";
  }
  return "?";
}

std::vector<Isa> supported_isas() {
  std::vector<Isa> isas{Isa::scalar};
#ifdef SUBBYTE_X86
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2")) isas.push_back(Isa::avx2);
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vnni"))
    isas.push_back(Isa::avx512vnni);
#endif
  return isas;
}

Isa selected_isa() {
  const std::vector<Isa> supported = supported_isas();
  const char* forced = std::getenv("SUBBYTE_ISA");
  if (!forced || !*forced) return supported.back();
  std::vector<std::string> known;
  for (Isa isa : {Isa::scalar, Isa::avx2, Isa::avx512vnni}) {
    known.push_back(isa_name(isa));
    if (known.back() != forced) continue;
    for (Isa have : supported)
      if (have == isa) return isa;
    throw UsageError("SUBBYTE_ISA: found '" + std::string(forced) + "', which this machine or build lacks; best here: " +
                     isa_name(supported.back()));
  }
  throw UsageError("SUBBYTE_ISA: found '" + std::string(forced) + "', expected scalar, avx2 or avx512vnni" +
                   did_you_mean(forced, known));
}

}  // namespace subbyte
