# One set of flags for all code, and tl_flags() for the files that differ.

set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()
set(CMAKE_C_FLAGS_RELEASE "-O2 -DNDEBUG")
set(CMAKE_C_FLAGS_DEBUG "-O1 -g -fno-omit-frame-pointer")

add_compile_definitions(_GNU_SOURCE)
# A product and a sum stay two roundings unless written as fma: ref is then the plain truth.
# Nobody reads errno or the exception flags, and without them loops with sqrt or a choice vectorise.
add_compile_options(
  -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Werror=implicit
  -ffp-contract=off -fno-math-errno -fno-trapping-math)
if(TL_WERROR)
  add_compile_options(-Werror)
endif()
if(TL_SANITIZE)
  add_compile_options(-fsanitize=${TL_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${TL_SANITIZE})
endif()
if(TL_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
add_link_options(-Wl,--as-needed)

if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$")
  set(TL_X86 TRUE)
endif()
set(TL_ISAS avx2 avx512)
set(TL_FLAGS_avx2 -mavx2 -mfma -mf16c)
set(TL_FLAGS_avx512
  ${TL_FLAGS_avx2} -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx512bf16)

# Give each of SOURCES what its name asks for: NAME_avx512.c its instruction set, the devices -O3.
# What cannot be built for this processor leaves the list.
function(tl_flags list)
  set(kept)
  foreach(source ${${list}})
    set(flags)
    set(fits TRUE)
    foreach(isa ${TL_ISAS})
      if(source MATCHES "_${isa}\\.c$")
        set(flags ${TL_FLAGS_${isa}})
        set(fits ${TL_X86})
      endif()
    endforeach()
    if(source MATCHES "/src/device/" AND CMAKE_BUILD_TYPE STREQUAL Release)
      list(APPEND flags -O3)
    endif()
    if(source MATCHES "/src/device/(cpu|cuda)/" AND TL_FUZZ)
      list(APPEND flags -fno-sanitize=all)  # no fuzzer gets there, and the tile machine takes minutes
    endif()
    if(fits)
      list(APPEND kept ${source})
      set_source_files_properties(${source} PROPERTIES COMPILE_OPTIONS "${flags}")
    endif()
  endforeach()
  set(${list} ${kept} PARENT_SCOPE)
endfunction()
