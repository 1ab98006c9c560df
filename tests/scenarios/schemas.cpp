#include "tests/scenarios/schemas.hpp"

#include <yaml-cpp/yaml.h>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <sstream>
#include <vector>

#include "tests/support/json_schema.hpp"

namespace test {
namespace {

using nlohmann::json;

json from_scalar(const YAML::Node& node) {
  const std::string& text = node.Scalar();
  if (node.Tag() == "!") return text;  // quoted, or a block
  if (text == "true") return true;
  if (text == "false") return false;
  try {
    std::size_t used = 0;
    const long long number = std::stoll(text, &used);
    if (used == text.size()) return number;
  } catch (const std::exception&) {
  }
  return text;
}

json from_yaml(const YAML::Node& node) {
  if (node.IsScalar()) return from_scalar(node);
  if (node.IsSequence()) {
    json out = json::array();
    for (const auto& item : node) out.push_back(from_yaml(item));
    return out;
  }
  if (!node.IsMap()) return nullptr;
  json out = json::object();
  for (const auto& item : node) out[item.first.Scalar()] = from_yaml(item.second);
  return out;
}

/// The documents of sbi-schemas, and what refers to what in them.
class Documents {
 public:
  Documents() {
    for (const auto& entry : std::filesystem::directory_iterator(FIRST_ATTACH_SOURCE_DIR "/sbi-schemas")) {
      if (entry.path().extension() == ".yaml") files_[entry.path().filename()] = from_yaml(YAML::LoadFile(entry.path()));
    }
  }
  [[nodiscard]] const std::map<std::string, json>& files() const { return files_; }

  /// A node with every $ref replaced by what it names.
  [[nodiscard]] json inlined(const json& node, const std::string& file) const {
    if (node.is_array()) {
      json out = json::array();
      for (const auto& item : node) out.push_back(inlined(item, file));
      return out;
    }
    if (!node.is_object()) return node;
    if (const auto reference = node.find("$ref"); reference != node.end() && reference->is_string()) {
      const std::string text = *reference;
      const std::size_t hash = text.find('#');
      const std::string where = hash == 0 ? file : text.substr(0, hash);
      return inlined(files_.at(where).at(json::json_pointer(text.substr(hash + 1))), where);
    }
    json out = json::object();
    for (const auto& [key, value] : node.items()) out[key] = inlined(value, file);
    return out;
  }

 private:
  std::map<std::string, json> files_;
};

std::vector<std::string> split(const std::string& path) {
  std::vector<std::string> out;
  std::istringstream in(path);
  for (std::string part; std::getline(in, part, '/');) out.push_back(part);
  return out;
}

bool fits(const std::string& pattern, const std::string& path) {
  const auto a = split(pattern);
  const auto b = split(path);
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (!a[i].starts_with('{') && a[i] != b[i]) return false;
  }
  return true;
}

class Checker {
 public:
  ~Checker() {
    std::cout << "messages checked against their schemas:\n";
    for (const auto& [name, count] : counts_) std::cout << "  " << count << " " << name << "\n";
    std::cout << "  and " << repeated_ << " exchanges, word for word like one of these\n";
  }

  std::string check(const Exchange& exchange) {
    const std::lock_guard lock(mutex_);
    // Whoever waits for a state asks for it again and again. An exchange that was as it should be is so the next time.
    const std::string whole = exchange.method + " " + exchange.target + "\n" + std::to_string(exchange.status) + " " + exchange.content_type + "\n" +
                              exchange.request_body + "\n" + exchange.body;
    if (sound_.contains(whole)) {
      ++repeated_;
      return "";
    }
    std::string fault = check_anew(exchange);
    if (fault.empty() && whole.size() < kMostKept) sound_.insert(whole);
    return fault;
  }

 private:
  static constexpr std::size_t kMostKept = 4096;

  std::string check_anew(const Exchange& exchange) {
    const std::string path = exchange.target.substr(0, exchange.target.find('?'));
    if (path.starts_with("/nausf-auth/") || path.starts_with("/nudm-")) return check_3gpp(exchange, path);
    for (const auto& [file, document] : documents_.files()) {
      if (!document.contains("servers")) continue;
      std::string root = document["servers"][0]["url"];
      if (!root.starts_with("{apiRoot}")) continue;
      root = root.substr(root.find('}') + 1);
      for (const auto& [pattern, item] : document["paths"].items()) {
        std::string method = exchange.method;
        for (char& c : method) c = static_cast<char>(std::tolower(c));
        if (item.contains(method) && fits(root + pattern, path)) return check_own(exchange, item[method], file);
      }
    }
    return exchange.status >= 400 && exchange.status < 500 ? "" : "no operation of sbi-schemas is " + exchange.method + " " + path;
  }

  std::string check_own(const Exchange& exchange, const json& operation, const std::string& file) {
    const std::string name = operation["operationId"];
    const bool is_malformed = exchange.status == 400 || exchange.status == 413 || exchange.status == 415;
    const json& request = operation.value("/requestBody/content/application~1json/schema"_json_pointer, json());
    std::string fault;
    if (!is_malformed && request.is_object()) fault = against(name + " request", request, file, exchange.request_body);
    if (!fault.empty()) return fault;
    const std::string status = std::to_string(exchange.status);
    const std::string type = exchange.content_type.substr(0, exchange.content_type.find(';'));
    if (!operation["responses"].contains(status)) return name + " has no answer " + status;
    const json answer = documents_.inlined(operation["responses"][status], file);
    if (!answer.contains("content")) return exchange.body.empty() ? "" : name + " " + status + " has a body";
    if (!answer["content"].contains(type)) return name + " " + status + " has no content of type " + type;
    const json& content = answer["content"][type];
    if (content.contains("x-line-schema")) {
      std::istringstream in(exchange.body);
      for (std::string line; std::getline(in, line) && fault.empty();) {
        fault = against(name + " " + status + " line", content["x-line-schema"], file, line);
      }
      return fault;
    }
    if (!type.ends_with("json")) return "";
    return against(name + " " + status, content["schema"], file, exchange.body);
  }

  std::string check_3gpp(const Exchange& exchange, const std::string& path) {
    std::string request;
    std::string answer;
    if (exchange.method == "POST" && path.ends_with("/ue-authentications")) {
      request = "TS29509_Nausf_UEAuthentication.AuthenticationInfo";
      answer = "TS29509_Nausf_UEAuthentication.UEAuthenticationCtx";
    } else if (exchange.method == "PUT" && path.ends_with("-confirmation")) {
      request = "TS29509_Nausf_UEAuthentication.ConfirmationData";
      answer = "TS29509_Nausf_UEAuthentication.ConfirmationDataResponse";
    } else if (exchange.method == "POST" && path.ends_with("/ue-authentications/deregister")) {
      request = "TS29509_Nausf_UEAuthentication.DeregistrationInfo";
    } else if (exchange.method == "POST" && path.ends_with("/eap-session")) {
      request = answer = "TS29509_Nausf_UEAuthentication.EapSession";
    } else if (path.ends_with("/generate-av")) {
      request = "TS29503_Nudm_UEAU.HssAuthenticationInfoRequest";
      answer = "TS29503_Nudm_UEAU.HssAuthenticationInfoResult";
    } else if (path.find("/auth-events") != std::string::npos) {
      request = "TS29503_Nudm_UEAU.AuthEvent";
      answer = exchange.method == "POST" ? request : "";
    } else if (path.ends_with("/generate-auth-data")) {
      request = "TS29503_Nudm_UEAU.AuthenticationInfoRequest";
      answer = "TS29503_Nudm_UEAU.AuthenticationInfoResult";
    }
    if (exchange.status >= 400) {
      if (!exchange.content_type.starts_with("application/problem+json")) return "an error is no problem+json";
      return against_3gpp("TS29571_CommonData.ProblemDetails", exchange.body);
    }
    std::string fault;
    if (!request.empty()) fault = against_3gpp(request, exchange.request_body);
    const bool has_schemas = !path.starts_with("/nudm-sdm/") && !path.starts_with("/nudm-uecm/");  // those two are not at hand
    if (has_schemas && fault.empty() && answer.empty() && !exchange.body.empty()) fault = "an answer that has none has a body";
    if (fault.empty() && !answer.empty()) fault = against_3gpp(answer, exchange.body);
    return fault;
  }

  std::string against_3gpp(const std::string& name, const std::string& body) {
    const JsonSchema* const schema = shared_schema(name);
    return schema == nullptr ? "" : verdict(name, *schema, body);
  }

  std::string against(const std::string& name, const json& schema, const std::string& file, const std::string& body) {
    if (!schemas_.contains(name)) schemas_.emplace(name, JsonSchema(documents_.inlined(schema, file)));
    return verdict(name, schemas_.at(name), body);
  }

  std::string verdict(const std::string& name, const JsonSchema& schema, const std::string& body) {
    const json document = json::parse(body, nullptr, false);
    if (document.is_discarded()) return name + ": no JSON";
    ++counts_[name];
    const std::string fault = schema.fault_of(document);
    return fault.empty() ? "" : name + ":" + fault;
  }

  std::mutex mutex_;
  Documents documents_;
  std::map<std::string, JsonSchema> schemas_;
  std::map<std::string, int> counts_;
  std::set<std::string> sound_;
  int repeated_ = 0;
};

}  // namespace

std::string fault_of(const Exchange& exchange) {
  static Checker checker;
  return checker.check(exchange);
}

}  // namespace test
