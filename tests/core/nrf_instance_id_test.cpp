#include "lib/core/nrf_instance_id.hpp"

#include <catch2/catch.hpp>

#include "lib/core/nrf_messages.hpp"
#include "tests/support/temporary_folder.hpp"

TEST_CASE("UUIDs are random, of version 4", "[core][nrf]") {
  const std::string id = core::make_uuid();
  CHECK(core::is_uuid(id));
  CHECK(id[14] == '4');
  CHECK(std::string("89ab").find(id[19]) != std::string::npos);
  CHECK(core::make_uuid() != id);
}

TEST_CASE("An instance id is made once and kept", "[core][nrf]") {
  const test::TemporaryFolder folder;
  const std::string path = folder / "x.db.nf-instance-id";
  const std::string id = core::read_or_make_instance_id(path);
  CHECK(core::is_uuid(id));
  CHECK(core::read_or_make_instance_id(path) == id);
  CHECK(test::read_text(path) == id + "\n");
  CHECK(core::read_or_make_instance_id(folder / "other") != id);
}

TEST_CASE("A file that holds no UUID is not overwritten", "[core][nrf]") {
  const test::TemporaryFolder folder;
  for (const char* const content : {"", "x", "7f1f3a5e-2b1c-4d5e-8f90-a1b2c3d4e5f6 and more"}) {
    const std::string path = folder.write("id", content);
    CHECK_THROWS_WITH(core::read_or_make_instance_id(path), Catch::Contains(path) && Catch::Contains("is no UUID"));
    CHECK(test::read_text(path) == content);
  }
  CHECK_THROWS_WITH(core::read_or_make_instance_id("/absent/id"), Catch::Contains("cannot be written"));
}
