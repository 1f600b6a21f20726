# The link that QMAILQUEUE names. The administrator owns it: if it does not lead into this
# package, it is not changed.
link=/etc/onescan/queue
programs=/usr/lib/onescan
# Where the link led before the package was removed, and where the removal pointed it: links
# themselves.
before=/var/lib/onescan/queue
meanwhile=/var/lib/onescan/queue.meanwhile
# The usual place of qmail-queue, even if it does not exist.
usual=/var/qmail/bin/qmail-queue

# In one step: every message finds the old program or the new one.
point() { # LINK TARGET
  ln -sfn "$2" "$1.new" && mv -fT "$1.new" "$1"
}

link_is_ours() {
  test -L "$link" || return 1
  case $(readlink -m "$link") in "$programs"/* | /usr/bin/onescan* | /usr/sbin/onescan*) ;; *) false ;; esac
}

# The real qmail-queue, if it is in its usual place: notqmail and netqmail, IndiMail.
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

# Mail goes on without onescan. If the real qmail-queue is not found, the link names its usual
# place: mail is deferred until it is there.
point_to_real_queue() {
  link_is_ours || return 0
  if ! queue=$(real_queue); then
    queue=$usual
    case $(readlink -m "$queue") in
      "$programs"/*)
        echo "onescan: $queue leads back to onescan; point $link to the real one first" >&2
        return 1
        ;;
    esac
  fi
  mkdir -p "${before%/*}"
  point "$meanwhile" "$queue"
  point "$before" "$(readlink "$link")"
  point "$link" "$queue"
  if test -x "$queue"; then
    echo "onescan: $link -> $queue: mail through it is not scanned any more"
  else
    echo "onescan: $link -> $queue, which does not exist: mail through the link is deferred"
  fi
}

# Undoes what a removal changed, if the link was not changed since.
point_back() {
  test -L "$before" || return 0
  if test -L "$meanwhile" && test "$(readlink "$link")" = "$(readlink "$meanwhile")"; then
    target=$(readlink "$before")
    if test -x "$target"; then
      point "$link" "$target"
      echo "onescan: $link -> $target again"
    fi
  fi
  rm -f "$before" "$meanwhile"
}

# Each time, since it is the administrator's, or as a purge left it.
tell_where_link_leads() {
  if link_is_ours; then
    echo "onescan: $link -> $(readlink "$link"): set QMAILQUEUE to it"
    real_queue >/dev/null || {
      echo 'onescan: no qmail-queue is on this host: mail through the link is deferred. Other'
      echo 'onescan: mail servers ask onescand: /usr/share/doc/onescan/doc/mail-servers.md'
    }
    return 0
  fi
  echo "onescan: WARNING: $link leads to $(readlink -m "$link"), which is not onescan:" >&2
  echo 'onescan: mail through it is NOT SCANNED. To have it scanned:' >&2
  echo "onescan:   ln -sfn $programs/onescanc $link" >&2
}
