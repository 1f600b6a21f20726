import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { deflateRawSync } from 'node:zlib'
import t from 'tap'
import { Bytes } from '../../../../src/mail/message/bytes.ts'
import { archiveMembers } from '../../../../src/mail/mime/archives/archive-members.ts'
import { Work } from '../../../../src/mail/mime/budget/work.ts'
import { python, pythonMissing } from '../../../programs/host/python.ts'
import { createRandom } from '../../../run/random.ts'

const MAKE = join(import.meta.dirname, '../../../scanner/scan/scanners/run/make-archive.py')
const kinds = ['zip', 'streamed zip', 'tar', 'gz', 'tar.gz', 'bzip2 in zip']

const files = [
  ['a', 'the first file'],
  ['b', 'another one, '.repeat(99)],
  ['empty', ''],
] as const

function archive(kind: string): Buffer {
  const input = JSON.stringify(
    files.map(([name, content]) => [name, Buffer.from(content).toString('base64'), 1]),
  )
  return spawnSync(python, [MAKE, kind], { input }).stdout
}

function open(bytes: Buffer) {
  const source = Bytes.of(bytes)
  const work = new Work(source, { openFile: () => -1 })
  const steps = archiveMembers(source, work)
  const members: string[] = []
  for (;;) {
    const step = steps.next()
    if (step.done) {
      t.equal(work.pool.used, 0)
      return { members, isWhole: step.value }
    }
    if (step.value.kind === 'content') members.push(step.value.bytes.gather().toString())
  }
}

t.test('each file of an archive is given', { skip: pythonMissing }, async (t) => {
  const contents = files.map(([, content]) => content).filter((content) => content !== '')
  const isWhole = true
  for (const kind of ['zip', 'streamed zip', 'tar']) {
    t.same(open(archive(kind)), { members: contents, isWhole }, kind)
  }
  t.same(open(archive('gz')), { members: [contents.join('')], isWhole }, 'streams of gzip')
  const { members } = open(archive('tar.gz'))
  t.same(open(Buffer.from(members[0]!)), { members: contents, isWhole }, 'tar in gzip')
  t.same(open(archive('bzip2 in zip')), { members: [], isWhole: false })
  t.same(open(Buffer.alloc(0)), { members: [], isWhole: false })
})

t.test('a zip with bytes behind a file, or sizes that disagree, is not whole', async (t) => {
  const deflated = deflateRawSync(Buffer.from('shown'))
  const hidden = Buffer.concat([deflated, Buffer.from('hidden')])
  t.equal(open(zipOf(deflated, 8, { size: 5 })).isWhole, true)
  t.equal(open(zipOf(Buffer.from('shown'), 0, { size: 5 })).isWhole, true)
  t.equal(open(zipOf(hidden, 8, { size: 5 })).isWhole, false, 'behind the end of deflate')
  t.equal(open(zipOf(deflated, 8, { size: 4 })).isWhole, false, 'another size')
  t.equal(
    open(zipOf(Buffer.from('shown'), 0, { size: 4 })).isWhole,
    false,
    'stored in another size',
  )
  const other = { size: 5, localSize: 4 }
  t.equal(open(zipOf(deflated, 8, other)).isWhole, false, 'another size in its own header')
})

/** A zip with one file. */
function zipOf(
  data: Buffer,
  method: number,
  { size, localSize = size }: { size: number; localSize?: number },
): Buffer {
  const local = Buffer.alloc(31, 'a')
  local.fill(0, 0, 30)
  local.writeUInt32LE(0x04034b50, 0)
  local.writeUInt16LE(method, 8)
  local.writeUInt32LE(data.length, 18)
  local.writeUInt32LE(localSize, 22)
  local.writeUInt16LE(1, 26)
  const entry = Buffer.alloc(47, 'a')
  entry.fill(0, 0, 46)
  entry.writeUInt32LE(0x02014b50, 0)
  entry.writeUInt16LE(method, 10)
  entry.writeUInt32LE(data.length, 20)
  entry.writeUInt32LE(size, 24)
  entry.writeUInt16LE(1, 28)
  const end = Buffer.alloc(22)
  end.writeUInt32LE(0x06054b50, 0)
  end.writeUInt16LE(1, 8)
  end.writeUInt16LE(1, 10)
  end.writeUInt32LE(entry.length, 12)
  end.writeUInt32LE(local.length + data.length, 16)
  return Buffer.concat([local, data, entry, end])
}

t.test('an archive with any change is read to an end', { skip: pythonMissing }, async (t) => {
  const random = createRandom(3)
  for (const kind of kinds) {
    const whole = archive(kind)
    let unread = 0
    for (let count = 0; count < 400; count++) {
      const changed = Buffer.from(whole)
      for (let changes = random.below(3); changes >= 0; changes--) {
        changed[random.below(changed.length)] = random.pick([0, 1, 0xff, random.below(256)])
      }
      if (
        !open(
          random.once(3)
            ? changed.subarray(random.below(9), random.below(changed.length))
            : changed,
        ).isWhole
      )
        unread++
    }
    t.ok(unread > 100, `${kind}: ${unread} are not whole`)
  }
})
