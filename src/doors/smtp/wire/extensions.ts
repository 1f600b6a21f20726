import { type RawReply, replyTexts } from './replies.ts'

/** A server's answer to EHLO or LHLO. */
export interface EhloReply {
  /** The first line: the server's name and a greeting. */
  readonly greeting: string
  /** The lines below: `SIZE 10240000`, `8BITMIME`, … */
  readonly extensions: readonly string[]
}

/**
 * Extensions that a proxy between client and server cannot offer. With some the content would
 * pass unseen: encrypted, in chunks, without dots, or fetched from elsewhere. With others the lines
 * of commands and replies would end.
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

/** Whether a command may be handed on. `verb` is in upper case. */
export function mayPass(verb: string): boolean {
  return !COMMANDS_NOT_BETWEEN.has(verb)
}

/** Reads an answer with code 250. */
export function readEhloReply(reply: RawReply): EhloReply {
  const [greeting = '', ...extensions] = replyTexts(reply)
  return { greeting, extensions }
}

/** Returns the extensions that a proxy can promise to its client. */
export function extensionsBetween({ extensions }: EhloReply): readonly string[] {
  return extensions.filter((extension) => {
    const [keyword = ''] = /^[^ =]*/.exec(extension) ?? []
    return !NOT_BETWEEN.has(keyword.toUpperCase())
  })
}
