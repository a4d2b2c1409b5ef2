# cmake -DBUILD=<build folder> -DSOURCE=<source folder> -DWORK=<scratch folder> -P check.cmake
# Installs a build, then builds and runs examples/train_in_cpp against the installed package alone.
function(run)
  execute_process(COMMAND ${ARGV} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

function(require_file path)
  if(NOT EXISTS ${path})
    message(FATAL_ERROR "not installed: ${path}")
  endif()
endfunction()

file(REMOVE_RECURSE ${WORK})
run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${WORK}/prefix)
foreach(header error model version)
  require_file(${WORK}/prefix/include/subbyte/${header}.h)
endforeach()
# A header that needs one which is not installed would be found by the build below; a path into this tree would not.
file(GLOB_RECURSE package ${WORK}/prefix/*.cmake)
foreach(file ${package})
  file(STRINGS ${file} leaks REGEX "${SOURCE}|nlohmann")
  if(leaks)
    message(FATAL_ERROR "${file} names what other machines lack: ${leaks}")
  endif()
endforeach()

run(${CMAKE_COMMAND} -G Ninja -S ${SOURCE}/examples/train_in_cpp -B ${WORK}/build -DCMAKE_PREFIX_PATH=${WORK}/prefix)
run(${CMAKE_COMMAND} --build ${WORK}/build)
run(${WORK}/build/train_in_cpp ${WORK}/model.safetensors)
if(EXISTS ${WORK}/prefix/bin/subbyte)
  run(${WORK}/prefix/bin/subbyte info ${WORK}/model.safetensors)
endif()
