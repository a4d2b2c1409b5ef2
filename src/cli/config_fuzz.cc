// Configuration files: any text gives settings that are written and read back unchanged, or a UsageError.
#include "base/fuzz_input.h"
#include "cli/config.h"

using namespace subbyte;

namespace {

/// Values of each TOML type, at the ends of ranges and past them.
const char* const kValues[] = {
    "0",     "1",    "-1",     "9007199254740993", "9223372036854775807", "0x10", "1e400", "-0.0", "1e-320", "inf", "nan",
    "[0.5]", "true", "[0, 1]", "[[1.5]]", "[]", "\"\"", "\"a\\n\\u0001\"", "'cifar10'", "{}", "1979-05-27"};

fuzz::Bytes example(fuzz::Dice& dice) {
  Settings settings;
  settings.version = "1";
  settings.data.name = "cifar10";
  settings.input = {32, 32, 3, 2, {"cat", "dog"}, {0.5, 0.4, 0.3}, {0.25, 0.25, 0.2}};
  std::string text = to_toml(settings, TomlPart::checkpoint);
  for (unsigned changes = dice.roll(3); changes > 0; --changes) {  // the value of a line
    const size_t begin = text.find(" = ", dice.roll(unsigned(text.size())));
    if (begin == std::string::npos) continue;
    const size_t end = std::min(text.find('\n', begin), text.size());
    text.replace(begin + 3, end - begin - 3, kValues[dice.roll(std::size(kValues))]);
  }
  return {text.begin(), text.end()};
}

}  // namespace

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  return fuzz::mutate_or_replace(data, size, max_size, seed, example);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Config config;
  const auto read = [](Config& into, const std::string& text) {
    into.read_toml(text, "input");
    into.finish();
  };
  if (!fuzz::accepts<UsageError>([&] { read(config, {data, data + size}); })) return 0;
  for (TomlPart part : {TomlPart::all, TomlPart::checkpoint}) {
    Config again;
    const std::string text = to_toml(config.settings, part);
    read(again, text);
    fuzz::require(to_toml(again.settings, part) == text);
  }
  return 0;
}
