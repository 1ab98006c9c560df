#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

/// Configuration files: every problem at once, each as `file:line:column: key: what is wrong`.
namespace service {

/// All that is wrong with a configuration, one problem a line.
class ConfigError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class YamlDocument;

/// A map of a YAML file. Accessors note a problem where a value is missing or wrong and return a default, so that reading
/// goes on and finds the next. Keys that nobody asked for are problems too, with the nearest known one as a hint, and so are keys without a value, which are
/// read as if they were absent.
/// Cheap to copy; valid as long as its document.
class Section {
 public:
  [[nodiscard]] bool has(const std::string& key) const;
  /// Whether its value is a map, or a list, where a text may stand as well.
  [[nodiscard]] bool is_map(const std::string& key) const;
  [[nodiscard]] bool is_list(const std::string& key) const;
  /// Whether it is a map, or a list that begins with one.
  [[nodiscard]] bool has_maps(const std::string& key) const;
  /// `arpf.sbi.server[0].port`, as problems have it.
  [[nodiscard]] std::string name(const std::string& key) const;

  /// A map of the file, or an empty one if it is absent. `required`: that is a problem.
  [[nodiscard]] Section section(const std::string& key, bool required = false) const;
  /// The maps of a list; a single map counts as a list of one.
  [[nodiscard]] std::vector<Section> sections(const std::string& key, bool required = false) const;

  [[nodiscard]] std::string text(const std::string& key) const;  ///< required, not empty
  [[nodiscard]] std::string text(const std::string& key, const std::string& otherwise) const;
  [[nodiscard]] std::vector<std::string> texts(const std::string& key) const;  ///< a list, or one text; may be absent
  [[nodiscard]] std::int64_t integer(const std::string& key, std::int64_t min, std::int64_t max) const;  ///< required
  [[nodiscard]] std::int64_t integer(const std::string& key, std::int64_t min, std::int64_t max, std::int64_t otherwise) const;
  [[nodiscard]] bool boolean(const std::string& key, bool otherwise) const;

  /// Notes a problem with the value of `key`, or with the section itself if the key is absent.
  void problem(const std::string& key, const std::string& what) const;
  /// Notes what is wrong with it but keeps nobody from starting: a certificate that has expired, for what else there is goes on.
  void warning(const std::string& key, const std::string& what) const;

 private:
  friend class YamlDocument;
  struct State;
  explicit Section(std::shared_ptr<State> state) : state_(std::move(state)) {}
  /// The text of a scalar; notes a problem and returns nothing if it is none.
  [[nodiscard]] std::optional<std::string> scalar(const std::string& key) const;
  std::shared_ptr<State> state_;
};

class YamlDocument {
 public:
  /// Reads a file. Throws ConfigError if it cannot be read or is not YAML.
  static YamlDocument load(const std::string& path);
  /// Reads a text; `name` stands for the file in problems.
  static YamlDocument parse(const std::string& text, const std::string& name);

  [[nodiscard]] const Section& root() const noexcept { return root_; }

  /// Throws ConfigError with all problems noted so far, unknown keys among them; in order of line. Call it once all is read.
  void finish() const;

  /// The warnings noted so far, in the form of problems, in order of line.
  [[nodiscard]] std::vector<std::string> warnings() const;

 private:
  struct State;
  YamlDocument(std::shared_ptr<State> state, Section root) : state_(std::move(state)), root_(std::move(root)) {}
  friend class Section;
  std::shared_ptr<State> state_;
  Section root_;
};

/// The candidate nearest to `text` by edit distance, if it is near enough to be meant; else empty.
std::string nearest(std::string_view text, const std::vector<std::string>& candidates);

}  // namespace service
