import { fstatSync, writeSync } from 'node:fs'
import { attempt } from '../../ground/errors/fault.ts'
import { loadSystem } from '../../ground/runtime/system.ts'
import type { RunningService } from './running-services.ts'
import type { SystemdUnit } from './systemd-unit.ts'

/**
 * What root alone can see of a host, and tells the account that does the work of a command
 * (root/become-account.ts).
 */
export interface RootFacts {
  /** Who typed the command, for logs. */
  readonly caller: string
  /** Whether standard input and standard output of the command are a terminal, and take colours. */
  readonly terminal: Terminal
  /** What systemd says of units, by the name of the service; null if it knows none. */
  readonly units: Readonly<Record<string, SystemdUnit | null>>
  /** The texts of files of settings that the account cannot read, though its service has them. */
  readonly settings: Readonly<Record<string, string>>
  /** Which part of `check` this process does; undefined for all other commands. */
  readonly part?: CheckPart
}

interface Terminal {
  /** Standard input is a terminal, or /dev/null, or closed: nobody hands over a log by it. */
  readonly input: boolean
  readonly output: boolean
  readonly columns: number
}

/** A part of `check` that an account does. */
export type CheckPart =
  /** Mail servers but qmail, and onescand. */
  | {
      readonly of: 'host'
      /** The queue directories of the Postfix that runs, or of several. */
      readonly postfix: readonly string[]
    }
  /** The slots of services of this account. */
  | { readonly of: 'slot'; readonly services: readonly RunningService[] }
  /** onescan-quotad. */
  | { readonly of: 'quotad' }

/** The variable by which root tells them. Programs that this process starts do not get it. */
export const FACTS = 'ONESCAN_FACTS'

/**
 * A capability that does nothing on a server (timers that wake a machine), by its number and name. What root
 * has an account do holds it, and no other process of the account: the kernel lets none of these trace it,
 * write to its memory or take its groups, since a tracer must have all capabilities of the traced (ptrace(2),
 * "access mode checking"). Programs that it starts do not get it, if C can be called: a scanner could
 * keep it to trace later work, and bwrap(1), in which a site may have wrapped one, refuses to run with it.
 */
export const SHIELD = { number: 35, name: 'wake_alarm' } as const

/** What the account writes on standard error while it works, and how often: milliseconds. */
export const ALIVE = '\0'
const ALIVE_EACH = 5_000

/** What root told; undefined if root did not start this process. */
export const rootFacts: RootFacts | undefined = takeFacts()

/**
 * Whether the directory in which root typed the command is closed to this account, which works in `/` then:
 * who has a directory open needs no right to those above it.
 */
export const isElsewhere: boolean = rootFacts !== undefined && leaveClosedDirectory()

function leaveClosedDirectory(): boolean {
  try {
    process.chdir(process.cwd())
    return false
  } catch {
    process.chdir('/')
    return true
  }
}

function takeFacts(): RootFacts | undefined {
  const text = process.env[FACTS]
  delete process.env[FACTS]
  if (text === undefined) return undefined
  // It does not wait for a file system, which keeps it from all else. Root may read slowly, or have gone.
  setInterval(() => attempt(() => writeSync(2, ALIVE)), ALIVE_EACH).unref()
  loadSystem()?.withholdCapability(SHIELD.number)
  return JSON.parse(text) as RootFacts
}

/** The terminal of whoever typed the command. */
export const terminal = (): Terminal => rootFacts?.terminal ?? ownTerminal()

/**
 * The terminal of this process. To ask process.stdin would make descriptor 0 non-blocking, for all processes
 * that share it.
 */
export function ownTerminal(): Terminal {
  return {
    input: attempt(() => fstatSync(0))?.isCharacterDevice() ?? true,
    output: process.stdout.isTTY === true,
    columns: process.stdout.columns ?? 80,
  }
}
