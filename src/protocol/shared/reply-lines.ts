/** A reply to an SMTP client: RFC 5321 4.2. */
export interface SmtpReply {
  /** 200 to 599. */
  readonly code: number
  /** RFC 3463, of the same class. */
  readonly enhanced: string
  /** Text in one line or several, without codes. */
  readonly lines: readonly string[]
}

/** A reply that may lack an enhanced code, as a greeting and the answer to EHLO do. */
export type BasicReply = Omit<SmtpReply, 'enhanced'> & Partial<SmtpReply>

/** Lines of a reply; smfi_setmlreply(3) takes no more. */
export const REPLY_LINES_MAX = 32

/**
 * Returns the lines of a reply with their codes and without line ends. Lines after REPLY_LINES_MAX
 * are dropped, and the text of each line is cut at `textMax` characters. A character that is not
 * printable ASCII becomes `?`, so that no text can forge a line.
 */
export function replyLines({ code, enhanced, lines }: BasicReply, textMax: number): string[] {
  const texts = lines.length > 0 ? lines.slice(0, REPLY_LINES_MAX) : ['']
  const status = enhanced === undefined ? '' : `${enhanced} `
  return texts.map((text, index) => {
    const mark = index < texts.length - 1 ? '-' : ' '
    return `${code}${mark}${status}${text.replace(/[^ -~]/g, '?').slice(0, textMax)}`
  })
}
