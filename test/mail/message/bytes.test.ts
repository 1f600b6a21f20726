import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { Bytes } from '../../../src/mail/message/bytes.ts'
import { inChunks, ReadBy } from './bytes.ts'

const text = (bytes: Bytes) => bytes.gather().toString('latin1')

t.test('parts of bytes equal those of Buffer, in every split', async (t) => {
  const range = fc.tuple(fc.nat(30), fc.nat(30))
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 25 }),
      fc.array(fc.nat(25)),
      range,
      (array, cuts, at) => {
        const buffer = Buffer.from(array)
        const half = buffer.length >> 1
        const [from, to] = at.map((place) => Math.min(place, buffer.length)).sort((a, b) => a - b)
        for (const bytes of [
          Bytes.of(buffer),
          inChunks(buffer, cuts),
          Bytes.of(buffer.subarray(0, half), inChunks(buffer.subarray(half), cuts)),
          Bytes.of(Bytes.of(buffer).slice(0, half), Bytes.of(buffer).slice(half)),
        ]) {
          t.equal(bytes.size, buffer.length)
          t.ok(bytes.gather().equals(buffer))
          t.ok(bytes.gather(from, to).equals(buffer.subarray(from, to)))
          const part = bytes.slice(from!, to!)
          t.equal(part.size, to! - from!)
          t.ok(part.gather().equals(buffer.subarray(from, to)))
          t.ok(
            part
              .slice(part.size >> 1)
              .gather()
              .equals(buffer.subarray(from! + (part.size >> 1), to)),
          )
        }
      },
    ),
    { numRuns: 200 },
  )
})

t.test('a large buffer is read in pieces', async (t) => {
  const large = Buffer.from(Uint32Array.from({ length: 150_000 }, (_, at) => at).buffer)
  const bytes = Bytes.of(large)
  t.ok(bytes.gather(5, 599_999).equals(large.subarray(5, 599_999)))
  const most = Math.max(...[...bytes.slice(0).chunks()].map(({ length }) => length))
  t.equal(most, 256 * 1024)
})

t.test('bytes without some ranges are the others, in their order', async (t) => {
  const all = inChunks(Buffer.from('0123456789'), [3, 4, 8])
  const without = (...ranges: readonly (readonly [number, number])[]) =>
    text(all.without(ranges.map(([from, to]) => ({ from, to }))))
  t.equal(without(), '0123456789')
  t.equal(without([0, 10]), '')
  t.equal(without([5, 7], [0, 2]), '234789')
  t.equal(without([1, 5], [2, 3], [4, 6]), '06789', 'ranges may overlap')
  t.equal(text(all.without([{ from: 2, to: 8 }]).slice(1, 3)), '18')
})

t.test('bytes that became fewer or more are noticed', async (t) => {
  for (const given of ['', 'ab', 'abcd']) {
    const part = new ReadBy(9, () => [Buffer.from(given)]).slice(2, 5)
    t.throws(() => part.gather(), { message: /more than it was asked for/ }, JSON.stringify(given))
  }
})

/** Chunks that lie in one buffer, as a spool, a decoder and the packets for clamd give them. */
function* inOneBuffer(texts: readonly string[]): Generator<Buffer> {
  const buffer = Buffer.alloc(16)
  for (const text of texts) yield buffer.subarray(0, buffer.write(text))
}

t.test('chunks that share a buffer are gathered as they came', async (t) => {
  for (const texts of [[], ['one'], ['one', '', 'two', 'three']]) {
    const all = texts.join('')
    t.equal(new ReadBy(all.length, () => inOneBuffer(texts)).gather().toString(), all)
  }
})

t.test('gathered bytes do not change when the buffer is used again', async (t) => {
  const buffer = Buffer.from('one')
  const gathered = new ReadBy(buffer.length, () => [buffer]).gather()
  buffer.write('two')
  t.equal(gathered.toString(), 'one')
})

t.test('bytes in one piece of memory are gathered without a copy', async (t) => {
  const buffer = Buffer.from('0123456789')
  const all = Bytes.of(Buffer.from('top '), buffer)
  const asked = {
    whole: Bytes.of(buffer),
    part: all.slice(5, 9),
    'part of a part': all.slice(4).slice(2),
  }
  for (const [what, bytes] of Object.entries(asked)) {
    const gathered = bytes.gather(0, 3)
    t.equal(gathered.buffer, buffer.buffer, what)
    t.equal(gathered.toString(), text(bytes).slice(0, 3), what)
  }
  t.equal(all.gather(2, 6).toString(), 'p 01', 'bytes of two chunks are copied')
  t.equal(all.gather(12, 99).toString(), '89', 'up to the end')
})

/** Calls that give chunks which are valid only until the next one is asked for. */
const GIVES = String.raw`(?:chunks|body|packets|packetsOf|streamPackets|pieces|piecesOf\w*|inPieces|edited)\(`

/** Ways to keep such chunks without a copy. */
const keeping: readonly RegExp[] = [
  new RegExp(String.raw`\[\s*\.\.\.\s*[\w.#!?]*\b${GIVES}`),
  new RegExp(String.raw`\bArray\.from\(\s*[\w.#!?]*\b${GIVES}`),
  new RegExp(String.raw`\b${GIVES}[^\n]*\)\.toArray\(`),
  new RegExp(
    String.raw`for \(const (\w+) of [^\n]*\b${GIVES}[^\n]*\{?\s*[\w.#]+\.(?:push|add|write)\(\1\)`,
  ),
]

t.test('nothing in src keeps chunks in another way', async (t) => {
  const src = join(import.meta.dirname, '../../../src')
  const files = readdirSync(src, { recursive: true, encoding: 'utf8' })
  const sources = files.filter((file) => file.endsWith('.ts'))
  t.ok(sources.length > 300, 'the sources were found')
  for (const file of sources) {
    const text = readFileSync(join(src, file), 'utf8')
    const found = keeping.map((way) => way.exec(text)?.[0]).find((hit) => hit !== undefined)
    if (found !== undefined) t.fail(`${file}: ${found}`)
  }
})

t.test('the search sees each way of keeping chunks', async (t) => {
  const ways = [
    'const all = [...packetsOf(content)]',
    'const all = [\n  ...message.body.chunks(),\n]',
    'Array.from(sample.chunks(), (chunk) => chunk)',
    'const all = source.chunks(0, 10).toArray()',
    'for (const chunk of content.chunks()) pieces.push(chunk)',
    'for (const chunk of message.body(1, 2)) {\n    pieces.push(chunk)',
  ]
  for (const way of ways) t.ok(keeping.some((sees) => sees.test(way)), way) // biome-ignore format: a line
  const harmless = 'for (const chunk of content.chunks()) pieces.push(Buffer.from(chunk))'
  t.notOk(keeping.some((sees) => sees.test(harmless)))
})
