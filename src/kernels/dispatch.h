// Picks a family's table for an instruction set. A family FAMILY with type T defines T FAMILY_scalar (always) and, in its
// ISA files, T FAMILY_avx2 and T FAMILY_avx512vnni; its dispatch file says SUBBYTE_DISPATCH(T, FAMILY).
#pragma once
#include "base/isa.h"

#ifdef SUBBYTE_X86
#define SUBBYTE_DISPATCH(Type, family)               \
  extern const Type family##_scalar;                 \
  extern const Type family##_avx2;                   \
  extern const Type family##_avx512vnni;             \
  const Type& family(Isa isa) {                      \
    if (isa == Isa::avx512vnni) return family##_avx512vnni; \
    if (isa == Isa::avx2) return family##_avx2;      \
    return family##_scalar;                          \
  }
#else
#define SUBBYTE_DISPATCH(Type, family) \
  extern const Type family##_scalar;   \
  const Type& family(Isa) { return family##_scalar; }
#endif
