import { errorText, Fault } from '../../lib/errors/fault.ts'
import { readForeignFile } from '../../lib/path/open.ts'
import {
  type MailAddress,
  readAddress,
  withPlainDomain,
} from '../../mail/message/envelope/address.ts'
import { type Backend, readBackend } from './quota-settings.ts'

/**
 * Finds the backend of the mailbox of an address with a plain domain. Resolves to undefined if there is none.
 * Rejects if a directory gave no answer in time.
 */
export type BackendOf = (address: MailAddress) => MappedBackend | Promise<MappedBackend>
type MappedBackend = Backend | 'no-such-user' | undefined

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

/**
 * Parses lines of `KEY BACKEND`. A key is an address, `@domain`, a name without domain, or `*` for all
 * others. The first of these that matches applies. Empty lines and lines that begin with `#` are ignored.
 * Domains are compared without case. Throws a Fault of kind `config`.
 */
function parseBackendMap(text: string, file: string): BackendOf {
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
