# Makes the users and groups that sysusers.d(5) would make of a file; those that exist stay, but for a home
# that is the spool. `act` runs what it gets as words.
make_accounts() { # FILE
  while read -r kind name rest; do
    case $kind in u | g) getent group "$name" >/dev/null || act groupadd --system "$name" ;; esac
    test "$kind" = u || continue
    gecos=${rest#*\"} place=${rest##*\" }
    getent passwd "$name" >/dev/null ||
      act useradd --system --gid "$name" --comment "${gecos%\"*}" --home-dir "${place% *}" \
        --no-create-home --shell "${place#* }" "$name"
  done <"$1"
  leave_spool
}

# Older versions gave the account its spool for a home, in which clients may make files, and a scanner may
# obey one. usermod(8) changes no account that runs something; vipw(8) takes a file that was changed twice in
# one second for unchanged.
leave_spool() {
  ! grep -q '^onescan:.*:/var/spool/onescan:' /etc/passwd ||
    act env VISUAL='sleep 1; sed -i "s|^\(onescan:.*:\)/var/spool/onescan:|\1/nonexistent:|"' vipw -q
}
