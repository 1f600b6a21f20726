import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { MaildirSource } from '../../../src/quota/sources/maildir.ts'
import { mboxSource } from '../../../src/quota/sources/mbox.ts'
import { withMailbox } from '../../../src/quota/sources/open-mailbox.ts'
import { sumDirectory } from '../../../src/quota/sources/sum-directory.ts'
import { Walker } from '../../../src/quota/sources/walk.ts'
import { outputOf } from '../../run/until.ts'

/** Links that users make in their mailboxes: no answer contains the size of what a link leads to. */

const TIMEOUT = 60_000
const clocks = { now: Date.now, uptime: () => performance.now() }
const measure = { incoming: 0, limits: undefined, defaultLimits: {} }
/** The size of a file that the user may not see. */
const PRIVATE = 1_000_000

/** A home with a Maildir of one message of 7 bytes, and a private place beside it. */
function homes(t: Test) {
  const root = t.testdir({
    home: { Maildir: { new: {}, cur: { 'a,S=7': '' } } },
    private: { [`x,S=${PRIVATE}`]: '', y: 'x'.repeat(1000) },
    other: { new: {}, cur: { [`x,S=${PRIVATE}`]: '' }, maildirsize: `${PRIVATE}S\n${PRIVATE} 1\n` },
  })
  const home = join(root, 'home')
  const mailbox = { path: join(home, 'Maildir'), fixed: home.length }
  const source = new MaildirSource(TIMEOUT, clocks)
  const answer = async () => {
    const result = await source.read(mailbox, measure)
    if (result.kind === 'trouble') return result.reason
    return result.kind === 'usage' ? `${result.usage.bytes} ${result.usage.messages}` : result.kind
  }
  return { root, home, mailbox, maildir: mailbox.path, answer }
}

t.test('new and cur are ignored if they are links', async (t) => {
  for (const name of ['new', 'cur']) {
    const { root, maildir, answer } = homes(t)
    renameSync(join(maildir, name), join(maildir, 'moved'))
    symlinkSync(join(root, 'private'), join(maildir, name))
    t.equal(await answer(), name === 'new' ? '7 1' : '0 0')
  }
})

t.test('folders are ignored if they are links, nor their new and cur', async (t) => {
  const { root, maildir, answer } = homes(t)
  symlinkSync(join(root, 'other'), join(maildir, '.Other'))
  mkdirSync(join(maildir, '.Mine/new'), { recursive: true })
  symlinkSync(join(root, 'private'), join(maildir, '.Mine/cur'))
  t.equal(await answer(), '7 1')
})

t.test('messages are ignored if they are links or no files', async (t) => {
  const { root, maildir, answer } = homes(t)
  symlinkSync(join(root, 'private/y'), join(maildir, 'cur/b'))
  mkdirSync(join(maildir, 'cur/c'))
  t.equal(await answer(), '7 1')
})

t.test('a maildirsize that is a link is ignored', async (t) => {
  const { root, maildir, answer } = homes(t)
  symlinkSync(join(root, 'other/maildirsize'), join(maildir, 'maildirsize'))
  t.equal(await answer(), '7 1')
})

t.test('a Maildir that is a link in a home is not followed, which can be logged', async (t) => {
  const { root, home, maildir, answer } = homes(t)
  t.equal(await answer(), '7 1')
  renameSync(maildir, join(home, 'moved'))
  symlinkSync(join(root, 'other'), maildir)
  t.equal(await answer(), `Maildir is a link, and links are not followed below ${home}`)
})

t.test('links in the part of a path that users cannot change are followed', async (t) => {
  const { root, home } = homes(t)
  symlinkSync(home, join(root, 'link'))
  const source = new MaildirSource(TIMEOUT, clocks)
  const path = join(root, 'link/Maildir')
  for (const fixed of [join(root, 'link').length, path.length]) {
    t.match(await source.read({ path, fixed }, measure), { usage: { bytes: 7 } })
  }
  symlinkSync(join(home, 'Maildir'), join(root, 'ann'))
  const ann = { path: join(root, 'ann'), fixed: join(root, 'ann').length }
  t.match(
    await source.read(ann, measure),
    { usage: { bytes: 7 } },
    'up to a mailbox that bears its name',
  )
})

t.test('an mbox is not looked at if it is a link or is reached by one', async (t) => {
  const root = t.testdir({ home: { mail: { ann: 'x'.repeat(7) } }, private: { ann: 'secret' } })
  const home = join(root, 'home')
  const read = mboxSource(() => 0)
  const at = async (path: string, fixed = home) =>
    read({ path, fixed: fixed.length }, { incoming: 0, limits: undefined, defaultLimits: {} })
  t.match(await at(join(home, 'mail/ann')), { usage: { bytes: 7 } })
  t.match(await at(join(home, 'mail/ann'), join(home, 'mail/ann')), { usage: { bytes: 7 } })
  symlinkSync(join(root, 'private/ann'), join(home, 'mail/eve'))
  symlinkSync(join(root, 'private'), join(home, 'other'))
  const link = { kind: 'trouble', reason: 'is a link, which is not followed' }
  t.same(await at(join(home, 'mail/eve')), link)
  t.same(await at(join(home, 'mail/eve'), join(home, 'mail/eve')), link, 'in a spool for all')
  t.match(await at(join(home, 'other/ann')), { kind: 'trouble', reason: /^other is a link/ })
  t.match(await at(join(home, 'mail')), { kind: 'trouble', reason: 'is not a file' })
  t.match(await at(join(home, 'mail/zoe')), { kind: 'no-mailbox' })
  t.match(await at(join(home, 'none/zoe')), { kind: 'no-mailbox' })
})

t.test('a directory that becomes a link before it is read is not read', async (t) => {
  const { root, maildir, mailbox } = homes(t)
  const tools = {
    now: Date.now,
    checkTime() {},
    withPermit<Value>(work: () => Promise<Value>) {
      renameSync(join(maildir, 'cur'), join(maildir, 'moved'))
      symlinkSync(join(root, 'private'), join(maildir, 'cur'))
      return work()
    },
  }
  const sum = await withMailbox(mailbox, (directory) =>
    sumDirectory(directory, 'cur', undefined, tools),
  )
  t.match(sum, { bytes: 0, messages: 0 })
})

t.test('a mailbox that becomes a link while it is counted is counted as before', async (t) => {
  const { root, home, maildir, mailbox } = homes(t)
  const tools = { now: Date.now, checkTime() {}, withPermit: <V>(work: () => Promise<V>) => work() }
  const sum = await withMailbox(mailbox, (directory) => {
    renameSync(maildir, join(home, 'moved'))
    symlinkSync(join(root, 'other'), maildir)
    return sumDirectory(directory, 'cur', undefined, tools)
  })
  t.match(sum, { bytes: 7, messages: 1 })
})

/** A program that exchanges a directory and a link as fast as it can, until it is killed. */
const EXCHANGER = `
  const { renameSync } = require('node:fs')
  const [place, real, link] = process.argv.slice(1)
  process.stdout.write('ready\\n')
  for (;;) {
    renameSync(place, real)
    renameSync(link, place)
    renameSync(place, link)
    renameSync(real, place)
  }
`

// promise: quotad-links
t.test('a directory that becomes a link and back leads no answer astray', async (t) => {
  for (const part of ['Maildir', 'Maildir/cur', 'Maildir/.Folder', 'Maildir/.Folder/cur']) {
    const { root, home, mailbox } = homes(t)
    mkdirSync(join(home, 'Maildir/.Folder/cur'), { recursive: true })
    writeFileSync(join(home, 'Maildir/.Folder/cur/b,S=11'), '')
    const place = join(home, part)
    const link = join(dirname(place), `link-${basename(place)}`)
    symlinkSync(join(root, part.endsWith('cur') ? 'private' : 'other'), link)
    const words = ['-e', EXCHANGER, place, `${place}.real`, link]
    const exchanger = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] })
    await outputOf(exchanger)
    const seen = new Set<number | undefined>()
    for (let i = 0; i < 300; i++) {
      const walker = new Walker(clocks)
      seen.add(
        await walker.count(mailbox).then(
          (found) => found?.bytes,
          () => undefined,
        ),
      )
    }
    exchanger.kill('SIGKILL')
    await once(exchanger, 'exit')
    const counted = [...seen].filter((bytes) => bytes !== undefined)
    t.ok(counted.length > 0, `${part}: ${[...seen]}`)
    t.ok(
      counted.every((bytes) => bytes < 1000),
      `${part}: ${[...seen]}`,
    )
  }
})

t.test('an error names the path as the administrator wrote it', async (t) => {
  const { mailbox, maildir } = homes(t)
  const fails = (code: string) => (path: string | Buffer) =>
    Promise.reject(Object.assign(new Error(`${code}: '${path}'`), { code }))
  await withMailbox(mailbox, async (directory) => {
    await t.rejects(directory.ask('cur', fails('EACCES')), {
      message: `EACCES: '${maildir}/cur'`,
    })
    t.equal(await directory.ask('cur', fails('ENOENT')), undefined)
  })
})
