import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { createServer as createTlsServer } from 'node:tls'
import t, { type Test } from 'tap'
import type { CheckLine } from '../../../../../src/base/check/check-line.ts'
import { checkNamedServer } from '../../../../../src/scanner/cli/check/test-mail/check-named-server.ts'
import type { SmtpWay } from '../../../../../src/scanner/cli/check/test-mail/send-mail.ts'
import type { Mailbox } from '../../../../../src/scanner/cli/check/test-mail/test-mailbox.ts'
import { linesOf } from '../../../../check-lines.ts'
import { lacks } from '../../../../needs.mjs'
import { listen } from '../../../../programs/host/listen.ts'
import { openDirectory } from '../../../../programs/host/reachable.ts'
import {
  at,
  type NextServerSetup,
  type Script,
  startNext,
} from '../../../doors/smtp/next-server.ts'
import { ofPlain, onescan } from '../../onescan.ts'

/** `onescan check --mail ADDRESS --smtp HOST:PORT`: what a server did that is not ours. */

interface Asked extends Partial<Omit<SmtpWay, 'foreign'>> {
  readonly foreign?: Partial<NonNullable<SmtpWay['foreign']>>
  readonly mailbox?: Mailbox
  readonly greets?: number
}

async function findingsAt(port: number, { mailbox, greets = 20_000, ...way }: Asked = {}) {
  const checkLines: CheckLine[] = []
  const usual = { authorities: undefined, login: undefined, greets, answers: 20_000 }
  const foreign = { ...usual, ...way.foreign }
  const named = {
    address: 'ann@example.org',
    way: { port, host: '127.0.0.1', security: 'none', ...way, foreign } as const,
    mailbox,
    deliveredWithin: 1_000,
  }
  for await (const checkLine of checkNamedServer(named)) checkLines.push(checkLine)
  return checkLines
}

const isClean = (content: string) => content.includes('Nothing here')
/** Replies to the end of each infected mail. */
const toInfected =
  (reply: string): Script =>
  (verb, content) =>
    verb === '.' && !isClean(content) ? reply : undefined

const levelsOf = (checkLines: readonly CheckLine[]) =>
  checkLines.map(({ level }) => level).join(' ')
const OK = Array(9).fill('ok').join(' ')

t.test('a server that refuses infected mail passes the check', async (t) => {
  const next = await startNext(t, { script: toInfected('550 5.7.1 virus found') })
  const checkLines = await findingsAt(next.port)
  t.equal(levelsOf(checkLines), OK)
  t.match(linesOf(checkLines), [
    /^ok clean mail: accepted: 250 2\.0\.0 next queued it as 1 for 1$/,
    /^ok EICAR in the body: refused with 550 5\.7\.1 virus found$/,
  ])
  t.match(checkLines[1]!.mail, {
    id: /^[0-9a-f-]{36}@check\.onescan\.invalid$/,
    answer: 'refused',
    code: 550,
    reply: '550 5.7.1 virus found',
  })
  t.equal(next.calls, 9)
  const recipients = next.commands.filter((line) => line.startsWith('RCPT'))
  t.same(recipients, Array(9).fill('RCPT TO:<ann@example.org>'))
})

/** A server, and what is found: the first lines that are not ok. The number of messages that are tried. */
const servers: Readonly<Record<string, readonly [NextServerSetup, RegExp, number]>> = {
  'refuses all mail': [
    { script: at('.', '550 5.7.1 spam') },
    /^error clean mail: refused with 550 5\.7\.1 spam; .*read the mail server's log$/m,
    1,
  ],
  'delays mail of strangers': [
    { script: at('RCPT', '450 4.2.0 Greylisted') },
    /^error clean mail: deferred with 450 4\.2\.0 Greylisted; .*\(greylisting\), run onescan check again later/,
    1,
  ],
  'requires TLS': [
    { script: at('MAIL', '530 5.7.0 Must issue a STARTTLS command first') },
    /^error clean mail: refused with 530 .*; add --tls$/m,
    1,
  ],
  'wants a password': [
    { script: at('MAIL', '530 5.7.0 Authentication required') },
    /^error clean mail: refused with 530 .*--tls, --smtp-user and --password-file$/m,
    1,
  ],
  'does not know the address': [
    {
      extensions: ['AUTH PLAIN'],
      script: at('RCPT', '550 5.1.1 <ann@example.org>: User unknown in local recipient table'),
    },
    /^error clean mail: refused with 550 5\.1\.1 .*; specify an address whose mail it accepts$/m,
    1,
  ],
  'does not know the address, by words': [
    { script: at('RCPT', '550 Unrouteable address') },
    /^error clean mail: refused with 550 .*; specify an address whose mail it accepts, or exempt this host/m,
    1,
  ],
  'has no mail for the domain': [
    { script: at('RCPT', '454 4.7.1 <ann@example.org>: Relay access denied') },
    /^error clean mail: deferred with 454 4\.7\.1 .*; specify an address whose mail it accepts, or add --tls, --smtp-user and --password-file$/m,
    1,
  ],
  'has no mail for the domain, for good': [
    { script: at('RCPT', '550 5.7.1 <ann@example.org>... Relaying denied') },
    /^error clean mail: refused with 550 5\.7\.1 .*; specify an address whose mail it accepts, or add --tls, --smtp-user and --password-file$/m,
    1,
  ],
  'blocks this host': [
    { script: at('MAIL', '550 5.7.1 blocked using zen.spamhaus.org') },
    /^error clean mail: refused with 550 5\.7\.1 .*; exempt this host and the empty sender/m,
    1,
  ],
  'has no space': [
    { script: at('MAIL', '452 4.3.1 Insufficient system storage') },
    /^error clean mail: deferred with 452 4\.3\.1 .*; read the mail server's log$/m,
    1,
  ],
  'accepts everything': [
    {},
    /^error EICAR in the body: accepted: 250 .*; unknown whether it was tagged; refuse such mail, or specify a --maildir in which the clean mail arrives$/m,
    9,
  ],
  'defers what is infected': [
    { script: toInfected('451 4.7.1 try again') },
    /^warning EICAR in the body: deferred with 451 4\.7\.1 try again; refuse it with 5xx/,
    9,
  ],
  'drops the connection at an infected mail': [
    {
      script: (verb, content, socket) => {
        if (verb !== '.' || isClean(content)) return undefined
        socket.destroy()
        return 'silence'
      },
    },
    /^error EICAR in the body: no answer: .*\nerror other mail: not sent: EICAR attached, .*clean mail, the last; /,
    2,
  ],
}
for (const [what, [setup, expected, mails]] of Object.entries(servers)) {
  t.test(`a server that ${what} does not`, async (t) => {
    const next = await startNext(t, setup)
    const checkLines = await findingsAt(next.port)
    const lines = linesOf(checkLines).filter((line) => !line.startsWith('ok '))
    t.match(lines.join('\n'), expected)
    t.equal(next.calls, mails)
  })
}

t.test('a server that refuses everything from some mail on fails the check', async (t) => {
  for (const [verb, infected] of [
    ['.', 'ok'],
    ['MAIL', 'error'],
  ] as const) {
    const next = await startNext(t)
    next.script = (command) =>
      command === verb && next.calls > 1 ? '550 5.7.1 too much mail' : undefined
    const checkLines = await findingsAt(next.port)
    t.match(checkLines[1], { level: infected, value: /^refused with 550 5\.7\.1 too much mail/ })
    t.match(linesOf(checkLines).at(-1), /^error clean mail, the last: refused with 550/)
  }
})

t.test('a server that closes at once, or greets late, is an error and gets nothing', async (t) => {
  let calls = 0
  let got = ''
  const closing = createServer((socket) => {
    calls++
    socket.end()
  })
  const silent = createServer((socket) => void socket.on('data', (piece) => (got += piece)))
  const [first, second] = [await listen(t, closing), await listen(t, silent)]
  t.match(linesOf(await findingsAt(first)), [
    /^error clean mail: no answer: .*closed/,
    /^error other mail: not sent: /,
  ])
  t.equal(calls, 1)
  const late = linesOf(await findingsAt(second, { greets: 300 }))
  t.match(late, [/^error clean mail: no answer: Greeting never received; /, /^error other mail/])
  t.equal(got, '')
  t.match(linesOf(await findingsAt(1)), [
    /^error clean mail: no answer: .*connection refused.*--smtp HOST:PORT$/,
    /other mail/,
  ])
  const nowhere = linesOf(await findingsAt(25, { host: 'mx.invalid' }))
  t.match(nowhere, [
    /^error clean mail: no answer: .*(?:no such name|the name server does not answer).*--smtp HOST:PORT$/,
    /other mail/,
  ])
})

t.test('a server at one address of several is found', { skip: lacks('mounts') }, async (t) => {
  const places = ['127.0.0.2', '127.0.0.3']
  const hosts = join(openDirectory(t), 'hosts')
  writeFileSync(hosts, places.map((place) => `${place} mx.example.org\n`).join(''))
  const own = 'mount --bind "$0" /etc/hosts && exec "$@"'
  const around = ['unshare', '--mount', '/bin/sh', '-c', own, hosts]
  for (const place of places) {
    const next = await startNext(t, { script: toInfected('550 5.7.1 virus found') })
    const server = createServer((socket) => {
      const behind = connect(next.port, '127.0.0.1').on('error', () => {})
      socket.pipe(behind).pipe(socket)
    })
    const port = await listen(t, server, { host: place })
    const words = ['--mail', 'ann@example.org', '--smtp', `mx.example.org:${port}`]
    const { code, out } = await onescan(['check', ...words], { around })
    t.equal(code, 0, `${place}: ${out}`)
  }
})

t.test(
  'a silent server at the port for TLS gets the remedy',
  { skip: lacks('root') },
  async (t) => {
    await listen(t, createServer(), { host: '127.0.0.99', port: 465 })
    const [found] = await findingsAt(465, { host: '127.0.0.99', greets: 300 })
    t.match(found, { level: 'error', value: /Greeting never received/, remedy: 'add --tls' })
  },
)

const login = { user: 'ann', pass: 'secret' }

t.test('a server that sends an answer in pieces, without end, is an error', async (t) => {
  const server = createServer((socket) => {
    const timer = setInterval(() => socket.write('250-more\r\n'), 50)
    socket.on('error', () => {}).on('close', () => clearInterval(timer))
    socket.write('220 mx.example.org\r\n')
  })
  const port = await listen(t, server)
  const checkLines = await findingsAt(port, { greets: 500, foreign: { answers: 300 } })
  t.match(checkLines[0], { level: 'error', value: /the SMTP session did not end within 1\.4 s/ })
})

t.test('a server that sends empty lines without end is an error', async (t) => {
  let sent = 0
  const server = createServer((socket) => {
    const lines = Buffer.alloc(64 * 1024, '\r\n')
    const send = () => {
      while (!socket.destroyed && socket.write(lines)) sent += lines.length
    }
    socket.on('error', () => {}).on('drain', send)
    socket.write('220 mx.example.org\r\n')
    send()
  })
  const checkLines = await findingsAt(await listen(t, server))
  t.match(checkLines[0], { level: 'error', value: /the server sends too much/ })
  t.ok(sent < 64 * 1024 * 1024, `after ${sent} bytes`)
})

t.test('nothing is sent in clear text if TLS is required and not offered', async (t) => {
  for (const extensions of [['AUTH PLAIN'], ['STARTTLS', 'AUTH PLAIN']]) {
    const next = await startNext(t, {
      extensions,
      script: at('STAR', '454 4.7.0 TLS not available'),
    })
    const foreign = { login }
    const checkLines = await findingsAt(next.port, { security: 'starttls', foreign })
    t.match(
      linesOf(checkLines)[0],
      /^error clean mail: deferred with 454 4\.7\.0 TLS not available; configure the server to offer TLS/,
    )
    t.same(
      next.commands.map((line) => line.slice(0, 4)),
      ['EHLO', 'STAR'],
    )
    // No command line can have a login without --tls.
    await findingsAt(next.port, { foreign })
    t.notMatch(next.commands.join('\n'), /AUTH/)
  }
})

/** A certificate for this name that signs itself, valid around a date of `faketime`, if that is given. */
function certificate(t: Test, name: string, ...around: readonly string[]) {
  const file = join(openDirectory(t), 'key')
  const words = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=x', '-addext', `subjectAltName=${name}`] // biome-ignore format: a line
  const command = [...around, 'openssl', ...words, '-keyout', file, '-out', `${file}.crt`]
  execFileSync(command[0]!, command.slice(1), { stdio: 'ignore' })
  return { key: readFileSync(file), cert: readFileSync(`${file}.crt`) }
}

t.test(
  'a certificate must be valid, and be for the named host',
  { skip: lacks('openssl', 'faketime') },
  async (t) => {
    // A variable by which Node verifies nothing.
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'
    t.teardown(() => delete process.env.NODE_TLS_REJECT_UNAUTHORIZED)
    const certificates = {
      'no known authority': [certificate(t, 'IP:127.0.0.1'), false, /self-signed certificate/],
      'another name': [certificate(t, 'DNS:mx.example.org'), true, /does not match certificate/],
      expired: [certificate(t, 'IP:127.0.0.1', 'faketime', '2020-01-01'), true, /certificate has expired/], // biome-ignore format: a line
      valid: [certificate(t, 'IP:127.0.0.1'), true, undefined],
    } as const
    for (const [name, [{ key, cert }, isKnown, fault]] of Object.entries(certificates)) {
      const script: Script = (verb, content) =>
        verb === 'AUTH' ? '235 2.7.0 welcome' : toInfected('550 virus')(verb, content, null!)
      const next = await startNext(t, { extensions: ['AUTH PLAIN'], script })
      const port = await tlsBefore(t, next.port, { key, cert })
      const foreign = { login, authorities: isKnown ? cert : undefined }
      const checkLines = await findingsAt(port, { security: 'tls', foreign })
      if (fault === undefined) {
        t.equal(levelsOf(checkLines), OK)
        t.equal(next.commands[1], `AUTH PLAIN ${Buffer.from('\0ann\0secret').toString('base64')}`)
      } else {
        t.match(checkLines[0], { level: 'error', value: fault }, name)
        t.same(next.commands, [])
      }
    }

    const { key, cert } = certificates.valid[0]
    const repeats: Script = (verb, line) => (verb === 'AUTH' ? `535 5.7.8 no: ${line}` : undefined)
    const next = await startNext(t, { extensions: ['AUTH PLAIN'], script: repeats })
    const port = await tlsBefore(t, next.port, { key, cert })
    const foreign = { login, authorities: cert }
    const [found] = await findingsAt(port, { security: 'tls', foreign })
    t.match(found, { level: 'error', value: /535 5\.7\.8 no: AUTH PLAIN \*\*\*/ })
    t.match(found!.remedy, 'correct --smtp-user, or the password in --password-file')
    next.script = at('AUTH', '454 4.7.0 Temporary authentication failure')
    const [later] = await findingsAt(port, { security: 'tls', foreign })
    t.match(later!.remedy, "read the server's log: it cannot check passwords now")
  },
)

t.test(
  'a certificate of an unknown authority is named as that',
  { skip: lacks('openssl') },
  async (t) => {
    const authority = join(openDirectory(t), 'authority')
    const leaf = join(openDirectory(t), 'leaf')
    const openssl = (words: string, ...more: readonly string[]) =>
      execFileSync('openssl', [...words.split(' '), ...more], { stdio: 'ignore' })
    const request = 'req -newkey rsa:2048 -nodes -subj'
    openssl(`${request} /CN=authority -x509 -keyout ${authority} -out ${authority}.crt`)
    openssl(`${request} /CN=leaf -keyout ${leaf} -out ${leaf}.csr`)
    const signed = `-CA ${authority}.crt -CAkey ${authority} -CAcreateserial -out ${leaf}.crt`
    openssl(`x509 -req -in ${leaf}.csr ${signed}`)
    const next = await startNext(t)
    const identity = { key: readFileSync(leaf), cert: readFileSync(`${leaf}.crt`) }
    const port = await tlsBefore(t, next.port, identity)
    const foreign = { login: undefined, authorities: undefined }
    const [found] = await findingsAt(port, { security: 'tls', foreign })
    t.match(found, {
      level: 'error',
      value: /^no TLS: unable to verify the first certificate/,
      remedy: /signed by a known authority or that of --ca/,
    })
  },
)

/** Listens with TLS before a server that does not. */
function tlsBefore(
  t: Test,
  port: number,
  identity: { readonly key: Buffer; readonly cert: Buffer },
) {
  const server = createTlsServer(identity, (socket) => {
    const behind = connect(port, '127.0.0.1')
    socket
      .on('error', () => {})
      .pipe(behind)
      .pipe(socket)
  })
  server.on('tlsClientError', () => {})
  return listen(t, server)
}

t.test('invalid combinations of options are refused before any mail is sent', async (t) => {
  const next = await startNext(t)
  const secret = join(ofPlain(openDirectory(t)), 'password')
  writeFileSync(secret, 'secret\n', { mode: 0o644 })
  ofPlain(dirname(secret))
  const smtp = ['--mail', 'ann@example.org', '--smtp', `127.0.0.1:${next.port}`]
  const wrong: Readonly<Record<string, readonly string[]>> = {
    '--password: all users see it in the list of processes; ': [...smtp, '--password', 'secret'],
    '--smtp: must be HOST:PORT': ['--mail', 'ann@example.org', '--smtp', 'ann:secret@mx:25'],
    '--smtp: needs --mail': smtp.slice(2),
    '--tls: needs --smtp': ['--tls'],
    '--smtp-user: needs --password-file': [...smtp, '--smtp-user', 'ann'],
    '--password-file: needs --tls': [...smtp, '--smtp-user', 'ann', '--password-file', secret],
    [`${secret}: mode 0644 lets everyone read it; run chmod 640 on it`]: [
      ...[...smtp, '--tls', '--smtp-user', 'ann', '--password-file', secret],
    ],
    '--maildir /dev/null: .*not a directory; ': [...smtp, '--maildir', '/dev/null'],
  }
  for (const [error, words] of Object.entries(wrong)) {
    const { code, err } = await onescan(['check', ...words])
    t.equal(code, 2)
    t.match(err, new RegExp(`^onescan(?: check)?: ${error}`), error)
    t.notMatch(err, /secret@|: secret/)
  }
  t.equal(next.calls, 0)
})

t.test('a file that root alone may read has the remedy', { skip: lacks('root') }, async (t) => {
  const path = join(openDirectory(t), 'password')
  writeFileSync(path, 'secret\n', { mode: 0o600 })
  const words = ['check', '--mail', 'ann@example.org', '--smtp', '127.0.0.1:9', '--tls']
  for (const more of [
    ['--smtp-user', 'ann', '--password-file', path],
    ['--ca', path],
  ]) {
    const { code, err } = await onescan([...words, ...more], { root: true })
    t.equal(code, 2)
    const [, account, command = ''] = new RegExp(
      `^onescan check: ${more.at(-2)} ${path}: (.*) may not read it; as root, specify a copy: (.*)$`,
      'm',
    ).exec(err)!
    t.equal(command, `install -o ${account} -m 400 ${path} /run/onescan-copy`)
    const copy = join(dirname(path), 'copy')
    execFileSync('/bin/sh', ['-c', command.replace('/run/onescan-copy', copy)])
    const again = await onescan([...words, ...more.slice(0, -1), copy], { root: true })
    t.notMatch(again.err, /may not read/)
  }
})

t.test('delivered mail is read from a pipe, as root, too', async (t) => {
  const next = await startNext(t)
  const words = ['--mail', 'ann@example.org', '--smtp', `127.0.0.1:${next.port}`, '--maildir', '-']
  const run = onescan(['check', ...words], {
    input: 'From x\nSubject: another\n\nhello\n',
    root: true,
  })
  const { code, out } = await run
  t.equal(code, 2)
  t.match(
    out,
    /^error +clean mail: accepted: 250 .*; not delivered there in time\n +fix: specify the/m,
  )
  t.match(
    out,
    /^error +EICAR in a zip: accepted: 250 .*; unknown whether it was tagged\n +fix: refuse/m,
  )
})
