import { cachedFor } from '../../../lib/flow/cache.ts'
import { responds } from '../../../lib/path/responds.ts'
import { ServerWire } from '../../../protocol/connection/server-wire.ts'
import type { ForwardedCommand } from '../contract/scanner.ts'
import type { ClamdAddress } from './clamd-address.ts'
import { loadConnect } from './connect.ts'
import { ClamdReplyReader } from './read-reply.ts'

/** Milliseconds for which an answer is reused for the next client: a reload takes clamd some seconds. */
const AGAIN_AFTER = 5_000
/** Milliseconds for the answer. */
const ANSWER_TIMEOUT = 5_000

/** Forwards commands to servers, each at most once in AGAIN_AFTER. */
export class ForwardedCommands {
  readonly #answers: Readonly<Record<ForwardedCommand, () => Promise<string | undefined>>>

  constructor(addresses: readonly ClamdAddress[], uptime: () => number) {
    const kept = (command: ForwardedCommand) =>
      cachedFor(AGAIN_AFTER, uptime, () => askAll(addresses, command))
    this.#answers = {
      RELOAD: kept('RELOAD'),
      SELFCHECK: kept('SELFCHECK'),
      VERSIONCOMMANDS: kept('VERSIONCOMMANDS'),
    }
  }

  /** Resolves to the reply of the first server that answers, or undefined if none does. */
  answerTo(command: ForwardedCommand): Promise<string | undefined> {
    return this.#answers[command]()
  }
}

async function askAll(addresses: readonly ClamdAddress[], command: ForwardedCommand) {
  const answers = addresses.map((address) => ask(address, command).catch(() => undefined))
  return (await Promise.all(answers)).find((answer) => answer !== undefined)
}

/** Sends a command on its own connection, because sessions (IDSESSION) accept no RELOAD. */
async function ask(address: ClamdAddress, command: ForwardedCommand): Promise<string> {
  const connect = await loadConnect(address)
  if (address.kind === 'unix' && !(await responds(address.path))) throw new Error('no answer')
  const replies = new ClamdReplyReader()
  const wire = new ServerWire(connect(address), {
    push: (chunk) => replies.push(chunk),
    explain: (error) => error ?? new Error('closed the connection without a reply'),
  })
  try {
    const reply = await wire.during(AbortSignal.timeout(ANSWER_TIMEOUT), async () => {
      await wire.connected()
      await wire.send(Buffer.from(`z${command}\0`))
      return wire.read(() => replies.whole())
    })
    return reply.toString('latin1').replace(/\0.*$/s, '')
  } finally {
    wire.end(new Error('the answer is there'))
  }
}
