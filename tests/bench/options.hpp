#pragma once

#include <cstdint>
#include <string>

namespace bench {

/// What the command line asks for.
struct Options {
  std::string uri;
  bool is_tls = false;     // of the URI
  std::string host;        // likewise
  std::string port;        // likewise
  std::string authority;   // likewise

  std::string mode = "lookup";
  std::size_t connections = 8;
  std::size_t streams = 32;     ///< in flight, a connection
  std::uint64_t requests = 0;   ///< counted ones; 0: as many as fit in `seconds`
  double seconds = 5;
  double warm_up = 1;           ///< seconds that are not counted
  double rate = 0;              ///< open loop: requests a second that are offered; 0: closed loop

  std::string first_dimsi = "901700000000001";
  std::uint64_t count = 1'000'000;
  std::uint64_t seed = 1;

  std::string ca;
  std::string server_name;      ///< that an https server's certificate must be for; empty: the URI's host
  std::string certificate;
  std::string private_key;

  std::string path;             ///< of mode fixed
  std::size_t body_size = 0;    ///< of mode fixed; 0: the body of a lookup
  std::string trace;            ///< a file that every answer is a line of; empty: none
  int pid = 0;                  ///< the server's process; 0: not looked at
  std::string subscribers;      ///< of mode aka: a file of JSON lines with imsi, k and opc
  bool is_wrong_answer = false; ///< of mode aka
  std::string bodies;           ///< of mode retrieve: a file of JSON lines with dimsi and body
  std::string order = "ascending";  ///< of mode bulk, or random
};

/// Reads the command line. Exits, as CLI11 does, with help or a fault; throws std::runtime_error for a URI that is none.
Options read_options(int argc, char** argv);

}  // namespace bench
