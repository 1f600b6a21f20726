import * as crypto from 'node:crypto'
import { getEventListeners } from 'node:events'
import { setImmediate as setImmediatePromise } from 'node:timers/promises'
import t from 'tap'
import { Fault } from '../../../src/lib/errors/fault.ts'
import { Bytes } from '../../../src/mail/message/bytes.ts'
import { Deadline } from '../../../src/scan/judge/context/deadline.ts'
import { readScanSettings } from '../../../src/scan/scanners/contract/scan-settings.ts'
import type { ContentScanner } from '../../../src/scan/scanners/contract/scanner.ts'
import { infected, type ScanResult } from '../../../src/scan/scanners/findings/scan-result.ts'
import type { ScanRun } from '../../../src/scan/scanners/run/scan-run.ts'
import type { SignatureFiles } from '../../../src/scan/scanners/signatures/signature-files.ts'
import type { ClusterSettings } from '../../../src/scan/stamps/keyring.ts'
import { deriveSecrets } from '../../../src/scan/verdicts/copies/secrets.ts'
import { type HostEvents, HostMemory } from '../../../src/scan/verdicts/host-memory.ts'
import { openVerdictsBy, readVerdictSettings } from '../../../src/scan/verdicts/open-verdicts.ts'
import { DEATHS_MAX } from '../../../src/scan/verdicts/poison.ts'
import { sealVerdict } from '../../../src/scan/verdicts/store/seal.ts'
import { Verdicts, type VerdictsOptions } from '../../../src/scan/verdicts/verdicts.ts'
import { localPolicy, runOf } from '../scanners/run/scanning.ts'
import { examine } from '../stamps/hashed-message.ts'

const settings = readScanSettings({ QHPSI: 'plugin: clamd' }, { qmailHome: '/q', control: '/c' })!
const secrets = deriveSecrets(Buffer.alloc(32, 7), crypto)
const letter = 'Date: today\nTo: ann@example.org\nSubject: hello\n\nHello\n'
const copy = letter.replace('ann', 'ben')

let version = 'ClamAV 1.4.3'
const filesOf = (changed: number | undefined): SignatureFiles | undefined =>
  changed === undefined ? undefined : { changed, others: changed, size: 0, seen: 2_000_000_000 }
function scanner(name: string, more: Partial<ContentScanner> = {}): ContentScanner {
  return {
    name,
    isPolicy: false,
    cacheable: { identity: name, signatures: async () => version },
    scan: async () => ({ answer: 'clean' }),
    ...more,
  }
}
const clamd = scanner('clamd')
const local = localPolicy('local')

function open(more: Partial<VerdictsOptions> = {}) {
  let now = 1_800_000_000_000
  let uptime = 500_000 // as of a process that has run for a while
  const verdicts = new Verdicts({
    memory: new HostMemory(),
    secrets: () => secrets,
    crypto,
    maxAge: 3600,
    host: 'here',
    signatureFiles: () => undefined,
    now: () => now,
    fullTime: settings.timeout,
    ...more,
  })
  const scans: string[][] = []
  /** Those of what a message shares with its copies: header and scanners. */
  const scansOfShared: [string, string[]][] = []
  /** Milliseconds that each scan was given. */
  const given: number[] = []
  const find = (
    text: string,
    answer: ScanResult | Promise<ScanResult> | (() => ScanResult | Promise<ScanResult>) = clean,
    {
      within = settings.timeout,
      told = [version],
      ...setup
    }: Partial<ScanRun> & { within?: number; told?: readonly (string | undefined)[] } = {},
    ofShared?: ScanResult,
  ) => {
    const bytes = Buffer.from(text)
    const { header, form } = examine(bytes)
    const body = Bytes.of(bytes.subarray(header.length))
    const timeLeft = new Deadline(() => uptime).forScans(within)
    const run = runOf([clamd], { timeLeft, ...setup, settings: setup.settings ?? settings })
    const mail = { message: { form, header, body }, outgoing: header }
    return verdicts.find(mail, run, async (scanners, more) => {
      const names = scanners.map(({ name }) => name)
      if (more?.header) scansOfShared.push([more.header.bytes.toString('latin1'), names])
      else scans.push(names)
      given.push(run.timeLeft())
      if (scanners.includes(clamd)) for (const by of told) more?.signatures?.('clamd', by)
      if (more?.header && ofShared) return ofShared
      const end = await more?.onPermit?.(never)
      if (typeof end === 'object') return end
      try {
        return await (typeof answer === 'function' ? answer() : answer)
      } finally {
        end?.()
      }
    })
  }
  return {
    verdicts,
    scans,
    scansOfShared,
    given,
    find,
    pass(milliseconds: number) {
      now += milliseconds
      uptime += milliseconds
    },
  }
}

const never = new AbortController().signal
const clean: ScanResult = { answer: 'clean' }
const virus: ScanResult = { answer: 'infected', scanner: 'clamd', name: 'Eicar' }
const vain: ScanResult = {
  answer: 'unknown',
  why: 'clamd is down',
  cause: 'unreachable',
}
/** The result of a scan during which clamd died. */
const killed: ScanResult = {
  answer: 'unknown',
  why: 'died',
  cause: 'broken-off',
  scannerDied: true,
}
const leftAlone = { answer: 'unknown', why: /^poison: /, cause: 'poison', unfinished: true }

t.beforeEach(() => {
  version = 'ClamAV 1.4.3'
})

t.test('a cached verdict names its host and its age', async (t) => {
  const { find, scans, pass } = open()
  t.equal((await find(letter)).cached, undefined)
  pass(12_000)
  t.match(await find(copy), { result: { answer: 'clean' }, cached: { host: 'here', time: 1.8e9 } })
  t.equal(scans.length, 1)
  await find(letter.replace('Hello', 'Hallo'))
  t.equal(scans.length, 2)
})

t.test('a cached verdict names the virus and its scanner', async (t) => {
  const { find, scans } = open()
  await find(letter, virus)
  t.same((await find(copy)).result, virus)
  t.equal(scans.length, 1)
})

t.test(
  'an infected verdict applies to copies only if the virus is in what they share',
  async (t) => {
    const shared = 'date:\nto:\nSubject: hello\n\n'
    for (const result of [
      clean,
      vain,
      { ...virus, banned: true },
      { answer: 'unread', what: 'size', why: '' },
    ]) {
      const { find, scans, scansOfShared } = open()
      const waiting = [find(letter, virus, {}, result as ScanResult), find(copy)]
      t.match(await Promise.all(waiting), [{ result: virus }, { result: clean }])
      t.same(scansOfShared, [[shared, ['clamd']]])
      t.match(await find(letter, virus), { result: virus }, 'nor is it called clean')
      t.equal(scans.length, 3)
    }
    const { find, scansOfShared } = open()
    await find(letter, virus, {}, { ...virus, name: 'Other' })
    t.match((await find(copy)).result, { name: 'Other' })
    const own = 'Subject: nothing of its own\r\n\r\nHello\r\n'
    await find(own, virus)
    t.match((await find(own)).result, virus)
    t.same(scansOfShared, [[shared, ['clamd']]])
  },
)

t.test('a result that is unknown, or depends on a limit or policy, is not cached', async (t) => {
  for (const result of [
    vain,
    { answer: 'unread', what: 'size', why: 'too large' },
    { answer: 'unread', what: 'depth', why: 'deep' },
    { answer: 'unread', what: 'form', why: 'odd' },
    { ...virus, scanner: 'local', banned: true },
    { ...virus, banned: true }, // by a scanner whose verdicts are cached
    { ...virus, scanner: 'local' },
  ] as const) {
    const { find, scans } = open()
    t.same(await find(letter, result), { result })
    t.same(await find(copy, result), { result })
    t.equal(scans.length, 2, result.answer)
  }
})

const banned: ScanResult = { ...virus, scanner: 'local', banned: true }
const strange = { answer: 'unread', what: 'form', why: 'odd' } as const
const [one, two] = ['one', 'two'].map((name) => scanner(name, { cacheable: undefined! }))
const strict = { ...settings, STRICTMIME: 'refuse' } as const
/** The scanners that are asked about a copy, by what is known, and what these say of it. */
const askedAbout: readonly (readonly [
  what: string,
  setup: Partial<ScanRun>,
  known: ScanResult,
  asked: readonly string[],
  say: readonly ScanResult[],
])[] = [
  [
    'whose verdict may not be cached',
    { scanners: [local, clamd, one!] },
    clean,
    ['local', 'one'],
    [clean, banned],
  ],
  [
    'that stand before the one that found a virus',
    { scanners: [local, clamd, one!] },
    virus,
    ['local'],
    [clean, banned],
  ],
  [
    'of local policy alone beside a known virus',
    { scanners: [scanner('eicar'), local, clamd, one!, two!] },
    virus,
    ['local'],
    [clean],
  ],
  ['that are none, if STRICTMIME has each copy read', { settings: strict }, clean, [], [strange]],
]
for (const [what, setup, known, asked, say] of askedAbout) {
  t.test(`about a copy those scanners are asked ${what}`, async (t) => {
    const { find, scans } = open()
    await find(letter, known, { ...setup, settings })
    for (const said of say) {
      const found = await find(copy, said, setup)
      if (said === clean) t.match(found, { result: known, cached: { host: 'here' } })
      else t.same(found, { result: said })
    }
    t.same(
      scans.slice(1),
      say.map(() => asked),
    )
  })
}

t.test('a verdict of another scanner or second look is ignored', async (t) => {
  const { find, scans } = open()
  const setup: Partial<ScanRun>[] = [
    {},
    { scanners: [clamd, scanner('eicar')] },
    { scanners: [scanner('eicar'), clamd] },
    { scanners: [scanner('clamd', { cacheable: { ...clamd.cacheable!, identity: 'clamd(5)' } })] },
    { settings: { ...settings, SECONDLOOK: 'never' } },
  ]
  for (const wish of setup) await find(letter, clean, wish)
  t.equal(scans.length, setup.length)
  for (const wish of setup) await find(copy, clean, wish)
  t.equal(scans.length, setup.length)
})

t.test('a verdict ends with its age, its signatures, or the change of the database', async (t) => {
  let date: number | undefined
  const { find, scans, pass } = open({ signatureFiles: () => filesOf(date) })
  await find(letter)
  pass(3_600_000)
  await find(copy)
  t.equal(scans.length, 1)
  pass(1_000)
  await find(copy)
  t.equal(scans.length, 2, 'too old')
  version = 'ClamAV 1.4.4'
  await find(copy)
  t.equal(scans.length, 3, 'other signatures')
  date = 1.8e9 + 1e6
  await find(copy)
  t.equal(scans.length, 4, 'the database has changed')
  const { find: findNothing, scans: all } = open({ maxAge: 0 })
  for (const mail of [letter, copy]) await findNothing(mail)
  t.equal(all.length, 2, 'even if it is as new as can be')
})

t.test('if signatures are not known, no verdict is cached or trusted', async (t) => {
  const { find, scans } = open()
  await find(letter)
  version = undefined!
  await find(copy)
  await find(copy)
  t.equal(scans.length, 3)
})

t.test('a scanner that does not report its signatures is asked each time', async (t) => {
  for (const [signatures, date, isKnown] of [
    ['not reported', 1.7e9, false],
    ["this host's", undefined, false],
    ["this host's", 1.7e9, true],
  ] as const) {
    const { find, scans } = open({ signatureFiles: () => filesOf(date) })
    const command = scanner('command', { cacheable: { identity: 'command', signatures } })
    const setup = { scanners: [command] }
    await find(letter, clean, setup)
    t.equal((await find(copy, clean, setup)).cached !== undefined, isKnown)
    const other = letter.replace('Hello', 'Hallo')
    for (let n = 0; n < DEATHS_MAX; n++) await find(other, killed, setup)
    t.match((await find(other, clean, setup)).result, leftAlone, 'deaths are counted all the same')
    t.equal(scans.length, (isKnown ? 1 : 2) + DEATHS_MAX)
  }
})

t.test('a message at three deaths is blocked while signatures are not reported', async (t) => {
  for (const setup of [{}, { maxAge: 0 }]) {
    version = 'ClamAV 1.4.3'
    const { find, scans } = open(setup)
    for (let n = 0; n < DEATHS_MAX; n++) await find(letter, killed)
    version = undefined!
    t.match((await find(letter)).result, leftAlone)
    t.equal(scans.length, DEATHS_MAX)
  }
})

t.test('a scan by other signatures than those of now leaves no verdict', async (t) => {
  const now = 'ClamAV 1.4.3/27601/Tue'
  const older = 'ClamAV 1.4.3/27600/Mon'
  const newer = 'ClamAV 1.4.3/27602/Wed'
  for (const told of [[now, older], [older, now], [older], [newer], [undefined]]) {
    const { find, scans } = open()
    version = now
    for (let n = 0; n < 2; n++) await find(letter, clean, { told })
    t.equal((await find(letter)).cached, undefined)
    t.equal(scans.length, 3, told.join())
  }
})

t.test('copies that come at once wait for the first one', async (t) => {
  const { find, scans } = open()
  let end: (result: ScanResult) => void = () => {}
  const first = find(letter, new Promise<ScanResult>((resolve) => (end = resolve)))
  const others = Array.from({ length: 50 }, () => find(copy))
  await new Promise(setImmediate)
  t.equal(scans.length, 1)
  end(virus)
  t.equal((await first).cached, undefined)
  for (const found of await Promise.all(others)) {
    t.match(found, { result: virus, cached: { host: 'here' } })
  }
  t.equal(scans.length, 1)
})

const left: ScanResult = { ...vain, unfinished: true }
const skipped = { answer: 'unread', what: 'size', why: 'too large' } as const
const within = (share: number) => ({ within: settings.timeout * share })
/** The result of copies that come at once: some with an answer of their own, then others. */
const atOnce: readonly (readonly [
  what: string,
  first: readonly [count: number, answer: ScanResult, setup?: { readonly within: number }],
  others: number,
  scans: number,
])[] = [
  ['the first could not be judged: one that waits is scanned, not all', [1, vain], 50, 2],
  ['two could not be judged: those that waited for both are not scanned', [50, vain], 0, 2],
  ['two with half of the time could not be judged either', [5, vain, within(1 / 2)], 0, 2],
  // promise: others-unharmed
  ['clients leave: no other copy is deferred for them', [5, left], 50, 6],
  // promise: others-unharmed
  ['clients give no time: no other copy is deferred for them', [5, vain, within(1 / 3)], 50, 6],
  ['mail is over a limit: the result of each is for itself', [4, skipped], 0, 4],
]
for (const [what, [count, answer, setup], others, expected] of atOnce) {
  t.test(`simultaneous copies: ${what}`, async (t) => {
    const { find, scans } = open()
    const first = Array.from({ length: count }, () => find(letter, answer, setup))
    const waiting = Array.from({ length: others }, () => find(copy))
    for (const { result } of await Promise.all(first)) t.same(result, answer)
    for (const { result } of await Promise.all(waiting)) t.same(result, clean)
    t.equal(scans.length, expected)
    t.same((await find(letter)).result, clean, 'the next one is')
  })
}

t.test('a scan that throws leaves no copy waiting', async (t) => {
  const { find, scans } = open()
  const first = find(letter, Promise.reject(new Error('disk full')))
  const others = Array.from({ length: 5 }, () => find(copy))
  await t.rejects(first, { message: 'disk full' })
  for (const { result } of await Promise.all(others)) t.same(result, clean)
  t.equal(scans.length, 6)
})

// promise: others-unharmed
t.test('if a message is left alone, no other copy is deferred for it', async (t) => {
  const { find, scans } = open()
  for (let n = 1; n <= DEATHS_MAX; n++) {
    t.match((await find(letter, killed)).result, { why: `died; crash ${n} of 3 with this message` })
  }
  const alone = Array.from({ length: 5 }, () => find(letter))
  const others = Array.from({ length: 5 }, () => find(copy))
  for (const { result } of await Promise.all(alone)) t.match(result, leftAlone)
  for (const { result } of await Promise.all(others)) t.same(result, clean)
  t.equal(scans.length, DEATHS_MAX + 1)
})

// promise: others-unharmed
t.test('a message that no two readers read alike is left alone after deaths, too', async (t) => {
  const odd = [
    letter.replace('Hello', 'Hello\rthere'),
    letter.replace('Subject', 'Sub\0ject'),
    letter.replace('\n\n', '\n \n'),
    letter.replace('ann', `ann${' x'.repeat(50_000)}`),
  ]
  for (const text of odd) {
    const { find, scans } = open()
    for (let n = 1; n <= DEATHS_MAX; n++) {
      const again = text.replace('Date: today', `Date: ${n}`)
      t.match((await find(again, killed)).result, { why: `crash ${n} of 3` })
    }
    t.match((await find(text)).result, leftAlone)
    t.same((await find(text.replace('Hello', 'Hullo'))).result, clean)
    t.equal(scans.length, DEATHS_MAX + 1)
  }
})

t.test(
  'copies that were being scanned when a scanner died are scanned one at a time',
  async (t) => {
    const { find, scans } = open()
    const odd = letter.replace('Hello', 'Hello\rthere') // its copies do not wait for each other
    let die = () => {}
    const death = new Promise<ScanResult>((resolve) => (die = () => resolve(killed)))
    const copies = Array.from({ length: 5 }, () => find(odd, death))
    while (scans.length < 5) await setImmediatePromise()
    die()
    for (const { result } of await Promise.all(copies))
      t.match(result, { why: /this one is scanned alone/ })
    let now = 0
    const alone = async () => {
      t.equal(++now, 1)
      await setImmediatePromise()
      now--
      return killed
    }
    const again = await Promise.all(Array.from({ length: 5 }, () => find(odd, alone)))
    t.same(
      again.map(({ result }) => 'why' in result && /crash \d/.exec(result.why)?.[0]),
      [1, 2, 3, 4, 5].map((n) => `crash ${n}`),
    )
  },
)

t.test('a message that could not be scanned for another reason is not counted', async (t) => {
  const { find, scans } = open()
  for (let n = 0; n < 5; n++) t.same((await find(letter, vain)).result, vain)
  t.equal(scans.length, 5)
})

t.test('no message waits for longer than its own time', async (t) => {
  const { find, scans } = open()
  let end: (result: ScanResult) => void = () => {}
  const first = find(letter, new Promise<ScanResult>((resolve) => (end = resolve)))
  const hasty = { within: 20 }
  t.match((await find(copy, clean, hasty)).result, { answer: 'unknown', why: /SCANTIMEOUT/ })
  t.equal(scans.length, 1)
  end(clean)
  await first
})

t.test('a copy waits for a scan no longer than its client', async (t) => {
  const { find, scans } = open()
  let end: (result: ScanResult) => void = () => {}
  const first = find(letter, new Promise<ScanResult>((resolve) => (end = resolve)))
  const leaving = new AbortController()
  const { signal: gone } = leaving
  const waiting = find(copy, clean, { gone })
  await new Promise(setImmediate)
  leaving.abort()
  t.match((await waiting).result, { answer: 'unknown' })
  t.match((await find(copy, clean, { gone })).result, { answer: 'unknown' }, 'that left before')
  t.same(getEventListeners(gone, 'abort'), [])
  t.equal(scans.length, 1)
  end(clean)
  t.same((await first).result, clean)
})

t.test('a file that is not as it was after the scan leaves no verdict', async (t) => {
  const { find, scans } = open()
  const changed = new Fault('read', 'changed')
  await t.rejects(find(letter, Promise.reject(changed)), { message: 'changed' })
  await find(copy, { ...infected('A'), scanner: 'clamd', unconfirmed: true })
  t.equal((await find(letter)).cached, undefined)
  t.equal(scans.length, 3)
})

t.test('a message is scanned if the store has invalid data, or another verdict', async (t) => {
  const verdict = {
    found: { answer: 'clean' },
    scanners: ['clamd'],
    signatures: 'clamd=ClamAV 1.4.3',
    time: 1.8e9,
    host: 'there',
  } as const
  const kept: [string, Buffer][] = []
  const fill = (make: (fingerprint: string) => Buffer | undefined): Shared => ({
    ...notingStore(make).shared,
    put: (...entry) => kept.push([entry[0], entry[1]]),
  })
  const seal = (fingerprint: string) => sealVerdict(verdict, fingerprint, secrets.seal, crypto)
  const honest = open({ shared: fill(seal) })
  t.match(await honest.find(letter), { cached: { host: 'there' } })
  for (const make of [
    () => Buffer.alloc(0),
    () => Buffer.from('OK'),
    () => seal('of another message'),
    (print: string) => seal(print).subarray(0, -1),
    (print: string) => sealVerdict(verdict, print, secrets.fingerprint, crypto),
    (print: string) => sealVerdict({ ...verdict, time: 1 }, print, secrets.seal, crypto),
  ]) {
    const { find, scans } = open({ shared: fill(make) })
    t.equal((await find(letter)).cached, undefined)
    t.equal(scans.length, 1)
  }
  t.equal(kept.length, 6)
})

type Shared = NonNullable<VerdictsOptions['shared']>

/** A store that hosts share, and a record of what it is asked and told. */
function notingStore(kept: (fingerprint: string) => Buffer | undefined) {
  const told: (readonly [what: string, value?: number | undefined])[] = []
  const shared: Shared = {
    async get(fingerprint, timeout) {
      told.push(['get', timeout])
      return kept(fingerprint)
    },
    put: (_, __, seconds) => told.push(['put', seconds]),
    release: () => told.push(['release']),
    sharing: () => ({ counters: {} as never, trouble: 'down' }),
    close: () => told.push(['close']),
  }
  return { shared, told }
}

const cachedThere = {
  found: { answer: 'clean' },
  scanners: ['clamd'],
  signatures: 'clamd=ClamAV 1.4.3',
  time: 1.8e9 - 600,
  host: 'there',
} as const

t.test('a verdict of another host is cached here for the remaining time', async (t) => {
  for (const [time, left] of [
    [1.8e9 - 600, 3000],
    [1.8e9 - 3600, 1],
    [1.8e9 + 100, 3600],
  ] as const) {
    const { shared, told } = notingStore((print) => {
      return sealVerdict({ ...cachedThere, time }, print, secrets.seal, crypto)
    })
    const memory = new HostMemory()
    const events: HostEvents[] = []
    memory.connect((message) => events.push(message))
    const { find } = open({ memory, shared })
    t.match(await find(letter), { cached: { host: 'there' } })
    t.match(await find(copy), { cached: { host: 'there' } })
    const asked = told.filter(([what]) => what !== 'release')
    t.same(asked, [['get', settings.timeout / 4]], 'once, and is not told')
    while (events.length === 0) await setImmediatePromise()
    t.match(events, [{ events: [{ is: 'found', seconds: left }] }])
  }
})

t.test('a store is informed immediately if a scan found no verdict to cache', async (t) => {
  for (const [result, what] of [
    [clean, 'put'],
    [virus, 'put'],
    [vain, 'release'],
    [{ answer: 'unread', what: 'size', why: 'too large' }, 'release'],
  ] as const) {
    const { shared, told } = notingStore(() => undefined)
    const { find } = open({ shared })
    await find(letter, result)
    t.same(told.slice(1), [what === 'put' ? ['put', 3600] : ['release']], result.answer)
  }
})

t.test('a verdict names the scanners that gave it, and not those of local policy', async (t) => {
  const { find } = open()
  const setup = { scanners: [local, clamd, scanner('eicar')] }
  await find(letter, virus, setup)
  t.match(await find(copy, clean, setup), {
    result: virus,
    cached: { scanners: ['clamd', 'eicar'] },
  })
  t.equal((await find(copy, clean, setup)).cached?.scanners.length, 2)
})

t.test('while signatures are being loaded, "clean" counts only for copies that wait', async (t) => {
  const date = 1.8e9 - 10
  const late = scanner('clamd', {
    cacheable: { ...clamd.cacheable!, hasLoaded: async () => false },
  })
  for (const [result, lasts] of [
    [clean, false],
    [virus, true],
  ] as const) {
    const { find, scans } = open({ signatureFiles: () => ({ changed: date, size: 0, seen: 2e9 }) })
    const setup = { scanners: [late] }
    const first = find(letter, result, setup)
    const waits = find(copy, vain, setup)
    t.match(await first, { result })
    t.match(await waits, { result: { answer: result.answer }, cached: { host: 'here' } })
    t.equal(scans.length, 1)
    const next = await find(copy, result, setup)
    t.equal(next.cached !== undefined, lasts, 'the next copy')
  }
})

t.test('a copy that waited has what is left of its time', async (t) => {
  const { find, given, pass } = open()
  const slow = () => {
    pass(5_000)
    return vain
  }
  const first = find(letter, slow)
  const second = find(copy)
  t.same((await first).result, vain)
  t.same((await second).result, clean)
  t.same(given, [settings.timeout, settings.timeout - 5_000])
})

t.test("the time that a store takes is part of the message's time", async (t) => {
  const slow = notingStore(() => {
    opened.pass(2_000)
    return undefined
  })
  const opened = open({ shared: slow.shared })
  await opened.find(letter)
  t.same(opened.given, [settings.timeout - 2_000])
})

t.test('copies that wait for a store get its verdict', async (t) => {
  let answer: (() => void) | undefined
  const shared: Shared = {
    ...notingStore(() => undefined).shared,
    async get(print) {
      await new Promise<void>((resolve) => (answer = resolve))
      return sealVerdict(cachedThere, print, secrets.seal, crypto)
    },
  }
  const { find, scans } = open({ shared })
  const all = [find(letter), find(copy)]
  await setImmediatePromise()
  answer?.()
  for (const { cached } of await Promise.all(all)) t.match(cached, { host: 'there' })
  t.same(scans, [])
})

t.test('processes of a host that wait for a dead store at the same time scan once', async (t) => {
  let giveUp = () => {}
  const givenUp = new Promise<void>((resolve) => {
    giveUp = resolve
  })
  const dead: Shared = {
    ...notingStore(() => undefined).shared,
    get: () => givenUp.then(() => undefined),
  }
  const memories = Array.from({ length: 3 }, (_, n) => new HostMemory({ self: n + 1 }))
  const processes = memories.map((memory) => open({ memory, shared: dead }))
  const letters = Array.from({ length: 5 }, (_, n) => letter.replace('Hello', `Hello ${n}`))
  const all = letters.flatMap((text) => processes.map(({ find }) => find(text)))
  await new Promise<void>((resolve) => {
    let told = 0
    for (const memory of memories) {
      memory.connect((events) => {
        for (const other of memories) if (other !== memory) other.receive(events)
        if (++told === memories.length) resolve()
      })
    }
  })
  giveUp()
  for (const { result } of await Promise.all(all)) t.equal(result.answer, 'clean')
  t.equal(processes.flatMap(({ scans }) => scans).length, letters.length)
})

t.test('a verdict that is too old for a copy that waited does not apply to it', async (t) => {
  for (const [maxAge, host] of [
    [1, undefined],
    [10, 'here'],
  ] as const) {
    const { find, scans, pass } = open({ maxAge })
    const slow = () => {
      pass(5_000)
      return clean
    }
    const first = find(letter, slow)
    const waiting = find(copy)
    t.equal((await first).cached, undefined)
    t.equal((await waiting).cached?.host, host)
    t.equal(scans.length, host ? 1 : 2)
  }
})

t.test('a verdict counts no longer than a stamp of the cluster', async (t) => {
  let now = 1_800_000_000_000
  const cluster = {
    keys: [],
    CLUSTERMAXAGE: 60,
    CLUSTERPEERS: 'optional',
  } as unknown as ClusterSettings
  const verdicts = await openVerdictsBy(readVerdictSettings({}), cluster, new HostMemory(), {
    crypto,
    log() {},
    now: () => now,
    scanTimeout: settings.timeout,
    signatureFiles: () => undefined,
    uptime: () => performance.now(),
  })
  const { header, form } = examine(Buffer.from(letter))
  const mail = { message: { form, header, body: Bytes.of() }, outgoing: header }
  const find = () =>
    verdicts!.find(mail, runOf([clamd]), async (_, more) => {
      more?.signatures?.('clamd', version)
      return clean
    })
  for (const [seconds, isCached] of [
    [0, false],
    [60, true],
    [1, false],
  ] as const) {
    now += seconds * 1000
    t.equal((await find()).cached !== undefined, isCached, `after ${seconds} s more`)
  }
})

t.test('the state of the shared store is returned, and it is closed', async (t) => {
  const { shared, told } = notingStore(() => undefined)
  t.equal(open().verdicts.sharing(), undefined)
  const { verdicts } = open({ shared })
  t.match(verdicts.sharing(), { trouble: 'down' })
  verdicts.close()
  t.same(told.at(-1), ['close'])
})

// promise: others-unharmed
t.test('deaths of scanners are never sent to other hosts', async (t) => {
  const { shared, told } = notingStore(() => undefined)
  const { find } = open({ shared })
  for (let n = 0; n < DEATHS_MAX; n++) await find(letter, killed)
  t.match((await find(letter)).result, leftAlone)
  t.notOk(told.some(([what]) => what === 'put'))
})

t.test('a store is not asked about scanners that are asked each time', async (t) => {
  const { shared, told } = notingStore(() => undefined)
  const { find, scans } = open({ shared })
  await find(letter, clean, { scanners: [local] })
  await new Promise(setImmediate)
  t.same(told, [])
  t.same(scans, [['local']])
})
