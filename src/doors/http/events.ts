import type { ServerResponse } from 'node:http'
import type { LoggedDecision } from '../../observe/live/history.ts'
import { DECISIONS_KEPT } from '../../observe/live/history.ts'
import type { Observer } from '../../observe/live/observer.ts'
import { liveState, presenterOf, type SnapshotOptions } from './snapshot.ts'

/** Pages that are kept up to date at once, and readers of decisions. */
const PAGES_MAX = 200
const READERS_MAX = 16
/** Bytes that a page may be behind, and a reader of decisions. */
const BEHIND_MAX = 1024 * 1024
const READER_BEHIND_MAX = 16 * 1024 * 1024
/** Milliseconds between two events. */
const EVERY = 1000
/** Decisions in one event for a reader: as many as processes report in a second. */
const DECISIONS_MAX = 5000

/** The clients that are kept up to date. */
export interface EventStreams {
  /** Keeps a page up to date until it leaves. Returns false if there are too many pages. */
  join(response: ServerResponse): boolean
  /**
   * Sends all decisions to a reader until it leaves. Returns false if there are too many readers.
   * If decisions come too fast for a reader, some are left out, and the numbers of the others show
   * the gap.
   */
  joinDecisions(response: ServerResponse): boolean
  close(): void
}

/** Server-sent events (WHATWG HTML 9.2): each is encoded once for all who get it. */
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

  function sendEvents(): void {
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

  function joinAs(listeners: Set<ServerResponse>, most: number) {
    return (response: ServerResponse): boolean => {
      if (listeners.size >= most) return false
      listeners.add(response)
      response.on('close', () => listeners.delete(response))
      response.on('error', () => listeners.delete(response))
      response.write('retry: 2000\n\n')
      return true
    }
  }

  const timer = setInterval(sendEvents, EVERY)
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
