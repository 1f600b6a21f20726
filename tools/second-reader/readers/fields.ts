import PostalMime from 'postal-mime'
import { readByLines } from './lines.ts'
import type { Python } from './python.ts'

/** Values of all X-QHPSI fields as programs read them, by their names; null where one gives a message up. */
export type Fields = Readonly<Record<string, readonly string[] | null>>

export async function readFields(python: Python, message: Buffer): Promise<Fields> {
  const [ofPython, ofPostalMime] = await Promise.all([
    python.read(message),
    readByPostalMime(message).catch(() => null),
  ])
  return { ...readByLines(message), ...ofPython, 'postal-mime': ofPostalMime }
}

/** As a mail client in JavaScript reads it. */
async function readByPostalMime(message: Buffer): Promise<readonly string[]> {
  const { headerLines } = await PostalMime.parse(message)
  return headerLines
    .filter(({ key, line }) => key.trim().toLowerCase() === 'x-qhpsi' && line.includes(':'))
    .map(({ line }) => line.slice(line.indexOf(':') + 1).trim())
}
