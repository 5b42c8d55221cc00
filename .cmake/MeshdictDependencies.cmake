# Third-party libraries, each behind one target to link. All are Debian packages (.ci/packages); their headers count as
# system headers, so our warnings stop at them.
#
#   meshdict_asio         standalone Asio and threads
#   meshdict_msgpack      msgpack-c for C++, without Boost
#   meshdict_compressors  zlib, bzip2, liblzma, snappy
#   meshdict_nettle       SHA-256 and friends
#   SQLite::SQLite3       the store on disk, with MESHDICT_BUILD_NODE
#   meshdict_openssl      TLS and what belongs to it, so too
#   meshdict_beast        Boost.Beast's parser of HTTP, headers only, so too
#   fmt::fmt  spdlog::spdlog  CLI11::CLI11  meshdict_yaml  nlohmann_json::nlohmann_json
#   GTest::gtest_main  GTest::gmock  rapidcheck_gtest       with MESHDICT_BUILD_TESTS
#   benchmark::benchmark                                    with MESHDICT_BUILD_BENCH

find_package(PkgConfig REQUIRED)

find_path(MESHDICT_MSGPACK_INCLUDE msgpack.hpp REQUIRED)
add_library(meshdict_msgpack INTERFACE)
target_include_directories(meshdict_msgpack SYSTEM INTERFACE "${MESHDICT_MSGPACK_INCLUDE}")
target_compile_definitions(meshdict_msgpack INTERFACE MSGPACK_NO_BOOST)

find_package(ZLIB REQUIRED)
find_package(BZip2 REQUIRED)
find_package(LibLZMA REQUIRED)
find_package(Snappy CONFIG REQUIRED)
add_library(meshdict_compressors INTERFACE)
target_link_libraries(meshdict_compressors INTERFACE ZLIB::ZLIB BZip2::BZip2 LibLZMA::LibLZMA Snappy::snappy)

pkg_check_modules(NETTLE REQUIRED IMPORTED_TARGET nettle)
add_library(meshdict_nettle INTERFACE)
target_link_libraries(meshdict_nettle INTERFACE PkgConfig::NETTLE)

find_package(fmt REQUIRED)
find_package(CLI11 REQUIRED)
find_package(nlohmann_json REQUIRED)

# Debian 12's yaml-cpp exports a target without a namespace.
find_package(yaml-cpp REQUIRED)
add_library(meshdict_yaml INTERFACE)
target_link_libraries(meshdict_yaml INTERFACE yaml-cpp)

if(MESHDICT_BUILD_NODE)
  find_package(Threads REQUIRED)
  find_package(spdlog REQUIRED)
  find_package(SQLite3 REQUIRED)
  find_package(OpenSSL 3.0 REQUIRED)
  add_library(meshdict_openssl INTERFACE)
  target_link_libraries(meshdict_openssl INTERFACE OpenSSL::SSL OpenSSL::Crypto)
  find_path(MESHDICT_BEAST_INCLUDE boost/beast/http/parser.hpp REQUIRED)
  add_library(meshdict_beast INTERFACE)
  target_include_directories(meshdict_beast SYSTEM INTERFACE "${MESHDICT_BEAST_INCLUDE}")
  find_path(MESHDICT_ASIO_INCLUDE asio.hpp REQUIRED)
  add_library(meshdict_asio INTERFACE)
  target_include_directories(meshdict_asio SYSTEM INTERFACE "${MESHDICT_ASIO_INCLUDE}")
  # Asio 1.22 does not recognise clang's coroutines by itself when the standard library is libstdc++. And it takes memory
  # from aligned_alloc only in sources that include a standard header before it, so that one source would give back with
  # `delete` what another took with `aligned_alloc`: it is told not to.
  target_compile_definitions(
    meshdict_asio INTERFACE ASIO_STANDALONE ASIO_NO_DEPRECATED ASIO_DISABLE_STD_ALIGNED_ALLOC
                            $<$<CXX_COMPILER_ID:Clang>:ASIO_HAS_CO_AWAIT=1;ASIO_HAS_STD_COROUTINE=1>)
  target_link_libraries(meshdict_asio INTERFACE Threads::Threads)
endif()

if(MESHDICT_BUILD_TESTS)
  find_package(GTest REQUIRED)
  find_package(rapidcheck REQUIRED)
endif()

if(MESHDICT_BUILD_BENCH)
  find_package(benchmark REQUIRED)
endif()
