import { execFileSync } from 'node:child_process'
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { createServer as createTlsServer } from 'node:tls'
import t, { type Test } from 'tap'
import type { CheckLine } from '../../../../../src/base/check/check-line.ts'
import { checkByMail } from '../../../../../src/scanner/cli/check/test-mail/check-by-mail.ts'
import type { SendingWay } from '../../../../../src/scanner/cli/check/test-mail/send-mail.ts'
import { printCheckLines } from '../../../../../src/scanner/cli/command/print-check-lines.ts'
import { Output } from '../../../../../src/scanner/cli/command/run-command.ts'
import { isListening } from '../../../../../src/scanner/cli/host/open-ports.ts'
import { complainsOnly, linesOf } from '../../../../check-lines.ts'
import { terminalPicture } from '../../../../documents/terminal-picture.ts'
import { lacks } from '../../../../needs.mjs'
import { freePort } from '../../../../programs/host/free-port.ts'
import { listen } from '../../../../programs/host/listen.ts'
import { ownDirectoriesMissing } from '../../../../programs/host/own-directories.ts'
import { openDirectory } from '../../../../programs/host/reachable.ts'
import { postfixMissing, startPostfix } from '../../../../programs/servers/postfix.ts'
import { until } from '../../../../run/until.ts'
import { startOnescand } from '../../../daemon/process.ts'
import { at, startNext } from '../../../doors/smtp/next-server.ts'
import { onescan } from '../../onescan.ts'
import { findingsByMail, findingsOn, makeMachine } from '../machine.ts'
import { mailHost, toMilter } from '../mail-host.ts'

/** `onescan check --mail ADDRESS` sends three messages by each way, and reads what happened to them. */

// Most wait for seconds for a line that does not come.
t.jobs = 4

const plain = (port: number): SendingWay => ({ port, security: 'none' })

/** What differs from run to run in these lines, or from a host with ClamAV, and how it is drawn. */
const RUN_TO_RUN: readonly (readonly [form: RegExp, drawn: string])[] = [
  [/\b\d+(?:\.\d+)? (m?s)\b/g, '8 $1'],
  [/\bas [0-9A-F]{8,12}\b/g, 'as 4B1D2A6F03'],
  [/check-[\w.-]+@/g, 'check-1@'],
  [/\bEICAR-Test\b/g, 'Eicar-Test-Signature'],
]

/** Compares the picture of the first page with what was found now through these ways; PICTURES=write draws it again. */
async function isPictured(t: Test, found: readonly CheckLine[], names: Record<string, string>) {
  class Terminal extends Output {
    printed = ''
    override text(text: string): void {
      this.printed += text
    }
    override safeLine(line: string): void {
      this.printed += `${line}\n`
    }
  }
  const terminal = new Terminal('check', false)
  const renamed = (text: string) => Object.entries(names).reduce((shown, [name, drawn]) => shown.replaceAll(name, drawn), text) // biome-ignore format: a line
  const shown = found.filter(({ what }) => renamed(what) !== what)
  async function* lines() {
    for (const line of shown)
      yield { ...line, what: renamed(line.what), value: renamed(line.value) }
  }
  await printCheckLines(lines(), terminal)
  const steady = RUN_TO_RUN.reduce((text, [form, drawn]) => text.replaceAll(form, drawn), terminal.printed) // biome-ignore format: a line
  const drawn = terminalPicture('onescan check --mail you@example.org', steady)
  const file = join(import.meta.dirname, '../../../../../doc/pictures/check-mail.svg')
  if (process.env.PICTURES === 'write') writeFileSync(file, drawn)
  t.equal(readFileSync(file, 'utf8'), drawn, 'PICTURES=write draws it again')
}

/** A certificate that nobody knows, as new hosts have. */
function certificate(t: Test): string {
  const file = join(openDirectory(t), 'both.pem')
  const words = 'req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=client.example.org'.split(' ')
  execFileSync('openssl', [...words, '-keyout', file, '-out', `${file}.crt`], { stdio: 'ignore' })
  execFileSync('/bin/sh', ['-c', 'cat "$0.crt" >>"$0"', file])
  return file
}

t.test(
  'if tests through two ports fail because of a bug, check ends with that error alone',
  async (t) => {
    const broken = (name: string) =>
      ({
        port: 1,
        get security(): never {
          throw new Error(name)
        },
      }) satisfies SendingWay
    const unhandled: unknown[] = []
    const note = (error: unknown) => void unhandled.push(error)
    process.on('unhandledRejection', note)
    t.teardown(() => process.off('unhandledRejection', note))
    const checkLines = checkByMail('ann@example.org', [], {
      ways: [broken('first'), broken('second')],
    })
    await t.rejects(checkLines.next(), { message: 'first' })
    await new Promise(setImmediate)
    t.same(unhandled, [])
  },
)

t.test(
  'each way into Postfix is tested: over TLS, through sendmail, and where it requires a password',
  { skip: postfixMissing || lacks('openssl') },
  async (t) => {
    const [starts, whole, closed, aside] = [
      await freePort(),
      await freePort(),
      await freePort(),
      await freePort(),
    ]
    const pem = certificate(t)
    const main = {
      smtpd_tls_chain_files: pem,
      smtpd_tls_security_level: 'may',
      // As many hosts have it.
      smtpd_helo_required: 'yes',
      smtpd_helo_restrictions: 'reject_invalid_helo_hostname, reject_non_fqdn_helo_hostname',
    }
    const service = (port: number, ...own: readonly string[]) =>
      [`${port} inet n - n - - smtpd`, ...own.map((text) => `  -o ${text}`), ''].join('\n')
    const services = [
      service(starts, 'smtpd_tls_security_level=encrypt'),
      service(whole, 'smtpd_tls_wrappermode=yes'),
      service(
        closed,
        'smtpd_tls_security_level=encrypt',
        'smtpd_relay_restrictions=reject',
        'smtpd_sasl_auth_enable=yes',
      ),
      service(aside, 'smtpd_milters='),
    ].join('')
    const host = await mailHost(t, { REJECTVIRUS: '1' }, (milter) => ({
      main: { ...toMilter(milter), ...main },
      services,
    }))
    const { postfix, sendmail: program, log } = host
    const ways: SendingWay[] = [
      plain(postfix.port),
      { port: starts, security: 'starttls' },
      { port: whole, security: 'tls' },
      { port: closed, security: 'starttls' },
      plain(starts),
      plain(aside),
      { program },
    ]
    const found = await findingsByMail(ways, [log])
    const names = { [`port ${postfix.port}`]: 'port 25', [`port ${whole}`]: 'port 465', [program]: '/usr/sbin/sendmail' } // biome-ignore format: a line
    await isPictured(t, found, names)
    complainsOnly(t, found, [
      new RegExp(
        `^ok port ${postfix.port}, clean mail: is scanned by the milter interface, and accepted`,
      ),
      new RegExp(`^ok port ${postfix.port}, EICAR: is refused by the milter interface: EICAR`),
      new RegExp(`^ok port ${starts}, EICAR: is refused by the milter interface`),
      new RegExp(`^ok port ${whole}, EICAR: is refused by the milter interface`),
      new RegExp(
        `^warning port ${closed}: requires authentication, so mail through this port was not tested: 5`,
      ),
      // Again, as if it was a port of which nobody knows that it requires TLS.
      new RegExp(`^ok port ${starts}, EICAR: is refused by the milter interface`),
      new RegExp(
        `^error port ${aside}, clean mail: is accepted, but no log has a line from onescan about it`,
      ),
      new RegExp(
        `^error port ${aside}, EICAR: is accepted, but no log has a line from onescan about it`,
      ),
      new RegExp(`^ok ${program}, clean mail: is scanned by the milter interface`),
      new RegExp(`^ok ${program}, EICAR: is refused by the milter interface`),
    ])
  },
)

t.test(
  'a virus sent with sendmail reaches only VIRUSFORWARD, too',
  { skip: postfixMissing },
  async (t) => {
    const host = await mailHost(t, { VIRUSFORWARD: 'quar@example.org' })
    const { postfix, sendmail: program, log } = host
    complainsOnly(t, await findingsByMail([plain(postfix.port), { program }], [log]), [
      new RegExp(`^ok port ${postfix.port}, EICAR: is quarantined by the milter interface`),
      new RegExp(`^ok ${program}, EICAR: is quarantined by the milter interface`),
    ])
    const sentTo = (user: string) =>
      postfix.log().match(new RegExp(`to=<${user}@example\\.org>.* status=sent`, 'g'))?.length ?? 0
    await until(() => sentTo('quar') === 4 && sentTo('ann') >= 2, 'the deliveries')
    t.equal(sentTo('ann'), 2, 'the clean ones')
  },
)

t.test('a virus in a large message is looked for, too', { skip: postfixMissing }, async (t) => {
  const { postfix, log } = await mailHost(t, { REJECTVIRUS: '1', QHPSIMAXSIZE: '50000' })
  const { port } = postfix
  complainsOnly(t, await findingsByMail([plain(port)], [log]), [
    new RegExp(`^ok port ${port}, EICAR: is refused by the milter interface`),
    new RegExp(
      `^error port ${port}, EICAR in a large message: is accepted: onescan reports it as `,
    ),
  ])
})

t.test(
  'mail that Postfix itself drops is not reported as bypassing onescan',
  { skip: postfixMissing },
  async (t) => {
    const directory = openDirectory(t)
    const log = join(directory, 'log')
    writeFileSync(log, '', { mode: 0o644 })
    const main = {
      header_checks: 'regexp:{{/^Subject: onescan check/ DISCARD}}',
      maillog_file: log,
      maillog_file_prefixes: directory,
    }
    const { port } = await startPostfix(t, 1, main)
    const found = await findingsByMail([plain(port)], [log])
    t.match(linesOf(found), [
      /^warning port \d+, clean mail: is accepted by a rule of the mail server, .*: "discard: header Subject: .*; specify another address, or /,
      /^warning port \d+, EICAR: is accepted by a rule of the mail server, .*: "discard: header Subject: /,
    ])
  },
)

t.test(
  'mail that Postfix keeps after onescan has scanned it is reported with the rule or the error',
  { skip: postfixMissing },
  async (t) => {
    const services: string[] = []
    const way = async (...own: readonly string[]) => {
      const port = await freePort()
      services.push(`${port} inet n - n - - smtpd`, ...own.map((text) => `  -o ${text}`))
      return plain(port)
    }
    const access = (action: string) =>
      `{ smtpd_recipient_restrictions = check_recipient_access inline:{{ ann@example.org = ${action} }} }`
    const nobody = `smtp:[127.0.0.1]:${await freePort()}`
    const ways = [
      await way(access('HOLD')),
      await way('cleanup_service_name=holds'),
      await way(access(`FILTER ${nobody}`)),
      await way(`content_filter=${nobody}`),
      await way(),
    ]
    services.push('holds unix n - n - 0 cleanup')
    services.push('  -o { header_checks = regexp:{{/^Subject: onescan/ HOLD}} }', '')
    const directory = openDirectory(t)
    const mailLog = join(directory, 'log')
    writeFileSync(mailLog, '', { mode: 0o644 })
    const host = await mailHost(t, { REJECTVIRUS: '1' }, (milter) => ({
      main: { ...toMilter(milter), maillog_file: mailLog, maillog_file_prefixes: directory },
      services: services.join('\n'),
    }))
    const found = linesOf(await findingsByMail(ways, [host.log, mailLog]))
    const held = (rule: string) =>
      new RegExp(
        `^warning port \\d+, clean mail: is scanned by the milter interface, and held in the queue of Postfix \\(Subject: onescan check \\w+\\): "hold: ${rule}.*"; remove HOLD from .*; postsuper -H ALL releases `,
      )
    const waits =
      /^error port \d+, clean mail: is scanned by the milter interface, and waits in the queue of the mail server \(Subject: .*\): "status=deferred \(.*Connection refused\)"; fix the error that it reports, or the content_filter, transport or FILTER that sends mail there, then run postsuper -r ALL$/
    t.match(
      found.filter((line) => line.includes('clean mail')),
      [
        held('RCPT from .* triggers HOLD action'),
        held('header Subject: onescan check'),
        waits,
        /^error port \d+, clean mail: .* waits in .*; the remedy is that for port \d+, clean mail, above$/,
        /^ok port \d+, clean mail: is scanned by the milter interface, and accepted$/,
      ],
    )
  },
)

t.test(
  'a filter that uses onescand as clamd for parts of mail is recognised by its log lines',
  async (t) => {
    const log = join(openDirectory(t), 'log')
    writeFileSync(log, '')
    const asked = (fields: string) =>
      appendFileSync(
        log,
        `onescan: decision=${fields} interface=clamd remote=127.0.0.1 size=68 from=<> rcpts=0 total_ms=2.0\n`,
      )
    let mails = 0
    const next = await startNext(t)
    next.script = (verb) => {
      if (verb !== '.') return undefined
      if (mails++ === 0) {
        asked('accept scan=clean scanner=clamd')
        return undefined
      }
      asked('reject scan=infected scanner=clamd virus=Win.Test.EICAR_HDB-1 grounds=virus')
      return '554 5.7.1 clamav: virus found'
    }
    complainsOnly(t, await findingsByMail([plain(next.port)], [log]), [
      /^warning port \d+, clean mail: is accepted, but the filter submitted only parts of the message to onescand's clamd interface; configure the filter to pass the whole message to onescan as doc\/clamd-clients.md shows$/,
      /^ok port \d+, EICAR: is refused: 554 5\.7\.1 clamav: virus found \(as clamd, onescand found Win\.Test\.EICAR_HDB-1 in a part\)$/,
    ])
  },
)

t.test(
  'parts of mail that a filter also submits as a whole are no evidence about other mail',
  async (t) => {
    const parts =
      'onescan: decision=accept scan=clean interface=clamd remote=127.0.0.1 from=<> rcpts=0\n'
    const filtered = await serverWithLog(
      t,
      'decision=accept scan=SCAN MSGID interface=clamd',
      parts,
    )
    const other = await startNext(t)
    const found = await findingsByMail([plain(filtered.port), plain(other.port)], [filtered.log])
    const clean = linesOf(found).filter((line) => line.includes('clean mail'))
    t.match(clean, [
      /^ok port \d+, clean mail: is scanned /,
      /^error port \d+, clean mail: is accepted, but no log has a line from onescan about it/,
    ])
  },
)

t.test('mail is not reported as unscanned if the log of qmail is not read', async (t) => {
  const next = await startNext(t)
  const found = await findingsByMail([plain(next.port)], [], undefined, { readsSlots: false })
  complainsOnly(t, found, [
    /^warning port \d+, clean mail: is accepted, but it is unknown whether onescan scanned it, since the log of qmail's SMTP service was not read: .*; .*; specify the log of qmail's SMTP service with --log$/,
    /^warning port \d+, EICAR: is accepted, but it is unknown whether onescan scanned it, /,
  ])
})

t.test('mail that onescan did not see has the page of its server as the remedy', async (t) => {
  const servers = [
    ['250 ok 1790000000 qp 4711', 'connect the mail server to onescan as doc/qmail\\.md shows'],
    ['250 OK id=1vPx2A-00000001wSh-1abc', 'put "deny malware = \\*" at the top of the ACL that .*'],
    ['250 2.0.0 5AUD0001 Message accepted for delivery', 'connect .* as doc/other-servers\\.md .*'],
    ['250 2.0.0 Ok: queued as 4dKx', "add onescan's milter to smtpd_milters as README\\.md .*"],
  ] as const
  for (const [reply, remedy] of servers) {
    const { port } = await startNext(t, { script: (verb) => (verb === '.' ? reply : undefined) })
    const unseen = new RegExp(
      `is accepted, but no log has a line from onescan about it: .*; ${remedy}, or specify the log with --log `,
    )
    const again =
      /, EICAR: is accepted, but .*; the remedy is that for port \d+, clean mail, above$/
    complainsOnly(t, await findingsByMail([plain(port)], []), [unseen, again])
  }
})

t.test('mail that a client of clamd accepts unscanned is not called deferred', async (t) => {
  const line = 'decision=defer scan=failed reason="clamd is down" MSGID interface=clamd'
  const accepts = await serverWithLog(t, line)
  const accepted = (mail: string, remedy: string) =>
    new RegExp(
      `^error port \\d+, ${mail}: is accepted, although onescan could not scan it: clamd is down; .* may get this mail .*; ${remedy}`,
    )
  t.match(linesOf(await findingsByMail([plain(accepts.port)], [accepts.log])), [
    accepted('clean mail', 'make the clamd client defer mail .*/defer_ok'),
    accepted('EICAR', 'the remedy is that for port'),
  ])
  const waits =
    'Nov 20 10:00:00 mx postfix/cleanup[1]: 4A1: message-id=MSGID\nNov 20 10:00:01 mx postfix/smtp[1]: 4A1: to=<ann@example.org>, relay=127.0.0.1[127.0.0.1]:10024, status=deferred (451 4.5.0 Error)\n'
  const defers = await serverWithLog(t, line, waits)
  t.match(linesOf(await findingsByMail([plain(defers.port)], [defers.log])), [
    /, clean mail: is deferred by onescan: clamd is down; /,
    /, EICAR: is deferred by onescan: /,
  ])
  const complaint =
    '2026-11-30 12:00:00 1xW3Fj-00000000A1b-19cD malware acl condition: clamd 127.0.0.1 : unable to connect\n'
  const down = await serverWithLog(t, 'no line', complaint)
  t.match(linesOf(await findingsByMail([plain(down.port)], [down.log])), [
    /^error port \d+, clean mail: is accepted, but no log has a line from onescan .*, since the mail server accepts mail when a filter fails; .*; the mail server logged: "malware acl condition: clamd .*unable to connect"; run onescan check, .*; and let the server defer mail meanwhile: "malware" without \/defer_ok$/,
    /, EICAR: is accepted, but .*; the remedy is that for port \d+, clean mail, above$/,
  ])
})

t.test('a server that defers all mail, as without its milter, is an error', async (t) => {
  const next = await startNext(t, {
    script: (verb) => (verb === 'MAIL' ? '451 4.7.1 Service unavailable' : undefined),
  })
  t.match(await findingsByMail([plain(next.port)]), [
    {
      level: 'error',
      value: /^is not accepted, .*: 451 4\.7\.1/,
      remedy: /^run onescan check, and read the mail server's log/,
    },
  ])
})

t.test('a server that refuses the empty sender gets mail from another one', async (t) => {
  const next = await startNext(t, {
    script: (_, line) =>
      /^MAIL FROM:<>/i.test(`${line}`) ? '550 5.7.1 <>: no bounces here' : undefined,
  })
  t.match(linesOf(await findingsByMail([plain(next.port)])), [
    /^error port \d+, clean mail: is accepted, but no log /,
    /^error port \d+, EICAR: is accepted, /,
    /^warning port \d+, empty sender: is refused, so that bounces do not arrive here: 550 5\.7\.1 <>: no bounces here; exempt the empty sender /,
  ])
})

t.test(
  'a server that defers only mail with a sender is reported, and gets no content of that',
  async (t) => {
    const log = join(openDirectory(t), 'log')
    writeFileSync(log, '')
    const withSender = (reply: string) =>
      startNext(t, {
        script: (_, line) =>
          /^MAIL FROM:<postmaster@example\.com>/i.test(`${line}`) ? reply : undefined,
      })
    const next = await withSender(
      '450 4.1.8 <postmaster@example.com>: Sender address rejected: Domain not found',
    )
    const found = linesOf(await findingsByMail([plain(next.port)], [log]))
    t.match(
      found.filter((line) => line.includes('mail from')),
      [
        /^warning port \d+, mail from postmaster@example\.com: is deferred, although mail from the empty sender is accepted: 450 4\.1\.8 .*; find out with getent ahosts /,
      ],
    )
    t.equal(next.got.length, 3)
    // A site may refuse a domain that receives no mail.
    const strict = await withSender('550 5.7.1 not from there')
    const others = linesOf(await findingsByMail([plain(strict.port)], [log]))
    t.notMatch(others.join('\n'), /mail from postmaster@/)
  },
)

t.test('a server that refuses a large message for its size is an error', async (t) => {
  let mails = 0
  const next = await startNext(t, {
    script: (verb) =>
      verb === '.' && ++mails === 3 ? '552 5.3.4 Error: message file too big' : undefined,
  })
  t.match(
    linesOf(await findingsByMail([plain(next.port)])).filter((line) => line.includes('large')),
    [
      /^error port \d+, large mail: is refused for its size \(300 KB\), like most mail with attachments: 552 5\.3\.4 .*; raise the size limit /,
    ],
  )
})

t.test('a port at which the server waits for TLS is an error', async (t) => {
  const pem = readFileSync(certificate(t))
  const server = createTlsServer({ key: pem, cert: pem }, (socket) => {
    socket.on('error', () => {})
    socket.on('data', () => socket.write('550 not here\r\n'))
    socket.write('220 mx.example.org ESMTP\r\n')
  })
  server.on('tlsClientError', () => {})
  const port = await listen(t, server)
  t.match(linesOf(await findingsByMail([plain(port)])), [
    /^error port \d+: expects TLS at once, like port 465: senders get no greeting, .*; let this port begin without TLS: smtpd_tls_wrappermode=no /,
  ])
})

t.test('a domain or user of this host that it does not know is to be added', async (t) => {
  for (const [reply, remedy] of [
    [
      '554 5.7.1 <ann@example.org>: Relay access denied',
      /^if this host should take mail for example\.org, add that to mydestination .*; if not, specify an address /,
    ],
    [
      '550 5.1.1 <ann@example.org>: User unknown',
      /^if ann@example\.org should exist, create that user or alias on this host; if not, specify /,
    ],
  ] as const) {
    // biome-ignore format: a table
    const next = await startNext(t, { script: at('RCPT', reply) })
    t.match(await findingsByMail([plain(next.port)]), [{ level: 'warning', remedy }])
  }
})

t.test('a mailbox that is full is reported as that', async (t) => {
  const next = await startNext(t, {
    script: (verb) => (verb === 'RCPT' ? '452 4.2.2 Quota exceeded, try again later' : undefined),
  })
  t.match(await findingsByMail([plain(next.port)]), [
    {
      level: 'warning',
      value: /^accepts no mail for ann@example\.org, whose mailbox is full: 452 4\.2\.2 Quota/,
      remedy: /^free space in that mailbox \(onescan quota ann@example\.org\), or specify /,
    },
  ])
})

t.test('what the mail server logs about a filter that it does not reach is shown', async (t) => {
  const log = join(openDirectory(t), 'mail.log')
  writeFileSync(log, '')
  const complaint = 'connect to Milter service unix:onescan/milter.sock: Permission denied'
  const next = await startNext(t, {
    script: (verb) => {
      if (verb !== 'MAIL') return undefined
      appendFileSync(log, `Nov 29 12:00:00 mx postfix/smtpd[7]: warning: ${complaint}\n`)
      return '451 4.7.1 Service unavailable'
    },
  })
  t.match(await findingsByMail([plain(next.port)], [log]), [
    {
      level: 'error',
      value: new RegExp(
        `: 451 4\\.7\\.1.*; the mail server logged: "postfix/smtpd: warning: ${complaint}"$`,
      ),
      remedy: 'run onescan check, and fix the error that it logged',
    },
  ])
})

t.test('a server that accepts no such mail is reported, and nothing is sent', async (t) => {
  const next = await startNext(t, {
    script: (verb) => (verb === 'RCPT' ? '550 5.1.1 no such user' : undefined),
  })
  const gone = await freePort()
  t.match(await findingsByMail([plain(next.port), plain(gone)]), [
    { level: 'warning', value: /accepts no mail for .*: 550 5\.1\.1 no such user/ },
    { level: 'ok', what: `port ${gone}`, value: /^no server answers there: / },
  ])
  t.same(next.got.flatMap(({ recipients, content }) => [...recipients, `${content}`]).join(''), '')
  for (const wrong of ['ann', 'ann@x>\r\nQUIT', '', 'a b@example.org', '-oQ/tmp@example.org']) {
    const findings = await findingsByMail([plain(next.port)], [], wrong)
    t.match(findings, [{ level: 'error', what: '--mail' }])
  }
})

t.test('a server that refuses every connection is reported for any recipient', async (t) => {
  const server = createServer((socket) => socket.end('554 mx not accepting messages\r\n'))
  t.match(await findingsByMail([plain(await listen(t, server))]), [
    {
      level: 'error',
      value: /^is not accepted, .*: 554 mx/,
      remedy: /^run onescan check, and read the mail server's log/,
    },
  ])
})

t.test(
  'a server that listens only on another port is tested, and port 25 is reported as missing',
  { skip: isListening(25) && 'a mail server listens on port 25' },
  async (t) => {
    const next = await startNext(t, {
      script: (verb) => (verb === 'RCPT' ? '550 5.1.1 no such user' : undefined),
    })
    const found = await findingsByMail([plain(25), plain(next.port)])
    const value = new RegExp(`^no server answers there, although port ${next.port} answers: `)
    const remedy = /^if other hosts send mail to this host, make the mail server listen on port 25/
    t.match(found[0], { level: 'warning', what: 'port 25', value, remedy })
    t.match(await findingsByMail([plain(25)]), [
      { level: 'error', value: /^no server answers: /, remedy: /^start the mail server,/ },
    ])
  },
)

t.test(
  'a server that requires TLS is not reported as requiring authentication, even if it offers that',
  async (t) => {
    const next = await startNext(t)
    for (const extensions of [[], ['AUTH PLAIN']]) {
      next.extensions = extensions
      for (const [reply, wanted] of [
        ['530 5.7.0 Must issue a STARTTLS command first', 'TLS'],
        ['530 5.7.0 Authentication required', 'authentication'],
      ] as const) {
        next.script = at('MAIL', reply)
        t.match(await findingsByMail([plain(next.port)]), [
          { level: 'warning', value: new RegExp(`^requires ${wanted}, .*: ${reply}`) },
        ])
      }
    }
  },
)

t.test('no server uses another name for the sender domain of test mail', async (t) => {
  const next = await startNext(t)
  await findingsByMail([plain(next.port)])
  for (const { content } of next.got) {
    t.match(`${content}`, /^From: onescan check <postmaster@check\.onescan\.invalid>$/m)
  }
  t.not(next.got.length, 0)
})

/** A server that accepts all mail, and a log that gets this line about each. */
async function serverWithLog(t: Test, fields: string, more = '') {
  const log = join(openDirectory(t), 'log')
  writeFileSync(log, '')
  const next = await startNext(t)
  const seen = new Set<unknown>()
  const timer = setInterval(() => {
    for (const mail of next.got) {
      if (seen.has(mail)) continue
      seen.add(mail)
      const [, id] = /^Message-ID: (<\S+>)/m.exec(`${mail.content}`) ?? []
      const found = seen.size === 1 ? 'clean' : 'infected virus=EICAR-Test' // the first is the clean one
      const line = fields.replace('SCAN', found).replace('MSGID', `msgid=${id}`)
      appendFileSync(
        log,
        `onescan: ${line}\n${more.replaceAll('MSGID', `${id}`).replaceAll('4A1', `4A${seen.size}`)}`,
      )
    }
  }, 20)
  t.teardown(() => clearInterval(timer))
  return { log, port: next.port }
}

t.test('mail is accepted only if the last reply of the chain is 2xx', async (t) => {
  const line = 'decision=accept scan=SCAN MSGID from=<> interface=lmtp'
  for (const [more, shown] of [
    ['reply=451 next="451 4.3.0 Temporary internal error"', '451 4\\.3\\.0 Temporary'],
    ['reply=unsent', 'unsent'],
    ['reply=550 next="550 5.1.1 no such user"', '550 5\\.1\\.1'],
  ]) {
    const { port, log } = await serverWithLog(t, `${line} ${more}`)
    const [clean] = linesOf(await findingsByMail([plain(port)], [log]))
    const wanted = `^error port \\d+, clean mail: is scanned by the lmtp interface, but the next server does not accept it: ${shown}.*; read the log of the server in onescand's --next$`
    t.match(clean, new RegExp(wanted))
  }
  const { port, log } = await serverWithLog(t, `${line} reply=250`)
  const [clean] = linesOf(await findingsByMail([plain(port)], [log]))
  t.match(clean, /^ok port \d+, clean mail: is scanned by the lmtp interface, and accepted$/)
})

t.test('what a client of the clamd interface does with infected mail is its own', async (t) => {
  const line = 'decision=reject scan=SCAN MSGID interface=clamd'
  const open = await serverWithLog(t, line)
  const [, found] = linesOf(await findingsByMail([plain(open.port)], [open.log]))
  t.match(
    found,
    /^warning port \d+, EICAR: is found by the clamd interface: EICAR-Test, and accepted: ann@example\.org may get this mail /,
  )
  const logged =
    'Nov 20 10:00:00 mx postfix/cleanup[1]: 4A1: message-id=MSGID\nNov 20 10:00:01 mx postfix/smtp[1]: 4A1: to=<ann@example.org>, relay=127.0.0.1[127.0.0.1]:10024, status=sent (250 2.7.0 Ok, discarded, id=1 - INFECTED: EICAR-Test)\n'
  const kept = await serverWithLog(t, line, logged)
  const [, discarded] = linesOf(await findingsByMail([plain(kept.port)], [kept.log]))
  t.match(
    discarded,
    /^ok port \d+, EICAR: is found by the clamd interface: EICAR-Test, and the mail server reports: ".*discarded, id=1/,
  )
  const failing = logged.replace(/status=.*/, 'status=deferred (451 4.5.0 Error in processing)')
  const late = await serverWithLog(t, line, failing)
  const [, waiting] = linesOf(await findingsByMail([plain(late.port)], [late.log]))
  t.match(
    waiting,
    /^error port \d+, EICAR: is found by the clamd interface: EICAR-Test, and waits in the queue .*: "status=deferred \(451 /,
  )
  for (const text of [found, discarded]) t.notMatch(text, /bounces|--after-queue|tagged/)
})

t.test(
  'mail that waits in a long queue is reported as that, whatever a filter asks meanwhile',
  async (t) => {
    const queued = 'Nov 20 10:00:00 mx postfix/cleanup[1]: 4A1: message-id=MSGID\n'
    const ofOthers =
      'onescan: decision=reject scan=infected virus=EICAR-Test interface=clamd from=<> rcpts=0\n'
    const { port, log } = await serverWithLog(t, 'interface=smtp', `${queued}${ofOthers}`)
    const program = join(openDirectory(t), 'sendmail')
    writeFileSync(program, '#!/bin/sh\necho "-- 1234 Kbytes in 312 Requests."\n', { mode: 0o755 })
    const [clean, infected] = linesOf(await findingsByMail([plain(port), { program }], [log]))
    t.match(
      clean,
      /^warning port \d+, clean mail: is accepted, and still in the queue of the mail server \(messages there: 312\): its outcome is not known yet; run this check again when mailq lists fewer messages; /,
    )
    t.match(infected, /^warning port \d+, EICAR: is accepted, and still in the queue /)
  },
)

t.test(
  'infected mail of a local program that a client of clamd makes bounce is kept out',
  async (t) => {
    const directory = openDirectory(t)
    const log = join(directory, 'log')
    const program = join(directory, 'sendmail')
    writeFileSync(log, '', { mode: 0o644 })
    const logged = [
      'onescan: interface=clamd decision=reject scan=infected virus=Eicar msgid=$id',
      'mx postfix/cleanup[1]: 4A$$: message-id=$id',
      'mx postfix/cleanup[1]: 4A$$: to=<ann@example.org>, relay=none, dsn=5.7.1, status=bounced (Eicar found)',
    ]
    const lines = logged.map((line) => `echo "${line}" >>${log}\n`).join('')
    writeFileSync(program, `#!/bin/sh\nid=$(sed -n 's/^Message-ID: //p')\n${lines}`, {
      mode: 0o755,
    })
    const found = linesOf(await findingsByMail([{ program }], [log]))
    t.match(
      found.find((line) => /, EICAR: /.test(line)),
      /^ok .*, EICAR: is found by the clamd interface: Eicar, and the mail server reports: "status=bounced/,
    )
  },
)

t.test('mail of a local program that the mail server has not begun to handle', async (t) => {
  const directory = openDirectory(t)
  const [log, program] = [join(directory, 'log'), join(directory, 'sendmail')]
  writeFileSync(log, '', { mode: 0o644 })
  writeFileSync(program, '#!/bin/sh\ncat >/dev/null\n', { mode: 0o755 })
  const found = await findingsByMail([{ program }], [log])
  for (const { level, what, value, remedy } of found) {
    t.equal(level, 'error')
    t.match(
      value,
      /^is accepted, but no log has a line about it, from onescan or the mail server, /,
    )
    if (/clean/.test(what))
      t.match(remedy, /^run onescan check; if that finds no problems, specify the mail server's log /) // biome-ignore format: a line
  }
  t.equal(found.length, 2)
})

t.test('mail of a local program that another milter refuses did not get to onescan', async (t) => {
  const directory = openDirectory(t)
  const [log, program] = [join(directory, 'log'), join(directory, 'sendmail')]
  writeFileSync(log, '', { mode: 0o644 })
  const script = `#!/bin/sh
mail=$(cat)
id=$(echo "$mail" | sed -n 's/^Message-ID: //p')
exec >>${log}
echo "mx postfix/cleanup[1]: 4A$$: message-id=$id"
case $mail in
*WDVPIVAlQEFQ*) # EICAR
  echo "mx postfix/cleanup[1]: 4A$$: milter-reject: END-OF-MESSAGE from localhost[127.0.0.1]: 5.7.1 clamav: virus found; from=<> to=<ann@example.org>"
  echo "mx postfix/cleanup[1]: 4A$$: to=<ann@example.org>, relay=none, dsn=5.7.1, status=bounced (clamav: virus found)";;
*) echo "onescan: interface=milter decision=accept scan=clean msgid=$id";;
esac
`
  writeFileSync(program, script, { mode: 0o755 })
  const [clean, infected] = linesOf(await findingsByMail([{ program }], [log]))
  t.match(clean, /^ok .*, clean mail: is scanned by the milter interface/)
  t.match(
    infected,
    /^warning .*, EICAR: is refused by another filter before onescan saw it: milter-reject: END-OF-MESSAGE from localhost\[127\.0\.0\.1\]: 5\.7\.1 clamav: virus found/,
  )
})

t.test(
  'clean mail of a local program that another milter refuses is reported as that',
  async (t) => {
    const directory = openDirectory(t)
    const [log, program] = [join(directory, 'log'), join(directory, 'sendmail')]
    writeFileSync(log, '')
    const script = `#!/bin/sh
id=$(sed -n 's/^Message-ID: //p')
echo "mx postfix/cleanup[1]: 4A$$: message-id=$id
mx postfix/cleanup[1]: 4A$$: milter-reject: END-OF-MESSAGE from localhost[127.0.0.1]: 5.7.1 Spam message rejected; from=<>" >>${log}
`
    writeFileSync(program, script, { mode: 0o755 })
    const found = await findingsByMail([{ program }], [log])
    t.match(found[0], {
      level: 'warning',
      value: /^is refused by another filter before onescan saw it: milter-reject: .*Spam message/,
      remedy: /^switch off the other filter's virus scan \(rspamd: /,
    })
    t.notMatch(linesOf(found).join('\n'), /connect the mail server to onescan/)
  },
)

t.test(
  "mail of local programs does not meet Exim's scanner, also while that is down",
  async (t) => {
    const directory = openDirectory(t)
    const [log, program] = [join(directory, 'log'), join(directory, 'exim4')]
    writeFileSync(log, '')
    const down =
      '2026-12-01 15:00:00 1xW3Fj-00000000A1b-19cD malware acl condition: clamd 127.0.0.1 : unable to connect'
    writeFileSync(program, `#!/bin/sh\necho '${down}' >>${log}\n`, { mode: 0o755 })
    t.match(await findingsByMail([{ program }], [log]), [
      {
        level: 'warning',
        value: /^is accepted, but not scanned, like all mail of local/,
        remedy: /^set acl_not_smtp to an ACL with /,
      },
    ])
  },
)

t.test('mail of local programs does not meet a proxy that onescan does not answer', async (t) => {
  const directory = openDirectory(t)
  const [log, program] = [join(directory, 'log'), join(directory, 'sendmail')]
  writeFileSync(log, '')
  const refused =
    'mx postfix/smtpd[7]: warning: connect to proxy filter 127.0.0.1:10025: Connection refused'
  writeFileSync(program, `#!/bin/sh\necho '${refused}' >>${log}\n`, { mode: 0o755 })
  const found = await findingsByMail([{ program }], [log])
  t.match(found, [
    { level: 'warning', value: /^is accepted, but not scanned, like all mail of local/ },
  ])
  t.notMatch(linesOf(found).join('\n'), /when a filter fails|smtpd_milters/)
})

t.test('mail of local programs does not meet a proxy before the queue of Postfix', async (t) => {
  const directory = openDirectory(t)
  const program = join(directory, 'sendmail')
  const { log, port } = await serverWithLog(t, 'decision=accept scan=SCAN MSGID interface=smtp')
  writeFileSync(program, '#!/bin/sh\ncat >/dev/null\n', { mode: 0o755 })
  const proxied = 'mx postfix/smtpd[7]: proxy-accept: END-OF-MESSAGE: 250 2.0.0 Ok; from=<>\n'
  const written = setInterval(() => appendFileSync(log, proxied), 500)
  t.teardown(() => clearInterval(written))
  const found = await findingsByMail([plain(port), { program }], [log])
  t.match(found.slice(2), [
    {
      level: 'warning',
      value: /^is accepted, but not scanned, like all mail of local programs; /,
      remedy:
        /^connect Postfix to onescan as a milter instead of a proxy, as doc\/postfix\.md shows/,
    },
  ])
})

const isIpv6Here = Object.values(networkInterfaces())
  .flat()
  .some((one) => one?.address === '::1')

t.test(
  'a server that listens at ::1 alone is tested there',
  { skip: !isIpv6Here && 'a loopback interface with ::1' },
  async (t) => {
    const { log, port } = await serverWithLog(t, 'decision=accept scan=SCAN MSGID interface=milter')
    const server = createServer((socket) => {
      const behind = connect(port, '127.0.0.1')
      behind.on('error', () => {})
      socket.pipe(behind).pipe(socket)
    })
    const own = await listen(t, server, { host: '::1' })
    const [clean] = linesOf(await findingsByMail([plain(own)], [log]))
    t.match(clean, /^ok port \d+, clean mail: is scanned by the milter interface, and accepted$/)
  },
)

t.test('mail refused after a queue bounces, also if a program sent it', async (t) => {
  const directory = openDirectory(t)
  const [log, program] = ['log', 'sendmail'].map((name) => join(directory, name)) as [
    string,
    string,
  ]
  writeFileSync(log, '', { mode: 0o644 })
  const judged = async (door: string, seconds = 0) => {
    const line = `onescan: interface=${door} decision=reject virus=Eicar msgid=$id`
    const script = `#!/bin/sh\nid=$(sed -n 's/^Message-ID: //p')\n(sleep ${seconds}; echo "${line}" >>${log}) >/dev/null 2>&1 &\n`
    writeFileSync(program, script, { mode: 0o755 })
    return linesOf(await findingsByMail([{ program }], [log])).filter((line) => /EICAR/.test(line))
  }
  t.match(await judged('smtp'), [/^error .*after the server accepted it: .*; add --after-queue/])
  for (const seconds of [0, 7]) {
    // Another filter of the queue, such as rspamd, may look at it for seconds first.
    const lines = await judged('milter', seconds)
    t.match(
      lines,
      [/^ok .* EICAR: is refused by the milter interface: Eicar/],
      `${seconds} s later`,
    )
  }
})

t.test('without a readable log nothing is ok', async (t) => {
  const next = await startNext(t)
  const levels = (await findingsByMail([plain(next.port)])).map(({ level }) => level)
  t.same(levels, ['error', 'error'])
})

t.test('mail is not reported as unscanned if a log was not read to its end', async (t) => {
  const next = await startNext(t)
  const path = join(t.testdir({ current: t.fixture('symlink', '/dev/null') }), 'current')
  const found = await findingsByMail(
    [plain(next.port)],
    [{ path, modified: Date.now(), isFound: true }],
  )
  complainsOnly(t, found, [
    /^warning port \d+, clean mail: .* it is unknown whether onescan scanned it, since a log was not read to its end \(.*current: is a link/,
    /^warning port \d+, EICAR: .*, but it is unknown whether onescan scanned it, /,
    /^warning log: .*current: is a link/,
  ])
})

t.test('onescand reports that its log is lost, and no mail is sent', async (t) => {
  for (const [LOGFILE, reason] of [
    ['/nonexistent/log', 'not visible to onescand'],
    ['/dev/null', 'a device'],
  ] as const) {
    const daemon = await startOnescand(t, { settings: { QHPSI: 'plugin: eicar', LOGFILE } })
    const env = { ONESCAN_SOCKET: daemon.socket }
    const { code, out } = await onescan(['check', '--mail', 'ann@example.org'], { env, root: true })
    t.equal(code, 2)
    t.match(
      out,
      `LOGFILE: ${LOGFILE} is ${reason}: the lines about mail are lost, and no mail was sent\n`,
    )
  }
})

const SENDMAIL = '/usr/sbin/sendmail'

t.test(
  'root has an unprivileged account send mail through each port and program of the host',
  { skip: ownDirectoriesMissing || (!existsSync(SENDMAIL) && 'install Debian package postfix') },
  async (t) => {
    const bare = makeMachine(t)
    const program = join(openDirectory(t), 'sendmail')
    const script = '#!/bin/sh\ncat >/dev/null\necho "uid $(id -u) sends to $5" >&2\nexit 75\n'
    writeFileSync(program, script, { mode: 0o755 })
    // A host without any server, as far as the network goes.
    const apart = `mount --bind "$0" ${SENDMAIL} && exec "$@"`
    const around: typeof bare.around = (words) =>
      bare.around(['unshare', '--net', '/bin/sh', '-c', apart, program, ...words])
    const found = await findingsOn({ ...bare, around }, '--mail', 'ann@example.org')
    complainsOnly(t, found, [
      /^error port 25: no server answers: .*(connection refused|no route to the network)/,
      /^ok port 587: no server answers there/,
      /^ok port 465: no server answers there/,
      /^error \/usr\/sbin\/sendmail, clean mail: is not accepted, .*: uid \d+ sends to ann@example\.org/,
    ])
    t.notMatch(linesOf(found).join(), 'uid 0 sends')
  },
)
