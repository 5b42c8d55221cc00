# For CPack, between installing into its own directory and packing: programs and libraries without what only a debugger
# reads. CPack's own stripping leaves the libraries and some of the programs' sections.

file(GLOB_RECURSE libraries "${CPACK_TEMPORARY_INSTALL_DIRECTORY}/*/usr/lib/*.a")
file(GLOB_RECURSE programs "${CPACK_TEMPORARY_INSTALL_DIRECTORY}/*/usr/bin/*")
# (A link may lead into another package.)
file(GLOB_RECURSE shared "${CPACK_TEMPORARY_INSTALL_DIRECTORY}/*/usr/lib/*.so" "${CPACK_TEMPORARY_INSTALL_DIRECTORY}/*/usr/lib/*.so.*")
foreach(library IN LISTS libraries)
  execute_process(COMMAND strip --strip-debug --enable-deterministic-archives --remove-section=.comment "${library}"
                  COMMAND_ERROR_IS_FATAL ANY)
endforeach()
foreach(program IN LISTS programs shared)
  if(IS_SYMLINK "${program}")
    continue()
  endif()
  execute_process(COMMAND strip --strip-unneeded --remove-section=.comment "${program}" COMMAND_ERROR_IS_FATAL ANY)
endforeach()
