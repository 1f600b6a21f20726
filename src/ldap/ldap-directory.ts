import { readFileSync } from 'node:fs'
import { Client, type Entry, NoSuchObjectError, SizeLimitExceededError } from 'ldapts'
import { errorText } from '../runtime/fault.ts'
import { createMemory } from '../runtime/remember.ts'
import { createRests } from '../runtime/rests.ts'
import { createUnderWay } from '../runtime/under-way.ts'
import { readSecret } from '../settings/secret-file.ts'
import { filterFor, type LdapUser } from './filter.ts'
import type { LdapSettings } from './ldap-settings.ts'

/** What a directory has on a user; what is absent it does not say. */
export type LdapAnswer =
  | {
      readonly found: 'entry'
      /** Host that has the mailbox. */
      readonly backend?: string
      /** Latin1, a byte a character. */
      readonly home?: string
      readonly quota?: string
    }
  | { readonly found: 'nobody' }
  | { readonly found: 'trouble'; readonly why: string }

export interface LdapDirectory {
  /** Never rejects. Questions for one user at the same time are one question. */
  find(user: LdapUser): Promise<LdapAnswer>
  forget(): void
  /** Keeps no connection once what is asked has its answer. */
  close(): void
}

export interface LdapOptions {
  /** Milliseconds on a clock that nobody sets. */
  readonly now: () => number
  /** Milliseconds for a question, and for a connection. */
  readonly timeout: number
  /** Users that are remembered. */
  readonly remembered: number
}

/** Milliseconds for which a directory that failed is left alone. */
const REST = 1000

/** Asks a directory over one connection, which is opened when it is wanted. */
export function createLdapDirectory(settings: LdapSettings, options: LdapOptions): LdapDirectory {
  const { now, timeout } = options
  const known = createMemory<{ answer: LdapAnswer; until: number }>(options.remembered)
  const underWay = createUnderWay<LdapAnswer>()
  let connection: Promise<Client> | undefined
  let trouble = ''
  const rests = createRests<string>(now, { first: REST, longest: REST })

  async function ask(user: LdapUser): Promise<LdapAnswer> {
    if (rests.isResting(settings.url)) return { found: 'trouble', why: trouble }
    const asked = connection ?? open(settings, timeout)
    connection = asked
    try {
      const client = await asked
      // Closed while it was idle, it would be opened again as nobody in particular.
      if (settings.bind && !client.isBound) {
        if (connection === asked) connection = undefined
        return ask(user)
      }
      return await search(client, user)
    } catch (error) {
      trouble = `${settings.url}: ${errorText(error)}`
      // Others may have met the same trouble already, and opened another connection.
      if (connection === asked) {
        connection = undefined
        rests.failed(settings.url)
        drop(asked)
      }
      return { found: 'trouble', why: trouble }
    }
  }

  async function askAndRemember(user: LdapUser): Promise<LdapAnswer> {
    const answer = await ask(user)
    if (answer.found !== 'trouble') {
      known.set(user.name, { answer, until: now() + settings.remember })
    }
    return answer
  }

  async function search(client: Client, user: LdapUser): Promise<LdapAnswer> {
    const { base, attributes } = settings
    const filter = filterFor(settings.filter, user)
    if (filter === undefined) return { found: 'nobody' }
    try {
      const { searchEntries } = await client.search(base, {
        scope: 'sub',
        filter,
        attributes: Object.values(attributes),
        explicitBufferAttributes: Object.values(attributes),
        sizeLimit: 2,
        timeLimit: Math.ceil(timeout / 1000),
      })
      if (searchEntries.length > 1) return ambiguous()
      const [entry] = searchEntries
      return entry ? answerOf(entry) : { found: 'nobody' }
    } catch (error) {
      if (error instanceof SizeLimitExceededError) return ambiguous()
      if (error instanceof NoSuchObjectError) return { found: 'nobody' }
      throw error
    }
  }

  function answerOf(entry: Entry): LdapAnswer {
    const { attributes } = settings
    const backend = firstOf(entry, attributes.backend)
    const home = firstOf(entry, attributes.home)
    const quota = firstOf(entry, attributes.quota)
    return {
      found: 'entry',
      ...(backend ? { backend } : {}),
      ...(home ? { home } : {}),
      ...(quota ? { quota } : {}),
    }
  }

  const ambiguous = (): LdapAnswer => ({
    found: 'trouble',
    why: `${settings.url}: more than one entry for one user; see QUOTALDAPFILTER`,
  })

  return {
    find(user) {
      const remembered = known.get(user.name)
      if (remembered && remembered.until > now()) return Promise.resolve(remembered.answer)
      return underWay.get(user.name) ?? underWay.begin(user.name, askAndRemember(user))
    },
    forget: () => known.clear(),
    close() {
      void Promise.all(underWay.all()).then(() => {
        if (connection) drop(connection)
        connection = undefined
      })
    },
  }
}

async function open(settings: LdapSettings, timeout: number): Promise<Client> {
  const { url, bind, authorities } = settings
  const client = new Client({
    url,
    timeout,
    connectTimeout: timeout,
    ...(authorities ? { tlsOptions: { ca: readFileSync(authorities) } } : {}),
  })
  try {
    if (bind) await client.bind(bind.dn, readSecret(bind.passwordFile))
    return client
  } catch (error) {
    client.unbind().catch(() => {}) // it may be connected all the same
    throw error
  }
}

function drop(connection: Promise<Client>): void {
  connection.then((client) => client.unbind()).catch(() => {})
}

/** Names of attributes are compared without case (RFC 4512 2.5). */
function firstOf(entry: Entry, attribute: string): string | undefined {
  const name = Object.keys(entry).find((each) => each.toLowerCase() === attribute.toLowerCase())
  const values = name === undefined ? undefined : entry[name]
  const value = Array.isArray(values) ? values[0] : values
  return Buffer.isBuffer(value) ? value.toString('latin1') : value
}
