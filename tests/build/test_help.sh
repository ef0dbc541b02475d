#!/usr/bin/env bash
# Every command says how it is called where its own words send people: `--help`, on standard output, with status 0; an option that is not
# there is refused, and what is printed then leads to that.
#
#   test_help.sh BUILD_DIR
set -uo pipefail
millrace=$1/bin/millrace
faults=0
fault() { echo "$*" >&2; faults=$((faults + 1)); }

helps() { # helps WORDS… -- TEXT: the manual of a command; it holds TEXT, which the one line of the usage does not
    local words=() shown
    while [ "$1" != -- ]; do words+=("$1"); shift; done
    for flag in --help -h; do
        shown=$("$millrace" "${words[@]}" $flag 2>/dev/null </dev/null) || fault "millrace ${words[*]} $flag: status $?"
        case $shown in "Usage: millrace "*"$2"*) ;; *) fault "millrace ${words[*]} $flag does not say: $2" ;; esac
    done
    "$millrace" "${words[@]}" --there-is-no-such-option >/dev/null 2>&1 </dev/null && fault "millrace ${words[*]} takes any option"
}

helps worker -- "FILE.properties"
helps version -- "Print versions"
helps standalone -- "CONNECTOR.properties"
helps plugin -- "Exit status: "
helps plugin list -- "Exit status: "
helps try -- "Exit status: "
helps dlq -- "Exit status: "
helps dlq list -- "Exit status: "
helps snapshot -- "Exit status: "
helps snapshot export -- "Exit status: "
helps ctl -- "Subcommands:"
for subcommand in adopt give-back health offsets; do helps ctl $subcommand -- "Exit status: "; done

exit $((faults > 0))
