#!/usr/bin/env bash
# The floors: who may include whom, which library's headers stay in which file, and the calls
# that belong to the one door to the world. Prints TAP. Comments and strings are taken out first.
set -u
shopt -s nullglob
cd "$(dirname "$0")/.." || exit 1
n=0 bad=0
all=({smpp,store,config,core,tools}/*.[ch])
declare -A code
for f in "${all[@]}"; do
	code[$f]=$(perl -0pe 's{^(\s*#\s*include.*?)$|/\*.*?\*/|//[^\n]*|"(\\.|[^"\\\n])*"}{$1 // " "}gmse' "$f")
done

# rule NAME FORBIDDEN ALLOWED FILES...: no line matches FORBIDDEN unless it also matches ALLOWED
rule() {
	local name=$1 forbidden=$2 allowed=$3 hits='' f
	shift 3
	for f in "$@"; do
		hits+=$(grep -E -- "$forbidden" <<<"${code[$f]}" | grep -vE -- "$allowed" | sed "s|^|# $f: |")
	done
	n=$((n + 1))
	if [ -z "$hits" ]; then echo "ok $n - $name"
	else bad=1; printf 'not ok %d - %s\n%s\n' $n "$name" "${hits//# /$'\n'# }" | grep .; fi
}
# except FILES: fills rest with every file that the extended regular expression does not match
except() { mapfile -t rest < <(printf '%s\n' "${all[@]}" | grep -vxE "$1"); }
only() { # LIBRARY HEADER FILE: a foreign library's headers stay in their one file
	except "$3"
	rule "$1 stays in $3" "#include <($2)" '^$' "${rest[@]}"
}

own='#include "'
below_core='(smpp/[a-z0-9_]+|core/[a-z0-9_]+|store/store|store/record|config/config)'
below_tools='(smpp/[a-z0-9_]+|tools/[a-z0-9_]+|config/config|core/(port|http|json|tap|outcome))'
rule 'smpp includes smpp' "$own" '"smpp/' smpp/*.[ch]
rule 'store includes store' "$own" '"store/' store/*.[ch]
rule 'config includes config' "$own" '"config/' config/*.[ch]
rule 'core includes what lies below it' "$own" "\"$below_core\.(h|def)\"" core/*.[ch]
rule 'tools include what they may' "$own" "\"$below_tools\.(h|def)\"" tools/*.[ch]
only LMDB lmdb store/store.c
only libyaml yaml config/config.c
only 'libevent and OpenSSL' 'event2?[/.]|openssl' core/port_event.c
only http-parser http_parser core/http.c
only jansson jansson core/json.c
only libpcap pcap tools/capture.c
only ncurses 'n?curses' tools/tui.c
rule 'smpp has no FILE, clock or socket' \
	'\<(FILE|f?printf|fopen|fputs|getenv)\>|<(time|unistd|sys/[a-z]+|netinet/[a-z]+)\.h>' '^$' smpp/*.[ch]
except '(store|config|core|tools)/.*|smpp/(session|window|buffer|concat)\.[ch]'
rule 'the codec never asks for memory' '\<(malloc|calloc|realloc|strn?dup|alloca)\>' '^$' "${rest[@]}"
except 'core/port_event\.c'
rule 'only the port asks for time, chance and sockets' \
	'(^|[^A-Za-z0-9_.>])(time|clock_gettime|gettimeofday|s?rand|s?random|getrandom|getentropy|socket) ?\(' \
	'^$' "${rest[@]}"
echo "1..$n"
exit $bad
