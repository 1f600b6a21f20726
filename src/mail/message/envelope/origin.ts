/** The origin of a message, as the SMTP server, its client and DNS tell it. Texts are latin1. */
export interface Origin {
  readonly door: 'slot' | 'milter' | 'smtp'
  /** The IP address of the SMTP client; undefined if there is none. */
  readonly clientAddress?: string | undefined
  /** The name of the client by DNS. */
  readonly clientName?: string | undefined
  /** The name that the client gave in HELO or EHLO. */
  readonly helo?: string | undefined
  /** The name by which the client authenticated. */
  readonly login?: string | undefined
  /** The MTA's own name for the message. */
  readonly queueId?: string | undefined
}

/** Reads the name of a client as a server tells it: "unknown", or an address in brackets, is not a name. */
export function clientNameOf(told: string | undefined): string | undefined {
  if (!told || told === 'unknown' || told.startsWith('[')) return undefined
  return told
}
