# The link that QMAILQUEUE names. The administrator owns it: whatever leads elsewhere than
# into this package is left as it is.
link=/etc/onescan/queue
programs=/usr/lib/onescan
# Where the link led before the package was removed: itself a link.
before=/var/lib/onescan/queue

# In one step: every message finds the old program or the new one.
point() { # LINK TARGET
  ln -sfn "$2" "$1.new" && mv -fT "$1.new" "$1"
}

link_is_ours() {
  test -L "$link" || return 1
  case $(readlink -m "$link") in "$programs"/* | /usr/bin/onescan* | /usr/sbin/onescan*) ;; *) false ;; esac
}

# The real qmail-queue, where it stands by itself: notqmail and netqmail, IndiMail.
real_queue() {
  for queue in /var/qmail/bin/qmail-queue /usr/sbin/qmail-queue /var/indimail/bin/qmail-queue; do
    case $(readlink -m "$queue") in "$programs"/*) continue ;; esac
    if test -x "$queue"; then
      echo "$queue"
      return
    fi
  done
  false
}

# Mail goes on without us. Where the real qmail-queue is not found, its usual place is
# named: mail is deferred until it is there.
point_to_real_queue() {
  link_is_ours || return 0
  if ! queue=$(real_queue); then
    queue=/var/qmail/bin/qmail-queue
    case $(readlink -m "$queue") in
      "$programs"/*)
        echo "onescan: $queue leads back to onescan; point $link to the real one first" >&2
        return 1
        ;;
    esac
    echo "onescan: no qmail-queue found; $link names $queue all the same" >&2
  fi
  mkdir -p "${before%/*}"
  point "$before" "$(readlink "$link")"
  point "$link" "$queue"
  echo "onescan: $link -> $queue; mail is not scanned any more"
}

# What a removal changed, where nobody changed it since.
point_back() {
  test -L "$before" || return 0
  if queue=$(real_queue) && test "$(readlink "$link")" = "$queue"; then
    target=$(readlink "$before")
    if test -x "$target"; then
      point "$link" "$target"
      echo "onescan: $link -> $target again"
    fi
  fi
  rm -f "$before"
}

# Where mail goes past us, it is said: by the administrator's wish, or as a purge left it.
tell_where_link_leads() {
  ! link_is_ours || return 0
  echo "onescan: WARNING: $link leads to $(readlink -m "$link"), which is not onescan:" >&2
  echo 'onescan: mail through it is NOT SCANNED. To have it scanned:' >&2
  echo "onescan:   ln -sfn $programs/onescanc $link" >&2
}
