#!/bin/sh
# Prepares the volumes of a pod before its services start. Runs in the init container "chain-init".
#
# usage: sh seed.sh MANIFEST        (POD_NAME: name of the pod)
#
# The manifest has a line per step, fields separated by tabs:
#   pod NAME               refuse any other pod: an identity must never run twice
#   chain UID              of whom the volumes are
#   subject ID
#   volume ROOT            the steps that follow are on this volume, which carries a marker
#   scratch ROOT           the same without a marker (gone with the pod)
#   dir MODE PATH          make a folder
#   once MODE SOURCE PATH  copy when absent; refuse when the source is not what was copied
#   start MODE SOURCE PATH copy
# A file is complete or absent: it is copied to a temporary name beside it, written to disk, then renamed. The marker
# is written last. Everything may be run again after any interruption. Plain POSIX sh, as in busybox and dash.
set -u
umask 022
LC_ALL=C
export LC_ALL

tab=$(printf '\t')
nl='
'
temporary=
chain=
subject=
root=
marked=
found=
lines=

fail() {
	printf 'chain-init: %s\n' "$*" >&2
	exit 1
}

cleanup() {
	if [ -n "$temporary" ]; then
		rm -f "$temporary"
	fi
}
trap cleanup EXIT
trap 'exit 1' HUP INT TERM

who() {
	id -u 2>/dev/null || echo '?'
}

# Writes a file or a folder to disk; plain sync where sync takes no file.
flush() {
	sync "$1" 2>/dev/null || sync 2>/dev/null || :
}

# ALGORITHM HASH of a file.
sum() {
	if command -v sha256sum >/dev/null 2>&1; then
		sum_out=$(sha256sum <"$1") || return 1
		printf 'sha256 %s\n' "${sum_out%% *}"
	else
		sum_out=$(cksum <"$1") || return 1
		sum_rest=${sum_out#* }
		printf 'cksum %s-%s\n' "${sum_out%% *}" "${sum_rest%% *}"
	fi
}

folder() {
	[ -d "$1" ] || mkdir -p "$1" ||
		fail "cannot make folder $1 as user $(who): may this user write to the volume, and is there space left?"
}

# place MODE SOURCE PATH
place() {
	place_dir=${3%/*}
	folder "$place_dir"
	[ ! -d "$3" ] || fail "cannot write $3: a folder is there"
	temporary=$place_dir/.chain-init.new
	rm -f "$temporary" || fail "cannot write to $place_dir as user $(who)"
	(umask 077 && cat "$2" >"$temporary") ||
		fail "cannot copy to $3 as user $(who): is there space left on the volume? ($(df -P "$place_dir" 2>/dev/null | tail -n 1))"
	place_from=$(wc -c <"$2") && place_to=$(wc -c <"$temporary") && [ "$place_from" -eq "$place_to" ] ||
		fail "cannot copy to $3: only ${place_to:-0} of ${place_from:-?} bytes were written"
	flush "$temporary"
	chmod "$1" "$temporary" || fail "cannot set mode $1 of $3"
	mv -f "$temporary" "$3" || fail "cannot rename to $3"
	temporary=
	flush "$place_dir"
}

# Reads the marker of the volume at $root, and refuses a foreign one.
open_volume() {
	folder "$root"
	found=
	lines=
	marked=$root/.chain-seed
	[ -e "$marked" ] || return 0
	while IFS= read -r line || [ -n "$line" ]; do
		case $line in
		"chain "*) [ "$line" = "chain $chain" ] ||
			fail "this volume belongs to another chain (${line#chain }), not to $chain; it was kept by an earlier chain of this name, or the claim is wrong" ;;
		"subject "*) [ "$line" = "subject $subject" ] ||
			fail "this volume belongs to ${line#subject }, not to $subject" ;;
		esac
	done <"$marked" || fail "cannot read $marked as user $(who)"
	found=$(cat "$marked") || fail "cannot read $marked as user $(who)"
	[ -n "$found" ] || fail "$marked is empty: this volume was damaged"
}

# Writes the marker, when it changes, last of all.
close_volume() {
	[ -n "$root" ] && [ -n "$marked" ] || return 0
	close_text="chain $chain${nl}subject $subject$lines"
	if [ "$close_text" != "$found" ]; then
		temporary=$root/.chain-seed.new
		rm -f "$temporary"
		printf '%s\n' "$close_text" >"$temporary" || fail "cannot write $marked: is there space left on the volume?"
		flush "$temporary"
		mv -f "$temporary" "$marked" || fail "cannot write $marked as user $(who)"
		temporary=
		flush "$root"
	fi
	root=
	marked=
}

# once MODE SOURCE PATH
once() {
	once_now=$(sum "$2") || fail "cannot read $2 as user $(who)"
	once_path=${3#"$root"/}
	once_old=
	case $nl$found$nl in
	*"${nl}once $once_path "*)
		once_old=${nl}$found$nl
		once_old=${once_old#*"${nl}once $once_path "}
		once_old=${once_old%%"$nl"*}
		;;
	esac
	if [ -n "$once_old" ] && [ "${once_old%% *}" = "${once_now%% *}" ] && [ "$once_old" != "$once_now" ]; then
		fail "$3 was made from other content than is kept now: this volume and the vault do not belong together (a restored volume, or a key that was changed by hand)"
	fi
	if [ ! -e "$3" ]; then
		place "$1" "$2" "$3"
	elif [ -z "$found" ] && [ -n "$marked" ] && [ "$(sum "$3")" != "$once_now" ]; then
		fail "$3 is already there, and this volume has no marker: it is not the volume of $subject"
	else
		chmod "$1" "$3" 2>/dev/null || :
	fi
	lines=$lines${nl}"once $once_path $once_now"
}

[ -r "${1-}" ] || fail "cannot read the manifest ${1-}"

while IFS=$tab read -r verb a b c || [ -n "$verb" ]; do
	case $verb in
	pod) [ "${POD_NAME-}" = "$a" ] ||
		fail "this is pod ${POD_NAME-}, and only $a may run: an identity must never run twice; scale back to one" ;;
	chain) chain=$a ;;
	subject) subject=$a ;;
	volume)
		close_volume
		root=$a
		open_volume
		;;
	scratch)
		close_volume
		root=$a
		marked=
		found=
		lines=
		;;
	dir)
		if [ ! -d "$b" ]; then
			folder "$b"
			chmod "$a" "$b" || fail "cannot set mode $a of $b"
		fi
		;;
	once) once "$a" "$b" "$c" ;;
	start) place "$a" "$b" "$c" ;;
	'') ;;
	*) fail "the manifest has an unknown step: $verb" ;;
	esac
done <"$1"
close_volume
