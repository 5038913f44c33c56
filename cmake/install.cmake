# What a machine gets: the program, both libraries, the headers; and how others find them, by
# pkg-config and by find_package(TensorLogic). Nothing installed holds a path but its own prefix.

include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
install(TARGETS tl_shared LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES ${archive} DESTINATION ${CMAKE_INSTALL_LIBDIR})
file(GLOB headers CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/include/*.h)
install(FILES ${headers} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
if(TARGET tl)
  install(TARGETS tl RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()

configure_file(cmake/tensorlogic.pc.in tensorlogic.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/tensorlogic.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

set(package ${CMAKE_INSTALL_LIBDIR}/cmake/TensorLogic)
configure_package_config_file(cmake/TensorLogicConfig.cmake.in TensorLogicConfig.cmake
  INSTALL_DESTINATION ${package} PATH_VARS CMAKE_INSTALL_INCLUDEDIR CMAKE_INSTALL_LIBDIR
  NO_CHECK_REQUIRED_COMPONENTS_MACRO)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/TensorLogicConfigVersion.cmake
  VERSION ${PROJECT_VERSION} COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/TensorLogicConfig.cmake
  ${CMAKE_BINARY_DIR}/TensorLogicConfigVersion.cmake DESTINATION ${package})
