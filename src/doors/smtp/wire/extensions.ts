import { type RawReply, replyTexts } from './replies.ts'

/** What a server says of itself in its answer to EHLO or LHLO. */
export interface EhloReply {
  /** The first line: its name, and a greeting. */
  readonly greeting: string
  /** The lines below: `SIZE 10240000`, `8BITMIME`, … */
  readonly extensions: readonly string[]
}

/**
 * Extensions that whoever stands between client and server cannot keep: the content would pass
 * unseen (encrypted, in chunks, without dots, or fetched from elsewhere), or what follows would be
 * no lines of commands and replies.
 */
const NOT_BETWEEN = new Set([
  'STARTTLS',
  'AUTH',
  'CHUNKING',
  'BINARYMIME',
  'BURL',
  'CHECKPOINT',
  'ATRN',
  'TURN',
  'XEXCH50',
  'X-EXPS',
  'X-ANONYMOUSTLS',
  'X-LINK2STATE',
])

/** Commands of those extensions. */
const COMMANDS_NOT_BETWEEN = new Set([
  'STARTTLS',
  'AUTH',
  'BDAT',
  'BURL',
  'ATRN',
  'TURN',
  'XEXCH50',
  'X-EXPS',
  'X-ANONYMOUSTLS',
  'X-LINK2STATE',
])

/** Whether a command of this verb, in upper case, may be handed on. */
export function mayPass(verb: string): boolean {
  return !COMMANDS_NOT_BETWEEN.has(verb)
}

/** The offer in an answer with code 250. */
export function readEhloReply(reply: RawReply): EhloReply {
  const [greeting = '', ...extensions] = replyTexts(reply)
  return { greeting, extensions }
}

/** What of it can be promised to a client. */
export function extensionsBetween({ extensions }: EhloReply): readonly string[] {
  return extensions.filter((extension) => {
    const [keyword = ''] = /^[^ =]*/.exec(extension) ?? []
    return !NOT_BETWEEN.has(keyword.toUpperCase())
  })
}
