import { WireError } from '../../../base/protocol/connection/wire-error.ts'

/** Upper limit, in bytes, for the macros before one command. MTAs send a few hundred. */
export const MACROS_MAX = 64 * 1024

/**
 * The letters of commands whose macros belong to a client's connection. Those of all others belong to a
 * message.
 */
const OF_CONNECTION = 'CH'
const OF_MESSAGE = 'MRTLNBE'
const LATEST_FIRST = [...(OF_CONNECTION + OF_MESSAGE)].reverse()

/** Upper limit for the kept characters of a value. */
const MACRO_VALUE_MAX = 1024

/**
 * The MTA's macros by name, such as `i` or `auth_authen`, as they were before the last command of
 * each kind.
 */
export class Macros {
  readonly #names: readonly string[]
  readonly #byStage = new Map<string, ReadonlyMap<string, string>>()

  /** Keeps only the macros with these names, because an MTA may send any number of others. */
  constructor(names: readonly string[]) {
    this.#names = names
  }

  set(stage: string, values: ReadonlyMap<string, string>): void {
    if (stage === 'M') this.endMessage() // a new message begins, whatever the outcome of the last one
    if ((OF_CONNECTION + OF_MESSAGE).includes(stage)) this.#byStage.set(stage, this.#kept(values))
  }

  /**
   * Returns the value from the latest stage, in latin1, cut at MACRO_VALUE_MAX, or undefined if there is none.
   */
  get(name: string): string | undefined {
    for (const stage of LATEST_FIRST) {
      const value = this.#byStage.get(stage)?.get(name)
      if (value !== undefined) return value
    }
    return undefined
  }

  endMessage(): void {
    for (const stage of OF_MESSAGE) this.#byStage.delete(stage)
  }

  endConnection(): void {
    this.#byStage.clear()
  }

  /** Returns copies of the kept values, because a piece of a string keeps the whole string in memory. */
  #kept(values: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
    const copies = new Map<string, string>()
    for (const name of this.#names) {
      const value = values.get(name)
      if (value !== undefined)
        copies.set(name, Buffer.from(value.slice(0, MACRO_VALUE_MAX)).toString())
    }
    return copies
  }
}

/**
 * Parses a command's letter and the names and values after it. A name of several letters is in braces. Throws
 * a WireError if they are malformed.
 */
export function parseMacros(data: Buffer): {
  readonly stage: string
  readonly values: ReadonlyMap<string, string>
} {
  if (data.length === 0) throw new WireError('macros that belong to no command')
  if (data.length > MACROS_MAX) throw new WireError(`macros of ${data.length} bytes`)
  const texts = data.toString('latin1', 1).split('\0')
  if (texts.pop() !== '') throw new WireError('macros: a string without its NUL')
  if (texts.length % 2 !== 0) throw new WireError('macros: a name without a value')
  const values = new Map<string, string>()
  for (let at = 0; at < texts.length; at += 2) {
    values.set(texts[at]!.replace(/^\{(.*)\}$/s, '$1'), texts[at + 1]!)
  }
  return { stage: String.fromCharCode(data[0]!), values }
}
