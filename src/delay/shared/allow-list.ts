import { readFileSync } from 'node:fs'
import { errorText, Fault } from '../../ground/errors/fault.ts'
import {
  contains,
  type IpAddress,
  type Network,
  parseNetwork,
} from '../../ground/net/ip-address.ts'

/** Clients that are not kept waiting. */
export interface AllowList {
  readonly networks: readonly (Network & { readonly text: string })[]
  /** Names in lower case. With a leading dot, an entry stands for all names below that domain. */
  readonly names: readonly string[]
}

export const emptyAllowList: AllowList = { networks: [], names: [] }

/** Reads an allow list. Throws a Fault if the file cannot be read or has an error. */
export function readAllowList(file: string): AllowList {
  try {
    return parseAllowList(readFileSync(file, 'latin1'))
  } catch (error) {
    throw new Fault('config', `--allow ${file}: ${errorText(error)}`, error)
  }
}

/**
 * Parses a list with a network or a name in each line: `192.0.2.0/24`, `10.`, `2001:db8::/32`,
 * `mail.example.org`, or `.example.org` for all names below that domain. `#` begins a comment.
 */
export function parseAllowList(text: string): AllowList {
  const networks: (Network & { text: string })[] = []
  const names: string[] = []
  for (const [index, line] of text.split('\n').entries()) {
    const entry = line.replace(/#.*/, '').trim()
    if (entry === '') continue
    const network = parseNetwork(entry)
    if (network) networks.push({ ...network, text: entry })
    else if (/^\.?[\w-]+(\.[\w-]+)*$/.test(entry) && /[a-z]/i.test(entry)) {
      names.push(entry.toLowerCase())
    } else throw new Error(`line ${index + 1}: ${entry} is neither a network nor a name`)
  }
  return { networks, names }
}

/** The network that has the address; undefined if there is none. */
export function findNetwork(list: AllowList, address: IpAddress): string | undefined {
  return list.networks.find((network) => contains(network, address))?.text
}

/** The entry that fits a name; undefined if there is none. The name must still be confirmed. */
export function findName(list: AllowList, name: string): string | undefined {
  const lower = name.toLowerCase().replace(/\.$/, '')
  return list.names.find((entry) =>
    entry.startsWith('.') ? lower.endsWith(entry) : lower === entry,
  )
}
