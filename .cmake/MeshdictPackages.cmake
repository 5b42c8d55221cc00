# Debian packages, by CPack: meshdict-node (program and service), meshdict-sim, libmeshdict-dev, libmeshdict-c0 (what programs in C
# run with) and, where it is built, python3-meshdict. `cpack -G DEB` in a build
# directory makes them of what has been built there; `cmake --workflow --preset packages` builds them as they should be given away.
#
# A component of install() is a package: node, simulator, library, c, python. What belongs to a machine and not below a prefix (the
# service, its options) is the component service, which comes only with the package of node.

set(MESHDICT_PACKAGE_CONTACT "meshdict contributors <meshdict@example.org>" CACHE STRING
    "Who answers for the packages: name and address")
set(MESHDICT_PACKAGE_RELEASE 1 CACHE STRING "Number of the packages of one version")

set(package "${PROJECT_SOURCE_DIR}/node/app/package")
set(CPACK_GENERATOR DEB)
set(CPACK_VERBATIM_VARIABLES ON)
set(CPACK_PACKAGE_NAME meshdict)
set(CPACK_PACKAGE_CONTACT "${MESHDICT_PACKAGE_CONTACT}")
# Each package has its own.
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "")
set(CPACK_PACKAGE_VERSION "${PROJECT_VERSION}")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_PACKAGE_DIRECTORY "${PROJECT_BINARY_DIR}/packages")
set(CPACK_OUTPUT_FILE_PREFIX "${CPACK_PACKAGE_DIRECTORY}")
set(CPACK_THREADS 0)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
    OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_PRE_BUILD_SCRIPTS "${PROJECT_SOURCE_DIR}/.cmake/StripPackages.cmake")

set(CPACK_DEB_COMPONENT_INSTALL ON)
set(packed_components node=node service=node simulator=simulator library=library c=c)
set(packed_names node=meshdict-node simulator=meshdict-sim library=libmeshdict-dev c=libmeshdict-c0)
if(TARGET meshdict_python)
  list(APPEND packed_components python=python)
  list(APPEND packed_names python=python3-meshdict)
endif()
set(CPACK_COMPONENTS_ALL ${packed_components})
list(TRANSFORM CPACK_COMPONENTS_ALL REPLACE "=.*" "")
set(CPACK_COMPONENTS_GROUPING ONE_PER_GROUP)
foreach(pair IN LISTS packed_components)
  string(REPLACE "=" ";" pair "${pair}")
  list(GET pair 0 component)
  list(GET pair 1 group)
  string(TOUPPER ${component} component)
  set(CPACK_COMPONENT_${component}_GROUP ${group})
endforeach()

set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE "${MESHDICT_PACKAGE_RELEASE}")
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)

set(CPACK_DEBIAN_NODE_PACKAGE_NAME meshdict-node)
set(CPACK_DEBIAN_NODE_PACKAGE_SECTION net)
set(CPACK_DEBIAN_NODE_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_NODE_PACKAGE_DEPENDS "adduser, init-system-helpers (>= 1.54)")
set(CPACK_DEBIAN_NODE_PACKAGE_SUGGESTS redis-tools)
set(CPACK_DEBIAN_NODE_PACKAGE_CONTROL_EXTRA "${package}/debian/postinst" "${package}/debian/prerm"
    "${package}/debian/postrm" "${package}/debian/conffiles")
set(CPACK_DEBIAN_NODE_DESCRIPTION "dictionary with leases, shared over a peer-to-peer mesh
Every node holds the whole dictionary and takes writes, and there is no server
to elect or to lose. A node that sets a key leases it: until the lease is over
no other node can overwrite it. Any Redis client reads and writes the node.
This package has the node, and a service that runs it.")

set(CPACK_DEBIAN_SIMULATOR_PACKAGE_NAME meshdict-sim)
set(CPACK_DEBIAN_SIMULATOR_PACKAGE_SECTION devel)
set(CPACK_DEBIAN_SIMULATOR_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_SIMULATOR_DESCRIPTION "deterministic simulator of meshdict's mesh
Runs the core of meshdict-node on virtual clocks, networks and disks, by plans
in YAML or by random ones: partitions, crashes, lease races, wrong clocks. The
same plan and seed give the same trace, bit for bit.")

set(CPACK_DEBIAN_LIBRARY_PACKAGE_NAME libmeshdict-dev)
set(CPACK_DEBIAN_LIBRARY_PACKAGE_SECTION libdevel)
# Headers include Asio; the rest is what the static library is linked with.
set(CPACK_DEBIAN_LIBRARY_PACKAGE_DEPENDS
    "libmeshdict-c0 (= ${PROJECT_VERSION}-${MESHDICT_PACKAGE_RELEASE}), libasio-dev, libbz2-dev, libfmt-dev, liblzma-dev, libsnappy-dev, libsqlite3-dev, libssl-dev (>= 3.0), nettle-dev, zlib1g-dev")
set(CPACK_DEBIAN_LIBRARY_PACKAGE_SUGGESTS "cmake, pkg-config")
set(CPACK_DEBIAN_LIBRARY_DESCRIPTION "dictionary with leases, shared over a mesh: C++ and C library
A program that links it is a member of a meshdict mesh: it reads and writes the
shared dictionary, sends and hears messages, and is told of conflicts. This
package has headers, a static library for C++, the link to the shared one for
C, and files for CMake and pkg-config.")

set(CPACK_DEBIAN_C_PACKAGE_NAME libmeshdict-c0)
set(CPACK_DEBIAN_C_PACKAGE_SECTION libs)
set(CPACK_DEBIAN_C_PACKAGE_SHLIBDEPS ON)
set(c_package "${PROJECT_SOURCE_DIR}/node/c/package/debian")
configure_file("${c_package}/shlibs.in" shlibs @ONLY)
set(CPACK_DEBIAN_C_PACKAGE_CONTROL_EXTRA "${c_package}/triggers" "${PROJECT_BINARY_DIR}/shlibs")
set(CPACK_DEBIAN_C_DESCRIPTION "dictionary with leases, shared over a mesh: C library
Programs that were linked with libmeshdict_c run with it: they are members of a
meshdict mesh, and share its dictionary and messages.")

set(CPACK_DEBIAN_PYTHON_PACKAGE_NAME python3-meshdict)
set(CPACK_DEBIAN_PYTHON_PACKAGE_SECTION python)
set(CPACK_DEBIAN_PYTHON_PACKAGE_SHLIBDEPS ON)
get_property(CPACK_DEBIAN_PYTHON_PACKAGE_DEPENDS GLOBAL PROPERTY MESHDICT_PYTHON_DEPENDS)
set(CPACK_DEBIAN_PYTHON_DESCRIPTION "dictionary with leases, shared over a mesh: Python package
A program that imports it is a member of a meshdict mesh. Classes and methods
have the names of those of py2p 0.6, whose programs move by changing imports.")

# What belongs to each package's documentation.
set(VERSION "${PROJECT_VERSION}-${MESHDICT_PACKAGE_RELEASE}")
string(TIMESTAMP DATE "%a, %d %b %Y %H:%M:%S +0000" UTC)
file(READ "${PROJECT_SOURCE_DIR}/LICENSE" LICENSE_TEXT)
string(REGEX REPLACE "^.*Permission is" "Permission is" LICENSE_TEXT "${LICENSE_TEXT}")
string(STRIP "${LICENSE_TEXT}" LICENSE_TEXT)
string(REPLACE "\n\n" "\n.\n" LICENSE_TEXT "${LICENSE_TEXT}")
string(REPLACE "\n" "\n " LICENSE_TEXT " ${LICENSE_TEXT}")
configure_file("${package}/debian/copyright.in" copyright @ONLY)
configure_file("${package}/debian/changelog.in" changelog.Debian @ONLY)
configure_file("${PROJECT_SOURCE_DIR}/.github/CHANGELOG.md" changelog COPYONLY)
execute_process(COMMAND gzip --best --no-name --force --keep changelog changelog.Debian
                WORKING_DIRECTORY "${PROJECT_BINARY_DIR}" COMMAND_ERROR_IS_FATAL ANY)
include(GNUInstallDirs)
foreach(pair IN LISTS packed_names)
  string(REPLACE "=" ";" pair "${pair}")
  list(GET pair 0 component)
  list(GET pair 1 name)
  install(FILES "${PROJECT_BINARY_DIR}/copyright" "${PROJECT_BINARY_DIR}/changelog.gz"
                "${PROJECT_BINARY_DIR}/changelog.Debian.gz"
          DESTINATION "${CMAKE_INSTALL_DATADIR}/doc/${name}" COMPONENT ${component})
endforeach()

include(CPack)
foreach(pair IN LISTS packed_names)
  string(REGEX REPLACE "=.*" "" group "${pair}")
  cpack_add_component_group(${group})
endforeach()
