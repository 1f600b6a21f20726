# Makes the users and groups that sysusers.d(5) would make of a file; those that exist stay. `act` runs
# what it gets as words.
make_accounts() { # FILE
  while read -r kind name rest; do
    case $kind in u | g) getent group "$name" >/dev/null || act groupadd --system "$name" ;; esac
    test "$kind" = u || continue
    gecos=${rest#*\"} place=${rest##*\" }
    getent passwd "$name" >/dev/null ||
      act useradd --system --gid "$name" --comment "${gecos%\"*}" --home-dir "${place% *}" \
        --no-create-home --shell "${place#* }" "$name"
  done <"$1"
}
