import type { ByteRange } from '../../../../mail/message/bytes.ts'
import { limits, type Oddity, type PartNames } from '../../../../mail/mime/index.ts'
import type { ContentScanner, PartList, Sample } from '../contract/scanner.ts'
import { TOP_LINE } from '../contract/top-line.ts'
import { type ScanResult, unknown, unread } from '../findings/scan-result.ts'
import { Batch } from './batch.ts'
import type { Inspections } from './inspections.ts'
import { PartListBuilder, partListOf } from './part-list.ts'
import type { FoundContent, readContents } from './read-contents.ts'
import type { Scan, ScanPlan } from './scan-plan.ts'

/** Reads a message for the contents that must be scanned. */
export class MailReading {
  /** The contents that must still be scanned. */
  readonly batch: Batch
  /** Whether each content is scanned, and not only the whole. */
  readonly scansContents: boolean
  /** Whether nothing but the depth of the message is of interest. */
  readonly #readsDepthAlone: boolean
  /** The ranges of the scanned contents, if there is an exception. */
  readonly scannedRanges: ByteRange[] = []
  readonly #scan: Scan
  #names: PartListBuilder | undefined
  readonly #oddities = new Set<Oddity>()
  #isToEnd = false

  constructor(scan: Scan) {
    const scanners = contentScannersOf(scan.run)
    this.batch = new Batch(scanners)
    this.scansContents = scan.run.settings.SECONDLOOK === 'always' && scanners.length > 0
    this.#scan = scan
    const { keepsOut } = scan.run.tolerance
    const findsOddities = keepsOut.has('oddities') || keepsOut.has('encrypted')
    this.#readsDepthAlone = !this.scansContents && scan.inspections.isEmpty && !findsOddities
  }

  /** Whether each content was submitted to the scanners, and no part of the message exceeds a limit of onescan. */
  get isToEnd(): boolean {
    return this.#isToEnd
  }

  /** The data of each part that mail programs show, if a scanner receives it. */
  get partList(): PartList | undefined {
    return this.#names?.all
  }

  /**
   * Reads the message to its end, and yields the samples to scan next, which are valid until the next are requested. Small
   * contents are yielded when the message is read, so that scanners get none of a message that exceeds a limit of onescan.
   * Returns the result that ends the scan, if the reading itself has one.
   */
  async *contents(
    scansContents: boolean,
  ): AsyncGenerator<readonly Sample[], ScanResult | undefined, undefined> {
    const { run, results, inspections } = this.#scan
    const reading = await import('./read-contents.ts')
    this.#names = this.#readsDepthAlone ? undefined : listenForNames(run)
    let isCut = !scansContents
    try {
      for await (const step of reading.readContents(this.#scan, this.#options(scansContents))) {
        if (step.kind !== 'content') isCut = true
        if (step.kind === 'late') return tooLate
        if (step.kind === 'unread') {
          inspections.each((inspection) => inspection.leaveUnread(step.reason))
          if (results.recordUnread(step)) {
            this.batch.endKeeping()
            return undefined
          }
        } else {
          const result =
            step.kind === 'deeper'
              ? results.record(tooDeep)
              : yield* this.#takeContent(step, scansContents)
          if (result !== undefined) return result
        }
        if (this.#keepingOut().length > 0) break
      }
    } finally {
      run.onOddities?.(this.#oddities)
    }
    this.#isToEnd = !isCut && !this.#oddities.has('unread')
    const odd = this.#keepingOut()
    if (odd.length > 0) return unread('oddities', odd.join(', '))
    yield* this.#kept()
    return undefined
  }

  #options(scansContents: boolean): Parameters<typeof readContents>[1] {
    const { run, results, inspections } = this.#scan
    const mayTolerate = scansContents && run.tolerance.isTolerated !== undefined
    const listens = !inspections.isEmpty || this.#names !== undefined
    return {
      isFile: run.submission.readAs === 'file',
      maxDepth: limits.nesting,
      readsDepthAlone: this.#readsDepthAlone && !scansContents,
      mayBeFile: run.tolerance.toleratesLimits ?? false,
      ...(mayTolerate && { onEmitted: (range) => this.scannedRanges.push(belowTop(range)) }),
      ...(listens && { onPart: (part) => listen(this.#names, inspections, part) }),
      onOdd: (oddity) => {
        this.#oddities.add(oddity)
        if (oddity === 'encrypted') results.record(encrypted) // which never ends the scan
      },
    }
  }

  async *#takeContent(
    step: FoundContent,
    scansContents: boolean,
  ): AsyncGenerator<readonly Sample[], ScanResult | undefined, undefined> {
    const { run, inspections } = this.#scan
    const isInspected = await inspections.inspectContent(step.content.bytes, run.signal)
    if (!isInspected) return tooLate
    if (!scansContents) return undefined
    const partList = this.#names && partListOf(step.part)
    const content = partList ? { ...step.content, partList } : step.content
    if (this.batch.keep(content)) return undefined
    yield* this.#kept()
    yield this.batch.add(content)
    return undefined
  }

  *#kept(): Generator<readonly Sample[]> {
    for (const content of this.batch.endKeeping()) yield this.batch.add(content)
  }

  /** The oddities for which the message is kept out, regardless of its other contents. */
  #keepingOut(): readonly Oddity[] {
    if (!this.#scan.run.tolerance.keepsOut.has('oddities')) return []
    return [...this.#oddities].filter((oddity) => oddity !== 'encrypted')
  }
}

/** Returns where a range of a message is in its sample. */
function belowTop({ from, to }: ByteRange): ByteRange {
  return { from: from + TOP_LINE.length, to: to + TOP_LINE.length }
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

/** Returns a collector of names if a scanner receives them. No message is read for names alone. */
function listenForNames({ scanners }: ScanPlan): PartListBuilder | undefined {
  const takesNames = scanners.some((scanner) => !scanner.hasBans && scanner.takesNames)
  return takesNames ? new PartListBuilder() : undefined
}

const tooLate = unknown('second look: no answer in time (SCANTIMEOUT)', 'timeout')

const encrypted = unread('encrypted', 'encrypted content was not scanned')

const tooDeep = unread(
  'depth',
  `more than ${limits.nesting} messages or multiparts inside one another`,
)

export function contentScannersOf({ scanners }: ScanPlan): readonly ContentScanner[] {
  return scanners.filter((scanner) => !scanner.hasBans)
}
