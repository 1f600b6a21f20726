import { join } from 'node:path'
import { readDefaults } from '../../shared/defaults-file.ts'
import { runningDaemons, SOCKET } from '../../shared/running-daemons.ts'

/** Where to find the command line of onescand. */
export interface OnescandSources {
  /** The package's file with ONESCAND_OPTIONS="…". */
  readonly defaults: string
  /** proc(5). */
  readonly processes: string
}

/** Places in the form of `--milter` and `--policy`: `inet:127.0.0.1:8890`. */
export interface OnescandAddresses {
  readonly milters: readonly string[]
  readonly policies: readonly string[]
  /** Of --smtp and --lmtp. */
  readonly relays: readonly string[]
}

/** The package's socket units; if systemd runs, it listens there for onescand (ListenStream). */
const MILTER_SOCKETS = [
  'unix:/var/spool/postfix/onescan/milter.sock',
  'unix:/run/onescan/milter.sock',
]
const POLICY_SOCKETS = ['unix:/var/spool/postfix/onescan/policy.sock']

/**
 * Where onescand listens, by its settings, by the package's units and by the onescand that runs.
 */
export function onescandAddresses({ defaults, processes }: OnescandSources): OnescandAddresses {
  const lines = [wordsIn(defaults), ...wordsOfRunning(processes)]
  const named = (option: string) =>
    [...new Set(lines.flatMap((words) => optionValues(words, option)))].sort()
  return {
    milters: [...named('--milter'), ...MILTER_SOCKETS],
    policies: [...named('--policy'), ...POLICY_SOCKETS],
    relays: [...named('--smtp'), ...named('--lmtp')],
  }
}

function wordsIn(defaults: string): readonly string[] {
  try {
    return readDefaults(defaults).words
  } catch {
    return [] // not the package's file, or only root may read it
  }
}

function wordsOfRunning(processes: string): (readonly string[])[] {
  try {
    return runningDaemons(processes).map(({ words }) => words)
  } catch {
    return [] // no proc(5)
  }
}

/** All places at which it listens by these words, without their kind: paths, and HOST:PORT. */
export function addressesIn(words: readonly string[]): string[] {
  const places = ['--milter', '--policy', '--smtp', '--lmtp', '--http'].flatMap((option) =>
    optionValues(words, option).map((place) => place.replace(/^(?:unix|local|inet6?):/, '')),
  )
  return [optionValues(words, '--socket').at(-1) ?? SOCKET, ...places]
}

/** The values of an option: `--milter PLACE` and `--milter=PLACE`, each time it occurs. */
export function optionValues(words: readonly string[], option: string): string[] {
  return words.flatMap((word, at) => {
    if (word === option) return words[at + 1] ?? []
    return word.startsWith(`${option}=`) ? word.slice(option.length + 1) : []
  })
}

/**
 * The place among `places` that `named` stands for, which is in the form of Postfix or Sendmail. A
 * path may be relative to the queue directory of Postfix.
 */
export function matchAddress(
  named: string,
  places: readonly string[],
  queue: string | undefined,
): string | undefined {
  const wanted = readPlace(named)
  return places.find((text) => {
    const place = readPlace(text)
    if (wanted === undefined || place === undefined) return false
    if ('path' in wanted || 'path' in place) {
      if (!('path' in wanted && 'path' in place)) return false
      return (
        wanted.path === place.path || (!!queue && join(queue, wanted.path) === join(place.path))
      )
    }
    return wanted.port === place.port && (wanted.host === place.host || everywhere(place.host))
  })
}

const everywhere = (host: string) => host === '0.0.0.0' || host === '::'

/** `inet:HOST:PORT`, `inet:PORT@HOST`, `unix:/PATH`. */
function readPlace(
  text: string,
): { readonly path: string } | { readonly host: string; readonly port: string } | undefined {
  const [, path] = /^(?:unix|local):(.+)$/.exec(text) ?? []
  if (path !== undefined) return { path }
  const forms =
    /^inet6?:(?:(?<host>[^@]*):)?(?<port>\d+)$/.exec(text) ??
    /^inet6?:(?<port>\d+)@(?<host>.*)$/.exec(text)
  if (forms?.groups === undefined) return undefined
  const host = (forms.groups.host ?? '').replace(/^\[|\]$/g, '')
  const isHere = host === '' || host === 'localhost'
  return { host: isHere ? '127.0.0.1' : host, port: forms.groups.port! }
}
