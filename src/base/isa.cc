#include "base/isa.h"

#include <cstdlib>
#if defined(SUBBYTE_AARCH64) && defined(__linux__)
#include <sys/auxv.h>
#endif

#include "base/error.h"
#include "base/names.h"

namespace subbyte {

const char* isa_name(Isa isa) {
  switch (isa) {
    case Isa::scalar: return "scalar";
    case Isa::avx2: return "avx2";
    case Isa::avx512vnni: return "avx512vnni";
    case Isa::neon_dot: return "neon_dot";
    case Isa::neon_i8mm: return "neon_i8mm";
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
#elif defined(SUBBYTE_AARCH64) && defined(__linux__)
  const bool dot = getauxval(AT_HWCAP) & HWCAP_ASIMDDP, i8mm = getauxval(AT_HWCAP2) & HWCAP2_I8MM;
  if (dot) isas.push_back(Isa::neon_dot);
  if (dot && i8mm) isas.push_back(Isa::neon_i8mm);
#endif
  return isas;
}

Isa selected_isa() {
  const std::vector<Isa> supported = supported_isas();
  const char* forced = std::getenv("SUBBYTE_ISA");
  if (!forced || !*forced) return supported.back();
  std::vector<std::string> known;
  for (Isa isa : all_isas) {
    known.push_back(isa_name(isa));
    if (known.back() != forced) continue;
    for (Isa have : supported)
      if (have == isa) return isa;
    throw UsageError("SUBBYTE_ISA: found '" + std::string(forced) + "', which this machine or build lacks; best here: " +
                     isa_name(supported.back()));
  }
  throw UsageError("SUBBYTE_ISA: found '" + std::string(forced) +
                   "', expected scalar, avx2, avx512vnni, neon_dot or neon_i8mm" + did_you_mean(forced, known));
}

}  // namespace subbyte
