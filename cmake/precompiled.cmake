# Headers compiled once: two thirds of a build went into reading Asio, JSON and the standard library again and again.
#
# first_attach_precompile(TARGET KIND): TARGET is compiled with cmake/precompiled/KIND.hpp. The headers of a kind are compiled by the
# target precompiled_KIND, for whoever asks first.
option(FIRST_ATTACH_PRECOMPILED "Precompile the headers that most files include" ON)

function(first_attach_precompile target kind)
  if(NOT FIRST_ATTACH_PRECOMPILED)
    return()
  endif()
  set(owner precompiled_${kind})
  if(NOT TARGET ${owner})
    file(WRITE ${PROJECT_BINARY_DIR}/generated/${owner}.cpp "")
    add_library(${owner} OBJECT ${PROJECT_BINARY_DIR}/generated/${owner}.cpp)
    # With the definitions that all who take it have, or GCC refuses it.
    target_link_libraries(${owner} PRIVATE first_attach_options fmt::fmt spdlog::spdlog nlohmann_json::nlohmann_json)
    if(kind MATCHES "^(test|scenarios)$")
      target_link_libraries(${owner} PRIVATE first_attach_test_options)
    endif()
    if(kind STREQUAL "test")
      target_link_libraries(${owner} PRIVATE first_attach_unoptimised)
    endif()
    target_precompile_headers(${owner} PRIVATE ${PROJECT_SOURCE_DIR}/cmake/precompiled/${kind}.hpp)
  endif()
  target_precompile_headers(${target} REUSE_FROM ${owner})
endfunction()

# Without these ccache takes no part in a compilation with precompiled headers, and clang writes the time into them.
if(FIRST_ATTACH_PRECOMPILED AND CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${CCACHE})
  if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    add_compile_options("SHELL:-Xclang -fno-pch-timestamp")
  else()
    add_compile_options(-fpch-preprocess)
  endif()
endif()
