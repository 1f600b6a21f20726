import { loadCrypto } from '../../../../base/runtime/crypto.ts'
import type { ByteRange, Bytes } from '../../../../mail/message/bytes.ts'
import { openAnonymousFile } from '../../../../mail/message/spool.ts'
import {
  type FormSet,
  isNestedDeeper,
  limits,
  type Oddity,
  type PartForm,
  type PartNames,
} from '../../../../mail/mime/index.ts'
import type { ContentScanner, PartList } from '../contract/scanner.ts'
import { type ScanResult, unknown, unread } from '../findings/scan-result.ts'
import { Batch } from './batch.ts'
import type { Inspections } from './inspections.ts'
import { PartListBuilder, partListOf } from './part-list.ts'
import type { FoundContent, readContents } from './read-contents.ts'
import type { ScanRun } from './scan-run.ts'
import { type ScanPass, scanSamples } from './scan-samples.ts'

/**
 * Reads a message and scans each part as it is found, except parts of the forms `extracted`, which the scan of the
 * whole message covers.
 */
export class MailReading {
  /** The contents that must still be scanned. */
  readonly batch: Batch
  /** Whether each content is scanned, and not only the whole. */
  readonly scansContents: boolean
  /** The ranges of the scanned contents, if there is an exception. */
  readonly scannedRanges: ByteRange[] = []
  readonly #pass: ScanPass
  readonly #extracted: FormSet | undefined
  #names: PartListBuilder | undefined
  readonly #oddities = new Set<Oddity>()
  #omitted = 0
  #isToEnd = false

  constructor(pass: ScanPass, extracted?: FormSet) {
    const scanners = contentScannersOf(pass.run)
    this.batch = new Batch(scanners)
    this.scansContents = pass.run.settings.SECONDLOOK === 'always' && scanners.length > 0
    this.#pass = pass
    this.#extracted = extracted
  }

  /** Whether each content was submitted to the scanners, and no part of the message exceeds a limit of onescan. */
  get isToEnd(): boolean {
    return this.#isToEnd
  }

  /** The number of parts that were omitted, since the scan of the whole has them. */
  get omitted(): number {
    return this.#omitted
  }

  /** The data of each part that mail programs show, if a scanner receives it. */
  get partList(): PartList | undefined {
    return this.#names?.all
  }

  /**
   * Reads the message, to its end or until a result ends the scan. Resolves to that result. Scanners get the small
   * contents when the message is read, so that they get none of a message that exceeds a limit of onescan.
   */
  async read(scansContents = this.scansContents): Promise<ScanResult | undefined> {
    const { run, results, inspections } = this.#pass
    const { readContents } = await import('./read-contents.ts')
    this.#names = listenForNames(run)
    this.#omitted = 0
    let isCut = !scansContents
    try {
      for await (const step of readContents(this.#pass, this.#options(scansContents))) {
        if (step.kind !== 'content') isCut = true
        if (step.kind === 'late') return tooLate
        if (step.kind === 'unread') {
          inspections.each((inspection) => inspection.leaveUnread(step.reason))
          if (results.recordUnread(`second look: ${step.reason}`, step.reason)) {
            this.batch.endKeeping()
            return undefined
          }
        } else {
          const result =
            step.kind === 'deeper'
              ? results.record(tooDeep)
              : await this.#takeContent(step, scansContents)
          if (result !== undefined) return result
        }
        if (this.#keepingOut().length > 0) break
      }
    } finally {
      run.onOddities?.(this.#oddities)
    }
    this.#isToEnd = !isCut && !this.#oddities.has('unread')
    const odd = this.#keepingOut()
    return odd.length > 0 ? unread('oddities', odd.join(', ')) : this.#submitKept()
  }

  #options(scansContents: boolean): Parameters<typeof readContents>[1] {
    const { run, results, inspections } = this.#pass
    const mayTolerate = scansContents && run.tolerance.isTolerated !== undefined
    const listens = !inspections.isEmpty || this.#names !== undefined
    return {
      isFile: run.readAs === 'file',
      maxDepth: limits.nesting,
      mayBeFile: run.tolerance.toleratesLimits ?? false,
      seeksForms: this.#extracted !== undefined,
      ...(inspections.isEmpty && { leaves: (form) => this.#omit(form, this.#extracted) }),
      ...(mayTolerate && { onEmitted: (range) => this.scannedRanges.push(range) }),
      ...(listens && { onPart: (part) => listen(this.#names, inspections, part) }),
      onOdd: (oddity) => {
        this.#oddities.add(oddity)
        if (oddity === 'encrypted') results.record(encrypted) // it never ends the scan
      },
    }
  }

  async #takeContent(step: FoundContent, scansContents: boolean): Promise<ScanResult | undefined> {
    const { run, inspections } = this.#pass
    const isInspected = await inspections.inspectContent(step.content.bytes, run.signal)
    if (!isInspected) return tooLate
    const { form, around } = step
    const forms = form && around ? extractedBy(this.#pass.run, around) : this.#extracted
    if (this.#omit(form, forms) || !scansContents) return undefined
    const partList = this.#names && partListOf(step.part)
    const content = partList ? { ...step.content, partList } : step.content
    if (this.batch.keep(content)) return undefined
    return (await this.#submitKept()) ?? scanSamples(this.batch.add(content), this.#pass)
  }

  async #submitKept(): Promise<ScanResult | undefined> {
    for (const content of this.batch.endKeeping()) {
      const result = await scanSamples(this.batch.add(content), this.#pass)
      if (result !== undefined) return result
    }
    return undefined
  }

  /**
   * Omits a content of one of these forms, and counts it: it is left to the scan of the whole, or of the attached
   * mail around it. Returns false for other contents.
   */
  #omit(form: PartForm | undefined, forms: FormSet | undefined): boolean {
    const isOmitted = form !== undefined && forms !== undefined && hasForm(forms, form)
    if (isOmitted) this.#omitted++
    return isOmitted
  }

  /** The oddities for which the message is kept out, regardless of its other contents. */
  #keepingOut(): readonly Oddity[] {
    if (!this.#pass.run.tolerance.keepsOut.has('oddities')) return []
    return [...this.#oddities].filter((oddity) => oddity !== 'encrypted')
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

/**
 * Reads the message only as far as needed to find out its nesting depth. Resolves to the result that ends the
 * scan.
 */
export async function measureDepth({
  message: { bytes, header },
  run,
  results,
}: ScanPass): Promise<ScanResult | undefined> {
  const openFile = () => openAnonymousFile(run.spool.directory)
  const { createHash } = await loadCrypto()
  const steps = isNestedDeeper(bytes, limits.nesting, { openFile, createHash, header })
  let reason: string | undefined
  let step = steps.next()
  for (; !step.done; step = steps.next()) {
    if (step.value.kind === 'unread') reason = step.value.reason
    await run.nextTurn()
    if (run.signal.aborted) {
      steps.return(false)
      return tooLate
    }
  }
  if (step.value) return results.record(tooDeep)
  if (reason !== undefined) results.recordUnread(reason, reason)
  return undefined
}

/** Returns a collector of names if a scanner receives them. No message is read for names alone. */
function listenForNames({ scanners }: ScanRun): PartListBuilder | undefined {
  const takesNames = scanners.some((scanner) => !scanner.hasBans && scanner.takesNames)
  return takesNames ? new PartListBuilder() : undefined
}

const tooLate = unknown('second look: no answer in time (SCANTIMEOUT)', 'timeout')

const encrypted = unread('encrypted', 'encrypted content was not scanned')

const tooDeep = unread(
  'depth',
  `more than ${limits.nesting} messages or multiparts inside one another`,
)

/** Returns the scanners that scan contents. */
export function contentScannersOf({ scanners }: ScanRun): readonly ContentScanner[] {
  return scanners.filter((scanner) => !scanner.hasBans)
}

/**
 * The forms of parts that the one scanner of contents extracts from a message, or undefined if there are several.
 */
export function extractedBy(run: ScanRun, mail: Bytes): FormSet | undefined {
  const [first, ...others] = contentScannersOf(run)
  return others.length === 0 ? first?.decoder?.extracts(mail) : undefined
}

/**
 * Returns whether a set contains a form. For libclamav the type and encoding of a part are one property, and
 * its multiparts are another.
 */
function hasForm({ contents, multiparts }: FormSet, form: PartForm): boolean {
  return contents.includes(form.content) && multiparts.includes(form.multiparts)
}
