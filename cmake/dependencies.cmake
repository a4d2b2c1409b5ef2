# Every library that Subbyte uses is named here, once.
find_package(Threads REQUIRED)
find_package(nlohmann_json REQUIRED)  # core, headers at compile time only: safetensors headers, metrics
if(SUBBYTE_FLOAT)
  find_package(dnnl REQUIRED)         # FP32/BF16 twin
  find_package(OpenMP REQUIRED)       # FP32/BF16 twin: the threads that oneDNN uses
endif()
if(SUBBYTE_CLI)
  find_package(CLI11 REQUIRED)        # command line
  find_package(tomlplusplus REQUIRED) # configuration files
  find_package(fmt REQUIRED)          # messages
  find_package(ZLIB REQUIRED)         # IDX .gz
  find_package(PNG REQUIRED)          # image folders
  find_package(JPEG REQUIRED)         # image folders
  find_package(LibArchive REQUIRED)   # CIFAR .tar.gz
endif()
if(SUBBYTE_TESTS)
  find_package(GTest REQUIRED)
  find_package(rapidcheck REQUIRED)
endif()
