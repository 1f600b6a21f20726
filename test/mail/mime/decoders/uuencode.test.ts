import t from 'tap'
import { decoderRoom, type Give, makerOf } from '../../../../src/mail/mime/decoders/decoder.ts'
import {
  endsInUuencode,
  otherUuencode,
  STANDARD_UUENCODE,
  UuencodeDecoder,
  type UuencodeMode,
} from '../../../../src/mail/mime/decoders/uuencode.ts'
import { uuencodePlan } from '../../../../src/mail/mime/leaves/decoding-plans.ts'
import { inEverySplit } from './in-every-split.ts'

// `#86)C` is abc, `"86(` is ab, `!80` is a; a back-tick or a blank stands for six zero bits.

t.test('lines of uuencode are decoded by each mode', async (t) => {
  const rows: readonly (readonly [Partial<UuencodeMode>, string, string])[] = [
    [{}, '#86)C\n', 'abc'],
    [{}, '#86)C\r\n"86(\r!80', 'abcaba'],
    [{}, '#86)C\n\n#86)C\n', 'abcabc'],
    [{}, '#86)C\n`\nend\n#86)C\n', 'abc'],
    [{}, '#86)C\n \n#86)C\n', 'abc'],
    [{}, '#86)C\nEnd\n#86)C\n', 'abc'],
    [{}, '#86)C\nend \n#86)C\n', 'abcabc'],
    [{}, '`\nend\n#86)C\n', 'abc'],
    [{}, '#86\n', 'a`\0'],
    [{}, '#86)\n', 'ab@'],
    [{}, '&86)C\n#86)C\n', 'abc\0\0\0abc'],
    [{}, '&86)C8\n', 'abc`\0\0'],
    [{}, '#86)C1234\n', 'abc'],
    [{}, '#86)C12345\n', ''],
    [{}, '#86)C\n`abcd\n#86)C\n', 'abcabc'],
    [{}, '#86)C\nxnd\nexd\nenx\n#86)C\n', 'abcabc'],
    [{}, '\x1f86)C\n~86)C\n', ''],
    [{ stops: false }, '#86)C\n`\nend\n#86)C\n', 'abcabc'],
    [{ lines: 'whole' }, '#86)C\n#86)\n#86)c\n"86)C1\n', 'abcab'],
    [{ lines: 'whole' }, '#86)a\n#86)z\n#86){\n#86)`\n', 'ab[ab@'],
    [{ lines: 'exact' }, '#86)C\n#86)C1\n', 'abc'],
    [{ lines: 'any' }, '#86)C12345\nc86)C\n', 'abcabc'],
    [{ lines: 'any' }, '#86)C\n\n\n#86)C\n', 'abcabc'],
    [{ lines: 'any' }, '#86)C\n`\n#86)C\n', 'abc'],
    [{ lines: 'folded' }, '#86)c\n#86)C\n', 'abcabc'],
    [{ lines: 'any', length: 'line' }, '!86)C86)C\n', 'abcabc'],
    [{ lines: 'any', length: 'groups' }, '#86)C\nX: \nM86)C8\n!86)C\n', 'abcabca'],
  ]
  for (const [mode, text, expected] of rows) {
    const make = (give: Give, room: Buffer) =>
      new UuencodeDecoder(give, room, { ...STANDARD_UUENCODE, ...mode })
    t.same([...inEverySplit(text, make)], [expected], `${JSON.stringify(mode)} ${text}`)
  }
})

/** What each other way makes of a text, by its name: which lines are data, `line` or `groups`, and `on`. */
function otherResults(text: string): Record<string, string> {
  const results = otherUuencode.map((mode) => {
    const { lines, length, stops } = mode
    const name = [lines, ...(length === 'said' ? [] : [length]), ...(stops ? [] : ['on'])].join(' ')
    return [name, [...inEverySplit(text, makerOf(UuencodeDecoder, mode))].join(' or ')]
  })
  return Object.fromEntries(results)
}

t.test('other readers decode lines of uuencode as they find them', async (t) => {
  const twice = 'abcabc'
  const rows: Readonly<Record<string, Readonly<Record<string, string>>>> = {
    '#86)C': {},
    '#86)C\n`\nend\n#86)C': {
      'about on': twice,
      'whole on': twice,
      'any on': twice,
      'any line on': twice,
    },
    '#86)C86)C': { exact: '', 'any line': twice, 'any line on': twice },
    '#86)Ca': { whole: '', 'whole on': '', exact: '' },
    '#86)c': {
      ...{ 'about on': 'abC', whole: '', 'whole on': '', complete: '', exact: '' },
      ...{ any: 'abC', 'any on': 'abC', 'any line': 'abC', 'any line on': 'abC' },
      'any groups': 'abC',
    },
    '#86': {
      ...{ 'about on': 'a`\0', whole: '', 'whole on': '', complete: '', exact: '' },
      ...{ any: 'a`\0', 'any on': 'a`\0', 'any line': 'a', 'any line on': 'a' },
      ...{ 'any groups': '', folded: 'a`\0' },
    },
    '#86)C86)C8': {
      ...{ 'about on': '', whole: '', 'whole on': '', complete: '', exact: '' },
      ...{ 'any line': twice, 'any line on': twice },
    },
  }
  const usual = Object.fromEntries(Object.keys(otherResults('')).map((way) => [way, 'abc']))
  t.equal(Object.keys(usual).length, otherUuencode.length, 'each way has a name of its own')
  for (const [text, others] of Object.entries(rows)) {
    t.same(otherResults(text), { ...usual, ...others }, JSON.stringify(text))
  }
})

t.test('uuencode of more bytes than memory is kept for is decoded as a whole', async (t) => {
  const make = (give: Give, room: Buffer) => new UuencodeDecoder(give, room, STANDARD_UUENCODE)
  t.same([...inEverySplit(`M${'86)C'.repeat(15)}\n`, make)], ['abc'.repeat(15)])
  const long = `M${'86)C'.repeat(15)}\n`
  // Behind the line of five bytes there is room for 44 bytes, and not for the next 45.
  const lines = Buffer.from(`${long.repeat(363)}%86)C86\n${long.repeat(637)}`)
  let decoded = ''
  const decoder = make((room, length) => {
    decoded += room.toString('latin1', 0, length)
  }, decoderRoom())
  decoder.push(lines, 0, lines.length)
  t.equal(decoded.length, 45_005, 'all is given when the call returns')
  decoder.end()
  t.equal(decoded, `${'abc'.repeat(363 * 15)}abca\x60${'abc'.repeat(637 * 15)}`)
})

t.test('uuencode is decoded in other ways only if readers may differ about it', async (t) => {
  const ways = (text: string) => {
    const plan = uuencodePlan()
    const bytes = Buffer.from(text, 'latin1')
    const decoder = plan.standard(() => {}, decoderRoom())
    decoder.push(bytes, 0, bytes.length)
    decoder.end()
    return [...plan.others()].length
  }
  t.equal(ways('#86)C\n`\nend\n'), 0)
  t.equal(ways('#86)C\nend\n'), 0)
  t.equal(ways('#86)C\n#86)C\nend\n'), 0)
  t.equal(ways('#86)C\n`\nend\n\n'), 0)
  for (const text of ['#86)C\n', '#86)C\n`\nend\nmore\n']) t.equal(ways(text), 1, text)
  for (const line of ['#86) ', '#86)`', '#86)_']) t.equal(ways(`${line}\nend\n`), 0, line)
  for (const line of ['"86($', '#86\x1f$', '#86)C1', '#86)c', '#86)', '', 'x', '#86)\x7f']) {
    t.equal(ways(`#86)C\n${line}\n#86)C\nend\n`), 14, line)
  }
})

t.test('the last of some lines is known for uuencode by its length', async (t) => {
  const ends = (text: string) => endsInUuencode(Buffer.from(text, 'latin1'))
  for (const text of [
    '#86)C',
    'x\n#86)C\r\n',
    'a longer line\r#86)C\n\n',
    '#86)C1234',
    '"',
    '%86)C',
  ]) {
    t.equal(ends(text), true, text)
  }
  for (const text of [
    '',
    '\n',
    '#86)C12345',
    ' ',
    '`',
    '*86)C',
    '#86)C\nx',
    'a'.padEnd(89),
    '`'.padEnd(89, 'x'),
  ]) {
    t.equal(ends(text), false, text)
  }
})
