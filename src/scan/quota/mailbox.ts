import { errorText, Fault } from '../../lib/errors/fault.ts'
import { readForeignFile } from '../../lib/path/open.ts'
import {
  addressOf,
  type MailAddress,
  readAddress,
  withPlainDomain,
} from '../../mail/message/envelope/address.ts'
import type { LdapDirectory } from '../../protocol/ldap/ldap-directory.ts'
import type { LdapSettings } from '../../protocol/ldap/ldap-settings.ts'
import type { ExplainedAnswer } from './quota-lookup.ts'
import { type Backend, backendFor, type QuotaSettings, readBackend } from './quota-settings.ts'

/** Upper limit, in bytes, for a mailbox's name: no file name is longer. */
const MAILBOX_NAME_MAX = 255

/** The mailbox that a query is about. */
export interface NamedMailbox {
  /**
   * The address with a plain domain. Answers are cached under the address, because two domains may each have
   * a mailbox `ann`.
   */
  readonly address: MailAddress
  /** The name of the mailbox in the service. */
  readonly name: string
}

/** Upper limit, in bytes, for an address that may have a mailbox. */
const ADDRESS_MAX = 1024

/**
 * Returns the mailbox of an address with a plain domain. Returns undefined if no mailbox may have the name:
 * blanks and control bytes would break the protocol, and `/` and `..` the paths of the service.
 */
export function namedMailboxOf(
  address: MailAddress,
  form: QuotaSettings['nameForm'],
): NamedMailbox | undefined {
  if (address.text.length > ADDRESS_MAX) return undefined
  const name = form === 'local' ? address.local : address.text
  const usable =
    address.local !== '' && name.length <= MAILBOX_NAME_MAX && /^[!-.0-~\x80-\xff]+$/.test(name)
  return usable && !name.includes('..') ? { address, name } : undefined
}

/** Upper limit for the extensions that are removed one after the other. Each costs a request. */
const EXTENSIONS_MAX = 4

/**
 * Resolves to the answer about the whole address. If that has no mailbox, extensions are removed one by one,
 * and the answer about the first existing mailbox applies. `mailbox` names it. If an answer is unknown, no
 * shorter address is tried.
 */
export async function findByExtension(
  address: MailAddress,
  delimiters: string,
  find: (address: MailAddress) => Promise<ExplainedAnswer>,
): Promise<ExplainedAnswer> {
  const whole = await find(address)
  if (!whole.isUnknownUser || delimiters === '') return whole
  for (const shorter of withoutExtension(address, delimiters)) {
    const found = await find(shorter)
    if (!found.isUnknownUser) return { ...found, mailbox: shorter.text }
  }
  return whole
}

/**
 * Yields the addresses without one extension after the other, the longest first. For
 * `ann-lee-lists-qmail@d` these are `ann-lee-lists@d`, `ann-lee@d` and `ann@d`, as in qmail-getpw(8)
 * and with Postfix's recipient_delimiter. Each character of `delimiters` begins an extension, unless
 * the name before it would be empty.
 */
function* withoutExtension(
  { local, domain }: MailAddress,
  delimiters: string,
): Generator<MailAddress> {
  let left = EXTENSIONS_MAX
  for (let end = local.length - 1; end > 0 && left > 0; end--) {
    if (!delimiters.includes(local[end]!)) continue
    yield addressOf(local.slice(0, end), domain)
    left--
  }
}

/**
 * Finds the backend of the mailbox of an address with a plain domain. Resolves to undefined if there is none.
 * Rejects if a directory gave no answer in time.
 */
export type BackendOf = (address: MailAddress) => MappedBackend | Promise<MappedBackend>
type MappedBackend = Backend | 'no-such-user' | undefined

/** The number of users whose entries in a directory are cached. */
const REMEMBERED = 20_000

interface LdapBackendsOptions {
  /** Milliseconds on a monotonic clock. */
  readonly uptime: () => number
  /** Milliseconds for a look-up. */
  readonly timeout: number
}

/**
 * Parses lines of `KEY BACKEND`. A key is an address, `@domain`, a name without domain, or `*` for all
 * others. The first of these that matches applies. Empty lines and lines that begin with `#` are ignored.
 * Domains are compared without case. Throws a Fault of kind `config`.
 */
export function parseBackendMap(text: string, file: string): BackendOf {
  const backends = new Map<string, Backend>()
  const byKey = new Map<string, Backend>()
  for (const [index, line] of text.split('\n').entries()) {
    const [key, backend, ...more] = line.trim().split(/[ \t]+/)
    if (!key || key.startsWith('#')) continue
    const place = `${file} line ${index + 1}:`
    if (backend === undefined || more.length > 0) {
      throw new Fault('config', `${place} ${line.trim()}: must be a key and a service`)
    }
    const known = backends.get(backend) ?? readBackend(backend, place)
    backends.set(backend, known)
    byKey.set(withPlainDomain(readAddress(key)).text, known)
  }
  return (address) => {
    const { text, local, domain } = address
    const ofDomain = domain === undefined ? undefined : byKey.get(`@${domain}`)
    return byKey.get(text) ?? ofDomain ?? byKey.get(local) ?? byKey.get('*')
  }
}

/** Upper limit, in bytes, for a map: enough for a line for each of some million mailboxes. */
const MAP_MAX = 256 * 1024 * 1024

/** Reads a map. Throws a Fault of kind `config` if the file cannot be read or has an error. */
export function readBackendMap(file: string): BackendOf {
  let text: string
  try {
    text = readForeignFile(file, MAP_MAX).toString('latin1')
  } catch (error) {
    throw new Fault('config', `QUOTAD map:${file}: ${errorText(error)}`, error)
  }
  return parseBackendMap(text, file)
}

/** Searches a directory for the host of a user (mailHost), and replaces `%h` in `template` with it. */
export class LdapBackends {
  readonly #settings: LdapSettings
  readonly #template: string
  readonly #options: LdapBackendsOptions
  #directory: Promise<LdapDirectory> | undefined

  constructor(settings: LdapSettings, template: string, options: LdapBackendsOptions) {
    this.#settings = settings
    this.#template = template
    this.#options = options
  }

  async backendOf(address: MailAddress): Promise<Backend | 'no-such-user' | undefined> {
    const name = namedMailboxOf(address, 'address')?.name
    if (name === undefined) return undefined
    this.#directory ??= this.#open()
    const { local, domain = '' } = address
    const entry = await (await this.#directory).find({ name, local, domain })
    if (entry.found === 'nobody') return 'no-such-user'
    if (entry.found === 'trouble') throw new Error(entry.why)
    return entry.backend === undefined ? undefined : backendFor(this.#template, entry.backend)
  }

  close(): void {
    this.#directory?.then((open) => open.close()).catch(() => {})
  }

  async #open(): Promise<LdapDirectory> {
    const { LdapDirectory } = await import('../../protocol/ldap/ldap-directory.ts')
    return new LdapDirectory(this.#settings, { ...this.#options, remembered: REMEMBERED })
  }
}
