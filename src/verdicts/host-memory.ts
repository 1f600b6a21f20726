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
 * processes keeps all of it, and hears from the others what they found and what they are scanning. So
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
  /** Sends events to the other processes through `say` from now on. */
  connect(say: (words: HostEvents) => void): void
  /** Takes the events of another process; ignores anything else. */
  hear(words: unknown): void
  /** The events that a new process hears first. */
  welcome(): HostEvents
  /** The events for the others when a process has ended: its scans will not come to an end. */
  farewell(process: number): HostEvents
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
  let say: ((words: HostEvents) => void) | undefined
  let words: HostEvent[] = []
  let isGathering = false
  /** The scans of other processes. */
  const theirs = new Map<string, { readonly from: number; readonly scan: OwnScan }>()
  let hearing = false

  function tell(word: HostEvent): void {
    if (say === undefined || hearing) return
    words.push(word)
    if (!isGathering) setTimeout(flush, GATHERED_FOR)
    isGathering = true
  }

  function flush(): void {
    isGathering = false
    const said = withoutShortScans(words)
    words = []
    if (said.length > 0) say?.({ from: self, verdicts: said })
  }

  const inFlight = createScansInFlight({
    begun: (fingerprint, within) => tell({ is: 'begun', of: base64(fingerprint), within }),
    ended: (fingerprint, end) =>
      tell({ is: 'ended', of: base64(fingerprint), ...couldNotTell(end) }),
  })

  const poison = createPoison(undefined, (what, message) => tell(poisonEvent(what, message)))

  function hearEvent(word: HostEvent, from: number): void {
    const fingerprint = Buffer.from(word.of, 'base64')
    switch (word.is) {
      case 'put':
        own.put(fingerprint, Buffer.from(word.sealed, 'base64'), word.seconds)
        break
      case 'begun': {
        // If this process is scanning the message, too, both scans go on.
        if (theirs.has(word.of) || inFlight.of(fingerprint) !== undefined) break
        const scan = inFlight.begin(fingerprint, word.within)
        theirs.set(word.of, { from, scan })
        const timer = setTimeout(() => end(word.of, { kind: 'nothing' }), word.within)
        timer.unref()
        void scan.ended.then(() => clearTimeout(timer))
        break
      }
      case 'ended':
        if (theirs.get(word.of)?.from !== from) break
        end(word.of, endOf(word.unknown))
        break
      default:
        poison.hear(word.is, { fingerprint, marks: word.marks ?? [] })
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
    const before = hearing
    hearing = true
    try {
      effect()
    } finally {
      hearing = before
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
    connect(tellOthers) {
      say = tellOthers
    },
    hear(heard) {
      if (!isHostEvents(heard)) return
      if (heard.gone) left(heard.from)
      if (heard.secret !== undefined) secret = Buffer.from(heard.secret, 'base64')
      quietly(() => {
        for (const word of heard.verdicts) hearEvent(word, heard.from)
      })
    },
    welcome() {
      const verdicts = poison.retell().map(({ what, message }) => poisonEvent(what, message))
      return { from: self, secret: base64(secret), verdicts }
    },
    farewell(process) {
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
function withoutShortScans(words: readonly HostEvent[]): HostEvent[] {
  const kept = new Set<HostEvent>()
  const begun = new Map<string, HostEvent>()
  for (const word of words) {
    const before = begun.get(word.of)
    if (word.is === 'ended' && before !== undefined) {
      kept.delete(before)
      begun.delete(word.of)
      continue
    }
    kept.add(word)
    if (word.is === 'begun') begun.set(word.of, word)
  }
  return [...kept]
}

function endOf(unknown: CouldNotTell | undefined): ScanEnd {
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
export function isHostEvents(words: unknown): words is HostEvents {
  return typeof words === 'object' && words !== null && 'verdicts' in words
}
