#include "nf-ausf-ext/registrations.hpp"

#include "lib/base/error.hpp"

namespace ausf_ext {
namespace {

using store::Database;
using store::Rows;

constexpr const char* kFindAmf = "SELECT amf_instance, guami, content FROM amf_registrations WHERE imsi = $1";
constexpr const char* kPutAmf =
    "INSERT OR REPLACE INTO amf_registrations (imsi, amf_instance, guami, content) VALUES ($1, $2, $3, $4)";
constexpr const char* kFindSmf = "SELECT content FROM smf_registrations WHERE imsi = $1 AND pdu_session_id = $2";
constexpr const char* kFindAllSmf =
    "SELECT pdu_session_id, content FROM smf_registrations WHERE imsi = $1 ORDER BY pdu_session_id";
constexpr const char* kCountOtherSmf = "SELECT count(*) FROM smf_registrations WHERE imsi = $1 AND pdu_session_id <> $2";
constexpr const char* kPutSmf =
    "INSERT OR REPLACE INTO smf_registrations (imsi, pdu_session_id, content) VALUES ($1, $2, $3)";
constexpr const char* kRemoveSmf = "DELETE FROM smf_registrations WHERE imsi = $1 AND pdu_session_id = $2";
constexpr const char* kAddSubscription = "INSERT INTO sdm_subscriptions (imsi, id, scope) VALUES ($1, $2, $3)";
constexpr const char* kRemoveScope = "DELETE FROM sdm_subscriptions WHERE imsi = $1 AND scope = $2";
constexpr const char* kRemoveOldest =
    "DELETE FROM sdm_subscriptions WHERE seq IN "
    "(SELECT seq FROM sdm_subscriptions WHERE imsi = $1 ORDER BY seq DESC LIMIT -1 OFFSET $2)";
constexpr const char* kRemoveSubscription = "DELETE FROM sdm_subscriptions WHERE imsi = $1 AND id = $2";
constexpr const char* kRemoveAmf = "DELETE FROM amf_registrations WHERE imsi = $1";
constexpr const char* kRemoveAllSmf = "DELETE FROM smf_registrations WHERE imsi = $1";
constexpr const char* kRemoveAllSubscriptions = "DELETE FROM sdm_subscriptions WHERE imsi = $1";

std::uint64_t number(std::uint8_t pdu_session_id) { return pdu_session_id; }

}  // namespace

std::optional<AmfRegistration> find_amf_registration(Database& database, const profile::Imsi& imsi) {
  Rows rows = database.query(kFindAmf, imsi.packed());
  if (!rows.next()) return std::nullopt;
  return AmfRegistration{rows.text(0), rows.text(1), rows.text(2)};
}

bool put_amf_registration(Database& database, const profile::Imsi& imsi, const AmfRegistration& registration) {
  const bool is_new = !find_amf_registration(database, imsi);
  database.run(kPutAmf, imsi.packed(), registration.amf_instance, registration.guami, registration.content);
  return is_new;
}

std::optional<SmfRegistration> find_smf_registration(Database& database, const profile::Imsi& imsi, std::uint8_t pdu_session_id) {
  Rows rows = database.query(kFindSmf, imsi.packed(), number(pdu_session_id));
  if (!rows.next()) return std::nullopt;
  return SmfRegistration{pdu_session_id, rows.text(0)};
}

std::vector<SmfRegistration> find_smf_registrations(Database& database, const profile::Imsi& imsi) {
  std::vector<SmfRegistration> out;
  Rows rows = database.query(kFindAllSmf, imsi.packed());
  while (rows.next()) out.push_back({static_cast<std::uint8_t>(rows.integer(0)), rows.text(1)});
  return out;
}

bool put_smf_registration(Database& database, const profile::Imsi& imsi, const SmfRegistration& registration) {
  const bool is_new = !find_smf_registration(database, imsi, registration.pdu_session_id);
  const auto others = [&] {
    Rows rows = database.query(kCountOtherSmf, imsi.packed(), number(registration.pdu_session_id));
    rows.next();
    return rows.number(0);
  }();
  if (others >= kMaxSmfRegistrations) {
    throw base::Error(base::ErrorKind::unavailable, "INSUFFICIENT_RESOURCES", "this device has too many PDU sessions registered");
  }
  database.run(kPutSmf, imsi.packed(), number(registration.pdu_session_id), registration.content);
  return is_new;
}

bool remove_smf_registration(Database& database, const profile::Imsi& imsi, std::uint8_t pdu_session_id) {
  return database.run(kRemoveSmf, imsi.packed(), number(pdu_session_id)) > 0;
}

void add_sdm_subscription(Database& database, const profile::Imsi& imsi, const SdmSubscription& subscription) {
  if (subscription.is_unique) database.run(kRemoveScope, imsi.packed(), subscription.scope);
  database.run(kAddSubscription, imsi.packed(), subscription.id, subscription.scope);
  database.run(kRemoveOldest, imsi.packed(), static_cast<std::uint64_t>(kMaxSdmSubscriptions));
}

bool remove_sdm_subscription(Database& database, const profile::Imsi& imsi, const std::string& id) {
  return database.run(kRemoveSubscription, imsi.packed(), id) > 0;
}

void remove_registrations(Database& database, const profile::Imsi& imsi) {
  for (const char* sql : {kRemoveAmf, kRemoveAllSmf, kRemoveAllSubscriptions}) database.run(sql, imsi.packed());
}

}  // namespace ausf_ext
