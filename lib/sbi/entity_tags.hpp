#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/sbi/message.hpp"

namespace sbi {

/// The value of If-Match or If-None-Match (RFC 9110, 13.1.1 and 13.1.2): `*`, or a list of entity tags.
class EntityTags {
 public:
  /// The field of that name (lower case), all its lines taken together; nothing if the request has none.
  /// Throws base::Error{bad_request, INVALID_MSG_FORMAT} for one that is neither `*` nor a list of tags, an empty one included.
  static std::optional<EntityTags> of(const Request& request, std::string_view name);

  /// Strong comparison, for If-Match: a weak tag matches nothing. `current`: a strong tag with its quotes; nothing if there is no
  /// such resource, which not even `*` matches.
  [[nodiscard]] bool match_strongly(const std::optional<std::string>& current) const;
  /// Weak comparison, for If-None-Match: `W/` does not count.
  [[nodiscard]] bool match_weakly(const std::optional<std::string>& current) const;

 private:
  struct Tag {
    std::string opaque;  ///< with its quotes
    bool is_weak = false;
  };
  /// Takes the tags of one line; false if it is malformed.
  bool add(std::string_view line);

  bool is_any_ = false;
  std::vector<Tag> tags_;
};

}  // namespace sbi
