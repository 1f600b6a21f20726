import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { PathHandle } from '../../../src/base/path/path-handle.ts'
import { moveToQuarantine } from '../../../src/scanner/cli/scan/move-to-quarantine.ts'
import { EICAR } from '../../../src/scanner/scan/scanners/eicar/eicar.ts'
import { becomePlain } from '../../programs/host/plain-account.ts'
import { startNext } from '../doors/smtp/next-server.ts'
import { keepOne, makeQuarantine } from '../scan/quarantine/quarantined.ts'
import { jsonIn, onescan } from './onescan.ts'

/** `onescan scan --again`: delivered mail is scanned once more when signatures come. */

becomePlain()

const DAY = 86_400_000
const eicar = ['--env', 'QHPSI=plugin: eicar']
const refusing = [...eicar, '--env', 'REJECTVIRUS=1']
const infected = (n: number) =>
  `Return-Path: <a@example.net>\nDelivered-To: ann@example.org\nMessage-ID: <${n}@x>\nSubject: x\n\n${EICAR}\n`

interface FoundAgain {
  readonly file: string
  readonly answer: string
  readonly messageId?: string
  readonly mailbox?: string
  readonly kept?: string
  readonly stays?: string
}

/** A mail store with a message of each of these ages in days, all infected. */
function makeStore(t: Test, ages: readonly number[]) {
  const store = mkdtempSync(join(tmpdir(), 'onescan-store-'))
  t.teardown(() => rmSync(store, { recursive: true }))
  mkdirSync(join(store, 'signatures'))
  writeFileSync(join(store, 'signatures/local.ndb'), '')
  for (const folder of ['new', 'cur', 'tmp'])
    mkdirSync(join(store, 'ann/Maildir', folder), { recursive: true })
  const files = ages.map((age, n) => {
    const file = join(store, `ann/Maildir/cur/${n}:2,S`)
    writeFileSync(file, infected(n))
    utimesSync(file, new Date(), new Date(Date.now() - age * DAY))
    return file
  })
  const again = async (...words: string[]) => {
    const settings = [...refusing, '--env', `CLAMDBDIR=${join(store, 'signatures')}`]
    const { out, ...rest } = await onescan([
      'scan',
      '--again',
      ...settings,
      '--json',
      ...words,
      join(store, 'ann'),
    ])
    return { ...rest, ...jsonIn<FoundAgain>(out) }
  }
  return { store, files, again }
}

t.test(
  'mail is scanned that was delivered since the signatures before the present ones',
  async (t) => {
    const { store, files, again } = makeStore(t, [0, 1, 2])
    const { results, code, sum } = await again()
    t.equal(code, 1)
    t.same(sum, { clean: 0, infected: 2, unknown: 0 })
    t.same(results.map(({ file }) => file).sort(), files.slice(0, 2))
    t.match(
      results.find(({ file }) => file === files[0]),
      {
        messageId: '<0@x>',
        mailbox: join(store, 'ann/Maildir'),
      },
    )
    t.equal((await again('--since', '3d')).results.length, 3)
    const { err } = await onescan([
      'scan',
      '--again',
      ...eicar,
      '--env',
      'CLAMDBDIR=/nonexistent',
      store,
    ])
    t.match(err, '--again: /nonexistent has no signatures; specify --since TIME')
  },
)

t.test(
  'a scan that was interrupted goes on after the file that is named, even if that is gone',
  async (t) => {
    const { store, files, again } = makeStore(t, [0, 0, 0, 0])
    const scanned = async (after: string) =>
      (await again('--after', after)).results.map(({ file }) => files.indexOf(file))
    t.same(
      (await again()).results.map(({ file }) => files.indexOf(file)),
      [3, 2, 1, 0],
    )
    t.same(await scanned(files[2]!), [1, 0])
    t.same(await scanned(join(store, 'ann/Maildir/cur/2z')), [2, 1, 0], 'it was moved')
    t.match(
      (await again('--after', '/elsewhere')).err,
      /--after \/elsewhere: is in none of the paths/,
    )
    const jobs = await again('--jobs', '3')
    t.same(jobs.results.map(({ file }) => file).sort(), files)
    t.match((await again('--jobs', '0')).err, /--jobs 0/)
  },
)

t.test('what is found is moved to a quarantine, from which it can be released', async (t) => {
  const { files, again } = makeStore(t, [0])
  const directory = makeQuarantine(t)
  const { results } = await again('--quarantine', directory)
  const [{ kept = '' } = {}] = results
  t.match(kept, /^\d+\.[0-9a-f]{16}$/)
  t.notOk(existsSync(files[0]!))
  const { out } = await onescan(['quarantine', 'show', '--raw', kept, '--directory', directory])
  t.equal(out, infected(0))
  const record = jsonIn<object>(
    (await onescan(['quarantine', 'list', '--json', '--directory', directory])).out,
  )
  t.match(record.results, [
    {
      id: kept,
      interface: 'scan',
      sender: 'a@example.net',
      recipients: ['ann@example.org'],
      found: 'EICAR-Test',
    },
  ])
})

t.test('mail that cannot be kept stays', async (t) => {
  const { files, again } = makeStore(t, [0])
  const { err, results } = await again('--quarantine', '/nonexistent')
  t.match(err, /was not moved to the quarantine: QUARANTINE \/nonexistent/)
  t.match(results, [{ answer: 'infected' }])
  t.match(readFileSync(files[0]!, 'latin1'), EICAR)
})

t.test('a release puts a message back where it was, as it was', async (t) => {
  const { store, files, again } = makeStore(t, [1, 1])
  const [file = '', other = ''] = files
  // Its header names no recipient.
  const text = `Subject: x\n\n${EICAR}\n`
  writeFileSync(file, text)
  const time = new Date(Date.now() - DAY)
  utimesSync(file, time, time)
  const directory = makeQuarantine(t)
  const { results } = await again('--quarantine', directory)
  const keptOf = (path: string) => results.find((found) => found.file === path)?.kept ?? ''
  const release = (...words: readonly string[]) =>
    onescan(['quarantine', 'release', '--directory', directory, ...words])
  const kept = keptOf(file)
  t.match(
    (await release(kept, '--by', '127.0.0.1:9')).err,
    /names no recipient; specify one with --to/,
  )
  writeFileSync(file, 'another one')
  t.match((await release(kept)).err, /already exists; send it to an address instead/)
  t.equal(readFileSync(file, 'latin1'), 'another one')
  rmSync(file)
  const { code, out, err } = await release(kept)
  t.equal(code, 0, err)
  t.equal(out, `${kept}: put back as ${file}\n`)
  t.equal(readFileSync(file, 'latin1'), text)
  t.equal(Math.round(statSync(file).mtimeMs / 1000), Math.round(time.getTime() / 1000))
  t.same(readdirSync(join(store, 'ann/Maildir/tmp')), [])
  t.match((await release(kept)).err, /has been released/)
  rmSync(join(store, 'ann'), { recursive: true })
  t.match((await release(keptOf(other))).err, /no such file or directory; send it/)
  const next = await startNext(t)
  const sent = await release('--no-stamp', '--by', `127.0.0.1:${next.port}`, keptOf(other))
  t.equal(sent.code, 0, sent.err)
  t.same(next.got[0]?.recipients, ['ann@example.org'])
})

t.test(
  'only the very file that was scanned is moved, and it is in one place afterwards',
  async (t) => {
    const after = async (change: (file: string) => void) => {
      const { files, store } = makeStore(t, [0])
      const file = files[0]!
      const stats = statSync(file)
      const place = PathHandle.find(dirname(file))
      t.teardown(() => place.close())
      change(file)
      const directory = makeQuarantine(t)
      const rules = {
        messageOptions: {},
        fateOf: async () => ({ is: 'kept out', grounds: 'virus', found: undefined }) as const,
      }
      const found = { file, stats, entry: { directory: place, name: basename(file) } }
      const moved = await moveToQuarantine(found, 'EICAR-Test', { directory, rules })
      const list = await onescan(['quarantine', 'list', '--json', '--directory', directory])
      chmodSync(join(store, 'ann/Maildir/cur'), 0o700)
      return { moved, kept: jsonIn(list.out).results.length, file }
    }
    const unmoved = (failed: RegExp) => ({ moved: { failed }, kept: 0 })
    const changed = await after((file) =>
      writeFileSync(file, infected(0).replace(EICAR, 'harmless')),
    )
    t.match(changed, unmoved(/has changed since it was scanned; scan it again/))
    t.match(readFileSync(changed.file, 'latin1'), 'harmless')
    const away = await after((file) => renameSync(file, `${file}R`))
    t.match(away, { moved: 'gone', kept: 0 })
    t.match(readFileSync(`${away.file}R`, 'latin1'), EICAR)
    const link = await after((file) => {
      renameSync(file, `${file}R`)
      symlinkSync(`${file}R`, file)
    })
    t.match(link, unmoved(/was replaced by another file or a link/))
    const fifo = await after((file) => {
      rmSync(file)
      execFileSync('mkfifo', [file])
    })
    t.match(fifo, unmoved(/was replaced by another file or a link/))
    const held = await after((file) => chmodSync(join(file, '..'), 0o500))
    t.match(held, unmoved(/EACCES|permission denied/i))
    t.ok(existsSync(held.file))
    const other = await after((file) => {
      const place = dirname(file)
      renameSync(place, `${place}R`)
      mkdirSync(place)
      writeFileSync(file, infected(0))
    })
    t.match(other, { moved: { kept: /^\d/ }, kept: 1 }, 'the one in the directory that was read')
    t.ok(existsSync(other.file))
    t.match(await after(() => {}), { moved: { kept: /^\d/ }, kept: 1 })
  },
)

t.test('the same message in two mailboxes is moved twice, and put back in both', async (t) => {
  const { files, again } = makeStore(t, [0, 0])
  for (const file of files) writeFileSync(file, `Message-ID: <1@x>\n\n${EICAR}\n`)
  const directory = makeQuarantine(t)
  const { results } = await again('--quarantine', directory)
  const ids = results.map(({ kept = '' }) => kept)
  t.equal(new Set(ids).size, 2)
  for (const id of ids) await onescan(['quarantine', 'release', '--directory', directory, id])
  for (const file of files) t.match(readFileSync(file, 'latin1'), EICAR)
})

t.test('mail whose flags change, or that is read, while it is scanned is moved once', async (t) => {
  const { store, files } = makeStore(t, [0, 0, 0])
  const maildir = join(store, 'ann/Maildir')
  const [read = '', marked = ''] = files
  renameSync(read, join(maildir, 'new/0'))
  // A scanner during whose first run a person reads all mail.
  const scanner = join(store, 'scanner')
  writeFileSync(
    scanner,
    `#!/bin/sh
cd ${maildir} && if mv new/0 cur/0:2,RS 2>/dev/null; then mv cur/1:2,S cur/1:2,RS; mv cur/2:2,S cur/2:2,RS; fi
if grep -q EICAR "$1"; then exit 1; fi
`,
    { mode: 0o755 },
  )
  const directory = makeQuarantine(t)
  const settings = ['--env', `QHPSI=${scanner} %s`, '--env', 'REJECTVIRUS=1']
  const words = [...settings, '--since', '1d', '--quarantine', directory]
  const { out, err } = await onescan(['scan', '--again', '--json', ...words, maildir])
  const { results, sum } = jsonIn<FoundAgain>(out)
  t.equal(err, '')
  t.same(sum, { clean: 0, infected: 3, unknown: 0 })
  t.same(
    results.map(({ file, kept }) => [file.slice(maildir.length), kept !== undefined]),
    [0, 2, 1].map((n) => [`/cur/${n}:2,RS`, true]),
  )
  t.same(readdirSync(join(maildir, 'cur')), [])
  t.notOk(existsSync(marked))
})

t.test('a scan that was killed before it removed a message keeps it once', async (t) => {
  const { files, again } = makeStore(t, [0])
  const file = files[0]!
  const directory = makeQuarantine(t)
  const text = readFileSync(file)
  const ids: (string | undefined)[] = []
  for (const path of [file, `${file}R`, file.replace('/cur/0:2,S', '/new/0')]) {
    writeFileSync(path, text) // as a scan leaves it that has not removed it yet, and as a person reads it
    ids.push((await again('--quarantine', directory)).results[0]?.kept)
    t.notOk(existsSync(path))
  }
  t.same(ids, [ids[0], ids[0], ids[0]])
  const list = await onescan(['quarantine', 'list', '--json', '--directory', directory])
  t.equal(jsonIn(list.out).results.length, 1)
})

t.test(
  'a message that is put back has its mode, or stays if it cannot have its owner',
  async (t) => {
    const { files, again } = makeStore(t, [0, 0])
    const directory = makeQuarantine(t)
    chmodSync(files[0]!, 0o640)
    chmodSync(files[1]!, 0o664)
    const { results } = await again('--quarantine', directory)
    for (const { kept = '', file } of results) {
      await onescan(['quarantine', 'release', '--directory', directory, kept])
      t.equal(statSync(file).mode & 0o777, file === files[0] ? 0o640 : 0o664)
    }
    const place = join(files[0]!, '../x')
    const id = await keepOne(directory, Date.now(), { file: place, mode: '0600', owner: '1:1' })
    const { err, code } = await onescan(['quarantine', 'release', '--directory', directory, id])
    t.equal(code, 2)
    t.match(err, /x: the owner 1:1 cannot be restored: .*; send it to an address instead/)
    t.notOk(existsSync(place))
  },
)

t.test('a message that was released is left where it is', async (t) => {
  const { files, again } = makeStore(t, [0])
  const [file = ''] = files
  const directory = makeQuarantine(t)
  const [{ kept = '' } = {}] = (await again('--quarantine', directory)).results
  await onescan(['quarantine', 'release', '--directory', directory, kept])
  const released = { answer: 'infected', stays: 'released from quarantine' }
  t.match((await again('--quarantine', directory)).results, [released])
  const moved = file.replace('/cur/', '/.Invoices/cur/')
  mkdirSync(dirname(moved), { recursive: true })
  renameSync(file, moved)
  t.match((await again('--quarantine', directory)).results, [released], 'in another folder')
  t.ok(existsSync(moved))
  const delivered = `Received: by x\nX-Original-To: b@y\n${infected(0)}`
  writeFileSync(moved, delivered)
  t.match((await again('--quarantine', directory)).results, [released], 'delivered once more')
  writeFileSync(moved, infected(1))
  t.match((await again('--quarantine', directory)).results, [{ kept: /^\d/ }], 'another one')
})

t.test('a message with the stamp of a release is left where it is', async (t) => {
  const { store, files, again } = makeStore(t, [0])
  const [file = ''] = files
  const site = makeQuarantine(t)
  const keys = join(store, 'keys')
  const ring = `hmac-sha256:a:${'s'.repeat(43)}:release\n`
  writeFileSync(keys, ring, { mode: 0o600 })
  const id = await keepOne(site, Date.now(), { recipients: ['ann@example.org'], text: infected(0) })
  const next = await startNext(t)
  const env = ['--env', `CLUSTERKEYS=${keys}`]
  const by = ['--by', `127.0.0.1:${next.port}`]
  const sent = await onescan(['quarantine', 'release', '--directory', site, ...env, ...by, id])
  t.equal(sent.code, 0, sent.err)
  const stamped = String(next.got[0]?.content).replaceAll('\r\n', '\n')
  t.match(stamped, /^X-SHA256-Cluster-1: /m)
  writeFileSync(file, `Delivered-To: ann@example.org\nReceived: by x\n${stamped}`)
  const directory = makeQuarantine(t)
  const moves = (...words: readonly string[]) => again('--quarantine', directory, ...words)
  t.match((await moves(...env)).results, [{ stays: 'released from quarantine' }])
  chmodSync(keys, 0)
  t.match((await moves(...env)).results, [{ stays: /stamp of a release, and .*keys is not readable/ }]) // biome-ignore format: a line
  chmodSync(keys, 0o600)
  writeFileSync(keys, ring.replace('sss', 'ttt'))
  t.match((await moves(...env)).results, [{ kept: /^\d/ }], 'a forged one')
})

t.test('a message is not put back through a link that was made since', async (t) => {
  const { store, files, again } = makeStore(t, [0])
  const directory = makeQuarantine(t)
  const [{ kept = '' } = {}] = (await again('--quarantine', directory)).results
  const cur = dirname(files[0]!)
  renameSync(cur, join(store, 'elsewhere'))
  symlinkSync(join(store, 'elsewhere'), cur)
  const { code, err } = await onescan(['quarantine', 'release', '--directory', directory, kept])
  t.equal(code, 2)
  t.match(err, /cur: is a link, and links are not followed there; send it/)
  t.same(readdirSync(join(store, 'elsewhere')), [])
})

t.test('what onescan allow accepts is left where it is, whichever client sent it', async (t) => {
  const { store, again } = makeStore(t, [0])
  const directory = makeQuarantine(t)
  const policy = join(store, 'onescan.policy')
  const move = (...words: readonly string[]) =>
    again('--quarantine', directory, '--env', `CONTROLDIR=${store}`, ...words)
  for (const line of [
    'from=a@example.net allow',
    'signature=EICAR* allow',
    'to=ann@example.org,client=192.0.2.0/24 allow',
  ]) {
    writeFileSync(policy, `to=ben@example.org allow\n${line}\n`)
    t.match((await move()).results, [{ stays: `allowed by ${policy} line 2` }], line)
  }
  for (const [line, stays] of [
    ['to=ann@example.org REJECTVIRUS=0', `${policy} line 1 tag and deliver it`],
    ['to=ann@example.org scan off', `${policy} line 1 accept it`],
    ['to=ann@example.org FINDINGS=EICAR*=accept', `${policy} line 1 accept it`],
  ] as const) {
    writeFileSync(policy, `${line}\n`)
    t.match((await move()).results, [{ stays }], line)
  }
  writeFileSync(policy, 'client=192.0.2.0/24 scan off\nto=ben@example.org allow\n')
  t.match((await move()).results, [{ kept: /^\d/ }], 'of another client, as far as is known')
})

t.test('what the settings tag and deliver is left where it is', async (t) => {
  const { files, again } = makeStore(t, [0])
  const directory = makeQuarantine(t)
  const settings = ['--env', 'REJECTVIRUS=0', '--quarantine', directory]
  t.match((await again(...settings)).results, [{ stays: 'the settings tag and deliver it' }])
  t.ok(existsSync(files[0]!))
  const findings = ['--env', 'FINDINGS=EICAR*=quarantine', '--env', `QUARANTINE=${directory}`]
  t.match((await again(...settings, ...findings)).results, [{ kept: /^\d/ }])
})

t.test('the owner of moved mail is known without a field of its delivery', async (t) => {
  for (const [place, recipient] of [
    ['vmail/example.org/ann/Maildir/cur', 'ann@example.org'],
    ['domains/example.org/7/bob/Maildir/.Work/cur', 'bob@example.org'],
    ['mail/cy@example.org/new', 'cy@example.org'],
    ['home/dan/Maildir/cur', undefined],
  ] as const) {
    const { store, again } = makeStore(t, [])
    const directory = makeQuarantine(t)
    const file = join(store, 'ann', place, '1')
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, `From: Mallory <mal@example.net>\nSubject: x\n\n${EICAR}\n`)
    const [{ kept = '' } = {}] = (await again('--quarantine', directory)).results
    const list = await onescan(['quarantine', 'list', '--json', '--directory', directory])
    const recipients = recipient === undefined ? [] : [recipient]
    t.match(jsonIn(list.out).results, [{ id: kept, sender: 'mal@example.net', recipients }], place)
    t.equal(jsonIn(list.out).results[0].recipients.length, recipients.length)
  }
})

/** A scanner that cannot scan while a file is there. */
function makeFailing(store: string) {
  const [scanner, failing] = [join(store, 'scanner'), join(store, 'failing')]
  const script = `#!/bin/sh\ntest ! -e ${failing} || exit 9\nif grep -q EICAR "$1"; then exit 1; fi\n`
  writeFileSync(scanner, script, { mode: 0o755 })
  return { failing, settings: ['--env', `QHPSI=${scanner} %s`, '--since', '1d'] }
}

t.test('a scan whose scanners scan nothing ends, and its place is before that', async (t) => {
  const { store, files, again } = makeStore(t, [0, 0, 0, 0])
  const { failing, settings } = makeFailing(store)
  writeFileSync(failing, '')
  const ended = await again(...settings, '--env', 'SCANTIMEOUT=1')
  t.equal(ended.code, 2)
  t.same(ended.sum, { clean: 0, infected: 0, unknown: 1 })
  t.match(ended.errors, [/^the scanners scan nothing: /, 'not all was scanned; repeat the scan'])
  t.match(ended.err, /; waits 1 s for the scanners/)
  const begun = again(...settings, '--env', 'SCANTIMEOUT=30')
  setTimeout(() => rmSync(failing), 1000)
  const waited = await begun
  t.equal(waited.code, 1, 'it waits')
  t.same(waited.sum, { clean: 0, infected: 4, unknown: 0 })
  t.same(waited.errors, [])
  // The scanner fails for one message alone.
  const [, , , last = ''] = files
  const odd = join(store, 'odd')
  writeFileSync(odd, `#!/bin/sh\ngrep -q '<1@x>' "$1" && exit 9\nexit 0\n`, { mode: 0o755 })
  const other = await again('--env', `QHPSI=${odd} %s`, '--since', '1d')
  t.same(other.sum, { clean: 3, infected: 0, unknown: 1 })
  t.equal(other.code, 2)
  t.match(other.errors, [`not all was scanned; repeat the scan with --after ${files[2]}`])
  t.ok(last)
})

t.test('what is infected and what was not scanned are two things in the exit code', async (t) => {
  const { store, files, again } = makeStore(t, [0, 0])
  symlinkSync('/nowhere', join(store, 'ann/Maildir/cur/link'))
  const { code, errors, sum } = await again()
  t.equal(code, 3)
  t.same(sum, { clean: 0, infected: 2, unknown: 1 })
  t.same(errors, [], 'a link is never a message')
  rmSync(join(store, 'ann/Maildir/cur/link'))
  const full = await again('--quarantine', '/nonexistent')
  t.equal(full.code, 3)
  t.match(full.errors.at(-1), 'not all was scanned; repeat the scan')
  t.ok(existsSync(files[0]!))
})

t.test('a directory that cannot be read is an error, and no message', async (t) => {
  const { store, again } = makeStore(t, [0])
  chmodSync(join(store, 'ann/Maildir/cur'), 0o300)
  const { code, sum, errors } = await again()
  chmodSync(join(store, 'ann/Maildir/cur'), 0o700)
  t.equal(code, 2)
  t.same(sum, { clean: 0, infected: 0, unknown: 0 })
  t.match(errors, [/cur: .*permission denied/, /^not all was scanned/])
})

t.test('of a scan that is killed, what was printed stands', async (t) => {
  const { store } = makeStore(t, [0, 0, 0])
  const scanner = join(store, 'slow')
  writeFileSync(scanner, `#!/bin/sh\ngrep -q '<0@x>' "$1" && kill -9 $PPID\nexit 1\n`, { mode: 0o755 }) // biome-ignore format: a line
  const words = ['--env', `QHPSI=${scanner} %s`, '--since', '1d', '--json', join(store, 'ann')]
  const { out } = await onescan(['scan', '--again', ...words])
  const lines = out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
  t.match(lines, [{ answer: 'infected' }, { answer: 'infected' }])
})
