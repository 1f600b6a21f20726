# The link to which QMAILQUEUE points. The administrator owns it: unless it points to a program of this
# package, it is not changed.
link=/etc/onescan/queue
programs=/usr/lib/onescan
# Two links: the target before the package was removed, and the target that the removal set.
before=/var/lib/onescan/queue
meanwhile=/var/lib/onescan/queue.meanwhile
# The usual place of qmail-queue, even if it does not exist.
usual=/var/qmail/bin/qmail-queue

# Atomic: every message finds either the old program or the new one.
point() { # LINK TARGET
  ln -sfn "$2" "$1.new" && mv -fT "$1.new" "$1"
}

link_is_ours() {
  test -L "$link" || return 1
  case $(readlink -m "$link") in "$programs"/* | /usr/bin/onescan* | /usr/sbin/onescan*) ;; *) false ;; esac
}

# Prints the path of the real qmail-queue: the usual paths of notqmail and netqmail, and of IndiMail.
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

# Lets mail bypass onescan. If the real qmail-queue is not found, the link points to its usual
# path, and mail is deferred until it exists.
point_to_real_queue() {
  link_is_ours || return 0
  if ! queue=$(real_queue); then
    queue=$usual
    case $(readlink -m "$queue") in
      "$programs"/*)
        echo "onescan: $queue points back to onescan; point $link to the real qmail-queue first" >&2
        return 1
        ;;
    esac
  fi
  mkdir -p "${before%/*}"
  point "$meanwhile" "$queue"
  point "$before" "$(readlink "$link")"
  point "$link" "$queue"
  if test -x "$queue"; then
    echo "onescan: $link -> $queue: mail is no longer scanned, and QUEUECHAIN is not used"
  elif test -d /var/qmail || test -d /var/indimail; then
    echo "onescan: $link -> $queue, which does not exist: mail through this link is deferred"
  fi # without qmail, nothing uses the link
}

# Undoes the removal's change, unless the link was changed later.
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

# Reports the target at each installation: the administrator or a purge may have changed it.
report_link() {
  if link_is_ours; then
    ! real_queue >/dev/null || echo "onescan: $link -> $(readlink "$link"): set QMAILQUEUE to it"
    return 0
  fi
  echo "onescan: WARNING: $link points to $(readlink -m "$link"), which is not part of onescan:" >&2
  echo 'onescan: mail through it is NOT SCANNED. To scan it, run:' >&2
  echo "onescan:   ln -sfn $programs/onescanc $link" >&2
}
