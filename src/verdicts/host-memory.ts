import { randomBytes } from 'node:crypto'
import type { InHand, InHandNotes } from './poison/in-hand.ts'
import { createPoison, type Poison, type PoisonEvent } from './poison/poison.ts'
import {
  type CouldNotTell,
  createScansInFlight,
  type OwnScan,
  type ScanEnd,
  type ScansInFlight,
} from './scans-in-flight.ts'
import { openMemoryStore } from './stores/memory-store.ts'
import type { VerdictStore } from './stores/store.ts'

/**
 * What a daemon remembers as long as it runs, also when it reads its settings anew. Each of its
 * processes keeps all of it, and gets from the others what they found and what they are scanning. So
 * each has a verdict without asking another.
 */
export interface HostMemory {
  readonly store: VerdictStore
  readonly inFlight: ScansInFlight
  readonly poison: Poison
  /** The notes of what this process has in hand, which the first process reads. */
  readonly inHand: InHandNotes | undefined
  /** The secret for verdicts that no other host needs to understand. It belongs to no keyring. */
  readonly secret: Buffer
  /** Sends events to the other processes through `send` from now on. */
  connect(send: (events: HostEvents) => void): void
  /** Takes the events of another process; ignores anything else. */
  receive(message: unknown): void
  /** The events that a new process gets first. */
  initialEvents(): HostEvents
  /** The events for the others when a process has ended: its scans will not come to an end. */
  endOf(process: number): HostEvents
}

/** What one process tells the others, as JSON; fingerprints and sealed verdicts are in base64. */
export interface HostEvents {
  /** Process id of the sender. */
  readonly from: number
  readonly secret?: string
  /** Set if the process `from` has ended; another process says so. */
  readonly gone?: true
  readonly verdicts: readonly HostEvent[]
}

export type HostEvent =
  | { readonly is: 'put'; readonly of: string; readonly sealed: string; readonly seconds: number }
  | { readonly is: 'begun'; readonly of: string; readonly within: number }
  | { readonly is: PoisonEvent; readonly of: string; readonly marks?: readonly string[] }
  | { readonly is: 'ended'; readonly of: string; readonly unknown?: CouldNotTell }

/** Milliseconds for which events are gathered; of a scan that ends within them nothing is sent. */
const GATHERED_FOR = 3

/** Opens the memory of one process. `self` is its id; `inHand` takes its notes, if somebody reads them. */
export function openHostMemory({
  self = process.pid,
  inHand,
}: {
  readonly self?: number
  readonly inHand?: InHandNotes | undefined
} = {}): HostMemory {
  const own = openMemoryStore()
  let secret = randomBytes(32)
  let send: ((events: HostEvents) => void) | undefined
  let events: HostEvent[] = []
  let isGathering = false
  /** The scans of other processes. */
  const theirs = new Map<string, { readonly from: number; readonly scan: OwnScan }>()
  let isReceiving = false

  function tell(event: HostEvent): void {
    if (send === undefined || isReceiving) return
    events.push(event)
    if (!isGathering) setTimeout(flush, GATHERED_FOR)
    isGathering = true
  }

  function flush(): void {
    isGathering = false
    const gathered = withoutShortScans(events)
    events = []
    if (gathered.length > 0) send?.({ from: self, verdicts: gathered })
  }

  const inFlight = createScansInFlight({
    begun: (fingerprint, within) => tell({ is: 'begun', of: base64(fingerprint), within }),
    ended: (fingerprint, end) =>
      tell({ is: 'ended', of: base64(fingerprint), ...couldNotTell(end) }),
  })

  const poison = createPoison(undefined, (what, message) => tell(poisonEvent(what, message)))

  function receiveEvent(event: HostEvent, from: number): void {
    const fingerprint = Buffer.from(event.of, 'base64')
    switch (event.is) {
      case 'put':
        own.put(fingerprint, Buffer.from(event.sealed, 'base64'), event.seconds)
        break
      case 'begun': {
        // If this process is scanning the message, too, both scans go on.
        if (theirs.has(event.of) || inFlight.of(fingerprint) !== undefined) break
        const scan = inFlight.begin(fingerprint, event.within)
        theirs.set(event.of, { from, scan })
        const timer = setTimeout(() => end(event.of, { kind: 'nothing' }), event.within)
        timer.unref()
        void scan.ended.then(() => clearTimeout(timer))
        break
      }
      case 'ended':
        if (theirs.get(event.of)?.from !== from) break
        end(event.of, scanEnd(event.unknown))
        break
      default:
        poison.hear(event.is, { fingerprint, marks: event.marks ?? [] })
    }
  }

  function end(of: string, end: ScanEnd): void {
    const begun = theirs.get(of)
    theirs.delete(of)
    quietly(() => begun?.scan.end(end))
  }

  function left(process: number): void {
    for (const [of, { from }] of theirs) if (from === process) end(of, { kind: 'nothing' })
  }

  function quietly(effect: () => void): void {
    const before = isReceiving
    isReceiving = true
    try {
      effect()
    } finally {
      isReceiving = before
    }
  }

  return {
    store: {
      ...own,
      put(fingerprint, sealed, seconds) {
        own.put(fingerprint, sealed, seconds)
        tell({ is: 'put', of: base64(fingerprint), sealed: base64(sealed), seconds })
      },
    },
    inFlight,
    poison,
    inHand,
    get secret() {
      return secret
    },
    connect(sendToOthers) {
      send = sendToOthers
    },
    receive(message) {
      if (!isHostEvents(message)) return
      if (message.gone) left(message.from)
      if (message.secret !== undefined) secret = Buffer.from(message.secret, 'base64')
      quietly(() => {
        for (const event of message.verdicts) receiveEvent(event, message.from)
      })
    },
    initialEvents() {
      const verdicts = poison.retell().map(({ what, message }) => poisonEvent(what, message))
      return { from: self, secret: base64(secret), verdicts }
    },
    endOf(process) {
      left(process)
      return { from: process, gone: true, verdicts: [] }
    },
  }
}

function poisonEvent(is: PoisonEvent, { fingerprint, marks }: InHand): HostEvent {
  return { is, of: base64(fingerprint), ...(is !== 'answered' && { marks }) }
}

/**
 * Leaves out scans that began and ended within these events: their verdict is stored already, or there
 * is none.
 */
function withoutShortScans(events: readonly HostEvent[]): HostEvent[] {
  const kept = new Set<HostEvent>()
  const begun = new Map<string, HostEvent>()
  for (const event of events) {
    const before = begun.get(event.of)
    if (event.is === 'ended' && before !== undefined) {
      kept.delete(before)
      begun.delete(event.of)
      continue
    }
    kept.add(event)
    if (event.is === 'begun') begun.set(event.of, event)
  }
  return [...kept]
}

function scanEnd(unknown: CouldNotTell | undefined): ScanEnd {
  return unknown === undefined ? { kind: 'elsewhere' } : { kind: 'unknown', ...unknown }
}

function couldNotTell(end: ScanEnd): { unknown?: CouldNotTell } {
  if (end.kind !== 'unknown') return {}
  const { why, cause } = end
  return { unknown: { why, cause } }
}

function base64(bytes: Buffer): string {
  return bytes.toString('base64')
}

/**
 * Whether a message from one of our own processes holds such events, and is nothing else.
 */
export function isHostEvents(message: unknown): message is HostEvents {
  return typeof message === 'object' && message !== null && 'verdicts' in message
}
