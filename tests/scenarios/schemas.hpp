#pragma once

#include <string>

/// Every message that a scenario exchanges is checked against the interface's description: sbi-schemas for our own, the
/// schemas of TS 29.503 and TS 29.509 where they lie beside the project.
namespace test {

/// A request and what was answered.
struct Exchange {
  std::string method;
  std::string target;
  std::string request_body;
  int status = 0;
  std::string content_type;
  std::string body;
};

/// What breaks the description; empty if nothing does. Counts the messages by type; the counts are printed when the program
/// ends. A request that was refused as malformed is not looked at.
std::string fault_of(const Exchange& exchange);

}  // namespace test
