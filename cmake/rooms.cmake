# Rooms. One folder is one room is one library; a room sees the doors of the rooms it names and of no other.
#
#   mr_room(<name> SOURCES … [SEES <room>…] [FOREIGN <library>…] [SHARED OUTPUT_NAME <file>])
#
# The target is mr_<name>. Its headers are included as "<name>/x.h": the folder build/doors/<name> holds nothing but
# a link <name> to the room's source folder, and whoever names the room gets that one include path. SEES and FOREIGN
# are PRIVATE, so neither an upward include nor one that looks through a room compiles. SEES may name a room that is
# defined later. A SHARED room also has a static twin mr_<name>_inside, for its own unit tests.

set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib)
set(CMAKE_ARCHIVE_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/rooms)

# mr_abi(<folder>): the public headers, included as <millrace/x.h>; every room and plugin has them.
function(mr_abi folder)
  add_library(mr_abi INTERFACE)
  target_include_directories(mr_abi INTERFACE ${PROJECT_SOURCE_DIR}/${folder})
endfunction()

# mr_door(<target> <scope> <name> <folder>): lets <target> offer the headers of <folder> as "<name>/x.h".
function(mr_door target scope name folder)
  set(door ${CMAKE_BINARY_DIR}/doors/${name})
  file(MAKE_DIRECTORY ${door})
  if(NOT EXISTS ${door}/${name})
    file(CREATE_LINK ${folder} ${door}/${name} SYMBOLIC)
  endif()
  target_include_directories(${target} ${scope} ${door})
endfunction()

# mr_sources(<out> <file>…): a file that is listed and missing is a warning and left out: the room does not link, but
# every other one can be worked on.
function(mr_sources out)
  set(present "")
  foreach(file IN LISTS ARGN)
    if(IS_ABSOLUTE ${file} OR EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/${file})
      list(APPEND present ${file})
    else()
      message(WARNING "${CMAKE_CURRENT_SOURCE_DIR}/${file} is missing")
    endif()
  endforeach()
  if(NOT present)
    file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/empty.c "typedef int empty;\n")
    set(present ${CMAKE_CURRENT_BINARY_DIR}/empty.c)
  endif()
  set(${out} ${present} PARENT_SCOPE)
endfunction()

function(mr_room name)
  cmake_parse_arguments(PARSE_ARGV 1 room SHARED OUTPUT_NAME "SOURCES;SEES;FOREIGN")
  if(room_UNPARSED_ARGUMENTS OR NOT room_SOURCES)
    message(FATAL_ERROR "mr_room(${name}): give SOURCES; not understood: '${room_UNPARSED_ARGUMENTS}'")
  endif()
  mr_sources(room_SOURCES ${room_SOURCES})
  get_filename_component(folder ${CMAKE_CURRENT_SOURCE_DIR} NAME)
  if(NOT folder STREQUAL name)
    message(FATAL_ERROR "mr_room(${name}): a room is called like its folder, which is ${folder}")
  endif()

  if(room_SHARED)
    add_library(mr_${name} SHARED ${room_SOURCES})
    set_target_properties(mr_${name} PROPERTIES
      OUTPUT_NAME ${room_OUTPUT_NAME} VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR})
    if(NOT MILLRACE_FUZZ AND MILLRACE_SANITIZE STREQUAL none)
      target_link_options(mr_${name} PRIVATE -Wl,--no-undefined)
    endif()
    install(TARGETS mr_${name} LIBRARY DESTINATION ${MR_INSTALL_LIB})
    add_library(mr_${name}_inside STATIC EXCLUDE_FROM_ALL ${room_SOURCES})
    set(targets mr_${name} mr_${name}_inside)
  else()
    add_library(mr_${name} STATIC ${room_SOURCES})
    set(targets mr_${name})
    # The worker's own assertions stay in release builds: a bug of ours stops here, not somewhere later. libmillrace.so, whose
    # callers are plugins, asserts in debug builds only.
    target_compile_options(mr_${name} PRIVATE -UNDEBUG)
  endif()

  mr_foreign(foreign ${room_FOREIGN})
  list(TRANSFORM room_SEES PREPEND mr_ OUTPUT_VARIABLE seen)
  foreach(target IN LISTS targets)
    mr_door(${target} PUBLIC ${name} ${CMAKE_CURRENT_SOURCE_DIR})
    target_link_libraries(${target} PUBLIC mr_abi PRIVATE ${seen} ${foreign})
  endforeach()
  set_property(GLOBAL APPEND PROPERTY MR_ROOMS ${name})
  set_property(GLOBAL PROPERTY MR_SEES_${name} "${room_SEES}")
endfunction()

# mr_program(<name> SOURCES … [SEES …] [FOREIGN …] [FOLDER <below build/>] [INSTALL]): an executable made of rooms.
function(mr_program name)
  cmake_parse_arguments(PARSE_ARGV 1 program INSTALL FOLDER "SOURCES;SEES;FOREIGN")
  if(NOT program_FOLDER)
    set(program_FOLDER bin)
  endif()
  mr_sources(program_SOURCES ${program_SOURCES})
  add_executable(${name} ${program_SOURCES})
  mr_foreign(foreign ${program_FOREIGN})
  list(TRANSFORM program_SEES PREPEND mr_ OUTPUT_VARIABLE seen)
  target_link_libraries(${name} PRIVATE mr_abi ${seen} ${foreign})
  target_compile_definitions(${name} PRIVATE MILLRACE_COMMIT="${MR_COMMIT}")
  set_target_properties(${name} PROPERTIES
    RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/${program_FOLDER}
    INSTALL_RPATH "$ORIGIN/../${MR_INSTALL_LIB}")
  if(program_INSTALL)
    install(TARGETS ${name} RUNTIME DESTINATION ${MR_INSTALL_BIN})
  endif()
endfunction()

# mr_every_folder(<parent>… [ONLY <child>…]): adds each folder below a parent that has a CMakeLists.txt.
function(mr_every_folder)
  cmake_parse_arguments(PARSE_ARGV 0 every "" "" ONLY)
  foreach(parent IN LISTS every_UNPARSED_ARGUMENTS)
    file(GLOB lists CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${parent}/*/CMakeLists.txt)
    foreach(file IN LISTS lists)
      get_filename_component(folder ${file} DIRECTORY)
      get_filename_component(child ${folder} NAME)
      if(NOT every_ONLY OR child IN_LIST every_ONLY)
        add_subdirectory(${folder} ${CMAKE_BINARY_DIR}/${parent}/${child}.dir)
      endif()
    endforeach()
  endforeach()
endfunction()

# mr_folder_if_present(<folder>…): adds each folder that has a CMakeLists.txt.
function(mr_folder_if_present)
  foreach(folder IN LISTS ARGN)
    file(GLOB present CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${folder}/CMakeLists.txt)
    if(present)
      add_subdirectory(${PROJECT_SOURCE_DIR}/${folder} ${CMAKE_BINARY_DIR}/${folder}.dir)
    endif()
  endforeach()
endfunction()

# mr_check_rooms(): once all rooms are known, every room that is seen must exist, and rooms look down only (no circle).
function(mr_check_rooms)
  get_property(waiting GLOBAL PROPERTY MR_ROOMS)
  foreach(name IN LISTS waiting)
    get_property(sees GLOBAL PROPERTY MR_SEES_${name})
    foreach(seen IN LISTS sees)
      if(NOT TARGET mr_${seen})
        message(WARNING "Room ${name} sees ${seen}, which does not exist")
      endif()
    endforeach()
  endforeach()
  while(waiting)
    set(stuck "")
    foreach(name IN LISTS waiting)
      get_property(sees GLOBAL PROPERTY MR_SEES_${name})
      foreach(seen IN LISTS sees)
        if(seen IN_LIST waiting)
          list(APPEND stuck ${name})
          break()
        endif()
      endforeach()
    endforeach()
    if(stuck STREQUAL waiting)
      message(FATAL_ERROR "These rooms see each other in a circle: ${stuck}")
    endif()
    set(waiting ${stuck})
  endwhile()
endfunction()
