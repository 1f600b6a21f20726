import { packet, strings } from './packets.ts'
import { WireError } from './wire-error.ts'

/** What a filter answers a command with. After `accepted` and `discarded` the message is over. */
export const continued = packet('c')
export const accepted = packet('a')
export const discarded = packet('d')
/** 4xx in the MTA's own words. */
export const deferred = packet('t')
/** Work goes on: the MTA's timeout begins anew. This is no answer yet. */
export const progress = packet('p')

/** Limits of smfi_setmlreply(3), which MTAs count on. */
export const REPLY_LINE_MAX = 980
export const REPLY_LINES_MAX = 32

export interface SmtpReply {
  /** 400 to 599. */
  readonly code: number
  /** RFC 3463, of the same class. */
  readonly enhanced: string
  /** Text in one line or several, without codes. */
  readonly lines: readonly string[]
}

/**
 * A reply in the filter's own words. What is no printable ASCII becomes `?`, so that
 * no line can be forged, and lines are cut at their limit; `%` is doubled, for MTAs take
 * it for a format. Throws a WireError for codes that MTAs would drop it for.
 */
export function smtpReply({ code, enhanced, lines }: SmtpReply): Buffer {
  const codeClass = Math.floor(code / 100)
  if (!/^[45]\.\d{1,3}\.\d{1,3}$/.test(enhanced) || Number(enhanced[0]) !== codeClass) {
    throw new WireError(`reply ${code} ${enhanced}: not of one class`)
  }
  const shown = lines.length > 0 ? lines.slice(0, REPLY_LINES_MAX) : ['']
  const text = shown.map((line, index) => {
    const more = index < shown.length - 1
    const words = line.replace(/[^ -~]/g, '?').slice(0, REPLY_LINE_MAX)
    return `${code}${more ? '-' : ' '}${enhanced} ${words.replaceAll('%', '%%')}`
  })
  return packet('y', strings(text.join('\r\n')))
}
