# What our own targets have in common. A directory's CMakeLists.txt uses:
#
#   meshdict_library(NAME [EMBEDDED] SOURCES f.cpp... HEADERS f.h... [PRIVATE_HEADERS f.h...] [BASE_DIR dir] [DEPS t...]
#                    [PRIVATE_DEPS t...])
#     Static library meshdict_NAME, alias meshdict::NAME. HEADERS are its public headers, included relative to BASE_DIR
#     (default: the source root, as in "sim/world/world.h"; the libraries under node/ pass ${PROJECT_SOURCE_DIR}/node, as in
#     "core/engine/engine.h"). Each compiles on its own: its source says so, or `all_verify_interface_header_sets` checks it in the presets. A source
#     or header below the directory that no list names stops the configuration. EMBEDDED: it goes into shared objects, too, the
#     C library, the Python module and those of users: position-independent, its symbols hidden.
#
#   meshdict_executable(NAME SOURCES f.cpp... [DEPS t...])
#     Program NAME in <build>/bin.
#
#   meshdict_test(NAME SOURCES f.cpp... [DEPS t...] [DEFINITIONS d...] [LABELS l...] [TIMEOUT s])
#     GoogleTest and RapidCheck program, with a main, that is one CTest test NAME (default timeout 120 s). The label
#     `determinism` makes the second compiler run it too; under the sanitizers `slow` ones (more than half a minute of a core)
#     run in .ci/long. The program is <build>/proptests/NAME; it runs in its binary
#     directory, and includes headers of other tests as in "proptests/core/engine/engine_fixture.h".
#     With MESHDICT_UNITY_TESTS all tests of a folder are one program, <build>/proptests/tests_of_FOLDER, and NAME runs its part.
#
#   meshdict_test_program(NAME VARIABLE)
#     The target that has the tests of NAME.
#
#   meshdict_check_tests()
#     Behind all tests: a source *_test.cpp below the directory that none of them names stops the configuration.
#
# With MESHDICT_UNITY, or MESHDICT_UNITY_TESTS for tests, the sources of one folder are one translation unit (of tests: a few): what
# two of them keep for themselves may not have one name.
#
# All link meshdict_warnings and meshdict_sanitizers, and see MESHDICT_VERSION, a string.

option(MESHDICT_WERROR "Treat warnings as errors (the presets do)" OFF)
set(MESHDICT_SANITIZE "" CACHE STRING "Sanitizers: empty, \"address,undefined\" or \"thread\"")
set(MESHDICT_RC_PARAMS "seed=1" CACHE STRING
    "RC_PARAMS of the tests; a fixed seed keeps CTest repeatable, \"max_success=1000\" explores further")

option(MESHDICT_UNITY
       "Compile the sources of a library's folder as one: two thirds of the work from nothing, but no check of each source's own includes"
       OFF)
option(MESHDICT_UNITY_TESTS
       "Compile the tests of a folder together, as one program: a third of the work from nothing, but more for one changed test"
       OFF)
option(MESHDICT_FUZZ "Instrument for libFuzzer, and build the fuzz targets with it (clang only)" OFF)

add_library(meshdict_warnings INTERFACE)
target_compile_options(
  meshdict_warnings
  INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wdouble-promotion -Wformat=2
            -Wnon-virtual-dtor -Woverloaded-virtual -Wold-style-cast -Wcast-qual -Wextra-semi -Wimplicit-fallthrough
            -Wundef -Wvla
            $<$<CXX_COMPILER_ID:GNU>:-Wduplicated-cond -Wlogical-op -Wredundant-decls>
            $<$<BOOL:${MESHDICT_WERROR}>:-Werror>)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # False alarms of g++ 12 inside std::string, std::variant and fmt (GCC bug 105651 and its kin).
  target_compile_options(meshdict_warnings INTERFACE -Wno-restrict -Wno-maybe-uninitialized -Wno-stringop-overflow)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  # std::stable_sort of libstdc++ 12 uses what C++23 deprecates, and clang++ tells it of our line.
  target_compile_options(meshdict_warnings INTERFACE -Wno-deprecated-declarations)
endif()

if(MESHDICT_UNITY)
  # A local name may be that of another source of the folder; within one source the other presets see it.
  target_compile_options(meshdict_warnings INTERFACE -Wno-shadow)
endif()
if(MESHDICT_UNITY_TESTS AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # A source that is included is taken for a header, whose anonymous namespaces would be a mistake.
  set(meshdict_unity_tests_options -Wno-subobject-linkage)
endif()

add_library(meshdict_sanitizers INTERFACE)
if(MESHDICT_SANITIZE)
  set(sanitize -fsanitize=${MESHDICT_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_compile_options(meshdict_sanitizers INTERFACE ${sanitize})
  target_link_options(meshdict_sanitizers INTERFACE ${sanitize})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # Instrumented code defeats g++'s flow analysis; and Asio's fences are unknown to its thread sanitizer.
    target_compile_options(meshdict_sanitizers INTERFACE -Wno-maybe-uninitialized -Wno-tsan)
  endif()
endif()

if(MESHDICT_FUZZ)
  target_compile_options(meshdict_sanitizers INTERFACE -fsanitize=fuzzer-no-link)
endif()

function(meshdict_common_ target)
  target_link_libraries(${target} PRIVATE $<BUILD_INTERFACE:meshdict_warnings> $<BUILD_INTERFACE:meshdict_sanitizers>)
  target_compile_definitions(${target} PRIVATE MESHDICT_VERSION="${PROJECT_VERSION}")
endfunction()

# Stops at a misspelt keyword, which would otherwise drop a source in silence.
macro(meshdict_parse_ function)
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "${function}(${name}): unknown arguments: ${arg_UNPARSED_ARGUMENTS}")
  endif()
  if(NOT arg_SOURCES)
    message(FATAL_ERROR "${function}(${name}): SOURCES is missing")
  endif()
endmacro()

# Stops at a file that its list lacks: it would not be compiled, or not be checked, in silence.
function(meshdict_all_listed_ files listed where)
  foreach(file IN LISTS files)
    if(NOT file IN_LIST listed)
      message(FATAL_ERROR "${CMAKE_CURRENT_SOURCE_DIR}/${file} is missing in ${where}")
    endif()
  endforeach()
endfunction()

function(meshdict_library name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "EMBEDDED" "BASE_DIR" "SOURCES;HEADERS;PRIVATE_HEADERS;DEPS;PRIVATE_DEPS")
  meshdict_parse_(meshdict_library)
  if(NOT arg_BASE_DIR)
    set(arg_BASE_DIR "${PROJECT_SOURCE_DIR}")
  endif()
  string(REGEX REPLACE "^meshdict_" "" name "${name}")
  set(target meshdict_${name})
  add_library(${target} STATIC ${arg_SOURCES})
  add_library(meshdict::${name} ALIAS ${target})
  # A source includes its own header before all others (.ci/lint), and so compiles it on its own. The other headers are
  # compiled one by one.
  set(alone ${arg_HEADERS})
  foreach(source IN LISTS arg_SOURCES)
    cmake_path(REPLACE_EXTENSION source h)
    list(REMOVE_ITEM alone "${source}")
  endforeach()
  set(others ${arg_HEADERS})
  list(REMOVE_ITEM others ${alone})
  target_sources(
    ${target}
    PUBLIC FILE_SET HEADERS
           BASE_DIRS "${arg_BASE_DIR}"
           FILES ${others}
           FILE_SET alone
           TYPE HEADERS
           BASE_DIRS "${arg_BASE_DIR}"
           FILES ${alone})
  set_target_properties(${target} PROPERTIES INTERFACE_HEADER_SETS_TO_VERIFY alone)
  target_link_libraries(
    ${target}
    PUBLIC ${arg_DEPS}
    PRIVATE ${arg_PRIVATE_DEPS})
  meshdict_common_(${target})
  if(arg_EMBEDDED)
    set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE ON CXX_VISIBILITY_PRESET hidden
                                               VISIBILITY_INLINES_HIDDEN ON)
  endif()
  if(MESHDICT_UNITY)
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_MODE GROUP)
    foreach(source IN LISTS arg_SOURCES)
      cmake_path(GET source PARENT_PATH folder)
      cmake_path(IS_ABSOLUTE source is_generated)
      if(is_generated)
        set(folder generated)
      endif()
      string(REPLACE "/" "_" folder "${folder}")
      set_source_files_properties(${source} PROPERTIES UNITY_GROUP "${folder}")
    endforeach()
  endif()
  file(GLOB_RECURSE headers RELATIVE "${CMAKE_CURRENT_SOURCE_DIR}" CONFIGURE_DEPENDS "*.h")
  list(FILTER headers EXCLUDE REGEX "^(examples|package|programs)/")
  meshdict_all_listed_("${headers}" "${arg_HEADERS};${arg_PRIVATE_HEADERS}" "HEADERS of meshdict_library(${name})")
  file(GLOB_RECURSE sources RELATIVE "${CMAKE_CURRENT_SOURCE_DIR}" CONFIGURE_DEPENDS "*.cpp")
  list(FILTER sources EXCLUDE REGEX "^((examples|package|programs)/|main.cpp$)")
  meshdict_all_listed_("${sources}" "${arg_SOURCES}" "SOURCES of meshdict_library(${name})")
endfunction()

function(meshdict_executable name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;DEPS")
  meshdict_parse_(meshdict_executable)
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE ${arg_DEPS})
  meshdict_common_(${name})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bin")
endfunction()

# What the tests labelled `determinism` run: all that the second compiler must build.
add_custom_target(meshdict_determinism)

# In `program`, the program of the folder's tests, made where it is not there yet.
function(meshdict_folder_program_)
  file(RELATIVE_PATH place "${PROJECT_SOURCE_DIR}/proptests" "${CMAKE_CURRENT_SOURCE_DIR}")
  string(REPLACE "/" "_" place "${place}")
  set(program tests_of_${place})
  if(NOT TARGET ${program})
    add_executable(${program})
    # Seven sources are compiled in a gigabyte of memory.
    set_target_properties(${program} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 7)
  endif()
  set(program ${program} PARENT_SCOPE)
endfunction()

# In `filter`, GoogleTest's filter for the tests of the sources. It is read from them, so a change of a source configures again.
# GoogleTest's own is there only to fail: for a parameterised test that nothing instantiates.
function(meshdict_filter_of_ sources)
  set(names "GoogleTestVerification.*")
  foreach(source IN LISTS sources)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${source}")
    file(STRINGS "${source}" lines REGEX "^[A-Z_]*(TEST|TEST_F|TEST_P|PROP)\\(")
    if(source MATCHES "_test.cpp$" AND NOT lines)
      message(FATAL_ERROR "${CMAKE_CURRENT_SOURCE_DIR}/${source}: no test begins a line: none of them would run")
    endif()
    foreach(line IN LISTS lines)
      if(NOT line MATCHES "^(TEST|TEST_F|TEST_P|RC_GTEST_PROP)\\(([A-Za-z0-9]+), ([A-Za-z0-9]+)[,)]")
        message(FATAL_ERROR "${CMAKE_CURRENT_SOURCE_DIR}/${source}: \"${line}\" is no test whose names can be read")
      endif()
      set(name "${CMAKE_MATCH_2}.${CMAKE_MATCH_3}")
      if(CMAKE_MATCH_1 STREQUAL "TEST_P")
        set(name "*/${name}/*")
      endif()
      list(APPEND names "${name}")
    endforeach()
  endforeach()
  list(JOIN names ":" filter)
  set(filter "${filter}" PARENT_SCOPE)
endfunction()

function(meshdict_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "TIMEOUT" "SOURCES;DEPS;DEFINITIONS;LABELS")
  meshdict_parse_(meshdict_test)
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 120)
  endif()
  if(MESHDICT_UNITY_TESTS)
    meshdict_folder_program_()
    meshdict_filter_of_("${arg_SOURCES}")
    get_target_property(there ${program} SOURCES)
    if(there)
      # Two tests of a folder may share a source.
      list(REMOVE_ITEM arg_SOURCES ${there})
    endif()
    target_sources(${program} PRIVATE ${arg_SOURCES})
    set(helpers ${arg_SOURCES})
    list(FILTER helpers EXCLUDE REGEX "_test.cpp$")
    set_source_files_properties(${helpers} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
    add_test(NAME ${name} COMMAND ${program} "--gtest_filter=${filter}")
  else()
    set(program ${name})
    add_executable(${program} ${arg_SOURCES})
    add_test(NAME ${name} COMMAND ${program})
  endif()
  set_property(GLOBAL PROPERTY MESHDICT_PROGRAM_OF_${name} ${program})
  target_link_libraries(${program} PRIVATE ${arg_DEPS} GTest::gtest_main GTest::gmock rapidcheck_gtest)
  target_include_directories(${program} PRIVATE "${PROJECT_SOURCE_DIR}")
  target_compile_definitions(${program} PRIVATE ${arg_DEFINITIONS})
  meshdict_common_(${program})
  target_compile_options(${program} PRIVATE ${meshdict_unity_tests_options})
  set_target_properties(${program} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/proptests")
  file(RELATIVE_PATH place "${PROJECT_SOURCE_DIR}/proptests" "${CMAKE_CURRENT_SOURCE_DIR}")
  list(TRANSFORM arg_SOURCES PREPEND "${place}/")
  set_property(GLOBAL APPEND PROPERTY MESHDICT_TEST_SOURCES ${arg_SOURCES})
  if("determinism" IN_LIST arg_LABELS)
    add_dependencies(meshdict_determinism ${program})
  endif()
  set_tests_properties(
    ${name}
    PROPERTIES LABELS "${arg_LABELS}"
               TIMEOUT ${arg_TIMEOUT}
               ENVIRONMENT "RC_PARAMS=${MESHDICT_RC_PARAMS};UBSAN_OPTIONS=print_stacktrace=1")
endfunction()

function(meshdict_test_program name variable)
  get_property(program GLOBAL PROPERTY MESHDICT_PROGRAM_OF_${name})
  set(${variable} ${program} PARENT_SCOPE)
endfunction()

function(meshdict_check_tests)
  file(GLOB_RECURSE sources RELATIVE "${CMAKE_CURRENT_SOURCE_DIR}" CONFIGURE_DEPENDS "*_test.cpp")
  if(NOT MESHDICT_BUILD_NODE)
    list(FILTER sources EXCLUDE REGEX "^(net|store|app|api|programs)/")
  endif()
  get_property(listed GLOBAL PROPERTY MESHDICT_TEST_SOURCES)
  meshdict_all_listed_("${sources}" "${listed}" "the tests of its CMakeLists.txt")
endfunction()
