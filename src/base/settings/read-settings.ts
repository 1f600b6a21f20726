import type { Environment } from '../process/environment.ts'
import { REPLACED, wrongValue } from '../text/values.ts'
import type { Setting } from './table/kinds.ts'
import { type SettingName, settingTable } from './table.ts'

/** The values of a chapter of settings, each under its own name. */
export type Values<Chapter extends Readonly<Record<string, Setting>>> = {
  readonly [Name in keyof Chapter]: ReturnType<Chapter[Name]['read']>
}

/**
 * Reads all settings of a chapter of the table. Throws a Fault of kind `config` that names the first
 * one that is invalid.
 */
export function readSettings<Chapter extends Readonly<Record<string, Setting>>>(
  env: Environment,
  chapter: Chapter,
): Values<Chapter> {
  const values: Record<string, unknown> = {}
  for (const [name, setting] of Object.entries(chapter))
    values[name] = setting.read(written(env, name, setting), name)
  return values as Values<Chapter>
}

/** Reads one setting, as readSettings() does. */
export function readSetting<Name extends SettingName>(
  env: Environment,
  name: Name,
): Values<typeof settingTable>[Name] {
  return settingTable[name].read(written(env, name, settingTable[name]), name) as Values<
    typeof settingTable
  >[Name]
}

/** Returns why a client's value of a setting is laxer than onescand's own, or undefined if it is not. */
export function whyLaxer(name: SettingName, theirs: unknown, own: unknown): string | undefined {
  // Both values have the type of the setting, which depends on a name that is known only at run time.
  const { laxer }: { laxer?(theirs: unknown, own: unknown): string | undefined } =
    settingTable[name]
  return laxer?.(theirs, own)
}

/** Returns the text of a setting. Throws a Fault if bytes of it are lost: no pattern with them would match. */
function written(env: Environment, name: string, { alias }: Setting): string | undefined {
  const text = env[name] || (alias === undefined ? undefined : env[alias])
  if (!text?.includes(REPLACED)) return text
  throw wrongValue(name, text, 'in UTF-8')
}
