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

# Warns about programs that do not start without the package onescan-runtime. The removal continues.
warn_about_programs() {
  left=
  for name in onescan onescand onescan-queue onescan-quotad smtp-delay; do
    test ! -L "/usr/lib/onescan/$name" || left="$left $name"
  done
  test -z "$left" || echo "warning: these do not start without onescan-runtime, and mail is deferred; install it again:$left" >&2
}
