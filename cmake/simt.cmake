# tests/simt: an emulated GPU for the tests, as libcuda.so.1 and libnvrtc.so.13, which run CUDA C
# through the host's C++ compiler. Nothing else here needs a C++ compiler; where there is none, the
# tests on the emulated GPU are listed and not run.

find_program(TL_SIMT_CXX NAMES g++ c++ clang++)
set(TL_SIMT ${CMAKE_BINARY_DIR}/simt)
file(MAKE_DIRECTORY ${TL_SIMT}/cache)

file(GLOB sources CONFIGURE_DEPENDS
  ${CMAKE_SOURCE_DIR}/tests/simt/core/*.c ${CMAKE_SOURCE_DIR}/tests/simt/driver/*.c)
add_library(simt_cuda SHARED ${sources})
set_target_properties(simt_cuda PROPERTIES OUTPUT_NAME cuda SOVERSION 1)
target_link_libraries(simt_cuda PRIVATE Threads::Threads m ${CMAKE_DL_LIBS})

file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/simt/nvrtc/*.c)
add_library(simt_nvrtc SHARED ${sources})
set_target_properties(simt_nvrtc PROPERTIES OUTPUT_NAME nvrtc SOVERSION 13)
target_compile_definitions(simt_nvrtc PRIVATE
  SIMT_CXX="${TL_SIMT_CXX}" SIMT_CACHE="${TL_SIMT}/cache"
  SIMT_HEADERS="${CMAKE_SOURCE_DIR}/tests/simt/kernel")

# Stacks are switched, and devices' memory is closed: sanitizers look at the rest of the process.
foreach(library simt_cuda simt_nvrtc)
  set_target_properties(${library} PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${TL_SIMT})
  target_compile_options(${library} PRIVATE -O2)
  if(TL_SANITIZE)
    target_compile_options(${library} PRIVATE -fno-sanitize=all)
  endif()
endforeach()

# A test on the emulated GPU: NAME as add_test knows it.
function(tl_on_simt name)
  set_property(TEST ${name} APPEND PROPERTY LABELS cuda-sim)
  set_property(TEST ${name} APPEND PROPERTY ENVIRONMENT
    "TL_CUDA_DRIVER=${TL_SIMT}/libcuda.so.1" "TL_NVRTC=${TL_SIMT}/libnvrtc.so.13"
    "XDG_CACHE_HOME=${TL_SIMT}/disk")
  if(NOT TL_SIMT_CXX)
    set_tests_properties(${name} PROPERTIES DISABLED TRUE)
  endif()
endfunction()

# Suites of tests/carry, which run on the processor, once more on the emulated GPU: cuda-sim/TOPIC.
function(tl_carry_on_simt topic)
  if(TARGET test_${topic})
    tl_test(cuda-sim/${topic} cuda-sim test_${topic} ${ARGN})
    tl_on_simt(cuda-sim/${topic})
    set_property(TEST cuda-sim/${topic} APPEND PROPERTY ENVIRONMENT TL_TEST_DEVICE=cuda)
  endif()
endfunction()
