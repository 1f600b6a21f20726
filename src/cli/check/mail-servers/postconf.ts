import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

export const POSTCONF = '/usr/sbin/postconf'
/** The directory of main.cf, unless another one is named. */
export const POSTFIX_DIRECTORY = '/etc/postfix'
const run = promisify(execFile)
/** Milliseconds that a program of Postfix may take. */
const PATIENCE = 10_000

/** Parameters of Postfix by name. */
export type Parameters = Readonly<Record<string, string>>

/**
 * Returns what postconf(1) prints with these words. Throws if it cannot be run. `directory` is that of main.cf; '' is
 * Postfix's default.
 */
export async function postconf(
  { directory }: { readonly directory: string },
  ...words: string[]
): Promise<string> {
  const config = directory === '' ? [] : ['-c', directory]
  const env = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' }
  const { stdout } = await run(POSTCONF, [...config, ...words], { env, timeout: PATIENCE })
  return stdout
}

/** Reads lines `name = value`. */
export function readParameters(text: string): Parameters {
  const lines = text.replace(/\n[ \t]+/g, ' ').split('\n')
  const pairs = lines.flatMap((line) => {
    const [, name, value] = /^(\w+) ?= ?(.*)$/.exec(line) ?? []
    return name === undefined ? [] : [[name, value!.trim()] as const]
  })
  return Object.fromEntries(pairs)
}

/** Returns the seconds of a time as postconf(5) writes it: `300s`, `5m`. */
export function secondsOf(text: string): number {
  const [, number = '300', unit = 's'] = /^(\d+)([smhdw]?)$/.exec(text) ?? []
  return Number(number) * { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800, '': 1 }[unit as 's']
}

/** The queue directory, in which Postfix's programs run and its chroots begin. */
export const queueOf = (parameters: Parameters) =>
  parameters.queue_directory ?? '/var/spool/postfix'

/** Whether smtpd runs in a chroot: the fifth column of its line in master.cf, master(5). */
export function isChrooted(master: string): boolean {
  const line = master.split('\n').find((row) => /^\S+\s+(?:inet|pass)\s.*\ssmtpd\b/.test(row))
  return line?.split(/\s+/)[4] === 'y'
}

/** A milter in smtpd_milters, with the options in its braces. */
export interface MilterEntry {
  /** Its address, in the form of Postfix. */
  readonly text: string
  /** The whole entry as it is written, with braces. */
  readonly written: string
  readonly options: Readonly<Record<string, string>>
}

/** Splits `inet:a:1, { unix:/b, default_action=accept }`; MILTER_README. */
export function splitMilters(text: string): MilterEntry[] {
  return [...text.matchAll(/\{([^}]*)\}|([^\s,{}]+)/g)].map(([written, braced, plain]) => {
    const [first = '', ...rest] = (braced ?? plain ?? '').trim().split(/[\s,]+/)
    const options = rest.map((word) => word.split('=') as [string, string])
    return { text: first, written, options: Object.fromEntries(options) }
  })
}

/**
 * What Postfix does with mail while it cannot ask this milter: tempfail, accept, reject or
 * quarantine.
 */
export function milterAction(parameters: Parameters, { options }: MilterEntry): string {
  return options.default_action ?? parameters.milter_default_action ?? 'tempfail'
}
