import { sourceOf } from '../../mime/source.ts'
import type { Sample, ScanTask } from '../shared/scanner.ts'
import { askScanners } from './ask-scanners.ts'
import { scanContents } from './scan-contents.ts'
import { contentScanners, joined, type PartialResult, type ScanRun } from './scan-run.ts'

/** Most small contents that scanners are asked about in one go, and most bytes of all of them. */
const BATCH_MAX = 8
const BATCH_BYTES_MAX = 96 * 1024

/**
 * Scans every content, and then the whole message (SECONDLOOK=always). In this order clamd looks at
 * most of it once: it remembers what it has called clean, and skips a part of a message that it has
 * seen as a file by itself. It does not skip a file that it has seen inside a message.
 */
export async function scanContentsFirst(
  message: Sample,
  run: ScanRun,
  task: ScanTask,
): Promise<PartialResult> {
  const batches = new Batches(run, task)
  const contents = await scanContents(message, run, task, (content) => batches.ask(content))
  // That a message holds more than is read is said only if nothing is found in it.
  if (contents.result !== undefined && contents.result.answer !== 'crowded') return contents
  const last = joined(contents, await batches.end())
  if (last.result !== undefined) return last
  const whole = joined(last, await askScanners([message], run, task))
  return { ...whole, result: whole.result ?? contents.result }
}

/** Gathers small contents, so that scanners which can take several are asked about them together. */
class Batches {
  readonly #run: ScanRun
  readonly #task: ScanTask
  readonly #takesBeside: boolean
  #waiting: Sample[] = []
  #bytes = 0

  constructor(run: ScanRun, task: ScanTask) {
    this.#run = run
    this.#task = task
    this.#takesBeside = contentScanners(run).every(({ takesBeside }) => takesBeside)
  }

  /** Asks about a large content at once; keeps a small one, and asks about those before it if they fill a batch. */
  async ask(content: Sample): Promise<PartialResult> {
    const isSmall = content.size <= BATCH_BYTES_MAX / 2
    if (!this.#takesBeside || !isSmall) return askScanners([content], this.#run, this.#task)
    const isFull =
      this.#waiting.length === BATCH_MAX || this.#bytes + content.size > BATCH_BYTES_MAX
    const outcome = isFull ? await this.end() : {}
    this.#waiting.push(inMemory(content))
    this.#bytes += content.size
    return outcome
  }

  /** Asks about the contents that wait. */
  end(): Promise<PartialResult> {
    this.#bytes = 0
    return askScanners(this.#waiting.splice(0), this.#run, this.#task)
  }
}

/** A copy that lasts: the chunks of a content are valid only until the next content is asked for. */
function inMemory(content: Sample): Sample {
  const bytes = Buffer.concat([...content.chunks()].map((chunk) => Buffer.from(chunk)))
  return { ...content, ...sourceOf(bytes) }
}
