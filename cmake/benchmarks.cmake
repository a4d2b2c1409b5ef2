# Peers to measure against (benchmarks/README.md). Nothing else depends on them; they are built by name alone.
if(SUBBYTE_FLOAT)
  add_executable(peer_onednn_products EXCLUDE_FROM_ALL ${CMAKE_SOURCE_DIR}/benchmarks/peers/onednn_products.cc)
  target_include_directories(peer_onednn_products PRIVATE ${CMAKE_SOURCE_DIR}/src)
  target_link_libraries(peer_onednn_products PRIVATE subbyte DNNL::dnnl OpenMP::OpenMP_CXX nlohmann_json::nlohmann_json)
endif()

# The report needs python3 alone, and so does its test.
if(SUBBYTE_TESTS)
  find_program(SUBBYTE_PYTHON3 python3)
  if(SUBBYTE_PYTHON3)
    add_test(NAME benchmarks.report COMMAND ${SUBBYTE_PYTHON3} ${CMAKE_SOURCE_DIR}/benchmarks/report_test.py)
    if(TARGET subbyte_program)
      add_test(NAME accuracy.study COMMAND ${SUBBYTE_PYTHON3} ${CMAKE_SOURCE_DIR}/docs/results/accuracy/study_test.py
        $<TARGET_FILE:subbyte_program>)
      set_tests_properties(accuracy.study PROPERTIES TIMEOUT 60 LABELS benchmarks)
    endif()
    set_tests_properties(benchmarks.report PROPERTIES TIMEOUT 60 LABELS benchmarks)
  endif()
endif()
