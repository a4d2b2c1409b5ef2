# The same training on two architectures gives the same bytes. In a cross build SUBBYTE_OTHER_TRAINER is this program built
# for the host; each instruction set then runs on an emulated processor that has no more than it needs.
add_executable(train_and_save ${CMAKE_SOURCE_DIR}/tests/architectures/train_and_save.cc)
target_link_libraries(train_and_save PRIVATE subbyte)
set(SUBBYTE_OTHER_TRAINER "" CACHE FILEPATH "bin/train_and_save of a build for the host")
if(NOT SUBBYTE_OTHER_TRAINER OR NOT CMAKE_CROSSCOMPILING)
  return()
endif()

function(subbyte_emulator out cpu)
  set(command ${CMAKE_CROSSCOMPILING_EMULATOR})
  list(TRANSFORM command REPLACE "^max$" ${cpu})
  set(${out} ${command} PARENT_SCOPE)
endfunction()

function(subbyte_same_bytes isa cpu)
  subbyte_emulator(emulator ${cpu})
  add_test(NAME architectures.same_bytes_${isa}
           COMMAND ${CMAKE_COMMAND} -DEXPECTED=${SUBBYTE_OTHER_TRAINER}
                   "-DFOUND=${emulator};$<TARGET_FILE:train_and_save>" -DISA=${isa}
                   -DWORK=${CMAKE_BINARY_DIR}/same-bytes/${isa} -P ${CMAKE_SOURCE_DIR}/tests/architectures/check.cmake)
  set_tests_properties(architectures.same_bytes_${isa} PROPERTIES TIMEOUT 600 LABELS architectures)
endfunction()

function(subbyte_refused isa cpu best)
  subbyte_emulator(emulator ${cpu})
  add_test(NAME architectures.no_${isa}_on_${cpu} COMMAND ${emulator} $<TARGET_FILE:train_and_save> .)
  set_tests_properties(architectures.no_${isa}_on_${cpu} PROPERTIES
                       ENVIRONMENT SUBBYTE_ISA=${isa} LABELS architectures
                       PASS_REGULAR_EXPRESSION "which this machine or build lacks; best here: ${best}\n")
endfunction()

subbyte_same_bytes(scalar cortex-a53)
subbyte_same_bytes(neon_dot neoverse-n1)
subbyte_same_bytes(neon_i8mm max)
subbyte_refused(neon_dot cortex-a53 scalar)
subbyte_refused(neon_i8mm neoverse-n1 neon_dot)
subbyte_refused(avx2 max neon_i8mm)
