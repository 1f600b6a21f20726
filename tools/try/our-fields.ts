/** X-QHPSI and stamps in any letter case, folded, with blanks before the colon. */
const FIELD = /^(?:X-QHPSI|X-(?:MD5|SHA256)-Cluster-[0-9]+)[ \t]*:.*\r?\n(?:[ \t].*\r?\n)*/gim

/** The fields that onescan writes, from the top of the message down, without their line ends. */
export function ourFields(message: Buffer): string[] {
  const { header } = split(message)
  return [...header.matchAll(FIELD)].map(([field]) => field.trimEnd())
}

/** All bytes but those fields. */
export function withoutOurFields(message: Buffer): Buffer {
  const { header, body } = split(message)
  return Buffer.from(header.replace(FIELD, '') + body, 'latin1')
}

export interface Stamp {
  readonly number: number
  readonly key: string
}

/** The hmac-sha256 stamps, from the top down. */
export function stampsOf(message: Buffer): Stamp[] {
  return ourFields(message).flatMap((field) => {
    const match = /^X-SHA256-Cluster-([0-9]+):.*? k=([^;]*);/i.exec(field)
    return match ? [{ number: Number(match[1]), key: match[2]! }] : []
  })
}

function split(message: Buffer): { header: string; body: string } {
  const text = message.toString('latin1')
  const empty = /\r?\n\r?\n/.exec(text)
  const end = empty ? empty.index + empty[0].length : text.length
  return { header: text.slice(0, end), body: text.slice(end) }
}
