import type { Grounds, Reply } from './decision.ts'

/** The reply to infected or banned mail that is refused. */
export function refusal(name: string, banned: boolean): Reply {
  const text = banned ? `message refused: banned ${name}` : `message refused: virus ${name}`
  return { class: 5, enhanced: '5.7.1', text, grounds: banned ? 'banned' : 'virus' }
}

/** The reply to mail about which no scanner could tell. */
export const NOT_SCANNED: Reply = {
  class: 4,
  enhanced: '4.7.1',
  text: 'message could not be scanned, try again later',
  grounds: 'unscanned',
}

/** Characters of a reply that quotes what was found: a line of SMTP has 512 with its codes. */
const TEXT_MAX = 200

/**
 * The reply to mail that is refused or deferred for its form. `why` ends the sentence
 * "message refused: ..."; it has no words that a sender chose.
 */
export function replyAboutForm(verb: 'refused' | 'deferred', grounds: Grounds, why: string): Reply {
  const text = `message ${verb}: ${why}`.slice(0, TEXT_MAX)
  return verb === 'refused'
    ? { class: 5, enhanced: '5.6.0', text, grounds }
    : { class: 4, enhanced: '4.6.0', text, grounds }
}

/** The reply to a header block that cannot be edited. No retry would make it smaller. */
export const HEADER_TOO_LARGE: Reply = {
  class: 5,
  enhanced: '5.3.4',
  text: 'header of the message is larger than 1 MiB, or has more than 5,000 fields',
  grounds: 'header-too-large',
}
