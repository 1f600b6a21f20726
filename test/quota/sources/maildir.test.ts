import { execFileSync } from 'node:child_process'
import { appendFileSync, mkdirSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { MailboxLocation } from '../../../src/quota/sources/mailbox-location.ts'
import { MailboxReads } from '../../../src/quota/sources/mailbox-reads.ts'
import type { MailboxResult, Measure } from '../../../src/quota/sources/mailbox-result.ts'
import { MaildirSource } from '../../../src/quota/sources/maildir.ts'
import { Walker } from '../../../src/quota/sources/walk.ts'

const empty = { new: {}, cur: {}, tmp: {} }
const TIMEOUT = 60_000
const clocks = { now: Date.now, uptime: () => performance.now() }
/** The mailbox at a path. Neither it nor anything in it may be a link. */
function at(path: string): MailboxLocation {
  return { path, fixed: path.lastIndexOf('/') }
}

const unlimited: Measure = { incoming: 0, limits: undefined, defaultLimits: {} }

/** Sets the time of change back, so that the directory counts as unchanged for a while. */
function settle(directory: string): void {
  utimesSync(directory, 1_700_000_000, 1_700_000_000)
}

/** Writes a result in short: `bytes messages source`. */
function short(result: MailboxResult): string {
  if (result.kind !== 'usage') return result.kind
  const { usage, source } = result
  return `${usage.bytes} ${usage.messages} ${source}`
}

function maildir(t: Test, content: Readonly<Record<string, object | string>> = {}) {
  const path = t.testdir({ ...empty, ...content })
  const source = new MaildirSource(TIMEOUT, clocks)
  return {
    path,
    answer: async (measure = unlimited) => short(await source.read(at(path), measure)),
  }
}

t.test('a maildirsize with room is trusted', async (t) => {
  const { path, answer } = maildir(t, { maildirsize: '1000S\n400 4\n100 1\n' })
  t.equal(await answer(), '500 5 maildirsize')
  appendFileSync(join(path, 'maildirsize'), '50 1\n')
  t.equal(await answer(), '550 6 maildirsize', 'and read again when it grows')
  writeFileSync(join(path, 'fresh'), '1000S\n600 6\n')
  renameSync(join(path, 'fresh'), join(path, 'maildirsize'))
  t.equal(await answer(), '600 6 maildirsize', 'or is another')
})

t.test('a maildirsize that is full by one recent sum is trusted', async (t) => {
  const { answer } = maildir(t, { maildirsize: '1000S\n1000 4\n' })
  t.equal(await answer(), '1000 4 maildirsize')
})

t.test('maildirsize is not believed if it is full by several sums, or old', async (t) => {
  const message = { 'a,S=7': 'seven77' }
  const several = maildir(t, { new: message, maildirsize: '1000S\n900 4\n100 1\n' })
  t.equal(await several.answer(), '7 1 walk')
  const old = maildir(t, { new: message, maildirsize: '1000S\n1000 4\n' })
  settle(join(old.path, 'maildirsize'))
  t.equal(await old.answer(), '7 1 walk')
  t.equal(await old.answer({ ...unlimited, limits: { bytes: 2000 } }), '1000 4 maildirsize')
  t.equal(
    await old.answer({
      incoming: 1001,
      defaultLimits: {},
      limits: { bytes: 2000 },
    }),
    '7 1 walk',
  )
})

t.test('without a maildirsize, or with a broken one, the messages are counted', async (t) => {
  const message = { 'a,S=7': 'seven77' }
  for (const maildirsize of ['', '1000S\nx\n', '1000S\n5 5\0\n', '1000S\n-5 1\n', 'x\n1 1\n']) {
    const { answer } = maildir(t, { cur: message, maildirsize })
    t.equal(await answer(), '7 1 walk', JSON.stringify(maildirsize))
  }
  t.equal(await maildir(t, { cur: message }).answer(), '7 1 walk')
  const long = maildir(t, { cur: message, maildirsize: `1000S\n${'0 0\n'.repeat(1300)}` })
  t.equal(await long.answer(), '7 1 walk')
})

t.test('new and cur of folders count, without Trash, trashed and dot files', async (t) => {
  const { answer } = maildir(t, {
    new: { 'a,S=1': '-----' },
    cur: { 'b,S=10:2,S': '', 'c,S=500:2,ST': '', '.d,S=500': '', 'e:2,RS': 'x'.repeat(100) },
    tmp: { 'f,S=500': '' },
    '.Sent': { new: {}, cur: { 'g,S=1000:2,S': '' }, tmp: {} },
    '.Sent.T': { cur: { 'h,S=10000': '' } },
    '.Trash': { new: {}, cur: { 'i,S=500:2,S': '' }, tmp: {} },
    other: { cur: { 'j,S=500:2,S': '' } },
    '.file': 'no folder',
  })
  t.equal(await answer(), '11111 5 walk')
})

t.test('a malformed size in a file name is replaced by the size of the file', async (t) => {
  const { answer } = maildir(t, {
    new: { 'a,S=x': '12', 'b,S=5x': '1', 'c,S=': '1', 'd,W=9': '1' },
  })
  t.equal(await answer(), '5 4 walk')
})

t.test('a count is cached until a directory changes', async (t) => {
  const { path, answer } = maildir(t, { cur: { 'a,S=7': '' } })
  for (const name of ['new', 'cur']) settle(join(path, name))
  t.equal(await answer(), '7 1 walk')
  writeFileSync(join(path, 'cur/b,S=5'), '')
  settle(join(path, 'cur'))
  t.equal(await answer(), '7 1 walk', 'nothing shows that it changed')
  writeFileSync(join(path, 'new/c,S=1'), '')
  t.equal(await answer(), '8 2 walk', 'only what changed is read')
  writeFileSync(join(path, 'new/d,S=1'), '')
  t.equal(await answer(), '9 3 walk', 'what changed just now is read each time')
  mkdirSync(join(path, '.new/cur'), { recursive: true })
  writeFileSync(join(path, '.new/cur/e,S=100'), '')
  t.equal(await answer(), '109 4 walk')
  rmSync(join(path, '.new'), { recursive: true })
  t.equal(await answer(), '9 3 walk')
})

t.test('questions that come while a mailbox is read share the read', async (t) => {
  const path = t.testdir({ ...empty, cur: { 'a,S=7': '' } })
  const reads = new MailboxReads<unknown>(clocks.uptime, 1000)
  const walker = new Walker(clocks)
  const read = () => reads.read(path, () => walker.count(at(path)))
  const first = read()
  t.equal(read(), first)
  t.same(await first, { bytes: 7, messages: 1 })
  t.not(read(), first, 'and who asks later, another')
})

t.test('no client waits for a mailbox that hangs for longer than a count may take', async (t) => {
  let time = 0
  const reads = new MailboxReads<string>(() => time, 1000)
  const hung = () => new Promise<string>(() => {})
  void reads.read('/hung', hung)
  time = 1001
  await t.rejects(reads.read('/hung', hung), { message: 'its file system does not answer' })
  t.equal(await reads.read('/well', async () => 'read'), 'read')
})

t.test('while a count takes too long, the answer is unknown', async (t) => {
  const many = Object.fromEntries(Array.from({ length: 3000 }, (_, i) => [`m${i}`, 'x']))
  const path = t.testdir({ ...empty, cur: many, maildirsize: '10S\n20 2\n1 1\n' })
  const source = new MaildirSource(0, clocks)
  t.match(await source.read(at(path), unlimited), { kind: 'trouble' }, 'and not OVERQUOTA')
  rmSync(join(path, 'maildirsize'))
  const again = new MaildirSource(0, clocks)
  t.match(await again.read(at(path), unlimited), {
    kind: 'trouble',
    reason: 'still being counted after 0 ms',
  })
})

/** Twenty folders, and a walker with `longest` milliseconds, to which each look at the clock takes `took` milliseconds. */
function twentyFolders(t: Test, longest: number, files: Readonly<Record<string, string>>) {
  const names = Array.from({ length: 20 }, (_, i) => `.folder${i}`)
  const path = t.testdir(Object.fromEntries(names.map((name) => [name, { cur: { ...files } }])))
  for (const name of names) settle(join(path, name, 'cur'))
  const clock = { time: 0, took: 0 }
  const uptime = () => (clock.time += clock.took)
  const walker = new Walker({ ...clocks, uptime }, longest)
  return { path, clock, count: () => walker.count(at(path)) }
}

const tooLong = { message: 'counting it took too long' }

t.test('a count that was given up is continued by the next one', async (t) => {
  // Enough for a look at each folder, and to read some of them.
  const { clock, count } = twentyFolders(t, 80, { a: 'x', b: 'xx' })
  clock.took = 1
  await t.rejects(count(), tooLong)
  const once = () => count().catch(() => undefined)
  let counted = await once()
  for (let i = 0; i < 20 && counted === undefined; i++) counted = await once()
  t.same(counted, { bytes: 60, messages: 40 })
})

t.test('a count ends in time even if no folder has changed', async (t) => {
  const { clock, count } = twentyFolders(t, 10, { a: 'x' })
  t.same(await count(), { bytes: 20, messages: 20 })
  clock.took = 1
  await t.rejects(count(), tooLong)
  clock.took = 0
  t.same(await count(), { bytes: 20, messages: 20 }, 'and what was known is kept')
})

t.test('a renamed folder is forgotten, even if the count does not end', async (t) => {
  // Enough to see all names, and not for a look at each folder.
  const { path, clock, count } = twentyFolders(t, 30, { a: 'x' })
  t.same(await count(), { bytes: 20, messages: 20 })
  renameSync(join(path, '.folder7'), join(path, '.other'))
  clock.took = 1
  await t.rejects(count(), tooLong)
  clock.took = 0
  // The directory looks as before: if it were known, it would not be read again.
  writeFileSync(join(path, '.other/cur/b'), 'xx')
  settle(join(path, '.other/cur'))
  renameSync(join(path, '.other'), join(path, '.folder7'))
  t.same(await count(), { bytes: 22, messages: 21 })
})

t.test('a FIFO in the place of maildirsize makes no question wait', async (t) => {
  const { path, answer } = maildir(t)
  execFileSync('mkfifo', [join(path, 'maildirsize')])
  t.equal(await answer(), 'trouble')
})

t.test('known and missing mailboxes are answered while others are counted', async (t) => {
  const turns = Array.from({ length: 8 }, (_, i) => `huge${i}`)
  const files = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`m${i}`, 'x']))
  const path = t.testdir({
    ...Object.fromEntries(turns.map((name) => [name, { cur: { ...files } }])),
    known: { cur: { 'a,S=7': '' } },
  })
  settle(join(path, 'known/cur'))
  const walker = new Walker(clocks)
  await walker.count(at(join(path, 'known')))
  const over: string[] = []
  const count = (name: string) => walker.count(at(join(path, name))).then(() => over.push(name))
  const all = [...turns, 'known', 'missing'].map(count)
  await Promise.all(all)
  t.equal(over.length, 10)
  t.ok(over.indexOf('known') < 8, over.join(' '))
  t.ok(over.indexOf('missing') < 8, over.join(' '))
})

t.test(
  'a mailbox that is missing, vanishes or is not a directory is reported as that',
  async (t) => {
    const { path, answer } = maildir(t)
    t.equal(await answer(), '0 0 walk')
    rmSync(path, { recursive: true })
    t.equal(await answer(), 'no-mailbox')
    writeFileSync(path, '')
    t.equal(await answer(), 'no-mailbox')
  },
)

t.test('messages and folders that vanish while they are counted are not counted', async (t) => {
  const folders = Object.fromEntries(
    Array.from({ length: 50 }, (_, i) => [`.f${i}`, { cur: { [`a${i}`]: 'x', [`b${i}`]: 'x' } }]),
  )
  const { path, answer } = maildir(t, folders)
  const counted = answer()
  for (let i = 49; i >= 0; i -= 2) rmSync(join(path, `.f${i}`), { recursive: true })
  rmSync(path, { recursive: true })
  t.match(await counted, /^(\d+ \d+ walk|no-mailbox)$/)
})

t.test('names with bytes beyond ASCII are used as they are', async (t) => {
  const path = t.testdir({})
  const name = Buffer.concat([Buffer.from(`${path}/`), Buffer.from([0xe4, 0xff])])
  for (const part of ['', '/new', '/cur']) mkdirSync(Buffer.concat([name, Buffer.from(part)]))
  writeFileSync(Buffer.concat([name, Buffer.from('/cur/'), Buffer.from([0xfc])]), '123')
  const source = new MaildirSource(TIMEOUT, clocks)
  t.equal(short(await source.read(at(name.toString('latin1')), unlimited)), '3 1 walk')
})
