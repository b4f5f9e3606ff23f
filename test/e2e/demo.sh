#!/usr/bin/env bash
# builds: plain
# The demo as a newcomer meets it: its last line, its exit status, its totals by seed, its picture on
# a terminal, and that it leaves nothing behind however it ends.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
work=${TMPDIR:-/tmp}
n=0 bad=0
check() { # NAME COMMAND...
	local name=$1
	shift
	n=$((n + 1))
	if "$@"; then echo "ok $n - $name"; else bad=1; echo "not ok $n - $name"; fi
}

# start NAME OPTION...: runs the demo in the background, output and exit status in files of its name
start() {
	local name=$1
	shift
	mkdir -p "$work/$name"
	{
		TMPDIR=$work/$name "$root/tools/demo" --json "$@" >"$work/$name.out" 2>"$work/$name.err"
		echo $? >"$work/$name.status"
	} &
}
last() { tail -n 1 "$work/$1.out"; }
member() { last "$1" | grep -oE "\"$2\":[^,}]*" | cut -d: -f2; }
totals() { last "$1" | sed 's/"seconds":[0-9.]*,//; s/"seed":[0-9]*//'; }
passed() { [ "$(cat "$work/$1.status")" = 0 ] || { sed 's/^/# /' "$work/$1.err" "$work/$1.out" | tail -n 20; false; }; }
clean() { [ -z "$(ls -A "$work/$1")" ]; }
is() { [ "$(member "$1" "$2")" = "$3" ]; }
accounts() { # NAME MESSAGES: every message is in one place
	local sum
	passed "$1" || return
	sum=$(($(member "$1" delivered) + $(member "$1" failed) + $(member "$1" unknown)))
	is "$1" total "$2" && is "$1" accounted "$2" && [ "$sum" = "$2" ] &&
		is "$1" pending 0 && is "$1" in_doubt 0 && is "$1" sent_twice 0 &&
		is "$1" balance_ok true && [ "$(member "$1" expired)" -le "$(member "$1" failed)" ]
}
in_time() { [ "$(member "$1" seconds | cut -d. -f1)" -lt "$2" ]; }
progress() { grep -qE 'progress_pct [0-9]+\.[0-9][0-9] .*alpha-1' "$work/$1.out"; }

# On a terminal: the picture is redrawn in place, wide or narrow, and the cursor comes back.
terminal() { # NAME COLUMNS
	mkdir -p "$work/$1"
	TMPDIR=$work/$1 TERM=xterm LC_ALL=C.UTF-8 script -qec \
		"stty cols $2 rows 24; '$root/tools/demo' --json --messages 200" "$work/$1.out" \
		>/dev/null 2>"$work/$1.err" </dev/null
	echo $? >"$work/$1.status"
}
redrawn() { grep -q $'\e\[[0-9]*A' "$work/$1.out"; }
cursor_back() { [ "$(grep -oE $'\e\\[\\?25[lh]' "$work/$1.out" | tail -n 1)" = $'\e[?25h' ]; }
fits() { # NAME COLUMNS: no line of the picture is longer, escapes not counted
	/usr/bin/python3 - "$work/$1.out" "$2" <<'PYTHON'
import re, sys
with open(sys.argv[1], encoding='utf-8', newline='') as file:
    picture = file.read().split('\x1b[?25l')[1].split('\x1b[?25h')[0]
lines = [re.sub('\x1b\\[[0-9;?]*[A-Za-z]', '', line) for line in re.split('[\r\n]+', picture)]
too_long = [line for line in lines if len(line) > int(sys.argv[2])]
print(''.join(f'# too long: {line}\n' for line in too_long[:3]), end='')
sys.exit(bool(too_long) or len(lines) < 20)
PYTHON
}
object() { tr -d '\r' <"$work/$1.out" | grep '^{"total":200,' | grep -q '"balance_ok":true'; }

start a --plain --seed 7
start b --plain --seed 7
start c --plain --seed 8
start many --plain --messages 20000
start one --plain --messages 1
start tls --plain --messages 500 --tls
# A container without /dev/pts has no terminal to draw on.
terminals=''
script -qec true /dev/null >/dev/null 2>&1 </dev/null && terminals='100 44'
for columns in $terminals; do terminal "tty$columns" "$columns" & done
wait
check 'seed 7: 3304 messages, each in exactly one place' accounts a 3304
check 'seed 7: within 60 s' in_time a 60
check 'seed 7: a line a second with progress_pct' progress a
check 'seed 7 again: the same totals' [ "$(totals a)" = "$(totals b)" ]
check 'seed 8: accounts for all as well' accounts c 3304
check 'seed 8: other totals' [ "$(totals a)" != "$(totals c)" ]
check 'some of each: delivered, failed, expired, unknown' [ 0 -lt "$(($(member a delivered) * \
	$(member a failed) * $(member a expired) * $(member a unknown)))" ]
check 'it leaves nothing behind' clean a
check '20000 messages, in two orders' accounts many 20000
check 'one message' accounts one 1
check 'over TLS' accounts tls 500
[ "$terminals" ] || echo "ok $((n += 1)) - on a terminal # SKIP there are no pseudo-terminals here"
for columns in $terminals; do
	check "on a terminal of $columns columns it ends well" passed "tty$columns"
	check "on a terminal of $columns columns it redraws in place" redrawn "tty$columns"
	check "on a terminal of $columns columns its lines fit" fits "tty$columns" $columns
	check "on a terminal of $columns columns the cursor comes back" cursor_back "tty$columns"
	check "on a terminal of $columns columns it ends with the object" object "tty$columns"
done

# Told to stop half-way: it ends what it started.
interrupted() { # SIGNAL STATUS
	local pid status i
	mkdir -p "$work/$1"
	: >"$work/$1.out"
	TMPDIR=$work/$1 "$root/tools/demo" --plain >"$work/$1.out" 2>&1 &
	pid=$!
	for ((i = 0; i < 600; i++)); do
		grep -q progress_pct "$work/$1.out" && break
		sleep 0.05
	done
	kill -"$1" "$pid"
	wait "$pid"
	status=$?
	cat /proc/[0-9]*/cmdline >"$work/processes" 2>/dev/null
	[ "$status" = "$2" ] && clean "$1" && ! grep -qaF "$work/$1/esmed-demo" "$work/processes"
}
check 'SIGTERM half-way: it cleans up' interrupted TERM 143
check 'SIGHUP half-way: it cleans up' interrupted HUP 129

# --keep leaves them running, and the command that it names ends them.
kept() {
	local stop
	mkdir -p "$work/keep"
	TMPDIR=$work/keep "$root/tools/demo" --plain --keep --messages 50 >"$work/keep.out" 2>&1 ||
		return 1
	stop=$(sed -n 's/^ *\(kill [0-9 ]*&& rm -r .*\)/\1/p' "$work/keep.out")
	(
		cd "$root" || exit 1
		grep -E '^ *build/esmectl|^ *curl ' "$work/keep.out" |
			sed "s|build/|${ESMED_BUILD:-build}/|; s/curl /curl -s /" >"$work/keep.sh"
		[ "$(wc -l <"$work/keep.sh")" = 3 ] && bash -e "$work/keep.sh" >"$work/keep.answers"
	) || { [ -z "$stop" ] || bash -c "$stop"; return 1; }
	bash -c "$stop" && clean keep
}
check '--keep: the three commands answer, and the last one ends it' kept
check 'an unknown option is refused with status 2' [ \
	"$("$root/tools/demo" --nope >/dev/null 2>&1; echo $?)" = 2 ]
check '--messages wants a number' [ \
	"$("$root/tools/demo" --messages x >/dev/null 2>&1; echo $?)" = 2 ]
echo "1..$n"
exit $bad
