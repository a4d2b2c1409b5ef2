#include "cli/run.h"

#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <new>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/names.h"
#include "cli/commands.h"

namespace subbyte {
namespace {

constexpr int kFailure = 1, kUsage = 2;

int report(const std::string& message, int code) {
  std::string one_line = message;
  std::replace(one_line.begin(), one_line.end(), '\n', ' ');
  fmt::print(stderr, "subbyte: {}\n", one_line);
  return code;
}

std::vector<std::string> command_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; }))
    names.push_back(command->get_name());
  return names;
}

/// What could have been given next: commands, or those of the command that was given.
std::vector<std::string> open_commands(const CLI::App& app) {
  const std::vector<CLI::App*> given = app.get_subcommands();
  return command_names(given.empty() ? app : *given.front());
}

std::vector<std::string> option_names(const CLI::App& command) {
  std::vector<std::string> names;
  for (const CLI::Option* option : command.get_options())
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  return names;
}

/// What no command or option took; CLI11's own message names no near alternative.
void reject_extras(const CLI::App& app) {
  const std::vector<CLI::App*> given = app.get_subcommands();
  const CLI::App* last = given.empty() ? &app : given.front();
  while (!last->get_subcommands().empty()) last = last->get_subcommands().front();
  const CLI::App& command = *last;
  std::vector<std::string> extras = command.remaining();
  if (extras.empty()) extras = app.remaining(true);
  if (extras.empty()) return;
  const auto is_option = [](const std::string& text) { return text[0] == '-'; };
  const auto option = std::find_if(extras.begin(), extras.end(), is_option);
  if (option != extras.end()) {
    const std::string name = option->substr(0, option->find('='));
    throw UsageError(fmt::format("unknown option '{}'{}", name, did_you_mean(name, option_names(command))));
  }
  const bool names_command = !command_names(command).empty();
  if (!names_command) throw UsageError(fmt::format("{}: unexpected argument '{}'", command.get_name(), extras.front()));
  const std::string& name = extras.front();
  throw UsageError(fmt::format("unknown command '{}'{}", name, did_you_mean(name, command_names(command))));
}

void allow_extras(CLI::App& app) {
  app.allow_extras();
  for (CLI::App* command : app.get_subcommands([](CLI::App*) { return true; })) allow_extras(*command);
}

int parse_and_run(int argc, const char* const* argv) {
  CommandLine line;
  line.app.set_version_flag("--version", "subbyte " SUBBYTE_VERSION);
  line.app.footer("Exit codes: 0 good, 1 failure, 2 wrong usage. `subbyte COMMAND --help` tells more.");
  for (auto add : {add_train, add_eval, add_predict, add_info, add_report, add_analyze, add_sharpness, add_fpga, add_bench,
                   add_lists})
    add(line);
  allow_extras(line.app);
  try {
    line.app.parse(argc, argv);
  } catch (const CLI::Success& help) {
    return line.app.exit(help);
  } catch (const CLI::ParseError& error) {
    reject_extras(line.app);
    throw UsageError(error.what());
  }
  reject_extras(line.app);
  if (!line.action)
    throw UsageError(fmt::format("expected a command: {}", fmt::join(open_commands(line.app), ", ")));
  return line.action();
}

}  // namespace

int run(int argc, const char* const* argv) {
  signal(SIGXFSZ, SIG_IGN);  // a file size limit is then reported like a full disk
  try {
    return parse_and_run(argc, argv);
  } catch (const UsageError& error) {
    return report(error.what(), kUsage);
  } catch (const std::bad_alloc&) {
    return report("out of memory", kFailure);
  } catch (const std::exception& error) {
    return report(error.what(), kFailure);
  }
}

}  // namespace subbyte
