import type { ServerResponse } from 'node:http'
import type { LoggedDecision } from '../observe/live/history.ts'
import { DECISIONS_KEPT } from '../observe/live/history.ts'
import type { Observer } from '../observe/live/observer.ts'
import { liveState, presenterOf, type SnapshotOptions } from './snapshot.ts'

/** Pages that are kept up to date at once. */
const PAGES_MAX = 200
/** Bytes that a page may be behind. */
const BEHIND_MAX = 1024 * 1024
/** Milliseconds between two events. */
const EVERY = 1000

/**
 * The pages that are kept up to date, by server-sent events (WHATWG HTML 9.2): each event is
 * encoded once for all of them.
 */
export class PageEvents {
  readonly #observer: Observer
  readonly #options: SnapshotOptions
  readonly #pages = new Set<ServerResponse>()
  readonly #timer = setInterval(() => this.#send(), EVERY).unref()
  /** The decisions since the last event, as many as a page shows. */
  #fresh: LoggedDecision[] = []

  constructor(observer: Observer, options: SnapshotOptions) {
    this.#observer = observer
    this.#options = options
    observer.follow((decided) => {
      if (this.#pages.size === 0) return
      this.#fresh = [...this.#fresh, ...decided].slice(-DECISIONS_KEPT)
    })
  }

  /** Keeps a page up to date until it leaves. Returns false if there are too many pages. */
  join(page: ServerResponse): boolean {
    if (this.#pages.size >= PAGES_MAX) return false
    this.#pages.add(page)
    page.on('close', () => this.#pages.delete(page))
    page.on('error', () => this.#pages.delete(page))
    page.write('retry: 2000\n\n')
    return true
  }

  close(): void {
    clearInterval(this.#timer)
    for (const page of this.#pages) page.destroy()
  }

  #send(): void {
    const decided = this.#fresh.map(presenterOf(this.#options))
    this.#fresh = []
    if (this.#pages.size === 0) return
    const update = { ...liveState(this.#observer, this.#options), decided }
    const event = `data: ${JSON.stringify(update)}\n\n`
    for (const page of this.#pages) {
      if (page.writableLength > BEHIND_MAX) page.destroy()
      else page.write(event)
    }
  }
}
