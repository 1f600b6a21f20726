import { Bytes } from '../../mail/message/bytes.ts'
import type { Envelope, Origin } from '../../mail/message/envelope/envelope.ts'
import type { Header } from '../../mail/message/header-block.ts'
import type { MessageKind } from '../../mail/message/mail-or-file.ts'
import { type Message, TOP_LINE } from '../../mail/message/message.ts'
import { withNamedCopy } from '../../mail/message/named-copy.ts'
import { askScanners, type ScanRun, withScannerName } from './run/ask-scanners.ts'
import { Batch } from './run/batch.ts'
import { type MailScan, measureDepth, readMail, type ScanReading } from './run/read-mail.ts'
import { ResultCollector } from './run/result-collector.ts'
import { Searches } from './run/searches.ts'
import { type ScanResult, worse } from './shared/scan-result.ts'
import { abortLate, type Sample, type ScanTask } from './shared/scanner.ts'

/** The sample of a message, of which runScanners() makes the file. */
interface MessageSample extends Omit<Sample, 'file'> {
  /** By default it is a mail. */
  readonly kind?: MessageKind
  /** The bytes as they came, if scanners are asked about them, too: the message may be a file. */
  readonly asFile?: Bytes
}

/**
 * Makes the sample that scanners get of a message: TOP_LINE, the header block, the body; of a file its
 * bytes alone. `leaving` is the header block as it will leave, so that scanners see what will be queued.
 */
export function sampleOf(
  message: Message,
  leaving: Header,
  envelope: Envelope,
  origin?: Origin,
): MessageSample {
  const { sealed, header, body, kind, isHeaderTooLarge } = message
  const top = kind === 'file' ? [] : [TOP_LINE]
  const knows = kind !== 'file' && !isHeaderTooLarge
  const bytes = Bytes.of(Buffer.concat([...top, leaving.bytes]), body)
  const isUnchanged = leaving === header || leaving.bytes.equals(header.bytes)
  return {
    kind,
    bytes,
    ...(knows && { header: { header: leaving, above: TOP_LINE.length } }),
    ...(kind === 'mail or file' && { asFile: Bytes.of(header.bytes, body) }),
    ...(sealed !== undefined && isUnchanged && { sealedFile: () => sealed }),
    envelope,
    origin,
  }
}

/**
 * Asks the scanners in their order until one of them finds something that is not allowed, or cannot
 * tell: about each content that any reader of mail might see in the message, and then about the whole
 * message. In this order clamd looks at most of it once: it remembers what it has called clean, and
 * skips a part of a message that it has seen as a file by itself. It does not skip a file that it has
 * seen inside a message.
 *
 * The message is read once. That tells its contents, which scanners get while it is read; how deep it
 * is nested; and what is odd about it. A message that is nested deeper than scanners look is not given
 * to them as a whole: they would call it clean.
 *
 * About a file scanners are asked once, as it is. What may be either is judged as both.
 */
export async function runScanners(message: MessageSample, run: ScanRun): Promise<ScanResult> {
  const abort = new AbortController()
  const deadline = run.uptime() + run.timeout
  const timer = setTimeout(() => abortLate(abort), run.timeout)
  // (AbortSignal.any() would keep track of all signals for as long as they live, which takes 10 µs.)
  const leave = () => abort.abort()
  const { gone } = run
  gone?.addEventListener('abort', leave)
  if (gone?.aborted) leave()
  try {
    const task: ScanTask = {
      signal: abort.signal,
      timeLeft: () => Math.max(0, deadline - run.uptime()),
      note: run.note,
      isAllowed: run.isAllowed,
      signatures: run.signatures,
    }
    const result = await inTurn(message.bytes.size, run, task, () =>
      withNamedCopy(message.bytes, run.spool, (file) => findIn({ ...message, file }, run, task)),
    )
    const isUnfinished = gone?.aborted && result.answer === 'unknown'
    return isUnfinished ? { ...result, unfinished: true } : result
  } finally {
    clearTimeout(timer)
    gone?.removeEventListener('abort', leave)
  }
}

/**
 * Scans a message of so many bytes when it has its turn at each scanner that has turns: they last until the
 * scan is over. Resolves to *could not tell* without a scan if a turn would come too late.
 */
async function inTurn(
  size: number,
  { scanners, progress = { hasBegun: false }, onTurn }: ScanRun,
  { signal, timeLeft }: ScanTask,
  scan: () => Promise<ScanResult>,
): Promise<ScanResult> {
  const ends: (() => void)[] = []
  try {
    const inTheirTurns = scanners.filter(({ turns }) => turns)
    const others = inTheirTurns.filter(({ local }) => !local)
    for (const scanner of others.length > 0 ? others : inTheirTurns) {
      const { hasBegun } = progress
      const turn = await scanner.turns!.take({ size, signal, timeLeft, hasBegun })
      if (typeof turn !== 'function') return withScannerName(scanner, turn)
      ends.push(turn)
    }
    const begun = await onTurn?.(signal)
    if (typeof begun === 'object') return begun
    if (begun !== undefined) ends.push(begun)
    progress.hasBegun = true
    return await scan()
  } finally {
    for (const end of ends) end()
  }
}

/** Judges a message, or a file, or what may be either as both. */
async function findIn(
  message: MessageSample & Sample,
  run: ScanRun,
  task: ScanTask,
): Promise<ScanResult> {
  const { kind, asFile, envelope, origin } = message
  if (kind === 'file') return findInFile(message, run, task)
  const result = await findInMail(message, run, task)
  if (asFile === undefined || result.answer === 'infected') return result
  return withNamedCopy(asFile, run.spool, async (file) =>
    worse(result, await findInFile({ bytes: asFile, envelope, origin, file }, run, task)),
  )
}

/** Asks about all bytes as they are. */
async function findInFile(file: Sample, run: ScanRun, task: ScanTask): Promise<ScanResult> {
  const results = new ResultCollector(run)
  const searches = new Searches()
  const result = await askScanners([file], { run, task, results, searches })
  return result ?? results.conclude(false, task.note)
}

async function findInMail(message: Sample, run: ScanRun, task: ScanTask): Promise<ScanResult> {
  const { scanners, keepsOut, settings } = run
  const contentScanners = scanners.filter(({ local }) => !local)
  const asksContents = settings.SECONDLOOK === 'always' && contentScanners.length > 0
  const searches = await Searches.begin(scanners, task)
  const judgesForm = keepsOut.has('form') || keepsOut.has('encrypted')
  const mustRead = asksContents || !searches.isEmpty || judgesForm
  const results = new ResultCollector(run)
  const scan = { message, run, task, results, searches, batch: new Batch(contentScanners) }

  let reading = await (mustRead ? readMail(scan, asksContents) : measureDepth(scan))
  const result = await firstOf([
    () => reading.result,
    () => askAboutWhole(scan, reading),
    async () => {
      // What was found in the whole and is allowed may hide something else.
      if (!results.hasAllowed || asksContents || contentScanners.length === 0) return undefined
      reading = await readMail(scan, true)
      return reading.result ?? askScanners(scan.batch.end(), scan)
    },
    () => (results.hasAllowed ? askAboutRest(scan, reading) : undefined),
  ])
  const found = result ?? results.conclude(reading.isToEnd, task.note)
  const isUnread = asksContents && !reading.isToEnd
  return found.answer === 'clean' && isUnread ? { ...found, unread: true } : found
}

/** What the first of these steps resolves to that ends the scan. */
async function firstOf(
  steps: readonly (() => ScanResult | undefined | Promise<ScanResult | undefined>)[],
): Promise<ScanResult | undefined> {
  for (const step of steps) {
    const result = await step()
    if (result !== undefined) return result
  }
  return undefined
}

/** Asks about the contents that wait, and the whole message: in one question, if they are small. */
async function askAboutWhole(
  scan: MailScan,
  { partList }: ScanReading,
): Promise<ScanResult | undefined> {
  if (partList?.isCut) scan.task.note('plugins are told a part of the names')
  const message = partList ? { ...scan.message, partList } : scan.message
  for (const samples of scan.batch.endWith(message)) {
    const result = await askScanners(samples, scan)
    if (result !== undefined) return result
  }
  return undefined
}

/**
 * Asks about what lies in no content: header, preamble and epilogue. A scanner names one thing in a
 * whole message, and what is allowed may have hidden something there.
 */
async function askAboutRest(
  scan: MailScan,
  { asked }: ScanReading,
): Promise<ScanResult | undefined> {
  if (asked.length === 0) return undefined
  const { envelope, origin, bytes: whole } = scan.message
  const bytes = whole.without(asked)
  return withNamedCopy(bytes, scan.run.spool, (file) =>
    askScanners([{ bytes, envelope, origin, file }], scan),
  )
}
