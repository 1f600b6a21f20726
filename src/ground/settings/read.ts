import { byteSize, choice, type Environment, wholeNumber } from './settings.ts'
import { type OfKind, table, type WithStandard } from './table.ts'

/**
 * A setting as a whole number, by the table. Throws a Fault of kind `config` for anything else;
 * so do the others.
 */
export function readNumber(env: Environment, name: WithStandard<'number', number>): number {
  const { standard, ...bounds } = table[name]
  return wholeNumber(env, name, standard, bounds)
}

/** The same for one that has no standard: undefined if it is unset. */
export function readOptionalNumber(
  env: Environment,
  name: Exclude<OfKind<'number'>, WithStandard<'number', number>>,
): number | undefined {
  return env[name] ? wholeNumber(env, name, 0, table[name]) : undefined
}

/** Bytes; 0 if it is unset and has no standard. */
export function readSize(env: Environment, name: OfKind<'size'>): number {
  const { standard } = table[name]
  return byteSize({ [name]: env[name] || standard }, name, 0)
}

/** One of its words. */
export function readWord<Name extends OfKind<'word'>>(
  env: Environment,
  name: Name,
): (typeof table)[Name]['words'][number] {
  const { words, standard } = table[name]
  return choice<string>(env, name, words, standard) as (typeof table)[Name]['words'][number]
}

/** As it is set, else its standard. */
export function readText(env: Environment, name: WithStandard<'text', string>): string {
  return env[name] || table[name].standard
}
