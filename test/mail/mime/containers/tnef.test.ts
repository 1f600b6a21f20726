import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { lacks } from '../../../needs.mjs'
import { createRandom } from '../../../run/random.ts'
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
const rtf = Buffer.from('RTF as it is compressed, which nobody opens here')

const winmail = tnef(
  attribute(0x89006, number(0x10000, 4), 1), // the version
  attribute(
    0x69003,
    properties([0x0ffe, 3, number(5, 4)], [0x1009, 0x102, rtf], [0x3fde, 3, number(1252, 4)]),
    1,
  ),
  attribute(0x69002, Buffer.alloc(14)),
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
const holds = (bytes: Buffer, content: Buffer) =>
  open(bytes).contents.some((given) => given.equals(content))

t.test('the contents of TNEF are yielded, with their names', async (t) => {
  t.ok(holds(winmail, file), 'a file')
  t.ok(holds(winmail, other), 'a binary property')
  t.ok(holds(winmail, rtf), 'RTF as it stands there')
  t.same(open(winmail).names, ['short.exe', 'long näme.exe'])
  t.equal(open(winmail).over, '')
  const inside = properties([0x3701, 0x0d, Buffer.concat([Buffer.alloc(16), winmail])])
  t.ok(holds(tnef(attribute(0x69005, inside)), file), 'TNEF in TNEF')
  t.ok(holds(winmail.subarray(0, -9), file), 'TNEF that is cut')
})

const skip = lacks('tnef')

t.test('tnef(1) finds the same', { skip }, async (t) => {
  const directory = t.testdir()
  writeFileSync(join(directory, 'winmail.dat'), winmail)
  spawnSync('tnef', ['--save-body', '-K', '-f', 'winmail.dat'], { cwd: directory })
  const found = readdirSync(directory).map((name) => readFileSync(join(directory, name)))
  for (const content of found) {
    if (!content.equals(winmail)) t.ok(holds(winmail, content), content.toString('latin1', 0, 20))
  }
  t.ok(found.length > 1, `${found.length} files`)
})

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
