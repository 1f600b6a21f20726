import type { Explained } from './client.ts'

/** Extensions that are left out one after the other: each is a question. */
export const EXTENSIONS_MAX = 4

/**
 * What is found by the whole address or, where that is nobody's, by the first one without an
 * extension that is somebody's: it is then told as `mailbox`. Whoever cannot be asked about is
 * nobody else.
 */
export async function findByExtension(
  address: Buffer,
  delimiters: string,
  find: (address: Buffer) => Promise<Explained>,
): Promise<Explained> {
  const whole = await find(address)
  if (!whole.isNobodys || delimiters === '') return whole
  for (const mailbox of withoutExtension(address.toString('latin1'), delimiters)) {
    const found = await find(Buffer.from(mailbox, 'latin1'))
    if (!found.isNobodys) return { ...found, mailbox }
  }
  return whole
}

/**
 * The addresses (latin1) of which this one may be an extension, the longest first:
 * `ann-lee-lists-qmail@d` may be of `ann-lee-lists@d`, of `ann-lee@d`, of `ann@d`, as in
 * qmail-getpw(8) and by Postfix's recipient_delimiter. Each character of `delimiters`
 * begins an extension, and none does where the name would be empty before it.
 */
function* withoutExtension(address: string, delimiters: string): Generator<string> {
  const at = address.lastIndexOf('@')
  const domain = at < 0 ? '' : address.slice(at)
  const local = at < 0 ? address : address.slice(0, at)
  let left = EXTENSIONS_MAX
  for (let end = local.length - 1; end > 0 && left > 0; end--) {
    if (!delimiters.includes(local[end]!)) continue
    yield local.slice(0, end) + domain
    left--
  }
}
