import { signMessage } from '../cluster/sign.ts'
import { countedFrom, type SignatureFiles, settledDate } from '../cluster/signature-files.ts'
import { bearsStamp, EVERY_PART, RELEASED, SECOND_LOOK, scannerName } from '../cluster/stamp.ts'
import { type HashedMessage, type Trust, verifyStamps } from '../cluster/verify.ts'
import type { Crypto } from '../ground/runtime/crypto.ts'
import { examineClearing } from '../message/clear-header.ts'
import { type Header, withoutFields } from '../message/header-block.ts'
import type { Message } from '../message/spool.ts'
import { headerFormFault } from '../message/well-formed.ts'
import type { TimedLookup } from '../quota/ask/quota-answer.ts'
import { sampleOf } from '../scan/sample.ts'
import { runScanners } from '../scan/scan.ts'
import { haveLoaded } from '../scan/shared/have-loaded.ts'
import type { ScanPolicy } from '../scan/shared/scan-policy.ts'
import type { ScanResult } from '../scan/shared/scan-result.ts'
import type { Scanner } from '../scan/shared/scanner.ts'
import { marksOf } from '../verdicts/common-marks.ts'
import type { KnownOrScanned, ScanWith, Verdicts } from '../verdicts/verdicts.ts'
import {
  decide,
  decideUnclearHeader,
  fieldsThatGo,
  fieldsThatGoFrom,
  type Outcome,
  refuseLargeHeader,
} from './decide.ts'
import type { SingleDecision } from './decision.ts'
import { exceptionByFile } from './exception-by-file.ts'
import { answerForAll, deferOverQuota, quotaRemark } from './over-quota.ts'
import type { Policy } from './policy.ts'
import { inOwnWords } from './refusal-text.ts'
import type { Transaction } from './transaction.ts'

/** What the engine needs besides the message and the policy; tests hand in their own. */
export interface Tools {
  readonly scanners: readonly Scanner[]
  /** Needed if the policy has a cluster. */
  readonly crypto: Crypto | undefined
  /** The local signatures. */
  readonly signatureFiles: () => SignatureFiles | undefined
  /** Milliseconds of the world's clock, Date.now(): for what hosts and files say of times. */
  readonly now: () => number
  /** Milliseconds on a clock that nobody sets, for laps and deadlines. */
  readonly uptime: () => number
  /** The memory of verdicts about copies; without it each message is scanned. */
  readonly verdicts?: Verdicts | undefined
  /** For doors that answer for all recipients at once, and only at the end. */
  readonly quota?: TimedLookup | undefined
}

/**
 * From a message to a decision: ask whether any recipient has room for it, verify its stamps,
 * remove fields, look for the verdict about a copy, run the scanners for which neither a stamp
 * nor a verdict vouches, decide, sign. The scanned and signed message is the one that will
 * leave, but for the fields that are added on top. It remembers verdicts, and
 * changes nothing else; the door carries the decision out.
 */
export async function judge(
  transaction: Transaction,
  policy: Policy,
  tools: Tools,
): Promise<SingleDecision> {
  const { message } = transaction
  if (message.headerTooLarge) return refuseLargeHeader()
  const clearing = examineClearing(message.header, fieldsThatGo(policy))
  if (clearing.kind === 'unclear') return decideUnclearHeader(clearing.why, transaction, policy)
  const notes: string[] = policy.remark ? [policy.remark] : []
  const clock = stopwatch(tools.uptime)
  const times: Record<string, number> = {}
  if (tools.quota) {
    const answer = await answerForAll({ ...transaction, size: message.size }, tools.quota)
    times.quota = clock()
    if (answer?.answer === 'full') return deferOverQuota(transaction.envelope, times.quota)
    const remark = quotaRemark(answer)
    if (remark) notes.push(remark)
  }
  // Without a stamp nothing vouches for it, and its body is hashed while scanners look at it.
  const stamped = bearsStamp(message.header)
  const vouched = stamped ? await verify(transaction, policy, tools) : untrusted
  const verified = clock()
  const remove = fieldsThatGoFrom(message.header, vouched, policy)
  const leaving = withoutFields(message.header, remove)
  const remarks: Remarks = { notes, traits: new Set() }
  // Asked before the scan: signatures that scanners load during it may have come too late for this
  // message.
  const files = policy.cluster && tools.signatureFiles()
  const isUpToDate = await haveLoaded(tools.scanners, files, tools.now())
  const began = countedFrom(files, tools.now())
  const finding = findUnvouched({ ...transaction, leaving }, policy, tools, vouched, remarks)
  const verifying = stamped ? vouched : verify(transaction, policy, tools)
  await Promise.allSettled([finding, verifying]) // the door closes the message soon: nobody may go on reading it
  const [{ result: scan, known }, trust] = [await finding, await verifying]
  if (scan.answer === 'clean') message.confirmFile()
  const scanned = clock()
  const finds = { scan, since: known?.time ?? began }
  const maySign = isUpToDate || known !== undefined
  if (!maySign && scan.answer === 'clean' && scan.scanners.length > 0) notes.push(ON_THEIR_WAY)
  const stamp = maySign ? await sign(message, leaving, policy, tools, finds) : undefined
  const outcome: Outcome = {
    trust,
    scan,
    known: known && { host: known.host, age: seconds(tools.now()) - known.time },
    traits: remarks.traits,
    stamp,
    remove,
    notes,
    times: { ...times, verify: verified, scan: scanned, sign: clock() },
  }
  const left = policy.scan.timeout - scanned
  const line = await exceptionByFile({ ...transaction, leaving }, policy, tools, scan, left)
  const excusing = line === undefined ? policy : { ...policy, allowedBy: () => line }
  const decision = decide(transaction, excusing, outcome)
  return inOwnWords(decision, policy.refusalText, transaction.client.origin?.queueId)
}

/** What the log should say beside the verdict. */
interface Remarks {
  readonly notes: string[]
  traits: ReadonlySet<string>
}

const ON_THEIR_WAY = 'no stamp: signatures changed, and may not be loaded yet'

const untrusted: Trust = { trusted: false, why: '' }

async function verify(
  { message, client }: Transaction,
  policy: Policy,
  tools: Tools,
): Promise<Trust> {
  const { cluster } = policy
  if (cluster === undefined || tools.crypto === undefined) return untrusted
  if (cluster.peersOnly && !client.clusterPeer) {
    return { trusted: false, why: 'client is no CLUSTERPEER' }
  }
  return verifyStamps(await examined(message), {
    keys: cluster.keys,
    maxAge: cluster.maxAge,
    now: seconds(tools.now()),
    // The host that stamped the message may have got its signatures later than this one.
    signatureDate: () => settledDate(tools.signatureFiles()),
    crypto: tools.crypto,
  })
}

/** Scans for what the stamps do not vouch for. They never vouch for local policy. */
async function findUnvouched(
  { message, envelope, client, leaving }: Transaction & { readonly leaving: Header },
  policy: Policy,
  tools: Tools,
  trust: Trust,
  remarks: Remarks,
): Promise<KnownOrScanned> {
  const { scan } = policy
  const { size } = message
  if (isReleased(trust)) return { result: { answer: 'skipped', why: RELEASED_FROM_QUARANTINE } }
  const scanners = tools.scanners.filter(
    (scanner) => scanner.local || !vouchesFor(trust, scanner, scan),
  )
  const outside = sizeLimit(size, scan)
  if (outside !== undefined) {
    // What another host has scanned counts as scanned, whatever the limits are here.
    if (trust.trusted && scanners.every(({ local }) => local))
      return { result: { answer: 'clean', scanners: [] } }
    return { result: { answer: 'skipped', why: outside } }
  }
  const look: ScanWith = (those, timeout, signatures) =>
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
        // A refused bounce would be tried again for ever.
        strict: scan.secondLook.strict !== 'off' && !client.bounceInjector,
        spool: policy.spool,
        traits(found) {
          remarks.traits = found
        },
      },
      uptime: tools.uptime,
      note: (text) => remarks.notes.push(text),
      signatures,
    })
  if (tools.verdicts === undefined) return { result: await look(scanners, scan.timeout) }
  // This host makes no stamp that is older than the cluster accepts.
  const maxAge = policy.cluster?.maxAge ?? Number.POSITIVE_INFINITY
  const marks = marksOf(client.origin?.clientAddress, envelope.sender.text, size)
  return tools.verdicts.find({ message, leaving, scanners, policy: scan, maxAge, marks }, look)
}

function sizeLimit(size: number, { minSize, maxSize }: Policy['scan']): string | undefined {
  if (size < minSize) return 'below QHPSIMINSIZE'
  return size > maxSize ? 'over QHPSIMAXSIZE' : undefined
}

/** A host trusts no stamp that does not say that the signer looked as closely as this host does. */
function vouchesFor(trust: Trust, scanner: Scanner, { secondLook }: ScanPolicy): boolean {
  if (!trust.trusted) return false
  if (trust.scanners === 'all') return true
  const { when } = secondLook
  const everyPart = trust.scanners.has(EVERY_PART)
  if (when === 'always' && !everyPart) return false
  if (when === 'odd' && !everyPart && !trust.scanners.has(SECOND_LOOK)) return false
  return trust.scanners.has(scannerName(scanner.name))
}

/** An administrator of the cluster has released it, and that overrides local policy, too. */
function isReleased(trust: Trust): boolean {
  return trust.trusted && trust.scanners !== 'all' && trust.scanners.has(RELEASED)
}

const RELEASED_FROM_QUARANTINE = 'released from quarantine'

async function examined(message: Message): Promise<HashedMessage> {
  return { header: message.header, ...(await message.form()) }
}

/**
 * A stamp names the scanners that found the whole message clean, here or on a host that is
 * believed, and when. If no scanner ran, nothing is signed.
 */
async function sign(
  message: Message,
  leaving: Header,
  policy: Policy,
  { crypto, now }: Tools,
  { scan, since }: { readonly scan: ScanResult; readonly since: number },
): Promise<Outcome['stamp']> {
  if (policy.cluster === undefined || crypto === undefined || scan.answer !== 'clean')
    return undefined
  const scanners = scan.scanners.filter(({ local }) => !local).map(({ name }) => name)
  if (scanners.length === 0) return undefined
  const { when } = policy.scan.secondLook
  if (when !== 'never') scanners.push(when === 'always' ? EVERY_PART : SECOND_LOOK)
  const { formFault, digests } = await message.form()
  // If all fields go, the header is empty now.
  const fault = formFault ?? (leaving === message.header ? undefined : headerFormFault(leaving))
  return signMessage(
    { header: leaving, formFault: fault, digests },
    {
      keys: policy.cluster.keys,
      scanners,
      now: seconds(now()),
      since,
      crypto,
    },
  )
}

function seconds(milliseconds: number): number {
  return Math.floor(milliseconds / 1000)
}

/** Milliseconds since it was asked last. */
function stopwatch(now: () => number): () => number {
  let last = now()
  return () => {
    const lap = now() - last
    last += lap
    return lap
  }
}
