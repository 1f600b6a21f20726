import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, delimiter, dirname, join, resolve } from 'node:path'
import t, { type Test } from 'tap'
import { targetOf } from '../../../packaging/toolchain/targets.mjs'
import { oldestNode } from '../../../packaging/toolchain/toolchain.mjs'
import { EICAR } from '../../../src/scanner/scan/scanners/eicar/eicar.ts'
import { Report } from '../../../tools/try/report.ts'
import { openDirectory } from '../../programs/host/reachable.ts'
import { numbered, standIn } from '../../scanner/scan/scanners/clamd/stand-in.ts'
import { type Delivery, deliveries } from '../../stand-in/stand-in.ts'

const root = join(import.meta.dirname, '../../..')
const fixtures = readdirSync(join(root, 'test/messages')).filter((name) => name.endsWith('.eml'))

interface Trial {
  readonly code: number
  readonly output: string
  mail(host: string): Delivery[]
}

/** Runs the trial in a directory of its own. */
async function runTrial(
  t: Test,
  clamd: string,
  node = process.execPath,
  main = 'main.ts',
  more: NodeJS.ProcessEnv = {},
  host: readonly string[] = [],
) {
  const directory = openDirectory(t)
  const program = resolve(import.meta.dirname, '../../../tools/try', main)
  const env = { PATH: process.env.PATH, ...more, CLAMD: clamd }
  const [command, ...words] = [...host, node, program, directory]
  const child = spawn(command!, words, { env, stdio: ['ignore', 'pipe', 'pipe'] })
  let all = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (all += text))
  const [code] = await once(child, 'close')
  // A line each ten seconds, which is no part of the report.
  const output = all.replaceAll(/^\(after \d+ s: step \d+ of \d+\)\n/gm, '')
  const mail = (host: string) => deliveries(join(directory, host, 'Maildir'))
  return { code, output, mail } satisfies Trial
}

const noClamd = '/nonexistent/clamd.ctl'
const opening = (bytes: Buffer, lines: number) =>
  bytes.toString('latin1').split('\n').slice(0, lines).join('\n')

/** Runs the words behind it on a host that has the users of qmail, and signatures that have just come, as root alone can make it. */
function withQmail(t: Test): string[] {
  if (process.getuid?.() !== 0) return []
  const passwd = join(openDirectory(t), 'passwd')
  const users = ['qmaild', 'qmailq', 'qmails'].map((name, n) => `${name}:x:${7790 + n}:7790::/:\n`)
  writeFileSync(passwd, readFileSync('/etc/passwd', 'latin1') + users.join(''))
  const signatures =
    'mkdir -p /var/lib/clamav && mount -t tmpfs none /var/lib/clamav && touch /var/lib/clamav/new.ndb'
  const script = `mount --bind "$0" /etc/passwd && id qmails >/dev/null && ${signatures} && exec "$@"`
  return ['unshare', '--mount', 'sh', '-c', script, passwd]
}

t.test('without clamd, in a fresh checkout, on the oldest Node and a host of qmail', async (t) => {
  const checkout = freshCheckout(t)
  const cache = join(checkout, 'npm-cache')
  const environment = {
    ...process.env, // how npm reaches its registry
    PATH: [dirname(oldestNode), process.env.PATH].join(delimiter),
    npm_config_cache: cache,
  }
  const main = join(checkout, 'tools/try/run.mjs')
  const trial = await runTrial(t, noClamd, oldestNode, main, environment, withQmail(t))
  const { output } = trial

  t.test('every hop did what it should', async (t) => {
    t.equal(trial.code, 0, output)
    t.match(output, /^OK: each of the 36 hops did what it should\.$/m)
    t.match(output, /^15 messages, 36 hops: 26 scans; 10 saved by a trusted stamp\.$/m)
    t.match(output, /^One newsletter to three people .*: one scan\.$/m)
    t.match(output, /plugin eicar/)
    t.match(output, 'no clamd answers at /nonexistent/clamd.ctl')
    t.match(output, /^ +554 mail server permanently rejected message \(#5\.3\.0\)$/m)
    t.match(output, /^ +554 message refused: virus EICAR-Test \(#5\.7\.1\)$/m)
  })

  t.test('the trial fetches a bundler and the bundled packages, and no other tool', async (t) => {
    const fetched = sizeOf(cache)
    t.ok(fetched > 1_000_000 && fetched < 120_000_000, `${fetched} bytes`)
    t.notOk(existsSync(join(checkout, 'node_modules/typescript')))
  })

  t.test('the report shows one clean message in full, and the others in a line each', async (t) => {
    const [, part = ''] = output.split('\nplain.eml: ')
    const hops = part
      .split('\n\n')[0]!
      .split('\n')
      .filter((line) => /^ {2}\w/.test(line))
    t.match(hops[0], /^ {2}alpha +scanned: clean +250 ok \d+ qp \d+ +\d+ ms$/)
    t.match(hops[1], /^ {2}beta +trusted: key alpha +250 ok \d+ qp \d+ +\d+ ms$/)
    t.match(hops[2], /^ {2}gamma +scanned: clean +250 ok \d+ qp \d+ +\d+ ms$/)
    t.equal(hops.length, 3)
    const [, others = ''] = output.split(
      '\nScanned by alpha, trusted by beta, scanned by gamma, too:\n',
    )
    t.same(
      others
        .split('\n\n')[0]!
        .split('\n')
        .map((line) => /^ {2}(\S+) .* \d+ ms$/.exec(line)?.[1])
        .sort(),
      fixtures.filter((name) => name !== 'plain.eml').sort(),
    )
  })

  t.test('the replayed stamp is really on another body', async (t) => {
    const stamped = (delivery: Delivery) => /k=alpha/.test(delivery.message.toString('latin1'))
    const [replay] = trial.mail('beta').filter((mail) => isInfected(mail.message) && stamped(mail))
    const stamp = /X-SHA256-Cluster-1: .*\n/.exec(replay?.message.toString('latin1') ?? '')?.[0]
    const owner = trial.mail('alpha').filter(({ message }) => message.includes(stamp ?? '?'))
    t.equal(owner.length, 1, 'alpha made it')
    t.notOk(isInfected(owner[0]!.message), 'for a clean message')
  })

  t.test(
    'without a C compiler the newsletter is skipped by name, and the rest is tried',
    async (t) => {
      rmSync(targetOf().addon.replace(root, checkout))
      const CC = join(checkout, 'no-compiler')
      const { code, output } = await runTrial(t, noClamd, oldestNode, main, { ...environment, CC })
      t.match(
        output,
        /^onescan\.node for \w+: not built: .*install gcc and libc6-dev, and build again/m,
      )
      t.match(output, /^One newsletter .*: skipped\.\n +onescand needs a C compiler: install gcc/m)
      t.match(output, /^OK: each of the 36 hops did what it should\.$/m)
      t.equal(code, 0)
    },
  )

  t.test('the report is a screen of 80 columns and 50 lines, and fits a pipe', async (t) => {
    const [, report = ''] = output.split(/^(?=onescan: three hosts)/m)
    const lines = report.trimEnd().split('\n')
    t.ok(lines.length < 50, `${lines.length} lines`)
    t.same(
      lines.filter((line) => line.length > 79 && !line.includes(tmpdir())),
      [],
    )
    t.notMatch(report, /[^\n -~]/, 'no colours, no control bytes')
  })
})

t.test(
  'clamd scans if one answers; if it finds nothing, the trial fails, and names the hop',
  async (t) => {
    // Answers as clamd does, without a signature for anything.
    const clamd = (await standIn(t, numbered('stream: OK'), { findsEicar: false })).socket
    const { code, output, mail } = await runTrial(t, `${noClamd} ${clamd}`)
    t.equal(code, 1)
    t.match(output, `clamd at ${clamd}`)
    t.match(opening(mail('alpha')[0]!.message, 2), '; s=clamd,everypart; ')
    t.match(output, /^FAILED: 6 of 36 hops did not do what they should/m)
    t.match(output, /WRONG\n +scan in the log is clean, should be infected/)
  },
)

t.test('a trial that a signal ends leaves nothing behind', async (t) => {
  const TMPDIR = openDirectory(t)
  const program = join(root, 'tools/try/main.ts')
  const env = { PATH: process.env.PATH, TMPDIR, CLAMD: noClamd }
  const child = spawn(process.execPath, [program], { env, stdio: ['ignore', 'pipe', 'ignore'] })
  const closed = once(child, 'close')
  for await (const text of child.stdout) if (String(text).includes('plain.eml')) break
  t.not(readdirSync(TMPDIR).length, 0)
  child.kill('SIGTERM')
  t.equal((await closed)[0], 143)
  t.same(readdirSync(TMPDIR), [])
})

t.test('the last line and the exit code agree', async (t) => {
  for (const [scans, isRight] of [
    [['clean', 'cached', 'cached'], true],
    [['clean', 'clean', 'cached'], false],
    [['the kernel does not identify the client'], false],
  ] as const) {
    const lines: string[] = []
    const output = { write: (text: string) => lines.push(text) > 0 }
    const report = new Report(output)
    report.newsletter({ scans })
    t.equal(report.summary([], { scans }, '/nowhere'), isRight)
    t.match(lines.at(-1), isRight ? /^OK: / : /^FAILED: the newsletter was not scanned once/)
  }
})

const encoded = Buffer.from(EICAR).toString('base64').slice(0, 76)
const isInfected = (message: Buffer) => message.includes(encoded)

/** The files of this checkout, without what was installed or built. */
function freshCheckout(t: Test): string {
  const directory = openDirectory(t)
  const made = new Set(['.git', '.tap', 'build', 'dist', 'node_modules', 'onescan.node'])
  cpSync(root, directory, { recursive: true, filter: (path) => !made.has(basename(path)) })
  return directory
}

function sizeOf(directory: string): number {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0)
}
