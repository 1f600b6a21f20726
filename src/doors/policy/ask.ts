import type { NetConnectOpts } from 'node:net'
import { askOnce } from '../shared/ask-once.ts'
import { AttributeReader, type Attributes, writeAttributes } from './attributes.ts'

/**
 * Asks a policy service, and resolves with its answer (SMTPD_POLICY_README). Rejects if the service
 * cannot be reached, if the answer makes no sense or has more than REQUEST_MAX bytes, and if it is
 * not whole within `patience` milliseconds, however it comes.
 */
export async function askPolicy(
  address: NetConnectOpts,
  question: Readonly<Record<string, string | number>>,
  patience: number,
): Promise<Attributes> {
  const reader = new AttributeReader()
  const read = (chunk: Buffer) => reader.push(chunk)[0]
  const answer = await askOnce(address, writeAttributes(question), read, patience)
  if (answer === undefined) throw new Error('closes the connection')
  return answer
}
