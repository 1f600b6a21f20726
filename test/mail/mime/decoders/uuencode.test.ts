import t from 'tap'
import { BUFFER_SIZE, makerOf } from '../../../../src/mail/mime/decoders/decoder.ts'
import { UuencodeDecoder, UuencodePlan } from '../../../../src/mail/mime/decoders/uuencode.ts'
import { decode, inEverySplit, ways } from './decode.ts'

// `#86)C` is abc, `"86(` is ab, `!80` is a; a back-tick or a blank stands for six zero bits.

t.test('lines of uuencode are decoded by each mode', async (t) => {
  type Mode = ConstructorParameters<typeof UuencodeDecoder>[2]
  const rows: readonly (readonly [Mode, string, string])[] = [
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
    const make = makerOf(UuencodeDecoder, mode)
    t.equal(inEverySplit(make, text), expected, `${JSON.stringify(mode)} ${text}`)
  }
})

/** The other ways in their order: which lines are data, `line` or `groups`, and `on` behind the end. */
const WAYS = [
  ...['about on', 'whole', 'whole on', 'complete', 'exact', 'any', 'any on'],
  ...['any line', 'any line on', 'any groups', 'folded', 'KMime', 'records', 'pieces'],
]

t.test('other readers decode lines of uuencode as they find them', async (t) => {
  const twice = 'abcabc'
  // What each way makes of a text, and what the ways make of it that are not named.
  const rows: Readonly<Record<string, Readonly<Record<string, string>>>> = {
    '"86(\n`\nend\n#86)C': {
      ...{ usual: 'ab', 'about on': 'ababc', 'any on': 'ababc', 'any line on': 'ababc' },
      // To these the first line is no data, so that nothing has ended.
      ...{ whole: 'abc', 'whole on': 'abc', complete: 'abc', exact: 'abc', 'any groups': 'abc' },
    },
    '#86)C86)C': {
      ...{ usual: 'abc', exact: '', 'any line': twice, 'any line on': twice },
      records: `abcX\x98\xc0${'\0'.repeat(21)}`,
    },
    '#86)Ca': { usual: 'abc', whole: '', 'whole on': '', exact: '', records: 'abc\0' },
    '#86)c': {
      ...{ usual: 'abC', whole: '', 'whole on': '', complete: '', exact: '' },
      ...{ folded: 'abc', KMime: 'ab' },
    },
    '#86': {
      ...{ usual: 'a`\0', whole: '', 'whole on': '', complete: '', exact: '' },
      ...{ 'any line': 'a', 'any line on': 'a', 'any groups': '', KMime: 'a' },
    },
    '#86)C86)C8': {
      ...{ usual: 'abc', 'about on': '', whole: '', 'whole on': '', complete: '', exact: '' },
      ...{ 'any line': twice, 'any line on': twice, records: `abcX\x98\xd8${'\0'.repeat(21)}` },
    },
  }
  for (const [text, { usual, ...named }] of Object.entries(rows)) {
    const expected = WAYS.map((way) => named[way] ?? usual)
    t.same(ways(() => new UuencodePlan(), text).others, expected, JSON.stringify(text))
  }
})

t.test('groups of uuencode go on in the next line, as KMime reads them', async (t) => {
  const rows: Readonly<Record<string, string>> = {
    '!04)\n" a)#\n`\nend\n#04)#\n': 'AI',
    '!04)#\n': 'A',
    '#04end)#\n#04)#\n': 'ABCABC',
    '#0```\nx\n': '@\0\0',
    'e04)#\n': '',
    '&04)#\ne04)#\n': 'ABCABC',
    '&04)#\n 04)#\n': 'ABCABC',
    '&04)#\n`04)#\n': 'ABC',
  }
  for (const [text, expected] of Object.entries(rows)) {
    const { others } = ways(() => new UuencodePlan(), text)
    t.equal(others[WAYS.indexOf('KMime')], expected, JSON.stringify(text))
  }
})

t.test('lines of uuencode end where readers end them', async (t) => {
  const by = (way: string, text: string) =>
    ways(() => new UuencodePlan(), text).others[WAYS.indexOf(way)]
  t.equal(by('records', '#04)#"04)#\n`\r\nend\n'), 'ABCAB')
  t.equal(by('pieces', `#86)C${' '.repeat(122)}#86)C\n\`\nend\n`), 'abcabc', 'as programs in C')
})

t.test('uuencode of more bytes than memory is kept for is decoded as a whole', async (t) => {
  const long = `M${'86)C'.repeat(15)}\n`
  t.equal(inEverySplit(makerOf(UuencodeDecoder, {}), long), 'abc'.repeat(15))
  // Behind the line of five bytes there is room for 44 bytes, and not for the next 45.
  const lines = Buffer.from(`${long.repeat(363)}%86)C86\n${long.repeat(637)}`)
  let decoded = ''
  const give = (buffer: Buffer, length: number) => {
    decoded += buffer.toString('latin1', 0, length)
  }
  const decoder = new UuencodeDecoder(give, Buffer.alloc(BUFFER_SIZE), {})
  decoder.push(lines, 0, lines.length)
  t.equal(decoded.length, 45_005, 'all is given when the call returns')
  decoder.end()
  t.equal(decoded, `${'abc'.repeat(363 * 15)}abca\x60${'abc'.repeat(637 * 15)}`)
})

t.test('uuencode is decoded in other ways only if readers may differ about it', async (t) => {
  const count = (text: string) => {
    const plan = new UuencodePlan()
    decode(plan.standard, text)
    return [...plan.others()].length
  }
  t.equal(count('#86)C\n`\nend\n'), 0)
  t.equal(count('#86)C\nend\n'), 0)
  t.equal(count('#86)C\n#86)C\nend\n'), 0)
  t.equal(count('#86)C\n`\nend\n\n'), 0)
  for (const text of ['#86)C\n', '#86)C\n`\nend\nmore\n']) t.equal(count(text), 1, text)
  for (const line of ['#86) ', '#86)`', '#86)_']) t.equal(count(`${line}\nend\n`), 0, line)
  for (const line of ['"86($', '#86\x1f$', '#86)C1', '#86)c', '#86)', '', 'x', '#86)\x7f']) {
    t.equal(count(`#86)C\n${line}\n#86)C\nend\n`), WAYS.length, line)
  }
})
