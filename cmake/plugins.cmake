# Plugins: one .so each, behind the public headers alone.
#
#   mr_plugin(<name> SOURCES … [FOREIGN <library>…] [LINKS <static helper target>…] [TEST])
#
# The file is build/plugins/<name>.so (TEST: build/test-plugins/<name>.so, never installed). A plugin sees
# <millrace/…> and its own folder, and links libmillrace.so; nothing of worker/ reaches it.

function(mr_plugin name)
  cmake_parse_arguments(PARSE_ARGV 1 plugin TEST "" "SOURCES;FOREIGN;LINKS")
  if(plugin_UNPARSED_ARGUMENTS OR NOT plugin_SOURCES)
    message(FATAL_ERROR "mr_plugin(${name}): give SOURCES; not understood: '${plugin_UNPARSED_ARGUMENTS}'")
  endif()
  mr_check_sources(${plugin_SOURCES})
  set(target plugin_${name})
  add_library(${target} MODULE ${plugin_SOURCES})
  mr_foreign(foreign ${plugin_FOREIGN})
  # Only what the linker needs of libmillrace.so: its door is for rooms, not for plugins.
  target_link_libraries(${target} PRIVATE mr_abi "$<LINK_ONLY:mr_sdk>" ${plugin_LINKS} ${foreign})
  target_include_directories(${target} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
  set(folder plugins)
  if(plugin_TEST)
    set(folder test-plugins)
  endif()
  set_target_properties(${target} PROPERTIES
    PREFIX "" OUTPUT_NAME ${name} NO_SONAME ON
    LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/${folder}
    INSTALL_RPATH "$ORIGIN/../..")
  if(NOT MILLRACE_FUZZ AND MILLRACE_SANITIZE STREQUAL none)
    target_link_options(${target} PRIVATE -Wl,--no-undefined)
  endif()
  set_property(GLOBAL APPEND PROPERTY MR_PLUGINS ${target})
  if(NOT plugin_TEST)
    install(TARGETS ${target} LIBRARY DESTINATION ${MR_INSTALL_LIB}/millrace/plugins)
    mr_shipped(${target} ${MR_INSTALL_LIB}/millrace/plugins)
  else()
    mr_not_shipped(${target})
  endif()
endfunction()
