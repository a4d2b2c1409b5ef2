#include "cli/report/html.h"

#include "cli/utf8.h"

namespace subbyte {
namespace {

constexpr const char* kStyle =
    "body { font: 15px/1.45 sans-serif; color: #222; background: #fff; max-width: 76em; margin: 2em auto; padding: 0 1em; }\n"
    "h1 { font-size: 1.5em; } h2 { font-size: 1.15em; margin-top: 2em; }\n"
    "table { border-collapse: collapse; } .wide { overflow-x: auto; }\n"
    "th, td { padding: 0.25em 0.8em; border-bottom: 1px solid #ddd; text-align: left; vertical-align: top; }\n"
    "th { border-bottom: 2px solid #888; } .number { text-align: right; font-variant-numeric: tabular-nums; }\n"
    ".note { color: #555; } svg { max-width: 100%; height: auto; }\n";

std::string row(const std::vector<std::string>& cells, const char* tag, size_t text_columns) {
  std::string out = "<tr>";
  for (size_t i = 0; i < cells.size(); ++i) {
    const char* kind = i < text_columns ? "" : " class=\"number\"";
    out += std::string("<") + tag + kind + ">" + html_escaped(cells[i]) + "</" + tag + ">";
  }
  return out + "</tr>\n";
}

}  // namespace

std::string html_escaped(const std::string& text) {
  std::string out;
  for (char c : printable_utf8(text)) {
    if (c == '&') out += "&amp;";
    else if (c == '<') out += "&lt;";
    else if (c == '>') out += "&gt;";
    else if (c == '"') out += "&quot;";
    else if (c == '\'') out += "&#39;";
    else out += c;
  }
  return out;
}

std::string html_table(const HtmlTable& table) {
  std::string out = "<div class=\"wide\"><table>\n<thead>\n" + row(table.head, "th", table.text_columns);
  out += "</thead>\n<tbody>\n";
  for (const auto& cells : table.rows) out += row(cells, "td", table.text_columns);
  return out + "</tbody>\n</table></div>\n";
}

std::string html_page(const std::string& title, const std::string& body) {
  const std::string text = html_escaped(title);
  return "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
         "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
         "<meta name=\"viewport\" content=\"width=device-width\">\n<title>" +
         text + "</title>\n<style>\n" + kStyle + "</style>\n</head>\n<body>\n<h1>" + text + "</h1>\n" + body +
         "</body>\n</html>\n";
}

}  // namespace subbyte
