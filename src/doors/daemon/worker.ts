import { tmpdir } from 'node:os'
import { errorText } from '../../ground/errors/fault.ts'
import { FIRST_HANDED_OVER } from '../../ground/net/socket-activation.ts'
import { type HostMemory, openHostMemory } from '../../verdicts/host-memory.ts'
import { keepNotes } from '../../verdicts/in-hand.ts'
import { readConfiguration } from '../shared/configuration.ts'
import { warmUp } from '../warm/warm-up.ts'
import { placeOf } from './describe-door.ts'
import type { ProcessStart } from './first-process.ts'
import { createHttpFeed } from './http-feed.ts'
import { log } from './log.ts'
import { openDoors } from './open-doors.ts'
import type { DoorKind } from './options/door-kind.ts'
import { isTrialWords, markOf, noMark } from './trials/trial-mark.ts'
import { reportOncePerDay } from './upkeep/remember-exceptions.ts'
import { BEAT_EVERY } from './workers/held-workers.ts'
import { BEAT, type ServingNotice } from './workers/workers.ts'

/**
 * A process that judges mail, on the sockets that the first one keeps. `kinds` says what its first
 * descriptors are for; behind them is the file for what it has in hand. It ends when the first
 * process tells it to, or has ended.
 */
export async function runWorker(
  kinds: readonly DoorKind[],
  { env, options, signals, orphans }: ProcessStart,
): Promise<void> {
  setInterval(() => say(BEAT), BEAT_EVERY).unref()
  let mark = noMark
  process.on('message', (words) => {
    if (isTrialWords(words)) mark = markOf(words.trials)
  })
  const notes = keepNotes(FIRST_HANDED_OVER + kinds.length)
  const memory = openHostMemory({ inHand: notes })
  shareWithOthers(memory)
  const isTrial = (text: Buffer | string) => mark.has(text)
  const excepted = reportOncePerDay(say, Date.now)
  const read = async () => ({ ...(await readConfiguration(env, log, memory)), isTrial, excepted })
  let configuration = await read()
  const shown =
    options.http &&
    createHttpFeed(options.http, options, {
      configuration: () => configuration,
      doors: () => doors,
      note: notes.logged,
      mark: () => mark,
    })
  const doors = await openDoors(configuration, options, kinds, {
    reporter: shown?.reporter,
    isTrial,
  })
  const over = new AbortController()
  const warmedUp = warmUp(env.TMPDIR || tmpdir(), over.signal).catch((error) => {
    log(`warm-up: ${errorText(error)}`) // the first mail takes longer, and that is all
  })
  const serving = doors.map(placeOf) // an order that waits may close them
  signals.handleWith({
    async reload() {
      const next = await read()
      for (const door of doors) door.configure(next)
      configuration.close()
      configuration = next
    },
    report: () => configuration.report(),
    async stop() {
      over.abort()
      await Promise.all([warmedUp, ...doors.map((door) => door.close(options.grace))])
      shown?.close()
      configuration.close()
      await orphans.ended()
      process.exit(0)
    },
  })
  shown?.begin()
  say({ serving } satisfies ServingNotice)
}

/** Through the process that started this one, which tells all others. */
function shareWithOthers(memory: HostMemory): void {
  process.on('message', (message) => memory.hear(message))
  memory.connect(say)
}

function say(words: object | string): void {
  if (process.connected) process.send?.(words, undefined, undefined, () => {})
}
