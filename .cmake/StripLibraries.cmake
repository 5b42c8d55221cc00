# For CPack, between installing into its own directory and packing: static libraries without what only a debugger reads. (Programs
# are stripped by CPack itself.)

file(GLOB_RECURSE libraries "${CPACK_TEMPORARY_INSTALL_DIRECTORY}/*.a")
foreach(library IN LISTS libraries)
  execute_process(COMMAND strip --strip-debug --enable-deterministic-archives --remove-section=.comment "${library}"
                  COMMAND_ERROR_IS_FATAL ANY)
endforeach()
