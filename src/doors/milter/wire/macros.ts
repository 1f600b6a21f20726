import { WireError } from '../../shared/wire/wire-error.ts'

/** Bytes of the macros that come before one command; MTAs send some hundred. */
export const MACROS_MAX = 64 * 1024

/** Commands that begin a client's connection; what comes before any other belongs to a message. */
const OF_CONNECTION = 'CH'
const OF_MESSAGE = 'MRTLNBE'
const LATEST_FIRST = [...(OF_CONNECTION + OF_MESSAGE)].reverse()

/** Bytes of a value that are kept. */
const VALUE_MAX = 1024

/** Some of the MTA's macros by name, `i` or `auth_authen`: as they were before the last command of each kind. */
export interface Macros {
  set(stage: string, values: ReadonlyMap<string, string>): void
  /** The latest stage's value, latin1; of a very long one its beginning. */
  get(name: string): string | undefined
  endMessage(): void
  endConnection(): void
}

/** Keeps only macros with these names: an MTA sends others, too, and as many as it likes. */
export function createMacros(names: readonly string[]): Macros {
  const known = new Map<string, ReadonlyMap<string, string>>()

  function forget(stages: string): void {
    for (const stage of stages) known.delete(stage)
  }

  /** Copies: a piece of a string keeps alive what it was cut from. */
  function kept(values: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
    const copies = new Map<string, string>()
    for (const name of names) {
      const value = values.get(name)
      if (value !== undefined) copies.set(name, Buffer.from(value.slice(0, VALUE_MAX)).toString())
    }
    return copies
  }

  return {
    set(stage, values) {
      if (stage === 'M') forget(OF_MESSAGE) // a new message, whatever became of the last one
      if ((OF_CONNECTION + OF_MESSAGE).includes(stage)) known.set(stage, kept(values))
    },
    get(name) {
      for (const stage of LATEST_FIRST) {
        const value = known.get(stage)?.get(name)
        if (value !== undefined) return value
      }
      return undefined
    },
    endMessage: () => forget(OF_MESSAGE),
    endConnection: () => forget(OF_CONNECTION + OF_MESSAGE),
  }
}

/** A command's letter, then names and values; a name of more than one letter stands in braces. */
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
