import { nextTurn } from '../../../lib/flow/event-loop.ts'
import { loadCrypto } from '../../../lib/runtime/crypto.ts'
import type { ByteRange, Bytes } from '../../../mail/message/bytes.ts'
import { openAnonymousFile } from '../../../mail/message/spool.ts'
import { limits } from '../../../mail/mime/budget/limits.ts'
import { isNestedDeeper } from '../../../mail/mime/nested.ts'
import type { FormSet, PartForm } from '../../../mail/mime/traits/forms.ts'
import type { Oddity } from '../../../mail/mime/traits/oddities.ts'
import type { PartNames } from '../../../mail/mime/traits/part-names.ts'
import type { PartList, Sample, Scanner } from '../contract/scanner.ts'
import { type ScanResult, unknown, unread } from '../findings/scan-result.ts'
import { type AskContext, askScanners, type ScanRun } from './ask-scanners.ts'
import type { Batch } from './batch.ts'
import type { Inspections } from './inspections.ts'
import { listOf, PartListBuilder } from './part-list.ts'

/** A scan of one message. */
export interface MailScan extends AskContext {
  readonly message: Sample
  readonly run: ScanRun
  /** The contents that must still be scanned. */
  readonly batch: Batch
  /** The forms of parts that are left to the scan of the whole. */
  readonly extracted?: FormSet | undefined
}

/** The result of reading a message. */
export interface ScanReading {
  /** The result that ends the scan. */
  readonly result?: ScanResult | undefined
  /**
   * Whether each content was submitted to the scanners, and no part of the message exceeds a limit of
   * onescan.
   */
  readonly isToEnd: boolean
  /** The number of parts that were omitted, since the scan of the whole has them. */
  readonly omitted?: number
  /** The ranges of the scanned contents, if there is an exception. */
  readonly asked: readonly ByteRange[]
  /** The data of each part that mail programs show, if a scanner receives it. */
  readonly partList?: PartList | undefined
}

/** Reads the message. If `asksContents`, scans each content. */
export async function readMail(scan: MailScan, asksContents: boolean): Promise<ScanReading> {
  const { message, run, task, results, inspections, batch, extracted } = scan
  const mayTolerate = asksContents && run.isTolerated !== undefined
  const oddities = new Set<Oddity>()
  const asked: ByteRange[] = []
  let isCut = !asksContents
  let omitted = 0
  const { readContents } = await import('./read-contents.ts')
  const names = listenForNames(run)
  const reading = readContents(message, {
    spool: run.spool,
    signal: task.signal,
    maxDepth: limits.nesting,
    mayBeFile: results.toleratesLimits,
    seeksForms: extracted !== undefined,
    ...(mayTolerate && { onGiven: (range) => asked.push(range) }),
    ...((!inspections.isEmpty || names) && {
      onPart: (part) => listen(names, inspections, part),
    }),
    onOdd: (oddity) => {
      oddities.add(oddity)
      // It never ends the scan.
      if (oddity === 'encrypted' && run.keepsOut.has(oddity)) results.record(encrypted)
    },
  })
  const end = (result: ScanResult | undefined, isToEnd = false): ScanReading => ({
    result,
    isToEnd,
    omitted,
    asked,
    partList: names?.all,
  })
  try {
    for await (const step of reading) {
      let result: ScanResult | undefined
      if (step.kind !== 'content') isCut = true
      if (step.kind === 'late') return end(tooLate)
      if (step.kind === 'deeper') result = results.record(tooDeep)
      else if (step.kind === 'unread') {
        inspections.each((inspection) => inspection.leaveUnread(step.why))
        if (results.recordUnread(`second look: ${step.why}`, step.why)) return end(undefined)
      } else {
        if (!(await inspections.inspectContent(step.content.bytes, task.signal)))
          return end(tooLate)
        const partList = names && listOf(step.part)
        const content = partList ? { ...step.content, partList } : step.content
        const isOmitted =
          extracted !== undefined && (await isExtracted(step, extracted, run.scanners))
        if (isOmitted) omitted++
        if (asksContents && !isOmitted) result = await askScanners(batch.add(content), scan)
      }
      if (result !== undefined) return end(result)
      if (keepingOut(oddities, run).length > 0) break
    }
  } finally {
    run.onOddities?.(oddities)
  }
  const isToEnd = !isCut && !oddities.has('unread')
  const form = keepingOut(oddities, run)
  return end(form.length > 0 ? unread('form', form.join(', ')) : undefined, isToEnd)
}

/** Passes the names of a part to all observers, and yields their units of work. */
function* listen(
  names: PartListBuilder | undefined,
  inspections: Inspections,
  part: PartNames,
): Generator<number> {
  if (names) yield* names.part(part)
  yield* inspections.work((inspection) => inspection.part(part))
}

/** Reads the message only as far as needed to find out its nesting depth. */
export async function measureDepth({
  message: { bytes, header },
  run,
  task,
  results,
}: MailScan): Promise<ScanReading> {
  const end = (result?: ScanResult): ScanReading => ({ result, isToEnd: false, asked: [] })
  const openFile = () => openAnonymousFile(run.spool.directory)
  const { createHash } = await loadCrypto()
  const options = { openFile, createHash, header }
  const steps = isNestedDeeper(bytes, limits.nesting, options)
  let whyUnread: string | undefined
  let step = steps.next()
  for (; !step.done; step = steps.next()) {
    if (step.value.kind === 'unread') whyUnread = step.value.why
    await nextTurn()
    if (task.signal.aborted) {
      steps.return(false)
      return end(tooLate)
    }
  }
  if (step.value) return end(results.record(tooDeep))
  if (whyUnread !== undefined) results.recordUnread(whyUnread, whyUnread)
  return end()
}

/** Returns a collector of names if a scanner receives them. No message is read for names alone. */
function listenForNames({ scanners }: ScanRun): PartListBuilder | undefined {
  const takesNames = scanners.some((scanner) => !scanner.isPolicy && scanner.takesNames)
  return takesNames ? new PartListBuilder() : undefined
}

/** Returns the oddities for which a message is kept out, regardless of its other contents. */
function keepingOut(oddities: ReadonlySet<Oddity>, { keepsOut }: ScanRun): readonly Oddity[] {
  if (!keepsOut.has('form')) return []
  return [...oddities].filter((oddity) => oddity !== 'encrypted')
}

const tooLate = unknown('second look: no answer in time (SCANTIMEOUT)', 'timeout')

const encrypted = unread('encrypted', 'encrypted')

const tooDeep = unread(
  'depth',
  `more than ${limits.nesting} messages or multiparts inside one another`,
)

/**
 * The forms of parts that the one scanner of contents extracts from a message, or undefined if there are several.
 */
export async function extractedBy(
  scanners: readonly Scanner[],
  mail: Bytes,
): Promise<FormSet | undefined> {
  const [first, ...others] = scanners.filter((scanner) => !scanner.isPolicy)
  return others.length === 0 ? first?.decoder?.extracts(mail) : undefined
}

/** Whether the scan of the whole, or of the attached mail around it, has this content. */
async function isExtracted(
  { form, around }: { readonly form: PartForm | undefined; readonly around: Bytes | undefined },
  extracted: FormSet,
  scanners: readonly Scanner[],
): Promise<boolean> {
  if (form === undefined) return false
  const forms = around === undefined ? extracted : await extractedBy(scanners, around)
  return forms !== undefined && hasForm(forms, form)
}

/**
 * Returns whether a set contains a form. For libclamav the type and encoding of a part are one property, and
 * its multiparts are another.
 */
function hasForm({ contents, multiparts }: FormSet, form: PartForm): boolean {
  return contents.includes(form.content) && multiparts.includes(form.multiparts)
}
