#!/usr/bin/env bash
# The walls of the house: what a room may include, tried on three small rooms built by the project's own CMake files.
#   test_walls.sh SOURCE_DIR
set -u
source=$(cd "$1" && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/millrace-walls.XXXXXX")
trap 'rm -rf "$work"' EXIT
passed=0 failed=0

check() { # check WORDS STATUS
    if [ "$2" -eq 0 ]; then passed=$((passed + 1)); echo "ok      $1"; else failed=$((failed + 1)); echo "FAILED  $1"; fi
}

room() { # room NAME SEES INCLUDE…: writes a room whose only source includes what is given
    local name=$1 sees=$2 file
    shift 2
    mkdir -p "$work/worker/$name"
    echo "mr_room($name SOURCES $name.c ${sees:+SEES $sees})" >"$work/worker/$name/CMakeLists.txt"
    printf '#ifndef %s_H\n#define %s_H\nint %s_answer(void);\n#endif\n' "$name" "$name" "$name" >"$work/worker/$name/$name.h"
    : >"$work/worker/$name/$name.c"
    for file in "$name/$name.h" "$@"; do echo "#include \"$file\"" >>"$work/worker/$name/$name.c"; done
    echo "int ${name}_answer(void) { return 42; }" >>"$work/worker/$name/$name.c"
}

house() { # house: a project of the real cmake files and the rooms written so far
    mkdir -p "$work/include/millrace"
    ln -sfn "$source/cmake" "$work/cmake"
    cat >"$work/CMakeLists.txt" <<-'END'
	cmake_minimum_required(VERSION 3.25)
	project(walls VERSION 0.1.0 LANGUAGES C)
	list(APPEND CMAKE_MODULE_PATH ${PROJECT_SOURCE_DIR}/cmake)
	include(flags)
	include(foreign)
	include(rooms)
	mr_abi(include)
	mr_every_folder(worker)
	cmake_language(DEFER CALL mr_check_rooms)
	END
    cmake -S "$work" -B "$work/b" -G Ninja >"$work/configure.log" 2>&1
}

builds() { house && cmake --build "$work/b" --target "mr_$1" >"$work/build.log" 2>&1; }
refused() { # refused ROOM HEADER: the room does not compile, and because of that header
    house || return 1
    ! cmake --build "$work/b" --target "mr_$1" >"$work/build.log" 2>&1 && grep -q "$2: No such file" "$work/build.log"
}

room low ""
room middle low low/low.h
room top middle middle/middle.h
builds top
check "a_room_includes_the_room_it_sees" $?

room low "" middle/middle.h
refused low middle/middle.h
check "an_upward_include_does_not_compile" $?

room low ""
room top middle middle/middle.h low/low.h
refused top low/low.h
check "an_include_through_a_room_does_not_compile" $?

room top middle
room low top
! house && grep -q circle "$work/configure.log"
check "a_circle_of_rooms_is_refused" $?

# The back rooms: x_internal.h is named by files of its own folder only (and by that room's unit tests).
strays=$(cd "$source" && grep -rnE '^[[:space:]]*#[[:space:]]*include[[:space:]]*["<][^">]*/[^">/]*_internal\.h[">]' \
    --include='*.c' --include='*.h' include worker rest plugins converters transforms bench examples 2>/dev/null |
    awk -F: '{ n = split($1, dir, "/"); room = dir[n - 1]; if ($0 !~ "[\"<]" room "/[^/]*_internal") print }')
[ -z "$strays" ]
check "no_back_room_is_entered_from_another_folder" $?
[ -z "$strays" ] || echo "$strays"

# Foreign libraries have named doors.
door() { # door HEADER-PATTERN ALLOWED-FOLDERS-PATTERN
    (cd "$source" && grep -rlE "^[[:space:]]*#[[:space:]]*include[[:space:]]*<$1" --include='*.c' --include='*.h' \
        include worker rest plugins converters transforms 2>/dev/null | grep -vE "^($2)/")
}
strays=$(door 'librdkafka/' 'worker/kafka'
    door 'microhttpd' 'rest/http'
    door 'gnutls/' 'rest/http'
    door 'dlfcn' 'plugins/loader|worker/base'
    door 'pcre2' 'worker/regex'
    door 'curl/' 'rest/forwarding|converters/schema_registry|worker/identity|plugins/connectors'
    door 'jose/' 'rest/access'
    door 'crypt\.h' 'rest/access'
    door 'jansson' 'plugins/sdk|worker/store|worker/dry_run|rest/json|rest/access|rest/issuer|worker/coordination')
[ -z "$strays" ]
check "foreign_libraries_are_used_behind_their_doors_only" $?
[ -z "$strays" ] || echo "$strays"

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
