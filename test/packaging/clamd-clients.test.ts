import { copyFileSync, cpSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { newestNode } from '../../packaging/toolchain/toolchain.mjs'
import { EICAR } from '../../src/scanner/scan/scanners/eicar/eicar.ts'
import { codeBlocks } from '../documents/code-blocks.ts'
import type { BootedDebian } from './booted-debian.ts'
import { POSTFIX } from './broken-hosts.ts'
import { bootMailHost, mailHostMissing } from './mail-host.ts'

/**
 * The clients of doc/clamd-clients.md, from their Debian packages, against the installed package under its unit: each set
 * up as on the page, a clean message, and EICAR in the body and attached.
 */

const root = join(import.meta.dirname, '../..')
const page = readFileSync(join(root, 'doc/clamd-clients.md'), 'utf8')
const eximPage = readFileSync(join(root, 'doc/exim.md'), 'utf8')

/** Text in backticks on the page; a test of a text that it lost fails. */
function ofPage(text: string): string {
  if (!page.includes(`\`${text}\``) && !page.includes(`\n${text}\n`)) {
    throw new Error(`doc/clamd-clients.md lacks: ${text}`)
  }
  return text
}

/** A word in backticks on Exim's page. */
function ofExim(word: string): string {
  if (!eximPage.includes(`\`${word}\``) && !eximPage.includes(`\`${word}/`)) {
    throw new Error(`doc/exim.md lacks: ${word}`)
  }
  return word
}

const header = (name: string) =>
  `From: ann@example.net\nTo: you@example.org\nSubject: ${name}\nDate: Thu, 1 Jan 2026 00:00:00 +0000\nMessage-ID: <${name}@example.net>\nMIME-Version: 1.0\n`
const text = (name: string, body: string) => `${header(name)}Content-Type: text/plain\n\n${body}\n`

/** The messages, and whether they are to be let in. */
const mails: Readonly<Record<string, readonly [mail: string, isClean: boolean]>> = {
  clean: [text('clean', 'hello'), true],
  body: [text('body', EICAR), false],
  attached: [
    `${header('attached')}Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\nhello\n--b\nContent-Type: application/octet-stream; name=a.com\nContent-Transfer-Encoding: base64\n\n${Buffer.from(EICAR).toString('base64')}\n--b--\n`,
    false,
  ],
}

/** Sends a file by SMTP to this port, and prints the reply to the message. */
const SEND = `
import smtplib, sys
with smtplib.SMTP('127.0.0.1', int(sys.argv[1]), timeout=120) as s:
    s.ehlo(); s.mail('ann@example.net'); s.rcpt('you@example.org')
    print(*s.data(open(sys.argv[2], 'rb').read().replace(b'\\n', b'\\r\\n')))
`

/** Prints what three packages of npm and Python make of a file. */
const PYTHON = `import pyclamd, sys
print(pyclamd.ClamdNetworkSocket('127.0.0.1', 3311).scan_stream(open(sys.argv[1], 'rb').read()))`
const CLAMDJS = `require('clamdjs').createScanner('127.0.0.1', 3311).scanBuffer(require('fs').readFileSync(process.argv[1])).then(console.log)`
const CLAMSCAN = `const [C, { Readable }, fs] = [require('clamscan'), require('stream'), require('fs')]
const clamdscan = { host: '127.0.0.1', port: 3311, localFallback: false, bypassTest: true }
new C().init({ clamdscan, preference: 'clamdscan' })
  .then((c) => c.scanStream(Readable.from([fs.readFileSync(process.argv[1])])))
  .then(({ isInfected }) => console.log(isInfected))`

interface Client {
  readonly name: string
  /** Sets it up, by the page. */
  readonly setUp: string
  /** Has it judge the file $1. */
  readonly judge: string
  /** What it prints for a clean message, and for a virus. */
  readonly prints: readonly [RegExp, RegExp]
}

const SMTP = [/^250 /m, /^55\d /m] as const
const bySmtp = (port: number) => ({ judge: `python3 /root/send ${port} $1`, prints: SMTP })
/** Has Postfix ask a milter. */
const milterOf = (port: number) =>
  `postconf -e smtpd_milters=inet:127.0.0.1:${port} milter_default_action=tempfail && postfix reload && sleep 1`
const waitFor = (port: number) =>
  `for i in $(seq 600); do ss -ltn | grep -q ':${port} ' && break; sleep 0.1; done`

/** Those that may be on one host with Postfix. */
const beside: readonly Client[] = [
  {
    name: 'clamav-milter',
    setUp: `sed -i 's|^MilterSocket .*|MilterSocket inet:7357@127.0.0.1|; s|^ClamdSocket .*|${ofPage('ClamdSocket tcp:127.0.0.1:3311')}|; s|^OnInfected .*|${ofPage('OnInfected Reject')}|' /etc/clamav/clamav-milter.conf
      systemctl restart clamav-milter; ${waitFor(7357)}; ${milterOf(7357)}`,
    ...bySmtp(25),
  },
  {
    name: 'MIMEDefang',
    // The filter of the package discards a virus: here its sender gets a reply.
    setUp: `echo '${ofPage('LocalSocket /run/onescan/clamd.sock')}' >/etc/onescan/clamd.conf
      cat >/filter <<'END'
${ofPage("$Features{'Virus:CLAMDSCAN'} = '/usr/bin/clamdscan'; $Features{'Path:CLAMDCONF'} = '/etc/onescan/clamd.conf';")}
$Features{'Virus:CLAMD'} = 0;
END
      cat /etc/mail/mimedefang-filter >>/filter; sed 's/action_discard()/action_bounce("virus")/' /filter >/etc/mail/mimedefang-filter
      echo SOCKET=inet:10040@127.0.0.1 >>/etc/default/mimedefang
      systemctl restart mimedefang; ${waitFor(10040)}; ${milterOf(10040)}`,
    ...bySmtp(25),
  },
  {
    name: 'rspamd',
    // Beside the page: no name server can be reached here.
    setUp: `umask 077; (umask 022; cp -i /usr/share/onescan/examples/rspamd/* /etc/rspamd/local.d/) </dev/null
      echo 'dns { nameserver = ["127.0.0.1:9"]; timeout = 0.1s; retransmits = 1; }' >>/etc/rspamd/local.d/options.inc
      echo 'SCANFAIL_CLAMD="limit"' >>/etc/default/onescand; systemctl restart onescand rspamd
      ${waitFor(11332)}; ${milterOf(11332)}`,
    ...bySmtp(25),
  },
  {
    name: 'amavis',
    setUp: `postconf -e smtpd_milters= && postfix reload
      cd /etc/amavis/conf.d && old='["CONTSCAN {}\\n", "/var/run/clamav/clamd.ctl"]' &&
      new="${ofPage("['{}/*', 'clamd:/run/onescan/clamd.sock']")}" &&
      python3 -c 'import sys; p = "15-av_scanners"; s = open(p).read(); assert sys.argv[1] in s; open(p, "w").write(s.replace(*sys.argv[1:]))' "$old" "$new" || exit 1
      cat >50-user <<'END'
use strict;
@bypass_virus_checks_maps = (\\%bypass_virus_checks, \\@bypass_virus_checks_acl, \\$bypass_virus_checks_re);
@bypass_spam_checks_maps = (1);
@keep_decoded_original_maps = (new_RE(${ofPage("qr'^MAIL$'")}));
${ofPage('$virus_scanners_failure_is_fatal = 1;')}
$final_virus_destiny = D_REJECT;
$forward_method = $notify_method = 'smtp:[127.0.0.1]:25';
1;
END
      systemctl restart amavis; ${waitFor(10024)}`,
    ...bySmtp(10024),
  },
  {
    name: 'qpsmtpd',
    setUp: `mkdir -p /queue /etc/systemd/system/onescand.service.d; chown qpsmtpd: /queue
      printf 'rcpt_ok\\n%s\\nqueue/maildir /queue/m\\n' '${ofPage('virus/clamdscan clamd_socket /run/onescan/clamd.sock defer_on_error yes')}' >/etc/qpsmtpd/plugins
      echo example.org >/etc/qpsmtpd/rcpthosts
      ${ofPage('usermod -aG qpsmtpd onescan')}; ${ofPage('chmod g+rx')} /var/spool/qpsmtpd
      QPSMTPD_CONFIG=/etc/qpsmtpd setsid qpsmtpd-forkserver -l 127.0.0.1 -p 2525 -u qpsmtpd >/dev/null 2>&1 </dev/null &
      ${waitFor(2525)}
      python3 /root/send 2525 /mails/clean; onescan check >/before-the-drop-in
      printf '[Service]\\n${ofPage('BindReadOnlyPaths=/var/spool/qpsmtpd')}\\n' >/etc/systemd/system/onescand.service.d/override.conf
      systemctl daemon-reload; systemctl restart onescand`,
    ...bySmtp(2525),
  },
  {
    name: 'clamdscan',
    setUp: `echo '${ofPage('LocalSocket /run/onescan/clamd.sock')}' >/etc/onescan/clamd.conf`,
    judge: 'clamdscan --fdpass --config-file /etc/onescan/clamd.conf $1',
    prints: [/: OK$/m, / FOUND$/m],
  },
  {
    name: 'pyclamd',
    setUp: ':',
    judge: `python3 -c "${PYTHON}" $1`,
    prints: [/^None$/m, /'FOUND', 'EICAR/],
  },
  {
    name: 'clamdjs of npm',
    setUp: ':',
    judge: `cd /opt && node -e "${CLAMDJS}" $1`,
    prints: [/: OK/, / FOUND/],
  },
  {
    name: 'clamscan of npm',
    setUp: ':',
    judge: `cd /opt && node -e "${CLAMSCAN}" $1`,
    prints: [/^false$/m, /^true$/m],
  },
  {
    name: 'Haraka',
    setUp: `cd /opt && node node_modules/Haraka/bin/haraka --install /haraka >/dev/null && cd /haraka
      printf 'listen=127.0.0.1:2526\\nnodes=0\\n' >config/smtp.ini; printf 'clamd\\ntake\\n' >config/plugins
      echo '${ofPage('clamd_socket=127.0.0.1:3311')}' >config/clamd.ini
      echo 'exports.hook_rcpt = exports.hook_queue = (next) => next(OK)' >plugins/take.js
      setsid node /opt/node_modules/Haraka/bin/haraka -c /haraka >/dev/null 2>&1 </dev/null &
      ${waitFor(2526)}`,
    ...bySmtp(2526),
  },
]

const EXIM = `sed -i "s/^dc_eximconfig_configtype=.*/dc_eximconfig_configtype='internet'/; s/^dc_other_hostnames=.*/dc_other_hostnames='example.org'/; s/^dc_use_split_config=.*/dc_use_split_config='true'/" /etc/exim4/update-exim4.conf.conf && update-exim4.conf && systemctl enable exim4`

/** The block of Exim's page: what it adds to the main section, and to the ACL. */
const [EXIM_MAIN = '', EXIM_ACL = ''] = codeBlocks()
  .find(({ page, text }) => page === 'doc/exim.md' && text.includes('av_scanner'))!
  .text.split(/^#.*\n/m)
  .slice(1)

/** Exim, which is the mail server of its host. host-ways.test.ts has it with the configuration in one file. */
const exim: Client = {
  name: 'Exim, with a split configuration',
  setUp: `cd ${ofExim('/etc/exim4')} || exit 1
    echo '${ofExim('MESSAGE_SIZE_LIMIT = 25000000')}' >${ofExim('conf.d/main/000_localmacros')}
    cat >${ofExim('conf.d/main')}/20_onescan <<'END'
${EXIM_MAIN}END
    cat >/acl <<'END'
${EXIM_ACL}END
    sed -i '/^${ofExim('acl_check_data:')}$/r /acl' ${ofExim('conf.d/acl/40_exim4-config_check_data')}
    update-exim4.conf && systemctl restart exim4; ${waitFor(25)}; exim4 -bP message_size_limit | grep 25000000`,
  judge: bySmtp(25).judge,
  prints: [SMTP[0], /^550 .*message refused: EICAR/m],
}

/** The first steps of the page, and the messages. */
function prepare(host: BootedDebian): void {
  const { output } = host.run(`mkdir -p /mails
    systemctl enable onescan-clamd.socket; systemctl restart onescand; ${waitFor(3311)}; ss -ltn`)
  if (!output.includes('127.0.0.1:3311')) throw new Error(output)
  writeFileSync(join(host.path, 'root/send'), SEND)
  for (const [name, [mail]] of Object.entries(mails)) {
    writeFileSync(join(host.path, 'mails', name), mail)
  }
}

function tryClient(t: Test, host: BootedDebian, { name, setUp, judge, prints }: Client) {
  t.test(name, async (t) => {
    const { code, output } = host.run(setUp)
    t.equal(code, 0, output)
    for (const [mail, [, isClean]] of Object.entries(mails)) {
      const { output } = host.run(`set -- /mails/${mail}; ${judge}`)
      t.match(output, prints[isClean ? 0 : 1], `${mail}: ${output.trim()}`)
    }
    const log = host.run("journalctl -u onescand --since '10 min ago' | tail -n 40").output
    t.match(log, / decision=reject scan=infected .* interface=clamd /)
    // By the page about refused mail: the log of a clamd client has no sender.
    for (const by of ['--id body@example.net', '--virus EICAR-Test']) {
      const { output } = host.run(
        `journalctl --sync; onescan log --since 7d --decision reject ${by}`,
      )
      t.match(output, /body@example\.net/, by)
    }
  })
}

const modules = join(root, 'test/programs/clamd-clients/node_modules')
const skip =
  mailHostMissing ||
  (!existsSync(join(modules, '.package-lock.json')) &&
    'install them: node packaging/toolchain/install-locked.mjs test/programs/clamd-clients')

t.test('beside Postfix', { skip }, async (t) => {
  const packages =
    'postfix amavisd-new clamav-milter mimedefang rspamd qpsmtpd clamdscan python3-pyclamd libatomic1 procps iproute2'
  const host = await bootMailHost(t, packages, POSTFIX)
  copyFileSync(newestNode, join(host.path, 'usr/bin/node'))
  const there = join(host.path, 'opt/node_modules')
  cpSync(modules, there, { recursive: true })
  cpSync(join(root, 'node_modules/clamscan'), join(there, 'clamscan'), { recursive: true })
  prepare(host)
  for (const client of beside) tryClient(t, host, client)

  await t.test('check finds files that the unit does not see in the journal', async (t) => {
    t.match(
      host.run('cat /before-the-drop-in').output,
      /names files that are not visible in the unit of onescand: .*BindReadOnlyPaths=\/var\/spool\/qpsmtpd/,
    )
  })
})

t.test('Exim', { skip }, async (t) => {
  const host = await bootMailHost(t, 'exim4-daemon-heavy python3 procps iproute2', EXIM)
  prepare(host)
  tryClient(t, host, exim)
})
