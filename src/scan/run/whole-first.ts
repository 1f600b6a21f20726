import type { Trait } from '../second-look/trait-names.ts'
import type { Sample, ScanTask } from '../shared/scanner.ts'
import { askScanners } from './ask-scanners.ts'
import { scanContents } from './scan-contents.ts'
import { joined, keptOutFor, type PartialResult, type ScanRun } from './scan-run.ts'

/** Made once, because each error records where it was made, and that takes time. */
const SCAN_IS_OVER = new Error('the scan is over')

/**
 * Scans the whole message and, if it has traits, each content besides (SECONDLOOK=odd). Both happen
 * at the same time: mostly the scanners are another process. A result about the whole comes first.
 * If what was found in the whole is excused, it may hide something else: each content is scanned then,
 * whatever SECONDLOOK says.
 */
export async function scanWholeFirst(
  message: Sample,
  traits: ReadonlySet<Trait>,
  run: ScanRun,
  task: ScanTask,
): Promise<PartialResult> {
  const keptOut = keptOutFor(traits, run)
  const second =
    run.secondLook.when === 'odd' && traits.size > 0 && keptOut === undefined
      ? createSecondLook(message, run, task)
      : undefined
  try {
    const whole = await askScanners([message], run, task, second?.begin)
    if (whole.result !== undefined) return whole
    if (keptOut !== undefined) return { result: keptOut }
    if (second !== undefined) {
      second.begin() // no scanner has been asked if a stamp vouches for all of them
      return joined(whole, await second.outcome())
    }
    if (whole.excused === undefined) return whole
    const ask = (content: Sample) => askScanners([content], run, task)
    return joined(whole, await scanContents(message, run, task, ask))
  } finally {
    await second?.end() // nobody reads the message once its scan is over
  }
}

/** The scan of the contents, which begins once the first scanner has the whole message. */
function createSecondLook(message: Sample, run: ScanRun, task: ScanTask) {
  const abort = new AbortController()
  const leave = () => abort.abort(task.signal.reason)
  const own = { ...task, signal: abort.signal }
  let scanning: Promise<PartialResult> | undefined
  let isDone = false

  return {
    begin() {
      if (scanning) return
      task.signal.addEventListener('abort', leave)
      if (task.signal.aborted) leave()
      scanning = scanContents(message, run, own, (content) => askScanners([content], run, own))
      const done = () => {
        isDone = true
      }
      scanning.then(done, done) // `outcome` throws what it threw
    },
    outcome: async (): Promise<PartialResult> => scanning ?? {},
    async end() {
      if (scanning && !isDone) abort.abort(SCAN_IS_OVER)
      await Promise.allSettled([scanning])
      task.signal.removeEventListener('abort', leave)
    },
  }
}
