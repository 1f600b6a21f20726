import type { Fault } from './broken-hosts.ts'

/** Faults of the host with Postfix and the milter that a test mail shows: check quotes what Postfix logs about them. */

const RESTART = 'systemctl restart postfix'

const SNAKEOIL = '/etc/ssl/certs/ssl-cert-snakeoil'

export const faultsByMail: readonly Fault[] = [
  {
    name: 'no name server answers the rule for senders',
    breaks: `cp /etc/resolv.conf /resolv; echo nameserver 127.0.0.9 >/etc/resolv.conf
      postconf -e smtpd_sender_restrictions=reject_unknown_sender_domain; ${RESTART}; sleep 2`,
    byMail: true,
    reported: {
      level: 'warning',
      what: 'port 25, mail from postmaster@example.com',
      value: /^is deferred, although mail from the empty sender is accepted: 450 4\.1\.8 /,
      remedy: /^find out with getent ahosts DOMAIN whether this host resolves names: /,
    },
    does: `! getent ahosts example.net; cat /resolv >/etc/resolv.conf; postconf -X smtpd_sender_restrictions; ${RESTART}; sleep 2`,
  },
  {
    name: 'Postfix accepts only small mail',
    breaks: 'postconf -e message_size_limit=20480; postfix reload; sleep 1',
    byMail: true,
    reported: {
      level: 'error',
      what: 'port 25, large mail',
      value: /^is refused for its size \(300 KB\), like most mail with attachments: 552 5\.3\.4 /,
      remedy: /^raise the size limit of the mail server: message_size_limit \(Postfix\)/,
    },
    does: 'postconf -e message_size_limit=20000000; postfix reload; sleep 1',
  },
  {
    name: 'the mail server waits for TLS at port 25',
    breaks: `postconf -e smtpd_tls_cert_file=${SNAKEOIL}.pem smtpd_tls_key_file=/etc/ssl/private/ssl-cert-snakeoil.key smtpd_tls_wrappermode=yes; postfix reload; sleep 1`,
    byMail: true,
    reported: {
      level: 'error',
      what: 'port 25',
      value: /^expects TLS at once, like port 465: /,
      remedy: /^let this port begin without TLS: smtpd_tls_wrappermode=no for its service /,
    },
    does: 'postconf -X smtpd_tls_wrappermode; postfix reload; sleep 1',
  },
  {
    name: 'Postfix does not know a restriction',
    breaks: 'postconf -e smtpd_recipient_restrictions=nonsense; postfix reload',
    byMail: true,
    reported: {
      level: 'error',
      what: 'port 25, clean mail',
      value: /; the mail server logged: "postfix\/smtpd: warning: unknown smtpd restriction: /,
      remedy:
        /^remove what this line names from the settings of Postfix, then run systemctl restart postfix$/,
    },
    does: `postconf -X smtpd_recipient_restrictions && ${RESTART} && sleep 3`,
  },
  {
    name: 'a program of Postfix cannot be started',
    breaks: 'chmod a-x /usr/lib/postfix/sbin/cleanup; postfix reload',
    byMail: true,
    reported: {
      level: 'error',
      what: 'port 25, clean mail',
      value: /; the mail server logged: "postfix\/\w+: .*cleanup/,
    },
    does: `postfix set-permissions; ${RESTART} && sleep 3`,
  },
  {
    name: 'Postfix offers STARTTLS without a certificate',
    breaks:
      'postconf -e smtpd_tls_cert_file=/none.pem smtpd_tls_key_file=/none.pem smtpd_tls_security_level=may; postfix reload',
    byMail: true,
    reported: {
      level: 'error',
      what: 'port 25, STARTTLS',
      value: /^is offered, and fails: .*TLS not available/,
      remedy: /^(?:give Postfix a|correct the) certificate /,
    },
    // On Debian 13 Postfix comes without a certificate, and without TLS.
    does: `if test -e ${SNAKEOIL}.pem; then postconf -e smtpd_tls_cert_file=${SNAKEOIL}.pem smtpd_tls_key_file=/etc/ssl/private/ssl-cert-snakeoil.key
      else postconf -X smtpd_tls_cert_file smtpd_tls_key_file smtpd_tls_security_level; fi && ${RESTART} && sleep 3`,
  },
  {
    name: 'mailboxes may be smaller than a message',
    breaks: 'postconf -e mailbox_size_limit=5000000; postfix reload',
    byMail: true,
    reported: {
      level: 'error',
      what: 'port 25, clean mail',
      value:
        /^is accepted, and still in the queue .*; the mail server logged: "postfix\/local: fatal: .*mailbox_size_limit is smaller than message_size_limit/,
    },
    does: `postconf -e mailbox_size_limit=0; ${RESTART} && sleep 3`,
  },
  {
    name: 'the table of aliases is gone',
    breaks: 'rm /etc/aliases.*; postfix reload',
    reported: {
      level: 'error',
      what: 'alias_maps',
      value:
        /^Postfix cannot read \w+:\/etc\/aliases \(.*\), and defers mail for which it looks there$/,
      remedy: /^postalias \w+:\/etc\/aliases && postfix reload$/,
    },
  },
  {
    name: 'Postfix refuses bounces',
    breaks: `echo '<> REJECT no bounces' >/etc/postfix/senders; postmap hash:/etc/postfix/senders; postconf -e 'smtpd_sender_restrictions=check_sender_access hash:/etc/postfix/senders'; postfix reload`,
    byMail: true,
    reported: {
      level: 'warning',
      what: 'port 25, empty sender',
      value: /^is refused, so that bounces do not arrive here: 5.*no bounces/,
    },
    does: 'postconf -X smtpd_sender_restrictions && postfix reload',
  },
]
