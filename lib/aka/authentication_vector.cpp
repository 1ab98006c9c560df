#include "lib/aka/authentication_vector.hpp"

#include <algorithm>

namespace aka {
namespace {

constexpr std::size_t kAmfOffset = 6;
constexpr std::size_t kMacOffset = 8;

Autn make_autn(const SqnOctets& sqn_xor_ak, const Amf& amf, const Mac& mac_a) {
  Autn autn{};
  const auto after_sqn = std::ranges::copy(sqn_xor_ak, autn.begin()).out;
  std::ranges::copy(mac_a, std::ranges::copy(amf, after_sqn).out);
  return autn;
}

Amf amf_of(const Autn& autn) { return {autn[kAmfOffset], autn[kAmfOffset + 1]}; }

}  // namespace

SqnOctets sqn_xor_ak(const Autn& autn) {
  SqnOctets out{};
  std::copy_n(autn.begin(), out.size(), out.begin());
  return out;
}

bool has_separation_bit(const Autn& autn) { return (autn[kAmfOffset] & 0x80) != 0; }

AuthenticationVector make_authentication_vector(const SubscriberKeys& keys, const Rand& rand, const SequenceNumber& sqn,
                                                const Amf& amf) {
  auto [mac_a, response] = f12345(keys, rand, sqn, amf);
  const Autn autn = make_autn(conceal(sqn, response.ak), amf, mac_a);
  return {rand, autn, std::move(response.res), std::move(response.ck), std::move(response.ik)};
}

HomeEnvironmentVector make_5g_he_av(const SubscriberKeys& keys, const Rand& rand, const SequenceNumber& sqn,
                                    const Amf& amf, std::string_view serving_network_name) {
  const AuthenticationVector av = make_authentication_vector(keys, rand, sqn, amf);
  return {rand, av.autn, derive_res_star(av.ck, av.ik, serving_network_name, rand, av.xres),
          derive_kausf(av.ck, av.ik, serving_network_name, sqn_xor_ak(av.autn))};
}

UsimAnswer usim_authenticate(const SubscriberKeys& keys, const Rand& rand, const Autn& autn, UsimSequence& state,
                             std::string_view serving_network_name) {
  Response response = f2345(keys, rand);
  const SqnOctets concealed = sqn_xor_ak(autn);
  const SequenceNumber sqn = reveal_sqn(concealed, response.ak);
  const Mac mac_a = f1(keys, rand, sqn, amf_of(autn));
  if (!base::equal_in_constant_time(mac_a, base::BytesView(autn).subspan(kMacOffset))) return MacFailure{};

  // All that may throw comes before the state changes.
  ResStar res_star = derive_res_star(response.ck, response.ik, serving_network_name, rand, response.res);
  Kausf kausf = derive_kausf(response.ck, response.ik, serving_network_name, concealed);
  if (!state.accept(sqn)) return SynchronisationFailure{make_auts(keys, rand, state.highest())};
  return Authenticated{std::move(response.res), std::move(response.ck), std::move(response.ik), std::move(res_star),
                       std::move(kausf)};
}

}  // namespace aka
