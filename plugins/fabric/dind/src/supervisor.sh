#!/bin/sh
# Starts chaincode again that stopped: after its container died, and after the daemon did.
#
#   DOCKER_HOST          the daemon
#   SUPERVISOR_PEERS     a file with the names of the peers whose chaincode it is, one a line; read again at each look
#   SUPERVISOR_STATE     a folder for notes
#   SUPERVISOR_PAUSE     seconds between two looks
#   SUPERVISOR_MOST      the longest pause before one more start, in seconds
#   SUPERVISOR_STEADY    seconds after which a run counts as one that went well
#
# A peer names the container NETWORK-PEER-CHAINCODE-VERSION. A container that stops soon after its start waits for 1 s,
# then twice as long each time. Containers of others, and those that a peer is just making, are left alone; one that a peer
# takes away is no more in the list. Plain POSIX sh, as in busybox and dash.
set -uf
LC_ALL=C
export LC_ALL

peers=${SUPERVISOR_PEERS:-/etc/hyperledger/docker/peers/peers}
state=${SUPERVISOR_STATE:-/run/supervisor}
pause=${SUPERVISOR_PAUSE:-2}
most=${SUPERVISOR_MOST:-300}
steady=${SUPERVISOR_STEADY:-60}
answers=unknown

say() {
	printf 'supervisor: %s\n' "$*"
}

# ours NAME: whether it is the chaincode of one of the peers.
ours() {
	while IFS= read -r ours_peer || [ -n "$ours_peer" ]; do
		[ -n "$ours_peer" ] || continue
		case $1 in
		*-"$ours_peer"-*) return 0 ;;
		esac
	done <"$peers"
	return 1
}

# delay FAILURES: seconds to wait before the next start.
delay() {
	delay_left=$1
	delay_time=0
	while [ "$delay_left" -gt 0 ] && [ "$delay_time" -lt "$most" ]; do
		if [ "$delay_time" -eq 0 ]; then delay_time=1; else delay_time=$((delay_time * 2)); fi
		delay_left=$((delay_left - 1))
	done
	if [ "$delay_time" -gt "$most" ]; then delay_time=$most; fi
	echo "$delay_time"
}

# look NAME: a stopped container. Its note holds how often it failed in a row, when it may start, and since when it runs
# (0 when it was seen stopped since).
look() {
	note=$state/$1
	failures=0
	next=$now
	since=0
	[ ! -f "$note" ] || read -r failures next since <"$note" || :
	if [ "$since" -gt 0 ]; then
		if [ $((now - since)) -ge "$steady" ]; then failures=0; else failures=$((failures + 1)); fi
		next=$((now + $(delay "$failures")))
		since=0
		say "$1 stopped; it starts again in $((next - now)) s"
	fi
	if [ "$now" -ge "$next" ]; then
		if docker start "$1" >/dev/null 2>"$state/.error"; then
			say "started $1"
			since=$now
		else
			failures=$((failures + 1))
			next=$((now + $(delay "$failures")))
			say "cannot start $1: $(head -n 1 "$state/.error")"
		fi
	fi
	echo "$failures $next $since" >"$note"
}

# A daemon that went took all of its containers with it, which is no fault of theirs.
forget() {
	set +f
	rm -f "$state"/*
	set -f
}

trap 'exit 0' HUP INT TERM
mkdir -p "$state" || exit 1
while :; do
	if stopped=$(docker ps --all --filter status=exited --format '{{.Names}}' 2>"$state/.error"); then
		if [ "$answers" != yes ]; then
			forget
			say "the daemon answers"
		fi
		answers=yes
		now=$(date +%s)
		for name in $stopped; do
			if ours "$name"; then look "$name"; fi
		done
	else
		[ "$answers" = no ] || say "the daemon does not answer: $(head -n 1 "$state/.error")"
		answers=no
	fi
	sleep "$pause" &
	wait "$!"
done
