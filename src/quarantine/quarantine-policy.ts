import { Fault } from '../ground/errors/fault.ts'
import { readSetting } from '../ground/settings/read.ts'
import type { Environment } from '../ground/settings/settings.ts'

/** The place where mail is kept that is neither delivered nor refused. */
export type QuarantinePolicy =
  /** A directory of this host, which the account of the door owns. */
  | { readonly kind: 'directory'; readonly directory: string }
  /** The hold queue of the MTA that asks by milter. */
  | { readonly kind: 'hold' }

/** The limits above which the sweep removes messages. 0 is no limit. */
export interface QuarantineLimits {
  /** Days for which a message is kept. */
  readonly age: number
  readonly messages: number
  readonly bytes: number
}

/** Reads QUARANTINE; returns undefined if it is unset. Throws a Fault of kind `config`. */
export function readQuarantinePolicy(env: Environment): QuarantinePolicy | undefined {
  const directory = env.QUARANTINE
  if (!directory) return undefined
  if (directory === 'hold') return { kind: 'hold' }
  if (directory.startsWith('/')) return { kind: 'directory', directory }
  throw new Fault('config', `QUARANTINE ${directory}: must be an absolute path, or hold`)
}

/** Reads QUARANTINEDAYS, QUARANTINEMESSAGES and QUARANTINESIZE. Throws a Fault of kind `config`. */
export function readQuarantineLimits(env: Environment): QuarantineLimits {
  return {
    age: readSetting(env, 'QUARANTINEDAYS'),
    messages: readSetting(env, 'QUARANTINEMESSAGES'),
    bytes: readSetting(env, 'QUARANTINESIZE'),
  }
}
