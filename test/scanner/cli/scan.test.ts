import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { EICAR } from '../../../src/scanner/scan/scanners/eicar/eicar.ts'
import { lacks } from '../../needs.mjs'
import { openDirectory, reachable, reachablePath } from '../../programs/host/reachable.ts'
import { atTerminal, quoted } from '../../programs/host/terminal.ts'
import { clamdMissing, EICAR_NAME, startClamd } from '../../programs/servers/clamd.ts'
import { asPlain, bundle, jsonIn, launcher, ofPlain, onescan } from './onescan.ts'

const clean = 'Subject: clean\n\nNothing.\n'
const sick = `Subject: sick\n\n${EICAR}\n`
const eicar = ['--env', 'QHPSI=plugin: eicar']

t.test('scan ends with 0 if all is clean, else with 1, and names the infected', async (t) => {
  const directory = t.testdir({ clean, sick })
  const [cleanFile, infectedFile] = [join(directory, 'clean'), join(directory, 'sick')]
  t.match(await onescan(['scan', ...eicar, cleanFile]), {
    code: 0,
    out: '1 message: 1 clean, 0 infected, 0 unknown\n',
    err: '',
  })
  t.match(await onescan(['scan', ...eicar, cleanFile, infectedFile]), {
    code: 1,
    out: `${infectedFile}: infected: EICAR-Test (eicar)\n2 messages: 1 clean, 1 infected, 0 unknown\n`,
  })
  t.match(await onescan(['scan', ...eicar, '--all', cleanFile]), { out: `${cleanFile}: clean\n` })
})

t.test('a terminal sees how far a long scan has come', { skip: lacks('script') }, async (t) => {
  const maildir = openDirectory(t)
  for (const name of ['a', 'b', 'c', 'd']) writeFileSync(join(maildir, name), clean)
  const slow = join(openDirectory(t), 'slow')
  writeFileSync(slow, '#!/bin/sh\nsleep 3\n', { mode: 0o755 })
  const program = [...asPlain(), ...[process.execPath, bundle].map(reachable)]
  const { code, output } = atTerminal(quoted([...program, 'scan', '--env', `QHPSI=${slow} %s`, maildir])) // biome-ignore format: a line
  t.equal(code, 0, output)
  t.match(
    output,
    /^onescan scan: [23] of 4 messages, 0\.\d a second, about [\d.]+ (?:m?s|seconds?|min\w*) left; to resume from here: --after \/\S+\/[a-d]\r$/m,
  )
  const unseen = await onescan(['scan', '--env', `QHPSI=${slow} %s`, maildir])
  t.match(unseen, { code: 0, err: '' }, 'a script does not')
})

t.test('each file in a directory and below it is scanned', async (t) => {
  const maildir = t.testdir({
    new: { a: clean },
    cur: { 'b:2,S': sick },
    tmp: { d: sick },
    '.Trash': { cur: { e: sick } },
    '..x': { f: clean },
  })
  const { code, out } = await onescan(['scan', ...eicar, '--json', maildir])
  t.equal(code, 1)
  const { results, sum } = jsonIn(out)
  t.same(
    results.map(({ file, answer }) => `${file?.slice(maildir.length)} ${answer}`),
    [
      '/tmp/d infected',
      '/new/a clean',
      '/cur/b:2,S infected',
      '/.Trash/cur/e infected',
      '/..x/f clean',
    ],
  )
  t.same(sum, { clean: 2, infected: 3, unknown: 0 })
})

t.test('a name with a line end forges no line', async (t) => {
  const directory = t.testdir({ 'a\nb: clean': sick })
  symlinkSync('nowhere', join(directory, 'c\nd'))
  const { code, out } = await onescan(['scan', '--all', ...eicar, directory])
  t.equal(code, 3)
  t.same(out.replaceAll(directory, '').split('\n'), [
    '/c\\nd: unknown: /c d: is a link, and links are not followed there',
    '/a\\nb: clean: infected: EICAR-Test (eicar)',
    '2 messages: 0 clean, 1 infected, 1 unknown',
    '',
  ])
})

t.test('what is odd about a message that is not read stands beside the reason', async (t) => {
  const levels = Array.from({ length: 20 }, (_, level) => `b${level}`)
  const nested = levels.map((b) => `Content-Type: multipart/mixed; boundary=${b}\n\n--${b}\n`)
  const directory = t.testdir({ odd: `Subject: x\nno field\n${nested.join('')}\nHello\n` })
  const { code, out } = await onescan(['scan', ...eicar, join(directory, 'odd')])
  t.equal(code, 2)
  t.match(out, /odd: unknown: .*; odd: header\n/)
})

t.test('a name is bytes: a file whose name is not UTF-8 is scanned as well', async (t) => {
  const directory = t.testdir({})
  const odd = Buffer.concat([Buffer.from(`${directory}/1.`), Buffer.from([0xe9, 0xff])])
  writeFileSync(odd, sick)
  mkdirSync(Buffer.concat([odd, Buffer.from('.d')]))
  writeFileSync(Buffer.concat([odd, Buffer.from('.d/mail')]), sick)
  const { code, out } = await onescan(['scan', ...eicar, directory])
  t.equal(code, 1)
  t.match(out, '2 messages: 0 clean, 2 infected, 0 unknown')
})

t.test('files that are found but not read count as unknown: links, FIFOs, mboxes', async (t) => {
  const directory = t.testdir({ private: { secret: sick }, box: { new: { a: clean }, cur: {} } })
  const box = join(directory, 'box')
  symlinkSync(join(directory, 'private/secret'), join(box, 'cur/b'))
  symlinkSync(join(directory, 'private'), join(box, 'links'))
  execFileSync('mkfifo', [join(box, 'cur/c')])
  writeFileSync(join(box, 'mbox'), `From a@example.org Thu Jan  1 00:00:00 2026\n${clean}`)
  const { code, out } = await onescan(['scan', ...eicar, '--all', box])
  t.equal(code, 2)
  t.match(out, /cur\/b: unknown: is a link/)
  t.match(out, /cur\/c: unknown: is not a regular file/)
  t.match(out, /links: unknown: is a link/)
  t.match(out, /mbox: unknown: is an mbox; split it/)
  t.match(out, '5 messages: 1 clean, 0 infected, 4 unknown')
})

t.test('a file name that is not UTF-8 is reported with the remedy', async (t) => {
  const around = ['/bin/sh', '-c', `"$@" "$(printf '/nonexistent/\\377')"`, 'sh']
  for (const [words, code] of [
    [['scan', ...eicar], 2],
    [['inject', '--from', 'a', '--to', 'b'], 2],
  ] as const) {
    const ended = await onescan(words, { around })
    t.equal(ended.code, code)
    t.match(
      ended.out + ended.err,
      'is not valid UTF-8, so it cannot be opened; use - <FILE instead',
    )
  }
})

t.test('a message that a mail reader moves on meanwhile is not left out', async (t) => {
  const maildir = ofPlain(t.testdir({ new: { b: sick }, cur: { a: clean } }))
  // Like a mail reader, the scanner moves what is new, whatever it looks at.
  const moves = `[ ! -e ${maildir}/new/b ] || mv ${maildir}/new/b ${maildir}/cur/b:2,`
  const command = `/bin/sh -c '${moves}; ! grep -q EICAR "$0"' %s`
  t.match(await onescan(['scan', '--env', `QHPSI=${command}`, maildir]), {
    code: 1,
    out: /new\/b: infected: .*\n.*cur\/b:2,: infected/,
  })
})

t.test('deeply nested directories do not end the search and are an error', async (t) => {
  const directory = t.testdir({ deep: {}, sick })
  const below = join(directory, 'deep', ...Array(150).fill('d'))
  mkdirSync(below, { recursive: true })
  writeFileSync(join(below, 'mail'), sick)
  const { code, out, err } = await onescan(['scan', ...eicar, directory])
  t.equal(code, 3)
  t.match(err, /: is more than 100 directories deep/)
  t.match(out, '1 message: 0 clean, 1 infected, 0 unknown')
})

t.test('a message may come from a pipe', async (t) => {
  const directory = t.testdir({ clean, sick })
  const scan = `${asPlain().join(' ')} "${reachable(launcher)}" scan /dev/stdin`
  const env = { PATH: reachablePath(), QHPSI: 'plugin: eicar' }
  const pipe = (name: string) =>
    spawnSync('/bin/sh', ['-c', `cat ${directory}/${name} | ${scan}`], { env }).status
  t.equal(pipe('sick'), 1)
  t.equal(pipe('clean'), 0)
  const both = ['scan', ...eicar, join(directory, 'clean'), '-']
  t.match(await onescan(both, { input: Buffer.from(sick) }), {
    code: 1,
    out: /\/dev\/stdin: infected.*\n2 messages/,
  })
})

t.test('a message that could not be scanned never counts as clean', async (t) => {
  const directory = t.testdir({ clean, big: `Subject: a\n\n${'text\n'.repeat(1000)}` })
  const file = join(directory, 'clean')
  const missing = await onescan(['scan', ...eicar, file, join(directory, 'missing')])
  t.match(missing, { code: 2, out: /missing: unknown: .*no such file or directory/ })
  t.match(missing.out, '2 messages: 1 clean, 0 infected, 1 unknown')
  const broken = await onescan(['scan', '--env', 'QHPSI=plugin: nosuch', file])
  t.match(broken, { code: 2, out: /clean: unknown: QHPSI: plugin nosuch: no such plugin/ })
  const down = ['--env', 'QHPSI=plugin: clamd', '--env', `CLAMD=${openDirectory(t)}/none`]
  t.match(await onescan(['scan', ...down, file]), {
    code: 2,
    out: /unknown: .*no such file or directory/,
  })
  const small = [...down, '--env', 'CLAMDMAXSIZE=1K', join(directory, 'big')]
  t.match(await onescan(['scan', ...small]), { code: 2, out: /CLAMDMAXSIZE/ })
})

t.test('with QHPSI=none scan ends with exit code 2', async (t) => {
  t.match(await onescan(['scan', '--env', 'QHPSI=none', 'mail']), {
    code: 2,
    err: /QHPSI names no scanner; add --env/,
  })
})

t.test('--envdir sets the scanner as the service does', async (t) => {
  const directory = t.testdir({ env: { QHPSI: 'plugin: eicar\n' }, sick })
  const words = ['--envdir', join(directory, 'env'), join(directory, 'sick')]
  t.equal((await onescan(['scan', ...words])).code, 1)
})

t.test('an external command receives a path, and the file is removed afterwards', async (t) => {
  const directory = ofPlain(t.testdir({ sick, clean, tmp: {} }))
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
  const clamd = await startClamd(t)
  const directory = t.testdir({ clean, sick })
  const files = [join(directory, 'clean'), join(directory, 'sick')]
  const env = { QHPSI: 'plugin: clamd', CLAMD: clamd.socket }
  const { code, out } = await onescan(['scan', '--json', ...files], { env })
  t.equal(code, 1)
  t.match(jsonIn(out).results[1], { answer: 'infected', name: EICAR_NAME, scanner: 'clamd' })
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

t.test('a sparse file is recognised by its size, and not read', async (t) => {
  const directory = t.testdir({ holes: '', grows: clean })
  truncateSync(join(directory, 'holes'), 1024 ** 4)
  const { code, out } = await onescan(['scan', ...eicar, join(directory, 'holes')])
  t.equal(code, 2)
  t.match(out, /holes: unknown: .*larger than 104857600 bytes \(--max-size\)/)
  const small = await onescan(['scan', ...eicar, '--max-size', '10', join(directory, 'grows')])
  t.match(small.out, /larger than 10 bytes/)
})
