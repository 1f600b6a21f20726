/** Where a message comes from, as the SMTP server, its client and DNS say. Texts are latin1. */
export interface Origin {
  readonly door: 'slot' | 'milter' | 'smtp'
  /** IP address of the SMTP client; undefined if there is none. */
  readonly clientAddress?: string | undefined
  /** Its name by DNS. */
  readonly clientName?: string | undefined
  /** What it said in HELO or EHLO. */
  readonly helo?: string | undefined
  /** The name that it authenticated by. */
  readonly login?: string | undefined
  /** The MTA's own name for the message. */
  readonly queueId?: string | undefined
}

/** The client's name as a server tells it: "unknown" or its address in brackets means that it has none. */
export function clientNameOf(told: string | undefined): string | undefined {
  if (!told || told === 'unknown' || told.startsWith('[')) return undefined
  return told
}
