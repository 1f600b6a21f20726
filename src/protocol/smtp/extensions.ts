import { type RawReply, replyTexts } from './smtp-replies.ts'

/** Commands of extensions that a proxy between client and server cannot offer. */
const COMMANDS_NOT_BETWEEN = [
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
]

/**
 * Extensions that a proxy must not offer. With some, the content passes unseen: encrypted, in
 * chunks, without dots, or fetched from elsewhere. With others, commands and replies are no lines
 * any more, or DATA has an answer for each recipient (PRDR, which Exim speaks).
 */
const NOT_BETWEEN = [...COMMANDS_NOT_BETWEEN, 'CHUNKING', 'BINARYMIME', 'CHECKPOINT', 'PRDR']

/** Returns whether a command may be passed on. `verb` is in upper case. */
export function mayPass(verb: string): boolean {
  return !COMMANDS_NOT_BETWEEN.includes(verb)
}

/**
 * Returns the lines of a server's answer to EHLO or LHLO that a proxy can offer to its client: the greeting,
 * and extensions after it, such as `SIZE 10240000`.
 */
export function offerBetween(reply: RawReply): readonly string[] {
  const [greeting = '', ...extensions] = replyTexts(reply)
  const kept = extensions.filter((extension) => {
    const [keyword = ''] = /^[^ =]*/.exec(extension) ?? []
    return !NOT_BETWEEN.includes(keyword.toUpperCase())
  })
  return [greeting, ...kept]
}
