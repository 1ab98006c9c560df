#include "lib/service/yaml.hpp"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <set>
#include <sstream>

namespace service {

struct YamlDocument::State {
  struct Problem {
    YAML::Mark mark;
    std::string text;
  };
  std::string file;
  std::vector<Problem> problems;
  std::vector<Problem> warnings;
  std::vector<std::shared_ptr<Section::State>> sections;

  void add(const YAML::Mark& mark, const std::string& key, const std::string& what) { add(problems, mark, key, what); }
  void add(std::vector<Problem>& to, const YAML::Mark& mark, const std::string& key, const std::string& what) const {
    const int line = mark.line < 0 ? 1 : mark.line + 1;
    const int column = mark.column < 0 ? 1 : mark.column + 1;
    to.push_back({mark, file + ":" + std::to_string(line) + ":" + std::to_string(column) + ": " + key + ": " + what});
  }

  /// The texts of `all` in order of line, each once.
  static std::vector<std::string> in_order(std::vector<Problem> all) {
    std::stable_sort(all.begin(), all.end(), [](const Problem& a, const Problem& b) {
      return std::pair(a.mark.line, a.mark.column) < std::pair(b.mark.line, b.mark.column);
    });
    std::vector<std::string> texts;
    std::set<std::string> said;
    for (const Problem& problem : all) {
      if (said.insert(problem.text).second) texts.push_back(problem.text);
    }
    return texts;
  }
};

struct Section::State {
  std::weak_ptr<YamlDocument::State> document;
  YAML::Node node;  ///< a map, or nothing
  YAML::Mark mark;
  std::string path;  ///< `arpf.sbi.server`
  std::set<std::string> asked;

  [[nodiscard]] std::string name(const std::string& key) const { return path.empty() ? key : path + "." + key; }
  [[nodiscard]] YAML::Node find(const std::string& key) const {
    if (!node.IsMap()) return YAML::Node(YAML::NodeType::Undefined);
    for (const auto& item : node) {
      if (item.first.Scalar() == key) return item.second;
    }
    return YAML::Node(YAML::NodeType::Undefined);
  }
};

namespace {

bool is_given(const YAML::Node& node) { return node.IsDefined() && !node.IsNull(); }

}  // namespace

std::string nearest(std::string_view text, const std::vector<std::string>& candidates) {
  std::string best;
  std::size_t best_distance = std::max<std::size_t>(2, text.size() / 3) + 1;
  for (const std::string& candidate : candidates) {
    std::vector<std::size_t> row(candidate.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 0; i < text.size(); ++i) {
      std::size_t diagonal = row[0];
      row[0] = i + 1;
      for (std::size_t k = 0; k < candidate.size(); ++k) {
        const std::size_t replaced = diagonal + (text[i] == candidate[k] ? 0 : 1);
        diagonal = row[k + 1];
        row[k + 1] = std::min({replaced, row[k] + 1, row[k + 1] + 1});
      }
    }
    if (row.back() < best_distance) {
      best_distance = row.back();
      best = candidate;
    }
  }
  return best;
}

bool Section::has(const std::string& key) const {
  state_->asked.insert(key);
  return is_given(state_->find(key));
}

bool Section::is_map(const std::string& key) const { return has(key) && state_->find(key).IsMap(); }
bool Section::is_list(const std::string& key) const { return has(key) && state_->find(key).IsSequence(); }
bool Section::has_maps(const std::string& key) const {
  if (!has(key)) return false;
  const YAML::Node node = state_->find(key);
  return node.IsMap() || (node.IsSequence() && node.size() > 0 && node[0].IsMap());
}
std::string Section::name(const std::string& key) const { return state_->name(key); }

void Section::problem(const std::string& key, const std::string& what) const {
  const auto document = state_->document.lock();
  const YAML::Node value = state_->find(key);
  document->add(value.IsDefined() ? value.Mark() : state_->mark, state_->name(key), what);
}

void Section::warning(const std::string& key, const std::string& what) const {
  const auto document = state_->document.lock();
  const YAML::Node value = state_->find(key);
  document->add(document->warnings, value.IsDefined() ? value.Mark() : state_->mark, state_->name(key), what);
}

namespace {

template <class SectionState, class Document>
std::shared_ptr<SectionState> open_section(const std::shared_ptr<Document>& document, const YAML::Node& node,
                                           const YAML::Mark& mark, const std::string& path) {
  for (const auto& opened : document->sections) {  // read in two places: what either asks for is known
    if (opened->path == path) return opened;
  }
  auto state = std::make_shared<SectionState>();
  state->document = document;
  state->node = node;
  state->mark = mark;
  state->path = path;
  document->sections.push_back(state);
  return state;
}

}  // namespace

Section Section::section(const std::string& key, bool required) const {
  const bool given = has(key);
  const YAML::Node node = state_->find(key);
  if (!given && required) problem(key, "is missing");
  if (given && !node.IsMap()) problem(key, "is not a map of keys and values");
  const bool usable = given && node.IsMap();
  return Section(open_section<State>(state_->document.lock(), usable ? node : YAML::Node(YAML::NodeType::Undefined),
                                     given ? node.Mark() : state_->mark, state_->name(key)));
}

std::vector<Section> Section::sections(const std::string& key, bool required) const {
  std::vector<Section> out;
  if (!has(key)) {
    if (required) problem(key, "is missing");
    return out;
  }
  const YAML::Node node = state_->find(key);
  if (node.IsMap()) {
    out.push_back(section(key));
  } else if (!node.IsSequence()) {
    problem(key, "is not a list");
  } else {
    for (std::size_t i = 0; i < node.size(); ++i) {
      const std::string path = state_->name(key) + "[" + std::to_string(i) + "]";
      if (!node[i].IsMap()) {
        state_->document.lock()->add(node[i].Mark(), path, "is not a map of keys and values");
        continue;
      }
      out.push_back(Section(open_section<State>(state_->document.lock(), node[i], node[i].Mark(), path)));
    }
    if (required && node.size() == 0) problem(key, "is empty");
  }
  return out;
}

std::optional<std::string> Section::scalar(const std::string& key) const {
  if (!has(key)) return std::nullopt;
  const YAML::Node node = state_->find(key);
  if (!node.IsScalar()) {
    problem(key, "is not a single value");
    return std::nullopt;
  }
  return node.Scalar();
}

std::string Section::text(const std::string& key) const {
  if (!has(key)) {
    problem(key, "is missing");
    return "";
  }
  const auto value = scalar(key);
  if (value && value->empty()) problem(key, "is empty");
  return value.value_or("");
}

std::string Section::text(const std::string& key, const std::string& otherwise) const {
  return has(key) ? text(key) : otherwise;
}

std::vector<std::string> Section::texts(const std::string& key) const {
  std::vector<std::string> out;
  if (!has(key)) return out;
  const YAML::Node node = state_->find(key);
  if (node.IsScalar()) return {node.Scalar()};
  if (!node.IsSequence()) {
    problem(key, "is not a list of texts");
    return out;
  }
  for (const auto& item : node) {
    if (item.IsScalar() && !item.Scalar().empty()) {
      out.push_back(item.Scalar());
    } else {
      state_->document.lock()->add(item.Mark(), state_->name(key), "has an item that is not a text");
    }
  }
  return out;
}

std::int64_t Section::integer(const std::string& key, std::int64_t min, std::int64_t max) const {
  if (has(key)) return integer(key, min, max, min);
  problem(key, "is missing");
  return min;
}

std::int64_t Section::integer(const std::string& key, std::int64_t min, std::int64_t max, std::int64_t otherwise) const {
  const auto value = scalar(key);
  if (!value) return otherwise;
  std::int64_t number = 0;
  const auto [end, fault] = std::from_chars(value->data(), value->data() + value->size(), number);
  if (end != value->data() + value->size() || fault == std::errc::invalid_argument) {
    problem(key, *value + " is not a whole number");
    return otherwise;
  }
  const bool is_beyond = fault == std::errc::result_out_of_range;
  if (is_beyond ? !value->starts_with('-') : number > max) {
    problem(key, *value + " is too large (at most " + std::to_string(max) + ")");
  } else if (is_beyond || number < min) {
    problem(key, *value + " is too small (at least " + std::to_string(min) + ")");
  } else {
    return number;
  }
  return otherwise;
}

bool Section::boolean(const std::string& key, bool otherwise) const {
  const auto value = scalar(key);
  if (!value) return otherwise;
  if (*value == "true" || *value == "yes" || *value == "on") return true;
  if (*value == "false" || *value == "no" || *value == "off") return false;
  problem(key, *value + " is neither true nor false");
  return otherwise;
}

YamlDocument YamlDocument::load(const std::string& path) {
  std::ifstream file(path);
  std::error_code ignored;
  if (!file || std::filesystem::is_directory(path, ignored)) throw ConfigError(path + ":1:1: cannot be read");
  std::stringstream text;
  text << file.rdbuf();
  return parse(text.str(), path);
}

YamlDocument YamlDocument::parse(const std::string& text, const std::string& name) {
  auto state = std::make_shared<State>();
  state->file = name;
  try {
    const YAML::Node node = YAML::Load(text);
    if (is_given(node) && !node.IsMap()) throw ConfigError(name + ":1:1: is not a map of keys and values");
    Section root(open_section<Section::State>(state, node, node.Mark(), ""));
    return {state, root};
  } catch (const YAML::Exception& error) {
    state->add(error.mark, "syntax", error.msg);
    throw ConfigError(state->problems.front().text);
  }
}

void YamlDocument::finish() const {
  for (const auto& section : state_->sections) {
    if (!section->node.IsMap()) continue;
    std::set<std::string> seen;
    for (const auto& item : section->node) {
      const std::string key = item.first.IsScalar() ? item.first.Scalar() : "(not a text)";
      if (!seen.insert(key).second) state_->add(item.first.Mark(), section->name(key), "stands twice");
      if (section->asked.contains(key)) {
        // What only protects where it is given must not go with the last line below it.
        if (item.second.IsNull()) state_->add(item.first.Mark(), section->name(key), "has no value: give it one, or take the key out");
        continue;
      }
      const std::string hint = nearest(key, {section->asked.begin(), section->asked.end()});
      state_->add(item.first.Mark(), section->name(key), "is not known here" + (hint.empty() ? "" : "; did you mean " + hint + "?"));
    }
  }
  if (state_->problems.empty()) return;
  std::string all;
  for (const std::string& text : State::in_order(state_->problems)) all += (all.empty() ? "" : "\n") + text;
  throw ConfigError(all);
}

std::vector<std::string> YamlDocument::warnings() const { return State::in_order(state_->warnings); }

}  // namespace service
