# cmake -DEXPECTED=<command> -DFOUND=<command> -DISA=<name> -DWORK=<scratch folder> -P check.cmake
# Both commands are train_and_save, built for different machines; the second runs on instruction set ISA. Everything that
# they print and save must be the same bytes.
function(run out folder)
  file(REMOVE_RECURSE ${folder})
  file(MAKE_DIRECTORY ${folder})
  execute_process(COMMAND ${ARGN} ${folder} OUTPUT_VARIABLE printed COMMAND_ERROR_IS_FATAL ANY)
  set(${out} "${printed}" PARENT_SCOPE)
endfunction()

run(expected ${WORK}/expected ${EXPECTED})
set(ENV{SUBBYTE_ISA} ${ISA})
run(found ${WORK}/found ${FOUND})
if(NOT found STREQUAL expected)
  message(FATAL_ERROR "losses and logits differ\nexpected\n${expected}\nfound\n${found}")
endif()
file(GLOB models RELATIVE ${WORK}/expected ${WORK}/expected/*)
if(NOT models)
  message(FATAL_ERROR "no saved models in ${WORK}/expected")
endif()
foreach(model ${models})
  execute_process(COMMAND ${CMAKE_COMMAND} -E compare_files ${WORK}/expected/${model} ${WORK}/found/${model}
                  COMMAND_ERROR_IS_FATAL ANY)
endforeach()
