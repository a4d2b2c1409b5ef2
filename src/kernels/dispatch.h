// Picks a family's table for an instruction set. A family FAMILY with type T defines T FAMILY_scalar (always) and, in its
// ISA files, a T FAMILY_<isa> for each one of the architecture; its dispatch file says SUBBYTE_DISPATCH(T, FAMILY). Tiles
// (amx) are for products: a family that has a file for them says SUBBYTE_DISPATCH_TILES(T, FAMILY), the others run as avx512vnni.
#pragma once
#include "base/isa.h"

#if defined(SUBBYTE_X86)
#define SUBBYTE_DISPATCH_X86(Type, family, amx_table)      \
  extern const Type family##_scalar;                        \
  extern const Type family##_avx2;                          \
  extern const Type family##_avx512vnni;                    \
  extern const Type amx_table;                              \
  const Type& family(Isa isa) {                             \
    if (isa == Isa::amx) return amx_table;                  \
    if (isa == Isa::avx512vnni) return family##_avx512vnni; \
    if (isa == Isa::avx2) return family##_avx2;             \
    return family##_scalar;                                 \
  }
#define SUBBYTE_DISPATCH(Type, family) SUBBYTE_DISPATCH_X86(Type, family, family##_avx512vnni)
#define SUBBYTE_DISPATCH_TILES(Type, family) SUBBYTE_DISPATCH_X86(Type, family, family##_amx)
#elif defined(SUBBYTE_AARCH64)
#define SUBBYTE_DISPATCH(Type, family)                    \
  extern const Type family##_scalar;                      \
  extern const Type family##_neon_dot;                    \
  extern const Type family##_neon_i8mm;                   \
  const Type& family(Isa isa) {                           \
    if (isa == Isa::neon_i8mm) return family##_neon_i8mm; \
    if (isa == Isa::neon_dot) return family##_neon_dot;   \
    return family##_scalar;                               \
  }
#else
#define SUBBYTE_DISPATCH(Type, family) \
  extern const Type family##_scalar;   \
  const Type& family(Isa) { return family##_scalar; }
#endif
#ifndef SUBBYTE_DISPATCH_TILES
#define SUBBYTE_DISPATCH_TILES SUBBYTE_DISPATCH
#endif
