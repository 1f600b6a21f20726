import { clean, infected, type ScannerAnswer, unknown } from '../shared/scanner.ts'

/** Most bytes of a frame. */
export const FRAME_MAX = 64 * 1024

const MARK = 'onescan-answer/1'
const SETTLED = 'onescan-settled/1'
const NAME_MAX = 255
const WHY_MAX = 1000

/**
 * Makes the line that answers a request: the mark, the nonce of the request, and the answer as JSON.
 * The plugin does not know the nonce, so what it writes to the descriptor by accident is never a
 * answer. Names are cut after 255 characters, reasons after 1,000.
 */
export function encodeFrame(nonce: string, answer: ScannerAnswer): Buffer {
  return Buffer.from(`${MARK} ${nonce} ${JSON.stringify(cut(answer))}\n`)
}

/** Returns the answer if `bytes` are exactly one frame with that nonce, else undefined. */
export function decodeFrame(nonce: string, bytes: Buffer): ScannerAnswer | undefined {
  const opening = `${MARK} ${nonce} `
  if (bytes.length > FRAME_MAX || bytes.indexOf('\n') !== bytes.length - 1) return undefined
  if (!bytes.subarray(0, opening.length).equals(Buffer.from(opening))) return undefined
  try {
    return scannerAnswerOf(JSON.parse(bytes.toString('utf8', opening.length)))
  } catch {
    return undefined
  }
}

/**
 * Makes the line that follows an answer once nothing of the plugin is under way any more: the process
 * may be asked about another message.
 */
export function encodeSettled(nonce: string): Buffer {
  return Buffer.from(`${SETTLED} ${nonce}\n`)
}

function scannerAnswerOf(value: unknown): ScannerAnswer | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { answer, name, why, deliberate } = value as Record<string, unknown>
  if (answer === 'clean') return clean
  if (answer === 'infected' && typeof name === 'string' && name !== '') return infected(name)
  if (answer === 'unknown' && typeof why === 'string') return couldNotTell(why, deliberate)
  return undefined
}

function cut(answer: ScannerAnswer): ScannerAnswer {
  switch (answer.answer) {
    case 'clean':
      return clean
    case 'infected':
      return infected(answer.name.slice(0, NAME_MAX))
    case 'unknown':
      return couldNotTell(answer.why.slice(0, WHY_MAX), answer.deliberate)
  }
}

function couldNotTell(why: string, deliberate: unknown): ScannerAnswer {
  return deliberate === true
    ? { answer: 'unknown', why, cause: 'plugin', deliberate }
    : unknown(why)
}
