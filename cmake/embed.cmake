# tl_embed(FILE SYMBOL): the text of FILE becomes `const char SYMBOL[]`, NUL-terminated, in the
# library. This file is also the script that writes the C source.

if(CMAKE_SCRIPT_MODE_FILE)
  file(READ ${FILE} bytes HEX)
  string(REGEX REPLACE "(................................)" "\\1\n" bytes "${bytes}")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," bytes "${bytes}")
  file(WRITE ${OUTPUT} "extern const char ${SYMBOL}[];\nconst char ${SYMBOL}[] = {\n${bytes}0};\n")
  return()
endif()

set(TL_EMBED_SCRIPT ${CMAKE_CURRENT_LIST_FILE})
function(tl_embed file symbol)
  set(output ${CMAKE_BINARY_DIR}/embedded/${symbol}.c)
  cmake_path(ABSOLUTE_PATH file BASE_DIRECTORY ${CMAKE_SOURCE_DIR})
  add_custom_command(OUTPUT ${output}
    COMMAND ${CMAKE_COMMAND} -DFILE=${file} -DSYMBOL=${symbol} -DOUTPUT=${output} -P ${TL_EMBED_SCRIPT}
    DEPENDS ${file} ${TL_EMBED_SCRIPT} VERBATIM)
  target_sources(tl_objects PRIVATE ${output})
endfunction()
