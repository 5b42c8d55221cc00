# How everything is compiled unless a preset says otherwise.
#
# Sets: the language level, a default build type, ccache, MESHDICT_PYTHON (the system's interpreter: the one for which
# .ci/packages installs modules, whatever `python3` means in the caller's PATH).

set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_CXX_SCAN_FOR_MODULES OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

if(PROJECT_IS_TOP_LEVEL AND NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Release, RelWithDebInfo or Debug" FORCE)
endif()

# A broken invariant stops the process in release builds too. These are our own scope's variables: a project that embeds
# us keeps its own flags.
foreach(config IN ITEMS RELEASE RELWITHDEBINFO MINSIZEREL)
  string(REGEX REPLACE "-DNDEBUG" "" CMAKE_CXX_FLAGS_${config} "${CMAKE_CXX_FLAGS_${config}}")
endforeach()

find_program(MESHDICT_CCACHE ccache)
if(MESHDICT_CCACHE AND NOT DEFINED CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${MESHDICT_CCACHE}")
endif()

find_program(MESHDICT_PYTHON python3 PATHS /usr/bin NO_DEFAULT_PATH)
find_program(MESHDICT_PYTHON python3 REQUIRED)
