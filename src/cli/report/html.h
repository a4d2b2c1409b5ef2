// The few pieces of HTML that a report is made of. Every text that comes in is escaped here.
#pragma once
#include <string>
#include <vector>

namespace subbyte {

/// Text as content or as an attribute's value: markup becomes text, bytes that are not UTF-8 are replaced.
std::string html_escaped(const std::string& text);

struct HtmlTable {
  std::vector<std::string> head;
  std::vector<std::vector<std::string>> rows;
  size_t text_columns = 1;  ///< the first ones; those behind them hold numbers and stand to the right
};

std::string html_table(const HtmlTable& table);

/// A page without scripts that may load nothing from elsewhere; `body` is HTML already.
std::string html_page(const std::string& title, const std::string& body);

}  // namespace subbyte
