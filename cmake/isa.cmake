# A source named *_avx2.cc or *_avx512vnni.cc is compiled for that instruction set, on x86-64 only.
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  set(SUBBYTE_X86 TRUE)
endif()
set(SUBBYTE_FLAGS_avx2 -mavx2;-mno-fma;-O3)
set(SUBBYTE_FLAGS_avx512vnni
    -mavx512f;-mavx512bw;-mavx512vl;-mavx512dq;-mavx512vnni;-mprefer-vector-width=512;-O3;
    -Wno-uninitialized;-Wno-maybe-uninitialized)  # GCC 12 warns inside its own intrinsics

function(subbyte_apply_isa list_name)
  set(kept)
  foreach(source ${${list_name}})
    if(source MATCHES "_(avx2|avx512vnni)\\.cc$")
      if(NOT SUBBYTE_X86)
        continue()
      endif()
      set_source_files_properties(${source} PROPERTIES COMPILE_OPTIONS "${SUBBYTE_FLAGS_${CMAKE_MATCH_1}}")
    endif()
    list(APPEND kept ${source})
  endforeach()
  set(${list_name} ${kept} PARENT_SCOPE)
endfunction()
