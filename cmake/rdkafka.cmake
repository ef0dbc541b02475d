# librdkafka, as the target mr_rdkafka. The default is a pinned version built once, statically, into a cache that all
# build folders share (scripts/build-rdkafka says where from); MILLRACE_SYSTEM_RDKAFKA=ON takes the system's.
# A TSan build needs a librdkafka that TSan sees through, else its locks and queues look like races.

if(MILLRACE_SYSTEM_RDKAFKA)
  pkg_check_modules(MR_RDKAFKA REQUIRED IMPORTED_TARGET GLOBAL rdkafka>=2.0.2)
  add_library(mr_rdkafka INTERFACE IMPORTED GLOBAL)
  target_link_libraries(mr_rdkafka INTERFACE PkgConfig::MR_RDKAFKA)
  message(STATUS "librdkafka ${MR_RDKAFKA_VERSION} of the system")
else()
  set(mr_rdkafka_variant plain)
  if(MILLRACE_SANITIZE STREQUAL thread)
    set(mr_rdkafka_variant thread)
  endif()
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/scripts/build-rdkafka)
  execute_process(
    COMMAND ${PROJECT_SOURCE_DIR}/scripts/build-rdkafka ${mr_rdkafka_variant}
    OUTPUT_VARIABLE mr_rdkafka_prefix OUTPUT_STRIP_TRAILING_WHITESPACE RESULT_VARIABLE mr_rdkafka_result)
  if(NOT mr_rdkafka_result EQUAL 0)
    message(FATAL_ERROR "The pinned librdkafka could not be built (see above). "
      "Run scripts/install-deps, or configure with -DMILLRACE_SYSTEM_RDKAFKA=ON.")
  endif()
  mr_foreign(mr_rdkafka_needs openssl zlib libzstd liblz4 threads m dl rt)
  add_library(mr_rdkafka STATIC IMPORTED GLOBAL)
  set_target_properties(mr_rdkafka PROPERTIES
    IMPORTED_LOCATION ${mr_rdkafka_prefix}/lib/librdkafka.a
    INTERFACE_INCLUDE_DIRECTORIES ${mr_rdkafka_prefix}/include
    INTERFACE_LINK_LIBRARIES "${mr_rdkafka_needs}")
  message(STATUS "librdkafka pinned: ${mr_rdkafka_prefix}")
endif()
