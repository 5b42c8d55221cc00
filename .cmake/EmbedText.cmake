# Writes a C++ source with text files as constants.
#
#   cmake -DOUT=f.cpp -DINCLUDE=dir/header.h -DNAMESPACE=n -DTEXTS=kName=file[,file...];... -P EmbedText.cmake
#
# The header declares each constant: extern const std::string_view kName. Several files follow one another.

set(delimiter "embedded")
set(source "#include \"${INCLUDE}\"\n\nnamespace ${NAMESPACE} {\n")
foreach(text IN LISTS TEXTS)
  string(REGEX MATCH "^([^=]+)=(.+)$" matched "${text}")
  set(name "${CMAKE_MATCH_1}")
  string(REPLACE "," ";" files "${CMAKE_MATCH_2}")
  string(APPEND source "\nconst std::string_view ${name} =")
  foreach(file IN LISTS files)
    file(READ "${file}" content)
    string(FIND "${content}" ")${delimiter}\"" found)
    if(NOT found EQUAL -1)
      message(FATAL_ERROR "${file} contains )${delimiter}\", which would end its literal")
    endif()
    string(APPEND source "\n    R\"${delimiter}(${content})${delimiter}\"")
  endforeach()
  string(APPEND source ";\n")
endforeach()
string(APPEND source "\n}  // namespace ${NAMESPACE}\n")
file(WRITE "${OUT}" "${source}")
