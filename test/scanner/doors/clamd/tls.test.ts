import { once } from 'node:events'
import { chmodSync, copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { type ConnectionOptions, connect as connectByTls, type TLSSocket } from 'node:tls'
import t, { type Test } from 'tap'
import { tryDoor } from '../../../../src/scanner/daemon/self-test/try-door.ts'
import {
  readTlsIdentity,
  type TlsFiles,
} from '../../../../src/scanner/protocol/clamd/tls-identity.ts'
import { TOP_LINE } from '../../../../src/scanner/scan/scanners/contract/top-line.ts'
import { EICAR } from '../../../../src/scanner/scan/scanners/eicar/eicar.ts'
import { encryptedMail } from '../../../cases/second-look.ts'
import { freePort } from '../../../programs/host/free-port.ts'
import { listen } from '../../../programs/host/listen.ts'
import {
  type Authority,
  makeAuthority,
  opensslMissing,
  type TlsSettings,
} from '../../../programs/servers/certificates.ts'
import { clamdMissing, startClamd } from '../../../programs/servers/clamd.ts'
import { closed } from '../../../run/closed.ts'
import { until } from '../../../run/until.ts'
import { runOnescand, runtimes, startOnescand } from '../../daemon/process.ts'
import { numbered, standIn } from '../../scan/scanners/clamd/stand-in.ts'
import { inStream, openClamdDoor } from './rig.ts'

/** An onescand that others ask by TLS: who is answered, and what each side reports. */

const skip = opensslMissing
const plugin = { QHPSI: 'plugin: clamd' }
const hello = Buffer.from('From: a@example.org\nSubject: x\n\nHello\n')
const virus = Buffer.from(`From: a@example.org\nSubject: x\n\n${EICAR}\n`)
/** 5 MB: many records of TLS, and more than the kernel takes at once. */
const large = Buffer.concat([hello, Buffer.from('a line of a long letter\n'.repeat(220_000))])

/** What the other end sends until it closes. */
async function allOf(socket: Socket): Promise<string> {
  let received = ''
  socket.on('error', () => {})
  socket.on('data', (chunk) => {
    received += chunk.toString('latin1')
  })
  await new Promise((resolve) => socket.once('close', resolve))
  return received
}

/** Connects as a client with these files, without trust in what the client itself checks. */
function callByTls(port: number, files: TlsFiles, more: ConnectionOptions = {}): TLSSocket {
  return connectByTls({ port, host: '127.0.0.1', ...readTlsIdentity(files), ...more })
}

/** Sends commands about the server itself and a message as soon as the client takes the handshake for done. */
async function askAll(socket: TLSSocket): Promise<string> {
  socket.on('secureConnect', () => {
    socket.write('zPING\0')
    socket.write(inStream(virus))
  })
  return allOf(socket)
}

/** A scanner of the far end, in this process, for which everything is clean. */
async function openFarDoor(t: Test, own: TlsSettings, options: object = {}) {
  const scan = async () => ({ answer: 'clean' }) as const
  const door = await openClamdDoor(
    t,
    { ...plugin, ...own },
    { scan, byTcp: true, isSecure: true, ...options },
  )
  return { ...door, port: door.at.port! }
}

/** An onescand of a mail host, and a function that has it judge a message as qmail does. */
async function startHost(
  t: Test,
  settings: Readonly<Record<string, string>>,
  program?: readonly string[],
) {
  const variables = { ...plugin, REJECTVIRUS: '1', VERDICTS: 'off', ...settings }
  const own = { NODE_TLS_REJECT_UNAUTHORIZED: '0' } // it must change nothing
  const host = await startOnescand(t, {
    settings: { ...variables, ...own },
    ...(program && { program }),
  })
  return {
    ...host,
    async judge(message: Buffer): Promise<string> {
      const { does, reason, code, log } = await host.ask({ message, variables })
      return does === 'go standalone' ? `standalone: ${reason}` : `${code ?? 0} ${log}`
    },
  }
}

for (const far of runtimes) {
  for (const near of runtimes) {
    const skip = opensslMissing || clamdMissing
    t.test(`mail is judged over TLS, ${near.name} asks ${far.name}`, { skip }, async (t) => {
      const clamd = await startClamd(t, { alertExceedsMax: true })
      const authority = makeAuthority(t)
      const port = await freePort()
      const scanner = await startOnescand(t, {
        program: far.program,
        settings: { ...plugin, CLAMD: clamd.socket, ...authority.certify('scan1') },
        args: ['--clamd', `tls:127.0.0.1:${port}`],
      })
      t.match(
        scanner.log.join('\n'),
        new RegExp(`clamd-tls tls:127.0.0.1:${port}: .*, certificate until 20`),
      )
      // What passes between them, and in how many connections.
      let connections = 0
      const passed: Buffer[] = []
      const wire = createServer((client) => {
        connections++
        const server = connect(port, '127.0.0.1').on('error', () => {})
        client.on('data', (chunk: Buffer) => passed.push(chunk))
        client.pipe(server).pipe(client)
      })
      const CLAMD = `tls://127.0.0.1:${await listen(t, wire)}`
      const host = await startHost(t, { CLAMD, ...authority.certify('mx1') }, near.program)
      for (let n = 0; n < 10; n++) t.match(await host.judge(hello), /^0 .* scan=clean /)
      t.match(await host.judge(virus), /^[1-9]\d .* scan=infected .* virus=EICAR/)
      t.match(await host.judge(large), /^0 .* scan=clean /)
      // The watch of the daemon, its test virus and questions for VERSION have their own.
      t.ok(connections <= 7, `${connections} connections for 12 messages`)
      const all = Buffer.concat(passed)
      t.ok(all.length > large.length)
      t.notOk(all.includes('Hello') || all.includes('INSTREAM'), 'nothing is sent in the clear')
    })
  }
}

t.test('a client without a valid certificate receives no reply', { skip }, async (t) => {
  const authority = makeAuthority(t)
  const stranger = makeAuthority(t).certify('mx2')
  const own = authority.certify('scan1')
  const expired = authority.certify('mx3', { days: -1 })
  const mx1 = authority.certify('mx1')
  for (const { name, program } of runtimes) {
    t.test(name, async (t) => {
      const clamd = await standIn(t, numbered('stream: OK'))
      const port = await freePort()
      const door = { kind: 'clamd-tls', address: `tls:127.0.0.1:${port}` } as const
      t.match(await tryDoor(door), { level: 'error', value: /connection refused/ })
      const scanner = await startOnescand(t, {
        program,
        settings: { ...plugin, CLAMD: clamd.socket, ...own },
        args: ['--clamd', `tls:127.0.0.1:${port}`],
      })
      t.equal(await tryDoor(door), undefined)
      const trust = { ca: readTlsIdentity(mx1).ca }
      const noOne = { cert: undefined, key: undefined }
      const logged = (what: string) => scanner.logged(new RegExp(`refused 127.0.0.1: ${what}`))
      t.equal(await askAll(callByTls(port, mx1, noOne)), '')
      await logged('it has no certificate: set CLAMDCERT there')
      t.equal(await askAll(callByTls(port, stranger, trust)), '')
      await logged('no authority in CLAMDCA signed its certificate')
      t.equal(await askAll(callByTls(port, expired)), '')
      await logged('its certificate has expired: renew it there')
      const old = { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' } as const
      t.equal(await askAll(callByTls(port, mx1, old)), '')
      const plain = connect(port, '127.0.0.1')
      plain.write('zPING\0')
      t.notMatch(await allOf(plain), /PONG/)
      const asked = clamd.asked.filter(({ message }) => message.includes(EICAR))
      t.equal(asked.length, 0)
      const known = callByTls(port, mx1)
      known.write('zPING\0')
      t.equal(await allOf(known), 'PONG\0')
      const refused = scanner.log.filter((line) => line.includes('refused'))
      t.equal(refused.length, 3, 'what is no handshake is not logged')
    })
  }
})

t.test('a client over TLS has no files and no old session', { skip }, async (t) => {
  const authority = makeAuthority(t)
  const mx1 = authority.certify('mx1')
  const door = await openFarDoor(t, authority.certify('scan1'))
  const ask = (question: string | Buffer) => {
    const socket = callByTls(door.port, mx1)
    socket.write(question)
    return allOf(socket)
  }
  t.match(await ask('zSCAN /etc/passwd\0'), /Paths are read only for clients of a unix socket/)
  t.match(await ask(Buffer.from('zFILDES\0\0')), /^No file descriptor received/)
  t.equal(await ask(inStream(hello)), 'stream: OK\0')
  let session: Buffer | undefined
  const first = callByTls(door.port, mx1)
  first.on('session', (bytes) => {
    session = bytes
  })
  first.write('zPING\0')
  await allOf(first)
  const second = callByTls(door.port, mx1, { session })
  await once(second, 'secureConnect')
  t.notOk(second.isSessionReused())
  second.destroy()
})

for (const [maxSockets, most] of [
  [1000, 64],
  [40, 10],
] as const) {
  t.test(`${most} stalled handshakes block no other client`, { skip }, async (t) => {
    const authority = makeAuthority(t)
    const mx1 = authority.certify('mx1')
    const timeouts = { handshake: 60_000 }
    const door = await openFarDoor(t, authority.certify('scan1'), { timeouts, maxSockets })
    const known = callByTls(door.port, mx1)
    await once(known, 'secureConnect')
    // Each stops after the first bytes of its ClientHello.
    const count = 2 * most
    let ended = 0
    for (let n = 0; n < count; n++) {
      const socket = connect({ port: door.port, host: '127.0.0.1', localAddress: '127.0.0.2' })
      socket.on('error', () => {})
      socket.on('close', () => ended++)
      socket.write(Buffer.of(0x16, 3, 1, 1))
      t.teardown(() => socket.destroy())
    }
    await until(() => ended >= count - most, 'the oldest ones have made room')
    t.equal(door.state().clients, 1)
    known.write('zPING\0')
    t.equal(await allOf(known), 'PONG\0')
    const next = callByTls(door.port, mx1)
    next.write(inStream(hello))
    t.equal(await allOf(next), 'stream: OK\0')
    t.ok(ended <= count - most + 1, 'that of another address took the place of one alone')
  })
}

t.test('a handshake byte by byte ends at its deadline', { skip }, async (t) => {
  const authority = makeAuthority(t)
  const timeouts = { handshake: 300 }
  const door = await openFarDoor(t, authority.certify('scan1'), { timeouts })
  const slow = connect(door.port, '127.0.0.1')
  slow.on('error', () => {})
  const begin = Buffer.of(0x16, 3, 1, 0x40, 0, 1, 0, 0x3f, 0xfc, 3, 3) // of a ClientHello of 16 KiB
  const hello = Buffer.concat([begin, Buffer.alloc(300)])
  let at = 0
  const timer = setInterval(() => slow.write(hello.subarray(at, ++at)), 20)
  await closed(slow)
  clearInterval(timer)
  t.ok(at < hello.length, 'it was cut off amid its hello')
})

t.test('a scanner that cannot be trusted gets no mail', { skip }, async (t) => {
  const authority = makeAuthority(t)
  const mx1 = authority.certify('mx1')
  const scans = async (t: Test, certificate: TlsSettings) => {
    const { port } = await openFarDoor(t, certificate)
    return `tls://127.0.0.1:${port}`
  }
  const cases: Readonly<Record<string, readonly [(t: Test) => Promise<string>, RegExp]>> = {
    'with an expired certificate': [
      (t) => scans(t, authority.certify('scan1', { days: -1 })),
      /its certificate has expired: renew it there, and reload onescand \(CERT_HAS_EXPIRED\)/,
    ],
    'with the certificate of another host': [
      (t) => scans(t, authority.certify('scan2', { names: 'DNS:scan2.example.org' })),
      /its certificate is for another name: use that name in CLAMD/,
    ],
    'of another authority': [
      (t) => scans(t, { ...makeAuthority(t).certify('scan3'), CLAMDCA: mx1.CLAMDCA }),
      /no authority in CLAMDCA signed its certificate/,
    ],
    'that does not know this host': [
      (t) =>
        scans(t, { ...authority.certify('scan4'), CLAMDCA: makeAuthority(t).certify('x').CLAMDCA }),
      /its log shows whether it refuses CLAMDCERT/,
    ],
    'that speaks no TLS': [
      async (t) => {
        const server = createServer((client) => {
          client.on('data', () => client.end('UNKNOWN COMMAND\0'))
        })
        return `tls://127.0.0.1:${await listen(t, server)}`
      },
      /it does not use TLS: write its address without tls:\/\//,
    ],
  }
  for (const [how, [start, reason]] of Object.entries(cases)) {
    t.test(how, async (t) => {
      for (const { name, program } of runtimes) {
        const CLAMD = await start(t)
        const host = await startHost(t, { CLAMD, ...mx1, SCANTIMEOUT: '10' }, program)
        const answer = await host.judge(virus)
        t.match(answer, /^(?:71|81) .*scan=unknown.* cause=unreachable/, name)
        t.match(answer, reason, name)
      }
    })
  }
})

t.test(
  'a reload takes the renewed certificate, and keeps the old one if it cannot',
  { skip },
  async (t) => {
    const authority = makeAuthority(t)
    const own = authority.certify('scan1')
    const mx1 = authority.certify('mx1')
    for (const { name, program } of runtimes) {
      const port = await freePort()
      const scanner = await startOnescand(t, {
        program,
        settings: { ...plugin, CLAMD: '/nonexistent', ...own },
        args: ['--clamd-mail', `tls:127.0.0.1:${port}`],
      })
      const serial = async () => {
        const socket = callByTls(port, mx1)
        await once(socket, 'secureConnect')
        const { serialNumber } = socket.getPeerCertificate()
        socket.destroy()
        return serialNumber
      }
      const before = await serial()
      authority.certify('scan1')
      scanner.child.kill('SIGHUP')
      await until(async () => (await serial()) !== before, `${name} shows the new certificate`)
      const renewed = await serial()
      copyFileSync(mx1.CLAMDKEY, own.CLAMDKEY)
      scanner.child.kill('SIGHUP')
      await scanner.logged(
        /the old configuration remains in use: CLAMDKEY .*scan1.key: is not the key of CLAMDCERT/,
      )
      t.equal(await serial(), renewed, name)
      authority.certify('scan1')
    }
  },
)

t.test('onescand does not start with files that TLS cannot use', { skip }, async (t) => {
  const authority: Authority = makeAuthority(t)
  const own = authority.certify('scan1')
  const other = authority.certify('other')
  const open = join(authority.directory, 'open.key')
  copyFileSync(own.CLAMDKEY, open)
  chmodSync(open, 0o644)
  const text = join(authority.directory, 'text')
  writeFileSync(text, 'no PEM\n', { mode: 0o600 })
  const half = join(authority.directory, 'half')
  const broken = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'
  writeFileSync(half, `${readFileSync(own.CLAMDCA, 'latin1')}${broken}`)
  const door = ['--clamd', `tls:127.0.0.1:${await freePort()}`]
  const { CLAMDCA, ...noAuthority } = own
  const cases: readonly (readonly [Readonly<Record<string, string>>, readonly string[], RegExp])[] =
    [
      [{}, door, /--clamd tls: needs a certificate; set CLAMDCERT, CLAMDKEY and CLAMDCA/],
      [noAuthority, door, /set CLAMDCERT, CLAMDKEY and CLAMDCA; TLS needs all three/],
      [
        { ...own, CLAMDKEY: open },
        door,
        /open.key: mode 0644 lets everyone read it; run chmod 640 on it/,
      ],
      [{ ...own, CLAMDKEY: other.CLAMDKEY }, door, /is not the key of CLAMDCERT/],
      [
        { ...own, CLAMDKEY: text },
        door,
        /CLAMDKEY .*text: contains no private key without a passphrase/,
      ],
      [{ ...own, CLAMDCERT: text }, door, /CLAMDCERT .*text: contains no certificate in PEM/],
      [{ ...own, CLAMDCA: text }, door, /CLAMDCA .*text: contains no certificate in PEM/],
      [{ ...own, CLAMDCA: half }, door, /CLAMDCA .*half: /],
      [
        { ...own, CLAMDCA: own.CLAMDCERT },
        door,
        /contains a certificate that is not a CA certificate/,
      ],
      [{ ...own, CLAMDCERT: '/nonexistent' }, door, /CLAMDCERT: .*no such file or directory/],
      [{ CLAMD: 'tls://127.0.0.1:3312' }, [], /CLAMD tls:.*: set CLAMDCERT, CLAMDKEY/],
    ]
  for (const [settings, args, reason] of cases) {
    const run = runOnescand(t, { settings: { ...plugin, ...settings }, args })
    t.equal(await run.ended, 111)
    t.match(run.log.join('\n'), reason)
    t.notMatch(run.log.join('\n'), /PRIVATE KEY/)
  }
  const late = authority.certify('late', { days: -1 })
  const served = await startOnescand(t, { settings: { ...plugin, ...late }, args: door })
  await served.logged(/\(CLAMDCERT\) expired on \d{4}-\d\d-\d\d: no client accepts it; renew it/)
  for (const option of ['--milter', '--policy', '--http']) {
    const run = runOnescand(t, { args: [option, 'tls:127.0.0.1:3312'] })
    t.equal(await run.ended, 100, option)
  }
})

t.test('no other host has clamd reload its signatures', { skip }, async (t) => {
  const clamd = await standIn(t, numbered('RELOADING'))
  const authority = makeAuthority(t)
  const settings = { ...plugin, CLAMD: clamd.socket, ...authority.certify('scan1') }
  const ask = async (isSecure: boolean, command: string) => {
    const door = await openClamdDoor(t, settings, { byTcp: true, isSecure })
    if (!isSecure) return door.ask(command)
    const client = callByTls(door.at.port!, authority.certify('mx1'))
    client.on('secureConnect', () => client.write(command))
    return allOf(client)
  }
  for (const command of ['RELOAD', 'SELFCHECK']) {
    t.equal(await ask(true, `z${command}\0`), 'COMMAND UNAVAILABLE\0')
    t.equal(await ask(false, `z${command}\0`), 'RELOADING\0', 'a client of this host')
  }
  t.equal(clamd.asked.length, 2)
})

t.test('parts that a mail host has read are not read again', { skip }, async (t) => {
  const attached = `From: a@b\nSubject: x\nContent-Type: multipart/mixed; boundary=b\n\n${Array.from(
    { length: 20 },
    (_, n) =>
      `--b\nContent-Type: application/zip\nContent-Transfer-Encoding: base64\n\n${Buffer.from(`file ${n}`).toString('base64')}\n`,
  ).join('')}--b--\n`
  const authority = makeAuthority(t)
  for (const [what, content] of [
    ['an attached message', attached],
    ['a whole one', `${TOP_LINE}${attached}`],
    ['an attached text', 'hello\nbegin 644 a\n#86)C\n`\nend\n'],
    ['an attached picture', '\xff\xd8\xff\xe0\0\x10JFIF'],
  ] as const) {
    const { socket, asked } = await standIn(t, numbered('stream: OK'))
    const settings = { ...plugin, CLAMD: socket, VERDICTS: 'off', ...authority.certify('scan1') }
    const door = await openClamdDoor(t, settings, { byTcp: true, isSecure: true })
    const client = callByTls(door.at.port!, authority.certify('mx1'))
    client.on('secureConnect', () => client.write(inStream(content)))
    t.equal(await allOf(client), 'stream: OK\0', what)
    t.equal(asked.length, 1, what)
    t.ok(asked[0]!.message.equals(Buffer.from(content, 'latin1')), what)
  }
})

t.test("a scanner's own refusals keep their kind", { skip }, async (t) => {
  const authority = makeAuthority(t)
  const bans = join(t.testdir({ bans: 'name *.exe\n' }), 'bans')
  const program = Buffer.from(
    'From: a@example.org\nSubject: x\nContent-Type: application/octet-stream; name=a.exe\n\nx\n',
  )
  const strange = Buffer.from('From: a@example.org\na strange line\nSubject: x\n\nHello\n')
  const judge = async (
    mail: Buffer,
    far: Readonly<Record<string, string>>,
    near: Readonly<Record<string, string>> = {},
  ) => {
    const own = { ...authority.certify('scan1'), QHPSI: 'plugin: eicar', ...far }
    const door = await openClamdDoor(t, own, { byTcp: true, isSecure: true })
    const CLAMD = `tls://127.0.0.1:${door.at.port}`
    const host = await startHost(t, { ...authority.certify('mx1'), CLAMD, ...near })
    return { log: await host.judge(mail), far: door.mailLog.join('\n') }
  }
  const banned = await judge(program, {
    QHPSI: 'plugin: eicar attachments',
    BADATTACHMENTS: bans,
  })
  t.match(banned.log, /decision=reject .*banned="?attachment a\.exe/)
  t.notMatch(banned.log, /virus=/)
  const odd = await judge(strange, { STRICTMIME: 'refuse' })
  t.match(odd.far, /grounds=strange-mime/)
  t.match(odd.log, /decision=accept /, 'the mail host has no STRICTMIME')
  t.notMatch(odd.log, /virus|infected/)
  const sealed = await judge(encryptedMail, { FINDINGS: 'encrypted=refuse' })
  t.match(sealed.far, /grounds=encrypted/)
  t.match(sealed.log, /decision=accept /, 'FINDINGS of the mail host accept it')
  t.notMatch(sealed.log, /virus|infected/)
})
