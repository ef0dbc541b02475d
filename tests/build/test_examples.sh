#!/usr/bin/env bash
# The examples as a plugin author has them: Millrace installed into an empty prefix, the examples built from what is
# there alone, then checked, listed and described by the installed program.
#   test_examples.sh SOURCE_DIR BUILD_DIR
set -u
source=$(cd "$1" && pwd)
build=$(cd "$2" && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/millrace-examples.XXXXXX")
trap 'rm -rf "$work"' EXIT
prefix=$work/prefix
passed=0 failed=0

check() { # check WORDS STATUS
    if [ "$2" -eq 0 ]; then passed=$((passed + 1)); echo "ok      $1"; else failed=$((failed + 1)); echo "FAILED  $1"; fi
}

build_example() { # build_example NAME: outside the source tree, so that nothing of it is found by accident
    cp -r "$source/examples/$1" "$work/$1" &&
        PKG_CONFIG_PATH=$prefix/lib/pkgconfig cmake -S "$work/$1" -B "$work/$1/build" -G Ninja \
            -DCMAKE_C_FLAGS=-Werror -DCMAKE_EXPORT_COMPILE_COMMANDS=ON >"$work/$1.log" 2>&1 &&
        cmake --build "$work/$1/build" >>"$work/$1.log" 2>&1 && return 0
    cat "$work/$1.log"
    return 1
}

only_entry() { # only_entry FILE: mr_module_v1 is all it shows
    [ "$(nm -D --defined-only "$1" | awk '{ print $3 }')" = mr_module_v1 ]
}

cmake --install "$build" --prefix "$prefix" >"$work/install.log" 2>&1 || cat "$work/install.log"
[ -x "$prefix/bin/millrace" ] && [ -e "$prefix/lib/libmillrace.so" ] && [ -e "$prefix/include/millrace/millrace.h" ]
check "an_installation_holds_program_library_and_headers" $?
"$prefix/bin/millrace" version | grep -q '^plugin ABI'
check "the_installed_program_finds_its_library" $?
major=$("$prefix/bin/millrace" version | sed -n 's/^plugin ABI *\([0-9]*\)\..*/\1/p')
readelf -d "$prefix/lib/libmillrace.so" | grep -q "soname: \[libmillrace.so.$major\]"
check "the_library_is_named_by_the_abi_not_by_the_release" $?
"$prefix/bin/millrace" plugin list | grep -q "$prefix/lib/millrace/plugins/"
check "the_installed_program_finds_its_plugins" $?

mkdir "$work/plugins"
for name in hello_source hello_sink hello_transform hello_rest sqlite_sink; do
    file=$work/$name/build/$name.so
    build_example $name
    check "${name}_builds_from_installed_headers" $?
    ! grep -q "$source" "$work/$name/build/compile_commands.json"
    check "${name}_sees_nothing_of_the_source_tree" $?
    only_entry "$file"
    check "${name}_shows_one_symbol" $?
    "$prefix/bin/millrace" plugin check "$file" >"$work/check.txt" 2>&1 && grep -q 'OK$' "$work/check.txt"
    check "${name}_passes_plugin_check" $?
    cp "$file" "$work/plugins/"
done

# A connector of ours, with what it shares with others of ours, from installed headers as well.
mkdir -p "$work/apart/connectors" && cp -r "$source/plugins/support" "$work/apart/" &&
    cp -r "$source/plugins/connectors/http_sink" "$work/apart/connectors/" &&
    PKG_CONFIG_PATH=$prefix/lib/pkgconfig cmake -S "$work/apart/connectors/http_sink" -B "$work/apart/build" -G Ninja \
        -DCMAKE_C_FLAGS=-Werror >"$work/http_sink.log" 2>&1 && cmake --build "$work/apart/build" >>"$work/http_sink.log" 2>&1 ||
    cat "$work/http_sink.log"
only_entry "$work/apart/build/http_sink.so" && "$prefix/bin/millrace" plugin check "$work/apart/build/http_sink.so" >/dev/null
check "the_http_sink_builds_from_installed_headers" $?

"$prefix/bin/millrace" plugin list --plugin-path "$work/plugins" >"$work/list.txt" 2>"$work/list.err"
for class in HelloSourceConnector HelloSinkConnector HelloTransform HelloRestExtension SqliteSinkConnector; do
    grep -q " org.example.$class  *1.0 " "$work/list.txt"
    check "org.example.${class}_is_listed" $?
done
[ ! -s "$work/list.err" ]
check "nothing_is_refused" $?
"$prefix/bin/millrace" plugin doc HelloSource --plugin-path "$work/plugins" | grep -q '^  interval.ms$'
check "plugin_doc_describes_the_options" $?
"$prefix/bin/millrace" plugin doc HelloRestExtension --plugin-path "$work/plugins" | grep -q '^rest_extension, version 1.0'
check "plugin_doc_knows_rest_extensions" $?
"$prefix/bin/millrace" plugin doc MaskField >"$work/doc.txt" && grep -q '[.]MaskField$Key$' "$work/doc.txt" &&
    grep -q '[.]MaskField$Value$' "$work/doc.txt" && [ "$(grep -c '^  replacement$' "$work/doc.txt")" -eq 1 ]
check "both_sides_of_a_transform_have_one_manual" $?
"$prefix/bin/millrace" plugin doc 'org.apache.kafka.connect.transforms.MaskField$Key' >"$work/doc.txt" && ! grep -q 'MaskField$Value' "$work/doc.txt"
check "a_full_name_has_the_manual_of_that_class" $?
"$prefix/bin/millrace" plugin doc HelloSource --markdown --plugin-path "$work/plugins" | grep -q '^| `interval.ms` | '
check "a_plugin_of_ones_own_gets_a_page_too" $?
! "$prefix/bin/millrace" plugin check "$source/README.md" >/dev/null 2>&1
check "a_file_that_is_no_plugin_fails_the_check" $?
"$prefix/bin/millrace" plugin doc InserField 2>&1 >/dev/null | grep -q 'did you mean .*InsertField$Key or .*InsertField$Value?'
check "a_misspelt_name_is_answered_by_those_it_may_mean" $?
! "$prefix/bin/millrace" plugin check "$work/nowhere.so" >"$work/check.txt" 2>&1 && grep -q 'nowhere.so: .*No such file' "$work/check.txt" &&
    ! grep -q plugin.path "$work/check.txt"
check "a_file_that_is_not_there_fails_the_check_by_its_own_name" $?
! "$prefix/bin/millrace" plugin nonsense >/dev/null 2>&1 && ! "$prefix/bin/millrace" nonsense >/dev/null 2>&1
check "unknown_commands_are_refused" $?
"$prefix/bin/millrace" worker --help 2>&1 | grep -q '^Usage: millrace worker \[FILE.properties\]' && "$prefix/bin/millrace" plugin -h >/dev/null &&
    "$prefix/bin/millrace" --help | grep -q -- --version
check "each_command_says_how_it_is_called" $?

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
