#!/usr/bin/env bash
# The floors: who may include whom, which library's headers stay in which file, and the calls
# that belong to the one door to the world. Prints TAP. Comments are stripped before looking.
set -u
cd "$(dirname "$0")/.." || exit 1
n=0 bad=0
code() { gcc -fpreprocessed -dD -E -P "$1" 2>/dev/null; }
# rule NAME FORBIDDEN ALLOWED FILES...: no line matches FORBIDDEN unless it also matches ALLOWED
rule() {
	local name=$1 forbidden=$2 allowed=$3 hits='' f
	shift 3
	for f in "$@"; do
		[ -f "$f" ] && hits+=$(code "$f" | grep -E -- "$forbidden" | grep -vE -- "$allowed" |
			sed "s|^|# $f: |")
	done
	n=$((n + 1))
	if [ -z "$hits" ]; then echo "ok $n - $name"
	else bad=1; echo "not ok $n - $name"; echo "$hits"; fi
}
none='^$' own='#include "'
in_core='(smpp/[a-z0-9_]+|core/[a-z0-9_]+|store/store|store/record|config/config)'
in_tools='(smpp/[a-z0-9_]+|tools/[a-z0-9_]+|config/config|core/(port|http|json|tap|outcome))'
except() { printf '%s\n' {smpp,store,config,core,tools}/*.[ch] | grep -vxE "$1"; }

rule 'smpp includes smpp' "$own" '"smpp/' smpp/*.[ch]
rule 'store includes store' "$own" '"store/' store/*.[ch]
rule 'config includes config' "$own" '"config/' config/*.[ch]
rule 'core includes what lies below it' "$own" "\"$in_core\.(h|def)\"" core/*.[ch]
rule 'tools include what they may' "$own" "\"$in_tools\.(h|def)\"" tools/*.[ch]
only() { # HEADER FILE: the foreign header stays in its one file
	mapfile -t rest < <(except "$2")
	rule "$1 stays in $2" "#include <($1)" "$none" "${rest[@]}"
}
only 'lmdb' store/store.c
only 'yaml' config/config.c
only 'event2?[/.]|openssl' core/port_event.c
only 'http_parser' core/http.c
only 'jansson' core/json.c
only 'pcap' tools/capture.c
only 'n?curses' tools/tui.c
rule 'smpp has no FILE, clock or heap on the way' \
	'\<(FILE|f?printf|fopen|malloc|calloc|realloc|strdup)\>|<(time|unistd|sys/[a-z]+)\.h>' "$none" smpp/*.[ch]
mapfile -t rest < <(except 'core/port_event\.c')
rule 'only the port asks for time, chance and sockets' \
	'(^|[^A-Za-z0-9_.>])(time|clock_gettime|gettimeofday|s?rand|s?random|getrandom|getentropy|socket) ?\(' \
	"$none" "${rest[@]}"
echo "1..$n"
exit $bad
