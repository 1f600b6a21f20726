import { resolve } from 'node:path'
import { errorText } from '../../../../base/errors/fault.ts'
import type { Environment } from '../../../../base/process/environment.ts'
import { shellWord } from '../../../../base/text/shell-word.ts'
import type { Accounts } from '../../../readiness/host/account.ts'
import type { LostSocket } from '../services/lost-sockets.ts'
import { askProgram } from './ask-program.ts'
import type { OnescandEndpoints } from './onescand-endpoints.ts'

export const POSTCONF = '/usr/sbin/postconf'
const POSTMAP = '/usr/sbin/postmap'

/** Parameters of Postfix by name. */
type Parameters = Readonly<Record<string, string>>

/**
 * A program of Postfix that accepts mail over SMTP: a line of master.cf, and the values of its -o options.
 */
export class SmtpdService {
  /** `smtp/inet`, as postconf -P has it. */
  readonly name: string
  readonly isChrooted: boolean
  readonly #own: Parameters
  readonly #main: Parameters

  constructor(name: string, isChrooted: boolean, own: Parameters, main: Parameters) {
    this.name = name
    this.isChrooted = isChrooted
    this.#own = own
    this.#main = main
  }

  /** The value of a parameter that applies to it. */
  valueOf(name: string): string {
    return this.#own[name] ?? this.#main[name] ?? ''
  }

  /** Returns the name of a parameter where it is set. */
  placeOf(name: string): string {
    return this.#own[name] === undefined ? name : `${this.name}/${name}`
  }

  /** Returns the command that sets a parameter where it is set: for this service alone, or for all. */
  toSet(name: string, value: string): string {
    return setting(this.placeOf(name), value)
  }
}

/**
 * Returns the command that sets a parameter at a place of Postfix: `smtp/inet/smtpd_milters`, or
 * `smtpd_milters`.
 */
export function setting(place: string, value: string): string {
  return place.includes('/')
    ? `postconf -P ${shellWord(`${place}=${withoutBlanks(value)}`)} && postfix reload`
    : settings({ [place]: value })
}

/** Returns the command that sets parameters of main.cf. */
export function settings(parameters: Parameters): string {
  const words = Object.entries(parameters).map(([name, value]) => shellWord(`${name} = ${value}`))
  return `postconf -e ${words.join(' ')} && postfix reload`
}

/** Returns a list without blanks: postconf -P accepts none, and Postfix accepts commas as well. */
const withoutBlanks = (list: string): string =>
  list.replace(/ ?, ?/g, ',').replaceAll('{ ', '{').replaceAll(' }', '}').replaceAll(' ', ',')

/** The data for the rules about Postfix. */
export interface PostfixHost {
  /** The directory of main.cf; '' is Postfix's own. */
  readonly directory: string
  readonly endpoints: OnescandEndpoints
  readonly accounts: Accounts
  /** SCANTIMEOUT of onescand, in seconds. */
  readonly scanSeconds: number
  /** Whether onescand has a keyring, and so makes stamps. */
  readonly makesStamps: boolean
  readonly settings: Environment
  /** The sockets of the package at which onescand cannot be reached, by path. */
  readonly lost: ReadonlyMap<string, LostSocket>
}

/** A Postfix as postconf(1) describes it, and the data for its rules. */
export interface Postfix extends PostfixHost {
  readonly main: Parameters
  /** The parameters that main.cf sets. */
  readonly written: Parameters
  readonly services: readonly SmtpdService[]
  /** The programs of the lines of master.cf: `smtpd` of `smtp/inet`, `lmtp` of `lmtp/unix`. */
  readonly programs: ReadonlyMap<string, string>
  /** The values that -o sets for other lines of master.cf: `scan/unix/smtp_data_done_timeout`. */
  readonly set: ReadonlyMap<string, string>
  /** Its queue directory, in which its programs run and its chroots begin. */
  readonly queue: string
}

/** Queries the parameters of a Postfix instance. Rejects if postconf cannot be run. */
export async function readPostfix(host: PostfixHost): Promise<Postfix> {
  const ask = (...args: string[]) => askPostfix(POSTCONF, host, args)
  const [all, changed, master, own] = await Promise.all([
    ask('-x'),
    ask('-n', '-x'),
    ask('-M'),
    ask('-P', '-x'),
  ])
  const main = parseParameters(all)
  const set = new Map(
    [...own.matchAll(/^(\S+\/\w+) = ?(.*)$/gm)].map(([, name = '', value = '']) => [
      name,
      value.trim(),
    ]),
  )
  const rows = master.split('\n').map((line) => line.trim().split(/\s+/))
  const services = rows.flatMap(([name, type, , , chroot, , , program]): SmtpdService[] => {
    if (program !== 'smtpd' || (type !== 'inet' && type !== 'pass')) return []
    const start = `${name}/${type}/`
    const ownParameters = [...set].flatMap(([place, value]) =>
      place.startsWith(start) ? [[place.slice(start.length), value] as const] : [],
    )
    return [
      new SmtpdService(`${name}/${type}`, chroot === 'y', Object.fromEntries(ownParameters), main),
    ]
  })
  const programs = new Map(
    rows.flatMap(([name = '', type, , , , , , program = '']) =>
      name === '' ? [] : [[`${name}/${type}`, program] as const],
    ),
  )
  const queue = main.queue_directory ?? '/var/spool/postfix'
  return {
    ...host,
    main,
    written: parseParameters(changed),
    services,
    programs,
    set,
    queue,
  }
}

/** Has a program of Postfix read its configuration. */
function askPostfix(path: string, { directory }: PostfixHost, args: readonly string[]) {
  const config = directory === '' ? [] : ['-c', resolve(directory)]
  return askProgram([path, ...config, ...args])
}

/**
 * Resolves to the value of a key in a table, `cidr:/etc/postfix/maps`, or to undefined if it has none, or only root may read
 * it. Rejects with the reason, in the wording of postmap(1), if Postfix cannot read the table.
 */
export async function lookUp(
  key: string,
  table: string,
  host: PostfixHost,
): Promise<string | undefined> {
  try {
    return (await askPostfix(POSTMAP, host, ['-q', key, table])).trim()
  } catch (error) {
    // Without output the table has no such key.
    const [, fault] = /fatal: (.+)/.exec(errorText(error)) ?? []
    if (fault === undefined || fault.includes('Permission denied')) return undefined
    throw new Error(fault, { cause: error })
  }
}

/** Returns the tables in a list. A brace encloses blanks and commas. */
export const splitTables = (list: string): string[] =>
  list.match(/(?:\{(?:[^{}]|\{[^{}]*\})*\}|[^\s,{}])+/g) ?? []

/** Parses lines `name = value`. */
function parseParameters(text: string): Parameters {
  const pairs = [...text.matchAll(/^(\w+) ?= ?(.*(?:\n[ \t].*)*)$/gm)]
  return Object.fromEntries(pairs.map(([, name, value = '']) => [name, value.trim()]))
}

/** A milter in smtpd_milters, with the options in its braces. */
export interface MilterEntry {
  /** Its address, in the form of Postfix. */
  readonly text: string
  /** The whole entry as it is written, with braces. */
  readonly written: string
  readonly options: Readonly<Record<string, string>>
  /** A word in its braces that is not an option, at which Postfix's programs end. */
  readonly stray?: string
}

/** Matches an entry of a list, with braces in braces; captures what is in its braces. */
const ENTRY = /\{((?:[^{}]|\{[^{}]*\})*)\}|[^\s,{}]+/g
/** Matches an option: blanks may be around its "=" only in braces of its own. */
const OPTION = /^(\w+)[ \t]*=[ \t]*(.*)$/s

/** Splits `inet:a:1, { unix:/b, default_action=accept, { connect_timeout = 5s } }`; MILTER_README. */
export function splitMilters(list: string): MilterEntry[] {
  return [...list.matchAll(ENTRY)].map(([written, braced]) => {
    if (braced === undefined) return { text: written, written, options: {} }
    const [first, ...rest] = [...braced.matchAll(ENTRY)]
    const words = rest.map(([word, inner = word]) => ({ word, option: OPTION.exec(inner.trim()) }))
    const options = words.flatMap(({ option }) =>
      option === null ? [] : [[option[1], option[2]] as const],
    )
    const stray = words.find(({ option }) => option === null)?.word
    return {
      text: first?.[0] ?? '',
      written,
      options: Object.fromEntries(options),
      ...(stray !== undefined && { stray }),
    }
  })
}

/** Returns an entry of a list with another value of an option. */
export const withOption = ({ text, options }: MilterEntry, name: string, value: string): string =>
  inBraces([text, ...Object.entries({ ...options, [name]: value }).map((pair) => pair.join('='))])

const inBraces = (words: readonly string[]) => `{ ${words.join(', ')} }`

/** The form that Postfix accepts as the address of a milter. */
const ADDRESS = /^(unix|local|inet6?):./

/** A list of milters that Postfix cannot read. */
export interface MilterFault {
  /** The fault in the list. */
  readonly reason: string
  /** The list as it was probably meant, if that shows. */
  readonly meant: string | undefined
}

/**
 * Returns why Postfix cannot read a list of milters: an unbalanced brace, options outside braces, or a word
 * that is not an address. Returns undefined if it can.
 */
export function faultOf(text: string): MilterFault | undefined {
  const isBalanced = text.replace(ENTRY, '').search(/[{}]/) < 0
  const entries = splitMilters(text)
  const stray = entries.find((entry) => !ADDRESS.test(entry.text))
  const idle = entries.find((entry) => entry.stray !== undefined)
  if (isBalanced && stray === undefined && idle === undefined) return undefined
  const milters: string[][] = []
  let isMeant = true
  const together = text.split('=').map((part) => part.trim())
  for (const word of together.join('=').split(/[\s,{}]+/)) {
    if (word === '') continue
    if (ADDRESS.test(word)) milters.push([word])
    else if (milters.length > 0 && /^\w+=/.test(word)) milters.at(-1)!.push(word)
    else isMeant = false
  }
  return {
    reason: !isBalanced
      ? 'a brace is missing'
      : stray !== undefined
        ? `${stray.text} is not the address of a milter`
        : `${idle?.stray} is not an option: write it without spaces, such as default_action=tempfail`,
    meant: isMeant
      ? milters.map((words) => (words.length === 1 ? words[0] : inBraces(words))).join(', ')
      : undefined,
  }
}

/**
 * Returns an address of --milter in the form of Postfix: it has no inet6, and paths begin in its queue
 * directory.
 */
export const inPostfix = (address: string, { queue }: Postfix): string =>
  address.replace(/^inet6:/, 'inet:').replace(`unix:${queue}/`, 'unix:')

/** Returns what Postfix does with mail while no milter answers: milter_default_action, in any case of letters. */
export function whileDown(action: string): string {
  switch (action.toLowerCase()) {
    case 'accept':
      return 'Postfix accepts mail unscanned'
    case 'reject':
      return 'Postfix refuses all mail permanently'
    case 'quarantine':
      return 'Postfix puts all mail on hold'
    default:
      return 'Postfix defers all mail'
  }
}

/** Returns the complaint about a time limit of Postfix, as it is set, that ends before a scan of `scanSeconds` seconds may. */
export const tooEarly = (time: string, scanSeconds: number): string =>
  `is ${time}, so Postfix times out before onescand does (SCANTIMEOUT=${scanSeconds})`
