import t from 'tap'
import { searchWords } from '../../../src/base/text/search-words.ts'
import {
  shortNumber,
  shortNumbersIn,
  withWholeNumbers,
} from '../../../src/base/text/short-number.ts'

/** The numbers of messages that people dictate. */

t.test('a short number follows from an id, and differs with it', async (t) => {
  t.equal(shortNumber('1795990780.6551800005bb0000'), shortNumber('1795990781.00000800005bb0000'))
  const ids = Array.from({ length: 2000 }, (_, n) => `1795990780.0000${(n * 7_777_777_777).toString(16).padStart(12, '0')}`) // biome-ignore format: a line
  const numbers = ids.map(shortNumber)
  for (const number of numbers) t.match(number, /^[B-DF-HJ-NP-TV-XZ]{4}-\d{4}$/)
  t.ok(new Set(numbers).size > 1998)
})

t.test('short numbers are found in what people write and paste', async (t) => {
  for (const [text, numbers] of [
    ['BKTX-4821', ['BKTX-4821']],
    ['bktx4821', ['BKTX-4821']],
    ['bktx 4821', ['BKTX-4821']],
    ['bktx - 4821', ['BKTX-4821']],
    ['BKTX\u20114821 BDFG\u20130000', ['BKTX-4821', 'BDFG-0000']],
    ['Re: Please deliver BKTX-4821: Invoice 2026-1128', ['BKTX-4821']],
    ['(BKTX-4821), BDFG-0000.', ['BKTX-4821', 'BDFG-0000']],
    ['INVC-2026x', []],
    ['utf-8 iso-8859-1 MAIL-2026 xBKTX-4821', []],
  ] as const)
    t.same(shortNumbersIn(text), numbers, text)
})

t.test('a number may be written as it was dictated', async (t) => {
  for (const text of ['B K T X 4 8 2 1', 'b k t x - 4821', 'bktx 48 21', 'BKTX-4 8 2 1']) {
    t.match(withWholeNumbers(text), /^bktx-4821$/i, text)
    t.same(searchWords(text).wanted, [['bktx-4821']], text)
  }
  for (const text of ['bktx 4821', 'pdf x 2026', 'a b c d 1 2 3 4', 'gmbh 2026 11'])
    t.equal(withWholeNumbers(text), text, 'words')
})

t.test('a search with a number is for the message alone', async (t) => {
  const id = '1795990780.6551800005bb0000'
  t.same(searchWords('Re: Please deliver BKTX-4821: Invoice').wanted, [['bktx-4821']])
  t.same(searchWords(`BKTX-4821 ${id}`).wanted, [[id, 'bktx-4821']])
  t.same(searchWords('gmbh2026 x').wanted, [['gmbh2026', 'gmbh-2026'], ['x']], 'it may be a word')
  const halves = [['bktx', 'bktx-4821'], ['4821', 'bktx-4821'], ['x']] // biome-ignore format: a line
  t.same(searchWords('BKTX 4821 x').wanted, halves, 'or two words')
  t.same(searchWords('BKTX - 4821 x').wanted, [halves[0], ['-', 'bktx-4821'], ...halves.slice(1)])
})
