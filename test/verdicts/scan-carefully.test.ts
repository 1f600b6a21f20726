import * as crypto from 'node:crypto'
import t from 'tap'
import { readScanPolicy } from '../../src/scan/shared/scan-policy.ts'
import type { ScanResult } from '../../src/scan/shared/scan-result.ts'
import type { Scanner } from '../../src/scan/shared/scanner.ts'
import type { MessageIdentity } from '../../src/verdicts/copies/message-identity.ts'
import { deriveSecrets } from '../../src/verdicts/copies/secrets.ts'
import { scanCarefully } from '../../src/verdicts/scan-carefully.ts'
import { examine } from '../cluster/hashed-message.ts'
import { killed, message, openPoison } from './poison/poison-clock.ts'

const policy = readScanPolicy({ QHPSI: 'plugin: clamd' }, { qmailHome: '/q', control: '/c' })!
const secrets = deriveSecrets(Buffer.alloc(32, 7), crypto)
const clamd: Scanner = { name: 'clamd', local: false, scan: async () => ({ answer: 'clean' }) }

function identityOf(text: string, marks: readonly string[]): MessageIdentity {
  const bytes = Buffer.from(text)
  const { header, ...form } = examine(bytes)
  return {
    query: {
      message: { form, body: () => [bytes.subarray(header.length)], confirmFile() {} },
      leaving: header,
      scanners: [clamd],
      policy,
      maxAge: 3600,
      marks,
    },
    fingerprint: undefined,
    versions: undefined,
    secrets,
    maxAge: 3600,
    scanners: [clamd],
    fingerprintInput: {
      header,
      formFault: form.formFault,
      bodyDigest: form.digests.sha256,
      scanDescription: '',
    },
  }
}

const clean: ScanResult = { answer: 'clean', scanners: [clamd] }

const FULL_TIME = 60_000

/** A process whose scanner gives these answers, one after the other, each after 10 milliseconds. */
function open({ tries = 3 } = {}) {
  const clock = openPoison()
  const { poison } = clock
  /** What each scan was told of suspects, and the time that it was given. */
  const scans: (readonly [suspects: string | undefined, timeout: number])[] = []
  const scan = (
    text: string,
    answers: readonly (ScanResult | (() => ScanResult))[],
    { timeout = FULL_TIME, marks = [] as readonly string[], takes = 10 } = {},
  ) => {
    const left = [...answers]
    return scanCarefully(
      identityOf(text, marks),
      async (_, timeout, more) => {
        scans.push([more?.suspects, timeout])
        clock.pass(takes)
        const answer = left.shift() ?? clean
        return typeof answer === 'function' ? answer() : answer
      },
      timeout,
      {
        memory: { poison, inHand: undefined },
        poisonTries: tries,
        fullTime: FULL_TIME,
        uptime: poison.uptime,
        crypto,
      },
    )
  }
  return { ...clock, scan, scans }
}

t.test('a message that kills its scanner is withheld after so many scans', async (t) => {
  const { scan, scans, pass } = open({ tries: 2 })
  t.match(await scan('A: b\n\nx', [killed]), { why: 'died; failed scan 1 of 2 (POISONTRIES)' })
  pass(1000)
  t.match(await scan('A: b\n\nx', [killed]), { why: 'died; failed scan 2 of 2 (POISONTRIES)' })
  t.same(await scan('A: b\n\nx', []), {
    answer: 'unknown',
    scanner: 'clamd',
    why: 'poison: scanners died of it or took too long 2 times; not scanned for 60 minutes (POISONTRIES)',
    cause: 'poison',
    unfinished: true,
  })
  t.same(scans, [
    [undefined, FULL_TIME],
    ['this', FULL_TIME],
  ])
  t.match(await scan('A: b\n\ny', []), { answer: 'clean' }, 'another message')
  t.same(scans.at(-1), ['others', FULL_TIME])
})

t.test('a suspect that is scanned to its end is a suspect no more', async (t) => {
  const { scan, scans, pass } = open()
  await scan('A: b\n\nx', [killed])
  pass(1000)
  t.match(await scan('A: b\n\nx', [clean]), { answer: 'clean' })
  pass(1000)
  await scan('A: b\n\nx', [clean])
  t.same(
    scans.map(([suspects]) => suspects),
    [undefined, 'this', 'others'],
  )
})

t.test('if POISONTRIES is 0, nothing counts against a message', async (t) => {
  const { scan } = open({ tries: 0 })
  for (let time = 0; time < 5; time++) t.same(await scan('A: b\n\nx', [killed]), killed)
})

t.test('a failed scan counts if it had half of the time, and the scanner died of it', async (t) => {
  const { scan } = open()
  t.same(await scan('A: b\n\nx', [killed], { timeout: FULL_TIME / 2 - 1 }), killed)
  const { harmful: _, ...harmless } = killed
  t.same(await scan('A: b\n\nx', [harmless]), harmless)
  t.match(await scan('A: b\n\nx', [killed], { timeout: FULL_TIME / 2 }), { why: /scan 1 of 3/ })
})

/** Another message, whose scan fails whenever this is the answer of the scanner. */
function withAnother({ poison }: ReturnType<typeof openPoison>): () => ScanResult {
  const other = message(1)
  return () => {
    void poison.harmed(other, poison.uptime() - 10)
    return killed
  }
}

t.test('a message whose scan failed beside another is scanned again, at most twice', async (t) => {
  const rig = open()
  const beside = withAnother(rig)
  t.match(await rig.scan('A: b\n\nx', [beside, clean]), { answer: 'clean' })
  t.equal(rig.scans.length, 2)
  const result = await rig.scan('A: b\n\ny', [beside, beside, beside, clean])
  t.match(result, {
    why: 'died; scans of other messages failed with it, so this one does not count (POISONTRIES)',
  })
  t.equal(rig.scans.length, 2 + 3)
})

t.test('it is not scanned again in the last second of its time', async (t) => {
  for (const [left, times] of [
    [1000, 1],
    [1001, 2],
  ] as const) {
    const rig = open()
    const answers = [withAnother(rig), clean]
    await rig.scan('A: b\n\nx', answers, { takes: FULL_TIME - left })
    t.equal(rig.scans.length, times, `${left} ms`)
  }
})

t.test('mail that looks like several that scanners died of is held back', async (t) => {
  const { scan, scans, pass } = open({ tries: 9 })
  const marks = ['sender a']
  for (let at = 0; at < 4; at++) {
    await scan(`A: b\n\nkiller ${at}`, [killed], { marks })
    pass(2000)
  }
  const before = scans.length
  t.match(await scan('A: b\n\nlike them', [], { marks, timeout: 4000 }), {
    why: 'poison: scanners died of several messages of sender a; not scanned until another one of these was (POISONTRIES)',
    cause: 'poison',
  })
  t.equal(scans.length, before)
})
