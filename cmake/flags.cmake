# Language, warnings, build types, sanitizers and definitions that hold for every target.

set(MILLRACE_SANITIZE none CACHE STRING "none, address (ASan and UBSan) or thread (TSan)")
set_property(CACHE MILLRACE_SANITIZE PROPERTY STRINGS none address thread)

set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_BUILD_RPATH_USE_ORIGIN ON)

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Release, RelWithDebInfo or Debug" FORCE)
endif()
# Only a Release drops assertions.
set(CMAKE_C_FLAGS_RELEASE "-O2 -DNDEBUG")
set(CMAKE_C_FLAGS_RELWITHDEBINFO "-O2 -g")

find_program(MR_CCACHE ccache)
if(MR_CCACHE AND NOT CMAKE_C_COMPILER_LAUNCHER)
  set(CMAKE_C_COMPILER_LAUNCHER ${MR_CCACHE})
endif()

add_compile_options(-Wall -Wextra -Werror -fno-strict-aliasing)
add_compile_definitions(
  _GNU_SOURCE
  MILLRACE_VERSION="${PROJECT_VERSION}"
  KAFKA_VERSION="4.3.1"               # the worker whose behaviour this one has
  KAFKA_COMMIT="26b251a451ce941d")

if(MILLRACE_FUZZ)
  add_compile_definitions(FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION) # smaller limits, so that they are met
  add_compile_options(-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -g)
  add_link_options(-fsanitize=address,undefined)
elseif(MILLRACE_SANITIZE STREQUAL address)
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -g)
  add_link_options(-fsanitize=address,undefined)
elseif(MILLRACE_SANITIZE STREQUAL thread)
  add_compile_options(-fsanitize=thread -fno-omit-frame-pointer -g)
  add_link_options(-fsanitize=thread)
elseif(MILLRACE_SANITIZE STREQUAL none)
  if(NOT CMAKE_BUILD_TYPE STREQUAL Debug)
    add_compile_options(-D_FORTIFY_SOURCE=2)
  endif()
  add_compile_options(-fstack-protector-strong)
  add_link_options(-Wl,-z,relro,-z,now)
else()
  message(FATAL_ERROR "MILLRACE_SANITIZE is '${MILLRACE_SANITIZE}'; give none, address or thread")
endif()

find_program(MR_GIT git)
set(MR_COMMIT unknown)
if(MR_GIT)
  execute_process(COMMAND ${MR_GIT} -C ${PROJECT_SOURCE_DIR} rev-parse --short HEAD
    OUTPUT_VARIABLE MR_GIT_COMMIT OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE MR_GIT_RESULT)
  if(MR_GIT_RESULT EQUAL 0)
    set(MR_COMMIT ${MR_GIT_COMMIT})
  endif()
endif()
