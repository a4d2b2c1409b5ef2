// gzip for fuzz targets: what the fuzzer mutates is the content, which then reaches the code behind the unpacking.
#pragma once
#include <zlib.h>

#include "base/fuzz_input.h"

namespace subbyte::fuzz {

inline Bytes gzip(const Bytes& content) {
  z_stream stream{};
  require(deflateInit2(&stream, 1, Z_DEFLATED, 9 + 16, 1, Z_DEFAULT_STRATEGY) == Z_OK);
  Bytes packed(deflateBound(&stream, uLong(content.size())) + 32);
  stream.next_in = const_cast<Bytef*>(content.data());
  stream.avail_in = uInt(content.size());
  stream.next_out = packed.data();
  stream.avail_out = uInt(packed.size());
  require(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

/// Changes one byte of a file, cuts its end off or adds to it; `what` is a multiple of 4 for "nothing".
inline void damage(Bytes& file, unsigned what, unsigned where, uint8_t value) {
  if (what % 4 == 0 || file.empty()) return;
  where %= unsigned(file.size());
  if (what % 4 == 1) file[where] ^= value;
  if (what % 4 == 2) file.resize(where);
  if (what % 4 == 3) file.insert(file.end(), 1 + where % 700, value);
}

}  // namespace subbyte::fuzz
