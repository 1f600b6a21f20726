import { tmpdir } from 'node:os'
import fc from 'fast-check'
import t from 'tap'
import { Bytes } from '../../../../src/mail/message/bytes.ts'
import { openAnonymousFile } from '../../../../src/mail/message/spool.ts'
import { type Steps, Work } from '../../../../src/mail/mime/budget/work.ts'
import { EmbeddedData } from '../../../../src/mail/mime/leaves/embedded-data.ts'
import { inFiles, inTexts } from '../../../../src/mail/mime/leaves/embedded-formats.ts'

function resultOf<Result>(steps: Steps<Result>): Result {
  let step = steps.next()
  while (!step.done) step = steps.next()
  return step.value
}

/** The blocks of a text: the bytes of each, and why others are unread. */
function readBlocks(text: string, most = Number.POSITIVE_INFINITY) {
  const source = Bytes.of(Buffer.from(text, 'latin1'))
  const work = new Work(source, { openFile: () => openAnonymousFile(tmpdir()) })
  const lines = resultOf(EmbeddedData.of(source, inTexts, work))
  const blocks = resultOf(lines.takeBlocks({ from: 0, to: source.size }, inTexts, work, most))
  return { blocks: blocks.map(({ from, to }) => text.slice(from, to)), unread: work.unread }
}

const blocksIn = (text: string) => readBlocks(text).blocks

t.test('blocks end where some reader ends them', async (t) => {
  const one = 'begin 644 a\nONE\nend\n'
  const two = 'begin 644 b\nTWO\nend\n'
  t.same(blocksIn(`x\n${one}`), ['ONE\nend\n'])
  t.same(
    new Set(blocksIn(`${one}between\n${two}behind\n`)),
    new Set([
      'ONE\nend\nbetween\n', // up to the next beginning
      'ONE\nend\n', // up to its end
      'TWO\nend\nbehind\n',
      'TWO\nend\n',
      `ONE\nend\nbetween\n${two}behind\n`, // for those that go on behind an end
    ]),
  )
  const blocks = new Set(blocksIn(`begin 644 a\nONE\n${two}`))
  t.same(
    blocks,
    new Set(['ONE\n', `ONE\n${two}`, 'TWO\nend\n']),
    'a beginning inside of a block is one for some readers',
  )
})

t.test('a text with more blocks than the limit is unread, and they are not made', async (t) => {
  const text = 'begin 6\n#AB\n'.repeat(5000)
  const all = readBlocks(text)
  t.ok(all.blocks.length > 5000)
  t.same(readBlocks(text, all.blocks.length), all)
  t.equal(all.unread, undefined)
  const few = readBlocks(text, 20)
  t.same(few.blocks, all.blocks.slice(0, 20))
  t.equal(few.unread?.reason, 'more than 2000 blocks of encoded data')
})

t.test('a sentence that begins with the word begins no data', async (t) => {
  const below = 'with the first chapter.\nThen read on:\n#86)C\n'
  for (const sentence of ['begin \n', 'begin here,\n', 'Begin at home\r\n\r\n'])
    t.same(blocksIn(`${sentence}${below}`), [], sentence)
  for (const data of ['#86)C\n', '#86)c\n', '"86)C1\n', 'M86)C8\n']) {
    t.same(new Set(blocksIn(`begin \n${data}`)), new Set([data]), data)
    t.ok(blocksIn(`begin x\n\n${data}`).length > 0, `below an empty line, ${data}`)
    t.ok(blocksIn(`begin 644 x\n${below}${data}`).length > 0, 'with a mode')
  }
})

t.test('a block is returned once', async (t) => {
  const bytes = Bytes.of(Buffer.from('x\nbegin 644 a\nONE\nend\n'))
  const work = new Work(bytes, { openFile: () => openAnonymousFile(tmpdir()) })
  const data = resultOf(EmbeddedData.of(bytes, inTexts, work))
  const range = { from: 0, to: bytes.size }
  t.equal(resultOf(data.takeBlocks(range, inTexts, work)).length, 1)
  t.same(resultOf(data.takeBlocks(range, inFiles, work)), [])
})

t.test('a line that only some readers know parts nothing for the others', async (t) => {
  const known = 'begin 644 a\nONE\n'
  for (const strange of ['begin x\n', 'BEGIN 644 b\n', 'begin\t6 b\n', 'begin 00644\n']) {
    const text = `${strange}ZERO\n${known}${strange}TWO\nend\n`
    const block = `ONE\n${strange}TWO\nend\n`
    t.ok(blocksIn(text).includes(block), JSON.stringify(strange))
  }
  const [first, second] = ['begin 0644 b\n', 'BEGIN 644 c\n']
  const text = `${second}ZERO\n${first}ONE\n${second}TWO\nend\n`
  t.ok(blocksIn(text).includes(`ONE\n${second}TWO\nend\n`), 'and only some of these')
})

t.test('in the middle of a line data begins only if it ends', async (t) => {
  const line = '09:12 put begin 644 a\n'
  t.same(blocksIn(`${line}ONE\n`), [])
  t.same(blocksIn(`${line}ONE\nend\n${line}TWO\nend\nbehind\n`), ['ONE\nend\n', 'TWO\nend\n'])
})

t.test('data of each kind ends at its own line', async (t) => {
  const kinds = [
    ['=ybegin line=1 size=1 name=a', '=yend size=1'],
    ['-----BEGIN PGP MESSAGE-----', '-----END PGP MESSAGE-----'],
    ['  -----BEGIN PGP MESSAGE-----', '  -----END PGP MESSAGE-----'],
  ]
  for (const [begin, end] of kinds) {
    t.same(blocksIn(`${begin}\nONE\n${end}\nbehind\n`), ['ONE\n'], `${begin}`)
  }
})

t.test('announced data extends from an empty line to two dashes', async (t) => {
  for (const word of ['base64', 'quoted-printable']) {
    const field = `Content-Transfer-Encoding: ${word}\n`
    t.same(blocksIn(`x\n\n${field}A: b\n\nONE\n-x\n--b\nbehind\n`), ['ONE\n-x\n'], word)
    t.same(blocksIn(`${field}${field} \t\nONE\n`), ['ONE\n'], `${word}, twice above a blank line`)
    t.same(
      blocksIn(`${field}\nONE\n${field}\nTWO\n`),
      ['ONE\n', `ONE\n${field}\nTWO\n`, 'TWO\n'],
      `${word}, a field in the data`,
    )
    t.same(blocksIn(`${field}A: b\n`), [], `${word}, nothing`)
  }
})

/** Whether data begins in a text. */
function anyIn(text: string, kinds = inTexts): boolean {
  const source = Bytes.of(Buffer.from(text, 'latin1'))
  const work = new Work(source, { openFile: () => openAnonymousFile(tmpdir()) })
  const lines = resultOf(EmbeddedData.of(source, kinds, work))
  return lines.beginsIn({ from: 0, to: source.size }, kinds)
}

t.test('a line that begins data is found in a text', async (t) => {
  const found = ['begin 644', 'Begin 6', 'begin x\n', 'a begin 644 b', '=ybegin x', '-----BEGIN x']
  for (const text of [...found, 'x\n<pre>begin 644 a', 'be converted with BinHex 4.0'])
    t.equal(anyIn(text), true, text)
  const others = ['', 'Content-x', 'begin-644 a', 'ATTACH;x', 'a-b', 'the beginning', 'we begin 6']
  for (const text of [...others, ':-)', 'From a']) t.equal(anyIn(text), false, text)
})

t.test('a field that begins data does so in a text, and in no file', async (t) => {
  const field = 'x\n\nContent-Transfer-Encoding: base64\n'
  t.equal(anyIn(field), true)
  t.equal(anyIn(field, inFiles), false)
  t.equal(anyIn('begin 644 a\n', inFiles), true)
})

t.test('a word that begins data is found anywhere in a long text', async (t) => {
  const field = 'Content-Transfer-Encoding: base64\n\nx'
  for (const filler of ['x', 'x\n']) {
    for (const word of [
      'begin 644 a',
      'converted with BinHex 4.0',
      ...(filler === 'x' ? [] : [field]),
    ]) {
      for (let before = 64 * 1024 - 30; before < 64 * 1024 + 5; before++) {
        const text = `${filler.repeat(before).slice(-before)}${word}\nend\n`
        t.ok(anyIn(text), `${word} behind ${before} bytes`)
        t.equal(blocksIn(text).length, 1, `${word} behind ${before} bytes, a block`)
      }
    }
  }
})

const line = fc.constantFrom(
  ...['begin 644 a', 'begin 6', 'begin x', 'BEGIN 0644 b', 'put begin 644 c', 'end', '`', 'M123'],
  ...['=ybegin line=1', '=yend', '-----BEGIN X', ' -----BEGIN X', '-----END', '====', 'text', ''],
  ...['begin-encoded 644 YQ==', 'Content-Transfer-Encoding: base64', '--b'],
  ...['(This file must be converted with BinHex 4.0)', ':data:'],
)
const texts = fc
  .tuple(fc.array(line, { maxLength: 60 }), fc.constantFrom('\n', '\r\n', '\r'))
  .map(([lines, end]) => lines.join(end))

/** The most times that a byte is in a block: for each form of the line that begins data, three times. */
const TIMES = 40

t.test('all blocks together are a few times as long as the text', async (t) => {
  fc.assert(
    fc.property(texts, (text) => {
      const size = blocksIn(text).reduce((sum, { length }) => sum + length, 0)
      return size <= TIMES * text.length
    }),
  )
  const filler = 'begin 6\n#ABC\nbegin 644 a\nx\nBEGIN 6\n'.repeat(1000)
  const size = blocksIn(filler).reduce((sum, { length }) => sum + length, 0)
  t.ok(size <= TIMES * filler.length, `${size / filler.length} times`)
})

t.test('the blocks in a range of a text are those of the range alone', async (t) => {
  const texts = ['x\nbegin 644 a\nONE\n', '\nTWO\nend\nbegin 644 b\n', 'THREE\n', 'begin x\nend\n']
  const bytes = Buffer.from(texts.join(''), 'latin1')
  const work = new Work(Bytes.of(bytes), { openFile: () => openAnonymousFile(tmpdir()) })
  const lines = resultOf(EmbeddedData.of(Bytes.of(bytes), inTexts, work))
  let from = 0
  for (const text of texts) {
    const to = from + text.length
    const blocks = resultOf(lines.takeBlocks({ from, to }, inTexts, work))
    const inRange = blocks.map((block) => bytes.toString('latin1', block.from, block.to))
    t.same(inRange, blocksIn(text), JSON.stringify(text))
    from = to
  }
})
