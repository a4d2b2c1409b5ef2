// The version of the library that is linked.
#pragma once

namespace subbyte {

/// "MAJOR.MINOR.PATCH".
const char* version();

}  // namespace subbyte
