# One test program a folder: every *_test.cc below src/<folder> (or in tests/) becomes part of test_<folder>, and its
# tests have the label <folder>.
if(NOT SUBBYTE_TESTS)
  return()
endif()
enable_testing()
include(GoogleTest)

function(subbyte_test_program name folder)  # libraries
  file(GLOB_RECURSE found CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${folder}/*_test.cc)
  if(NOT folder STREQUAL "src/nn/float")
    list(FILTER found EXCLUDE REGEX "/src/nn/float/")
  endif()
  if(found)
    subbyte_test_files(${name} "${found}" ${ARGN})
  endif()
endfunction()

# Tests run for moments and are built often: one precompiled header for all of them, and little optimization of their own
# code (the libraries they test are built as always), unless an emulator runs it; and no check of every pointer in what the
# test libraries generate, but for the address sanitizer's. The libraries under test are checked in full.
function(subbyte_quick_build target)
  if(SUBBYTE_SANITIZE)
    target_compile_options(${target} PRIVATE -fno-sanitize=null,alignment,object-size,vptr)
  endif()
  if(CMAKE_BUILD_TYPE STREQUAL "Release" AND NOT CMAKE_CROSSCOMPILING)
    target_compile_options(${target} PRIVATE -O1)
  endif()
  if(TARGET test_base AND NOT target STREQUAL "test_base")
    target_precompile_headers(${target} REUSE_FROM test_base)
  else()
    target_precompile_headers(${target} PRIVATE <algorithm> <cmath> <functional> <map> <random> <string> <vector>
                                                <gtest/gtest.h> <rapidcheck.h>)
  endif()
endfunction()

function(subbyte_test_files name files)  # libraries
  add_executable(test_${name} ${files})
  target_include_directories(test_${name} PRIVATE ${CMAKE_SOURCE_DIR}/src)
  target_compile_definitions(test_${name} PRIVATE SUBBYTE_PROGRAM="${CMAKE_BINARY_DIR}/bin/subbyte"
                                                  SUBBYTE_SOURCE="${CMAKE_SOURCE_DIR}"
                                                  $<$<BOOL:${SUBBYTE_FLOAT}>:SUBBYTE_WITH_FLOAT>
                                                  $<$<BOOL:${CMAKE_CROSSCOMPILING}>:SUBBYTE_EMULATED>)
  target_link_libraries(test_${name} PRIVATE ${ARGN} nlohmann_json::nlohmann_json rapidcheck GTest::gtest
                                             GTest::gtest_main)
  subbyte_quick_build(test_${name})
  # OpenMP's threads would spin while they wait, and keep the tests that run beside them off their processors.
  gtest_discover_tests(test_${name} NO_PRETTY_VALUES DISCOVERY_TIMEOUT 60
                       PROPERTIES TIMEOUT 600 LABELS ${name} ENVIRONMENT OMP_WAIT_POLICY=PASSIVE)
endfunction()

subbyte_test_program(base src/base subbyte)
subbyte_test_program(quant src/quant subbyte)
subbyte_test_program(kernels src/kernels subbyte)
subbyte_test_program(nn src/nn subbyte)
subbyte_test_program(train src/train subbyte)
if(SUBBYTE_FLOAT)
  subbyte_test_program(float src/nn/float subbyte_float)
endif()
if(SUBBYTE_CLI)
  subbyte_test_program(data src/data subbyte_data)
  subbyte_test_program(fpga src/fpga subbyte_fpga)
  subbyte_test_program(cli src/cli subbyte_cli)
  subbyte_test_program(whole tests subbyte_cli)
else()  # what needs no program
  subbyte_test_files(whole tests/exactness_test.cc subbyte)
endif()

# The examples are tests too: each checks that it learned.
add_executable(reference_trainer ${CMAKE_SOURCE_DIR}/examples/reference_trainer.cc)
add_test(NAME examples.reference_trainer COMMAND reference_trainer)
set_tests_properties(examples.reference_trainer PROPERTIES TIMEOUT 600 LABELS examples)
include(cmake/tests_architectures.cmake)
if(CMAKE_CROSSCOMPILING)
  return()
endif()
add_test(NAME package.install
         COMMAND ${CMAKE_COMMAND} -DBUILD=${CMAKE_BINARY_DIR} -DSOURCE=${CMAKE_SOURCE_DIR}
                 -DWORK=${CMAKE_BINARY_DIR}/package-test -P ${CMAKE_SOURCE_DIR}/tests/package/check.cmake)
set_tests_properties(package.install PROPERTIES TIMEOUT 600 LABELS examples)
include(cmake/tests_fpga.cmake)
