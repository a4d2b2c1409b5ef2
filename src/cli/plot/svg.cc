#include "cli/plot/svg.h"

#include <algorithm>
#include <string_view>

namespace subbyte {
namespace {

/// Tags hold no text of the figure, so they may be changed as text.
std::string with_own_ids(std::string tag, const std::string& id) {
  for (const std::string_view mark : {" id='", " id=\"", "'#gp", "url(#"})
    for (size_t at = tag.find(mark); at != std::string::npos; at = tag.find(mark, at + 1)) {
      const size_t hash = mark.find('#');
      tag.insert(at + (hash == std::string_view::npos ? mark.size() : hash + 1), id + "-");
    }
  return tag;
}

}  // namespace

std::string embeddable_svg(const std::string& file, const std::string& id) {
  std::string out;
  size_t at = std::min(file.find("<svg"), file.size());
  while (at < file.size()) {
    const size_t open = std::min(file.find('<', at), file.size());
    out.append(file, at, open - at);
    if (open == file.size()) break;
    size_t end = std::min(file.find('>', open), file.size() - 1) + 1;
    const std::string tag = file.substr(open, end - open);
    for (const char* name : {"title", "desc"}) {  // browsers would show them as hints
      if (tag != std::string("<") + name + ">") continue;
      const std::string close = std::string("</") + name + ">";
      end = std::min(file.find(close, end), file.size() - close.size()) + close.size();
    }
    if (tag != "<title>" && tag != "<desc>") out += with_own_ids(tag, id);
    at = end;
  }
  return out;
}

}  // namespace subbyte
