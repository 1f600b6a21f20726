#!/bin/sh
# The least that a shell script must do that has each message scanned and tags
# what is infected. Message on fd 0, envelope on fd 1, which stays untouched.
# CLAMD_CONF is clamdscan's configuration, QUEUECHAIN the next program.
spool=${TMPDIR:-/tmp}/wrapper.$$
umask 077
set -C # the file must be a new one
cat >"$spool" || { rm -f "$spool"; exit 53; }
clamdscan --config-file="$CLAMD_CONF" --fdpass --quiet --no-summary "$spool" >/dev/null </dev/null
answer=$?
exec 3<"$spool"
rm -f "$spool"
case $answer in
0) exec "$QUEUECHAIN" <&3 3<&- ;;
1) { printf 'X-QHPSI: virus found\n'; cat <&3; } | exec "$QUEUECHAIN" 3<&- ;;
*) exit 71 ;;
esac
