#include "lib/base/secret_file.hpp"

#include <catch2/catch.hpp>
#include <filesystem>

#include "tests/support/temporary_folder.hpp"

namespace {

void allow(const std::string& path, unsigned mode) { std::filesystem::permissions(path, static_cast<std::filesystem::perms>(mode)); }

}  // namespace

TEST_CASE("A file with a secret is read as it is, by those who keep it to themselves", "[base][secret]") {
  const test::TemporaryFolder folder;
  const std::string path = folder.write("key", std::string("one\0two\n", 8));
  for (const unsigned mode : {0600U, 0400U, 0700U}) {
    CAPTURE(mode);
    allow(path, mode);
    CHECK(base::fault_of_secret_file(path).empty());
    CHECK(base::as_text(base::read_secret_file(path).reveal()) == std::string_view("one\0two\n", 8));
  }
  CHECK(base::read_secret_file(folder.write("empty", "")).size() == 0);
}

TEST_CASE("A file with a secret that others may read is refused", "[base][secret]") {
  const test::TemporaryFolder folder;
  const std::string path = folder.write("key", "secret");
  const unsigned mode = GENERATE(0644U, 0640U, 0604U, 0620U, 0602U, 0610U, 0601U);
  CAPTURE(mode);
  allow(path, mode);
  const std::string fault = "the file " + path + " may be read by others: chmod 600 it";
  CHECK(base::fault_of_secret_file(path) == fault);
  CHECK_THROWS_WITH(base::read_secret_file(path), fault);
}

TEST_CASE("What is no file with a secret is named", "[base][secret]") {
  const test::TemporaryFolder folder;
  CHECK_THROWS_WITH(base::read_secret_file(folder / "absent"), "the file " + folder / "absent" + " cannot be read");
  for (const std::string& secret : {std::string(64, 'a'), std::string("1234"), std::string("-----BEGIN PRIVATE KEY-----\nMIGH")}) {
    CHECK_THAT(base::fault_of_secret_file(secret), Catch::StartsWith("there is no such file") && Catch::Contains("looks like the secret itself") && !Catch::Contains(secret));
  }
  std::filesystem::create_directory(folder / "folder");
  allow(folder / "folder", 0700);
  CHECK_THROWS_WITH(base::read_secret_file(folder / "folder"), "the file " + folder / "folder" + " is no ordinary file");
  const std::string most(std::size_t{1024} * 1024, 'x');
  CHECK(base::read_secret_file(folder.write("most", most)).size() == most.size());
  const std::string large = folder.write("large", most + "x");
  CHECK_THROWS_WITH(base::read_secret_file(large), "the file " + large + " is too large");
}
