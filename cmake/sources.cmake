# A new file in a folder of src/ is found by its name: *_test.cc and *_fuzz.cc are programs, the rest is library.
function(subbyte_library_sources out)
  set(all)
  foreach(folder ${ARGN})
    file(GLOB_RECURSE found CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${folder}/*.cc)
    list(FILTER found EXCLUDE REGEX "_(test|fuzz)\\.cc$")
    list(APPEND all ${found})
  endforeach()
  list(FILTER all EXCLUDE REGEX "/src/nn/float/")
  subbyte_apply_isa(all)
  set(${out} ${all} PARENT_SCOPE)
endfunction()

# The core: the C++ standard library and threads alone.
subbyte_library_sources(core base quant kernels nn train)
add_library(subbyte ${core})
target_include_directories(subbyte PRIVATE ${CMAKE_SOURCE_DIR}/src)
target_link_libraries(subbyte PUBLIC Threads::Threads PRIVATE $<BUILD_INTERFACE:nlohmann_json::nlohmann_json>)
target_compile_definitions(subbyte PRIVATE SUBBYTE_VERSION="${PROJECT_VERSION}"
                                           $<$<BOOL:${SUBBYTE_X86}>:SUBBYTE_X86>
                                           $<$<BOOL:${SUBBYTE_AARCH64}>:SUBBYTE_AARCH64>)

if(SUBBYTE_FLOAT)
  file(GLOB float_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/nn/float/*.cc)
  list(FILTER float_sources EXCLUDE REGEX "_test\\.cc$")
  subbyte_apply_isa(float_sources)
  add_library(subbyte_float STATIC ${float_sources})
  target_include_directories(subbyte_float PRIVATE ${CMAKE_SOURCE_DIR}/src)
  target_link_libraries(subbyte_float PUBLIC subbyte PRIVATE DNNL::dnnl OpenMP::OpenMP_CXX)
  target_compile_options(subbyte_float PRIVATE -O3)
endif()

if(SUBBYTE_CLI)
  subbyte_library_sources(data data)
  add_library(subbyte_data STATIC ${data})
  target_include_directories(subbyte_data PRIVATE ${CMAKE_SOURCE_DIR}/src)
  target_link_libraries(subbyte_data PUBLIC subbyte PRIVATE ZLIB::ZLIB PNG::PNG JPEG::JPEG LibArchive::LibArchive fmt::fmt)

  subbyte_library_sources(fpga fpga)
  add_library(subbyte_fpga STATIC ${fpga})
  target_include_directories(subbyte_fpga PRIVATE ${CMAKE_SOURCE_DIR}/src)
  target_link_libraries(subbyte_fpga PUBLIC subbyte)

  subbyte_library_sources(cli cli)
  list(FILTER cli EXCLUDE REGEX "/main\\.cc$")
  add_library(subbyte_cli STATIC ${cli})
  target_include_directories(subbyte_cli PRIVATE ${CMAKE_SOURCE_DIR}/src)
  target_compile_definitions(subbyte_cli PRIVATE SUBBYTE_VERSION="${PROJECT_VERSION}"
                                                 SUBBYTE_RTL="${CMAKE_SOURCE_DIR}/fpga/rtl"
                                                 $<$<BOOL:${SUBBYTE_FLOAT}>:SUBBYTE_WITH_FLOAT>)
  target_link_libraries(subbyte_cli PUBLIC subbyte_data subbyte_fpga CLI11::CLI11 tomlplusplus::tomlplusplus fmt::fmt
                                           nlohmann_json::nlohmann_json)
  if(CMAKE_BUILD_TYPE STREQUAL "Release")  # a large part of a build, little of its time; but bench/ measures loops of its own
    set(quick ${cli})
    list(FILTER quick EXCLUDE REGEX "/cli/bench/")
    set_source_files_properties(${quick} PROPERTIES COMPILE_OPTIONS -O1)
  endif()
  if(SUBBYTE_FLOAT)
    target_link_libraries(subbyte_cli PUBLIC subbyte_float)
  endif()
  add_executable(subbyte_program ${CMAKE_SOURCE_DIR}/src/cli/main.cc)
  set_target_properties(subbyte_program PROPERTIES OUTPUT_NAME subbyte)
  target_include_directories(subbyte_program PRIVATE ${CMAKE_SOURCE_DIR}/src)
  target_link_libraries(subbyte_program PRIVATE subbyte_cli)
endif()
