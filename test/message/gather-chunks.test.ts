import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { gatherChunks } from '../../src/message/gather-chunks.ts'

/** Chunks that lie in one buffer, as a spool, a decoder and the packets for clamd give them. */
function* inOneBuffer(texts: readonly string[]): Generator<Buffer> {
  const buffer = Buffer.alloc(16)
  for (const text of texts) yield buffer.subarray(0, buffer.write(text))
}

t.test('chunks that share a buffer are gathered as they came', async (t) => {
  for (const texts of [[], ['one'], ['one', '', 'two', 'three']]) {
    t.equal(gatherChunks(inOneBuffer(texts)).toString(), texts.join(''))
  }
})

t.test('what is gathered stays as it is when the buffer is used again', async (t) => {
  const buffer = Buffer.from('one')
  const gathered = gatherChunks([buffer])
  buffer.write('two')
  t.equal(gathered.toString(), 'one')
})

/** Calls that give chunks which are valid only until the next one is asked for. */
const GIVES = String.raw`(?:chunks|body|packets|packetsOf|streamPackets|pieces|piecesOf|inPieces|edited)\(`

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
  const src = join(import.meta.dirname, '../../src')
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
    'const all = [\n  ...message.body(),\n]',
    'Array.from(sample.chunks(), (chunk) => chunk)',
    'const all = source.chunks(0, 10).toArray()',
    'for (const chunk of content.chunks()) pieces.push(chunk)',
    'for (const chunk of message.body(1, 2)) {\n    pieces.push(chunk)',
  ]
  for (const way of ways) t.ok(keeping.some((sees) => sees.test(way)), way) // biome-ignore format: a line
  const harmless = 'for (const chunk of content.chunks()) pieces.push(Buffer.from(chunk))'
  t.notOk(keeping.some((sees) => sees.test(harmless)))
})
