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
	include(shipping)
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

# Foreign libraries have named doors: docs/dependencies.md names the rooms, and they are those that include the headers.
including() { # including HEADER-PATTERN: the folders with a file that includes such a header
    (cd "$source" && grep -rlE "^[[:space:]]*#[[:space:]]*include[[:space:]]*<$1" --include='*.c' --include='*.h' \
        include worker rest plugins converters transforms | xargs -r -n1 dirname | sort -u)
}
door() { # door HEADER-PATTERN FOLDER…: says which folders differ
    local pattern=$1
    shift
    comm -3 <(including "$pattern") <(printf '%s\n' "$@" | sort -u) | tr -d '\t' | sed "s@^@$pattern: @"
}
documented() { # documented LIBRARY: the folders in its row
    grep -E "^\| $1[ |]" "$source/docs/dependencies.md" | head -1 | cut -d'|' -f3 | grep -oE '`[^`]*/`' | tr -d '`' | sed 's|/$||'
}
strays=$(while read -r library pattern; do door "$pattern" $(documented "$library"); done <<-'END'
	librdkafka librdkafka/
	libmicrohttpd microhttpd
	GnuTLS gnutls/
	OpenSSL openssl/
	libcurl curl/
	jansson jansson
	libjose jose/
	libxcrypt crypt\.h
	PCRE2 pcre2
	Lua (lua|lauxlib|lualib)\.h
	END
    door 'dlfcn' plugins/loader)
[ -z "$strays" ]
check "foreign_libraries_are_used_behind_their_documented_doors_only" $?
[ -z "$strays" ] || echo "$strays"

# Whatever else is included in pointed brackets belongs to the C library or to us.
strays=$(cd "$source" && grep -rhoE '^[[:space:]]*#[[:space:]]*include[[:space:]]*<[^>]+>' --include='*.c' --include='*.h' \
    include worker rest plugins converters transforms | sed 's/.*<//; s/>$//' | sort -u |
    grep -vE '^(librdkafka|gnutls|openssl|curl|jose|millrace|sys|arpa|netinet|sanitizer)/|^(microhttpd|jansson|crypt|pcre2|lua|lauxlib|lualib)\.h$' |
    while read -r header; do dpkg-query -S "/usr/include/$header" "/usr/include/*/$header" 2>/dev/null | grep -q '^libc6-dev' ||
        [ -e "$(gcc -print-file-name=include)/$header" ] || echo "$header"; done)
if command -v dpkg-query >/dev/null; then
    [ -z "$strays" ]
    check "no_other_library_is_included" $?
    [ -z "$strays" ] || echo "$strays"
fi

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
