import { readFileSync } from 'node:fs'
import { readdir, unlink } from 'node:fs/promises'
import { attempt, errorCode } from '../../../base/errors/fault.ts'
import type { PathHandle } from '../../../base/path/path-handle.ts'
import { lowerCase } from '../../../base/text/address.ts'
import { writeFileIn } from './files.ts'
import { openOrMakeFolder, quarantineFault } from './folders.ts'
import { REQUESTS } from './release-requests.ts'

/** The end of the name of a file in REQUESTS that lists the recipients who received a message. It stays as long as the message. */
export const RECEIPTS = '.receipts'

/** States that a recipient, latin1, has certainly received a message from quarantine. */
export interface Receipt {
  readonly to: string
  /** RFC 3339. */
  readonly at: string
  /** The person who released it. */
  readonly by: string
}

/** Returns the receipts of a message. Blocks this process while it reads: for a list that takes a tenth of the time. */
export function readReceipts(root: PathHandle, id: string): readonly Receipt[] {
  try {
    const text = readFileSync(pathOf(root, id), 'utf8')
    const read = attempt(() => JSON.parse(text) as unknown)
    return Array.isArray(read) ? read.filter(isReceipt) : []
  } catch (error) {
    return unlessNone(error) ?? []
  }
}

const isReceipt = (value: unknown): value is Receipt => {
  const { to, at, by }: Record<string, unknown> = { ...Object(value) }
  return [to, at, by].every((text) => typeof text === 'string')
}

/** Writes the receipts of a message. When this resolves, they are on the disk. Rejects with a Fault. */
export async function writeReceipts(
  root: PathHandle,
  id: string,
  receipts: readonly Receipt[],
): Promise<void> {
  const folder = await openOrMakeFolder(root, REQUESTS)
  const bytes = Buffer.from(JSON.stringify(receipts))
  await writeFileIn(folder, id + RECEIPTS, bytes).finally(() => folder.close())
}

/** Removes the receipts of a message that is deleted. */
export async function forgetReceipts(root: PathHandle, id: string): Promise<void> {
  await unlink(pathOf(root, id)).catch(unlessNone)
}

/** Resolves to the ids of the messages that have receipts. */
export async function idsWithReceipts(root: PathHandle): Promise<ReadonlySet<string>> {
  const names = await readdir(root.at(REQUESTS)).catch(unlessNone)
  return new Set(names?.flatMap((name) => name.endsWith(RECEIPTS) ? name.slice(0, -RECEIPTS.length) : [])) // biome-ignore format: a line
}

/** Returns the receipt of an address, in any case, if there is one. */
export function receiptOf(receipts: readonly Receipt[]): (address: string) => Receipt | undefined {
  const byAddress = new Map(receipts.map((receipt) => [lowerCase(receipt.to), receipt]))
  return (address) => byAddress.get(lowerCase(address))
}

const pathOf = (root: PathHandle, id: string) => root.at(`${REQUESTS}/${id}${RECEIPTS}`)

function unlessNone(error: unknown): undefined {
  if (errorCode(error) !== 'ENOENT') throw quarantineFault(REQUESTS, error)
}
