import type { ServerResponse } from 'node:http'
import type { LoggedDecision } from '../../observe/live/history.ts'
import { DECISIONS_KEPT } from '../../observe/live/history.ts'
import type { Observer } from '../../observe/live/observer.ts'
import { liveState, presenterOf, type SnapshotOptions } from './snapshot.ts'

/** Most pages, and most readers of decisions, that are kept up to date at once. */
const PAGES_MAX = 200
const READERS_MAX = 16
/** Most bytes that a page, and a reader of decisions, may be behind. */
const BEHIND_MAX = 1024 * 1024
const READER_BEHIND_MAX = 16 * 1024 * 1024
/** Milliseconds between two events. */
const EVERY = 1000
/** Decisions of one event for a reader: as many as processes tell of in a second. */
const DECISIONS_MAX = 5000

export interface EventStreams {
  /** Keeps the page up to date until it leaves; false if there are too many. */
  join(response: ServerResponse): boolean
  /**
   * Sends all decisions until the reader leaves; false if there are too many readers. Decisions
   * that come too fast for it are left out; their numbers show the gap.
   */
  joinDecisions(response: ServerResponse): boolean
  close(): void
}

/** Server-sent events (WHATWG HTML 9.2): each is written down once for all who get it. */
export function createEvents(observer: Observer, options: SnapshotOptions): EventStreams {
  const pages = new Set<ServerResponse>()
  const readers = new Set<ServerResponse>()
  const show = presenterOf(options)
  let fresh: LoggedDecision[] = []
  observer.follow((decided) => {
    if (pages.size + readers.size === 0) return
    const most = readers.size > 0 ? DECISIONS_MAX : DECISIONS_KEPT
    fresh = [...fresh, ...decided].slice(-most)
  })

  function tell(): void {
    const decided = fresh
    fresh = []
    if (pages.size > 0) {
      const shown = decided.slice(-DECISIONS_KEPT).map(show)
      const event = eventOf({ ...liveState(observer, options), decided: shown })
      for (const page of pages) {
        if (page.writableLength > BEHIND_MAX) page.destroy()
        else page.write(event)
      }
    }
    if (readers.size > 0 && decided.length > 0) {
      const event = eventOf({
        decided: decided.map(show).map(({ number, time, fields }) => ({ number, time, fields })),
      })
      for (const reader of readers) {
        if (reader.writableLength <= READER_BEHIND_MAX) reader.write(event)
      }
    }
  }

  function joinAs(those: Set<ServerResponse>, most: number) {
    return (response: ServerResponse): boolean => {
      if (those.size >= most) return false
      those.add(response)
      response.on('close', () => those.delete(response))
      response.on('error', () => those.delete(response))
      response.write('retry: 2000\n\n')
      return true
    }
  }

  const timer = setInterval(tell, EVERY)
  timer.unref()
  return {
    join: joinAs(pages, PAGES_MAX),
    joinDecisions: joinAs(readers, READERS_MAX),
    close() {
      clearInterval(timer)
      for (const client of [...pages, ...readers]) client.destroy()
    },
  }
}

function eventOf(update: object): string {
  return `data: ${JSON.stringify(update)}\n\n`
}
