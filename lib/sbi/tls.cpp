#include "lib/sbi/tls.hpp"

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ssl/context.hpp>
#include <cerrno>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string_view>

#include "lib/base/descriptor.hpp"
#include "lib/base/secret_file.hpp"
#include "lib/sbi/message.hpp"
#include "lib/sbi/tls_anchors.hpp"
#include "lib/sbi/tls_owned.hpp"

namespace sbi {
namespace {

namespace ssl = boost::asio::ssl;

constexpr const char* kTls12Suites = "ECDHE+AESGCM:ECDHE+CHACHA20";
/// Of the certificates that a peer shows: they are read and verified in one piece, before anybody knows who it is.
constexpr long kMaxChainOctets = 16 * 1024;
constexpr int kMaxIntermediates = 4;
constexpr unsigned char kAlpnHttp2[] = {2, 'h', '2'};

int choose_http2(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* offered,
                 unsigned offered_size, void*) {
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, out_size, kAlpnHttp2, sizeof kAlpnHttp2, offered, offered_size) !=
      OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  }
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

[[noreturn]] void fail(const std::string& file, const char* what, const boost::system::error_code& error) {
  ERR_clear_error();
  throw std::runtime_error(file + ": " + what + ": " + error.message());
}

/// Why an open file is none for secrets of connections; empty: it is one.
std::string fault_of_key_log(int file) {
  struct stat status {};
  if (::fstat(file, &status) != 0 || !S_ISREG(status.st_mode)) return "is no ordinary file: name another";
  if (status.st_uid != ::geteuid()) return "is another user's: name another, or remove it";
  if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0) return "may be read by others: remove it, or chmod 600 it";
  return "";
}

/// The file at `path`, made if there is none, for this user alone. What was there before is taken only if it is that: whoever reads it reads every
/// connection. A pipe is not waited for.
int open_key_log(const std::string& path) {
  constexpr int kFlags = O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
  const int file = ::open(path.c_str(), kFlags, S_IRUSR | S_IWUSR);
  if (file < 0 && errno == ELOOP) throw std::runtime_error(path + ": is a symbolic link: name the file itself");
  if (file < 0) throw std::runtime_error(path + ": cannot be written: " + std::strerror(errno));
  const std::string fault = fault_of_key_log(file);
  if (fault.empty()) return file;
  ::close(file);
  throw std::runtime_error(path + ": " + fault);
}

/// The file to which the secrets of a context's connections go; the context owns it.
class KeyLog {
 public:
  static void open(SSL_CTX* context, const std::string& path) {
    give_to(context, std::make_unique<KeyLog>(path));
    SSL_CTX_set_keylog_callback(context, [](const SSL* connection, const char* line) {
      owned_by<KeyLog>(SSL_get_SSL_CTX(connection))->write(line);
    });
  }
  explicit KeyLog(const std::string& path) : file_(open_key_log(path)) {}

 private:
  void write(std::string line) const {
    line += '\n';
    if (::write(file_.get(), line.data(), line.size()) < 0) return;  // a lab's tool, not worth a connection
  }
  base::Descriptor file_;
};

/// Looked at each time that it is read: what replaced it may have another mode.
void use_private_key(ssl::context& context, const std::string& path) {
  const base::SecretBytes octets = base::read_secret_file(path);
  const base::BytesView pem = octets.reveal();
  boost::system::error_code error;
  context.use_private_key(boost::asio::buffer(pem.data(), pem.size()), ssl::context::pem, error);
  if (error) fail(path, "no private key of the certificate", error);
}

std::shared_ptr<ssl::context> make_context(ssl::context::method method, const TlsFiles& files) {
  auto context = std::make_shared<ssl::context>(method);
  SSL_CTX* handle = context->native_handle();
  SSL_CTX_set_min_proto_version(handle, TLS1_2_VERSION);
  SSL_CTX_set_cipher_list(handle, kTls12Suites);
  SSL_CTX_set_max_cert_list(handle, kMaxChainOctets);
  SSL_CTX_set_verify_depth(handle, kMaxIntermediates);
  SSL_CTX_set_options(handle, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  // Idle connections hold no buffers; what is left of a write may move; a record's header and content come in one read.
  SSL_CTX_set_mode(handle, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_read_ahead(handle, 1);
  boost::system::error_code error;
  if (!files.certificate.empty()) {
    context->use_certificate_chain_file(files.certificate, error);
    if (error) fail(files.certificate, "no certificate chain", error);
    use_private_key(*context, files.private_key);
  }
  if (!files.ca.empty()) context->load_verify_file(files.ca, error);
  if (error) fail(files.ca, "no CA certificates", error);
  if (!files.key_log.empty()) KeyLog::open(handle, files.key_log);
  return context;
}

std::vector<std::string> alternative_names(X509* certificate, int type) {
  auto* names = static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  std::vector<std::string> found;
  for (int i = 0; names != nullptr && i < sk_GENERAL_NAME_num(names); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names, i);
    if (name->type != type) continue;
    const ASN1_STRING* text = name->d.ia5;
    found.emplace_back(reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)), static_cast<std::size_t>(ASN1_STRING_length(text)));
  }
  GENERAL_NAMES_free(names);
  return found;
}

/// Empty unless it is of its kind: a URI has a colon, and no other name has, so that none stands for one of another kind, which its issuer may not
/// give out (RFC 5280, 4.2.1.10, constrains names by their kinds).
std::string of_its_kind(std::string name, bool is_uri) { return (name.find(':') != std::string::npos) == is_uri ? name : std::string(); }

/// The first, if there is one.
std::optional<std::string> alternative_name(X509* certificate, int type) {
  auto names = alternative_names(certificate, type);
  if (names.empty()) return std::nullopt;
  return of_its_kind(std::move(names.front()), type == GEN_URI);
}

std::optional<std::string> common_name(X509* certificate) {
  X509_NAME* subject = X509_get_subject_name(certificate);
  const int index = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (index < 0) return std::nullopt;
  unsigned char* utf8 = nullptr;
  const int size = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, index)));
  if (size < 0) return std::nullopt;
  std::string name(reinterpret_cast<const char*>(utf8), static_cast<std::size_t>(size));
  OPENSSL_free(utf8);
  return of_its_kind(std::move(name), false);
}

}  // namespace

std::shared_ptr<ssl::context> make_server_context(const TlsFiles& files) {
  auto context = make_context(ssl::context::tls_server, files);
  SSL_CTX_set_alpn_select_cb(context->native_handle(), &choose_http2, nullptr);
  if (!files.ca.empty()) SSL_CTX_set_client_CA_list(context->native_handle(), SSL_load_client_CA_file(files.ca.c_str()));
  if (!files.cas.empty()) trust_by_names(context->native_handle(), files.cas);
  if (files.asks_for_certificates()) {
    const auto demand = files.verify_client ? ssl::verify_peer | ssl::verify_fail_if_no_peer_cert : ssl::verify_peer;
    context->set_verify_mode(demand);
  }
  // Resumed sessions would need a context of their own per listener, and have no chain for require_vouched_for(); a handshake a connection
  // is what SBI peers do. SSL_OP_NO_TICKET leaves TLS 1.3 tickets of another kind.
  SSL_CTX_set_session_cache_mode(context->native_handle(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_options(context->native_handle(), SSL_OP_NO_TICKET);
  SSL_CTX_set_num_tickets(context->native_handle(), 0);
  return context;
}

std::shared_ptr<ssl::context> make_client_context(const TlsFiles& files) {
  auto context = make_context(ssl::context::tls_client, files);
  SSL_CTX_set_alpn_protos(context->native_handle(), kAlpnHttp2, sizeof kAlpnHttp2);
  if (files.ca.empty()) context->set_default_verify_paths();
  context->set_verify_mode(ssl::verify_peer);
  return context;
}

bool expect_server_name(SSL* connection, const std::string& host) {
  boost::system::error_code not_an_address;
  boost::asio::ip::make_address(host, not_an_address);
  X509_VERIFY_PARAM* demand = SSL_get0_param(connection);
  if (!not_an_address) return X509_VERIFY_PARAM_set1_ip_asc(demand, host.c_str()) == 1;
  return SSL_set_tlsext_host_name(connection, host.c_str()) == 1 && X509_VERIFY_PARAM_set1_host(demand, host.c_str(), host.size()) == 1;
}

bool chose_http2(SSL* connection) {
  const unsigned char* protocol = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(connection, &protocol, &size);
  return std::string_view(reinterpret_cast<const char*>(protocol), size) == "h2";
}

std::optional<std::string> peer_name(SSL* connection) {
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(SSL_get1_peer_certificate(connection), &X509_free);
  if (!certificate) return std::nullopt;
  if (SSL_get_verify_result(connection) != X509_V_OK) throw std::runtime_error("its certificate is not verified");
  auto name = alternative_name(certificate.get(), GEN_DNS);
  if (!name) name = alternative_name(certificate.get(), GEN_URI);
  if (!name) name = common_name(certificate.get());
  if (!name || name->empty()) throw std::runtime_error("its certificate has no DNS name, URI or common name");
  if (*name == kAnonymous) throw std::runtime_error("its certificate is for the name anonymous, which stands for peers without one");
  require_vouched_for(connection, *name);
  return name;
}

std::optional<std::string> certificate_fault(SSL* connection) {
  const long result = SSL_get_verify_result(connection);
  if (result == X509_V_OK) return std::nullopt;
  return X509_verify_cert_error_string(result);
}

std::vector<std::string> peer_uris(SSL* connection) {
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(SSL_get1_peer_certificate(connection), &X509_free);
  return certificate ? alternative_names(certificate.get(), GEN_URI) : std::vector<std::string>();
}

}  // namespace sbi
