import type { NetConnectOpts } from 'node:net'
import { askOnce } from './connection/ask-once.ts'

/** The attributes of one request or answer. Their values are latin1. */
export type Attributes = ReadonlyMap<string, string>

/** Bytes of a request: more than ten times as many as Postfix sends. */
const REQUEST_MAX = 64 * 1024

/**
 * Parses lines of `name=value`, each ended by LF. An empty line ends a request (SMTPD_POLICY_README,
 * "Protocol description").
 */
export class AttributeReader {
  #rest = ''
  #size = 0 // of the request that is not whole yet
  #request = new Map<string, string>()

  /**
   * Takes the next bytes, in any split, and returns the requests that end in them. Throws an Error
   * if they are not requests.
   */
  push(chunk: Buffer): Attributes[] {
    const lines = (this.#rest + chunk.toString('latin1')).split('\n')
    this.#rest = lines.pop() ?? ''
    const whole: Attributes[] = []
    for (const line of lines) {
      this.#size += line.length + 1
      if (this.#size > REQUEST_MAX) break
      const taken = this.#take(line)
      if (taken) whole.push(taken)
    }
    if (this.#size + this.#rest.length > REQUEST_MAX) {
      throw new Error(`a request of more than ${REQUEST_MAX} bytes`)
    }
    return whole
  }

  #take(line: string): Attributes | undefined {
    if (line === '') {
      if (this.#request.size === 0) throw new Error('a request without attributes')
      const whole = this.#request
      this.#request = new Map()
      this.#size = 0
      return whole
    }
    const sign = line.indexOf('=')
    if (sign < 1) throw new Error(`"${line.slice(0, 60)}" is not an attribute`)
    this.#request.set(line.slice(0, sign), line.slice(sign + 1))
    return undefined
  }
}

/**
 * Returns attributes as they are sent, with the empty line after them. A byte that would end a
 * line becomes `?`.
 */
export function writeAttributes(attributes: Readonly<Record<string, string | number>>): Buffer {
  const lines = Object.entries(attributes).map(([name, value]) => {
    return `${name}=${String(value).replace(/[\0\r\n]/g, '?')}\n`
  })
  return Buffer.from(`${lines.join('')}\n`, 'latin1')
}

/**
 * Sends a request to a policy service, and resolves to its answer (SMTPD_POLICY_README). Rejects if the
 * service cannot be reached, if the answer is invalid or has more than REQUEST_MAX bytes, and if it is not
 * complete within `timeout` milliseconds.
 */
export async function askPolicy(
  address: NetConnectOpts,
  question: Readonly<Record<string, string | number>>,
  timeout: number,
): Promise<Attributes> {
  const reader = new AttributeReader()
  const read = (chunk: Buffer) => reader.push(chunk)[0]
  const answer = await askOnce(address, writeAttributes(question), read, timeout)
  if (answer === undefined) throw new Error('closes the connection')
  return answer
}
