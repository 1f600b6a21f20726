/** What a mailbox may hold. Absent is unlimited, as is 0 in everything that is read. */
export interface QuotaLimits {
  readonly bytes?: number
  readonly messages?: number
}

/** What a mailbox holds. Messages are absent where nobody counted them. */
export interface MailboxUse {
  readonly bytes: number
  readonly messages?: number
}

/**
 * Whether a message of `incoming` bytes more would exceed the limits. Of unknown size it
 * counts as one byte, as for Dovecot's quota-status: a mailbox at its limit is full.
 */
export function isFull(use: MailboxUse, limits: QuotaLimits, incoming: number): boolean {
  if (limits.bytes && use.bytes + Math.max(1, incoming) > limits.bytes) return true
  return Boolean(limits.messages && use.messages !== undefined && use.messages >= limits.messages)
}

/**
 * Limits as administrators and directories write them: `10000000S,1000C` as in maildirsize,
 * or bytes alone with K, M, G or T behind them if wanted (powers of 1,024). Undefined for
 * anything else, and for numbers that are not exact any more.
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

/** The first line of maildirsize (maildirquota(7)): numbers with S for bytes or C for messages. */
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
