# tests/fuzz/fuzz_NAME.c   a libFuzzer harness each, run from its seeds for a few seconds; label fuzz.
# Seeds: tests/fuzz/corpus/NAME, the files that the tests of its room read, and what build/fuzz found.

add_custom_target(fuzz)
file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/fuzz/fuzz_*.c)
enable_testing()
foreach(source ${sources})
  cmake_path(GET source STEM target)
  string(REGEX REPLACE "^fuzz_" "" name ${target})
  add_executable(${target} EXCLUDE_FROM_ALL ${source})
  target_link_libraries(${target} PRIVATE tl_internal)
  target_link_options(${target} PRIVATE -fsanitize=fuzzer)
  add_dependencies(fuzz ${target})
  set(found ${CMAKE_BINARY_DIR}/corpus/${name})
  file(MAKE_DIRECTORY ${found})
  set(seeds tests/lang)
  if(name MATCHES "^io_")
    set(seeds tests/io/data)
  endif()
  if(EXISTS ${CMAKE_SOURCE_DIR}/tests/fuzz/corpus/${name})
    list(APPEND seeds tests/fuzz/corpus/${name})
  endif()
  add_test(NAME fuzz/${name} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR} COMMAND ${target}
    -max_total_time=4 -timeout=20 -max_len=4096 -verbosity=0 -print_final_stats=1
    -artifact_prefix=${CMAKE_BINARY_DIR}/${target}. ${found} ${seeds})
  set_tests_properties(fuzz/${name} PROPERTIES LABELS fuzz TIMEOUT 120)
endforeach()
