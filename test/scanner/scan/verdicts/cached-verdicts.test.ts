import * as crypto from 'node:crypto'
import t from 'tap'
import { Fault } from '../../../../src/base/errors/fault.ts'
import { Bytes } from '../../../../src/mail/message/bytes.ts'
import { DEATHS_MAX } from '../../../../src/scanner/scan/crash-guard/poison.ts'
import {
  infected,
  type ScanResult,
} from '../../../../src/scanner/scan/scanners/findings/scan-result.ts'
import type { ScanPlan } from '../../../../src/scanner/scan/scanners/run/scan-plan.ts'
import type { ClusterSettings } from '../../../../src/scanner/scan/stamps/keyring.ts'
import { HostMemory } from '../../../../src/scanner/scan/verdicts/host-memory.ts'
import {
  openVerdictsBy,
  readVerdictSettings,
} from '../../../../src/scanner/scan/verdicts/open-verdicts.ts'
import { planOf } from '../scanners/run/scanning.ts'
import { examine } from '../stamps/hashed-message.ts'
import {
  clamd,
  clean,
  copy,
  filesOf,
  killed,
  leftAlone,
  letter,
  local,
  open,
  reported,
  scanner,
  settings,
  vain,
  virus,
} from './rig.ts'

/** Which verdicts are cached, for which copies they count, and for how long. */

t.beforeEach(() => {
  reported.version = 'ClamAV 1.4.3'
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

t.test('an infected verdict is for copies only if they share the virus', async (t) => {
  const shared = 'date:\nto:\nSubject: hello\n\n'
  for (const result of [
    clean,
    vain,
    { ...virus, isBanned: true },
    { answer: 'unread', kind: 'size', reason: '' },
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
})

t.test('a result that is unknown, or depends on a limit or policy, is not cached', async (t) => {
  for (const result of [
    vain,
    { answer: 'unread', kind: 'size', reason: 'too large' },
    { answer: 'unread', kind: 'depth', reason: 'deep' },
    { answer: 'unread', kind: 'oddities', reason: 'odd' },
    { ...virus, scanner: 'local', isBanned: true },
    { ...virus, isBanned: true }, // by a scanner whose verdicts are cached
    { ...virus, scanner: 'local' },
  ] as const) {
    const { find, scans } = open()
    t.same(await find(letter, result), { result })
    t.same(await find(copy, result), { result })
    t.equal(scans.length, 2, result.answer)
  }
})

const banned: ScanResult = { ...virus, scanner: 'local', isBanned: true }
const strange = { answer: 'unread', kind: 'oddities', reason: 'odd' } as const
const [one, two] = ['one', 'two'].map((name) => scanner(name, { cacheable: undefined! }))
const strict = { ...settings, STRICTMIME: 'refuse' } as const
/** The scanners that are asked about a copy, by what is known, and their answers about it. */
const askedAbout: readonly (readonly [
  what: string,
  setup: Partial<ScanPlan>,
  known: ScanResult,
  asked: readonly string[],
  answers: readonly ScanResult[],
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
    'of bans alone beside a known virus',
    { scanners: [scanner('eicar'), local, clamd, one!, two!] },
    virus,
    ['local'],
    [clean],
  ],
  ['that are none, if STRICTMIME has each copy read', { settings: strict }, clean, [], [strange]],
]
for (const [what, setup, known, asked, answers] of askedAbout) {
  t.test(`about a copy those scanners are asked ${what}`, async (t) => {
    const { find, scans } = open()
    await find(letter, known, { ...setup, settings })
    for (const answer of answers) {
      const found = await find(copy, answer, setup)
      if (answer === clean) t.match(found, { result: known, cached: { host: 'here' } })
      else t.same(found, { result: answer })
    }
    const later = scans.slice(1)
    t.same(
      later,
      answers.map(() => asked),
    )
  })
}

t.test('a verdict of another scanner or second look is ignored', async (t) => {
  const { find, scans } = open()
  const setup: Partial<ScanPlan>[] = [
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
  reported.version = 'ClamAV 1.4.4'
  await find(copy)
  t.equal(scans.length, 3, 'other signatures')
  date = 1.8e9 + 1e6
  await find(copy)
  t.equal(scans.length, 4, 'the database has changed')
  const { find: findNothing, scans: all } = open({ maxAgeSeconds: 0 })
  for (const mail of [letter, copy]) await findNothing(mail)
  t.equal(all.length, 2, 'even if it is as new as can be')
})

t.test('if signatures are not known, no verdict is cached or trusted', async (t) => {
  const { find, scans } = open()
  await find(letter)
  reported.version = undefined!
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

t.test('a scan by other signatures than those of now leaves no verdict', async (t) => {
  const now = 'ClamAV 1.4.3/27601/Tue'
  const older = 'ClamAV 1.4.3/27600/Mon'
  const newer = 'ClamAV 1.4.3/27602/Wed'
  for (const versions of [[now, older], [older, now], [older], [newer], [undefined]]) {
    const { find, scans } = open()
    reported.version = now
    for (let n = 0; n < 2; n++) await find(letter, clean, { versions })
    t.equal((await find(letter)).cached, undefined)
    t.equal(scans.length, 3, versions.join())
  }
})

t.test('a file that is not as it was after the scan leaves no verdict', async (t) => {
  const { find, scans } = open()
  const changed = new Fault('read', 'changed')
  await t.rejects(find(letter, Promise.reject(changed)), { message: 'changed' })
  await find(copy, { ...infected('A'), scanner: 'clamd', isUnconfirmed: true })
  t.equal((await find(letter)).cached, undefined)
  t.equal(scans.length, 3)
})

t.test('a verdict names the scanners that gave it, and not those for bans', async (t) => {
  const { find } = open()
  const setup = { scanners: [local, clamd, scanner('eicar')] }
  await find(letter, virus, setup)
  t.match(await find(copy, clean, setup), {
    result: virus,
    cached: { scanners: ['clamd', 'eicar'] },
  })
  t.equal((await find(copy, clean, setup)).cached?.scanners.length, 2)
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
  const { header, canonical } = examine(Buffer.from(letter))
  const mail = { message: { canonical, header, body: Bytes.of() }, outgoing: header }
  const find = () =>
    verdicts!.find(mail, planOf([clamd]), async (_, more) => {
      more?.signatures?.('clamd', reported.version)
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
