import t from 'tap'
import { parseOptions } from '../../../src/base/process/parse-options.ts'

/** Command lines as people type them. */

const options = {
  milter: { type: 'string', multiple: true },
  workers: { type: 'string' },
  check: { type: 'boolean' },
} as const
const parse = (...words: string[]) => parseOptions(words, options)

t.test('options and their values', async (t) => {
  const { values, faults } = parse('--milter', 'a', '--milter=b', '--check')
  t.match(values, { milter: ['a', 'b'], check: true })
  t.same(faults, [])
})

t.test('a negative number is a value, and no option', async (t) => {
  t.match(parse('--workers', '-1').values, { workers: '-1' })
})

t.test('unknown options are reported, with the names that may be meant', async (t) => {
  const { values, faults } = parse('--mitler', 'a', 'word', '--xyzzy=1', '--workers', '2')
  t.same(faults, [
    '--mitler: is not an option; did you mean --milter?',
    'word: is not an option; see --help',
    '--xyzzy: is not an option; see --help',
  ])
  t.match(values, { workers: '2' })
})

t.test('a missing value of an option is reported in plain words', async (t) => {
  t.throws(() => parse('--workers'), { message: '--workers: needs a value' })
  t.throws(() => parse('--workers', '--check'), { message: '--workers: needs a value' })
  t.throws(() => parse('--check=yes'), { message: '--check: takes no value' })
})

t.test('an empty word is neither a value nor left out', async (t) => {
  t.throws(() => parse('--workers', ''), { message: '--workers: needs a value' })
  t.throws(() => parse('--milter=', '--milter', 'a'), { message: '--milter: needs a value' })
  t.same(parse('', '--check').faults, ['"": is not an option; see --help'])
  t.match(parse('', '--check').values, { check: true })
})

t.test('line ends of Windows among the options are reported', async (t) => {
  const { values, faults } = parse('--workers', '2\r', '\r')
  t.match(faults, [/carriage return.*sed -i/])
  t.match(values, { workers: '2' })
})
