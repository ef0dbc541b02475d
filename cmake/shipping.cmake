# What is shipped, that is the program, libmillrace.so and the plugins: in a Release optimised across its files, and with its debug
# information in a file of its own.
#
#   mr_shipped_objects(<target>)                  a static library that goes into shipped files
#   mr_shipped(<target> <install folder>)         a shipped file; the folder is relative to the prefix. The target `shipped` builds all
#   mr_not_shipped(<target>)                      a test, a bench, a plugin of the tests
#
# Objects hold both machine code and what the linker optimises further (fat): tests and benches link the former, as before, so that
# they cost no link-time optimisation, and functions of theirs can stand in place of ours (--wrap).
# build/bin/millrace has its debug information in build/bin/.debug/millrace.debug, and so have the others; they are installed so too.
# That is a place where gdb looks by itself.

option(MILLRACE_LTO "Release: optimise what is shipped across its files" ON)
option(MILLRACE_DEBUG_FILES "Release: debug information of what is shipped, in .debug/ beside it" ON)

set(MR_SHIPS_OPTIMISED OFF)
set(MR_SHIPS_DEBUG_FILES OFF)
if(CMAKE_BUILD_TYPE STREQUAL Release AND MILLRACE_SANITIZE STREQUAL none AND NOT MILLRACE_FUZZ)
  set(MR_SHIPS_DEBUG_FILES ${MILLRACE_DEBUG_FILES})
  if(MILLRACE_LTO AND CMAKE_C_COMPILER_ID STREQUAL GNU)
    include(CheckIPOSupported)
    check_ipo_supported(RESULT MR_SHIPS_OPTIMISED OUTPUT mr_ipo_output LANGUAGES C)
  endif()
  if(MILLRACE_LTO AND NOT MR_SHIPS_OPTIMISED)
    message(STATUS "No link-time optimisation: it needs gcc and its linker plugin ${mr_ipo_output}")
  endif()
endif()
if(MR_SHIPS_DEBUG_FILES AND NOT CMAKE_OBJCOPY)
  message(FATAL_ERROR "Debug files need objcopy (binutils); -DMILLRACE_DEBUG_FILES=OFF goes without")
endif()

function(mr_shipped_objects target)
  if(MR_SHIPS_OPTIMISED)
    target_compile_options(${target} PRIVATE -flto=auto -ffat-lto-objects)
  endif()
  if(MR_SHIPS_DEBUG_FILES)
    target_compile_options(${target} PRIVATE -g)
  endif()
endfunction()

add_custom_target(shipped)

function(mr_shipped target folder)
  add_dependencies(shipped ${target})
  mr_shipped_objects(${target})
  if(MR_SHIPS_OPTIMISED)
    target_link_options(${target} PRIVATE -flto=auto -fuse-linker-plugin -fno-strict-aliasing -fstack-protector-strong)
  endif()
  if(NOT MR_SHIPS_DEBUG_FILES)
    return()
  endif()
  target_link_options(${target} PRIVATE -Wl,--build-id=sha1)
  set(file $<TARGET_FILE:${target}>)
  set(debug $<TARGET_FILE_DIR:${target}>/.debug/$<TARGET_FILE_NAME:${target}>.debug)
  add_custom_command(TARGET ${target} POST_BUILD
    COMMAND ${CMAKE_COMMAND} -E make_directory $<TARGET_FILE_DIR:${target}>/.debug
    COMMAND ${CMAKE_OBJCOPY} --only-keep-debug ${file} ${debug}
    COMMAND chmod a-x ${debug}
    COMMAND ${CMAKE_OBJCOPY} --strip-debug --add-gnu-debuglink=${debug} ${file}
    VERBATIM)
  install(FILES ${debug} DESTINATION ${folder}/.debug COMPONENT debug)
endfunction()

# The linker would optimise these as well, and each would carry the rooms' debug information.
function(mr_not_shipped target)
  if(MR_SHIPS_OPTIMISED)
    target_link_options(${target} PRIVATE -fno-lto)
  endif()
  if(MR_SHIPS_DEBUG_FILES)
    target_link_options(${target} PRIVATE -Wl,--strip-debug)
  endif()
endfunction()
