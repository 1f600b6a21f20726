import { byteSize, choice, type Environment, wholeNumber } from './settings.ts'
import { type OfKind, table, type WithStandard } from './table.ts'

/**
 * Reads a setting as a whole number, by the table. Throws a Fault of kind `config` for anything
 * else; so do the other readers.
 */
export function readNumber(env: Environment, name: WithStandard<'number', number>): number {
  const { standard, ...bounds } = table[name]
  return wholeNumber(env, name, standard, bounds)
}

/** The same for a setting without a default: undefined if it is unset. */
export function readOptionalNumber(
  env: Environment,
  name: Exclude<OfKind<'number'>, WithStandard<'number', number>>,
): number | undefined {
  return env[name] ? wholeNumber(env, name, 0, table[name]) : undefined
}

/** Bytes; 0 if the setting is unset and has no default. */
export function readSize(env: Environment, name: OfKind<'size'>): number {
  const { standard } = table[name]
  return byteSize({ [name]: env[name] || standard }, name, 0)
}

/** One of the setting's words. */
export function readWord<Name extends OfKind<'word'>>(
  env: Environment,
  name: Name,
): (typeof table)[Name]['words'][number] {
  const { words, standard } = table[name]
  return choice<string>(env, name, words, standard) as (typeof table)[Name]['words'][number]
}

/** The setting's text; its default if it is unset. */
export function readText(env: Environment, name: WithStandard<'text', string>): string {
  return env[name] || table[name].standard
}
