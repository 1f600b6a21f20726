import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { Bytes } from '../../../../src/mail/message/bytes.ts'
import { openAnonymousFile } from '../../../../src/mail/message/spool.ts'
import { contentsOf } from '../../../../src/mail/mime/contents.ts'
import { lacks } from '../../../needs.mjs'
import { createRandom } from '../../../run/random.ts'
import { compressedRtf, plainRtf } from '../../../scanner/scan/scanners/evasions/containers.ts'
import { readMail } from '../read-mail.ts'

const number = (value: number, bytes: number) => {
  const buffer = Buffer.alloc(bytes)
  buffer.writeUIntLE(value, 0, bytes)
  return buffer
}
const sum = (data: Buffer) => data.reduce((all, byte) => (all + byte) & 0xffff, 0)

/** An attribute of the message, or of an attachment. */
function attribute(id: number, data: Buffer, level = 2): Buffer {
  const front = [number(level, 1), number(id, 4), number(data.length, 4)]
  return Buffer.concat([...front, data, number(sum(data), 2)])
}

const tnef = (...attributes: Buffer[]) =>
  Buffer.concat([number(0x223e9f78, 4), number(1, 2), ...attributes])

type Property = readonly [id: number, type: number, value: Buffer]

/** A list of properties with one value each. */
function properties(...list: readonly Property[]): Buffer {
  const all = list.map(([id, type, value]) => {
    const front = Buffer.concat([number(type, 2), number(id, 2)])
    if (type === 3) return Buffer.concat([front, value])
    const padding = Buffer.alloc((4 - (value.length % 4)) % 4)
    return Buffer.concat([front, number(1, 4), number(value.length, 4), value, padding])
  })
  return Buffer.concat([number(list.length, 4), ...all])
}

const file = Buffer.from(Array.from({ length: 700 }, (_, at) => (at * at) >> 3))
const other = Buffer.from('a file in a property, which is binary and long enough\0')
const rtf = Buffer.from(`{\\rtf1\\ansi a text in RTF, ${'and more, '.repeat(600)}\\par}`)

/** The attribute with which a file begins. */
const BEGIN = attribute(0x69002, Buffer.alloc(14))

const winmail = tnef(
  attribute(0x89006, number(0x10000, 4), 1), // the version
  attribute(
    0x69003,
    properties(
      [0x0ffe, 3, number(5, 4)],
      [0x1009, 0x102, compressedRtf(rtf)],
      [0x3fde, 3, number(1252, 4)],
    ),
    1,
  ),
  BEGIN,
  attribute(0x18010, Buffer.from('short.exe\0')),
  attribute(0x6800f, file),
  attribute(
    0x69005,
    properties([0x3707, 0x1f, Buffer.from('long näme.exe\0', 'utf16le')], [0x3701, 0x102, other]),
  ),
)

function open(bytes: Buffer) {
  const type = 'Content-Type: application/ms-tnef; name=winmail.dat'
  const encoded = bytes.toString('base64').replace(/.{76}/g, '$&\n')
  return readMail(`${type}\nContent-Transfer-Encoding: base64\n\n${encoded}\n`)
}
const holds = (bytes: Buffer, content: Buffer) => open(bytes).holds(content)

t.test('the contents of TNEF are yielded, with their names', async (t) => {
  t.ok(holds(winmail, file), 'a file')
  t.ok(holds(winmail, other), 'a binary property')
  t.ok(holds(winmail, rtf), 'the text, which is RTF')
  t.ok(holds(winmail, compressedRtf(rtf)), 'RTF as it is compressed')
  t.same(open(winmail).names, ['short.exe', 'long näme.exe'])
  t.equal(open(winmail).over, '')
  const inside = properties([0x3701, 0x0d, Buffer.concat([Buffer.alloc(16), winmail])])
  t.ok(holds(tnef(attribute(0x69005, inside)), file), 'TNEF in TNEF')
  t.ok(holds(winmail.subarray(0, -9), file), 'TNEF that is cut')
})

t.test('a file of any size is yielded, and so is a short text of the message', async (t) => {
  const short = Buffer.from('MZ')
  t.ok(holds(tnef(BEGIN, attribute(0x6800f, short)), short), 'a file')
  t.ok(holds(tnef(attribute(0x2800c, short, 1)), short), 'a text')
  for (const [id, type] of [
    [0x3701, 0x102],
    [0x3701, 0x0d],
    [0x1000, 0x1e],
    [0x1009, 0x102],
    [0x1013, 0x102],
  ] as const) {
    const list = properties([id, type, short])
    t.ok(holds(tnef(BEGIN, attribute(0x69005, list)), short), id.toString(16))
  }
})

/** The contents of TNEF that a test made, each with its names. */
function namedIn(...attributes: Buffer[]): readonly string[] {
  const found: string[] = []
  const mail = Buffer.concat([TYPE, tnef(...attributes)])
  const options = { openFile: () => openAnonymousFile(tmpdir()), createHash }
  for (const step of contentsOf(Bytes.of(mail), options)) {
    if (step.kind !== 'content' || step.part.containers.length === 0) continue
    found.push(`${step.bytes.gather().toString('latin1')}: ${step.part.names}`)
  }
  return found
}
const TYPE = Buffer.from('Content-Type: application/ms-tnef; name=winmail.dat\n\n')
const title = (name: string) => attribute(0x18010, Buffer.from(`${name}\0`))
const data = (text: string) => attribute(0x6800f, Buffer.from(text))
const longName = (name: string) =>
  attribute(0x69005, properties([0x3707, 0x1e, Buffer.from(`${name}\0`)]))

t.test('a name belongs to the file around it, wherever it is', async (t) => {
  t.same(namedIn(BEGIN, data('A'), title('a'), longName('long'), BEGIN, title('b'), data('B')), [
    'A: a,long',
    'B: b',
  ])
  t.same(namedIn(data('text'), BEGIN, title('a'), BEGIN, data('B')), ['text: ', 'B: '])
})

t.test('a file with too many names or values is not read to its end', async (t) => {
  const many = (count: number, make: (n: number) => Buffer) =>
    open(tnef(BEGIN, ...Array.from({ length: count }, (_, n) => make(n)))).over
  t.equal(
    many(50, (n) => title(`${n}`)),
    '',
  )
  t.match(
    many(51, (n) => title(`${n}`)),
    /names of a file in TNEF/,
  )
  t.match(
    many(2001, () => data('x')),
    /values of a file in TNEF/,
  )
})

const skip = lacks('tnef', 'ytnef')
const programs: Readonly<Record<string, readonly string[]>> = {
  tnef: ['--save-body', '-K', '-f', 'winmail.dat'],
  ytnef: ['-f', '.', 'winmail.dat'],
}

for (const [program, words] of Object.entries(programs)) {
  t.test(`${program}(1) finds the same files and names`, { skip }, async (t) => {
    const directory = t.testdir()
    const files = ['A', 'B'].flatMap((text) => [
      [BEGIN, data(text), title(`${text}.exe`)],
      [BEGIN, title(`${text}1.exe`), data(`${text}1`), longName(`${text} long.exe`)],
    ])
    const bytes = tnef(...files.flat())
    writeFileSync(join(directory, 'winmail.dat'), bytes)
    spawnSync(program, words, { cwd: directory })
    const named = namedIn(...files.flat())
    const names = readdirSync(directory).filter((name) => name !== 'winmail.dat')
    for (const name of names) {
      const content = readFileSync(join(directory, name), 'latin1')
      const plain = name.replaceAll('_', ' ')
      const isSame = named.some((one) => one.startsWith(`${content}: `) && one.includes(plain))
      t.ok(isSame, `${name} in ${named.join('; ')}`)
    }
    t.equal(names.length, 4, `${names}`)
  })
}

t.test('tnef(1) finds the same contents', { skip }, async (t) => {
  const directory = t.testdir()
  writeFileSync(join(directory, 'winmail.dat'), winmail)
  spawnSync('tnef', ['--save-body', '-K', '-f', 'winmail.dat'], { cwd: directory })
  const found = readdirSync(directory).map((name) => readFileSync(join(directory, name)))
  for (const content of found) {
    if (!content.equals(winmail)) t.ok(holds(winmail, content), content.toString('latin1', 0, 20))
  }
  t.ok(found.map(String).includes(String(rtf)), 'the text')
  t.ok(found.length > 2, `${found.length} files`)
})

/** TNEF whose text is this property. */
const ofRtf = (property: Buffer) =>
  tnef(attribute(0x69003, properties([0x1009, 0x102, property]), 1))

t.test('the text in RTF is unpacked', async (t) => {
  t.ok(holds(ofRtf(plainRtf(rtf)), rtf), 'RTF that is not compressed')
  const cut = compressedRtf(rtf).subarray(0, 16 + 10 + 9)
  t.ok(holds(ofRtf(cut), rtf.subarray(0, 26)), 'RTF that is cut')
  // The dictionary begins with the words of every RTF, and a reference may reach into the bytes that it yields.
  const references = Buffer.from([0x07, 0x00, 0x09, ...reference(217, 15), ...reference(235, 0)])
  const property = Buffer.concat([
    number(0, 4),
    number(0, 4),
    Buffer.from('LZFu\0\0\0\0'),
    references,
  ])
  t.ok(
    holds(ofRtf(property), Buffer.from('{\\rtf1\\ansi'.padEnd(28, 'i'))),
    'a reference to itself',
  )
})

/** A reference (MS-OXRTFCP 2.1.3.1.5) to a place of the dictionary, for two bytes more than `more`. */
const reference = (place: number, more: number) => [place >> 4, ((place & 15) << 4) | more]

t.test('TNEF with any change is read to an end', async (t) => {
  const random = createRandom(7)
  for (let count = 0; count < 1500; count++) {
    const changed = Buffer.from(winmail)
    for (let changes = random.below(6); changes >= 0; changes--) {
      changed[6 + random.below(changed.length - 6)] = random.pick([
        0,
        1,
        0x7f,
        0xff,
        random.below(256),
      ])
    }
    const { over, work } = open(changed)
    if (over !== '') t.fail(over)
    if (work > 2 ** 24) t.fail(`${work} units`)
  }
  t.ok(work(winmail) < 2 ** 18)
})

const work = (bytes: Buffer) => open(bytes).work
