import { byteSize, choice, type Environment, wholeNumber } from './settings.ts'
import { type SettingOfKind, type SettingWithDefault, table } from './table.ts'

/**
 * Reads a setting that the table has as a whole number. Throws a Fault of kind `config` for any
 * other text; so do the other readers here.
 */
export function readNumber(env: Environment, name: SettingWithDefault<'number', number>): number {
  const { default: byDefault, ...bounds } = table[name]
  return wholeNumber(env, name, byDefault, bounds)
}

/** Does the same for a setting without a default; undefined if it is unset. */
export function readOptionalNumber(
  env: Environment,
  name: Exclude<SettingOfKind<'number'>, SettingWithDefault<'number', number>>,
): number | undefined {
  return env[name] ? wholeNumber(env, name, 0, table[name]) : undefined
}

/** Reads a setting as a number of bytes; 0 if it is unset and has no default. */
export function readSize(env: Environment, name: SettingOfKind<'size'>): number {
  const { default: byDefault } = table[name]
  return byteSize({ [name]: env[name] || byDefault }, name, 0)
}

/** Reads a setting whose value must be one of its words. */
export function readWord<Name extends SettingOfKind<'word'>>(
  env: Environment,
  name: Name,
): (typeof table)[Name]['words'][number] {
  const { words, default: byDefault } = table[name]
  return choice<string>(env, name, words, byDefault) as (typeof table)[Name]['words'][number]
}

/** Reads the text of a setting, or its default if it is unset. */
export function readText(env: Environment, name: SettingWithDefault<'text', string>): string {
  return env[name] || table[name].default
}
