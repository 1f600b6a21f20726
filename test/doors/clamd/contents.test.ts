import { createHash } from 'node:crypto'
import t, { type Test } from 'tap'
import { TOP_LINE } from '../../../src/mail/message/message.ts'
import { EICAR } from '../../../src/scan/scanners/shared/eicar.ts'
import { clean } from '../../../src/scan/scanners/shared/scan-result.ts'
import { bytes } from '../../cases/case.ts'
import { plain } from '../../cases/messages.ts'
import { clamdMissing, EICAR_NAME, startClamd } from '../../programs/clamd.ts'
import { type Asked, DATABASE, numbered, standIn } from '../../scan/scanners/clamd/stand-in.ts'
import { inStream, openClamdDoor } from './rig.ts'

/** What clients hand in: whole mails, and the parts of mails as files. */

const top = TOP_LINE.toString('latin1')

/** The door before a clamd that calls everything clean, and what that was asked about. */
async function openBeforeStandIn(t: Test) {
  const asked: string[] = []
  const { socket } = await standIn(t, (question) => {
    asked.push(question.message.toString('latin1'))
    numbered('stream: OK')(question)
  })
  const settings = { QHPSI: 'plugin: clamd', CLAMD: socket, VERDICTS: 'off' }
  return { asked, door: await openClamdDoor(t, settings) }
}

/** Files, and texts that do not begin as a mail does. */
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

for (const [what, file] of Object.entries(files)) {
  t.test(`scanners are asked about ${what} once, as it is`, async (t) => {
    const { asked, door } = await openBeforeStandIn(t)
    t.equal(await door.ask(inStream(file)), 'stream: OK\0')
    t.equal(asked.length, 1)
    t.ok(asked[0] === file.toString('latin1'), 'byte for byte')
  })
}

t.test(
  'a mail that libclamav knows by its first field is given below our line alone',
  async (t) => {
    const { asked, door } = await openBeforeStandIn(t)
    t.equal(await door.ask(inStream(plain)), 'stream: OK\0')
    t.ok(asked.includes(top + plain.toString('latin1')))
    t.notOk(asked.includes(plain.toString('latin1')))
  },
)

/** What may be a mail or a file. */
const either: Readonly<Record<string, Buffer>> = {
  'another first field': bytes('DKIM-Signature: x\nSubject: x\n\nhello\n'),
  'JSON with a name': bytes('{"a":1}\n\nx\n'),
  'a mail without a header': bytes('\r\nhello\r\n'),
  'a script with a label': bytes('a: alert(1)\n\nx\n'),
}
for (const [what, content] of Object.entries(either)) {
  t.test(`${what} is given as a mail and as a file`, async (t) => {
    const { asked, door } = await openBeforeStandIn(t)
    t.equal(await door.ask(inStream(content)), 'stream: OK\0')
    const text = content.toString('latin1')
    t.ok(asked.includes(top + text))
    t.ok(asked.includes(text))
  })
}

const skip = { skip: clamdMissing }

t.test('what a scanner finds in the file alone is found', skip, async (t) => {
  // A digest of the whole file: another one with any line above it.
  const script = 'label: alert(1)\n\nx\n'
  const digest = createHash('md5').update(script).digest('hex')
  const clamd = await startClamd(t, {
    database: { 'x.hdb': `${digest}:${script.length}:Script\n` },
  })
  const door = await openClamdDoor(t, { QHPSI: 'plugin: clamd', CLAMD: clamd.socket })
  t.equal(await door.ask(inStream(script)), 'stream: Script.UNOFFICIAL FOUND\0')
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

t.test('no client hears that a mail is clean about which nobody could tell', async (t) => {
  const settings = { QHPSI: 'plugin: clamd', CLAMD: '/nonexistent/clamd.ctl' }
  const words = 'stream: Not scanned: unreachable, see the log ERROR\0'
  for (const more of [{}, { SCANFAIL: 'accept' }]) {
    const door = await openClamdDoor(t, { ...settings, ...more })
    t.equal(await door.ask(inStream(plain)), words)
    t.match(door.mailLog, [/decision=defer scan=unknown .*cause=unreachable .*door=clamd/])
    t.equal(await door.ask('zPING\0'), 'PONG\0')
    t.equal(await door.ask('zVERSION\0'), 'clamd does not tell its version. ERROR\0')
  }
  const limit = 'stream: Heuristics.Limits.Exceeded.Unscanned FOUND\0'
  const door = await openClamdDoor(t, { ...settings, SCANFAIL_CLAMD: 'limit' })
  t.equal(await door.ask(inStream(plain)), limit)
  const nothing = await openClamdDoor(t, {})
  t.equal(await nothing.ask(inStream(plain)), 'stream: Not scanned: config, see the log ERROR\0')
})

t.test('what is larger than is scanned is told as clamd tells it', async (t) => {
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

t.test('what settings refuse is found, under a name of one word', async (t) => {
  const scan = async () => ({ answer: 'infected', name: 'a b\n', banned: true }) as const
  const banned = await openClamdDoor(t, { QHPSI: 'plugin: eicar' }, { scan })
  t.equal(await banned.ask(inStream(plain)), 'stream: Onescan.banned.a_b_ FOUND\0')
  const door = await openClamdDoor(t, { QHPSI: 'plugin: eicar', MAXNESTING: '1' })
  const nested = `From: a\nContent-Type: message/rfc822\n\n`.repeat(4)
  t.equal(await door.ask(inStream(nested)), 'stream: Onescan.nested-too-deep FOUND\0')
  // Whatever else the settings do with viruses: the client decides.
  const others = { QHPSI: 'plugin: eicar', REJECTVIRUS: '2', VIRUSFORWARD: 'a@b' }
  const kept = { ...others, QUARANTINE: '/nonexistent', OVERNESTING: 'quarantine', MAXNESTING: '1' }
  const other = await openClamdDoor(t, kept)
  t.equal(await other.ask(inStream(EICAR)), 'stream: EICAR-Test FOUND\0')
  t.equal(await other.ask(inStream(nested)), 'stream: Onescan.nested-too-deep FOUND\0')
  const tagged = await openClamdDoor(t, { ...others, VIRUSTAGONLY: 'Eicar*' })
  t.equal(await tagged.ask(inStream(EICAR)), 'stream: OK\0')
})

t.test('copies of a mail are scanned once, and a file each time', async (t) => {
  const asked: Asked[] = []
  const { socket } = await standIn(
    t,
    (question) => {
      asked.push(question)
      numbered('stream: OK')(question)
    },
    { version: () => 'ClamAV 1.4.3/27000/Mon Jan  1 00:00:00 2024' },
  )
  const door = await openClamdDoor(t, {
    QHPSI: 'plugin: clamd',
    CLAMD: socket,
    CLAMDBDIR: DATABASE,
  })
  const script = 'a: alert(1)\n\nx\n'
  for (const [content, count] of [
    [plain.toString('latin1'), 1],
    [script, 2], // in one question as a mail, and as a file
    ['PK\x03\x04', 3],
  ] as const) {
    asked.length = 0
    for (let copy = 0; copy < 3; copy++) await door.ask(inStream(content))
    const whole = asked.filter(({ message }) => message.toString('latin1').includes(content))
    t.equal(whole.length, count, JSON.stringify(content))
  }
  t.equal(door.mailLog.filter((line) => line.includes('scan=known')).length, 4)
})
