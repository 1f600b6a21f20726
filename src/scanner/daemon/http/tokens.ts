import { createHash, timingSafeEqual } from 'node:crypto'
import { errorTextAt, Fault } from '../../../base/errors/fault.ts'
import { readSecret } from '../../../base/path/secret-file.ts'

/** Characters of a token: a shorter one could be guessed. */
export const TOKEN_MIN = 16

/** Returns whether two texts are the same, in a time that depends on neither. */
export function isSameSecret(given: string, secret: string): boolean {
  return timingSafeEqual(digest(given), digest(secret))
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

/** Reads the file of an option with a secret. Throws a Fault of kind `config` that names the option. */
export function readTokenFile(option: string, file: string): string {
  try {
    return readSecret(file).trim()
  } catch (error) {
    throw new Fault('config', `${option} ${file}: ${errorTextAt(file, error)}`, error)
  }
}

/** The persons who may use the quarantine over HTTP, each with a token. */
export class PersonalTokens {
  readonly #persons: ReadonlyMap<string, string>

  private constructor(persons: ReadonlyMap<string, string>) {
    this.#persons = persons
  }

  /**
   * Reads a file with a line for each person: a name, a blank and a token. Throws a Fault of kind `config` if there is
   * another line, if a name or token occurs twice, or if one is `other`, the token of the page.
   */
  static read(option: string, file: string, other: string | undefined): PersonalTokens {
    const persons = new Map<string, string>()
    const fail = (reason: string): never => {
      throw new Fault('config', `${option} ${file}: ${reason}`)
    }
    const lines = readTokenFile(option, file).split('\n')
    for (const line of lines.map((text) => text.trim())) {
      if (line === '' || line.startsWith('#')) continue
      const [, name, token] = LINE.exec(line) ?? []
      if (name === undefined || token === undefined)
        return fail(
          `each line must be a name, a blank, and a token of at least ${TOKEN_MIN} printable characters`,
        )
      if (persons.has(name)) fail(`${name}: has two lines; remove one`)
      if ([...persons.values(), other].includes(token))
        fail(`${name}: has the token of another person, or of --http-token; make another one`)
      persons.set(name, token)
    }
    if (persons.size === 0) fail('has no line with a name and a token')
    return new PersonalTokens(persons)
  }

  /**
   * Returns the person whose token was given as Bearer (RFC 6750 2.1). That of Basic is not accepted: a browser would
   * send it without being asked, also for a page of another site.
   */
  personOf(authorization = ''): string | undefined {
    const [, given = ''] = /^Bearer +(\S+)$/i.exec(authorization) ?? []
    let found: string | undefined
    // All are compared: the time shows neither which one is right, nor how many there are before it.
    for (const [name, token] of this.#persons) if (isSameSecret(given, token)) found = name
    return found
  }
}

const LINE = new RegExp(`^([\\w.@+-]{1,64})[ \\t]+([!-~]{${TOKEN_MIN},})$`)

/** Wrong tokens from an address, before it is locked out, and for how long, in milliseconds. */
const ATTEMPTS_MAX = 10
const ATTEMPTS_TIME = 60_000
/** Upper limit for the addresses that are remembered, and for the persons at addresses. */
const ADDRESSES_MAX = 10_000

/** Counts wrong tokens by address. `uptime` is in milliseconds. */
export class WrongTokens {
  readonly #uptime: () => number
  readonly #byAddress = new Map<string, { count: number; readonly until: number }>()
  readonly #known = new Set<string>()

  constructor(uptime: () => number) {
    this.#uptime = uptime
  }

  /**
   * Returns the seconds for which an address is locked out, even with the right token of a person, or 0. A person who was at
   * the address before is not: behind a proxy, all persons have one address.
   */
  secondsLocked(address: string, person: string | undefined): number {
    if (person !== undefined && this.#known.has(`${person} ${address}`)) return 0
    const known = this.#byAddress.get(address)
    const left = known === undefined ? 0 : known.until - this.#uptime()
    if (left <= 0) this.#byAddress.delete(address)
    return known !== undefined && known.count >= ATTEMPTS_MAX
      ? Math.max(0, Math.ceil(left / 1000))
      : 0
  }

  /** Notes that a person is at an address. */
  noteRight(address: string, person: string): void {
    this.#known.add(`${person} ${address}`)
    const [oldest] = this.#known
    if (this.#known.size > ADDRESSES_MAX) this.#known.delete(oldest!)
  }

  /** Counts a wrong token from an address. */
  note(address: string): void {
    const known = this.#byAddress.get(address)
    if (known !== undefined) known.count++
    else this.#byAddress.set(address, { count: 1, until: this.#uptime() + ATTEMPTS_TIME })
    const [oldest] = this.#byAddress.keys()
    if (this.#byAddress.size > ADDRESSES_MAX) this.#byAddress.delete(oldest!)
  }
}
