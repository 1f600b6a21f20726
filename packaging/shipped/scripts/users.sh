# For the removal of a package: units and run scripts of the administrator may still start its programs. Those of other
# packages need the runtime.

# Warns about each of them. The removal continues.
warn_about_users() { # PROGRAM...
  words=$(printf '%s|' "$@")
  # Only files are opened, for a limited time: an account that has a service may put a pipe or a device there.
  users=$(timeout 10 find -L /etc/systemd/system/*.service /etc/systemd/system/*.service.d/*.conf /service/*/run \
    /etc/service/*/run /var/service/*/run -maxdepth 0 -type f -size -1024k \
    -exec grep -Els "^[^#]*(^|[/=[:space:]])(${words%|})([[:space:]]|\$)" {} + 2>/dev/null |
    xargs -r -d '\n' readlink -f | sort -u)
  test -n "$users" || return 0
  echo "warning: these still start $*, and fail without it; change or stop them:" >&2
  printf '%s\n' "$users" >&2
}

# Warns about mail servers whose settings name onescand: its sockets, the port for clients of clamd, or a port of its
# options. Their mail is now deferred, or accepted unscanned. If they do not respond, the removal continues.
warn_about_mail_servers() {
  words='onescan|127\.0\.0\.1[: ]+3311'
  for port in $(sed -n 's/^ONESCAND_OPTIONS=//p' /etc/default/onescand 2>/dev/null |
    grep -oE -- '--(smtp|lmtp) +inet:127[0-9.]*:[0-9]+' | sed 's/.*://'); do
    words="$words|127[0-9.]*[]]?:+$port([^0-9]|\$)"
  done
  asked=$(for what in -n -P; do
    timeout --kill-after=5 30 setsid --wait postconf $what </dev/null 2>/dev/null
  done | grep -E "$words") || :
  test -z "$asked" || {
    echo 'warning: Postfix still uses onescand; remove it from these settings, then run postfix reload:' >&2
    printf '%s\n' "$asked" >&2
  }
  files=$(timeout 10 find -L /etc/mail /etc/exim4 /etc/exim /etc/smtpd.conf /etc/amavis/conf.d /etc/rspamd/local.d -maxdepth 4 \
    -type f -size -1024k ! -name '*onescan*' -exec grep -Els "^[^#]*($words)" {} + 2>/dev/null | sort -u)
  test -z "$files" || {
    echo 'warning: these settings of mail servers still use onescand; undo them as its page describes, then restart the server:' >&2
    printf '%s\n' "$files" >&2
  }
}

# Warns about programs that do not start without the package onescan-runtime. The removal continues.
warn_about_programs() {
  left=
  for name in onescan onescand onescan-queue onescan-quotad smtp-delay; do
    test ! -L "/usr/lib/onescan/$name" || left="$left $name"
  done
  test -z "$left" || echo "warning: these do not start without onescan-runtime, and mail is deferred; install it again:$left" >&2
}
