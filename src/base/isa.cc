#include "base/isa.h"

#include <cstdlib>
#if defined(SUBBYTE_X86) && defined(__linux__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif
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
    case Isa::amx: return "amx";
    case Isa::neon_dot: return "neon_dot";
    case Isa::neon_i8mm: return "neon_i8mm";
  }
  return "?";
}

#ifdef SUBBYTE_X86
namespace {
/// Whether the processor multiplies tiles of bytes, and Linux lets this process use their registers, which it has to be asked.
bool has_tiles() {
#ifdef __linux__
  static const bool has = [] {
    unsigned a, b, c, d;
    constexpr unsigned amx_tile = 1u << 24, amx_int8 = 1u << 25;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || (d & amx_tile) == 0 || (d & amx_int8) == 0) return false;
    constexpr long request_permission = 0x1023, tile_data = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
    return syscall(SYS_arch_prctl, request_permission, tile_data) == 0;
  }();
  return has;
#else
  return false;
#endif
}
}  // namespace
#endif

std::vector<Isa> supported_isas() {
  std::vector<Isa> isas{Isa::scalar};
#ifdef SUBBYTE_X86
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2")) isas.push_back(Isa::avx2);
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vnni")) {
    isas.push_back(Isa::avx512vnni);
    if (has_tiles()) isas.push_back(Isa::amx);
  }
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
                   "', expected scalar, avx2, avx512vnni, amx, neon_dot or neon_i8mm" + did_you_mean(forced, known));
}

}  // namespace subbyte
