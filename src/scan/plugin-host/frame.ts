import { clean, infected, unknown, type Verdict } from '../shared/scanner.ts'

/** Most bytes of a frame. */
export const FRAME_MAX = 64 * 1024

const MARK = 'onescan-verdict/1'
const SETTLED = 'onescan-settled/1'
const NAME_MAX = 255
const WHY_MAX = 1000

/**
 * Makes the line that answers a request: the mark, the nonce of the request, and the verdict as JSON.
 * The plugin does not know the nonce, so what it writes to the descriptor by accident is never a
 * verdict. Names are cut after 255 characters, reasons after 1,000.
 */
export function encodeFrame(nonce: string, verdict: Verdict): Buffer {
  return Buffer.from(`${MARK} ${nonce} ${JSON.stringify(cut(verdict))}\n`)
}

/** Returns the verdict if `bytes` are exactly one frame with that nonce, else undefined. */
export function decodeFrame(nonce: string, bytes: Buffer): Verdict | undefined {
  const opening = `${MARK} ${nonce} `
  if (bytes.length > FRAME_MAX || bytes.indexOf('\n') !== bytes.length - 1) return undefined
  if (!bytes.subarray(0, opening.length).equals(Buffer.from(opening))) return undefined
  try {
    return verdictOf(JSON.parse(bytes.toString('utf8', opening.length)))
  } catch {
    return undefined
  }
}

/**
 * Makes the line that follows a verdict once nothing of the plugin is under way any more: the process
 * may be asked about another message.
 */
export function encodeSettled(nonce: string): Buffer {
  return Buffer.from(`${SETTLED} ${nonce}\n`)
}

function verdictOf(value: unknown): Verdict | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { answer, name, why, deliberate } = value as Record<string, unknown>
  if (answer === 'clean') return clean
  if (answer === 'infected' && typeof name === 'string' && name !== '') return infected(name)
  if (answer === 'unknown' && typeof why === 'string') return couldNotTell(why, deliberate)
  return undefined
}

function cut(verdict: Verdict): Verdict {
  switch (verdict.answer) {
    case 'clean':
      return clean
    case 'infected':
      return infected(verdict.name.slice(0, NAME_MAX))
    case 'unknown':
      return couldNotTell(verdict.why.slice(0, WHY_MAX), verdict.deliberate)
  }
}

function couldNotTell(why: string, deliberate: unknown): Verdict {
  return deliberate === true
    ? { answer: 'unknown', why, cause: 'plugin', deliberate }
    : unknown(why)
}
