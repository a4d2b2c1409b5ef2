#include "nn/float/register.h"

namespace subbyte {

void register_float_network() { set_float_network_factory(make_float_network); }

}  // namespace subbyte
