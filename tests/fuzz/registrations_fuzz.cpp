// The registration of an AMF: stored, changed by merge patches (RFC 7396), and read. The input is steps: an octet that says what is done, and a
// part, the body of the request. What is stored is what a second merge, written here, makes of it; a refusal changes nothing.
#include <optional>

#include "lib/sbi/json.hpp"
#include "nf-ausf-ext/api_registrations.hpp"
#include "nf-ausf-ext/schema.hpp"
#include "tests/fuzz/input.hpp"

namespace {

using ausf_ext::AmfRegistration;
using nlohmann::json;

constexpr std::size_t kMaxSteps = 16;

const profile::Imsi& imsi() {
  static const profile::Imsi made = profile::Imsi::from_digits("001010000000001").value();
  return made;
}

store::Database& database() {
  static store::Database opened = [] {
    store::Database fresh = store::Database::open(":memory:");
    store::migrate(fresh, kSchema);
    return fresh;
  }();
  return opened;
}

/// RFC 7396, section 2, word by word.
json merge_patch(json target, const json& patch) {
  if (!patch.is_object()) return patch;
  if (!target.is_object()) target = json::object();
  for (const auto& [name, value] : patch.items()) {
    if (value.is_null()) {
      target.erase(name);
    } else {
      target[name] = merge_patch(target.contains(name) ? target[name] : json(), value);
    }
  }
  return target;
}

/// What a modification may change (TS 29.503, 6.2.6.2.7); all else of its body, the AMF's own name among it, changes nothing.
json patch_of(const json& body) {
  json out = json::object();
  for (const char* name : {"purgeFlag", "pei", "imsVoPs", "backupAmfInfo", "epsInterworkingInfo", "ueSrvccCapability"}) {
    if (body.contains(name)) out[name] = body[name];
  }
  return out;
}

/// True if `work` was done, false if it was refused; anything but base::Error ends the process.
template <class Work>
bool is_done(Work work) {
  try {
    work();
    return true;
  } catch (const base::Error&) {
    return false;
  }
}

sbi::Request request_with(std::string body) {
  sbi::Request request;
  request.body = std::move(body);
  return request;
}

/// As it is in the database, and fit to be answered.
std::optional<AmfRegistration> stored() {
  auto found = ausf_ext::find_amf_registration(database(), imsi());
  if (!found) return found;
  fuzz::require(found->content.size() <= ausf_ext::kMaxRegistrationSize, "what is stored is bounded");
  const json content = sbi::parse_json(found->content);
  fuzz::require(content.dump() == found->content, "what is stored is one text for one content");
  fuzz::require(content.at("amfInstanceId") == found->amf_instance, "the AMF in the content is the one that registered");
  return found;
}

void check_unchanged(const std::optional<AmfRegistration>& before) {
  const auto after = stored();
  fuzz::require(after.has_value() == before.has_value(), "a refusal registers nobody");
  const bool is_same = !after || (after->content == before->content && after->guami == before->guami);
  fuzz::require(is_same, "a refusal changes nothing");
}

/// PUT.
void put(const std::string& body) {
  const auto before = stored();
  const bool is_taken = is_done([&] {
    const AmfRegistration wanted = ausf_ext::read_amf_registration(request_with(body));
    const bool is_new = ausf_ext::put_amf_registration(database(), imsi(), wanted);
    fuzz::require(is_new == !before, "a registration is new if there was none");
  });
  if (!is_taken) return check_unchanged(before);
  json wanted = sbi::parse_json(body);
  wanted.erase("purgeFlag");
  fuzz::require(json::parse(stored()->content) == wanted, "what was sent is stored, but for purgeFlag");
}

/// PATCH, as the route does it.
bool modify(const std::string& body) {
  return is_done([&] {
    const auto modification = ausf_ext::read_amf_modification(request_with(body));
    const auto present = ausf_ext::find_amf_registration(database(), imsi());
    if (!present) throw base::Error(base::ErrorKind::not_found, "CONTEXT_NOT_FOUND", "there is none");
    (void)ausf_ext::put_amf_registration(database(), imsi(), ausf_ext::merged(*present, modification));
  });
}

void patch(const std::string& body) {
  const auto before = stored();
  if (!modify(body)) return check_unchanged(before);
  const auto after = stored();
  const json was = json::parse(before->content);
  const json is = json::parse(after->content);
  fuzz::require(is == merge_patch(was, patch_of(sbi::parse_json(body))), "the merge is that of RFC 7396");
  fuzz::require(after->guami == before->guami && after->amf_instance == before->amf_instance, "nobody else is registered by a change");
  for (const char* name : {"amfInstanceId", "guami", "deregCallbackUri", "ratType"}) {
    fuzz::require(is.at(name) == was.at(name), "who registered stays as it was");
  }
  fuzz::require(modify(body) && stored()->content == after->content, "a change that comes twice is made once");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  ausf_ext::remove_registrations(database(), imsi());
  for (std::size_t step = 0; step < kMaxSteps && !input.at_end(); ++step) {
    const std::uint8_t kind = input.octet();
    const std::string body(base::as_text(input.part()));
    kind % 2 == 0 ? put(body) : patch(body);
  }
  return 0;
}
