import t from 'tap'
import { codeBlocks } from '../documents/code-blocks.ts'
import { CHECK_OF_PAGES, type PageHost, typed } from '../documents/typed-blocks.ts'
import { POSTFIX, SENDMAIL_WHEN_BUSY, SENDMAIL_WITHOUT_DNS } from './broken-hosts.ts'
import { bootMailHost, mailHostMissing } from './mail-host.ts'

/** What README, doc and man pages have a reader type, typed to the letter on a host with a mail server and clamd. */

/** The packages of a host, and how its mail server is set up. */
const hosts: Readonly<Record<PageHost, readonly [packages: string, prepare: string]>> = {
  Postfix: [
    'postfix ucspi-tcp daemontools curl procps clamav clamdscan redis-server rspamd iproute2 openssl openssh-server openssh-client monitoring-plugins-basic',
    POSTFIX,
  ],
  Exim: [
    'exim4-daemon-light',
    `sed -i "s/^dc_eximconfig_configtype=.*/dc_eximconfig_configtype='internet'/; s/^dc_local_interfaces=.*/dc_local_interfaces='0.0.0.0'/; s/^dc_other_hostnames=.*/dc_other_hostnames='example.org'/" /etc/exim4/update-exim4.conf.conf && update-exim4.conf && systemctl enable exim4`,
  ],
  Sendmail: [
    'sendmail make',
    `${SENDMAIL_WITHOUT_DNS}; ${SENDMAIL_WHEN_BUSY}; sed -i 's/, Addr=127.0.0.1//' /etc/mail/sendmail.mc && echo example.org >>/etc/mail/local-host-names && systemctl enable sendmail`,
  ],
  'clamav-milter': [
    'postfix clamav-milter',
    `${POSTFIX} && sed -i 's|^MilterSocket .*|MilterSocket inet:7357@127.0.0.1|' /etc/clamav/clamav-milter.conf && systemctl enable clamav-milter &&
      postconf -e smtpd_milters=inet:127.0.0.1:7357 'non_smtpd_milters=$smtpd_milters' milter_default_action=tempfail`,
  ],
}

const blocks = codeBlocks()

for (const [name, [packages, prepare]] of Object.entries(hosts)) {
  t.test(`the pages, typed on a host with ${name}`, { skip: mailHostMissing }, async (t) => {
    const host = await bootMailHost(t, packages, prepare)
    const type = (script: string) =>
      host.run(`exec </dev/null; export HOME=/root; cd /root; ${script}`)
    for (const block of typed.filter(({ on = 'Postfix' }) => on === name)) {
      const { page, begins, before = ':', own = {}, by, code = 0, prints } = block
      const { reboots, shows } = block
      await t.test(`${page}: ${begins.split('\n')[0]}`, async (t) => {
        const found = blocks.find((block) => block.page === page && block.text.startsWith(begins))
        let { text } = found!
        for (const [name, value] of Object.entries(own)) text = text.replaceAll(name, () => value)
        type(before)
        const result = type(
          // Some administrators have this umask.
          by === undefined
            ? `umask 077; ${text}`
            : `{ ${by}\n} <<'END-OF-BLOCK'\n${text}END-OF-BLOCK\n`,
        )
        t.ok(result.code! <= code, `${text}${result.code}: ${result.output}`)
        if (found!.output !== '') t.match(result.output, found!.output)
        if (prints) t.match(result.output, prints)
        if (reboots) {
          await host.reboot()
          type(
            'mount -o remount,noexec /tmp; for i in $(seq 300); do test -S /run/clamav/clamd.ctl && break; sleep 0.1; done',
          )
        }
        if (shows) t.match(type(shows[0]).output, shows[1])
      })
    }
    // Only beside an error check also looks for what units and packages have lost.
    await t.test(CHECK_OF_PAGES, async (t) => {
      const { output } = type('systemctl stop clamav-daemon.socket clamav-daemon; onescan check')
      t.match(output, /^error +clamd /m)
      t.notMatch(output, /forbids more than the package does|package onescan: /)
    })
  })
}
