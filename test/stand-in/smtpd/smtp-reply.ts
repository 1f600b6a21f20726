import type { SlotOutcome } from './call-slot.ts'

/** What of an outcome determines the reply. */
type Replied = Pick<SlotOutcome, 'pid' | 'code' | 'signal' | 'errorText' | 'handedOver'>

const NOT_HANDED_OVER = 54
/** The exit code by which the slot announces a text of its own: notqmail from 1.09 on. */
const OWN_TEXT = 82
/** Bytes of such a text. */
const LONGEST = 255

const permanent = 'Dqq permanent problem (#5.3.0)'
const temporary = 'Zqq temporary problem (#4.3.0)'
const trouble = 'Zqq trouble creating files in queue (#4.3.0)'

/** The texts of notqmail for each exit code, behind D (permanent) or Z (temporary): qmail.c, qmail_close(). */
const texts: Readonly<Record<number, string>> = {
  11: 'Denvelope address too long for qq (#5.1.3)',
  31: 'Dmail server permanently rejected message (#5.3.0)',
  51: 'Zqq out of memory (#4.3.0)',
  52: 'Zqq timeout (#4.3.0)',
  53: 'Zqq write error or disk full (#4.3.0)',
  54: 'Zqq read error (#4.3.0)',
  55: 'Zqq unable to read configuration (#4.3.0)',
  56: 'Zqq trouble making network connection (#4.3.0)',
  61: 'Zqq trouble in home directory (#4.3.0)',
  62: trouble,
  63: trouble,
  64: trouble,
  65: trouble,
  66: trouble,
  71: 'Zmail server temporarily rejected message (#4.3.0)',
  72: 'Zconnection to mail server timed out (#4.4.1)',
  73: 'Zconnection to mail server rejected (#4.4.1)',
  74: 'Zcommunication with mail server failed (#4.4.2)',
  81: 'Zqq internal bug (#4.3.0)',
  91: 'Zqq internal bug (#4.3.0)',
  115: 'Denvelope address too long for qq (#5.1.3)',
  120: 'Zunable to exec qq (#4.3.0)',
}

/**
 * The line that notqmail's qmail-smtpd sends to its client, without the final CRLF. Each byte of the
 * slot's own text is one character.
 */
export function replyToClient(outcome: Replied): string {
  const text = textOf(outcome)
  if (text === '') return `250 ok ${Math.floor(Date.now() / 1000)} qp ${outcome.pid}`
  return `${text.startsWith('D') ? 554 : 451} ${text.slice(1)}`
}

/** D or Z and the text, or '' if the message is in the queue. */
function textOf(outcome: Replied): string {
  if (outcome.signal !== undefined) return 'Zqq crashed (#4.3.0)'
  const code = outcome.code === 0 && !outcome.handedOver ? NOT_HANDED_OVER : (outcome.code ?? 81)
  if (code === 0) return ''
  const own = outcome.errorText.subarray(0, LONGEST)
  if (code === OWN_TEXT && own.length > 2) return own.toString('latin1').split('\0')[0]!
  return texts[code] ?? (code >= 11 && code <= 40 ? permanent : temporary)
}
