#!/usr/bin/env bash
# The floors: who may include whom, which library's headers stay in which file, and the calls
# that belong to the one door to the world. Prints TAP. Comments and strings are taken out first.
set -u
shopt -s nullglob
cd "$(dirname "$0")/.." || exit 1
n=0 bad=0
# every line of code as "file: line"
code=$(perl -0777 -ne '
	s{^(\s*#\s*include.*?)$|/\*.*?\*/|//[^\n]*|"(\\.|[^"\\\n])*"}{$1 // " "}gmse;
	print map { "$ARGV: $_\n" } split /\n/' {smpp,store,config,core,tools}/*.[ch])

# rule NAME FILES EXCEPT FORBIDDEN ALLOWED: in FILES but EXCEPT no line matches FORBIDDEN unless
# it matches ALLOWED too; all four are extended regular expressions
rule() {
	local hits
	hits=$(grep -E "^($2): " <<<"$code" | grep -vE "^($3): " | grep -E -- "$4" | grep -vE -- "$5")
	n=$((n + 1))
	if [ -z "$hits" ]; then echo "ok $n - $1"
	else bad=1; printf 'not ok %d - %s\n%s\n' $n "$1" "$(sed 's/^/# /' <<<"$hits")"; fi
}
floor() { rule "$1 includes $2" "$1/.*" '' '#include "' "#include \"($3)\.(h|def)\""; }
only() { rule "$1 stays in $3" '.*' "$3" "#include <($2)" '^$'; }

floor smpp 'nothing else' 'smpp/[a-z0-9_]+'
floor store 'nothing else' 'store/[a-z0-9_]+'
floor config 'nothing else' 'config/[a-z0-9_]+'
floor core 'what lies below it' '(smpp|core)/[a-z0-9_]+|store/store|store/record|config/config'
floor tools 'what it may' '(smpp|tools)/[a-z0-9_]+|config/config|core/(port|http|json|tap|outcome|buffer)'
only LMDB lmdb store/store.c
only libyaml yaml config/config.c
only libevent 'event2?[/.]' core/port_event.c
only OpenSSL openssl 'core/port_(tls|certify).c'
only http-parser http_parser core/http.c
only jansson jansson core/json.c
only ncurses 'n?curses' tools/tui.c
rule 'smpp has no FILE, clock or socket' 'smpp/.*' '' \
	'\<(FILE|fopen|fputs|getenv)\>|\<f?printf ?\(|<(time|unistd|sys/[a-z]+|netinet/[a-z]+)\.h>' '^$'
rule 'the codec never asks for memory' 'smpp/.*' 'smpp/(session|window|buffer|concat)[a-z_]*\.[ch]' \
	'\<(malloc|calloc|realloc|strn?dup|alloca)\>' '^$'
rule 'only the port asks for time, chance and sockets' '.*' 'core/port_(event|net|side)\.[ch]' \
	'[^A-Za-z0-9_.>](time|clock_gettime|gettimeofday|s?rand|s?random|getrandom|getentropy|socket) ?\(' '^$'
echo "1..$n"
exit $bad
