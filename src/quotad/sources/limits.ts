/** What a mailbox may hold. An absent limit is unlimited, and so is 0 wherever limits are read. */
export interface QuotaLimits {
  readonly bytes?: number
  readonly messages?: number
}

/** What a mailbox holds. The number of messages is absent if nobody counted them. */
export interface MailboxUsage {
  readonly bytes: number
  readonly messages?: number
}

/**
 * Whether one more message of `incoming` bytes would exceed the limits. A message of unknown size
 * (0) counts as one byte, as in Dovecot's quota-status, so that a mailbox at its limit is full.
 */
export function isFull(usage: MailboxUsage, limits: QuotaLimits, incoming: number): boolean {
  if (limits.bytes && usage.bytes + Math.max(1, incoming) > limits.bytes) return true
  return Boolean(
    limits.messages && usage.messages !== undefined && usage.messages >= limits.messages,
  )
}

/**
 * Reads limits as administrators and directories write them: `10000000S,1000C` as in maildirsize,
 * or a number of bytes, perhaps followed by K, M, G or T (powers of 1,024). Returns undefined for
 * anything else, and for numbers above 2^53, which would lose digits.
 */
export function parseLimits(text: string): QuotaLimits | undefined {
  const size = /^([0-9]{1,16})([KMGT]?)B?$/i.exec(text)
  if (size) {
    const power = ['', 'K', 'M', 'G', 'T'].indexOf(size[2]!.toUpperCase())
    const bytes = Number(size[1]) * 1024 ** power
    return Number.isSafeInteger(bytes) ? { bytes } : undefined
  }
  return parseMaildirLimits(text)
}

/**
 * Reads limits as the first line of maildirsize has them (maildirquota(7)): numbers with S for
 * bytes or C for messages. Returns undefined for anything else.
 */
export function parseMaildirLimits(text: string): QuotaLimits | undefined {
  const limits: { bytes?: number; messages?: number } = {}
  for (const word of text.split(',')) {
    const [, digits, unit] = /^\s*([0-9]{1,16})([SC])\s*$/.exec(word) ?? []
    const value = Number(digits)
    if (!Number.isSafeInteger(value)) return undefined
    limits[unit === 'S' ? 'bytes' : 'messages'] = value
  }
  return limits
}
