import { randomBytes } from 'node:crypto'
import { getEventListeners } from 'node:events'
import { readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { errorText } from '../../../../../src/base/errors/fault.ts'
import { readScanningConfig } from '../../../../../src/scanner/scan/judge/context/judge-config.ts'
import { attachmentsScanner } from '../../../../../src/scanner/scan/scanners/attachments/attachments.ts'
import {
  isLate,
  type Sample,
  type Scanner,
} from '../../../../../src/scanner/scan/scanners/contract/scanner.ts'
import { EICAR, eicarScanner } from '../../../../../src/scanner/scan/scanners/eicar/eicar.ts'
import {
  infected,
  type ScanResult,
  type Unread,
  unknown,
  unread,
} from '../../../../../src/scanner/scan/scanners/findings/scan-result.ts'
import {
  PERMITS,
  ScanPermits,
} from '../../../../../src/scanner/scan/scanners/permits/scan-permits.ts'
import { runScanners } from '../../../../../src/scanner/scan/scanners/run/run-scanners.ts'
import { ReadBy } from '../../../../mail/message/bytes.ts'
import { openDirectory } from '../../../../programs/host/reachable.ts'
import { until } from '../../../../run/until.ts'
import { sample } from '../clamd/task.ts'
import { uuencode } from '../evasions/compose.ts'
import { signedData } from '../evasions/containers.ts'
import { planOf, secondLook } from './scanning.ts'

const LARGE_FROM = 1024 * 1024

/** Asks a scanner about a message and each of its contents. */
function scanAll(message: string, scanner: Scanner) {
  const settings = secondLook
  return runScanners(sample(Buffer.from(message, 'latin1')), planOf([scanner], { settings }))
}

const bytesOf = ({ bytes }: Sample) => bytes.gather()

/** A scanner that takes several contents at once, and calls each clean that it was shown. */
function showing(show: (content: Sample) => void): Scanner {
  const scanTogether = async (samples: readonly Sample[]): Promise<ScanResult> => {
    for (const content of samples) if (content.kind === 'content') show(content)
    return { answer: 'clean' }
  }
  return { name: 'clamd', hasBans: false, scan: (asked) => scanTogether([asked]), scanTogether }
}

const plain = sample(Buffer.from('Subject: mail\n\n'))

/** A scanner that works on when nobody waits for it any more. */
function persistent() {
  let goOn = () => {}
  const waiting = new Promise<void>((resolve) => {
    goOn = resolve
  })
  let found: Promise<unknown> = Promise.resolve()
  const scanner: Scanner = {
    name: 'persistent',
    hasBans: false,
    scan(message): Promise<ScanResult> {
      found = readOn(message, waiting)
      return new Promise(() => {})
    },
  }
  return { scanner, goOn: () => goOn(), found: () => found }
}

async function readOn(message: Sample, waiting: Promise<void>): Promise<unknown> {
  const chunks = message.bytes.chunks()[Symbol.iterator]()
  chunks.next()
  await waiting
  const attempts = [() => chunks.next(), () => [...message.bytes.chunks()], () => message.file()]
  return Promise.all(
    attempts.map(async (attempt) => {
      try {
        return await attempt()
      } catch (error) {
        return (error as Error).message
      }
    }),
  )
}

t.test('a message is read only with a permit, which it holds until its end', async (t) => {
  const asked: (() => void)[] = []
  const scanner: Scanner = {
    name: 'slow',
    hasBans: false,
    permits: new ScanPermits(
      () => 1,
      () => performance.now(),
    ),
    scan: () => new Promise((resolve) => asked.push(() => resolve({ answer: 'clean' }))),
  }
  const read = new Set<number>()
  const numbers = Array.from({ length: 2 * PERMITS.large }, (_, n) => n)
  const scans = numbers.map((n) => {
    const bytes = new ReadBy(LARGE_FROM, function* (from, to) {
      read.add(n)
      yield Buffer.alloc(to - from, 'x')
    })
    return runScanners({ ...plain, bytes }, planOf([scanner], { settings: secondLook }))
  })
  let over = 0
  const all = Promise.all(scans.map((scan) => scan.then(() => over++)))
  for (let n = 0; over < scans.length; n++) {
    await until(() => asked.length > n || over === scans.length, 'the next question')
    t.ok(read.size <= over + PERMITS.large, `${read.size} read, ${over} done`)
    asked[n]?.()
  }
  await all
  t.same([...read], numbers)
})

t.test('with scanners for bans alone messages wait for permits, too', async (t) => {
  const names = { QHPSI: 'plugin: attachments', BADATTACHMENTS: '*.exe' }
  const own = attachmentsScanner(readScanningConfig(names)!.settings)
  let begun = 0
  const local: Scanner = {
    ...own,
    inspect(task) {
      begun++
      return own.inspect(task)
    },
  }
  const large = sample(Buffer.from(`Subject: mail\n\n${'text\n'.repeat(LARGE_FROM / 5 + 1)}`))
  const scan = (scanners: readonly Scanner[]) => runScanners(large, planOf(scanners))
  const others = Array.from({ length: PERMITS.large }, () =>
    local.permits!.acquire({
      size: LARGE_FROM,
      network: '',
      timeLeft: () => 60_000,
      signal: new AbortController().signal,
      hasBegun: false,
    }),
  )
  const waiting = scan([local])
  const clamd: Scanner = {
    name: 'clamd',
    hasBans: false,
    permits: new ScanPermits(
      () => 1,
      () => performance.now(),
    ),
    scan: async () => ({ answer: 'clean' }),
  }
  t.match(await scan([local, clamd]), { answer: 'clean' }, 'beside another it has no permits')
  t.equal(begun, 1)
  for (const end of await Promise.all(others)) if (typeof end === 'function') end()
  t.match(await waiting, { answer: 'clean' })
  t.equal(begun, 2)
})

t.test('each kind of limit has the outcome of its setting', async (t) => {
  const reason = 'clamd: more than it looks at'
  const ask = (kind: Unread, ...keepsOut: readonly Unread[]) => {
    const scan = async () => unread(kind, reason)
    const run = planOf([{ name: 'clamd', hasBans: false, scan }], {
      tolerance: { keepsOut: new Set(keepsOut) },
    })
    return runScanners(plain, run)
  }
  const limit = 'the limits of clamd'
  for (const kind of ['size', 'depth', 'contents'] as const) {
    t.same(await ask(kind), { answer: 'unread', kind, reason, limit })
  }
  t.same(await ask('depth', 'size'), { answer: 'unread', kind: 'depth', reason, limit })
  t.same(await ask('size', 'size'), { answer: 'unknown', reason, cause: 'limit' })
  for (const kind of ['depth', 'contents'] as const) {
    t.match(await ask(kind, 'depth', 'contents'), { answer: 'unread', kind, reason })
  }
})

t.test('a file of 1 MB in uuencode is scanned, with and without a text before it', async (t) => {
  const scanner: Scanner = { ...eicarScanner(), hasBans: false }
  const scan = (file: Buffer, word: string, text: string) => {
    const fields = `Content-Type: application/octet-stream\nContent-Transfer-Encoding: ${word}\n`
    return scanAll(`${fields}\n${text}${uuencode(file)}\n`, scanner)
  }
  const clean = randomBytes(1024 * 1024)
  const infected = Buffer.concat([randomBytes(1024), Buffer.from(EICAR)])
  for (const word of ['x-uuencode', 'x-uue', 'uuencode', 'uue']) {
    for (const text of ['', 'Hello,\n\nhere is the report.\n\n']) {
      t.match(await scan(infected, word, text), { answer: 'infected' }, word)
    }
  }
  t.match(await scan(clean, 'x-uuencode', ''), { answer: 'clean' })
  t.match(await scan(clean, 'x-uue', 'Hello\n'), { answer: 'clean' })
})

t.test('a small content that waits for others keeps its bytes', async (t) => {
  const file = 'not a word of it is lost\n'.repeat(1000)
  const seen: string[] = []
  const scanner = showing((content) => seen.push(bytesOf(content).toString('latin1')))
  t.match(await scanAll(`Content-Type: application/x\n\n${file}`, scanner), { answer: 'clean' })
  t.ok(seen.includes(file))
})

t.test('a scanner that outlives its deadline sees nothing of later messages', async (t) => {
  const directory = openDirectory(t)
  let read = 0
  const message = Buffer.alloc(100_000, 'Subject: mail\n\n')
  const bytes = new ReadBy(message.length, function* (from, to) {
    for (const chunk of sample(message).bytes.chunks(from, to)) {
      read++
      yield chunk
    }
  })
  const counted: Sample = { ...sample(message, join(directory, 'm')), bytes }
  const { scanner, goOn, found } = persistent()
  const run = planOf([scanner], { timeLeft: () => 10 })
  t.match(await runScanners(counted, run), { answer: 'unknown', reason: /no answer in time/ })
  const before = read
  goOn()
  const over = 'the message has ended'
  t.same(await found(), [over, over, over])
  t.ok(before > 0)
  t.equal(read, before, 'nothing is read any more')
  t.same(readdirSync(directory), [])
})

t.test('a scan ends with its client or deadline, and leaks no listener', async (t) => {
  const patient: Scanner = {
    name: 'patient',
    hasBans: false,
    scan: (_, { signal }) =>
      new Promise((_, reject) => {
        const end = () => reject(new Error(isLate(signal) ? 'late' : 'nobody waits'))
        if (signal.aborted) end()
        else signal.addEventListener('abort', end)
      }),
  }
  const run = planOf([patient])
  for (const before of [true, false]) {
    const gone = new AbortController()
    if (before) gone.abort()
    const scanning = runScanners(plain, { ...run, gone: gone.signal })
    gone.abort()
    t.match(await scanning, { answer: 'unknown', isUnfinished: true })
    t.equal(getEventListeners(gone.signal, 'abort').length, 0)
  }
  const { signal } = new AbortController()
  const stay = setTimeout(() => {}, 60_000) // the deadline's timer keeps no process
  const late = await runScanners(plain, { ...run, timeLeft: () => 1, gone: signal })
  t.match(late, { answer: 'unknown', reason: /late|in time/, isUnfinished: undefined })
  clearTimeout(stay)
})

/** The answer of a scanner that opens a file, after somebody has put another one in its place or taken it away. */
const changedFiles: readonly (readonly [
  what: string,
  reply: ScanResult,
  expected: ScanResult | RegExp,
])[] = [
  ['what is clean', { answer: 'clean' }, /was changed while it was scanned/],
  ['a limit that lets the mail in', unread('depth', 'clamd: deep'), /was changed while/],
  ['a virus that is excused', infected('Excused'), /was changed while/],
  ['a virus', infected('A'), { ...infected('A'), scanner: 'clamd', isUnconfirmed: true }],
  ['an unknown result', unknown('clamd: no'), unknown('clamd: no')],
]

// promise: spool
t.test('only a finding or an unknown result counts if the file has changed', async (t) => {
  const sharedDirectory = t.testdir()
  const spool = { directory: sharedDirectory, sharedDirectory }
  const text = 'Subject: x\nMIME-Version: 1.0\nContent-Type: text/html\n\n<p>text\n'
  for (const [what, reply, expected] of changedFiles) {
    for (const settings of [secondLook, { ...secondLook, SECONDLOOK: 'never' } as const]) {
      for (const attack of [rmSync, (path: string) => writeFileSync(path, 'another')]) {
        const scan = async (asked: Sample) => {
          attack((await asked.file()).path)
          return reply
        }
        const isTolerated = ({ name }: { readonly name: string }) => name === 'Excused'
        const tolerance = { isTolerated, keepsOut: new Set<Unread>() }
        const more = { settings, spool, tolerance }
        const run = planOf([{ name: 'clamd', hasBans: false, scan }], more)
        const result = await runScanners(sample(Buffer.from(text)), run).catch(errorText)
        if (expected instanceof RegExp) t.match(result, expected, what)
        else t.same(result, expected, what)
        t.same(readdirSync(sharedDirectory), [])
      }
    }
  }
})

t.test(
  'a part that nothing here can read has a kind of its own, not that of a limit',
  async (t) => {
    const rows: Readonly<Record<string, string>> = {
      'text in ibm037, which is not read': 'Content-Type: text/html; charset=ibm037\n\n\x4c\x88\n',
      'S/MIME (CMS) that cannot be read':
        'Content-Type: application/pkcs7-mime\nContent-Transfer-Encoding: base64\n\n' +
        signedData(Buffer.from(EICAR)).subarray(0, -8).toString('base64'),
    }
    for (const [limit, message] of Object.entries(rows)) {
      const tolerance = { keepsOut: new Set<Unread>(['unreadable']) }
      const plan = planOf([showing(() => {})], { settings: secondLook, tolerance })
      const result = await runScanners(sample(Buffer.from(`From: a\n${message}`, 'latin1')), plan)
      t.match(result, { answer: 'unread', kind: 'unreadable', limit })
    }
  },
)
