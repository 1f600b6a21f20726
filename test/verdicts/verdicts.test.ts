import * as crypto from 'node:crypto'
import { setImmediate as setImmediatePromise } from 'node:timers/promises'
import t from 'tap'
import type { SignatureFiles } from '../../src/cluster/signature-files.ts'
import type { ScanResult } from '../../src/scan/scan.ts'
import { readScanPolicy } from '../../src/scan/shared/scan-policy.ts'
import type { Scanner } from '../../src/scan/shared/scanner.ts'
import { openMemoryStore } from '../../src/verdicts/memory-store.ts'
import { createPoison } from '../../src/verdicts/poison.ts'
import { createScansInFlight } from '../../src/verdicts/scans-in-flight.ts'
import { sealVerdict } from '../../src/verdicts/seal.ts'
import { deriveSecrets } from '../../src/verdicts/secrets.ts'
import type { VerdictStore } from '../../src/verdicts/store.ts'
import { openVerdicts, type Question, type VerdictsOptions } from '../../src/verdicts/verdicts.ts'
import { examine } from '../cluster/examined.ts'

const policy = readScanPolicy({ QHPSI: 'plugin: clamd' }, { qmailHome: '/q', control: '/c' })!
const secrets = deriveSecrets(Buffer.alloc(32, 7), crypto)
const letter = 'Date: today\nTo: ann@example.org\nSubject: hello\n\nHello\n'
const copy = letter.replace('ann', 'ben')

let version = 'ClamAV 1.4.3'
const filesOf = (changed: number | undefined): SignatureFiles | undefined =>
  changed === undefined ? undefined : { changed, others: changed, size: 0, seen: 2_000_000_000 }
function scanner(name: string, more: Partial<Scanner> = {}): Scanner {
  return {
    name,
    local: false,
    memorable: { identity: name, signatures: async () => version },
    scan: async () => ({ answer: 'clean' }),
    ...more,
  }
}
const clamd = scanner('clamd')
const local: Scanner = { name: 'local', local: true, scan: clamd.scan }

function open(more: Partial<VerdictsOptions> = {}) {
  let now = 1_800_000_000_000
  let uptime = 0
  const verdicts = openVerdicts({
    stores: [openMemoryStore()],
    secrets: () => secrets,
    crypto,
    maxAge: 3600,
    host: 'here',
    signatureFiles: () => undefined,
    now: () => now,
    uptime: () => uptime,
    fullTime: policy.timeout,
    ...more,
  })
  const looks: string[][] = []
  const find = (
    text: string,
    answer: ScanResult | Promise<ScanResult> | (() => ScanResult | Promise<ScanResult>) = clean,
    wishes: Partial<Question> = {},
  ) => {
    const bytes = Buffer.from(text)
    const { header, ...form } = examine(bytes)
    const body = () => [bytes.subarray(header.length)]
    const question: Question = {
      message: { form: async () => form, body, confirmFile() {} },
      leaving: header,
      scanners: [clamd],
      policy,
      maxAge: Number.POSITIVE_INFINITY,
      marks: [],
      ...wishes,
    }
    return verdicts.find(question, (scanners, _, told) => {
      looks.push(scanners.map(({ name }) => name))
      if (scanners.includes(clamd)) told?.('clamd', version)
      return Promise.resolve(typeof answer === 'function' ? answer() : answer)
    })
  }
  return {
    verdicts,
    looks,
    find,
    pass(milliseconds: number) {
      now += milliseconds
      uptime += milliseconds
    },
  }
}

const clean: ScanResult = { answer: 'clean', scanners: [clamd] }
const virus: ScanResult = { answer: 'infected', scanner: 'clamd', name: 'Eicar', banned: false }
const killed: ScanResult = {
  answer: 'unknown',
  scanner: 'clamd',
  why: 'died',
  cause: 'broken-off',
  harmful: true,
}
const vain: ScanResult = {
  answer: 'unknown',
  scanner: 'clamd',
  why: 'clamd is down',
  cause: 'unreachable',
}

t.beforeEach(() => {
  version = 'ClamAV 1.4.3'
})

t.test('a copy of a message is known, and by whom and since when', async (t) => {
  const { find, looks, pass } = open()
  t.equal((await find(letter)).known, undefined)
  pass(12_000)
  t.match(await find(copy), { result: { answer: 'clean' }, known: { host: 'here', time: 1.8e9 } })
  t.equal(looks.length, 1)
  await find(letter.replace('Hello', 'Hallo'))
  t.equal(looks.length, 2)
})

t.test('a virus is known by its name and its scanner', async (t) => {
  const { find, looks } = open()
  await find(letter, virus)
  t.same((await find(copy)).result, virus)
  t.equal(looks.length, 1)
})

t.test('what could not be told, or depends on a limit or on local policy, is not', async (t) => {
  for (const result of [
    vain,
    { answer: 'skipped', why: 'too large' },
    { answer: 'nested', why: 'deep' },
    { answer: 'strange', why: 'odd' },
    { ...virus, scanner: 'local', banned: true },
    { ...virus, banned: true }, // by a scanner whose viruses are remembered
    { ...virus, scanner: 'local' },
  ] as const) {
    const { find, looks } = open()
    t.same(await find(letter, result), { result })
    t.same(await find(copy, result), { result })
    t.equal(looks.length, 2, result.answer)
  }
})

t.test('what a scanner says for reasons of its own is asked again each time', async (t) => {
  const { find, looks } = open()
  const wishes = { scanners: [local, clamd, scanner('plugin', { memorable: undefined! })] }
  await find(letter, clean, wishes)
  const banned = { ...virus, scanner: 'local', banned: true } as const
  t.same(await find(copy, banned, wishes), { result: banned })
  t.match(await find(copy, clean, wishes), { known: { host: 'here' } })
  t.same(looks, [['local', 'clamd', 'plugin'], ...Array(2).fill(['local', 'plugin'])])
})

t.test('who stands before the one that found a virus still goes before it', async (t) => {
  const { find, looks } = open()
  const wishes = { scanners: [local, clamd, scanner('plugin', { memorable: undefined! })] }
  await find(letter, virus, wishes)
  t.match(await find(copy, clean, wishes), { result: virus, known: { host: 'here' } })
  const banned = { ...virus, scanner: 'local', banned: true } as const
  t.same(await find(copy, banned, wishes), { result: banned })
  t.same(looks.slice(1), [['local'], ['local']])
})

t.test('where STRICTMIME keeps mail out, traits are looked for in each copy', async (t) => {
  const { find, looks } = open()
  const strict = { ...policy, secondLook: { ...policy.secondLook, strict: 'refuse' } } as const
  await find(letter)
  const strange = { answer: 'strange', why: 'odd' } as const
  t.same(await find(copy, strange, { policy: strict }), { result: strange })
  t.same(looks, [['clamd'], []])
})

t.test('a verdict by another look is none: scanners, second look, nesting', async (t) => {
  const { find, looks } = open()
  const wishes: Partial<Question>[] = [
    {},
    { scanners: [clamd, scanner('eicar')] },
    { scanners: [scanner('eicar'), clamd] },
    { scanners: [scanner('clamd', { memorable: { ...clamd.memorable!, identity: 'clamd(5)' } })] },
    { policy: { ...policy, secondLook: { ...policy.secondLook, when: 'odd' } } },
    { policy: { ...policy, nesting: { ...policy.nesting, max: 5 } } },
  ]
  for (const wish of wishes) await find(letter, clean, wish)
  t.equal(looks.length, wishes.length)
  for (const wish of wishes) await find(copy, clean, wish)
  t.equal(looks.length, wishes.length)
})

t.test('a verdict ends with its age, its signatures, or the change of the database', async (t) => {
  let date: number | undefined
  const { find, looks, pass } = open({ signatureFiles: () => filesOf(date) })
  await find(letter)
  pass(3_600_000)
  await find(copy)
  t.equal(looks.length, 1)
  pass(1_000)
  await find(copy)
  t.equal(looks.length, 2, 'too old')
  pass(1_000)
  await find(copy, clean, { maxAge: 0 })
  t.equal(looks.length, 3, 'for this question')
  version = 'ClamAV 1.4.4'
  await find(copy)
  t.equal(looks.length, 4, 'other signatures')
  date = 1.8e9 + 1e6
  await find(copy)
  t.equal(looks.length, 5, 'the database has changed')
})

t.test('where signatures are not known, nothing is remembered or believed', async (t) => {
  const { find, looks } = open()
  await find(letter)
  version = undefined!
  await find(copy)
  await find(copy)
  t.equal(looks.length, 3)
})

t.test('a scanner that does not tell when its signatures change is asked each time', async (t) => {
  for (const [signatures, date, isKnown] of [
    ['not told', 1.7e9, false],
    ["this host's", undefined, false],
    ["this host's", 1.7e9, true],
  ] as const) {
    const poison = { known: createPoison(undefined, undefined, async () => {}), tries: 1 }
    const { find, looks } = open({ signatureFiles: () => filesOf(date), poison })
    const command = scanner('command', { memorable: { identity: 'command', signatures } })
    const wishes = { scanners: [command] }
    await find(letter, clean, wishes)
    t.equal((await find(copy, clean, wishes)).known !== undefined, isKnown)
    const other = letter.replace('Hello', 'Hallo')
    await find(other, killed, wishes)
    t.match(
      (await find(other, clean, wishes)).result,
      { why: /^poison: / },
      'with care all the same',
    )
    t.equal(looks.length, isKnown ? 2 : 3)
  }
})

t.test('a scanner that looked by older signatures than are here now is not believed', async (t) => {
  const { verdicts, find } = open()
  version = 'ClamAV 1.4.3/27601/Tue'
  const { header, ...form } = examine(Buffer.from(letter))
  const message = { form: async () => form, body: () => [], confirmFile() {} }
  let looks = 0
  for (let n = 0; n < 2; n++) {
    await verdicts.find(
      { message, leaving: header, scanners: [clamd], policy, maxAge: 3600, marks: [] },
      async (_, __, told) => {
        looks++
        told?.('clamd', 'ClamAV 1.4.3/27601/Tue')
        told?.('clamd', 'ClamAV 1.4.3/27600/Mon')
        return clean
      },
    )
  }
  t.equal(looks, 2)
  t.equal((await find(letter)).known, undefined)
})

t.test('copies that come at once wait for the first one', async (t) => {
  const { find, looks } = open()
  let end: (result: ScanResult) => void = () => {}
  const first = find(letter, new Promise<ScanResult>((resolve) => (end = resolve)))
  const others = Array.from({ length: 50 }, () => find(copy))
  await new Promise(setImmediate)
  t.equal(looks.length, 1)
  end(virus)
  t.equal((await first).known, undefined)
  for (const found of await Promise.all(others)) {
    t.match(found, { result: virus, known: { host: 'here' } })
  }
  t.equal(looks.length, 1)
})

t.test('if that could not tell, one of them looks, and not all', async (t) => {
  const { find, looks } = open()
  const first = find(letter, vain)
  const others = Array.from({ length: 50 }, () => find(copy))
  t.same((await first).result, vain)
  for (const { result } of await Promise.all(others)) t.same(result, clean)
  t.equal(looks.length, 2)
})

t.test('if two could not tell, who waited for both does not look any more', async (t) => {
  const { find, looks } = open()
  const all = Array.from({ length: 50 }, () => find(letter, vain))
  for (const { result } of await Promise.all(all)) t.same(result, vain)
  t.equal(looks.length, 2)
  t.same((await find(letter, clean)).result, clean, 'the next one does')
})

t.test('who leaves before the end, or gives no time, has no copy of it deferred', async (t) => {
  const left = { ...vain, unfinished: true } as const
  const hasty = { policy: { ...policy, timeout: policy.timeout / 3 } }
  for (const [what, answer, wishes] of [
    ['leaves', left, {}],
    ['gives no time', vain, hasty],
  ] as const) {
    const { find, looks } = open()
    const strangers = Array.from({ length: 5 }, () => find(letter, answer, wishes))
    const others = Array.from({ length: 50 }, () => find(copy))
    for (const { result } of await Promise.all(strangers)) t.same(result, answer, what)
    for (const { result } of await Promise.all(others)) t.same(result, clean, what)
    t.equal(looks.length, 6, what)
  }
})

t.test('a message that is not looked at for what it did has no copy deferred', async (t) => {
  const poison = { known: createPoison(undefined, undefined, async () => {}), tries: 1 }
  const { find, looks } = open({ poison })
  t.match((await find(letter, killed)).result, { why: /scan 1 of 1/ })
  const withheld = Array.from({ length: 5 }, () => find(letter))
  const others = Array.from({ length: 5 }, () => find(copy))
  for (const { result } of await Promise.all(withheld)) t.match(result, { why: /^poison: / })
  for (const { result } of await Promise.all(others)) t.same(result, clean)
  t.equal(looks.length, 2)
})

t.test('a message that no two readers read alike is left alone, too, if it kills', async (t) => {
  const odd = [
    letter.replace('Hello', 'Hello\rthere'),
    letter.replace('Subject', 'Sub\0ject'),
    letter.replace('\n\n', '\n \n'),
    letter.replace('ann', `ann${' x'.repeat(50_000)}`),
  ]
  for (const text of odd) {
    const poison = { known: createPoison(undefined, undefined, async () => {}), tries: 3 }
    const { find, looks } = open({ poison })
    for (let n = 1; n <= 3; n++) {
      const again = text.replace('Date: today', `Date: ${n}`)
      t.match((await find(again, killed)).result, { why: `scan ${n} of 3` })
    }
    t.match((await find(text)).result, { answer: 'unknown', why: /^poison: / })
    t.same((await find(text.replace('Hello', 'Hullo'))).result, clean)
    t.equal(looks.length, 4)
  }
})

t.test(
  'nor does one have others withheld or deferred that were there when it killed',
  async (t) => {
    const poison = { known: createPoison(undefined, undefined, setImmediatePromise), tries: 1 }
    const { find, looks } = open({ poison })
    const death = setImmediatePromise(killed)
    const answers = [death, clean]
    const [killer, bystander] = await Promise.all([
      find(letter.replace('Hello', 'Hello\rthere'), () => death),
      find(letter, () => answers.shift()!),
    ])
    t.match(killer.result, { answer: 'unknown', why: /scan 1 of 1 that went so/ })
    t.same(bystander.result, clean, 'it is asked about again')
    t.equal(looks.length, 4)
  },
)

t.test('nobody waits for longer than its own time', async (t) => {
  const { find, looks } = open()
  let end: (result: ScanResult) => void = () => {}
  const first = find(letter, new Promise<ScanResult>((resolve) => (end = resolve)))
  const hasty = { policy: { ...policy, timeout: 20 } }
  t.match((await find(copy, clean, hasty)).result, { answer: 'unknown', why: /SCANTIMEOUT/ })
  t.equal(looks.length, 1)
  end(clean)
  await first
})

t.test('a look that throws leaves nobody waiting', async (t) => {
  const { find, looks } = open()
  const first = find(letter, Promise.reject(new Error('disk full')))
  const others = Array.from({ length: 5 }, () => find(copy))
  await t.rejects(first, { message: 'disk full' })
  for (const { result } of await Promise.all(others)) t.same(result, clean)
  t.equal(looks.length, 6)
})

t.test('a file that somebody changed under the scanner leaves no verdict', async (t) => {
  const { find, looks } = open()
  const { header: _, ...form } = examine(Buffer.from(letter))
  const message = {
    form: async () => form,
    body: () => [],
    confirmFile() {
      throw new Error('changed')
    },
  }
  await t.rejects(find(letter, clean, { message }), { message: 'changed' })
  await find(copy)
  t.equal(looks.length, 2)
})

t.test('a store that holds nonsense, or that of another message, costs a scan', async (t) => {
  const verdict = {
    found: { answer: 'clean' },
    scanners: ['clamd'],
    signatures: 'clamd=ClamAV 1.4.3',
    time: 1.8e9,
    host: 'there',
  } as const
  const kept: [Buffer, Buffer][] = []
  const fill = (make: (fingerprint: Buffer) => Buffer | undefined): VerdictStore => ({
    get: (fingerprint) => make(fingerprint),
    put: (...entry) => kept.push([entry[0], entry[1]]),
    close() {},
  })
  const seal = (fingerprint: Buffer) => sealVerdict(verdict, fingerprint, secrets.seal, crypto)
  const honest = open({ stores: [fill(seal)] })
  t.match(await honest.find(letter), { known: { host: 'there' } })
  for (const make of [
    () => Buffer.alloc(0),
    () => Buffer.from('OK'),
    () => seal(Buffer.alloc(32)),
    (print: Buffer) => seal(print).subarray(0, -1),
    (print: Buffer) => sealVerdict(verdict, print, secrets.fingerprint, crypto),
    (print: Buffer) => sealVerdict({ ...verdict, time: 1 }, print, secrets.seal, crypto),
  ]) {
    const { find, looks } = open({ stores: [fill(make)] })
    t.equal((await find(letter)).known, undefined)
    t.equal(looks.length, 1)
  }
  await new Promise(setImmediate) // they are kept behind the answer
  t.equal(kept.length, 6)
})

t.test('the memory is bounded in bytes, and forgets what is old', async (t) => {
  const store = openMemoryStore(10_000)
  const keys = Array.from({ length: 100 }, (_, n) => Buffer.alloc(32, n))
  for (const key of keys) store.put(key, Buffer.alloc(700), 60)
  const kept = keys.filter((key) => store.get(key) !== undefined)
  t.ok(kept.length > 5 && kept.length < 14, `${kept.length} are kept`)
  t.same(kept, keys.slice(-kept.length), 'the last ones')
})

t.test('inFlight of different messages know nothing of each other', async (t) => {
  const inFlight = createScansInFlight()
  const [a, b] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)]
  const own = inFlight.begin(a, 1000)
  t.equal(inFlight.of(b), undefined)
  t.equal(inFlight.of(a), own)
  own.end({ kind: 'nothing' })
  t.equal(inFlight.of(a), undefined)
})
