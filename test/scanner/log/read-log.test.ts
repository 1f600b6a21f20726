import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import t from 'tap'
import { queryFor } from '../../../src/scanner/log/criteria.ts'
import { type LogRecord, parseLogLine } from '../../../src/scanner/log/parsed-line.ts'
import { findLog, journal, linesIn, readLogs } from '../../../src/scanner/log/read-log.ts'
import { lacks } from '../../needs.mjs'
import { decisionLine, tai64n } from './lines.ts'

const READ_LINE_MAX = 64 * 1024

type LogCriteria = Parameters<typeof queryFor>[0]

const nothing: LogCriteria = {
  id: undefined,
  from: undefined,
  to: undefined,
  virus: undefined,
  infected: undefined,
  decision: undefined,
  since: undefined,
  until: undefined,
}

async function read(paths: readonly string[], criteria: Partial<LogCriteria> = {}) {
  const all = { ...nothing, ...criteria }
  const warnings: string[] = []
  const options = {
    ...queryFor(all),
    warn: (text: string) => warnings.push(text),
  }
  const entries: LogRecord[] = []
  for await (const some of readLogs(paths.flatMap(findLog), options)) entries.push(...some)
  return { entries, warnings, ids: entries.map(({ fields }) => fields.get('msgid')) }
}

/** Reads all records of bytes that come in these pieces. */
async function entriesOf(pieces: readonly Buffer[]): Promise<LogRecord[]> {
  const entries: LogRecord[] = []
  for await (const lines of linesIn(Readable.from(pieces))) {
    entries.push(...lines.flatMap((line) => parseLogLine(line, 0) ?? []))
  }
  return entries
}

const evil = 'a" decision=reject virus="x\\'

t.test('lines are the same however the bytes are split', async (t) => {
  const log = Buffer.from(
    `${decisionLine({ id: evil })}other line\n\n${decisionLine({ id: '<2>' })}${decisionLine({ id: '<3>' }).trim()} x=1`,
    'latin1',
  )
  const whole = await entriesOf([log])
  t.same(
    whole.map(({ fields }) => fields.get('msgid')),
    [evil, '<2>', '<3>'],
  )
  for (let at = 0; at <= log.length; at++) {
    t.same(await entriesOf([log.subarray(0, at), log.subarray(at)]), whole, `split at ${at}`)
  }
  t.same(await entriesOf([...log].map((byte) => Buffer.of(byte))), whole)
})

// promise: page-text
t.test('a value that was logged comes back as it was, and forges no field', async (t) => {
  for (const value of [
    evil,
    '\\x41',
    'a\nonescan: decision=x',
    '\\',
    '"',
    '=',
    'a b=c',
    'é\u202e',
  ]) {
    const bytes = Buffer.from(value).toString('latin1')
    const [entry] = await entriesOf([Buffer.from(decisionLine({ id: bytes, to: '<t>' }), 'latin1')])
    t.equal(entry?.fields.get('msgid'), value)
    t.equal(entry?.fields.get('decision'), 'accept')
    t.equal(entry?.fields.get('to'), '<t>')
    t.equal(entry?.fields.size, 3, value)
  }
})

t.test('a line that was cut keeps its whole fields', async (t) => {
  const [entry] = await entriesOf([Buffer.from('onescan: decision=accept msgid="<a b')])
  t.same([...entry!.fields], [['decision', 'accept']])
  const [second] = await entriesOf([Buffer.from('onescan: decision=accept virus=Eic')])
  t.same([...second!.fields], [['decision', 'accept']])
})

t.test('a line of 10 MB is skipped, and so are bytes that are not text', async (t) => {
  const huge = Buffer.alloc(10e6, 'onescan: decision=accept ')
  const binary = Buffer.from(Array.from({ length: 5000 }, (_, index) => (index * 7919) % 256))
  const pieces = [
    huge,
    Buffer.from('\n'),
    binary,
    Buffer.from('\n'),
    Buffer.from(decisionLine({ id: '<1>' })),
  ]
  t.same(
    (await entriesOf(pieces)).map(({ fields }) => fields.get('msgid')),
    ['<1>'],
  )
  const inChunks = Array.from({ length: 100 }, () => Buffer.alloc(READ_LINE_MAX, 'x'))
  t.equal(
    (await entriesOf([...inChunks, Buffer.from(`\n${decisionLine({ id: '<1>' })}`)])).length,
    1,
  )
})

t.test('a file that is no log is not read for hours', async (t) => {
  const path = join(t.testdir({ log: decisionLine({ id: '<1>' }) }), 'log')
  truncateSync(path, 1024 ** 4)
  const { ids, warnings } = await read([path])
  t.same(ids, ['<1>'])
  t.same(warnings, [`${path}: is not a log: it has a line of more than 256 MiB`])
})

const unpack = { skip: lacks('xz', 'zstd') }

t.test('a compressed log is reported, and those beside it are read', unpack, async (t) => {
  const directory = t.testdir({ current: decisionLine({ id: '<2>' }), empty: '' })
  const current = join(directory, 'current')
  for (const program of ['gzip', 'xz', 'zstd']) {
    const closed = join(directory, '@4000000067430000000000a0.s')
    writeFileSync(closed, execFileSync(program, ['-c', current]))
    const { ids, warnings } = await read([directory])
    t.same(ids, ['<2>'], program)
    t.equal(warnings.length, 1, program)
    t.match(warnings[0], `${closed}: is compressed`)
  }
  t.same(await read([join(directory, 'empty')]), { entries: [], warnings: [], ids: [] })
})

t.test(
  'the files of a directory of multilog are read in the order in which they were written',
  async (t) => {
    const directory = t.testdir({
      '@4000000067430000000000a0.s': decisionLine({ id: '<2>' }),
      '@4000000067420000000000a0.u': decisionLine({ id: '<1>' }),
      current: decisionLine({ id: '<3>' }),
      lock: '',
      state: 'x',
    })
    t.same((await read([directory])).ids, ['<1>', '<2>', '<3>'])
    await t.rejects(read([t.testdir({ other: '' })]), /no multilog files/)
  },
)

// promise: root-paths
t.test('a FIFO or a link in a directory of multilog keeps no reader waiting', async (t) => {
  const directory = t.testdir({ d: { '@4000000067430000000000a0.s': decisionLine({ id: '<1>' }) } })
  const current = join(directory, 'd/current')
  const make = {
    'a pipe': () => execFileSync('mkfifo', [current]),
    'a link to a device without end': () => symlinkSync('/dev/zero', current),
    'a directory': () => mkdirSync(current),
  }
  for (const [what, put] of Object.entries(make)) {
    put()
    const { entries, warnings } = await read([join(directory, 'd')])
    t.equal(entries.length, 1, what)
    const reason = what.startsWith('a link')
      ? /current: is a link/
      : /current is not a regular file/
    t.match(warnings, [reason], what)
    rmSync(current, { recursive: true })
  }
})

t.test('several logs are read one after the other, and each keeps its own order', async (t) => {
  const directory = t.testdir({})
  const write = (name: string, ...lines: (readonly [number, string])[]) => {
    const path = join(directory, name)
    writeFileSync(path, lines.map(([at, id]) => `${tai64n(at)} ${decisionLine({ id })}`).join(''))
    return path
  }
  const first = write('first', [300, 'a'], [250, 'b'], [400, 'c'])
  const second = write('second', [100, 'd'], [200, 'e'])
  t.same((await read([first, second])).ids, ['a', 'b', 'c', 'd', 'e'])
})

t.test('only the lines of a log that contain the text are parsed', async (t) => {
  const lines = Array.from({ length: 20_000 }, (_, n) => {
    const to = n % 5000 === 0 ? '<Ann@Example.org>' : `<box${n}@example.org>`
    return decisionLine({ id: `<${n}@x>`, from: '<ann@example.net>', to })
  })
  const log = join(t.testdir({ log: lines.join('') }), 'log')
  const query = queryFor({ ...nothing, to: 'ann@example.org' })
  let looked = 0
  const matches = (entry: LogRecord) => {
    looked++
    return query.matches(entry)
  }
  const options = { prefilter: query.prefilter, matches, warn: t.fail }
  let found = 0
  for await (const entries of readLogs(findLog(log), options)) found += entries.length
  t.equal(found, 4)
  t.equal(looked, 4)
})

t.test('a missing log is an error that names it and the remedy', async (t) => {
  const missing = join(t.testdir(), 'missing')
  t.throws(() => findLog(missing), {
    message: `${missing}: does not exist; specify a log, or a multilog directory`,
  })
})

t.test('messages are found by each field that can be asked for', async (t) => {
  const directory = t.testdir({
    log: [
      `${tai64n(1000)} ${decisionLine({ id: '<one@x>', from: '<Ann@Example.org>', to: '<b@example.net>' })}`,
      `${tai64n(2000)} ${decisionLine({ decision: 'reject', id: '<two@x>', more: [['virus', 'Eicar-Test'], ['scan', 'infected']] })}`,
      `${tai64n(3000)} ${decisionLine({ decision: 'quarantine', id: `<${evil}>`, more: [['queue', '4ABC']] })}`,
      `${tai64n(3000)} onescan: quarantined=recipients rcpt=<c@example.net> rcpt=<d@example.net>\n`,
      `${tai64n(3000)} onescan: answered=recipients reply=552 rcpt=<cem@example.com>\n`,
      `${tai64n(4000)} onescan: program=onescan-quotad event=serving\n`,
      `${tai64n(5000)} onescan: decision=defer fault=read\n`,
      `${tai64n(6000)} ${decisionLine({ id: '<tagged@x>', more: [['virus', 'Worm'], ['scan', 'infected']] })}`,
    ].join(''),
  }) // biome-ignore format: a line a line
  const log = join(directory, 'log')
  const found = async (criteria: Partial<LogCriteria>) =>
    (await read([log], criteria)).entries.length
  t.equal(await found({}), 7)
  t.equal(await found({ infected: true }), 2)
  t.equal(await found({ decision: 'tag' }), 1)
  t.equal(await found({ id: 'one@x' }), 1)
  t.equal(await found({ id: 'ONE@x' }), 0)
  t.equal(await found({ id: evil }), 1, 'with all that is escaped in a log')
  t.equal(await found({ id: '"' }), 1)
  t.equal(await found({ id: '4ABC' }), 1)
  t.equal(await found({ from: 'ann@example' }), 1)
  t.equal(await found({ to: 'D@example.net' }), 1)
  t.equal(await found({ to: 'cem@example.com' }), 1)
  t.equal(await found({ virus: 'eicar' }), 1)
  t.equal(await found({ to: 'example.NET', from: 'ANN' }), 1, 'each in its own place')
  t.equal(await found({ to: 'ann' }), 0)
  t.equal(await found({ decision: 'defer' }), 1)
  t.equal(await found({ since: 2_000_000 }), 6)
  t.equal(await found({ since: 2_000_000, until: 3_000_000 }), 1)
})

t.test('the journal is asked for a span, in lines that are read here', async (t) => {
  const words = (since?: number, until?: number): readonly string[] =>
    journal({ since, until }).command ?? []
  const all = words()
  for (const word of ['--output=short-iso-precise', '--quiet', '--no-pager']) {
    t.ok(all.includes(word), word)
  }
  t.match(all[0], /^journalctl$/)
  t.notOk(all.slice(1).find((word) => !/^--[a-z]|=|^\+$/.test(word) || /NaN/.test(word)))
  const more = (...span: (number | undefined)[]) =>
    words(...span).filter((word) => !all.includes(word))
  t.same(more(1500, 2_000_000), ['--since=@1.500', '--until=@2000.000'])
  t.same(more(undefined, 0), ['--until=@0.000'])
  t.equal(words(0).length, all.length + 1)
})
