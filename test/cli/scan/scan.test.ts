import { execFileSync, spawnSync } from 'node:child_process'
import { chownSync, readdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { EICAR } from '../../../src/scan/shared/eicar-file.ts'
import { clamdMissing, EICAR_NAME, startClamd } from '../../programs/clamd.ts'
import { socketDirectory } from '../../programs/socket-directory.ts'
import { jsonIn, launcher, oldestNode, onescan, searchPath } from '../onescan.ts'

const clean = 'Subject: clean\n\nNothing.\n'
const sick = `Subject: sick\n\n${EICAR}\n`
const FROM = 'From a@example.org Thu Jan  1 00:00:00 2026\n'
const eicar = ['--env', 'QHPSI=plugin: eicar']

t.test(
  'scan ends with 0 if all is clean, and with 1 if not, and names the infected message',
  async (t) => {
    const directory = t.testdir({ clean, sick })
    const [cleanFile, infectedFile] = [join(directory, 'clean'), join(directory, 'sick')]
    t.match(await onescan(['scan', ...eicar, cleanFile]), {
      code: 0,
      out: '1 message: 1 clean, 0 infected, 0 could not tell\n',
      err: '',
    })
    t.match(await onescan(['scan', ...eicar, cleanFile, infectedFile]), {
      code: 1,
      out: `${infectedFile}: infected: EICAR-Test (eicar)\n2 messages: 1 clean, 1 infected, 0 could not tell\n`,
    })
    t.match(await onescan(['scan', ...eicar, '--all', cleanFile]), { out: `${cleanFile}: clean\n` })
  },
)

t.test('new and cur of a Maildir and of its folders are scanned, but not tmp', async (t) => {
  const maildir = t.testdir({
    new: { a: clean },
    cur: { 'b:2,S': sick, c: `From the top of a message in a Maildir\n\n${FROM}\n` },
    tmp: { d: sick },
    '.Trash': { new: {}, cur: { e: sick }, tmp: {} },
    '.cache': { f: sick },
  })
  const { code, out } = await onescan(['scan', ...eicar, '--json', maildir])
  t.equal(code, 1)
  const { results, sum } = jsonIn(out)
  t.same(
    results.map(({ file, answer }) => [file?.slice(maildir.length), answer]),
    [
      ['/new/a', 'clean'],
      ['/cur/b:2,S', 'infected'],
      ['/cur/c', 'clean'],
      ['/.Trash/cur/e', 'infected'],
    ],
  )
  t.same(sum, { clean: 2, infected: 2, unknown: 0 })
})

t.test('an mbox is scanned message by message', async (t) => {
  const large = `Subject: large\n\n${'text\n'.repeat(200_000)}`
  const mbox = join(
    t.testdir({ box: [clean, sick, large, sick].map((m) => `${FROM}${m}\n`).join('') }),
    'box',
  )
  for (const runtime of [process.execPath, oldestNode]) {
    const { code, out } = await onescan(['scan', ...eicar, mbox], { runtime })
    t.equal(code, 1)
    t.match(out, `${mbox} message 2: infected: EICAR-Test (eicar)\n${mbox} message 4: infected`)
    t.match(out, '4 messages: 2 clean, 2 infected')
  }
})

t.test('a message may come from a pipe', async (t) => {
  const directory = t.testdir({ clean, sick })
  const pipe = (name: string) =>
    spawnSync('/bin/sh', ['-c', `cat ${directory}/${name} | "${launcher}" scan /dev/stdin`], {
      env: { PATH: searchPath, QHPSI: 'plugin: eicar' },
    }).status
  t.equal(pipe('sick'), 1)
  t.equal(pipe('clean'), 0)
  const both = ['scan', ...eicar, join(directory, 'clean'), '-']
  t.match(await onescan(both, { input: Buffer.from(sick) }), {
    code: 1,
    out: /\/dev\/stdin: infected.*\n2 messages/,
  })
  const mbox = Buffer.from(`${FROM}${clean}\n${FROM}${sick}\n`)
  t.match(await onescan(['scan', ...eicar, '-'], { input: mbox }), {
    code: 1,
    out: /\/dev\/stdin message 2: infected.*\n2 messages: 1 clean, 1 infected/,
  })
})

t.test('a message that could not be scanned never counts as clean', async (t) => {
  const directory = t.testdir({ clean, empty: {}, big: `Subject: a\n\n${'text\n'.repeat(1000)}` })
  const file = join(directory, 'clean')
  const missing = await onescan(['scan', ...eicar, file, join(directory, 'missing')])
  t.match(missing, {
    code: 2,
    err: /ENOENT/,
    out: /^1 message: 1 clean, 0 infected, 0 could not tell/,
  })
  const noMaildir = await onescan(['scan', ...eicar, join(directory, 'empty')])
  t.match(noMaildir, { code: 2, err: /is not a Maildir/ })
  const broken = await onescan(['scan', '--env', 'QHPSI=plugin: nosuch', file])
  t.match(broken, { code: 2, out: /clean: could not tell: plugin nosuch: no such plugin/ })
  const down = ['--env', 'QHPSI=plugin: clamd', '--env', `CLAMD=${socketDirectory(t)}/none`]
  t.match(await onescan(['scan', ...down, file]), { code: 2, out: /could not tell: .*ENOENT/ })
  const small = [...down, '--env', 'CLAMDMAXSIZE=1K', join(directory, 'big')]
  t.match(await onescan(['scan', ...small]), { code: 2, out: /CLAMDMAXSIZE/ })
})

t.test('without QHPSI scan ends with exit code 2', async (t) => {
  t.match(await onescan(['scan', 'mail']), { code: 2, err: /QHPSI is not set; try --env/ })
})

t.test('--envdir sets the scanner as the service does', async (t) => {
  const directory = t.testdir({ env: { QHPSI: 'plugin: eicar\n' }, sick })
  const words = ['--envdir', join(directory, 'env'), join(directory, 'sick')]
  t.equal((await onescan(['scan', ...words])).code, 1)
})

t.test('an external command gets a path, and leaves no file of ours behind', async (t) => {
  const directory = t.testdir({ sick, clean, tmp: {} })
  const command = `/bin/sh -c 'grep -q Subject: "$0" || exit 9; ! grep -q EICAR "$0"' %s`
  const words = [join(directory, 'sick'), join(directory, 'clean')]
  const tmp = join(directory, 'tmp')
  const { code, out } = await onescan(['scan', '--env', `QHPSI=${command}`, ...words], {
    env: { TMPDIR: tmp },
  })
  t.equal(code, 1)
  t.match(out, '1 clean, 1 infected')
  t.same(readdirSync(tmp), [])
})

t.test('a real clamd finds the test virus', { skip: clamdMissing }, async (t) => {
  const clamd = await startClamd()
  t.teardown(clamd.stop)
  const directory = t.testdir({ clean, sick })
  const files = [join(directory, 'clean'), join(directory, 'sick')]
  const env = { QHPSI: 'plugin: clamd', CLAMD: clamd.socket }
  const { code, out } = await onescan(['scan', '--json', ...files], { env })
  t.equal(code, 1)
  t.match(jsonIn(out).results[1], {
    answer: 'infected',
    name: EICAR_NAME,
    scanner: 'clamd',
  })
})

const script = '/usr/bin/script'
const noTerminal =
  spawnSync(script, ['--version']).error !== undefined && 'install Debian package bsdutils'

t.test('a terminal gets a progress bar, a file gets none', { skip: noTerminal }, async (t) => {
  const directory = t.testdir({
    big: `Subject: a\n\n${'text\n'.repeat(400_000)}`,
    small: `Subject: a\n\n${'x'.repeat(11_500)}\n`,
  })
  const file = join(directory, 'big')
  const shell = `"${launcher}" scan --env "QHPSI=plugin: eicar" "${file}"`
  const env = { PATH: searchPath, TERM: 'xterm' }
  const shown = execFileSync(script, ['-qec', shell, '/dev/null'], { env, encoding: 'latin1' })
  t.match(shown, /\d+ % of 2\.0 MB/)
  t.match(shown, '1 message: 1 clean')
  const small = join(directory, 'small')
  const less = execFileSync(script, ['-qec', shell.replace(file, small), '/dev/null'], {
    env,
    encoding: 'latin1',
  })
  t.match(less, /\d+ % of 12 KB/)
  const { err } = await onescan(['scan', ...eicar, file])
  t.equal(err, '')
})

t.test('control characters in a name or a verdict are shown, and not obeyed', async (t) => {
  const directory = t.testdir()
  const name = 'a\x1b]0;owned\x07\u202egnp.exe\x9b31m'
  writeFileSync(join(directory, name), sick)
  const { out } = await onescan(['scan', ...eicar, join(directory, name)])
  t.match(out, 'a\\u001b]0;owned\\u0007\\u202egnp.exe')
  t.notMatch(out, /[\0-\x09\x0b-\x1f\x7f-\x9f\u202e]/)
  const json = await onescan(['scan', ...eicar, '--json', join(directory, name)])
  t.equal(jsonIn(json.out).results[0].file, join(directory, name))
  t.notMatch(json.out, /[\0-\x09\x0b-\x1f\x7f-\x9f\u202e]/)
  const { err } = await onescan(['verify', '--keyring', 'missing\x1b[2J', '-'])
  t.match(err, 'missing\\u001b[2J')
})

t.test('in a Maildir no link is followed, wherever it leads', async (t) => {
  const directory = t.testdir({
    private: { secret: sick },
    Maildir: { new: { a: clean }, cur: {}, '.Links': {} },
  })
  const maildir = join(directory, 'Maildir')
  symlinkSync(join(directory, 'private/secret'), join(maildir, 'cur/b'))
  symlinkSync(join(directory, 'private'), join(maildir, '.Links/cur'))
  symlinkSync(join(directory, 'private'), join(maildir, '.Links/new'))
  execFileSync('mkfifo', [join(maildir, 'cur/c')])
  t.match(await onescan(['scan', ...eicar, '--all', maildir]), {
    code: 0,
    out: `${maildir}/new/a: clean\n1 message: 1 clean, 0 infected, 0 could not tell\n`,
  })
})

t.test(
  "root scans only files that belong to the Maildir's owner",
  { skip: process.getuid?.() !== 0 && 'not root' },
  async (t) => {
    const maildir = t.testdir({ new: { own: clean, other: clean }, cur: {} })
    chownSync(maildir, 12345, 12345)
    chownSync(join(maildir, 'new/own'), 12345, 12345)
    const { code, out } = await onescan(['scan', ...eicar, maildir])
    t.equal(code, 2)
    t.match(out, /new\/other: could not tell: .*belongs to user 0, and user 12345 may write to /)
    t.match(out, '2 messages: 1 clean, 0 infected, 1 could not tell')
  },
)

t.test('a sparse file is recognised by its size, and not read', async (t) => {
  const directory = t.testdir({ holes: '', grows: clean })
  truncateSync(join(directory, 'holes'), 1024 ** 4)
  const { code, out } = await onescan(['scan', ...eicar, join(directory, 'holes')])
  t.equal(code, 2)
  t.match(out, /holes: could not tell: .*larger than 104857600 bytes \(--max-size\)/)
  const small = await onescan(['scan', ...eicar, '--max-size', '10', join(directory, 'grows')])
  t.match(small.out, /larger than 10 bytes/)
})
