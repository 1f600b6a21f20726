import t from 'tap'
import { Bytes } from '../../../../src/mail/message/bytes.ts'
import { Work } from '../../../../src/mail/mime/budget/work.ts'
import { EmbeddedData } from '../../../../src/mail/mime/leaves/embedded-data.ts'
import { embeddedStart, inTexts } from '../../../../src/mail/mime/leaves/embedded-formats.ts'

const kindsOf = (line: string) => [...new Set(embeddedStart(line)?.formats.map(({ kind }) => kind))]
const kindOf = (line: string) => kindsOf(line)[0]

t.test('a line that begins uuencode is known by its first word', async (t) => {
  for (const line of [
    'begin 644 a',
    'begin\t6',
    'begin\v644\va',
    'begin\x000',
    'begin ',
    'BEGIN\v6',
    'bEgIn 644 a',
  ]) {
    t.equal(kindOf(line), 'uuencode', line)
  }
  const others = ['begin`', 'begin-644 a', 'begin-base64 644 a', 'begin-base64']
  for (const line of ['', 'beginning', ' begin 644 a', ...others]) {
    t.equal(kindOf(line), undefined, line)
  }
  for (const line of ['begin', 'BEGIN', 'BEGIN TRY', 'Begin ', 'BEGIN-644']) {
    t.equal(kindOf(line), undefined, `${line}, as in a program`)
  }
  for (const line of ['x begin 6', '----begin x']) t.equal(embeddedStart(line), undefined, line)
})

t.test('the line that begins encoded data names a file', async (t) => {
  const names: Readonly<Record<string, string>> = {
    'begin 644 a b.exe ': 'a b.exe',
    'begin\v644\va.exe': 'a.exe',
    'begin 644': '',
    'begin 644a b': '',
    'begin 8 a': '',
    'begin a': '',
    'begin-encoded 644 YS5leGU=': 'a.exe',
    '=ybegin line=128 Name= a.exe ': 'a.exe',
    '=YBEGIN line=128': '',
  }
  for (const [line, name] of Object.entries(names)) t.equal(embeddedStart(line)?.name, name, line)
  t.equal(embeddedStart('x begin 644 a'), undefined)
  t.equal(embeddedStart(' =ybegin name=a'), undefined)
})

t.test('armour may begin behind blanks, and a signed text is not armour', async (t) => {
  for (const line of ['-----Begin PKCS7-----', '-----BEGIN ']) {
    t.equal(kindOf(line), 'armour', line)
    t.equal(kindOf(` \t${line}`), 'armour', line)
    t.equal(embeddedStart(` \t${line}`)?.formats.length, 1, `${line}, to some programs`)
  }
  for (const line of ['-----BEGIN PGP SIGNED MESSAGE-----', '-----BEGIN', 'x -----BEGIN X']) {
    t.equal(kindOf(line), undefined, line)
  }
})

t.test('a field announces data, unless it declares no encoding', async (t) => {
  const field = 'Content-Transfer-Encoding'
  for (const line of ['base64', '', ' base64', 'base64;', '(x) base64', 'b64', 'x-uue']) {
    t.same(kindsOf(`${field}: ${line}`), ['mime-base64'], line)
    t.same(kindsOf(`${field.toUpperCase()}\t:${line}`), ['mime-base64'], line)
  }
  t.same(kindsOf(`${field}:Quoted-Printable `), ['mime-quoted-printable'])
  for (const line of ['quoted-printable (x)', '"quoted-printable"', 'quoted', 'base64, printable'])
    t.same(kindsOf(`${field}: ${line}`), ['mime-quoted-printable', 'mime-base64'], line)
  const others = ['7bit', ' 8BIT', 'binary '].map((word) => `${field}:${word}`)
  for (const line of [...others, field, `x-${field}: base64`, ` ${field}: base64`]) {
    t.same(kindsOf(line), [], line)
  }
})

/** The first offset in each line of a text at which data begins. */
function placesIn(text: string): number[] {
  const source = Bytes.of(Buffer.from(text, 'latin1'))
  const steps = EmbeddedData.of(source, inTexts, new Work(source, { openFile: () => -1 }))
  let step = steps.next()
  while (!step.done) step = steps.next()
  const data = step.value
  const places: number[] = []
  let from = 0
  for (const line of text.split(/(?<=\n)/)) {
    const offsets = Array.from(line, (_, offset) => from + offset)
    const place = offsets.find((at) => data.beginsIn({ from, to: at + 1 }, inTexts))
    if (place !== undefined) places.push(place)
    from += line.length
  }
  return places
}

t.test('lines at which data begins are found in a text, each once', async (t) => {
  t.same(placesIn('begin 644 a\n#86)C\nx\nBegin 6\nbegin\n'), [0, 20])
  t.same(placesIn('x\vbegin\v644\va\n'), [2], 'other line ends')
  t.same(placesIn('<pre>begin 644 a\nwe begin 644\nwe begin\n1 2\n'), [5], 'a mode')
  t.same(placesIn('x\n-----BEGIN PGP MESSAGE-----\n=ybegin line=1\n'), [2, 30])
  t.same(placesIn('x\n\ncontent-Transfer-encoding: base64'), [3])
  t.same(placesIn('x (This file must be converted with BinHex 4.0)\n:x'), [21])
  t.same(placesIn('(This file must be converted: x\n:x'), [19])
  t.same(placesIn('begin, begin: beginning, converted with binhex\n:\n::\n'), [])
})

t.test('a word that begins data is found anywhere, by the text after it', async (t) => {
  const words = ['begin', 'BEGIN', 'bEgIn']
  const characters = Array.from({ length: 256 }, (_, byte) => String.fromCharCode(byte))
  for (const word of words) {
    const start = `${word} 6`
    for (let before = 1; before < 10; before++) {
      const front = `${'x'.repeat(before - 1)}\n`
      t.same(placesIn(`${front}${start}\n`), [before], `${start} after ${before} bytes`)
      t.same(placesIn(`${front}${word.slice(0, -1)}`), [], `${word} after ${before}, cut short`)
    }
    for (const rest of ['', '6 x']) {
      const texts = characters.map((character) => `${word}${character}${rest}`)
      const found = texts.filter((text) => placesIn(`x\n${text}\n`).length > 0)
      const known = texts.filter((text) => embeddedStart(text.split(/[\r\n]/)[0]!) !== undefined)
      t.same(found, known, `${word} before each byte and "${rest}"`)
    }
  }
})
