#!/bin/sh
# Says when chaincode stopped, with what, and what it said last; and when the daemon does not answer.
#
#   DOCKER_HOST          the daemon
#   SUPERVISOR_PEERS     a file with the names of the peers whose chaincode it is, one a line; read again at each look
#   SUPERVISOR_PAUSE     seconds between two looks
#   SUPERVISOR_LINES     lines of the chaincode's log to repeat
#
# It starts nothing. A peer makes the container of its chaincode anew at the next call, whether the container died or the
# daemon did; and it turns away chaincode that it did not start itself. Such chaincode would run on, known to nobody, and
# the next call would hang until the peer gives a start up, for five minutes.
#
# A peer names the container NETWORK-PEER-CHAINCODE-VERSION. Plain POSIX sh, as in busybox and dash; it writes no file.
set -uf
LC_ALL=C
export LC_ALL

peers=${SUPERVISOR_PEERS:-/etc/hyperledger/docker/peers/peers}
pause=${SUPERVISOR_PAUSE:-2}
lines=${SUPERVISOR_LINES:-5}
answers=unknown
# Containers that were told of, each between spaces.
told=' '

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

# look ID NAME STATUS: a stopped container. One is told of once.
look() {
	case $told in
	*" $1 "*) return ;;
	esac
	say "$2 stopped: $3; its peer starts it again when it is called"
	docker logs --tail "$lines" "$1" 2>&1 | while IFS= read -r look_line; do
		say "$2: $look_line"
	done
}

trap 'exit 0' HUP INT TERM
while :; do
	if stopped=$(docker ps --all --no-trunc --filter status=exited --format '=> {{.ID}} {{.Names}} {{.Status}}' 2>&1); then
		[ "$answers" = yes ] || say "the daemon answers"
		answers=yes
		seen=' '
		while read -r mark id name status; do
			[ "$mark" = '=>' ] || continue
			ours "$name" || continue
			look "$id" "$name" "$status"
			seen="$seen$id "
		done <<-END
			$stopped
		END
		told=$seen
	else
		[ "$answers" = no ] || say "the daemon does not answer: ${stopped%%
*}"
		answers=no
	fi
	sleep "$pause" &
	wait "$!"
done
