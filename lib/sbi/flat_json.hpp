#pragma once

#include <array>
#include <optional>
#include <string_view>

namespace sbi {

/// A JSON object of texts alone, as the bodies that come most often are: read in place, without a document. The fast path beside
/// parse_json() and JsonObject: what it does not take, sound or not, is for them. Views of the body, which must outlive it.
class FlatObject {
 public:
  static constexpr std::size_t kMaxMembers = 16;

  /// Nothing unless `body` is one object of at most kMaxMembers members, no name twice, every name and value a text of printable ASCII
  /// without an escape, no value empty.
  static std::optional<FlatObject> read(std::string_view body);

  /// The value of a member; empty if there is no such member.
  [[nodiscard]] std::string_view text(std::string_view name) const;
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

 private:
  struct Member {
    std::string_view name;
    std::string_view value;
  };
  [[nodiscard]] bool add(std::string_view name, std::string_view value);

  std::array<Member, kMaxMembers> members_;
  std::size_t size_ = 0;
};

}  // namespace sbi
