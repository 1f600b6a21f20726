import type { SlotOutcome } from './call-slot.ts'

/**
 * The qmail-smtpd that calls the slot. Each has a text of its own for an exit code. Each has another
 * exit code, too, by which the slot announces a text of its own: none in netqmail 1.06 (and in
 * notqmail up to 1.08), 82 in notqmail from 1.09 on, 88 in IndiMail.
 */
export type Caller = 'notqmail' | 'netqmail' | 'indimail'
export const callers = ['notqmail', 'netqmail', 'indimail'] as const satisfies readonly Caller[]

/** The text of a caller for each exit code, behind D (permanent) or Z (temporary). */
type ReplyTable = Readonly<Record<number, string>>

const NOT_HANDED_OVER = 54
const permanent = 'Dqq permanent problem (#5.3.0)'
const temporary = 'Zqq temporary problem (#4.3.0)'
const trouble = 'Zqq trouble creating files in queue (#4.3.0)'

/** netqmail and notqmail: qmail.c, qmail_close(). */
const qmail: ReplyTable = {
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

/** indimail-mta, qmail.c and qmail.h. */
const indimail: ReplyTable = {
  11: 'Dqq envelope address too long (#5.1.3)',
  31: 'Dqq mail server permanently rejected message (#5.3.0)',
  32: 'Dqq spam or junk mail threshold exceeded (#5.7.1)',
  33: 'Dqq message contains virus (#5.7.1)',
  34: 'Dqq message contains banned attachment (#5.7.1)',
  35: 'Dqq private key file does not exist (#5.3.5)',
  41: 'Zqq trouble duplicating file descriptors (#4.3.0)',
  50: 'Zqq unable to get privilege to run virus scanner (#4.3.0)',
  51: 'Zqq out of memory (#4.3.0)',
  52: 'Zqq timeout (#4.3.0)',
  53: 'Zqq write error or disk full (#4.3.0)',
  54: 'Zqq read error (#4.3.0)',
  55: 'Zqq unable to read configuration (#4.3.0)',
  56: 'Zqq trouble making network connection (#4.3.0)',
  57: 'Zqq unable to open shared object/plugin (#4.3.0)',
  58: 'Zqq unable to resolve symbol in shared object/plugin (#4.3.0)',
  59: 'Zqq unable to close shared object/plugin (#4.3.0)',
  60: 'Zqq trouble creating pipes/sockets (#4.3.0)',
  61: 'Zqq trouble in home directory (#4.3.0)',
  62: 'Zqq unable to access mess file (#4.3.0)',
  63: 'Zqq trouble doing cd to root directory (#4.3.0)',
  64: 'Zqq trouble syncing message to disk (#4.3.0)',
  65: 'Zqq trouble creating files in intd. (#4.3.0)',
  66: 'Zqq trouble linking todofn to intdfn (#4.3.0)',
  67: 'Zqq trouble linking messfn to pidfn (#4.3.0)',
  68: 'Zqq trouble creating temporary files (#4.3.0)',
  69: 'Zqq trouble syncing dir to disk (#4.3.0)',
  70: 'Zqq trouble with pid file (#4.3.0)',
  71: 'Zqq mail server temporarily rejected message (#4.3.0)',
  72: 'Zqq connection to mail server timed out (#4.4.1)',
  73: 'Zqq connection to mail server rejected (#4.4.1)',
  74: 'Zqq communication with mail server failed (#4.4.2)',
  75: 'Zqq unable to exec (#4.3.0)',
  76: 'Zqq temporary problem with SPAM filter (#4.3.0)',
  77: 'Zqq unable to run QHPSI scanner (#4.3.0)',
  78: 'Zqq trouble getting uids/gids (#4.3.0)',
  79: 'Zqq envelope format error (#4.3.0)',
  80: 'Zqq trouble removing intdfn',
  81: 'Zqq internal bug (#4.3.0)',
  82: 'Zqq unable to exec qq (#4.3.0)',
  87: 'Zqq mail system incorrectly configured. (#4.3.5)',
  91: 'Zqq internal bug (#4.3.0)',
  115: 'Dqq envelope address too long (#5.1.3)',
  120: 'Zqq unable to exec qq (#4.3.0)',
  121: 'Zqq unable to fork (#4.3.0)',
  122: 'Zqq waitpid surprise (#4.3.0)',
  123: 'Zqq crashed (#4.3.0)',
}

/**
 * The texts of each caller, the exit code that announces a text of the slot's own, and the most bytes
 * of such a text.
 */
const dialects: Record<Caller, { table: ReplyTable; custom?: { code: number; longest: number } }> =
  {
    netqmail: { table: qmail },
    notqmail: { table: qmail, custom: { code: 82, longest: 255 } },
    indimail: { table: indimail, custom: { code: 88, longest: 1023 } },
  }

/** The part of an outcome that qmail-smtpd looks at. */
export type JudgedOutcome = Pick<
  SlotOutcome,
  'pid' | 'code' | 'signal' | 'errorText' | 'handedOver'
>

/**
 * The line that qmail-smtpd sends to its client, without the final CRLF. Each byte of the slot's
 * own text is one character. `now` is in milliseconds.
 */
export function replyToClient(outcome: JudgedOutcome, as: Caller, now: number): string {
  const text = qmailClose(outcome, as)
  if (text === '') return `250 ok ${Math.floor(now / 1000)} qp ${outcome.pid}`
  return `${text.startsWith('D') ? 554 : 451} ${text.slice(1)}`
}

/** Returns D or Z and the text, or '' if the message is in the queue; qmail.c, qmail_close(). */
function qmailClose(outcome: JudgedOutcome, as: Caller): string {
  const { table, custom } = dialects[as]
  if (outcome.signal !== undefined) return 'Zqq crashed (#4.3.0)'
  const code = outcome.code === 0 && !outcome.handedOver ? NOT_HANDED_OVER : (outcome.code ?? 81)
  if (code === 0) return ''
  if (code === custom?.code) {
    const own = outcome.errorText.subarray(0, custom.longest)
    if (own.length > 2) return own.toString('latin1').split('\0')[0]!
  }
  return table[code] ?? (code >= 11 && code <= 40 ? permanent : temporary)
}
