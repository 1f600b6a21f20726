import * as crypto from 'node:crypto'
import { Bytes } from '../../../../src/mail/message/bytes.ts'
import { Deadline } from '../../../../src/scanner/scan/judge/context/deadline.ts'
import { readScanSettings } from '../../../../src/scanner/scan/scanners/contract/scan-settings.ts'
import type { ContentScanner } from '../../../../src/scanner/scan/scanners/contract/scanner.ts'
import type { ScanResult } from '../../../../src/scanner/scan/scanners/findings/scan-result.ts'
import type { ScanPlan } from '../../../../src/scanner/scan/scanners/run/scan-plan.ts'
import type { SignatureFiles } from '../../../../src/scanner/scan/scanners/signatures/signature-files.ts'
import { deriveSecrets } from '../../../../src/scanner/scan/verdicts/copies/secrets.ts'
import { HostMemory } from '../../../../src/scanner/scan/verdicts/host-memory.ts'
import { Verdicts, type VerdictsOptions } from '../../../../src/scanner/scan/verdicts/verdicts.ts'
import { banScanner, planOf } from '../scanners/run/scanning.ts'
import { examine } from '../stamps/hashed-message.ts'

/** Verdicts about copies of a letter, with scanners that answer as a test defines. */

export const settings = readScanSettings(
  { QHPSI: 'plugin: clamd' },
  { qmailHome: '/q', control: '/c' },
)!
export const secrets = deriveSecrets(Buffer.alloc(32, 7), crypto)
export const letter = 'Date: today\nTo: ann@example.org\nSubject: hello\n\nHello\n'
export const copy = letter.replace('ann', 'ben')

/** What the scanners report of their signatures. */
export const reported = { version: 'ClamAV 1.4.3' }

export const filesOf = (changed: number | undefined): SignatureFiles | undefined =>
  changed === undefined ? undefined : { changed, others: changed, size: 0, seen: 2_000_000_000 }
export function scanner(name: string, more: Partial<ContentScanner> = {}): ContentScanner {
  return {
    name,
    hasBans: false,
    cacheable: { identity: name, signatures: async () => reported.version },
    scan: async () => ({ answer: 'clean' }),
    ...more,
  }
}
export const clamd = scanner('clamd')
export const local = banScanner('local')

/** The verdicts of a host, in a memory of its own. */
export function hostVerdicts(
  more: Pick<VerdictsOptions, 'now'> & Partial<VerdictsOptions>,
): Verdicts {
  return new Verdicts({
    memory: new HostMemory(),
    secrets: () => secrets,
    crypto,
    maxAgeSeconds: 3600,
    host: 'here',
    signatureFiles: () => undefined,
    fullTime: settings.timeout,
    ...more,
  })
}

export function open(more: Partial<VerdictsOptions> = {}) {
  let now = 1_800_000_000_000
  let uptime = 500_000 // as of a process that has run for a while
  const verdicts = hostVerdicts({ now: () => now, ...more })
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
      versions = [reported.version],
      ...setup
    }: Partial<ScanPlan> & { within?: number; versions?: readonly (string | undefined)[] } = {},
    ofShared?: ScanResult,
  ) => {
    const bytes = Buffer.from(text)
    const { header, canonical } = examine(bytes)
    const body = Bytes.of(bytes.subarray(header.length))
    const timeLeft = new Deadline(() => uptime).forScans(within)
    const run = planOf([clamd], { timeLeft, ...setup, settings: setup.settings ?? settings })
    const mail = { message: { canonical, header, body }, outgoing: header }
    return verdicts.find(mail, run, async (scanners, more) => {
      const names = scanners.map(({ name }) => name)
      if (more?.header) scansOfShared.push([more.header.bytes.toString('latin1'), names])
      else scans.push(names)
      given.push(run.timeLeft())
      if (scanners.includes(clamd)) for (const by of versions) more?.signatures?.('clamd', by)
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
export const clean = { answer: 'clean' } as const satisfies ScanResult
export const virus = {
  answer: 'infected',
  scanner: 'clamd',
  name: 'Eicar',
} as const satisfies ScanResult
export const vain = {
  answer: 'unknown',
  reason: 'clamd is down',
  cause: 'unreachable',
} as const satisfies ScanResult
/** The result of a scan during which clamd died. */
export const killed = {
  answer: 'unknown',
  reason: 'died',
  cause: 'broken-off',
  hasScannerDied: true,
} as const satisfies ScanResult
export const leftAlone = {
  answer: 'unknown',
  reason: /^scanners crashed 3 times while scanning it; /,
  cause: 'poison',
  isUnfinished: true,
}

export type Shared = NonNullable<VerdictsOptions['shared']>

/** A store that hosts share, and a record of what it is asked and sent. */
export function notingStore(kept: (fingerprint: string) => Buffer | undefined) {
  const calls: (readonly [what: string, value?: number | undefined])[] = []
  const shared: Shared = {
    async get(fingerprint, timeout) {
      calls.push(['get', timeout])
      return kept(fingerprint)
    },
    put: (_, __, seconds) => calls.push(['put', seconds]),
    release: () => calls.push(['release']),
    sharing: () => ({ counters: {} as never, trouble: 'down' }),
    close: () => calls.push(['close']),
  }
  return { shared, calls }
}
