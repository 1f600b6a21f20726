import { nextTurn } from '../../../lib/flow/event-loop.ts'
import { loadCrypto } from '../../../lib/runtime/crypto.ts'
import type { ByteRange, Bytes } from '../../../mail/message/bytes.ts'
import { openAnonymousFile } from '../../../mail/message/spool.ts'
import { limits } from '../../../mail/mime/budget/limits.ts'
import { isNestedDeeper } from '../../../mail/mime/nested.ts'
import type { FormSet, PartForm } from '../../../mail/mime/traits/forms.ts'
import type { Oddity } from '../../../mail/mime/traits/oddities.ts'
import type { PartNames } from '../../../mail/mime/traits/part-names.ts'
import type { ContentScanner, MessageSample, PartList, Scanner } from '../contract/scanner.ts'
import { type ScanResult, unknown, unread } from '../findings/scan-result.ts'
import { type AskContext, askScanners } from './ask-scanners.ts'
import type { Batch } from './batch.ts'
import type { Inspections } from './inspections.ts'
import { listOf, PartListBuilder } from './part-list.ts'
import type { FoundContent, ReadingOptions, ReadingStep } from './read-contents.ts'
import type { ScanRun } from './scan-run.ts'

/** A scan of one message. */
export interface MailScan extends AskContext {
  readonly message: MessageSample
  readonly run: ScanRun
  /** The scanners that are not local policy. */
  readonly contentScanners: readonly ContentScanner[]
  /** Whether each content is scanned, and not only the whole. */
  readonly scansContents: boolean
  /** The contents that must still be scanned. */
  readonly batch: Batch
  /** The forms of parts that are left to the scan of the whole. */
  readonly extracted?: FormSet | undefined
}

/** The result of reading a message. */
export interface ReadingResult {
  /** The result that ends the scan. */
  readonly result?: ScanResult | undefined
  /**
   * Whether each content was submitted to the scanners, and no part of the message exceeds a limit of
   * onescan.
   */
  readonly isToEnd: boolean
  /** The number of parts that were omitted, since the scan of the whole has them. */
  readonly omitted: number
  /** The ranges of the scanned contents, if there is an exception. */
  readonly scannedRanges: readonly ByteRange[]
  /** The data of each part that mail programs show, if a scanner receives it. */
  readonly partList?: PartList | undefined
}

/** A reading of one message, which is scanned meanwhile. */
export class ContentScan {
  readonly #scan: MailScan
  readonly #scansContents: boolean
  readonly #names: PartListBuilder | undefined
  readonly #oddities = new Set<Oddity>()
  readonly #scannedRanges: ByteRange[] = []
  #omitted = 0
  /** Whether something was not submitted, and not because it was omitted. */
  #isCut: boolean

  /** If `scansContents`, each content is scanned. */
  constructor(scan: MailScan, scansContents: boolean) {
    this.#scan = scan
    this.#scansContents = scansContents
    this.#names = listenForNames(scan.run)
    this.#isCut = !scansContents
  }

  /** Reads the message once, to its end or until a result ends the scan. */
  async read(): Promise<ReadingResult> {
    const { run, message } = this.#scan
    const { readContents } = await import('./read-contents.ts')
    try {
      for await (const step of readContents(message, this.#options())) {
        const ended = await this.#take(step)
        if (ended !== undefined) return ended
        if (this.#keepingOut().length > 0) break
      }
    } finally {
      run.onOddities?.(this.#oddities)
    }
    const form = this.#keepingOut()
    const isToEnd = !this.#isCut && !this.#oddities.has('unread')
    return this.#end(form.length > 0 ? unread('form', form.join(', ')) : undefined, isToEnd)
  }

  #options(): ReadingOptions {
    const { run, task, results, inspections, extracted } = this.#scan
    const mayTolerate = this.#scansContents && run.isTolerated !== undefined
    const listens = !inspections.isEmpty || this.#names !== undefined
    return {
      spool: run.spool,
      signal: task.signal,
      maxDepth: limits.nesting,
      mayBeFile: results.toleratesLimits,
      seeksForms: extracted !== undefined,
      ...(mayTolerate && { onGiven: (range) => this.#scannedRanges.push(range) }),
      ...(listens && { onPart: (part) => listen(this.#names, inspections, part) }),
      onOdd: (oddity) => {
        this.#oddities.add(oddity)
        // It never ends the scan.
        if (oddity === 'encrypted' && run.keepsOut.has(oddity)) results.record(encrypted)
      },
    }
  }

  /** Resolves to the result of the reading if the step ends it. */
  async #take(step: ReadingStep): Promise<ReadingResult | undefined> {
    if (step.kind === 'content') return this.#takeContent(step)
    this.#isCut = true
    return this.#takeLimit(step)
  }

  #takeLimit(step: Exclude<ReadingStep, { kind: 'content' }>): ReadingResult | undefined {
    const { results, inspections } = this.#scan
    switch (step.kind) {
      case 'late':
        return this.#end(tooLate)
      case 'deeper':
        return this.#endWith(results.record(tooDeep))
      case 'unread':
        inspections.each((inspection) => inspection.leaveUnread(step.why))
        return results.recordUnread(`second look: ${step.why}`, step.why) ? this.#end() : undefined
    }
  }

  async #takeContent(step: FoundContent): Promise<ReadingResult | undefined> {
    const { run, task, inspections, batch, extracted } = this.#scan
    const isInspected = await inspections.inspectContent(step.content.bytes, task.signal)
    if (!isInspected) return this.#end(tooLate)
    const isOmitted = extracted !== undefined && (await isExtracted(step, extracted, run.scanners))
    if (isOmitted) this.#omitted++
    if (isOmitted || !this.#scansContents) return undefined
    const partList = this.#names && listOf(step.part)
    const content = partList ? { ...step.content, partList } : step.content
    return this.#endWith(await askScanners(batch.add(content), this.#scan))
  }

  /** The oddities for which the message is kept out, regardless of its other contents. */
  #keepingOut(): readonly Oddity[] {
    if (!this.#scan.run.keepsOut.has('form')) return []
    return [...this.#oddities].filter((oddity) => oddity !== 'encrypted')
  }

  #endWith(result: ScanResult | undefined): ReadingResult | undefined {
    return result && this.#end(result)
  }

  #end(result?: ScanResult, isToEnd = false): ReadingResult {
    const partList = this.#names?.all
    return { result, isToEnd, omitted: this.#omitted, scannedRanges: this.#scannedRanges, partList }
  }
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
}: MailScan): Promise<ReadingResult> {
  const end = (result?: ScanResult): ReadingResult => ({
    result,
    isToEnd: false,
    omitted: 0,
    scannedRanges: [],
  })
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
