import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { parseIpAddress } from '../../../src/base/net/ip-address.ts'
import { dynamicNames } from '../../../src/delay/plan/dynamic-names.ts'
import { findRule, parseNameRules } from '../../../src/delay/plan/name-rules.ts'

const rules = parseNameRules(dynamicNames, 'built-in names')
const client = parseIpAddress('203.0.113.77')!

/** The examples of dynamic-names.txt, each with the rule that it is below. */
function* examples() {
  let rule = ''
  for (const line of readFileSync(join(import.meta.dirname, 'dynamic-names.txt'), 'utf8').split(
    '\n',
  )) {
    if (!line.startsWith(' ')) rule = line.startsWith('#') ? rule : line
    else {
      const [ip = '', name = ''] = line.trim().split(' ')
      yield { rule, address: parseIpAddress(ip)!, name }
    }
  }
}

t.test('every example is decided by the rule above it', async (t) => {
  const count = { dynamic: 0, ordinary: 0 }
  for (const { rule, address, name } of examples()) {
    const found = findRule(rules, name, address)
    if (found?.text !== rule) t.equal(found?.text, rule, name)
    else count[found.nameClass]++
  }
  t.ok(count.dynamic >= 150, `${count.dynamic} names of lines`)
  t.ok(count.ordinary >= 150, `${count.ordinary} names of mail servers`)
})

t.test('every rule has an example, and no example occurs twice', async (t) => {
  const all = [...examples()]
  const shown = new Set(all.map(({ rule }) => rule))
  for (const { text } of rules) t.ok(shown.has(text), text)
  t.equal(new Set(all.map(({ name }) => name)).size, all.length)
})

t.test('patterns match names in either case', async (t) => {
  t.equal(findRule(rules, 'ADSL-77.Example.NET', client)?.nameClass, 'dynamic')
  t.equal(
    findRule(parseNameRules('dynamic *|DSL|*', 'x'), 'dsl1.example', client)?.nameClass,
    'dynamic',
  )
})

t.test('each way to write out the own address is found, and no other address', async (t) => {
  const own = parseNameRules('dynamic *{ip}*', 'x')
  const looks = (name: string, ip = '203.0.113.77') =>
    findRule(own, name, parseIpAddress(ip)!)?.nameClass
  const writings = ['203-0-113-77', '77.113.0.203', '203_0_113_77', '203-000-113-077']
  writings.push('203000113077', '077113000203', 'cb00714d', '4d7100cb', 'cb-00-71-4d', '3405803853')
  for (const writing of writings) t.equal(looks(`x${writing}.example.net`), 'dynamic', writing)
  t.equal(looks('203-0-113-78.example.net'), undefined)
  t.equal(looks('1203-0-113-77.example.net'), undefined, 'digits before it')
  t.equal(looks('203-0-113-771.example.net'), undefined, 'digits behind it')
  const v6 = '2001:db8::1:0:77'
  for (const name of [
    '2001-db8-0-0-0-1-0-77',
    '2001-db8--1-0-77',
    '20010db8000000000000000100000077',
  ]) {
    t.equal(looks(`${name}.example.net`, v6), 'dynamic', name)
  }
})

t.test('a pattern means what a regular expression of the same meaning does', async (t) => {
  const pieces = ['*', '#', '|', 'a', 'ab', '-', '.', '7']
  const expression = (parts: readonly string[]) =>
    new RegExp(
      `^${parts
        .map((part) => {
          if (part === '*') return '.*'
          if (part === '#') return '(?<!\\d)\\d+(?!\\d)'
          if (part === '|') {
            return '(?:(?<![a-z])(?=[a-z])|(?<=[a-z])(?![a-z])|(?<!\\d)(?=\\d)|(?<=\\d)(?!\\d))'
          }
          return part.replace('.', '\\.')
        })
        .join('')}$`,
    )
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom(...pieces), { minLength: 1, maxLength: 8 }),
      fc.stringMatching(/^[ab7.-]{0,12}$/),
      (parts, name) => {
        const rule = findRule(parseNameRules(`dynamic ${parts.join('')}`, 'test'), name, client)
        return (rule !== undefined) === expression(parts).test(name)
      },
    ),
    { numRuns: 20_000 },
  )
  t.pass()
})

t.test('an error in a file of rules names the line', async (t) => {
  const read = (text: string) => () => parseNameRules(text, 'names')
  t.throws(read('# x\ndynamic *a*\nodd *b*\n'), { message: /^names line 3: begins with "odd"/ })
  t.throws(read('dynamic\n'), { message: /line 1: has no pattern/ })
  t.throws(read('dynamic (a+)+\n'), { message: /has "\("; letters, digits/ })
  t.throws(read('dynamic *{ipp}*\n'), { message: /has "\{"/ })
  t.same(read('# only\n\n  192.0.2.1 an.example\n')(), [])
})

/** Microseconds of processor time to match a name against the whole list, the best of some rounds. */
function timeToMatch(name: string): number {
  const ROUNDS = 30
  const TIMES = 40
  let best = Number.POSITIVE_INFINITY
  for (let round = 0; round < ROUNDS; round++) {
    const start = process.cpuUsage()
    for (let i = 0; i < TIMES; i++) findRule(rules, name, client)
    const { user, system } = process.cpuUsage(start)
    best = Math.min(best, (user + system) / TIMES)
  }
  return best
}

t.test('matching takes at most linear time, whatever the name is', async (t) => {
  const hostile = ['a', '1', '1-', '1.', 'd-', 'dsl', '-pool', '203-0-113-', '1-1.']
  for (const piece of ['sonic315-21.consmr.ne1.yahoo.example.com', ...hostile]) {
    const long = piece.repeat(255).slice(0, 255)
    const time = timeToMatch(long)
    t.comment(`${piece}: ${time.toFixed(1)} us of the processor, of 50 that it may take`)
    const eightfold = timeToMatch(long.repeat(8))
    // A quadratic match would take 64 times as long.
    t.ok(
      eightfold < time * 24,
      `${piece}: ${(eightfold / time).toFixed(1)} times as long for 8 times as much`,
    )
  }
})
