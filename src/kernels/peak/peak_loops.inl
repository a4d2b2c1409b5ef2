// Included by the ISA files inside their anonymous namespace.
void stream(const uint32_t* in, int64_t count, uint32_t add, uint32_t* out) {
  for (int64_t i = 0; i < count; ++i) out[i] = in[i] + add;
}

// One instruction on accumulators that stay in registers.
// The empty asm statements cost nothing: the operands seem new each time, so no product is shared, and an accumulator is
// complete before the next begins, so that none is spilled. A macro, since a template would lose the target attribute.
#ifdef __aarch64__
#define SUBBYTE_PEAK_REGISTER(vector) "+w"(vector)
#else
#define SUBBYTE_PEAK_REGISTER(vector) "+v"(vector)
#endif
#define SUBBYTE_PEAK_LOOP(name, attribute, Vec, accumulators, zero, one, step, total)     \
  attribute int64_t name() {                                                              \
    Vec acc[accumulators];                                                                \
    auto a = one, b = one;                                                                \
    _Pragma("GCC unroll 32") for (int i = 0; i < accumulators; ++i) acc[i] = zero;        \
    for (int round = 0; round < peak_rounds; ++round) {                                   \
      _Pragma("GCC unroll 32") for (int i = 0; i < accumulators; ++i) {                   \
        asm volatile("" : SUBBYTE_PEAK_REGISTER(a), SUBBYTE_PEAK_REGISTER(b));            \
        acc[i] = step;                                                                    \
        asm volatile("" : SUBBYTE_PEAK_REGISTER(acc[i]));                                 \
      }                                                                                   \
    }                                                                                     \
    int64_t sum = 0;                                                                      \
    _Pragma("GCC unroll 32") for (int i = 0; i < accumulators; ++i) sum += total(acc[i]); \
    return sum;                                                                           \
  }
