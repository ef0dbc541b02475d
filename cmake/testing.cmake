# Tests. In tests/unit/<room>/ and tests/integration/ every test_*.c is one executable and one ctest.
#
#   mr_tests(ROOM <room> [SEES <room>…] [FOREIGN <library>…] [WRAPS <function>…])      (integration: no ROOM)
#
# A test sees its own room (also its back rooms, "<room>/x_internal.h"), the rooms in SEES, cmocka and tests/support
# ("support/x.h"). WRAPS f lets the test define __wrap_f in place of f, for failures that must be made to happen.
# A SHARED room is tested from inside: its test links the static twin, so hidden functions can be called.

mr_foreign(MR_CMOCKA cmocka)
set(MR_TEST_TIMEOUT_S 120)
if(NOT MILLRACE_SANITIZE STREQUAL none)
  set(MR_TEST_TIMEOUT_S 400)
endif()
set(MR_TEST_DEFINITIONS
  MR_TEST_SOURCE_DIR="${PROJECT_SOURCE_DIR}"
  MR_TEST_BUILD_DIR="${CMAKE_BINARY_DIR}"
  MR_TEST_PLUGINS="${CMAKE_BINARY_DIR}/test-plugins"
  MR_PLUGINS="${CMAKE_BINARY_DIR}/plugins")

# mr_test_support([SEES …] [FOREIGN …]): the static library of tests/support/*.c; called once, there.
function(mr_test_support)
  cmake_parse_arguments(PARSE_ARGV 0 support "" "" "SEES;FOREIGN")
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.c)
  mr_foreign(foreign ${support_FOREIGN})
  list(TRANSFORM support_SEES PREPEND mr_ OUTPUT_VARIABLE seen)
  if(sources)
    add_library(mr_test_support STATIC ${sources})
    target_link_libraries(mr_test_support PRIVATE mr_abi ${seen} ${foreign} ${MR_CMOCKA})
    target_compile_definitions(mr_test_support PRIVATE ${MR_TEST_DEFINITIONS})
    mr_door(mr_test_support PUBLIC support ${CMAKE_CURRENT_SOURCE_DIR})
  else()
    add_library(mr_test_support INTERFACE)
    mr_door(mr_test_support INTERFACE support ${CMAKE_CURRENT_SOURCE_DIR})
  endif()
endfunction()

function(mr_tests)
  cmake_parse_arguments(PARSE_ARGV 0 tests "" ROOM "SEES;FOREIGN;WRAPS")
  if(tests_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "mr_tests: not understood: '${tests_UNPARSED_ARGUMENTS}'")
  endif()
  file(RELATIVE_PATH place ${PROJECT_SOURCE_DIR}/tests ${CMAKE_CURRENT_SOURCE_DIR})
  string(REGEX REPLACE "/.*" "" label ${place})
  string(MAKE_C_IDENTIFIER ${place} prefix)
  mr_foreign(foreign ${tests_FOREIGN})
  list(TRANSFORM tests_SEES PREPEND mr_ OUTPUT_VARIABLE seen)
  foreach(room IN LISTS tests_ROOM tests_SEES)
    if(NOT TARGET mr_${room})
      message(FATAL_ERROR "tests/${place} needs room ${room}, which does not exist")
    endif()
  endforeach()
  if(tests_ROOM)
    get_target_property(kind mr_${tests_ROOM} TYPE)
    if(kind STREQUAL SHARED_LIBRARY)
      list(PREPEND seen mr_${tests_ROOM}_inside)
    else()
      list(PREPEND seen mr_${tests_ROOM})
    endif()
  endif()
  list(TRANSFORM tests_WRAPS PREPEND -Wl,--wrap= OUTPUT_VARIABLE wraps)

  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/test_*.c)
  foreach(source IN LISTS sources)
    get_filename_component(file ${source} NAME_WE)
    set(target ${prefix}_${file})
    add_executable(${target} ${source})
    target_link_libraries(${target} PRIVATE mr_abi mr_test_support ${seen} ${foreign} ${MR_CMOCKA})
    target_link_options(${target} PRIVATE ${wraps})
    mr_not_shipped(${target})
    target_compile_definitions(${target} PRIVATE ${MR_TEST_DEFINITIONS})
    set_target_properties(${target} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests/${place})
    add_test(NAME ${place}/${file} COMMAND ${target})
    set_tests_properties(${place}/${file} PROPERTIES LABELS ${label} TIMEOUT ${MR_TEST_TIMEOUT_S})
  endforeach()
endfunction()
