// Errors that reach the user as one line. They are part of the public interface, so they live there.
#pragma once
#include "../../include/subbyte/error.h"
