import { errorText } from '../../../ground/errors/fault.ts'
import { openAnonymousFile } from '../../../message/anonymous-file.ts'
import type { LeftBehind } from '../../../observe/live/process-report.ts'
import type { HostMemory } from '../../../verdicts/host-memory.ts'
import { readNotes } from '../../../verdicts/poison/in-hand.ts'

const NOTHING = { inHand: [], logged: 0 }

/** Makes the file in which a worker notes what it has in hand; undefined if that cannot be made. */
export function openNotes(directory: string, log: (line: string) => void): number | undefined {
  try {
    return openAnonymousFile(directory)
  } catch (error) {
    log(`what workers have in hand is not noted: ${errorText(error)}`)
    return undefined
  }
}

/**
 * Counts the messages that a worker had in hand when it came to a sudden end, as messages that
 * scanners died of, and logs that. They are counted in one call, because any one of them may have
 * ended the worker.
 */
export function countNotes(
  worker: number,
  notes: number | undefined,
  poison: HostMemory['poison'],
  log: (line: string) => void,
): LeftBehind {
  const { inHand, logged } = notes === undefined ? NOTHING : readNotes(notes)
  const left = { inHand: inHand.length, logged }
  if (inHand.length === 0) return left
  const since = poison.uptime()
  const counted = inHand.map((message) => poison.harmed(message, since))
  void Promise.all(counted).then((counts) => {
    const what = inHand.length === 1 ? 'a message' : `${inHand.length} messages`
    const times = counts.find((times) => times !== undefined)
    const how = times === undefined ? 'as suspects' : `as its failed scan ${times}`
    log(`worker ${worker} had ${what} in hand, counted ${how} (POISONTRIES)`)
  })
  return left
}
