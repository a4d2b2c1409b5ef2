# A source named *_INSTRUCTIONSET.cc is compiled with the flags of SUBBYTE_FLAGS_INSTRUCTIONSET, and only on its architecture.

# Whatever the build type, kernels are worth optimizing; but sanitized ones would take minutes to compile.
set(optimize -O3)
if(SUBBYTE_SANITIZE)
  set(optimize)
endif()

set(SUBBYTE_ISAS_X86 avx2 avx512vnni amx)
set(SUBBYTE_FLAGS_avx2 -mavx2;-mno-fma;${optimize})
set(SUBBYTE_FLAGS_avx512vnni
    -mavx512f;-mavx512bw;-mavx512vl;-mavx512dq;-mavx512vnni;-mprefer-vector-width=512;${optimize};
    -Wno-uninitialized;-Wno-maybe-uninitialized)  # GCC 12 warns inside its own intrinsics
set(SUBBYTE_FLAGS_amx ${SUBBYTE_FLAGS_avx512vnni};-mamx-tile;-mamx-int8;-mamx-bf16)
set(SUBBYTE_ISAS_AARCH64 neon_dot neon_i8mm)
set(SUBBYTE_FLAGS_neon_dot -march=armv8.2-a+dotprod;${optimize})
set(SUBBYTE_FLAGS_neon_i8mm -march=armv8.2-a+dotprod+i8mm;${optimize})

if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  set(SUBBYTE_X86 TRUE)
  set(SUBBYTE_ISAS ${SUBBYTE_ISAS_X86})
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64|ARM64")
  set(SUBBYTE_AARCH64 TRUE)
  set(SUBBYTE_ISAS ${SUBBYTE_ISAS_AARCH64})
endif()

function(subbyte_apply_isa list_name)
  list(JOIN SUBBYTE_ISAS_X86 "|" x86)
  list(JOIN SUBBYTE_ISAS_AARCH64 "|" aarch64)
  set(kept)
  foreach(source ${${list_name}})
    if(source MATCHES "_(${x86}|${aarch64})\\.cc$")
      set(isa ${CMAKE_MATCH_1})
      if(NOT isa IN_LIST SUBBYTE_ISAS)
        continue()
      endif()
      set_source_files_properties(${source} PROPERTIES COMPILE_OPTIONS "${SUBBYTE_FLAGS_${isa}}")
    endif()
    list(APPEND kept ${source})
  endforeach()
  set(${list_name} ${kept} PARENT_SCOPE)
endfunction()
