import { tmpdir } from 'node:os'
import { errorText } from '../../ground/errors/fault.ts'
import { FIRST_HANDED_OVER } from '../../ground/net/socket-activation.ts'
import { type HostMemory, openHostMemory } from '../../verdicts/host-memory.ts'
import { keepNotes } from '../../verdicts/in-hand.ts'
import { readConfiguration } from '../shared/configuration.ts'
import { warmUp } from '../warm/warm-up.ts'
import { placeOf } from './describe.ts'
import { openDoors } from './doors.ts'
import { BEAT_EVERY } from './held-workers.ts'
import { log } from './log.ts'
import { tellOncePerDay } from './remember-exceptions.ts'
import { showMail } from './show-mail.ts'
import type { DoorKind } from './socket-activation.ts'
import type { Beginning } from './supervise.ts'
import { isTrialWords, markOf, noMark } from './trial-mark.ts'
import { BEAT, type Serving } from './workers.ts'

/**
 * A process that judges mail, on the sockets that the first one keeps. `kinds` says what its first
 * descriptors are for; behind them is the file for what it has in hand. It ends when the first
 * process tells it to, or has ended.
 */
export async function work(
  kinds: readonly DoorKind[],
  { env, options, signals, orphans }: Beginning,
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
  const excepted = tellOncePerDay(say, Date.now)
  const read = async () => ({ ...(await readConfiguration(env, log, memory)), isTrial, excepted })
  let configuration = await read()
  const shown =
    options.http &&
    showMail(options.http, options, {
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
  say({ serving } satisfies Serving)
}

/** Through the process that started this one, which tells all others. */
function shareWithOthers(memory: HostMemory): void {
  process.on('message', (message) => memory.hear(message))
  memory.connect(say)
}

function say(words: object | string): void {
  if (process.connected) process.send?.(words, undefined, undefined, () => {})
}
