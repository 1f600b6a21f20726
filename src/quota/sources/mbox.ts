import { stat } from 'node:fs/promises'
import { errorCode, errorText } from '../../fault.ts'
import { pathBytes } from './path-bytes.ts'
import type { Reading } from './reading.ts'

/** A mailbox in one file holds as much as the file is long. */
export async function readMbox(path: string): Promise<Reading> {
  try {
    const stats = await stat(pathBytes(path))
    if (!stats.isFile()) return { found: 'trouble', why: 'is no file' }
    return { found: 'use', use: { bytes: stats.size }, source: 'mbox' }
  } catch (error) {
    const gone = ['ENOENT', 'ENOTDIR', 'ESTALE'].includes(errorCode(error))
    return gone ? { found: 'no-mailbox' } : { found: 'trouble', why: errorText(error) }
  }
}
