import {
  chmodSync,
  chownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { PathHandle } from '../../../../src/base/path/path-handle.ts'
import { Bytes } from '../../../../src/mail/message/bytes.ts'
import { Header } from '../../../../src/mail/message/header-block.ts'
import { beginRelease, deleteEntry } from '../../../../src/scanner/scan/quarantine/begin-release.ts'
import {
  entriesIn,
  makeId,
  openMessage,
  withEntry,
} from '../../../../src/scanner/scan/quarantine/entries.ts'
import { openQuarantine } from '../../../../src/scanner/scan/quarantine/folders.ts'
import {
  quarantineMessage,
  removeQuarantined,
} from '../../../../src/scanner/scan/quarantine/quarantine-message.ts'
import type { QuarantineRecord } from '../../../../src/scanner/scan/quarantine/record.ts'
import {
  fileOf,
  keepOne,
  listed,
  makeQuarantine,
  openFor,
  openNew,
  recordOf,
} from './quarantined.ts'

const RECORD_MAX = 16 * 1024 * 1024

/** What a quarantine keeps, finds again, and gives back. */

const DAY = '2026-11-21'
const now = Date.parse(`${DAY}T12:00:00Z`)
const always = { since: undefined, until: undefined }
const text = 'Subject: x\n\nbody\n'

async function read(root: PathHandle, id: string): Promise<string> {
  const opened = await openMessage(root, id)
  const chunks: Buffer[] = []
  try {
    for await (const chunk of opened.message()) chunks.push(chunk)
  } finally {
    await opened.close()
  }
  return Buffer.concat(chunks).toString('latin1')
}

/** The descriptors that this process has open. */
const descriptors = () => readdirSync('/proc/self/fd').length

t.test('ids sort in the order in which messages came, within a millisecond, too', async (t) => {
  const root = await openFor(t, makeQuarantine(t))
  const folder = join(root.path, `virus/.${DAY}`)
  for (const part of ['tmp', 'new', 'cur']) mkdirSync(join(folder, part), { recursive: true })
  const start = Date.parse(`${DAY}T12:00:00.998Z`)
  const ids = Array.from({ length: 300 }, (_, count) =>
    // The later id has the smaller random part: only its place can put it behind.
    makeId(start + Math.floor(count / 100), (random) => random.fill(255 - (count % 256))),
  )
  for (const id of ids) writeFileSync(join(folder, `new/${id},S=1`), '')
  const entries = await listed(root, always)
  const listedIds = entries.map(({ id }) => id)
  t.same(listedIds, ids)
  t.equal(entries.at(-1)?.seconds, Math.floor(start / 1000) + 1)
})

t.test('ids stay valid if there are too few places, or the clock is set back', async (t) => {
  const late = 1_800_000_000_999
  const ids = Array.from({ length: 1100 }, () => makeId(late, (random) => random.fill(0xab)))
  t.equal(ids[0], '1800000000.f3e58bababababab')
  t.equal(ids.at(-1)?.length, 27)
  const [before, after] = [late - 3_600_000, late].map((time) => makeId(time, () => {}))
  t.equal(before, '1799996400.f3e5800000000000', 'its time is that of the clock')
  t.equal(after, '1800000000.f3e5800000000000')
})

t.test('a kept message is a private file, with one record and the message', async (t) => {
  const { directory, root } = await openNew(t)
  const open = descriptors()
  const id = await keepOne(directory, now, { text, recipients: ['b@x', 'c@x'] })
  const maildir = join(directory, 'virus')
  t.same(readdirSync(maildir).sort(), [`.${DAY}`, 'cur', 'new', 'tmp'])
  const paths = [
    maildir,
    ...['', 'cur', 'new', 'tmp'].map((part) => join(maildir, `.${DAY}`, part)),
  ]
  for (const path of paths) t.equal(statSync(path).mode & 0o7777, 0o700, path)
  const file = join(maildir, `.${DAY}/new/${id},S=${text.length}`)
  t.equal(statSync(file).mode & 0o7777, 0o600)
  const [entry] = await listed(root, always)
  t.same(entry, {
    ...{ id, seconds: now / 1000, size: text.length, flags: '', state: 'kept' },
    ...{ grounds: 'virus', day: DAY, part: 'new', file: `${id},S=${text.length}` },
  })
  const record = await recordOf(root, entry!)
  t.match(record, { id, grounds: 'virus', recipients: ['b@x', 'c@x'], found: 'Test-Virus' })
  const opened = await openMessage(root, id)
  t.same([opened.record, opened.entry], [record, entry])
  await opened.close()
  t.equal(await read(root, id), text)

  await removeQuarantined(directory, { grounds: 'virus', id, size: text.length })
  t.same(await listed(root, always), [])
  t.equal(descriptors(), open, 'all is closed')
  rmSync(maildir, { recursive: true })
  t.equal(await recordOf(root, entry!), undefined, 'its folder is gone')
})

t.test('records and messages of any text are read back, byte for byte', async (t) => {
  const { directory, root } = await openNew(t)
  const messages = [
    '\n\n',
    ' a line with a blank in front\n\n',
    '\tone with a tab\n\n\x00\xff',
    'Subject: x\n\nX-Onescan-Message: as it came, below this line\n',
    `X-Onescan-Message: sha256=${'0'.repeat(64)}; as it came, below this line\n\n`,
    'X-Onescan-Quarantine: {}\n\n',
    `Subject: x\n\n${'a line\n'.repeat(100_000)}`,
  ]
  for (const message of messages) {
    const record: Partial<QuarantineRecord> = {
      door: 'milter',
      sender: '\xfcser@example.net',
      recipients: ['line\nend@x', '"\\u000a\\n X-Onescan-Message"@x', '[{[{', '\x7f~ \x1f'],
      log: 'onescan: reason="said \\"x\\""',
      remote: '192.0.2.1',
      queue: '4Z',
    }
    const id = await keepOne(directory, now, { text: message, ...record })
    const opened = await openMessage(root, id)
    t.match(opened.record, record)
    await opened.close()
    t.equal(await read(root, id), message)
  }
})

t.test('a record is a header that a mail program reads, in lines of under 998 bytes', async (t) => {
  const directory = makeQuarantine(t)
  const recipients = Array.from({ length: 1000 }, (_, i) => `somebody-${i}@example.org`)
  const id = await keepOne(directory, now, { recipients, text })
  const written = readFileSync(fileOf(directory, id), 'latin1')
  const lines = written.slice(0, -text.length - 1).split('\n')
  t.match(lines[0], /^X-Onescan-Quarantine: \{/)
  t.match(lines.at(-1), /^X-Onescan-Message: sha256=[0-9a-f]{64}; as it came, below this line$/)
  const [entry] = await listed(await openFor(t, directory), always)
  t.same((await recordOf(await openFor(t, directory), entry!))?.recipients, recipients)
  t.ok(lines.every((line) => line.length < 998 && /^[ -~]*$/.test(line)))
  for (const line of lines.slice(1, -1)) t.match(line, /^ /, 'folded')
})

t.test('a truncated file is reported, wherever it and the record end', async (t) => {
  const { directory, root } = await openNew(t)
  const id = await keepOne(directory, now, { text })
  const file = fileOf(directory, id)
  const whole = readFileSync(file, 'latin1')
  const start = whole.length - text.length
  const open = descriptors()
  for (let length = whole.length - 1; length >= 0; length -= length < start - 200 ? 20 : 1) {
    truncateSync(file, length)
    const reason = await read(root, id).catch((error) => error.message)
    if (length >= start) t.match(reason, 'is not the message that was quarantined', `${length}`)
    else if (!/: it (ends early|has no record)$/.test(reason)) t.fail(`${length}: ${reason}`)
  }
  t.equal(descriptors(), open)
  for (const size of [4096, 8 * 4096]) {
    for (let more = -5; more <= 120; more += size === 4096 ? 1 : 25) {
      const log = 'x'.repeat(size - start + more)
      writeFileSync(file, whole.replace('onescan: decision=quarantine', log), 'latin1')
      const opened = await openMessage(root, id)
      if (opened.record.log !== log) t.fail(`${size}, ${more}`)
      await opened.close()
    }
  }
})

t.test('a file that onescan did not write is not a message in quarantine', async (t) => {
  const { directory, root } = await openNew(t)
  const id = await keepOne(directory, now)
  const file = fileOf(directory, id)
  const head = /^X-Onescan-Quarantine: (.*\n)(X-Onescan-Message: .*\n)/s
  const [, json = '', end = ''] = head.exec(readFileSync(file, 'latin1')) ?? []
  const record = JSON.parse(json)
  const field = 'X-Onescan-Quarantine: '
  const without = (name: string) => JSON.stringify({ ...record, [name]: undefined })
  const withOne = (name: string) => JSON.stringify({ ...record, [name]: 1 })
  const names = ['id', 'time', 'host', 'door', 'grounds', 'sender', 'log', 'recipients']
  const files: readonly (readonly [file: string, reason: RegExp])[] = [
    ['', /it has no record/],
    [text, /it has no record/],
    [`\n${field}${json}${end}`, /it has no record/],
    [`${field}{\n${end}`, /its record is not JSON/],
    [`${field}${json}${end.replace(/sha256=./, 'sha256=g')}`, /has no end mark/],
    [`${field}null\n${end}`, /is incomplete/],
    [`${field}1\n${end}`, /is incomplete/],
    ...names.map((name) => [`${field}${without(name)}\n${end}`, /is incomplete/] as const),
    ...['found', 'remote', 'queue', 'log', 'recipients'].map(
      (name) => [`${field}${withOne(name)}\n${end}`, /is incomplete/] as const,
    ),
    [`${field}${JSON.stringify({ ...record, recipients: ['x', 1] })}\n${end}`, /is incomplete/],
    [`${field}{"x":"\\"","recipients":[[]]}\n${end}`, /has lists in lists/],
    [`${field}{"x":{"y":{}}}\n${end}`, /has lists in lists/],
    [`${field}{"x":"\\\\","y":{"z":[]}}\n${end}`, /has lists in lists/],
    [`${field}{"x":{},"y":[],"z":{}}\n${end}`, /is incomplete/],
    [`${field}{"x":"${'x'.repeat(RECORD_MAX)}`, /its record has more than 16777216 bytes/],
    [
      `${field}{"x":"${'x'.repeat(RECORD_MAX)}"}\n${end}`,
      /its record has more than 16777216 bytes/,
    ],
  ]
  for (const [bytes, reason] of files) {
    writeFileSync(file, bytes, 'latin1')
    await t.rejects(openMessage(root, id), { message: reason, kind: 'read' }, bytes.slice(0, 300))
  }
  rmSync(file)
  mkdirSync(file)
  await t.rejects(openMessage(root, id), { message: `${id},S=17: is not a regular file` })
  rmSync(file, { recursive: true })
  symlinkSync('/etc/passwd', file)
  await t.rejects(openMessage(root, id), { code: 'ELOOP' })
})

t.test('mail is not kept if its record could not be read again', async (t) => {
  const directory = makeQuarantine(t)
  const most = await keepOne(directory, now, { log: 'x'.repeat(RECORD_MAX - 40_000) })
  t.ok(statSync(fileOf(directory, most)).size < RECORD_MAX)
  const message = 'its record in quarantine has more than 16777216 bytes'
  const tooMuch = keepOne(directory, now, { log: 'x'.repeat(RECORD_MAX - 30_000) })
  await t.rejects(tooMuch, { message, kind: 'out-of-memory' })
  t.same(readdirSync(join(directory, `virus/.${DAY}/tmp`)), [], 'nothing is left of it')
})

t.test('mail is not kept if it cannot be written, and nothing is left of it', async (t) => {
  const directory = makeQuarantine(t)
  class Broken extends Bytes {
    readonly size = 1
    readonly #code: string
    #isKeyKnown = false
    constructor(code: string) {
      super()
      this.#code = code
    }
    *chunks(): Generator<Buffer> {
      if (this.#isKeyKnown) throw Object.assign(new Error('broken'), { code: this.#code })
      this.#isKeyKnown = true // it is read for its key first, and then written
      yield Buffer.from('\n')
    }
  }
  const faults = {
    ENOSPC: 'write',
    EDQUOT: 'write',
    EFBIG: 'write',
    EIO: 'write',
    EACCES: 'config',
  }
  const open = descriptors()
  for (const [code, kind] of Object.entries(faults)) {
    const message = { header: new Header(Buffer.from('x: y\n\n')), body: new Broken(code), size: 7 }
    const id = makeId(now, () => {})
    const texts = { id, time: '', host: '', door: 'qmail', sender: '', log: '' } as const
    const record = { ...texts, grounds: 'virus', recipients: [] }
    const fault = { kind, message: `QUARANTINE ${directory}: broken` }
    await t.rejects(quarantineMessage(directory, record, message), fault, code)
  }
  const tooLong = join(directory, 'x'.repeat(300))
  const message = `QUARANTINE ${tooLong}: name too long`
  await t.rejects(keepOne(directory, now, { grounds: 'x'.repeat(300) }), { message })
  t.same(readdirSync(join(directory, `virus/.${DAY}/tmp`)), [])
  t.same(readdirSync(join(directory, `virus/.${DAY}/new`)), [])
  t.equal(descriptors(), open)
})

t.test('a message that is sent again is kept once, and found while it waits', async (t) => {
  const { directory, root } = await openNew(t)
  const keep = (time: number) => keepOne(directory, time, { isTried: true })
  const states = async () => (await listed(root, always)).map(({ id, state }) => `${id} ${state}`)
  const open = descriptors()
  const first = await keep(now)
  const days = 86_400_000
  t.equal(await keep(now + 1000), first)
  t.equal(await keep(now + 2 * days), first, 'on another day')
  t.same(await states(), [`${first} kept`])
  t.equal(await read(root, first), text)
  t.equal(descriptors(), open, 'all is closed')

  const kept = { grounds: 'virus', id: first, size: text.length }
  await t.rejects(removeQuarantined(directory, kept), { message: /no such file or directory/ }) // others have found it
  const release = await beginRelease(root, first, false)
  const second = await keep(now + 3000)
  t.not(second, first, 'while it is released')
  await release.finish()
  t.same(await states(), [`${first} released`, `${second} kept`])
  await deleteEntry(root, second)
  const third = await keep(now + 4000)
  t.not(third, second, 'when it is gone')
  t.not(
    await keepOne(directory, now, { isTried: true, grounds: 'banned' }),
    third,
    'for other grounds',
  )
})

t.test('a key that leads nowhere, or is not a link, is made again', async (t) => {
  const { directory, root } = await openNew(t)
  const keep = () => keepOne(directory, now, { isTried: true })
  const ids = new Set([await keep()])
  const [key, ...others] = readdirSync(join(directory, 'kept.keys'))
  t.same(others, [])
  const link = join(directory, 'kept.keys', key!)
  for (const name of ['../../etc/passwd', `${[...ids][0]},S=1`, '1.0,S=1', '']) {
    rmSync(link)
    if (name === '') writeFileSync(link, '')
    else symlinkSync(name, link)
    ids.add(await keep())
  }
  t.equal(ids.size, 5)
  t.equal((await listed(root, always)).length, 5)
  t.ok(ids.has(await keep()))
})

t.test('a message that was moved is not removed, which is reported', async (t) => {
  const directory = makeQuarantine(t)
  const id = await keepOne(directory, now)
  const kept = { grounds: 'virus', id, size: text.length }
  const wrong = removeQuarantined(directory, { ...kept, size: 1 })
  await t.rejects(wrong, {
    kind: 'config',
    message: `QUARANTINE ${directory}: no such file or directory`,
  })
  rmSync(join(directory, 'virus'), { recursive: true })
  writeFileSync(join(directory, 'virus'), '')
  await t.rejects(removeQuarantined(directory, kept), {
    message: /virus is not a directory of uid/,
  })
})

t.test('a folder that was not finished is made whole by the next message', async (t) => {
  const { directory, root } = await openNew(t)
  const folder = join(directory, `virus/.${DAY}`)
  mkdirSync(join(folder, 'tmp'), { recursive: true, mode: 0o700 })
  chmodSync(folder, 0o1700)
  t.same(await listed(root, always), [])
  await keepOne(directory, now)
  t.equal(statSync(folder).mode & 0o7777, 0o700)
  t.equal((await listed(root, always)).length, 1)
})

t.test('only a private directory of this account is a quarantine', async (t) => {
  const uid = process.geteuid!()
  const gone = (directory: string) => rmSync(directory, { recursive: true })
  const file = (directory: string) => {
    gone(directory)
    writeFileSync(directory, '')
  }
  const link = (directory: string) => {
    renameSync(directory, `${directory}-there`)
    symlinkSync(`${directory}-there`, directory)
  }
  const closed = (mode: number) => (directory: string) => chmodSync(directory, mode)
  const missing = `no such file or directory; create it: install -d -m 700 -o ${uid} HERE`
  const cases: readonly (readonly [spoil: (directory: string) => void, reason: string])[] = [
    [gone, missing],
    [file, 'is not a directory'],
    [link, 'is a link, and links are not followed there'],
    [closed(0o755), 'mode 0755 lets other users in; run chmod 700 on it'],
    [closed(0o710), 'mode 0710 lets other users in; run chmod 700 on it'],
  ]
  const open = descriptors()
  for (const [spoil, reason] of cases) {
    const directory = makeQuarantine(t)
    t.teardown(() => rmSync(`${directory}-there`, { recursive: true, force: true }))
    spoil(directory)
    const message = `QUARANTINE ${directory}: ${reason.replaceAll('HERE', directory)}`
    const fault = await keepOne(directory, now).catch((error) => error)
    t.same([fault.kind, fault.message], ['config', message])
  }
  const foreign = uid === 0 ? makeQuarantine(t) : '/usr'
  if (uid === 0) chownSync(foreign, 12_345, 0)
  const who = `belongs to uid ${statSync(foreign).uid}, and this runs as uid ${uid}`
  const message = `QUARANTINE ${foreign}: ${who}; change its owner, or run this as its owner (onescand, or a command that root runs)`
  await t.rejects(openQuarantine(foreign), { message })
  t.equal(descriptors(), open)
})

t.test('a quarantine is what its path names, however that is written', async (t) => {
  const directory = makeQuarantine(t)
  mkdirSync(join(directory, 'inner'), { mode: 0o700 })
  for (const [path, real] of [
    [`${directory}/`, directory],
    [`${directory}/.`, directory],
    [`${directory}/inner//`, `${directory}/inner`],
    [`${directory}/inner/..`, directory],
  ] as const) {
    const { ino } = (await openFor(t, path)).stats
    t.equal(ino, statSync(real).ino, path)
  }
})

/** Makes a directory that belongs to another account, if this process may. */
function ofAnother(path: string): void {
  mkdirSync(path, { mode: 0o700 })
  if (process.geteuid!() === 0) chownSync(path, 12_345, 0)
}

t.test('files of another account are reported, and all others are listed', async (t) => {
  const spoiled: readonly (readonly [
    name: string,
    spoil: (path: string) => void,
    keep: boolean,
  ])[] = [
    ['virus', (path) => writeFileSync(path, ''), true],
    ['virus', (path) => symlinkSync('/', path), true],
    ['virus', (path) => ofAnother(path), process.geteuid!() === 0],
    [`virus/.${DAY}`, (path) => writeFileSync(path, ''), true],
    [`virus/.${DAY}`, (path) => symlinkSync('/', path), true],
    [`virus/.${DAY}`, (path) => ofAnother(path), process.geteuid!() === 0],
    [`virus/.${DAY}/tmp`, (path) => symlinkSync('/', path), true],
    ['virus/new', (path) => writeFileSync(path, ''), true],
    ['Virus', (path) => writeFileSync(path, ''), false],
    ['quarantine.log', (path) => writeFileSync(path, ''), false],
    ['virus/.2026-11-1', (path) => writeFileSync(path, ''), false],
    ['virus/x.2026-11-19', (path) => writeFileSync(path, ''), false],
    ['virus/.2026-11-19x', (path) => writeFileSync(path, ''), false],
  ]
  for (const [name, spoil, isInTheWay] of spoiled) {
    const { directory, root } = await openNew(t)
    const other = await keepOne(directory, now, { grounds: 'banned' })
    const path = join(directory, name)
    mkdirSync(join(path, '..'), { recursive: true, mode: 0o700 })
    spoil(path)
    const open = descriptors()
    const foreign: unknown[] = []
    const ids = (await listed(root, always, (reason) => foreign.push(reason))).map(({ id }) => id)
    t.same(ids, [other], name)
    const isNamed = isInTheWay && name !== 'virus/new'
    t.equal(foreign.length, isNamed ? 1 : 0, name)
    if (isNamed) t.match(foreign[0], { kind: 'config', message: `QUARANTINE: ${path}` })
    if (isInTheWay) await t.rejects(keepOne(directory, now), { message: `QUARANTINE: ${path}` })
    else await keepOne(directory, now)
    t.equal(await read(root, other), text, 'and is found')
    t.equal(descriptors(), open, 'all is closed')
  }
})

t.test('the list has the messages of a time, to the second, the oldest first', async (t) => {
  const { directory, root } = await openNew(t)
  const midnight = Date.parse(`${DAY}T00:00:00Z`)
  const times = [-1, 0, 1, 86_399, 86_400].map((seconds) => midnight + seconds * 1000)
  const ids: string[] = []
  for (const [index, time] of times.entries()) {
    ids.push(await keepOne(directory, time, { grounds: index % 2 === 0 ? 'virus' : 'banned' }))
  }
  const found = async (since?: number, until?: number) =>
    (await listed(root, { since, until })).map(({ id }) => ids.indexOf(id))
  t.same(await found(), [0, 1, 2, 3, 4])
  t.same(await found(midnight), [1, 2, 3, 4])
  t.same(await found(midnight + 500), [1, 2, 3, 4], 'an id contains the second')
  t.same(await found(midnight + 1000), [2, 3, 4])
  t.same(await found(undefined, midnight), [0])
  t.same(await found(undefined, midnight + 1), [0, 1])
  t.same(await found(midnight + 1000, midnight + 86_400_000), [2, 3])
  t.same(await found(midnight + 86_400_000, midnight + 86_400_001), [4])
})

t.test('only folders of the day are looked into, and no file', async (t) => {
  const { directory, root } = await openNew(t)
  const [before, id] = [await keepOne(directory, now - 86_400_000), await keepOne(directory, now)]
  const file = fileOf(directory, id)
  renameSync(file, file.replace(DAY, '2026-11-20'))
  const midnight = Date.parse(`${DAY}T00:00:00Z`)
  const found = async (since?: number, until?: number) =>
    (await listed(root, { since, until })).map((entry) => entry.id)
  t.same(await found(), [before, id])
  for (const [since, until] of [[midnight], [midnight, now + 1000], [midnight - 1000, midnight]]) {
    t.same(await found(since, until), [], 'it is in the folder of another day')
  }
  await t.rejects(openMessage(root, id), { message: `${id}: is not in quarantine` })
  await keepOne(directory, now)
  const entries = entriesIn(root, always)
  t.equal((await entries.next()).value?.id, before)
  rmSync(join(directory, 'virus'), { recursive: true })
  t.notOk((await entries.next()).done)
  t.ok((await entries.next()).done, 'a day that goes meanwhile is left out')
})

t.test('a list may begin with the newest message, and finds those that were moved', async (t) => {
  const { directory, root } = await openNew(t)
  const times = [now - 86_400_000, now - 1000, now, now]
  const ids: string[] = []
  for (const time of times) ids.push(await keepOne(directory, time))
  const newest = await listed(root, { ...always, isNewestFirst: true })
  t.same(newest.map(({ id }) => id).reverse(), ids)
  const [last] = newest
  await (await beginRelease(root, last!.id, false)).finish()
  t.match(await recordOf(root, last!), { id: last!.id }, 'it is in another folder by now')
  await deleteEntry(root, last!.id)
  t.equal(await recordOf(root, last!), undefined)
})

t.test('the name of a file shows the state of a message', async (t) => {
  const { directory, root } = await openNew(t)
  const id = await keepOne(directory, now)
  const folder = join(directory, `virus/.${DAY}`)
  const name = `${id},S=17`
  const taker = { pid: 12, started: 345 }
  const places: readonly (readonly [place: string, state: object | undefined])[] = [
    [`new/${name}`, { state: 'kept', flags: '' }],
    [`cur/${name}:2,`, { state: 'kept', flags: '' }],
    [`cur/${name}:2,S`, { state: 'kept', flags: 'S' }],
    [`cur/${name}:2,PS`, { state: 'released', flags: 'PS' }],
    [`tmp/${name}:2,S.releasing-12-345`, { state: 'releasing', flags: 'S', taker }],
    [`tmp/${name}`, undefined],
    [`new/${name}:2,.releasing-12-345`, undefined],
    [`tmp/${name}:2,.releasing-12`, undefined],
    [`tmp/${name}:2,.releasing-12-`, undefined],
    [`new/${id}`, undefined],
    [`new/${id},S=`, undefined],
    [`new/x${name}`, undefined],
    [`new/${name}x`, undefined],
    [`cur/${name}:2,P1`, undefined],
    [`new/${name.toUpperCase().replace('.', '.A').slice(0, -5)}`, undefined],
  ]
  let at = fileOf(directory, id)
  for (const [place, state] of places) {
    const [part = '', file = ''] = place.split('/')
    renameSync(at, join(folder, place))
    at = join(folder, place)
    const [found] = await listed(root, always)
    t.match(found, state && { ...state, part, file, id, size: 17, seconds: now / 1000 }, place)
    t.equal(found === undefined, state === undefined, place)
  }
})

t.test('a message is looked for by its id, and again if it was moved', async (t) => {
  const { directory, root } = await openNew(t)
  const id = await keepOne(directory, now)
  await keepOne(directory, now, { grounds: 'banned' })
  for (const wrong of ['', 'x', `${id}x`, `x${id}`, '../../etc/passwd', id.slice(0, -1)]) {
    const message = `${wrong}: is not an id`
    await t.rejects(openMessage(root, wrong), { kind: 'config', message })
  }
  const other = id.replace(/.$/, (digit) => (digit === 'f' ? '0' : 'f'))
  const message = `${other}: is not in quarantine`
  await t.rejects(openMessage(root, other), { kind: 'config', message })
  const open = descriptors()
  let looks = 0
  const gone = Object.assign(new Error('gone'), { code: 'ENOENT' })
  const move = (times: number) => () =>
    withEntry(root, id, async (entry, folder) => {
      if (++looks <= times) throw gone
      folder.close()
      return entry.id
    })
  t.equal(await move(9)(), id)
  t.equal(looks, 10)
  looks = 0
  await t.rejects(move(10), { message: `${id}: another command is working on it` })
  t.equal(looks, 10)
  const broken = withEntry(root, id, async () => {
    throw new Error('broken')
  })
  await t.rejects(broken, { message: 'broken' }, 'any other error is an error')
  const deleted = withEntry(root, id, async () => {
    rmSync(fileOf(directory, id)) // by another process, after the first look
    throw gone
  })
  await t.rejects(deleted, { message: `${id}: is not in quarantine` }, 'the last look counts')
  t.equal(descriptors(), open)
})
