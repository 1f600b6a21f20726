# What the packages for Debian and for RPM do on the host once their files are there. Each scriptlet contains a copy
# of this file, below queue-link.sh. It sets `again` to the command that repeats what failed.

# Root's own settings must not affect others: his TMPDIR is closed to them, and so are files that his umask closes.
unset TMPDIR
umask 022
cd /

# What is a person's becomes no service's: whoever can log in as onescan would read all mail.
refuse_persons() {
  first=$(sed -n 's/^UID_MIN[[:space:]]*//p' /etc/login.defs 2>/dev/null)
  for name in onescan onescan-quotad onescan-log onescan-check; do
    account=$(getent passwd "$name") || continue
    shell=${account##*:}
    case $shell in */nologin | */false) continue ;; esac
    test "$(id -u "$name")" -ge "${first:-1000}" || continue
    echo "onescan: the account $name exists, and can log in ($shell): it looks like that of a person." >&2
    echo "onescan: rename it (usermod --login), or take its shell away if it is for onescan:" >&2
    echo "onescan:   usermod --shell /usr/sbin/nologin $name" >&2
    echo "onescan: then run: $again" >&2
    exit 1
  done
}

# Only at the first installation: if the administrator takes the account out of the group, it stays out.
join_keys() { # OLD-VERSION
  test -z "$1" || return 0
  case " $(id -nG onescan) " in
    *" onescan-keys "*) ;;
    *) usermod --append --groups onescan-keys onescan ;;
  esac
}

# What exists keeps its owner, group and mode, with one exception: in a spool that several users
# write to, none may remove the files of another. What the administrator has set by
# dpkg-statoverride(1) stays as he has set it, where dpkg is. Where systemd is, tmpfiles.d(5) was before it.
make_directories() {
  test -d /etc/onescan/keys || install -d -m 2750 -o root -g onescan-keys /etc/onescan/keys
  test -d /var/lib/onescan/quarantine ||
    install -d -m 700 -o onescan -g onescan /var/lib/onescan/quarantine
  test -d /var/spool/onescan || install -d -m 700 -o onescan -g onescan /var/spool/onescan
  if ! dpkg-statoverride --list /var/spool/onescan >/dev/null 2>&1 &&
    test -n "$(find -H /var/spool/onescan -prune -perm /022)"; then
    chmod +t /var/spool/onescan
  fi
}

# Only at the first installation: the administrator's from then on, and no conffile, about which dpkg would ask.
make_settings() { # OLD-VERSION
  test -z "$1" || return 0
  for name in onescand onescan-quotad; do
    test -e /etc/default/$name || install -m 644 /usr/share/onescan/etc-default/$name /etc/default/$name
  done
}

# Without the option, clamd calls mail clean that it did not look at to the end. Its settings
# are its administrator's, so only tell them.
tell_of_limits() {
  for file in /etc/clamav/clamd.conf /etc/clamd.conf /etc/clamd.d/scan.conf; do
    test -f $file || continue
    grep -Eiq '^[[:space:]]*AlertExceedsMax[[:space:]]+(yes|true|1)' $file || {
      echo "onescan: put \"AlertExceedsMax yes\" into $file, and restart clamd once freshclam is done:" >&2
      echo 'onescan: without it clamd calls mail clean that it did not look at to the end:' >&2
      echo "onescan:   sed -i '/^AlertExceedsMax/d' $file" >&2
      echo "onescan:   echo 'AlertExceedsMax yes' >>$file" >&2
      case $file in
        *scan.conf) echo 'onescan:   systemctl restart clamd@scan' >&2 ;;
        *) echo 'onescan:   service clamav-daemon restart' >&2 ;;
      esac
    }
    return 0
  done
}

make_link() {
  point_back
  client=$programs/onescanc
  test -e "$client" || client=$programs/bin/$(uname -m)/onescanc # with Node
  test -L "$link" || test -e "$link" || point "$link" "$client"
  tell_where_link_leads
}

# Sends one clean message and one with the EICAR test string through the installed programs. It
# runs as an account of its own, which an attacker who has taken over a running older daemon does
# not have, without root's terminal, in which it could type, and its output is made harmless. If
# it fails, a running older daemon goes on: the services come after it.
self_test() {
  said=$(mktemp)
  as_tester='setpriv --reuid=onescan-check --regid=onescan-check --clear-groups
    --no-new-privs --inh-caps=-all --bounding-set=-all'
  code=0
  setsid --wait env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin $as_tester \
    timeout --kill-after=5 120 sh /usr/share/onescan/self-test </dev/null >"$said" 2>&1 || code=$?
  LC_ALL=C tr -cd '\12\40-\176' <"$said" | head -c 4000 >&2
  rm -f "$said"
  test $code -eq 0 || {
    echo 'onescan: the installed programs do not work here; mail through them is deferred.' >&2
    echo "onescan: correct that, then run: $again" >&2
    return 1
  }
}

# Why the self-test cannot be made, which proves nothing about the programs.
hindrance() {
  if ! test -e /proc/self/status; then
    echo '/proc is not mounted'
    return
  fi
  probe=$(mktemp 2>/dev/null) && head -c 262144 /dev/zero 2>/dev/null >"$probe" ||
    echo 'there is no room for temporary files'
  test -z "$probe" || rm -f "$probe"
}

# At a first installation no mail goes through the programs yet: it does not fail for that.
test_or_tell() { # OLD-VERSION
  why=$(hindrance)
  if test -z "$why" || test -n "$1"; then
    self_test
    return
  fi
  echo "onescan: the programs were not tried: $why. Correct that before you use them, then" >&2
  echo 'onescan: run: sh /usr/share/onescan/self-test' >&2
}
