# Steps of the Debian and RPM packages. Each scriptlet contains a copy of this file, those
# of the package onescan after queue-link.sh. `setup`, which is for npm, reads it for refuse_persons. Each of them sets
# `again` to the command to repeat after a failure.

# Root's environment must not affect other users: they cannot use root's TMPDIR, nor files that its umask makes private.
unset TMPDIR
umask 022
cd /

# Never turns a login account into a service account: a user who can log in as onescan could read all mail.
refuse_persons() { # ACCOUNT...
  first=$(sed -n 's/^UID_MIN[[:space:]]*//p' /etc/login.defs 2>/dev/null || true)
  for name; do
    account=$(getent passwd "$name") || continue
    shell=${account##*:}
    case $shell in */nologin | */false) continue ;; esac
    test "$(id -u "$name")" -ge "${first:-1000}" || continue
    echo "onescan: the account $name already exists with the login shell $shell, and may belong to a person." >&2
    echo "onescan: rename it (usermod --login), or, if it is meant for onescan, remove its shell:" >&2
    echo "onescan:   usermod --shell /usr/sbin/nologin $name" >&2
    echo "onescan: then run: $again" >&2
    exit 1
  done
}

# Only at the first installation: an administrator may later remove the account from the group.
join_keys() { # OLD-VERSION
  test -z "$1" || return 0
  case " $(id -nG onescan) " in
    *" onescan-keys "*) ;;
    *) usermod --append --groups onescan-keys onescan ;;
  esac
}

# Existing directories keep their owner, group and mode, with one exception: a spool that several users
# can write to gets the sticky bit, so that no user can remove another user's files. With dpkg, overrides by
# dpkg-statoverride(1) are kept. With systemd, tmpfiles.d(5) has already created the directories.
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

# Only at the first installation. Afterwards the files belong to the administrator. They are not conffiles, since
# dpkg would ask about those.
make_settings() { # OLD-VERSION SERVICE
  test -z "$1" || return 0
  test -e "/etc/default/$2" || install -m 644 "/usr/share/onescan/etc-default/$2" "/etc/default/$2"
}

# Without the option, clamd returns "clean" for mail that it has not fully scanned. Its settings belong to
# the administrator, so this only prints a warning.
warn_about_limits() {
  for file in /etc/clamav/clamd.conf /etc/clamd.d/scan.conf /usr/local/etc/clamd.conf /etc/clamd.conf; do
    test -f $file || continue
    grep -Eiq '^[[:space:]]*AlertExceedsMax[[:space:]]+(yes|true|1)' $file || {
      echo "onescan: set \"AlertExceedsMax yes\" in $file, and restart clamd when freshclam has finished." >&2
      echo 'onescan: Without it, clamd returns "clean" for mail that it has not fully scanned:' >&2
      echo "onescan:   sed -i '/^AlertExceedsMax/d' $file" >&2
      echo "onescan:   echo 'AlertExceedsMax yes' >>$file" >&2
      case $file in
        *scan.conf) echo 'onescan:   systemctl restart clamd@scan' >&2 ;;
        /etc/clamav/*) echo 'onescan:   service clamav-daemon restart' >&2 ;;
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
  report_link
}

# Sends one clean message and one with the EICAR test string through the installed programs. The test runs
# under its own account, which an attacker who controls a running older daemon does not have; without root's
# terminal, into which it could insert input; and its output is stripped of control characters. If it fails,
# a running older daemon is not stopped: services are restarted only after the test.
self_test() {
  output=$(mktemp)
  as_tester='setpriv --reuid=onescan-check --regid=onescan-check --clear-groups
    --no-new-privs --inh-caps=-all --bounding-set=-all'
  code=0
  setsid --wait env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin $as_tester \
    timeout --kill-after=5 120 sh /usr/share/onescan/self-test </dev/null >"$output" 2>&1 || code=$?
  LC_ALL=C tr -cd '\12\40-\176' <"$output" | head -c 4000 >&2
  rm -f "$output"
  test $code -eq 0 || {
    echo 'onescan: the installed programs do not work on this host; mail through them is deferred.' >&2
    echo "onescan: fix the problem, then run: $again" >&2
    return 1
  }
}

# Prints the reason why the self-test cannot run on this host, whether or not the programs work.
obstacle() {
  if ! test -e /proc/self/status; then
    echo '/proc is not mounted'
    return
  fi
  probe=$(mktemp 2>/dev/null) && head -c 262144 /dev/zero 2>/dev/null >"$probe" ||
    echo 'there is no space for temporary files'
  test -z "$probe" || rm -f "$probe"
}

# At the first installation no mail goes through the programs yet, so an obstacle is only a warning.
test_or_warn() { # OLD-VERSION
  why=$(obstacle)
  if test -z "$why" || test -n "$1"; then
    self_test
    return
  fi
  echo "onescan: the programs were not tested: $why. Fix this before you use them, then" >&2
  echo 'onescan: run: sh /usr/share/onescan/self-test' >&2
}

# Prints which of the services run, or are started by systemd again and again.
running_services() { # SERVICE...
  test -d /run/systemd/system || return 0
  for service; do
    case $(systemctl is-active "$service" 2>/dev/null) in active | activating | reloading) echo "$service" ;; esac
  done
}

# Earlier packages of onescan contained programs that have packages of their own now. Warns about each that was here before
# the upgrade (/run/onescan.programs) and whose package was not installed in the same step. Fails if it runs: it goes on until
# it is stopped, and could not be started again.
require_programs() {
  code=0
  for name in $(cat /run/onescan.programs 2>/dev/null); do
    test ! -e "/usr/sbin/$name" || continue
    package=$name
    test "$name" != onescan-rcptquota || package=onescan-quotad
    if test -n "$(running_services "$name.service")" || grep -qsx "$name" /proc/[0-9]*/comm; then
      echo "onescan: ERROR: $name runs on this host, and has a package of its own now; install" >&2
      echo "onescan: the package $package of the same version, then run: $again" >&2
      code=1
    else
      echo "onescan: WARNING: $name is in the package $package now; install it if this host uses $name" >&2
    fi
  done
  test $code -ne 0 || rm -f /run/onescan.programs
  return $code
}

# Prints the active sockets that start one of the services.
active_sockets() { # SERVICE...
  for unit in $(systemctl show --value --property=TriggeredBy "$@"); do
    ! systemctl --quiet is-active "$unit" || echo "$unit"
  done
}

# Prints which of the services does not run now, or at which path of an active socket nothing listens.
trouble_with() { # SERVICE...
  for service; do
    systemctl --quiet is-active "$service" || echo "$service does not run"
  done
  for unit in $(active_sockets "$@"); do
    for path in $(systemctl show --property=Listen "$unit" | sed -n 's/^Listen=\(\/.*\) (Stream)$/\1/p'); do
      grep -q " $path\$" /proc/net/unix || echo "nothing listens at $path ($unit)"
    done
  done
}

# At the end of an upgrade, the services that ran before must run. An upgrade does not restart sockets, since clients wait
# there. Only if a socket listens elsewhere than before, or a service does not start with it, both are restarted.
look_after() { # SERVICE...
  test $# -gt 0 || return 0
  test -n "$(trouble_with "$@")" || return 0
  systemctl stop "$@" || true
  systemctl restart $(active_sockets "$@") || true
  systemctl start "$@" || true
  trouble=$(trouble_with "$@")
  test -n "$trouble" || return 0
  printf '%s\n' "$trouble" | sed 's/^/onescan: ERROR: after the upgrade, /' >&2
  journalctl --unit="$1" --lines=100 --output=cat 2>/dev/null | LC_ALL=C tr -cd '\12\40-\176' |
    grep -i error | tail -n 3 | sed 's/^/onescan:   /' >&2 || true
  echo "onescan: mail may be deferred until you fix this and run: systemctl restart $*" >&2
  return 1
}
