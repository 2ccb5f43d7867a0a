#!/bin/sh
# Runs one service of a node, and keeps it in step with the services that it depends on.
#
# usage: sh run.sh --name NAME [--after NAME:PORT]... [--folder DIR]... [--file FILE]... [--private FILE]...
#                  [--fresh FROM:FILE]... [--follow FROM:FILE]... [--trim FILE]... [--dead FILE:WORDS]
#                  [--stuck FILE:A:B] [--beside SCRIPT]... -- COMMAND [ARGUMENT]...
#
#   --after NAME:PORT  starts only when NAME runs and listens; ends, to be started anew, as soon as NAME ended or was killed.
#                      The services of this generation register with each other once and never again: a restarted
#                      network leaves consensus deaf, and a restarted consensus forgets its block interval.
#   --folder DIR       starts only when DIR is there
#   --file FILE        does not start when FILE is missing or empty (a kms would make an empty database, and run)
#   --private FILE     makes FILE readable and writable for its owner alone
#   --fresh FROM:FILE  copies FROM to FILE just before the start: FROM changes while the pod lives, and what the init
#                      container copied when the pod began may be old (a peer that is gone, whose name does not resolve)
#   --follow FROM:FILE the same, and starts the service anew, in its container, when FROM has changed: a file exchange reads
#                      its devices when it starts, and takes nothing from a node that it does not know
#   --trim FILE        keeps FILE, which its service appends to for ever, below 50 MB and one older piece
#   --dead FILE:WORDS  ends the service when it writes WORDS (a pattern of grep without blanks) into its log FILE: it has
#                      ended inside, and the process lives on as if nothing were (a raft whose task panicked)
#   --stuck FILE:A:B   ends the service when its log FILE says A and B, patterns of sed without blanks, of one thing, the
#                      word after them, four times and of nothing else: a leader that offers a block which is there
#                      already, and has it committed each time
#   --beside SCRIPT    runs SCRIPT in bash beside the service, and ends it with the service
#
# Services know of each other through $CHAIN_RUN (/run/chain), a volume in memory that all containers of the pod mount:
# NAME holds a token that is new at each start: a count, the script's process id, the time. NAME.d holds the process ids
# of the scripts whose services depend on NAME. NAME.alive.COUNT is a pipe that the script of that start keeps open for
# writing, and writes nothing to: who reads it is woken by the kernel when the script is gone, however it went.
# Plain POSIX sh, as in dash and busybox; no service is asked anything, /proc says who listens.
set -u
LC_ALL=C
export LC_ALL

run=${CHAIN_RUN:-/run/chain}
name=
after=
folders=
files=
private=
fresh=
follow=
copied=
trim=
dead=
stuck=
scripts=
written=0
child=
beside=
killing=
lost=
again=
stopping=
seen=

say() {
	printf 'run.sh: %s: %s\n' "${name:-?}" "$*" >&2
}

fail() {
	say "$*"
	exit 1
}

while [ $# -gt 0 ]; do
	case $1 in
	--)
		shift
		break
		;;
	--name) name=${2-} ;;
	--after) after="$after ${2-}" ;;
	--folder) folders="$folders ${2-}" ;;
	--file) files="$files ${2-}" ;;
	--private) private="$private ${2-}" ;;
	--fresh) fresh="$fresh ${2-}" ;;
	--follow) follow="$follow ${2-}" ;;
	--trim) trim="$trim ${2-}" ;;
	--dead) dead=${2-} ;;
	--stuck) stuck=${2-} ;;
	--beside) scripts="$scripts ${2-}" ;;
	*) fail "unknown argument $1" ;;
	esac
	[ $# -ge 2 ] || fail "argument $1 needs a value"
	shift 2
done
[ -n "$name" ] || fail "no name"
[ $# -gt 0 ] || fail "no command"

# Puts the tokens of all services that this one depends on into $seen.
look() {
	seen=
	for one in $after; do
		token=
		{ read -r token <"$run/${one%%:*}"; } 2>/dev/null
		seen="$seen ${one%%:*}=${token:-none};"
	done
}

# Whether the script of a service still runs. The pod's containers share process ids.
running() {
	pid=
	{ read -r count pid rest <"$run/$1"; } 2>/dev/null
	[ -d "/proc/${pid:-none}" ]
}

# Whether anyone listens on a port, in any container of the pod.
listening() {
	if [ -r /proc/net/tcp ]; then
		grep -Eqs ":$(printf '%04X' "$1") [0-9A-F]+:0000 0A " /proc/net/tcp /proc/net/tcp6
	else
		bash -c ": </dev/tcp/127.0.0.1/$1" 2>/dev/null
	fi
}

# Copies what may have changed since the pod began.
copy_files() {
	for one in $fresh $follow; do
		{ cp "${one%%:*}" "${one#*:}.new" && mv -f "${one#*:}.new" "${one#*:}"; } && continue
		say "cannot copy ${one%%:*} to ${one#*:}"
		return 1
	done
}

# What is in the files that --follow names; nothing when one cannot be read. No digest: an image may lack the program for it.
contents() {
	of=
	for one in $follow; do
		text=$(cat "${one%%:*}" 2>/dev/null) || return 1
		of="$of$text;"
	done
	printf '%s' "$of"
}

# Keeps files of bounded size; their writers append, so they go on at the new end.
trim_files() {
	for one in $trim; do
		[ -f "$one" ] || continue
		size=$(wc -c <"$one") || continue
		if [ "$size" -gt 52428800 ]; then
			cp "$one" "$one.1" && : >"$one"
		fi
	done
}

# How many bytes are in the service's log, the file that --dead and --stuck name.
log_size() {
	log=${dead:-$stuck}
	{ wc -c <"${log%%:*}"; } 2>/dev/null || echo 0
}

# What the service wrote into a log since it started, at most the last so many bytes. What an earlier start wrote does not
# count.
wrote() {
	if [ "$(log_size)" -lt "$written" ]; then written=0; fi
	tail -c "+$((written + 1))" "$1" 2>/dev/null | tail -c "$2"
}

# Whether the service wrote that it has ended inside.
has_died() {
	[ -n "$dead" ] || return 1
	wrote "${dead%%:*}" 8192 | grep -qs "${dead#*:}"
}

# Whether the last eight things that the service wrote of are one, four times A and four times B.
is_stuck() {
	[ -n "$stuck" ] || return 1
	both=${stuck#*:}
	things=$(
		wrote "${stuck%%:*}" 1048576 |
			sed -n -e "s/.*${both%%:*} \\([^ ]*\\).*/a \\1/p" -e "s/.*${both#*:} \\([^ ]*\\).*/b \\1/p" |
			tail -n 8 | sort | uniq -c | tr -s ' '
	)
	# Two lines, each with its count, its letter and the one thing.
	thing=${things##* }
	[ "$things" = " 4 a $thing
 4 b $thing" ]
}

# Runs beside the service; ends it at once when the container of a service that it depends on was killed, which tells
# nobody: a controller that finalizes a block in the seconds after would store a wrong root for good. Nobody writes to
# the pipe, so the read ends when the script at its other end does.
attend() {
	trap - HUP INT TERM USR1 USR2
	count=
	{ read -r count rest <"$run/$1"; } 2>/dev/null
	{ read -r rest <"$run/$1.alive.$count"; } 2>/dev/null
	say "$1 was killed or has ended"
	kill -USR1 $$
}

# Runs beside the service; ends it when what it depends on is no longer what it was, and has it started anew when a file
# that it follows is not.
watch() {
	trap - HUP INT TERM USR1 USR2
	rounds=0
	away=0
	while sleep 1; do
		look
		if [ "$seen" != "$remembered" ]; then
			say "a service that this one depends on was started anew"
			kill -USR1 $$
			return
		fi
		# One that was killed in the moment before its pipe was opened here.
		for one in $after; do
			if ! running "${one%%:*}"; then
				say "${one%%:*} is gone"
				kill -USR1 $$
				return
			fi
		done
		rounds=$((rounds + 1))
		if [ $((rounds % 3)) -eq 0 ]; then
			gone=
			for one in $after; do
				listening "${one##*:}" || gone="$gone $one"
			done
			if [ -n "$follow" ] && now=$(contents) && [ "$now" != "$copied" ]; then
				copied=$now
				kill -USR2 $$
			fi
			if has_died; then
				say "its log says ${dead#*:}: it has ended inside"
				kill -USR1 $$
				return
			fi
			if [ $((rounds % 6)) -eq 0 ] && is_stuck; then
				say "its log says the same four times: it goes round in a circle"
				kill -USR1 $$
				return
			fi
			if [ -z "$gone" ]; then
				away=0
			elif [ "$away" -eq 0 ]; then
				away=1
			else
				say "nobody listens any more on$gone"
				kill -USR1 $$
				return
			fi
		fi
		if [ $((rounds % 60)) -eq 0 ]; then
			trim_files
		fi
	done
}

# Tells those who depend on this one that it ends, and puts the process ids of those whose service runs into $told. Only
# a run.sh is ever told. A trap may call this anywhere, so no name is one that is used elsewhere.
tell() {
	told=
	for theirs in "$run/$name.d"/*; do
		id=
		{ read -r id <"$theirs"; } 2>/dev/null
		case $id in
		'' | *[!0-9]*) continue ;;
		esac
		grep -qs run.sh "/proc/$id/cmdline" || continue
		kill -USR1 "$id" 2>/dev/null || continue
		starter=
		{ read -r _ starter _ <"$run/${theirs##*/}"; } 2>/dev/null
		if [ "$starter" = "$id" ]; then told="$told $id"; fi
	done
}

# The kubelet wants the container to end, and most often those of the whole pod, in no order: who depends on this service
# ends first. A controller that finalizes a block when the executor is gone already would store a wrong root for good.
stop() {
	[ -n "$child" ] || exit 143
	stopping=1
	tell
	turns=0
	while [ -n "$told" ] && [ "$turns" -lt 80 ]; do
		left=
		for id in $told; do
			# A process that has ended and is not waited for yet has no command line.
			if grep -qs run.sh "/proc/$id/cmdline"; then left="$left $id"; fi
		done
		told=$left
		turns=$((turns + 1))
		[ -z "$told" ] || sleep 0.1 2>/dev/null || sleep 1
	done
	kill -TERM "$child" 2>/dev/null
}

# A service that this one depends on has ended.
lose() {
	lost=1
	[ -n "$child" ] || return
	kill -TERM "$child" 2>/dev/null
	if [ -z "$killing" ]; then
		(trap - HUP INT TERM USR1 USR2; sleep 5; kill -KILL "$child") 2>/dev/null 9>&- &
		killing=1
		beside="$beside $!"
	fi
}

# A file that the service follows has changed.
renew() {
	[ -n "$child" ] && [ -z "$lost$stopping" ] || return
	say "its configuration has changed: it is started anew"
	again=1
	kill -TERM "$child" 2>/dev/null
}

trap stop HUP INT TERM
trap lose USR1
trap renew USR2

mkdir -p "$run" || fail "cannot write to $run"
for one in $after; do
	mkdir -p "$run/${one%%:*}.d" && printf '%s\n' $$ >"$run/${one%%:*}.d/$name" || fail "cannot write to $run"
done
for one in $files; do
	[ -s "$one" ] || fail "$one is missing or empty: the volume was not seeded, or is another's"
done
for one in $private; do
	chmod 600 "$one" || fail "cannot make $one private"
done
trim_files

rounds=0
while :; do
	lost=
	missing=
	look
	before=$seen
	for one in $after; do
		case $seen in
		*" ${one%%:*}=none;"*) missing="$missing $one" ;;
		*) { running "${one%%:*}" && listening "${one##*:}"; } || missing="$missing $one" ;;
		esac
	done
	for one in $folders; do
		[ -d "$one" ] || missing="$missing $one/"
	done
	look
	if [ -z "$missing" ] && [ -z "$lost" ] && [ "$seen" = "$before" ]; then
		break
	fi
	if [ $((rounds % 30)) -eq 0 ]; then
		say "waiting for${missing:- services that are being started anew}"
	fi
	rounds=$((rounds + 1))
	sleep 1
done
remembered=$seen
# Before they are copied: what changes in between is copied again.
copied=$(contents)
copy_files || exit 1

# A token that no earlier start had.
count=
{ read -r count rest <"$run/$name"; } 2>/dev/null
case $count in '' | *[!0-9]*) count=0 ;; esac
count=$((count + 1))
rm -f "$run/$name.alive".*
mkfifo "$run/$name.alive.$count" || fail "cannot make a pipe in $run"
# For reading too: to open it for writing alone would wait for a reader. None of the processes started below may keep it
# open, hence their 9>&-.
exec 9<>"$run/$name.alive.$count"
{ printf '%s %s %s\n' "$count" $$ "$(date +%s)" >"$run/.$name.new" && mv -f "$run/.$name.new" "$run/$name"; } ||
	fail "cannot write to $run"

[ -z "$dead$stuck" ] || written=$(log_size)
"$@" 9>&- &
child=$!
if [ -n "$after$trim$dead$stuck$follow" ]; then
	watch 9>&- &
	beside="$beside $!"
fi
for one in $after; do
	attend "${one%%:*}" 9>&- &
	beside="$beside $!"
done
for one in $scripts; do
	bash "$one" 9>&- &
	beside="$beside $!"
done
if [ -n "$lost" ]; then
	kill -TERM "$child" 2>/dev/null
fi
# A signal interrupts the wait, not the service: wait until it is gone.
while :; do
	wait "$child"
	code=$?
	kill -0 "$child" 2>/dev/null && continue
	[ -n "$again" ] && [ -z "$lost$stopping" ] || break
	again=
	copy_files || {
		code=1
		break
	}
	"$@" 9>&- &
	child=$!
	# What came in between found no child to tell.
	[ -z "$lost$stopping" ] || kill -TERM "$child" 2>/dev/null
done
trap '' HUP INT TERM USR1 USR2
for one in $beside; do
	kill "$one" 2>/dev/null
done

# Those that depend on this one need not find out by themselves.
for one in $after; do
	rm -f "$run/${one%%:*}.d/$name"
done
tell
if [ -n "$lost" ]; then
	say "ends, to be started anew"
	exit 1
fi
say "ended with code $code"
exit "$code"
