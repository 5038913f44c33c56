# What stands on the public header alone: the program, the examples in C; and the benchmarks,
# which may look inside.

file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/app/*.c)
if(sources)
  add_executable(tl ${sources})
  target_link_libraries(tl PRIVATE tl_static)
  set_target_properties(tl PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${TL_OUTPUT})
endif()

file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/examples/*.c)
foreach(source ${sources})
  cmake_path(GET source STEM name)
  add_executable(example_${name} ${source})
  target_link_libraries(example_${name} PRIVATE tl_static)
endforeach()

# Peers are measured against where they are installed, and linked nowhere else.
add_custom_target(bench)
find_library(TL_OPENBLAS openblas)
find_path(TL_CBLAS cblas.h PATH_SUFFIXES openblas)
file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/bench/*.c)
foreach(source ${sources})
  cmake_path(GET source STEM name)
  add_executable(bench_${name} EXCLUDE_FROM_ALL ${source})
  target_link_libraries(bench_${name} PRIVATE tl_internal)
  if(TL_OPENBLAS AND TL_CBLAS)
    target_link_libraries(bench_${name} PRIVATE ${TL_OPENBLAS})
    target_include_directories(bench_${name} PRIVATE ${TL_CBLAS})
    target_compile_definitions(bench_${name} PRIVATE BENCH_OPENBLAS)
  endif()
  add_dependencies(bench bench_${name})
endforeach()
