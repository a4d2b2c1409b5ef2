// Errors that reach the user as one line: what failed, where, what was found and what was expected.
#pragma once
#include <stdexcept>
#include <string>

namespace subbyte {

/// The work could not be done (a damaged file, a full disk, a loss that is not finite). Exit code 1.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The request itself is wrong (an unknown name, a value out of range). Exit code 2.
class UsageError : public Error {
 public:
  using Error::Error;
};

}  // namespace subbyte
