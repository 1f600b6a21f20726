import t from 'tap'
import { HEADER_FIELDS_MAX, Header } from '../../../src/mail/message/header-block.ts'
import { headerFault } from '../../../src/mail/message/well-formed.ts'

const ENCODED_WORDS_MAX = 2500

/** A block with a field at which data begins for some readers. */
const begins = (field: string) => [`X: y\n${field}\n\n`, /line 2 .*may begin/] as const

const faultOf = (text: string) => headerFault(new Header(Buffer.from(text, 'latin1')))

t.test('a header that all mail programs read alike is well formed', async (t) => {
  for (const block of [
    'A: b\n\n',
    'A: b\r\nC: d\r\n\r\n',
    'A: b\n folded\n\tagain\nC:no blank\nD:\n\n',
    'Odd-!#$%&\'*+.^_`|~;<=>?@[]{}/"\\-Name: allowed by bytes 33 to 126\n\n',
    'Raw: \xe9\xff\n \xa1\n\n',
    'Begin: begin 644 a\nAttach: b\nA: --b\n begin x\n begin 8\n =yend \n ----begin\n\n',
    `${'A: b\n'.repeat(HEADER_FIELDS_MAX)}\n`,
    `A: ${'=?x?q?a?='.repeat(ENCODED_WORDS_MAX)}\n\n`,
    `A: ${'?'.repeat(5 * ENCODED_WORDS_MAX)}\nB: =?x?q?a?=\n\n`,
  ]) {
    t.equal(faultOf(block), undefined, JSON.stringify(block).slice(0, 100))
  }
})

// promise: no-edit-virus
t.test('a header that mail programs read differently is not well formed', async (t) => {
  const cases: readonly (readonly [string, RegExp])[] = [
    ['', /no header/],
    ['\n', /header is empty/],
    ['\r\n', /header is empty/],
    ['A: b\n', /no empty line/],
    ['A: b', /no empty line/],
    ['From x@y Thu Jan 1\nA: b\n\n', /line 1 .*is not a field/],
    [' folded\nA: b\n\n', /line 1 .*is not a field/],
    ['A: b\nno field\nC: d\n\n', /line 2 .*is not a field/],
    ['A: b\n(c)Content-Type: text/html\n\n', /line 2 .*is not a field/],
    ['A: b\nContent-Type : text/html\n\n', /line 2 .*is not a field/],
    ['A: b\nC\xf6ntent-Type: text/html\n\n', /line 2 .*is not a field/],
    ['A: b\n: no name\n\n', /line 2 .*is not a field/],
    ['A: b\n \t\nC: d\n\n', /line 1 .*blank continuation/],
    ['A: b\n \x80\x7f\xa0\nC: d\n\n', /line 1 .*blank continuation/],
    ['A: b\n\0Content-Type: x\n\n', /line 2 .*NUL/],
    ['A: b\rContent-Type: x\n\n', /line 1 .*CR/],
    ['A: b\nC: d\r\n\n', /line 2 .*CR/],
    ['A: b\r\nC: d\n\r\n', /line 2 .*mixes/],
    ['A: b\r\nC: \rd\r\n\r\n', /line 2 .*mixes/],
    ['A: b\r\n\n', /line 2 .*mixes/],
    ['A: b\r\nC: d\n\n', /line 2 .*mixes/],
    ['A: b\r\nC: d\r', /line 2 .*mixes/],
    ['A: b\nTo: =?utf-8?Q?=0D=0AContent-Type:_x?=\n\n', /line 2 .*hides a line end/],
    ['A: b\nReceived: =?x?b?Cg==?=\n\n', /line 2 .*hides a line end/],
    ['A: b\nReceived: =?x? X?\n =0a\n\n', /line 2 .*hides a line end/],
    [`${'A: b\n'.repeat(HEADER_FIELDS_MAX + 1)}\n`, /more than 5000 fields/],
    [`A: ${'=?x?q?a?='.repeat(ENCODED_WORDS_MAX + 1)}\n\n`, /more than 2500 encoded words/],
    ...['--b: c', 'begin-base64: c', 'BEGIN`: c', 'attach;x: c', 'A: b\n \t-----begin a'].map(
      begins,
    ),
    ...['A: b\n\tBegin \t7', 'A: b\n =ybegin x', 'A: b\n =ypart x'].map(begins),
    ...['A: b\n c\n attach;', 'A: b\n attach:'].map(begins),
  ]
  for (const [block, reason] of cases) {
    t.match(faultOf(block), reason, JSON.stringify(block).slice(0, 100))
  }
})
