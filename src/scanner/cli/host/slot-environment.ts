import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Argv } from 'yargs'
import { errorTextAt, Fault } from '../../../base/errors/fault.ts'
import { readOwnFile } from '../../../base/path/open.ts'
import type { Environment } from '../../../base/process/environment.ts'
import { misspeltSettings } from '../../../base/settings/misspelt.ts'
import { textOption, textOptions } from '../command/cli-options.ts'

/** Upper limit for the variables of a directory. */
const NAMES_MAX = 1000

/** The options that add to the slot's environment. */
export interface EnvironmentOptions {
  readonly env: readonly string[]
  readonly envdir: string | undefined
}

export function addEnvironmentOptions<Options>(yargs: Argv<Options>) {
  return yargs
    .option(
      'env',
      textOptions('A setting, as KEY=VALUE; may be repeated', { default: [] as string[] }),
    )
    .option('envdir', textOption('Directory of variables, as envdir(8) reads it'))
}

/**
 * Returns the variables of `base`, of the directory and of the single options. Later ones override earlier
 * ones.
 */
export function slotEnvironment(base: Environment, options: EnvironmentOptions): Environment {
  return {
    ...base,
    ...(options.envdir === undefined ? {} : readEnvdir(options.envdir)),
    ...assignments(options.env),
  }
}

/**
 * Reads the variables of a directory by the rules of envdir(8): the first line of each file, without trailing
 * blanks, with NUL for a line end. An empty file unsets its variable. Throws a Fault of kind `config` if the
 * directory cannot be read.
 */
function readEnvdir(directory: string): Record<string, string | undefined> {
  const variables: Record<string, string | undefined> = {}
  try {
    const names = readdirSync(directory).filter((name) => !/^\.|=/.test(name))
    if (names.length > NAMES_MAX) throw new Error(`has more than ${NAMES_MAX} files`)
    for (const name of names) {
      const content = readOwnFile(join(directory, name)).toString('utf8')
      const [line = ''] = content.split('\n')
      variables[name] =
        content === '' ? undefined : line.replace(/[ \t]+$/, '').replaceAll('\0', '\n')
    }
  } catch (error) {
    throw new Fault('config', `--envdir ${directory}: ${errorTextAt(directory, error)}`, error)
  }
  return variables
}

/** Parses words `KEY=VALUE`. Throws a Fault of kind `config` for anything else, and for a misspelt setting. */
function assignments(words: readonly string[]): Record<string, string> {
  const variables = Object.fromEntries(
    words.map((word) => {
      const at = word.indexOf('=')
      if (at < 1) throw new Fault('config', `--env ${word}: must be KEY=VALUE`)
      return [word.slice(0, at), word.slice(at + 1)]
    }),
  )
  const [misspelt] = misspeltSettings(variables)
  if (misspelt) throw new Fault('config', `--env: ${misspelt.value}; ${misspelt.remedy}`)
  return variables
}
