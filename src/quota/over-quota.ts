/** Characters of an address in a reply: the line has 512 with all that belongs to it (RFC 5321, 4.5.3.1.5). */
const ADDRESS_MAX = 320

/** RFC 3463: a mailbox is full, for now. */
export const OVER_QUOTA = { class: 4, code: 452, enhanced: '4.2.2' } as const

/** What is said to who sends to a full mailbox, behind `452 4.2.2 `: printable ASCII in one line. */
export function overQuotaText(address: Buffer): string {
  const printable = address.toString('latin1').replace(/[^ -~]/g, '?')
  return `Quota exceeded for <${printable.slice(0, ADDRESS_MAX)}>, try again later`
}
