# Foreign libraries: a room names what it needs (FOREIGN jansson), and only that room sees its headers.

find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
set_property(TARGET Threads::Threads PROPERTY IMPORTED_GLOBAL TRUE)

# mr_foreign(<out> <name>…): each name is `rdkafka`, `threads`, a target (Pkg::Target), a plain library of the
# C library's own (m, dl, rt) or a pkg-config module.
function(mr_foreign out)
  set(found "")
  foreach(name IN LISTS ARGN)
    if(name STREQUAL rdkafka)
      list(APPEND found mr_rdkafka)
    elseif(name STREQUAL threads)
      list(APPEND found Threads::Threads)
    elseif(name MATCHES "::|^-" OR TARGET ${name})
      list(APPEND found ${name})
    elseif(name MATCHES "^(m|dl|rt|pthread)$")
      list(APPEND found ${name})
    else()
      string(MAKE_C_IDENTIFIER ${name} id)
      if(NOT TARGET PkgConfig::MR_PC_${id})
        pkg_check_modules(MR_PC_${id} REQUIRED IMPORTED_TARGET GLOBAL ${name})
      endif()
      list(APPEND found PkgConfig::MR_PC_${id})
    endif()
  endforeach()
  set(${out} ${found} PARENT_SCOPE)
endfunction()
