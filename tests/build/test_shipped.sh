#!/usr/bin/env bash
# What a Release ships: optimised across its files where that was wished, its debug information in a file that gdb finds, and function
# names still in it.
#   test_shipped.sh BUILD_DIR OPTIMISED        (OPTIMISED: ON or not)
set -u
build=$1 optimised=$2 passed=0 failed=0
program=$build/bin/millrace library=$(readlink -f "$build/lib/libmillrace.so") plugin=$build/plugins/file_connectors.so

check() { # check WORDS STATUS
    if [ "$2" -eq 0 ]; then passed=$((passed + 1)); echo "ok      $1"; else failed=$((failed + 1)); echo "FAILED  $1"; fi
}
debug_of() { echo "$(dirname "$1")/.debug/$(basename "$1").debug"; }
of_all() { "$1" "$program" && "$1" "$library" && "$1" "$plugin"; }
build_id() { readelf -n "$1" 2>/dev/null | sed -n 's/.*Build ID: //p'; }

is_split() { readelf -SW "$(debug_of "$1")" 2>/dev/null | grep -q ' \.debug_info ' && ! readelf -SW "$1" | grep -q ' \.debug_info '; }
of_all is_split
check "debug_information_is_in_a_file_of_its_own" $?

is_linked() {
    readelf -p .gnu_debuglink "$1" | grep -qF "$(basename "$1").debug" && [ -n "$(build_id "$1")" ] &&
        [ "$(build_id "$1")" = "$(build_id "$(debug_of "$1")")" ]
}
of_all is_linked
check "the_file_is_named_and_of_the_same_build" $?

has_names() { readelf -sW "$1" | grep -q ' FUNC  *LOCAL '; }
of_all has_names
check "functions_have_names_without_it" $?

is_optimised() { readelf --debug-dump=info "$(debug_of "$1")" 2>/dev/null | grep -q 'GNU GIMPLE'; }
if [ "$optimised" = ON ]; then
    of_all is_optimised
    check "it_is_optimised_across_its_files" $?
else
    ! is_optimised "$program"
    check "it_is_not_optimised_across_its_files" $?
fi

if command -v gdb >/dev/null; then
    gdb -nx -batch -iex "set debuginfod enabled off" -ex "info line main" "$program" 2>&1 | grep -q 'Line [0-9]* of ".*main\.c"'
    check "gdb_finds_it" $?
fi

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
