import { firstMails, type Host, withPostfix, withQmail, withSendmail } from './hosts.ts'
import type { Install } from './installs.ts'
import { README, restart, type Step, send, settle } from './step.ts'

/** What a reader does on a host, after `install`. */
type Walk = (install: Install) => readonly Step[]

/** It finds this, and nothing wrong. */
const check = (found: string): Step => ({
  page: README,
  type: 'onescan check',
  expect: new RegExp(`^(?![^]*\nerror)[^]*\n${found}`),
})

const settings = (...lines: readonly string[]): Step => ({
  self: `cat >>/etc/default/onescand <<'END'\n${lines.join('\n')}\nEND`,
})

const EXAMPLES = '/usr/share/onescan/examples'

/** A script, by a line of the README. */
const script = (name: string): Step => ({ page: README, type: `sh ${EXAMPLES}/${name}` })

const refuse: Step = { page: README, type: `echo 'REJECTVIRUS="1"' >>/etc/default/onescand` }

/** A cluster in three steps, as far as one host goes. */
const cluster = (host: Host): readonly Step[] => [
  { page: 'doc/cluster.md', type: 'onescan keygen --append /etc/onescan/keys/clusterkeys' },
  {
    page: 'doc/cluster.md',
    type: `echo 'CLUSTERKEYS="/etc/onescan/keys/clusterkeys"' >>/etc/default/onescand`,
  },
  restart('onescand'),
  settle,
  check('ok +keyring'),
  send('clean', /^250 /),
  ...host.head(12, /^X-SHA256-Cluster-1: v=1; k=.*h=/m),
  { place: host.lastMail },
  // The signatures have just come, as they have on every new host.
  {
    self: 'onescan verify - <last.eml',
    expect: /key mail-\d+: this host has had new signatures since/,
  },
]

const postfix: Walk = (install) => [
  ...withPostfix.steps,
  ...install.steps,
  ...withPostfix.start,
  refuse,
  restart('onescand'),
  settle,
  script('postfix/postfix-milter'),
  { page: README, type: 'postfix reload' },
  settle,
  check('ok +onescand \\d+: has been running since .*, account onescan,'),
  ...firstMails(withPostfix, /^550 5\.7\.1 .*EICAR/),
  ...install.looks,
  ...cluster(withPostfix),
]

/** With the package, to its end. */
const removedFromPostfix: readonly Step[] = [
  { self: 'apt remove onescan' },
  { place: 'svc -dx /service/onescand; rm /service/onescand; sleep 1' },
  send('clean', /^451 /),
  {
    page: 'doc/postfix.md',
    type: 'postconf -X smtpd_milters non_smtpd_milters message_reject_characters && postfix reload',
  },
  { place: 'sleep 2' },
  send('eicar', /^250 /),
]

/** The service as it was before: Life with qmail's, with a limit under which the stand-in in Perl runs, and no scan. */
const ORDINARY_RUN = `#!/bin/sh
exec softlimit -m 20000000 \\
  tcpserver -v -R -l 0 -c 40 -x /etc/tcp.smtp.cdb \\
  -u "$(id -u qmaild)" -g "$(id -g qmaild)" 0 25 /var/qmail/bin/qmail-smtpd 2>&1
`

const qmail: Walk = (install) => [
  ...withQmail.steps,
  {
    place: `mkdir -p /service/qmail-smtpd && cat >/service/qmail-smtpd/run <<'END'\n${ORDINARY_RUN}END
      chmod 755 /service/qmail-smtpd/run; cp /service/qmail-smtpd/run /root/ordinary-run
      echo ':allow' >/etc/tcp.smtp
      tcprules /etc/tcp.smtp.cdb /etc/tcp.smtp.tmp </etc/tcp.smtp`,
  },
  ...install.steps,
  // Nothing that the service could not bear is led to it.
  {
    self: `sh ${EXAMPLES}/qmail/qmail-rules`,
    expect: /softlimit -a 4000000000.*\n(?:.*\n)*.*nothing was changed/,
  },
  send('clean', /^250 /),
  // Its question is answered, since nobody sits at a terminal.
  { self: `echo y | sh ${EXAMPLES}/qmail/qmail-run`, expect: /^qmail-run: done; /m },
  settle,
  script('qmail/qmail-rules'),
  check('ok +qmail, EICAR: is found'),
  ...firstMails(withQmail, /^554 /),
  {
    self: `onescan inject - </root/mail.eml --from ann@example.org --to ben@example.org \\
  --env QHPSI='plugin: clamd' --dry-run`,
    expect: /clean/,
  },
  ...install.looks,
  { self: 'grep decision= /var/log/svscan | tail -1', expect: /decision=reject.*virus=/ },
  ...cluster(withQmail),
  { place: 'cp /service/qmail-smtpd/run /root/right-run' },
  { self: 'cat /root/ordinary-run >/service/qmail-smtpd/run; svc -t /service/qmail-smtpd' },
  settle,
  { self: 'onescan check', expect: /^error.*softlimit/m },
  { place: 'cat /root/right-run >/service/qmail-smtpd/run; svc -t /service/qmail-smtpd' },
]

const removedFromQmail: readonly Step[] = [
  { self: 'apt remove onescan' },
  send('eicar', /^250 /),
  { self: 'apt install /root/build/onescan_*.deb /root/build/onescan-runtime_*.deb' },
  send('eicar', /^554 /),
]

const sendmail: Walk = (install) => [
  ...withSendmail.steps,
  ...install.steps,
  ...withSendmail.start,
  refuse,
  settings('ONESCAND_OPTIONS="--milter unix:/run/onescand/milter.sock"'),
  restart('onescand'),
  {
    self: `sed 's|/run/onescan/|/run/onescand/|' ${EXAMPLES}/sendmail/sendmail.mc >>/etc/mail/sendmail.mc`,
  },
  { page: 'doc/other-servers.md', type: 'make -C /etc/mail' },
  { self: 'service sendmail restart' },
  settle,
  check('ok +onescand \\d+: reports a clean message as clean, and finds EICAR'),
  ...firstMails(withSendmail, /^550 5\.7\.1 .*EICAR/),
]

/** Between two servers, as doc/postfix.md has it: after the queue of Postfix, and back into it. */
const smtp: Walk = (install) => [
  ...withPostfix.steps,
  ...install.steps,
  ...withPostfix.start,
  settings(
    'ONESCAND_OPTIONS="--smtp inet:127.0.0.1:10025 --next inet:127.0.0.1:10026 --after-queue"',
  ),
  restart('onescand'),
  { self: `cat ${EXAMPLES}/postfix/postfix-after-queue.cf >>/etc/postfix/master.cf` },
  {
    page: 'doc/postfix.md',
    type: `postconf -e 'content_filter = scan:[127.0.0.1]:10025' \\
  "receive_override_options = $(postconf -h receive_override_options) no_address_mappings"
postfix reload`,
  },
  settle,
  check('ok +content_filter'),
  ...firstMails(withPostfix, /^250 /),
  ...withPostfix.head(12, /^X-QHPSI: virus found$/m),
]

/** By server; with what the reader does at last if the package was installed. */
export const walks: Readonly<Record<string, { walk: Walk; removed: readonly Step[] }>> = {
  postfix: { walk: postfix, removed: removedFromPostfix },
  qmail: { walk: qmail, removed: removedFromQmail },
  sendmail: { walk: sendmail, removed: [] },
  smtp: { walk: smtp, removed: [] },
}
