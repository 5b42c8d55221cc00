# Manual pages and completions of programs, made from what their --help prints.
#
#   meshdict_program_docs(TARGET TEMPLATE page.1.in COMPONENT c)
#     Makes <build>/docs/TARGET.1.gz and completions for bash, zsh and fish when TARGET has been built, and installs them
#     with component c. What the page says beside the options is in the template (see docs/program_docs.py).

include(GNUInstallDirs)

function(meshdict_program_docs target)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "TEMPLATE;COMPONENT" "")
  set(docs "${PROJECT_BINARY_DIR}/docs")
  set(scripts "${PROJECT_SOURCE_DIR}/.cmake/docs")
  set(template "${CMAKE_CURRENT_SOURCE_DIR}/${arg_TEMPLATE}")
  add_custom_command(
    OUTPUT "${docs}/${target}.1.gz" "${docs}/${target}.bash" "${docs}/_${target}" "${docs}/${target}.fish"
    COMMAND "${MESHDICT_PYTHON}" -B "${scripts}/program_docs.py" "$<TARGET_FILE:${target}>" ${target} "${template}" "${docs}"
            "${PROJECT_VERSION}"
    DEPENDS ${target} "${template}" "${scripts}/program_docs.py" "${scripts}/help_table.py" "${scripts}/completions.py"
    VERBATIM)
  add_custom_target(${target}_docs ALL DEPENDS "${docs}/${target}.1.gz")
  install(FILES "${docs}/${target}.1.gz" DESTINATION "${CMAKE_INSTALL_MANDIR}/man1" COMPONENT ${arg_COMPONENT})
  set(share "${CMAKE_INSTALL_DATADIR}")
  install(FILES "${docs}/${target}.bash" DESTINATION "${share}/bash-completion/completions" RENAME ${target}
          COMPONENT ${arg_COMPONENT})
  # Where Debian's zsh and fish look for what packages bring.
  install(FILES "${docs}/_${target}" DESTINATION "${share}/zsh/vendor-completions" COMPONENT ${arg_COMPONENT})
  install(FILES "${docs}/${target}.fish" DESTINATION "${share}/fish/vendor_completions.d" COMPONENT ${arg_COMPONENT})
endfunction()
