import type { Trust } from '../cluster/verify.ts'
import type { Header } from '../message/header-block.ts'
import { withOwnFile } from '../scan/run/rest.ts'
import type { ScanRun } from '../scan/run/scan-run.ts'
import { sampleOf } from '../scan/sample.ts'
import { runScanners } from '../scan/scan.ts'
import type { ScanPolicy } from '../scan/shared/scan-policy.ts'
import type { ScanResult } from '../scan/shared/scan-result.ts'
import type { Scanner } from '../scan/shared/scanner.ts'
import type { KnownOrScanned, RunScanners } from '../verdicts/copies/verdict-query.ts'
import { excusesOf } from './exceptions.ts'
import type { Policy } from './policy.ts'
import type { Tools } from './tools.ts'
import type { Client, Transaction } from './transaction.ts'
import { isReleased, vouchesFor } from './trust.ts'

/** A transaction, and the header of its message without the fields that are removed. */
export interface LeavingMail extends Transaction {
  readonly leaving: Header
}

/** The result of a scan, or the verdict about a copy, with notes for the log. */
export interface ScanOutcome extends KnownOrScanned {
  readonly notes: readonly string[]
  /** The oddities of the message (mime/shared/oddities.ts), if it was read for them. */
  readonly oddities: ReadonlySet<string>
}

/**
 * Asks the scanners for which no stamp vouches, unless the verdict about a copy is known. Stamps
 * never vouch for scanners of local policy: a release spares the others, and not what this host's own
 * policy keeps out.
 */
export async function scanUnvouched(
  mail: LeavingMail,
  policy: Policy,
  tools: Tools,
  trust: Trust,
): Promise<ScanOutcome> {
  const { message, envelope, client, leaving } = mail
  const { scan, cluster } = policy
  const isSpared = isReleased(trust, mail, tools)
  const scanners = tools.scanners.filter(
    (scanner) => scanner.local || !(isSpared || vouchesFor(trust, scanner, scan)),
  )
  const unasked = isSpared
    ? ifNothingIsLocal(scanners, scan)
    : ifSizeExceeds(message.size, scan, scanners, trust)
  if (unasked !== undefined) return { result: unasked, notes: [], oddities: new Set() }

  const notes: string[] = []
  let oddities: ReadonlySet<string> = new Set()
  const settings = scanSettings(client, policy, tools)
  const odd = (found: ReadonlySet<string>) => {
    oddities = found
  }
  const sample = sampleOf(message, leaving, envelope, client.origin)
  const run: RunScanners = (those, timeout, { header, ...more } = {}) => {
    const all = { ...settings, scanners: those, timeout, ...more }
    if (header !== undefined) {
      const other = sampleOf(message, header, envelope, client.origin)
      const quiet = { ...all, note: () => {} }
      return withOwnFile(other, policy.spool, (own) => runScanners(own, quiet))
    }
    return runScanners(sample, {
      ...all,
      secondLook: { ...settings.secondLook, odd },
      note: (text) => notes.push(text),
    })
  }
  const question = {
    message,
    leaving,
    scanners,
    policy: scan,
    isExcused: settings.isExcused,
    // This host makes no stamp that is older than the cluster accepts.
    maxAge: cluster?.maxAge ?? Number.POSITIVE_INFINITY,
  }
  const found: KnownOrScanned = tools.verdicts
    ? await tools.verdicts.find(question, run)
    : { result: await run(scanners, scan.timeout) }
  const result = isSpared && found.result.answer === 'clean' ? RELEASE : found.result
  return { ...found, result, notes, oddities }
}

/** How policy has a message of this client scanned, by whatever scanners. */
function scanSettings(
  { bounceInjector }: Client,
  policy: Policy,
  { uptime, gone }: Pick<Tools, 'uptime' | 'gone'>,
): Omit<ScanRun, 'scanners' | 'timeout' | 'note'> {
  const { oversize, nesting, secondLook } = policy.scan
  return {
    oversize,
    // A refused bounce would be tried again for ever.
    nesting: {
      max: nesting.max,
      action: nesting.action === 'accept' || bounceInjector ? 'accept' : 'keep out',
    },
    secondLook: {
      when: secondLook.when,
      refusesEncrypted: secondLook.encrypted !== 'accept' && !bounceInjector,
      strict: secondLook.strict !== 'off' && !bounceInjector,
      spool: policy.spool,
    },
    isExcused: excusesOf(policy),
    uptime,
    gone,
  }
}

const RELEASE: ScanResult = { answer: 'skipped', why: 'released from quarantine' }

/** The result of a message that was released, if this host's own policy asks nothing about it. */
function ifNothingIsLocal(
  local: readonly Scanner[],
  { secondLook }: ScanPolicy,
): ScanResult | undefined {
  return local.length === 0 && secondLook.strict === 'off' ? RELEASE : undefined
}

/**
 * The result of a message that is too small or too large to be scanned. What another host has scanned
 * counts as scanned, whatever the limits are here.
 */
function ifSizeExceeds(
  size: number,
  { minSize, maxSize }: ScanPolicy,
  scanners: readonly Scanner[],
  { trusted }: Trust,
): ScanResult | undefined {
  if (size >= minSize && size <= maxSize) return undefined
  if (trusted && scanners.every(({ local }) => local)) return { answer: 'clean', scanners: [] }
  const why = size < minSize ? 'below QHPSIMINSIZE' : 'over QHPSIMAXSIZE'
  return { answer: 'skipped', why }
}
