import { createHash, timingSafeEqual } from 'node:crypto'
import { errorTextAt, Fault } from '../../../base/errors/fault.ts'
import { LruCache } from '../../../base/flow/cache.ts'
import { readSecret } from '../../../base/path/secret-file.ts'
import { parseDuration } from '../../../base/text/units.ts'
import { type Person, RIGHTS } from '../../protocol/quarantine-api/exchange.ts'
import { kindsInWords } from '../../scan/replies/found-in-words.ts'

/** Characters of a token: a shorter one could be guessed. */
export const TOKEN_MIN = 16

/** Returns whether two texts are the same, in a time that depends on neither. */
export function isSameSecret(attempt: string, secret: string): boolean {
  return timingSafeEqual(digest(attempt), digest(secret))
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

/** Reads the file of an option with a secret. Throws a Fault of kind `config` that names the option. */
export function readTokenFile(option: string, file: string, most?: number): string {
  try {
    return readSecret(file, most).trim()
  } catch (error) {
    throw new Fault('config', `${option} ${file}: ${errorTextAt(file, error)}`, error)
  }
}

/** Bytes of a file of tokens: some 500 persons. */
const PERSONS_MAX = 64 * 1024

/** The persons who may use the quarantine over HTTP, each with a token. */
export class PersonalTokens {
  readonly #persons: ReadonlyMap<string, Person>

  private constructor(persons: ReadonlyMap<string, Person>) {
    this.#persons = persons
  }

  /**
   * Reads a file with a line for each person: a name, a token, and what limits the person. Throws a Fault of kind `config` if
   * there is another line, if a name or token occurs twice, or if one is `other`, the token of the page.
   */
  static read(file: string, other: string | undefined): PersonalTokens {
    const persons = new Map<string, Person>()
    const fail = (reason: string): never => {
      throw new Fault('config', `${OPTION} ${file}: ${reason}`)
    }
    for (const line of readTokenFile(OPTION, file, PERSONS_MAX).split('\n')) {
      const [name = '', token = '', ...words] = line.trim().split(/[ \t]+/)
      if (name === '' || name.startsWith('#')) continue
      if (!NAME.test(name) || !TOKEN_FORM.test(token))
        fail(
          `each line must be a name, a blank, and a token of at least ${TOKEN_MIN} printable characters`,
        )
      if ([...persons.values()].some((person) => person.name === name))
        fail(`${name}: has two lines; remove one`)
      if (persons.has(digestOf(token)) || token === other)
        fail(`${name}: has the token of another person, or of --http-token; make another one`)
      persons.set(digestOf(token), {
        name,
        ...limitsOf(words, (reason) => fail(`${name}: ${reason}`)),
      })
    }
    if (persons.size === 0) fail('has no line with a name and a token')
    return new PersonalTokens(persons)
  }

  /**
   * Returns the person whose token was given as Bearer (RFC 6750 2.1). That of Basic is not accepted: a browser would
   * send it without being asked, also for a page of another site.
   */
  personOf(authorization = ''): Person | undefined {
    const [, token = ''] = /^Bearer +(\S+)$/i.exec(authorization) ?? []
    // By their digests: the time shows nothing of a token.
    return this.#persons.get(digestOf(token))
  }
}

const OPTION = '--http-quarantine'
const NAME = /^[\w.@+-]{1,64}$/
/** The form of a token, also of that of the page. */
export const TOKEN_FORM = new RegExp(`^[!-~]{${TOKEN_MIN},}$`)

const digestOf = (token: string) => digest(token).toString('latin1')

/** Limits for the seconds without use after which a person is signed out: a minute and a year. */
const STAY_SECONDS = { min: 60, max: 365 * 86_400 }

/** What a person may do whose line does not state it: all but to let mail of others through. */
const DEFAULT_RIGHTS = RIGHTS.filter((right) => right !== 'allow')

/** Reads the words behind a token: `may=look,release`, `release=encrypted,banned`, `to=example.org,.example.com,ann@example.net`, `stays=30m`. */
function limitsOf(words: readonly string[], fail: (reason: string) => never): Omit<Person, 'name'> {
  let limits: Omit<Person, 'name'> = { may: DEFAULT_RIGHTS }
  for (const written of words) {
    const [, key, value = ''] =
      /^(may|release|to|stays)=(.+)$/.exec(written) ??
      fail(`${written}: must be may=, release=, to= or stays=`)
    const values = value.split(',')
    if (key === 'may') {
      const may = values.map((word) => RIGHTS.find((right) => right === word) ?? fail(`may=${word}: must be some of ${RIGHTS.join(', ')}`)) // biome-ignore format: a line
      limits = { ...limits, may: ['look', ...may.filter((right) => right !== 'look')] }
    } else if (key === 'release') {
      const kinds = kindsInWords.map(([kind]) => kind)
      const other = values.find((kind) => !kinds.includes(kind))
      if (other !== undefined) fail(`release=${other}: must be some of ${kinds.join(', ')}`)
      limits = { ...limits, releases: values }
    } else if (key === 'to') {
      const bad = values.find((name) => !/^(?:[^@\s]+@)?\.?[^@\s.]+(?:\.[^@\s.]+)*$/.test(name))
      if (bad !== undefined)
        fail(`to=${bad}: must be a domain, .domain for all below it, or an address`)
      limits = { ...limits, to: values }
    } else {
      const seconds = parseDuration(value)
      if (seconds === undefined || seconds < STAY_SECONDS.min || seconds > STAY_SECONDS.max)
        fail(`stays=${value}: must be a time from 1m to 365d, such as 30m or 8h`)
      limits = { ...limits, signOutSeconds: seconds }
    }
  }
  return limits
}

/** Wrong tokens from an address, before it is locked out, and for how long, in milliseconds. */
const ATTEMPTS_MAX = 10
const ATTEMPTS_TIME = 60_000
/** Upper limit for the addresses that are remembered, and for the persons at addresses. */
const ADDRESSES_MAX = 10_000

/** Counts wrong tokens by address. `uptime` is in milliseconds. */
export class WrongTokens {
  readonly #uptime: () => number
  readonly #byAddress = new LruCache<{ count: number; readonly until: number }>(ADDRESSES_MAX)
  readonly #known = new LruCache<true>(ADDRESSES_MAX)

  constructor(uptime: () => number) {
    this.#uptime = uptime
  }

  /**
   * Returns the seconds for which an address is locked out, even with the right token of a person, or 0. A person who was at
   * the address before is not: behind a proxy, all persons have one address.
   */
  secondsLocked(address: string, person: string | undefined): number {
    if (person !== undefined && this.#known.get(`${person} ${address}`)) return 0
    const known = this.#byAddress.get(address)
    const left = known === undefined ? 0 : known.until - this.#uptime()
    if (left <= 0) this.#byAddress.delete(address)
    return known !== undefined && known.count >= ATTEMPTS_MAX
      ? Math.max(0, Math.ceil(left / 1000))
      : 0
  }

  /** Notes that a person is at an address. */
  noteRight(address: string, person: string): void {
    this.#known.set(`${person} ${address}`, true)
  }

  /** Counts a wrong token from an address. */
  note(address: string): void {
    const known = this.#byAddress.get(address)
    if (known !== undefined) known.count++
    else this.#byAddress.set(address, { count: 1, until: this.#uptime() + ATTEMPTS_TIME })
  }
}
