import { spawnSync } from 'node:child_process'
import t from 'tap'
import { Bytes } from '../../../../src/mail/message/bytes.ts'
import { unbzipped } from '../../../../src/mail/mime/containers/bunzip.ts'
import { Work } from '../../../../src/mail/mime/shared/work.ts'
import { lacks } from '../../../needs.mjs'
import { createRandom } from '../../../run/random.ts'

const bzip2 = (file: Buffer, level = 9) =>
  spawnSync('bzip2', ['-c', `-${level}`], { input: file, maxBuffer: 2 ** 28 }).stdout
const skip = lacks('bzip2')

/** Undoes bzip2, whose bytes come in chunks of so many; so many bytes may come out. */
function undo(packed: Buffer, { chunk = 64 * 1024, most = 2 ** 28 } = {}) {
  const source = Bytes.of(
    ...Array.from({ length: Math.ceil(packed.length / chunk) }, (_, index) =>
      packed.subarray(index * chunk, (index + 1) * chunk),
    ),
  )
  let units = 0
  let mostAtOnce = 0
  const onWork = (more: number) => {
    units += more
    mostAtOnce = Math.max(mostAtOnce, more)
  }
  const work = new Work(source, { openFile: () => -1, onWork })
  work.budget.bytes = 32 * 1024 + most
  const steps = unbzipped(source, work)
  for (;;) {
    const step = steps.next()
    if (!step.done) continue
    const { store, isBroken } = step.value
    const file = store.gather()
    store.close()
    t.equal(work.pool.used, 0, 'all memory is given back')
    return { file, isBroken, units, mostAtOnce }
  }
}

const random = createRandom(1)
const noise = Buffer.from(Array.from({ length: 250_000 }, () => random.below(256)))
const runs = Buffer.concat(
  Array.from({ length: 600 }, (_, length) => Buffer.alloc(length, length % 7)),
)
const files: Readonly<Record<string, Buffer>> = {
  'one byte': Buffer.from('a'),
  'a text': Buffer.from('what was signed, again and again; '.repeat(900)),
  'runs of all lengths': runs,
  'bytes of chance, in several blocks': noise,
  zeros: Buffer.alloc(1_000_000),
}

t.test('what bzip2 has packed comes out again, however it is cut', { skip }, async (t) => {
  for (const [name, file] of Object.entries(files)) {
    for (const level of [1, 9]) {
      const packed = bzip2(file, level)
      for (const chunk of [packed.length < 10_000 ? 1 : 97, 64 * 1024]) {
        const undone = undo(packed, { chunk })
        t.ok(undone.file.equals(file), `${name}, level ${level}, chunks of ${chunk}`)
        t.equal(undone.isBroken, false)
      }
    }
  }
})

t.test('each byte is counted, in small pieces', { skip }, async (t) => {
  for (const [name, file] of Object.entries(files)) {
    const { units, mostAtOnce } = undo(bzip2(file))
    t.ok(units >= file.length, `${name}: ${units} units for ${file.length} bytes`)
    t.ok(mostAtOnce <= 128 * 1024, `${name}: ${mostAtOnce} at once`)
  }
  t.throws(() => undo(bzip2(noise), { most: noise.length - 1 }), {
    message: 'contents of too many bytes',
  })
})

t.test('of what is cut short each whole block is there, and nothing else', { skip }, async (t) => {
  const packed = bzip2(noise, 1)
  for (const length of [0, 3, 10, 50_000, packed.length - 1]) {
    const { file, isBroken } = undo(packed.subarray(0, length))
    t.equal(isBroken, false)
    t.ok(file.equals(noise.subarray(0, file.length)), `${length} bytes`)
  }
  t.equal(undo(packed.subarray(0, -1)).file.length, noise.length)
})

t.test('any changed byte is broken or changes nothing, and ends soon', { skip }, async (t) => {
  const text = files['a text']!
  const packed = bzip2(text)
  let broken = 0
  for (let at = 4; at < packed.length; at++) {
    for (const change of [1, 0x80, 0xff]) {
      const changed = Buffer.from(packed)
      changed[at]! ^= change
      const { file, isBroken, units } = undo(changed, { most: 2 ** 22 })
      if (isBroken) broken++
      else if (file.length > 0 && !file.equals(text)) t.fail(`byte ${at}, ${change}`)
      if (units > 2 ** 22) t.fail(`byte ${at}, ${change}: ${units} units`)
    }
  }
  t.ok(broken > packed.length, `${broken} of ${3 * packed.length}`)
})

/** Writes numbers of some bits, the highest first. */
function bitsOf(numbers: readonly (readonly [number: number, bits: number])[]): Buffer {
  const digits = numbers.map(([number, bits]) => number.toString(2).padStart(bits, '0')).join('')
  const bytes = digits.padEnd(Math.ceil(digits.length / 8) * 8, '0').match(/.{8}/g) ?? []
  return Buffer.from(bytes.map((byte) => Number.parseInt(byte, 2)))
}

t.test('a run whose length overflows is broken', async (t) => {
  const code = [
    [1, 5],
    [0, 1],
    [0b100, 3],
    [0, 1],
  ] as const // lengths 1, 2, 2 of three symbols
  const packed = bitsOf([
    ...([
      [0x425a68, 24],
      [0x39, 8],
      [0x314159265359, 48],
      [0, 32],
      [0, 1],
      [0, 24],
    ] as const),
    ...([
      [0x8000, 16],
      [0x8000, 16],
    ] as const), // the byte 0 occurs
    ...([
      [2, 3],
      [2, 15],
      [0, 2],
    ] as const), // two codes, and two selectors
    ...code,
    ...code,
    ...Array.from({ length: 60 }, () => [0, 1] as const), // digits of the length
    [0b11, 2],
  ])
  const { isBroken, units } = undo(packed)
  t.equal(isBroken, true)
  t.ok(units < 100_000)
})
