#pragma once

namespace test {

/// The serving network of tests (TS 24.501, 9.12.1), of PLMN 001/01.
inline constexpr const char* kServingNetwork = "5G:mnc001.mcc001.3gppnetwork.org";

}  // namespace test
