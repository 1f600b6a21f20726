import { Bytes } from '../../../../mail/message/bytes.ts'
import type { ContentScanner, Sample } from '../contract/scanner.ts'

/** Upper limits for the number of small contents that are scanned together, and for their bytes. */
const SAMPLES_MAX = 8
const BYTES_MAX = 96 * 1024
/** Upper limit, in bytes, for small contents that are kept until the message is read. */
const KEPT_MAX = 1024 * 1024

/** Collects small samples, so that scanners which can scan several together receive them so. */
export class Batch {
  readonly #gathers: boolean
  /** The contents that are kept, until one does not fit. */
  #kept: Sample[] | undefined = []
  #bytesKept = 0
  #waiting: Sample[] = []
  #bytes = 0

  constructor(scanners: readonly ContentScanner[]) {
    this.#gathers = scanners.every(({ scanTogether }) => scanTogether !== undefined)
  }

  /**
   * Keeps a content until endKeeping() is called. Returns false if it is too large, or if scanners do not take several
   * together. No content may be kept after that.
   */
  keep(content: Sample): boolean {
    const { size } = content.bytes
    if (this.#kept === undefined || !this.#gathers || size > BYTES_MAX / 2) return false
    if (this.#bytesKept + size > KEPT_MAX) return false
    this.#bytesKept += size
    this.#kept.push(inMemory(content))
    return true
  }

  /** Returns the contents that were kept, to be added now, or dropped. */
  endKeeping(): readonly Sample[] {
    const kept = this.#kept ?? []
    this.#kept = undefined
    return kept
  }

  /**
   * Adds a content. Returns the samples to scan now: a large content alone, or the waiting small ones if
   * another one does not fit.
   */
  add(content: Sample): readonly Sample[] {
    if (!this.#gathers || content.bytes.size > BYTES_MAX / 2) return [content]
    const ready = this.#hasRoomFor(content) ? [] : this.end()
    this.#waiting.push(inMemory(content))
    this.#bytes += content.bytes.size
    return ready
  }

  /** Returns the samples that wait, with the whole message after them if there is room for it. */
  endWith(message: Sample): readonly (readonly Sample[])[] {
    const isTogether = this.#gathers && this.#hasRoomFor(message)
    const waiting = this.end()
    return isTogether ? [[...waiting, message]] : [waiting, [message]]
  }

  /** Returns the samples that wait. */
  end(): readonly Sample[] {
    this.#bytes = 0
    return this.#waiting.splice(0)
  }

  #hasRoomFor({ bytes: { size } }: Sample): boolean {
    return this.#waiting.length < SAMPLES_MAX && this.#bytes + size <= BYTES_MAX
  }
}

/**
 * Returns a content with bytes that stay valid: those of others are valid only until the next content is
 * requested.
 */
function inMemory(content: Sample): Sample {
  return { ...content, bytes: Bytes.of(Buffer.from(content.bytes.gather())) }
}
