# The library, three times from the same objects: internal for the tests, where every name is
# seen; static and shared for the world, where only tl_* and TL_* are.

find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET jansson)
pkg_check_modules(LIBZIP REQUIRED IMPORTED_TARGET libzip)
set(TL_LIBRARIES PkgConfig::JANSSON PkgConfig::LIBZIP Threads::Threads m ${CMAKE_DL_LIBS})

file(GLOB sources CONFIGURE_DEPENDS
  ${CMAKE_SOURCE_DIR}/src/*/*.c ${CMAKE_SOURCE_DIR}/src/device/*/*.c)
tl_flags(sources)

add_library(tl_objects OBJECT ${sources})
target_include_directories(tl_objects PUBLIC src include)
target_link_libraries(tl_objects PUBLIC ${TL_LIBRARIES})

# The text of the GPU's kernels: cuda_text_NAME.
file(GLOB texts CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/device/cuda/*.cuh)
foreach(text ${texts})
  cmake_path(GET text STEM name)
  tl_embed(${text} cuda_text_${name})
endforeach()

add_library(tl_internal STATIC $<TARGET_OBJECTS:tl_objects>)
target_include_directories(tl_internal PUBLIC src include)
target_link_libraries(tl_internal PUBLIC ${TL_LIBRARIES})

set(exports ${CMAKE_SOURCE_DIR}/cmake/exports.map)
add_library(tl_shared SHARED $<TARGET_OBJECTS:tl_objects>)
target_include_directories(tl_shared INTERFACE include)
target_link_libraries(tl_shared PRIVATE ${TL_LIBRARIES})
target_link_options(tl_shared PRIVATE -Wl,--version-script=${exports})
set_target_properties(tl_shared PROPERTIES
  OUTPUT_NAME tensorlogic VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}
  LIBRARY_OUTPUT_DIRECTORY ${TL_OUTPUT} LINK_DEPENDS ${exports})

# One relocatable object, in which the linker has joined all and hidden names have become local.
set(joined ${CMAKE_BINARY_DIR}/tensorlogic.o)
set(archive ${TL_OUTPUT}/libtensorlogic.a)
add_custom_command(OUTPUT ${archive}
  COMMAND ${CMAKE_LINKER} -r -o ${joined} $<TARGET_OBJECTS:tl_objects>
  COMMAND ${CMAKE_OBJCOPY} --localize-hidden ${joined}
  COMMAND ${CMAKE_COMMAND} -E rm -f ${archive}
  COMMAND ${CMAKE_AR} rcs ${archive} ${joined}
  DEPENDS tl_objects $<TARGET_OBJECTS:tl_objects>
  COMMAND_EXPAND_LISTS VERBATIM)
add_custom_target(tl_archive ALL DEPENDS ${archive})
add_library(tl_static STATIC IMPORTED)
add_dependencies(tl_static tl_archive)
set_target_properties(tl_static PROPERTIES IMPORTED_LOCATION ${archive})
target_include_directories(tl_static INTERFACE ${CMAKE_SOURCE_DIR}/include)
target_link_libraries(tl_static INTERFACE ${TL_LIBRARIES})
