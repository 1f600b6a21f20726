import type { ServerResponse } from 'node:http'
import type { Decided } from '../../visible/live/history.ts'
import { DECISIONS_KEPT } from '../../visible/live/history.ts'
import type { Observer } from '../../visible/live/observer.ts'
import { liveState, type SnapshotOptions, shownBy } from './snapshot.ts'

/** Pages that are kept up to date at once. */
const PAGES_MAX = 200
/** Bytes that a page may be behind. */
const BEHIND_MAX = 1024 * 1024
/** Milliseconds between two events. */
const EVERY = 1000

export interface Events {
  /** Keeps the page up to date until it leaves; false if there are too many. */
  join(response: ServerResponse): boolean
  close(): void
}

/** Server-sent events (WHATWG HTML 9.2): each is written down once for all pages. */
export function createEvents(observer: Observer, options: SnapshotOptions): Events {
  const pages = new Set<ServerResponse>()
  const show = shownBy(options)
  let fresh: Decided[] = []
  observer.follow((decided) => {
    if (pages.size > 0) fresh = [...fresh, ...decided].slice(-DECISIONS_KEPT)
  })

  function tell(): void {
    if (pages.size === 0) {
      fresh = []
      return
    }
    const update = { ...liveState(observer, options), decided: fresh.map(show) }
    fresh = []
    const event = `data: ${JSON.stringify(update)}\n\n`
    for (const page of pages) {
      if (page.writableLength > BEHIND_MAX) page.destroy()
      else page.write(event)
    }
  }

  const timer = setInterval(tell, EVERY)
  timer.unref()
  return {
    join(response) {
      if (pages.size >= PAGES_MAX) return false
      pages.add(response)
      response.on('close', () => pages.delete(response))
      response.on('error', () => pages.delete(response))
      response.write('retry: 2000\n\n')
      return true
    },
    close() {
      clearInterval(timer)
      for (const page of pages) page.destroy()
    },
  }
}
