import { type CheckLine, failure } from '../../../../base/check/check-line.ts'
import { type TestMail, testMails } from '../../../readiness/test-mail/test-mails.ts'
import { type NamedMail, nameMail } from './name-mail.ts'
import type { SentMail, SmtpWay } from './send-mail.ts'
import {
  type DeliveredAs,
  type Delivery,
  deliveryOf,
  type Mailbox,
  untilDelivered,
} from './test-mailbox.ts'

/** A server to which test mail is sent, and the mailbox that shows its delivery. */
export interface NamedServer {
  readonly address: string
  readonly way: SmtpWay
  readonly mailbox: Mailbox | undefined
  /** Milliseconds for the delivery. */
  readonly deliveredWithin: number
}

/** A message, and the server's reply. */
interface SentTest {
  readonly kind: TestMail
  readonly mail: NamedMail
  readonly sent: SentMail
}

/** The result in addition to the server's answer. */
type Verdict = readonly [level: CheckLine['level'], value: string, remedy?: string]

/** Sends each kind of mail to a server, and finds what that does, by its answers and in the mailbox. */
export async function* checkNamedServer(server: NamedServer): AsyncGenerator<CheckLine> {
  const { address, way, mailbox, deliveredWithin } = server
  const { sendMail } = await import('./send-mail.ts')
  const tests: SentTest[] = []
  for (const kind of testMails) {
    const mail = nameMail(kind.message, address)
    const sent = await sendMail(way, mail.message, address)
    tests.push({ kind, mail, sent })
    // The server does not answer any longer, or does not even accept clean mail.
    if (sent.code === undefined || tests[0]!.sent.kind !== 'accepted') break
  }
  const taken = tests.filter(({ sent }) => sent.kind === 'accepted').map(({ mail }) => mail)
  const seen = mailbox && (await untilDelivered(mailbox, taken, deliveredWithin))
  const fault = mailbox?.fault?.()
  const delivered = fault === undefined ? seen : undefined
  const deliveryIn = ({ kind, mail }: SentTest) => delivered && deliveryOf(kind, mail, delivered)
  const isSeen = tests.some((test) => isClean(test) && deliveryIn(test)?.fate !== 'missing')
  for (const test of tests) {
    yield judge(test, isSeen || isClean(test) ? deliveryIn(test) : undefined)
  }
  if (fault !== undefined) yield failure('--maildir', fault, RUN_AS_OWNER)
  const left = testMails.slice(tests.length).map(({ name }) => name)
  const remedy = 'correct the problems above, and run onescan check again'
  if (left.length > 0) yield failure('other mail', `not sent: ${left.join(', ')}`, remedy)
}

const RUN_AS_OWNER = 'run onescan check as the owner of this mail'

const isClean = ({ kind }: SentTest) => kind.malware.length === 0

function judge(test: SentTest, delivery: Delivery | undefined): CheckLine {
  const { kind, mail, sent } = test
  const { fate = 'unknown', tags = [] } = delivery ?? {}
  const isTaken = sent.kind === 'accepted'
  const [answer, shown] = answerOf(sent)
  const [level, more, remedy] = isTaken
    ? (isClean(test) ? cleanMail : infectedMail(kind))[fate]
    : (isClean(test) ? notTaken : keptOut)(sent)
  const value = [shown, more, ...tags.map((tag) => `"${tag}"`)].filter(Boolean).join('; ')
  const seen = isTaken && { delivery: fate, tags }
  const result = { id: mail.id, answer, code: sent.code, reply: sent.text, ...seen }
  return { level, what: kind.name, value, ...(remedy && { remedy }), mail: result }
}

/** Returns the answer of the server, as one word and in full. */
function answerOf({ kind, code, text, command }: SentMail): readonly [string, string] {
  if (kind === 'accepted') return ['accepted', `accepted: ${text}`]
  const none = command === 'STARTTLS' ? 'no TLS' : 'no answer'
  if (code === undefined) return ['none', `${none}: ${text}`]
  const word = code < 500 ? 'deferred' : 'refused'
  return [word, `${word} with ${text}`]
}

const TAGGED: Verdict = ['error', 'tagged', 'configure the filter to tag only infected mail']

/** The results for a clean message, by its delivery. */
const cleanMail: Readonly<Record<DeliveredAs, Verdict>> = {
  unchanged: ['ok', 'delivered unchanged'],
  tagged: TAGGED,
  spam: TAGGED,
  removed: TAGGED,
  missing: ['error', 'not delivered there in time', "specify the mailbox of this address, or look into the server's queue"], // biome-ignore format: a row
  unknown: ['ok', ''],
}

/** The verdict on each way in which an infected test mail may be delivered. */
const infectedMail = ({ name }: TestMail): Readonly<Record<DeliveredAs, Verdict>> => ({
  tagged: ['ok', 'tagged'],
  spam: ['warning', 'only tagged as spam', 'configure the server to refuse or tag what a scanner finds'], // biome-ignore format: a row
  removed: ['ok', 'the test file was removed'],
  missing: ['ok', 'not delivered'],
  unchanged: [
    'error',
    'delivered unchanged',
    name.startsWith('hidden')
      ? 'use a scanner that reads mail as mail clients do: doc/second-look.md'
      : 'configure the server to pass the whole message to a scanner, and to refuse or tag what that finds',
  ],
  unknown: ['error', 'unknown whether it was tagged', 'refuse such mail, or specify a --maildir in which the clean mail arrives'], // biome-ignore format: a row
})

const SEE = "read the mail server's log"
const EXEMPT = "exempt this host from the server's limits while you check"

/** Returns the result for an infected mail that was not accepted. */
function keptOut({ command, code }: SentMail): Verdict {
  if (code === undefined) return ['error', '', SEE]
  if (command !== 'DATA') return ['error', 'before its content was sent', EXEMPT]
  return code >= 500 ? ['ok', ''] : ['warning', '', 'refuse it with 5xx: otherwise its sender tries again for days'] // biome-ignore format: a line
}

/** Returns the result and remedy for a clean mail that was not accepted. */
function notTaken({ kind, command, text }: SentMail): Verdict {
  const answer = `${kind}: ${command.split(' ')[0]} ${text}`
  return ['error', '', remedies.find(([pattern]) => pattern.test(answer))?.[1] ?? SEE]
}

const OTHER_ADDRESS = 'specify an address whose mail it accepts'

/** By the kind of the answer, the command and the reply, in this form: `deferred: RCPT 451 4.7.1 try later`. */
const remedies: readonly (readonly [answer: RegExp, remedy: string])[] = [
  [/^nothing listens/, 'set the host and port of the mail server: --smtp HOST:PORT'],
  [/^requires TLS/, 'add --tls'],
  [
    /^requires authentication|^\w+: RCPT .*\brelay/i,
    `${OTHER_ADDRESS}, or add --tls, --smtp-user and --password-file`,
  ],
  [/^refused: RCPT \d+[ -]5\.1\./, OTHER_ADDRESS],
  [/^refused: RCPT/, `${OTHER_ADDRESS}, or exempt this host from the server's rules for clients`],
  [/^refused: (?:CONN|EHLO|HELO|MAIL)/, "exempt this host and the empty sender from the server's rules for clients"], // biome-ignore format: a row
  [/: STARTTLS/, 'configure the server to offer TLS with a certificate for its name, signed by a known authority or that of --ca'], // biome-ignore format: a row
  [/^deferred: AUTH 4/, "read the server's log: it cannot check passwords now"],
  [/: AUTH/, 'correct --smtp-user, or the password in --password-file'],
  [/^deferred: \w+ 45[01]/, 'if the server delays unknown hosts (greylisting), run onescan check again later'], // biome-ignore format: a row
]
