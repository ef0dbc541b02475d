# Where things go: bin/, lib/ (libmillrace.so), lib/millrace/plugins/, include/millrace/, lib/pkgconfig/millrace.pc.
# The program finds its library and plugins relative to itself, so the folders' names are fixed.

set(MR_INSTALL_BIN bin)
set(MR_INSTALL_LIB lib)

install(DIRECTORY include/millrace DESTINATION include OPTIONAL FILES_MATCHING PATTERN "*.h")
configure_file(cmake/millrace.pc.in ${CMAKE_BINARY_DIR}/millrace.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/millrace.pc DESTINATION ${MR_INSTALL_LIB}/pkgconfig)
