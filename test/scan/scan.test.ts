import { randomBytes } from 'node:crypto'
import { getEventListeners } from 'node:events'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { eicarScanner } from '../../src/scan/eicar/eicar.ts'
import { EICAR } from '../../src/scan/eicar/eicar-file.ts'
import { runScanners } from '../../src/scan/scan.ts'
import type { Limit } from '../../src/scan/shared/exceeded-limit.ts'
import {
  isLate,
  over as leftUnseen,
  type Sample,
  type Scanner,
  type ScannerAnswer,
} from '../../src/scan/shared/scanner.ts'
import { sample } from './clamd/task.ts'
import { uuencode } from './evasions/compose.ts'

function secondLook(when: 'always' | 'never') {
  const spool = { directory: tmpdir(), sharedDirectory: undefined }
  return { when, strict: false, spool }
}

/** Asks a scanner about a message and each of its contents. */
function scanAll(message: string, scanner: Scanner) {
  return runScanners(sample(Buffer.from(message, 'latin1')), {
    scanners: [scanner],
    timeout: 60_000,
    oversize: 'defer',
    nesting: { max: 12, action: 'keep out' },
    secondLook: secondLook('always'),
    uptime: () => performance.now(),
    note() {},
  })
}

function bytesOf({ chunks }: Pick<Sample, 'chunks'>): Buffer {
  const pieces: Buffer[] = []
  for (const chunk of chunks()) pieces.push(Buffer.from(chunk))
  return Buffer.concat(pieces)
}

/** A scanner that takes several contents at once, and calls each clean that it was shown. */
function showing(show: (content: Sample) => void): Scanner {
  return {
    name: 'clamd',
    local: false,
    takesBeside: true,
    async scan(asked) {
      for (const content of [...(asked.beside ?? []), asked]) if (content.whole) show(content)
      return { answer: 'clean' }
    },
  }
}

/** A scanner that works on when nobody waits for it any more. */
function persistent() {
  let goOn = () => {}
  const waiting = new Promise<void>((resolve) => {
    goOn = resolve
  })
  let found: Promise<unknown> = Promise.resolve()
  const scanner: Scanner = {
    name: 'persistent',
    local: false,
    scan(message): Promise<ScannerAnswer> {
      found = readOn(message, waiting)
      return new Promise(() => {})
    },
  }
  return { scanner, goOn: () => goOn(), found: () => found }
}

async function readOn(message: Sample, waiting: Promise<void>): Promise<unknown> {
  const chunks = message.chunks()[Symbol.iterator]()
  chunks.next()
  await waiting
  const attempts = [() => chunks.next(), () => [...message.chunks()], () => message.path()]
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

t.test('each kind of limit has the outcome that its setting says', async (t) => {
  const gaveUp = { answer: 'unknown', why: 'clamd: more than it looks at' } as const
  const ask = (over: Limit, oversize: 'accept' | 'defer', nesting: 'accept' | 'keep out') => {
    const scanner: Scanner = {
      name: 'clamd',
      local: false,
      scan: async () => leftUnseen(over, gaveUp.why),
    }
    return runScanners(sample(Buffer.from('Subject: mail\n\n')), {
      scanners: [scanner],
      timeout: 10_000,
      oversize,
      nesting: { max: 12, action: nesting },
      secondLook: secondLook('never'),
      uptime: () => performance.now(),
      note() {},
    })
  }
  for (const nesting of ['accept', 'keep out'] as const) {
    t.match(await ask('size', 'accept', nesting), { answer: 'skipped', why: gaveUp.why })
    t.match(await ask('size', 'defer', nesting), { answer: 'unknown', why: gaveUp.why })
  }
  for (const oversize of ['accept', 'defer'] as const) {
    for (const limit of ['depth', 'contents'] as const) {
      t.match(await ask(limit, oversize, 'accept'), { answer: 'skipped', why: gaveUp.why })
    }
    t.match(await ask('depth', oversize, 'keep out'), { answer: 'nested', why: gaveUp.why })
    t.match(await ask('contents', oversize, 'keep out'), {
      answer: 'crowded',
      why: gaveUp.why,
      limit: 'the limits of clamd',
    })
  }
})

t.test('a file of 1 MB in uuencode is scanned, with and without a text before it', async (t) => {
  const scanner: Scanner = { ...eicarScanner(), local: false }
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
  const directory = mkdtempSync(join(tmpdir(), 'onescan-scan-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  let read = 0
  const message = Buffer.alloc(100_000, 'Subject: mail\n\n')
  const counted: Sample = {
    ...sample(message, join(directory, 'm')),
    *chunks() {
      for (const chunk of sample(message).chunks()) {
        read++
        yield chunk
      }
    },
  }
  const { scanner, goOn, found } = persistent()
  const uptime = () => performance.now()
  const run = {
    scanners: [scanner],
    timeout: 10,
    oversize: 'defer',
    nesting: { max: 12, action: 'keep out' },
    secondLook: secondLook('never'),
    uptime,
    note() {},
  } as const
  t.match(await runScanners(counted, run), { answer: 'unknown', why: /no answer in time/ })
  goOn()
  const over = 'the message is over'
  t.same(await found(), [over, over, over])
  t.equal(read, 2, 'for its nesting, and for the scanner')
  t.same(readdirSync(directory), [])
})

t.test(
  'a scan ends when the client has gone, or at its deadline, and leaves no listener behind',
  async (t) => {
    const patient: Scanner = {
      name: 'patient',
      local: false,
      scan: (_, { signal }) =>
        new Promise((_, reject) => {
          const end = () => reject(new Error(isLate(signal) ? 'late' : 'nobody waits'))
          if (signal.aborted) end()
          else signal.addEventListener('abort', end)
        }),
    }
    const run = {
      scanners: [patient],
      timeout: 60_000,
      oversize: 'defer',
      nesting: { max: 12, action: 'keep out' },
      secondLook: secondLook('never'),
      uptime: () => performance.now(),
      note() {},
    } as const
    const message = sample(Buffer.from('Subject: mail\n\n'))
    for (const before of [true, false]) {
      const gone = new AbortController()
      if (before) gone.abort()
      const scanning = runScanners(message, { ...run, gone: gone.signal })
      gone.abort()
      t.match(await scanning, { answer: 'unknown', unfinished: true })
      t.equal(getEventListeners(gone.signal, 'abort').length, 0)
    }
    const { signal } = new AbortController()
    const stay = setTimeout(() => {}, 60_000) // the deadline's timer keeps no process
    const late = await runScanners(message, { ...run, timeout: 1, gone: signal })
    t.match(late, { answer: 'unknown', why: /late|in time/, unfinished: undefined })
    clearTimeout(stay)
  },
)
