import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { inOneLine } from '../../../src/base/check/check-line.ts'
import { checkDirectories } from '../../../src/scanner/readiness/check-directories.ts'
import { checkSettings } from '../../../src/scanner/readiness/check-settings.ts'
import { complaints, isOfTests } from '../../check-lines.ts'
import { lacks } from '../../needs.mjs'
import { openDirectory } from '../../programs/host/reachable.ts'
import { host, self, stranger } from './host.ts'

/** The room on the disk is that of the machine that runs the tests. */
const besidesRoom = (checkLines: ReturnType<typeof checkDirectories>) =>
  complaints(checkLines.filter((checkLine) => !isOfTests(checkLine)))

t.test('a private directory with the group of the scanner has no findings', async (t) => {
  const spool = join(t.testdir({ spool: {} }), 'spool')
  chmodSync(spool, 0o3730)
  const checkLines = checkDirectories(host({ SPOOLDIR: spool, TMPDIR: spool }))
  t.same(besidesRoom(checkLines), [])
  t.match(checkLines.at(-1)?.value, 'mode 03730')
  t.match(checkLines[0], { level: 'ok', value: `${spool}, written by ${self.name}` })
  t.ok(
    checkLines.some(({ value }) => /\d+ MiB/.test(value)),
    'the room is reported',
  )
})

t.test('a directory in which others may replace a message is an error', async (t) => {
  const spool = join(t.testdir({ spool: {} }), 'spool')
  for (const mode of [0o2730, 0o2770, 0o2702]) {
    chmodSync(spool, mode)
    const found = checkDirectories(host({ SPOOLDIR: spool })).filter(
      ({ level }) => level === 'error',
    )
    t.match(found, [{ what: 'SPOOLDIR', value: /sticky/, remedy: `chmod +t ${spool}` }])
  }
})

t.test(
  'a directory that is open to all, or that does not pass its group on, is a warning',
  async (t) => {
    const spool = join(t.testdir({ spool: {} }), 'spool')
    chmodSync(spool, 0o755)
    const checkLines = checkDirectories(host({ SPOOLDIR: spool }))
    t.match(
      checkLines.filter(({ level }) => level === 'warning'),
      [
        { what: 'SPOOLDIR', value: /mode 0755: open to all/, remedy: `chmod o-rwx ${spool}` },
        { what: 'SPOOLDIR', value: /group of the process/, remedy: /g\+s/ },
      ],
    )
  },
)

t.test('the remedy for a directory that is open to all keeps its sticky bit', async (t) => {
  const spool = join(t.testdir({ spool: {} }), 'spool')
  chmodSync(spool, 0o3777)
  const checkLines = checkDirectories(host({ SPOOLDIR: spool }))
  const { remedy } = checkLines.find(({ value }) => value.includes('open to all'))!
  execFileSync('sh', ['-c', remedy!])
  t.equal(statSync(spool).mode & 0o7777, 0o3770)
})

t.test(
  'a directory that is missing, is a file, or is closed to the slot is an error',
  async (t) => {
    const directory = t.testdir({ file: '', spool: {} })
    const spool = (name: string) => ({ QHPSI: 'x %s', SPOOLDIR: join(directory, name) })
    t.same(besidesRoom(checkDirectories(host(spool('missing')))), ['error SPOOLDIR'])
    t.same(besidesRoom(checkDirectories(host(spool('file')))), ['error SPOOLDIR'])
    t.same(besidesRoom(checkDirectories(host({ TMPDIR: join(directory, 'missing') }))), [
      'error spool (TMPDIR)',
    ])
    const SPOOLDIR = openDirectory(t)
    for (const mode of [0o3730, 0o3731, 0o3732]) {
      chmodSync(SPOOLDIR, mode)
      const closed = checkDirectories(host({ SPOOLDIR }, { account: stranger }))
      t.match(
        closed.find(({ level }) => level === 'error'),
        { what: 'SPOOLDIR', value: /not writable by stranger/ },
      )
    }
  },
)

t.test('a QUARANTINE that keeps nothing is reported, with the command that makes it', async (t) => {
  const directory = openDirectory(t)
  const of = async (QUARANTINE: string) => {
    const asked = host({ QHPSI: 'plugin: eicar', REJECTVIRUS: '0', QUARANTINE })
    const all = [...(await checkSettings(asked)), ...checkDirectories(asked)]
    return all.filter(({ what }) => what === 'QUARANTINE')
  }
  for (const [name, mode] of [
    ['private', 0o700],
    ['open', 0o750],
  ] as const) {
    mkdirSync(join(directory, name))
    chmodSync(join(directory, name), mode)
  }
  t.same(besidesRoom(await of(join(directory, 'private'))), [])
  mkdirSync(join(directory, 'closed/virus/new'), { recursive: true })
  chmodSync(join(directory, 'closed'), 0o700)
  chmodSync(join(directory, 'closed/virus/new'), 0)
  writeFileSync(join(directory, 'file'), '')
  symlinkSync('private', join(directory, 'link'))
  for (const [name, value] of Object.entries({
    none: /none does not exist: infected mail is deferred$/,
    open: /has mode 0750/,
    closed:
      /closed has \S+\/closed\/virus\/new, which is closed to \S+: infected mail is deferred$/,
  })) {
    const path = join(directory, name)
    const [found, ...more] = await of(path)
    t.match(found, { level: 'error', value })
    t.same(more, [])
    execFileSync('/bin/sh', ['-ec', found!.remedy!])
    t.same(besidesRoom(await of(path)), [], `after ${found!.remedy}`)
  }
  for (const name of ['file', 'link']) {
    t.match(await of(join(directory, name)), [
      { level: 'error', value: /is not a directory/, remedy: /^set QUARANTINE to a directory / },
    ])
  }
  t.same(await of('hold'), [])
})

t.test('a LOGFILE that the slot cannot write is reported', async (t) => {
  const directory = openDirectory(t)
  mkdirSync(join(directory, 'closed'), { mode: 0o755 })
  writeFileSync(join(directory, 'file'), '', { mode: 0o644 })
  mkdirSync(join(directory, 'open'))
  chmodSync(join(directory, 'open'), 0o1777)
  const of = (LOGFILE: string) =>
    checkDirectories(host({ LOGFILE }, { account: stranger })).filter(
      ({ what }) => what === 'LOGFILE',
    )
  const wrong: Readonly<Record<string, RegExp>> = {
    [join(directory, 'file')]: /cannot be written by stranger/,
    [join(directory, 'closed/new')]: /cannot be written by stranger/,
    [join(directory, 'missing/new')]: /no such file or directory.*lines are lost; install -d -o /,
    [join(directory, 'open')]: /is a directory: .*; set LOGFILE to a file /,
    log: /is relative/,
  }
  for (const [path, line] of Object.entries(wrong)) {
    const found = of(path)
    t.match(found, [{ level: 'warning' }], path)
    t.match(inOneLine(found[0]!), line)
  }
  t.match(of(join(directory, 'open/new')), [{ level: 'ok', what: 'LOGFILE' }])
  t.match(of('/dev/null'), [
    { level: 'warning', value: '/dev/null is a device: log lines are lost' },
  ])
})

t.test(
  'each directory that is written for mail is reported when it is full',
  { skip: lacks('mounts') },
  async (t) => {
    const small = openDirectory(t)
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k,mode=700', 'onescan-test', small])
    t.teardown(() => execFileSync('umount', [small]))
    const linesAbout = (name: string, path = small) =>
      checkDirectories(host({ [name]: path })).filter(({ what }) => what.includes(name))
    const room = 'free space there, or use a larger file system'
    t.match(
      linesAbout('QUARANTINE').find(({ level }) => level === 'warning'),
      { value: /is in memory/, remedy: /^set QUARANTINE to a directory on a disk / },
    )
    writeFileSync(join(small, 'mail'), Buffer.alloc(61440))
    const withoutRoom = (name: string, path?: string) =>
      t.match(
        linesAbout(name, path).filter(({ level }) => level !== 'ok'),
        [{ value: /full|no room/, remedy: room }],
        name,
      )
    for (const name of ['QUARANTINE', 'TMPDIR']) withoutRoom(name)
    withoutRoom('LOGFILE', join(small, 'log'))
    execFileSync('mount', ['-o', 'remount,size=2g,nr_inodes=5', small])
    for (const name of ['QUARANTINE', 'TMPDIR', 'SPOOLDIR'])
      t.match(
        linesAbout(name).find(({ level }) => level === 'error'),
        { value: /has room for only \d more files$/, remedy: room },
        name,
      )
  },
)

t.test('a missing SPOOLDIR is reported by what it means for the scanners', async (t) => {
  const of = (QHPSI: string) =>
    checkDirectories(host({ QHPSI, SPOOLDIR: '/nonexistent/spool' })).find(
      ({ what }) => what === 'SPOOLDIR',
    )
  for (const names of ['clamd', 'eicar attachments']) {
    t.match(of(`plugin: ${names}`), { level: 'warning', value: /no scanner .* uses it/ })
  }
  t.match(of('plugin: clamd own.so'), { level: 'error', value: /own\.so receives no file/ })
  t.match(of('plugin: clamscan'), { level: 'error', value: /clamscan receives no file/ })
  t.match(of('/usr/bin/clamdscan %s'), { level: 'error', value: /the command of QHPSI/ })
})
