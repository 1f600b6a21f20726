import type { Trust } from '../cluster/verify.ts'
import type { Header } from '../message/header-block.ts'
import { sampleOf } from '../scan/sample.ts'
import { runScanners } from '../scan/scan.ts'
import type { ScanPolicy } from '../scan/shared/scan-policy.ts'
import type { NamedFinding, Scanner } from '../scan/shared/scanner.ts'
import type { Verdict } from '../scan/shared/verdict.ts'
import { marksOf } from '../verdicts/poison/common-marks.ts'
import type { KnownOrScanned, RunScanners } from '../verdicts/shared/verdict-query.ts'
import { isExcused } from './exceptions.ts'
import type { Policy } from './policy.ts'
import type { Tools } from './tools.ts'
import type { Transaction } from './transaction.ts'
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
 * never vouch for scanners of local policy.
 */
export async function scanUnvouched(
  mail: LeavingMail,
  policy: Policy,
  tools: Tools,
  trust: Trust,
): Promise<ScanOutcome> {
  const { scan } = policy
  if (isReleased(trust, mail, tools)) return askLocalPolicy(mail, policy, tools)
  const scanners = tools.scanners.filter(
    (scanner) => scanner.local || !vouchesFor(trust, scanner, scan),
  )
  const limit = exceededSizeLimit(mail.message.size, scan)
  if (limit !== undefined) {
    // What another host has scanned counts as scanned, whatever the limits are here.
    const isVouched = trust.trusted && scanners.every(({ local }) => local)
    return withoutScan(isVouched ? { answer: 'clean', scanners: [] } : skipped(limit))
  }
  return findOrScan(mail, scanners, policy, tools)
}

/** A release spares scanners, and not what this host's own policy keeps out. */
async function askLocalPolicy(
  mail: LeavingMail,
  policy: Policy,
  tools: Tools,
): Promise<ScanOutcome> {
  const released = withoutScan(skipped('released from quarantine'))
  const local = tools.scanners.filter((scanner) => scanner.local)
  if (local.length === 0 && policy.scan.secondLook.strict === 'off') return released
  const outcome = await findOrScan(mail, local, policy, tools)
  return outcome.result.answer === 'clean' ? released : outcome
}

const skipped = (why: string): Verdict => ({ answer: 'skipped', why })

function withoutScan(result: Verdict): ScanOutcome {
  return { result, notes: [], oddities: new Set() }
}

function exceededSizeLimit(size: number, { minSize, maxSize }: ScanPolicy): string | undefined {
  if (size < minSize) return 'below QHPSIMINSIZE'
  return size > maxSize ? 'over QHPSIMAXSIZE' : undefined
}

/** Finds the verdict about a copy, if verdicts are remembered, or else scans. */
async function findOrScan(
  { message, envelope, client, leaving }: LeavingMail,
  scanners: readonly Scanner[],
  policy: Policy,
  { uptime, verdicts }: Tools,
): Promise<ScanOutcome> {
  const { scan } = policy
  const notes: string[] = []
  let oddities: ReadonlySet<string> = new Set()
  const run: RunScanners = (those, timeout, signatures) =>
    runScanners(sampleOf(message, leaving, envelope, client.origin), {
      scanners: those,
      timeout,
      oversize: scan.oversize,
      // A refused bounce would be tried again for ever.
      nesting: {
        max: scan.nesting.max,
        over: scan.nesting.over === 'accept' || client.bounceInjector ? 'accept' : 'keep out',
      },
      secondLook: {
        when: scan.secondLook.when,
        refusesEncrypted: scan.secondLook.encrypted !== 'accept' && !client.bounceInjector,
        strict: scan.secondLook.strict !== 'off' && !client.bounceInjector,
        spool: policy.spool,
        odd(found) {
          oddities = found
        },
      },
      isExcused: (found) => isExcused(found, policy),
      uptime,
      note: (text) => notes.push(text),
      signatures,
    })
  if (verdicts === undefined) {
    const result = await run(scanners, scan.timeout)
    return { result, notes, oddities }
  }
  // This host makes no stamp that is older than the cluster accepts.
  const maxAge = policy.cluster?.maxAge ?? Number.POSITIVE_INFINITY
  const marks = marksOf(client.origin?.clientAddress, envelope.sender.text, message.size)
  const question = {
    message,
    leaving,
    scanners,
    policy: scan,
    isExcused: (found: NamedFinding) => isExcused(found, policy),
    maxAge,
    marks,
  }
  const found = await verdicts.find(question, run)
  return { ...found, notes, oddities }
}
