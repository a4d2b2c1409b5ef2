// Which instruction set the kernels use: the best of the machine, or what SUBBYTE_ISA forces.
#pragma once
#include <string>
#include <vector>

namespace subbyte {

enum class Isa { scalar, avx2, avx512vnni, amx, neon_dot, neon_i8mm };

/// Of every architecture; those of one architecture ascend.
inline constexpr Isa all_isas[] = {Isa::scalar,   Isa::avx2,     Isa::avx512vnni,
                                   Isa::amx,      Isa::neon_dot, Isa::neon_i8mm};

/// "scalar", "avx2", "avx512vnni", "amx" (products in tiles, the rest as avx512vnni), "neon_dot", "neon_i8mm".
const char* isa_name(Isa isa);

/// What this build contains and this machine runs, ascending; scalar is always first.
std::vector<Isa> supported_isas();

/// The best supported one, or the one named by SUBBYTE_ISA.
/// Throws UsageError where that name is unknown or the machine lacks it.
Isa selected_isa();

}  // namespace subbyte
