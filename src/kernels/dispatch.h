// Picks a family's table for an instruction set. A family FAMILY with type T defines T FAMILY_scalar (always) and, in its
// ISA files, a T FAMILY_<isa> for each one of the architecture; its dispatch file says SUBBYTE_DISPATCH(T, FAMILY).
#pragma once
#include "base/isa.h"

#if defined(SUBBYTE_X86)
#define SUBBYTE_DISPATCH(Type, family)                      \
  extern const Type family##_scalar;                        \
  extern const Type family##_avx2;                          \
  extern const Type family##_avx512vnni;                    \
  const Type& family(Isa isa) {                             \
    if (isa == Isa::avx512vnni) return family##_avx512vnni; \
    if (isa == Isa::avx2) return family##_avx2;             \
    return family##_scalar;                                 \
  }
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
