# What another project may use: the public headers, the core library, its CMake package, and the program if it was built.
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

target_include_directories(subbyte PUBLIC $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/include>
                                          $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_compile_features(subbyte PUBLIC cxx_std_20)
set_target_properties(subbyte PROPERTIES POSITION_INDEPENDENT_CODE ON)

set(SUBBYTE_PACKAGE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/subbyte)
install(TARGETS subbyte EXPORT subbyteTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(EXPORT subbyteTargets NAMESPACE subbyte:: DESTINATION ${SUBBYTE_PACKAGE_DIR})
install(DIRECTORY include/subbyte DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
install(DIRECTORY fpga/rtl DESTINATION ${CMAKE_INSTALL_DATADIR}/subbyte)
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
if(TARGET subbyte_program)
  install(TARGETS subbyte_program RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} OPTIONAL)
endif()

configure_package_config_file(cmake/subbyteConfig.cmake.in subbyteConfig.cmake
                              INSTALL_DESTINATION ${SUBBYTE_PACKAGE_DIR})
write_basic_package_version_file(subbyteConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/subbyteConfig.cmake ${CMAKE_CURRENT_BINARY_DIR}/subbyteConfigVersion.cmake
        DESTINATION ${SUBBYTE_PACKAGE_DIR})
