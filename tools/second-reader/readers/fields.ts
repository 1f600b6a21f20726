import PostalMime from 'postal-mime'
import { type Fields, readByLines } from './lines.ts'
import type { Python } from './python.ts'

/** The values of all X-QHPSI fields, by each program that is asked. */
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
