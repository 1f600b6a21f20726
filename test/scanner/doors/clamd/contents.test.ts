import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { deflateRawSync, gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import type { Sample, ScannerCall } from '../../../../src/scanner/scan/scanners/contract/scanner.ts'
import { TOP_LINE } from '../../../../src/scanner/scan/scanners/contract/top-line.ts'
import { EICAR } from '../../../../src/scanner/scan/scanners/eicar/eicar.ts'
import { clean } from '../../../../src/scanner/scan/scanners/findings/scan-result.ts'
import { bytes } from '../../../cases/case.ts'
import { plain } from '../../../cases/messages.ts'
import { clamdMissing, EICAR_NAME, startClamd } from '../../../programs/servers/clamd.ts'
import { createRandom } from '../../../run/random.ts'
import { until } from '../../../run/until.ts'
import { type Asked, DATABASE, numbered, standIn } from '../../scan/scanners/clamd/stand-in.ts'
import {
  compressed,
  compressedData,
  literal,
  signedData,
  winmail,
} from '../../scan/scanners/evasions/containers.ts'
import { yEncoded } from './odd-mails.ts'
import { inStream, openClamdDoor } from './rig.ts'
import { wholeReplyTo } from './session-client.ts'

/** What clients hand in: whole messages, and the parts of messages as files. */

const top = TOP_LINE.toString('latin1')

/** The door before a clamd that calls everything clean, and what that was asked about. */
async function openBeforeStandIn(t: Test, more: Readonly<Record<string, string>> = {}) {
  const asked: string[] = []
  const { socket } = await standIn(t, (question) => {
    asked.push(question.message.toString('latin1'))
    numbered('stream: OK')(question)
  })
  const settings = { QHPSI: 'plugin: clamd', CLAMD: socket, VERDICTS: 'off', ...more }
  return { asked, door: await openClamdDoor(t, settings) }
}

/** Files, and texts that do not begin as a message does. */
const files: Readonly<Record<string, Buffer>> = {
  'an archive': bytes(`PK\x03\x04\x14\0${'\0'.repeat(100)}: x\n\n`),
  'a picture': bytes('\x89PNG\r\n\x1a\n\0\0\0\rIHDR: x'),
  'a PDF': bytes('%PDF-1.4\nTitle: x\n\nbody\n'),
  'a text': bytes('Dear all,\nSubject: x\n\nbegin 644 a\n'),
  'a text without a line end': bytes('Subject'),
  'a web page': bytes('<!DOCTYPE html>\n<p>From: x\n\n'),
  'a long line': bytes(`${'a'.repeat(5000)}: x\n`),
  'a name with a blank': bytes('Dear all: x\n\n'),
  'a large file': bytes(`II*\0${'\x08\xff\0\n'.repeat(100_000)}`),
}

const archiveFile = (name: string) =>
  readFileSync(join(import.meta.dirname, '../../../mail/mime/encrypted/files', name))

/** Bytes that look random, the same in each run. */
function noise(size: number): Buffer {
  const random = createRandom(17)
  return Buffer.from(Array.from({ length: size }, () => random.below(256)))
}
const noisy = noise(150_000)
const beforeNoise = (start: string) => Buffer.concat([bytes(start), noisy])

/** Files as users send them, which hold nothing that a reader of mail opens. */
const binaries: Readonly<Record<string, Buffer>> = {
  'random bytes': noisy,
  'a deflated text': deflateRawSync(bytes('a text of some words, '.repeat(3000))),
  'a picture': beforeNoise('\xff\xd8\xff\xe0\0\x10JFIF\0'),
  'a PDF': beforeNoise('%PDF-1.4\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<</Length 150000>>\nstream\n'),
  'an archive': beforeNoise('PK\x03\x04\x14\0\0\0\x08\0'),
  'a compressed file': gzipSync(noisy),
  'a program': readFileSync(process.execPath).subarray(0, 300_000),
  'a font': beforeNoise('wOF2\0\x01\0\0'),
  'a file of no known type': beforeNoise('\x01\x02\x03\x04'),
  'a text': bytes('Dear all,\nthis is a line.\n'.repeat(5000)),
  'a web page': bytes(`<!DOCTYPE html>\r\n<html>${'<p>a line</p>\r\n'.repeat(5000)}</html>\r\n`),
  JSON: bytes(JSON.stringify(Array.from({ length: 5000 }, (_, id) => ({ id })))),
  YAML: bytes(`key: value\n\n${'other: value\n'.repeat(5000)}`),
}

t.test('scanners are asked about a file at most twice', async (t) => {
  for (const [what, file] of Object.entries(binaries)) {
    const { asked, door } = await openBeforeStandIn(t)
    t.equal(await door.ask(inStream(file)), 'stream: OK\0', what)
    t.ok(asked[0] === file.toString('latin1'), `${what}: byte for byte`)
    t.ok(asked.length <= 2, `${what}: ${asked.length} questions`)
  }
})

for (const [what, file] of Object.entries(files)) {
  // promise: bytes-as-sent
  t.test(
    `scanners are asked about ${what} first as it was sent, and never below our line`,
    async (t) => {
      const { asked, door } = await openBeforeStandIn(t)
      t.equal(await door.ask(inStream(file)), 'stream: OK\0')
      t.ok(asked[0] === file.toString('latin1'), 'byte for byte')
      t.notOk(asked.some((question) => question.startsWith(top)))
    },
  )
}

const hidden = gzipSync('what a container has in it')
const inBase64 = hidden.toString('base64')
const entity = bytes(
  `Content-Type: application/gzip; name=a.gz\nContent-Transfer-Encoding: base64\n\n${inBase64}\n`,
)

/** Files that begin with a container at their first byte. */
const containers: Readonly<Record<string, Buffer>> = {
  'S/MIME that is signed': signedData(entity),
  'S/MIME that is compressed': compressedData(entity),
  'S/MIME in PEM': bytes(
    `-----BEGIN PKCS7-----\n${signedData(entity).toString('base64')}\n-----END PKCS7-----\n`,
  ),
  OpenPGP: literal(hidden),
  'OpenPGP that is compressed': compressed(literal(hidden), 'zlib'),
  'winmail.dat': winmail(hidden),
  'an event': bytes(
    `BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nATTACH;ENCODING=BASE64;VALUE=BINARY:${inBase64}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n`,
  ),
  'an address': bytes(
    `BEGIN:VCARD\r\nVERSION:3.0\r\nFN:a\r\nKEY;ENCODING=b:${inBase64}\r\nEND:VCARD\r\n`,
  ),
}

for (const [what, file] of Object.entries(containers)) {
  t.test(`scanners get what is in a file that begins as ${what}`, async (t) => {
    const { asked, door } = await openBeforeStandIn(t)
    t.equal(await door.ask(inStream(file)), 'stream: OK\0')
    t.ok(asked.includes(hidden.toString('latin1')))
  })
}

const certificate = (n: number) =>
  `-----BEGIN CERTIFICATE-----\n${Buffer.from(`certificate ${n}`).toString('base64')}\n-----END CERTIFICATE-----\n`
const letter = (n: number) =>
  `From: a@b\nTo: c@d\nSubject: ${n}\nContent-Type: multipart/mixed; boundary=b${n}\n\n--b${n}\n\nhello\n--b${n}--\n`

/** Texts of many pieces, and what UNREAD=refuse makes of them. */
const manifold: Readonly<Record<string, readonly [text: string, ifRefused: string]>> = {
  'paragraphs below a date': [`Date: 1.1.2026\na chat\n\n${'Ann: hello\n\n'.repeat(20)}`, 'OK'],
  'the strings of a program': [
    `msgid ""\nmsgstr ""\n"Content-Type: text/plain\\n"\n\n${'#: a.c:1\nmsgid "a"\n\n'.repeat(20)}`,
    'OK',
  ],
  'a mailbox': [
    numbers(250)
      .map((n) => `From a@b Mon Sep 17 00:00:00 2001\n${letter(n)}\n`)
      .join(''),
    'OK',
  ],
  'rows behind dashes': [`From: dump\n${'-- row\n'.repeat(25_000)}`, 'OK'],
  certificates: [numbers(2240).map(certificate).join(''), 'Onescan.too-much-inside FOUND'],
}

function numbers(count: number): readonly number[] {
  return Array.from({ length: count }, (_, n) => n)
}

t.test('a file that is not read to its end is OK, unless UNREAD is set', async (t) => {
  const { door } = await openBeforeStandIn(t)
  const refusing = await openBeforeStandIn(t, { UNREAD: 'refuse' })
  for (const [what, [text, ifRefused]] of Object.entries(manifold)) {
    t.equal(await door.ask(inStream(text)), 'stream: OK\0', what)
    t.equal(await refusing.door.ask(inStream(text)), `stream: ${ifRefused}\0`, what)
  }
  const deep = numbers(20).reduceRight(
    (inner, n) => `Content-Type: multipart/mixed; boundary=b${n}\n\n--b${n}\n${inner}\n--b${n}--\n`,
    'Content-Type: text/plain\n\nhello\n',
  )
  const mail = `From: a@b\nTo: c@d\n${deep}`
  t.equal(await door.ask(inStream(mail)), 'stream: Onescan.nested-too-deep FOUND\0', 'a message')
})

/** The field that no libclamav knows as the first one of a message, and what makes it one. */
const otherMail = 'DKIM-Signature: x\nFrom: a@b\nTo: c@d\nDate: x\nSubject: x\n\nhello\n'

t.test(
  'a message is passed as it was sent, and below our line if clamd would not recognize it',
  async (t) => {
    for (const [mail, isGivenBelow] of [
      ['From: a@b\nTo: c@d\nSubject: x\n\nhello\n', false],
      [plain.toString('latin1'), true], // of eight bits
      [otherMail, true],
      [`Subject: x\nX-Pad: ${'x'.repeat(300)} ustar\n${otherMail}`, true],
    ] as const) {
      const { asked, door } = await openBeforeStandIn(t)
      t.equal(await door.ask(inStream(mail)), 'stream: OK\0')
      t.equal(asked[0], mail)
      t.equal(asked.includes(top + mail), isGivenBelow)
    }
  },
)

const skip = { skip: clamdMissing }

t.test('a finding in the file alone is reported', skip, async (t) => {
  // A digest of the whole file: another one with any line above it.
  const script = 'label: alert(1)\n\nx\n'
  const digest = createHash('md5').update(script).digest('hex')
  const clamd = await startClamd(t, {
    database: { 'x.hdb': `${digest}:${script.length}:Script\n` },
  })
  const door = await openClamdDoor(t, { QHPSI: 'plugin: clamd', CLAMD: clamd.socket })
  t.equal(await door.ask(inStream(script)), 'stream: Script.UNOFFICIAL FOUND\0')
})

t.test('a scan may take longer than the ReadTimeout of clamd', skip, async (t) => {
  const line = '<a href="x">y</a><script>var a = "b" + "c";</script> '
  const slow = `From: a@example.org\nContent-Type: text/html\n\n<html>${line.repeat(60_000)}\n${EICAR}\n`
  const clamd = await startClamd(t, { readTimeout: 1, disableCache: true })
  const reply = `stream: ${EICAR_NAME} FOUND\0`
  t.equal(await wholeReplyTo(clamd.socket, inStream(slow)), reply, 'by clamd')
  const door = await openClamdDoor(t, { QHPSI: 'plugin: clamd', CLAMD: clamd.socket })
  t.equal(await door.ask(inStream(slow)), reply)
})

t.test('a header of any size is read to its end, since nothing is changed', skip, async (t) => {
  const clamd = await startClamd(t)
  const door = await openClamdDoor(t, { QHPSI: 'plugin: clamd', CLAMD: clamd.socket })
  const fields = 'Subject: x\n'
  for (const text of [
    `${'BEGIN:VCARD\nX-A: b\n'.repeat(4000)}`,
    `${fields}X: ${'y'.repeat(1_500_000)}\n`,
  ]) {
    t.equal(await door.ask(inStream(`${text}\nhello\n`)), 'stream: OK\0')
    t.equal(await door.ask(inStream(`${text}\n${EICAR}\n`)), `stream: ${EICAR_NAME} FOUND\0`)
  }
})

t.test('no client receives OK for a message whose result is unknown', async (t) => {
  const settings = { QHPSI: 'plugin: clamd', CLAMD: '/nonexistent/clamd.ctl' }
  const words = 'stream: Not scanned: unreachable, see the log ERROR\0'
  for (const more of [{}, { SCANFAIL: 'accept' }]) {
    const door = await openClamdDoor(t, { ...settings, ...more })
    t.equal(await door.ask(inStream(plain)), words)
    t.match(door.mailLog, [/decision=defer scan=unknown .*cause=unreachable .*interface=clamd/])
    t.equal(await door.ask('zPING\0'), 'PONG\0')
    t.equal(await door.ask('zVERSION\0'), 'clamd does not report its version. ERROR\0')
  }
  const limit = 'stream: Heuristics.Limits.Exceeded.Unscanned FOUND\0'
  const door = await openClamdDoor(t, { ...settings, SCANFAIL_CLAMD: 'limit' })
  t.equal(await door.ask(inStream(plain)), limit)
  const nothing = await openClamdDoor(t, {})
  t.equal(await nothing.ask(inStream(plain)), 'stream: Not scanned: config, see the log ERROR\0')
})

t.test('a scan for rspamd takes at most 30 seconds', async (t) => {
  let most = 0
  const scan = async (_: Sample, task: ScannerCall) => {
    most = task.timeLeft()
    return clean
  }
  const within = async (settings: Readonly<Record<string, string>>) => {
    const door = await openClamdDoor(t, { QHPSI: 'plugin: eicar', ...settings }, { scan })
    await door.ask(inStream(plain))
    return Math.ceil(most / 30_000) * 30
  }
  t.equal(await within({}), 150)
  t.equal(await within({ SCANFAIL_CLAMD: 'limit' }), 30)
  t.equal(await within({ SCANFAIL_CLAMD: 'limit', SCANTIMEOUT: '86400' }), 30)
})

t.test('the 30 seconds for rspamd include the wait for other contents', async (t) => {
  let uptime = 1000
  let endFirst: (() => void) | undefined
  const timesLeft: number[] = []
  const scan = async (_: Sample, task: ScannerCall) => {
    timesLeft.push(task.timeLeft())
    if (timesLeft.length === 1) await new Promise<void>((resolve) => (endFirst = resolve))
    return clean
  }
  const settings = { QHPSI: 'plugin: eicar', SCANFAIL_CLAMD: 'limit' }
  const door = await openClamdDoor(t, settings, { scan, maxClients: 1, uptime: () => uptime })
  const first = door.ask(inStream(plain))
  const end = await until(() => endFirst, 'the first content is scanned')
  const second = door.ask(inStream(plain))
  await until(async () => (await door.ask('zSTATS\0')).includes('QUEUE: 1'), 'the second waits')
  uptime += 20_000
  end?.()
  t.same(await Promise.all([first, second]), ['stream: OK\0', 'stream: OK\0'])
  t.equal(timesLeft.at(0), 30_000)
  t.equal(timesLeft.at(-1), 10_000)
})

t.test('contents over the limit are reported in the wording of clamd', async (t) => {
  const words = 'INSTREAM size limit exceeded. ERROR\0'
  const scan = async () => clean
  const door = await openClamdDoor(t, { QHPSI: 'plugin: eicar' }, { scan, maxSize: 1000 })
  t.equal(await door.ask(inStream('x'.repeat(1000))), 'stream: OK\0')
  t.equal(await door.ask(inStream('x'.repeat(1001), 10)), words)
  t.match(door.mailLog[1], /decision=defer .*grounds=too-large .*--max-size/)
  const { socket } = await standIn(t, numbered('stream: OK'))
  const settings = { QHPSI: 'plugin: clamd', CLAMD: socket, CLAMDMAXSIZE: '2000', VERDICTS: 'off' }
  const small = await openClamdDoor(t, settings)
  t.equal(await small.ask(inStream(plain)), 'stream: OK\0')
  t.equal(await small.ask(inStream('x'.repeat(3000))), words, 'CLAMDMAXSIZE')
})

t.test('streams of nothing are answered, and neither scanned nor logged', async (t) => {
  const { asked, door } = await openBeforeStandIn(t)
  const line = await door.call()
  line.write('zIDSESSION\0', ...Array.from({ length: 1000 }, () => inStream('')))
  t.equal((await line.hear(1000)).match(/: stream: OK\0/g)?.length, 1000)
  t.same([asked.length, door.mailLog.length], [0, 0])
})

t.test('contents that settings refuse are reported under a name of one word', async (t) => {
  const scan = async () => ({ answer: 'infected', name: 'a b\n', isBanned: true }) as const
  const banned = await openClamdDoor(t, { QHPSI: 'plugin: eicar' }, { scan })
  t.equal(await banned.ask(inStream(plain)), 'stream: Onescan.banned.a_b_ FOUND\0')
  const door = await openClamdDoor(t, { QHPSI: 'plugin: eicar' })
  const nested = `From: a@b\nTo: c@d\nDate: x\nContent-Type: message/rfc822\n\n`.repeat(16)
  t.equal(await door.ask(inStream(nested)), 'stream: Onescan.nested-too-deep FOUND\0')
  // Whatever else the settings do with viruses: the client decides.
  const others = { QHPSI: 'plugin: eicar', REJECTVIRUS: '2', VIRUSFORWARD: 'a@b' }
  const kept = { ...others, QUARANTINE: '/nonexistent', UNREAD: 'quarantine' }
  const other = await openClamdDoor(t, kept)
  t.equal(await other.ask(inStream(EICAR)), 'stream: EICAR-Test FOUND\0')
  t.equal(await other.ask(inStream(nested)), 'stream: Onescan.nested-too-deep FOUND\0')
  const tagged = await openClamdDoor(t, { ...others, FINDINGS: 'Eicar*=tag' })
  t.equal(await tagged.ask(inStream(EICAR)), 'stream: OK\0')
})

// promise: limits-of-mail
t.test('nothing that a sender leaves out of a mail, or adds to it, ends its limits', async (t) => {
  const door = await openClamdDoor(t, { QHPSI: 'plugin: eicar' })
  const parts = Array.from(
    { length: 3000 },
    (_, n) => `\n--b\nContent-Type: text/html\n\n${n}`,
  ).join('')
  const header = 'Content-Type: multipart/mixed; boundary=b\n'
  const tops = {
    'a usual header': 'From: a@b\nTo: c@d\nDate: x\n',
    'no Date': 'From: a@b\nTo: c@d\n',
    'a From without an address': 'From: Ann\nTo: c@d\nDate: x\n',
    'two From': 'From: a@b\nFrom: c@d\nTo: c@d\nDate: x\n',
    'no other field': '',
    'a field that is not of mail': 'openapi: 3.0.0\n',
    'a line that is no field': 'Hello\n',
    'a long field': `X: ${'y'.repeat(20_000)}\n`,
    'a line of mbox': 'From a@b x\n',
    'eight bits': 'From: \xe4@b\n',
    'a NUL': 'X: \0\n',
    'a card': 'BEGIN:VCARD\n',
    'the mark of a picture': '\xff\xd8\xff\xe0\n',
    'a mark that is text': 'GIF89a\n',
    'a mark and a long field': `PK\x03\x04\nX: ${'y'.repeat(20_000)}\n`,
  }
  for (const [name, top] of Object.entries(tops)) {
    const reply = await door.ask(inStream(`${top}${header}${parts}\n--b--\n`))
    t.equal(reply, 'stream: Onescan.too-much-inside FOUND\0', name)
  }
  const nested = `Content-Type: message/rfc822\n\n`.repeat(16)
  t.equal(await door.ask(inStream(nested)), 'stream: Onescan.nested-too-deep FOUND\0')
})

type Answers = (question: Asked) => void
const ok = numbered('stream: OK')
const found = numbered('stream: X FOUND')
const failed = numbered('stream: No memory ERROR')

t.test('a finding counts before an unknown result, wherever clamd reports it', async (t) => {
  const mail = `${otherMail}${yEncoded('a.exe', 'a program')}`
  /** About the bytes as they were sent, and about any others; `down` has clamd die instead. */
  const cases: readonly (readonly [Answers | 'down', Answers | 'down', RegExp])[] = [
    [ok, ok, /^stream: OK\0$/],
    [found, ok, /^stream: X FOUND\0$/],
    [ok, found, /^stream: X FOUND\0$/],
    [failed, found, /^stream: X FOUND\0$/],
    [ok, failed, /^stream: .* ERROR\0$/],
    [failed, ok, /^stream: .* ERROR\0$/],
    [ok, 'down', /^stream: .* ERROR\0$/],
    ['down', ok, /^stream: .* ERROR\0$/],
  ]
  for (const contentKind of ['files', 'mails'] as const) {
    for (const [number, [exact, other, reply]] of cases.entries()) {
      let others = 0
      const clamd = await standIn(t, (question) => {
        const isExact = question.message.toString('latin1') === mail
        if (!isExact) others++
        const answer = isExact ? exact : other
        if (answer === 'down') clamd.die()
        else answer(question)
      })
      const settings = { QHPSI: 'plugin: clamd', CLAMD: clamd.socket, VERDICTS: 'off' }
      const door = await openClamdDoor(t, settings, { contentKind })
      t.match(await door.ask(inStream(mail)), reply, `${contentKind}, case ${number}`)
      if (exact === ok) t.ok(others > 0, 'others are asked about')
    }
  }
})

/** The door before a clamd that finds nothing and remembers, and what that was asked about. */
async function openRemembering(t: Test, more: Partial<Parameters<typeof openClamdDoor>[2]> = {}) {
  const asked: string[] = []
  const { socket } = await standIn(
    t,
    (question) => {
      asked.push(question.message.toString('latin1'))
      numbered('stream: OK')(question)
    },
    { version: () => 'ClamAV 1.4.3/27000/Mon Jan  1 00:00:00 2024' },
  )
  const settings = { QHPSI: 'plugin: clamd', CLAMD: socket, CLAMDBDIR: DATABASE }
  return { asked, door: await openClamdDoor(t, settings, more) }
}

// promise: verdict-by-bytes
t.test(
  'a verdict is cached for the same bytes, and for copies where messages are submitted',
  async (t) => {
    const mail = (to: string) => `From: a@b\nTo: ${to}\nDate: x\nSubject: x\n\nhello\n`
    for (const [contentKind, isKnown] of [
      ['files', false],
      ['mails', true],
    ] as const) {
      const { asked, door } = await openRemembering(t, { contentKind })
      await door.ask(inStream(mail('c@d')))
      asked.length = 0
      await door.ask(inStream(mail('c@d')))
      t.equal(asked.length, 0, 'the very same')
      await door.ask(inStream(mail('e@f')))
      t.equal(asked.includes(mail('e@f')), !isKnown, contentKind)
      t.match(door.mailLog[1], /scan=cached/)
    }
  },
)

/** Files with a password, and the first bytes of a RAR file with hidden names. */
const encryptedFiles: Readonly<Record<string, Buffer>> = {
  ...Object.fromEntries(
    ['archive.zip', 'hidden-content.7z', 'hidden-names.7z', 'user-128.pdf', 'word.docx'].map(
      (name) => [name, archiveFile(name)],
    ),
  ),
  'hidden-names.rar': bytes(`Rar!\x1a\x07\x01\0\0\0\0\0\x05\x04\0\0\0\0${'x'.repeat(99)}`),
}

t.test(
  'an encrypted file is never called clean, and is refused if FINDINGS states so',
  async (t) => {
    const { door } = await openBeforeStandIn(t)
    const { door: strict } = await openBeforeStandIn(t, { FINDINGS: 'encrypted=refuse' })
    for (const [name, file] of Object.entries(encryptedFiles)) {
      t.equal(await door.ask(inStream(file)), 'stream: OK\0', name)
      t.match(door.mailLog.at(-1), /decision=accept scan=skipped .*odd=encrypted/, name)
      t.match(await strict.ask(inStream(file)), /^stream: \S+ FOUND\0$/, name)
      t.match(strict.mailLog.at(-1), /decision=reject .*grounds=encrypted/, name)
    }
    for (const name of ['plain.7z', 'plain.pdf', 'without-password.zip']) {
      t.equal(await strict.ask(inStream(archiveFile(name))), 'stream: OK\0', name)
      t.match(strict.mailLog.at(-1), /decision=accept scan=clean/, name)
    }
  },
)

t.test('at the end each request of a session has an answer, and nothing else has', async (t) => {
  let begun = 0
  const hang = async (_: Sample, { signal }: ScannerCall) => {
    begun++
    await once(signal, 'abort')
    return clean
  }
  const door = await openClamdDoor(t, { QHPSI: 'plugin: eicar' }, { scan: hang })
  const [busy, waiting, amidst] = [await door.call(), await door.call(), await door.call()]
  busy.write('zIDSESSION\0zPING\0', inStream('x'), inStream('y'))
  waiting.write('zIDSESSION\0zPING\0')
  amidst.write('zIDSESSION\0zPING\0zINSTREAM\0\0\0')
  await until(() => begun === 2, 'two are scanned')
  await Promise.all([busy.hear(1), waiting.hear(1), amidst.hear(1)])
  await door.close(0)
  const ended = (number: number) =>
    `${number}: stream: Not scanned: onescand is shutting down ERROR\0`
  t.equal(await busy.hear(), `1: PONG\0${ended(2)}${ended(3)}`)
  t.equal(await waiting.hear(), '1: PONG\0')
  t.equal(await amidst.hear(), `1: PONG\0${ended(2)}`)
})

t.test('a session that makes room for another client gets no answer', async (t) => {
  const door = await openClamdDoor(
    t,
    { QHPSI: 'plugin: eicar' },
    { scan: async () => clean, maxConnections: 2, makesRoomAfter: 0 },
  )
  const first = await door.call()
  first.write('zIDSESSION\0zPING\0')
  await first.hear(1)
  const others = await Promise.all([door.call(), door.call()])
  others[1]!.write('zPING\0')
  t.equal(await first.hear(), '1: PONG\0')
})
