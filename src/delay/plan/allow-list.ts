import { type IpAddress, Network } from '../../base/net/ip-address.ts'

/** Clients that are not kept waiting. */
export class AllowList {
  readonly #networks: { readonly network: Network; readonly text: string }[] = []
  /** In lower case. With a leading dot, an entry matches all names below that domain. */
  readonly #names: string[] = []

  /**
   * Reads a list with a network or a name in each line: `192.0.2.0/24`, `10.`, `2001:db8::/32`,
   * `mail.example.org`, or `.example.org` for all names below that domain. `#` begins a comment. Throws
   * an Error that names the line.
   */
  constructor(text = '') {
    for (const [index, line] of text.split('\n').entries()) {
      const entry = line.replace(/#.*/, '').trim()
      if (entry === '') continue
      const network = Network.parse(entry)
      if (network) this.#networks.push({ network, text: entry })
      else if (/^\.?[\w-]+(\.[\w-]+)*$/.test(entry) && /[a-z]/i.test(entry)) {
        this.#names.push(entry.toLowerCase())
      } else throw new Error(`line ${index + 1}: ${entry} is neither a network nor a name`)
    }
  }

  get hasNames(): boolean {
    return this.#names.length > 0
  }

  /** Returns the network that contains the address, or undefined if there is none. */
  networkOf(address: IpAddress): string | undefined {
    return this.#networks.find(({ network }) => network.has(address))?.text
  }

  /**
   * Returns the entry that matches a name, or undefined if there is none. The name must still be confirmed.
   */
  entryFor(name: string): string | undefined {
    const lower = name.toLowerCase().replace(/\.$/, '')
    return this.#names.find((entry) =>
      entry.startsWith('.') ? lower.endsWith(entry) : lower === entry,
    )
  }
}
