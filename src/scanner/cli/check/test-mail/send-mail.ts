import { lookup } from 'node:dns/promises'
import { isIP, Socket } from 'node:net'
import SMTPConnection from 'nodemailer/lib/smtp-connection'
import { errorText } from '../../../../base/errors/fault.ts'
import { withoutCode } from '../../../../base/errors/system-error.ts'
import { endingText, runProgram } from '../../../../base/process/run-program.ts'
import { formatDuration } from '../../../../base/text/units.ts'
import { mailProgramEnv, sendmailOptions } from '../../../protocol/smtp/sendmail-program.ts'
import { LOOPBACK_ADDRESSES } from '../../host/open-ports.ts'

/**
 * A port at which a mail server accepts mail. (nodemailer sends test mail to it, with TLS and a login. onescand's client of
 * the next server passes each command and byte on as it comes, which no library does.)
 */
export interface SmtpWay {
  readonly port: number
  readonly security: 'none' | 'starttls' | 'tls'
  readonly host?: string
  /** Set for a server that may be of another host. With TLS its certificate must be valid for the name of that. */
  readonly foreign?: {
    /** The authorities of its certificate, in PEM, by default those of the runtime. */
    readonly authorities: Buffer | undefined
    /** Sent with TLS alone. */
    readonly login: { readonly user: string; readonly pass: string } | undefined
    /** Milliseconds until its greeting, and for each later answer. */
    readonly greets: number
    readonly answers: number
  }
}

/** A route by which a mail server accepts mail. */
export type SendingWay =
  | SmtpWay
  /** A program that reads a message from standard input, like sendmail(8). */
  | { readonly program: string }

/** The answer of a route to a message. */
export interface SentMail {
  readonly kind:
    | 'accepted'
    | 'refused'
    | 'deferred'
    | 'nothing listens'
    | 'requires authentication'
    | 'requires TLS'
  /** The answer in one line, or why there is none. */
  readonly text: string
  /** The reply code, or undefined if there was no reply. */
  readonly code?: number
  /**
   * The command at which the session ended, such as `DATA` for the content. `CONN` is the connection, and
   * `STARTTLS` TLS.
   */
  readonly command: string
}

/** Milliseconds for a connection and each answer. Greetings may be delayed, smtp-delay(8). */
const TIMEOUT = 30_000
/** The answers for which a mail waits at most: a server that sends its answers in pieces is never silent. */
const ANSWERS_MAX = 3
/** Bytes that a server may send in all. nodemailer limits a reply, and not the empty lines between replies. */
const RECEIVED_MAX = 64 * 1024
/** Milliseconds between two looks at how many bytes that are. */
const LOOK_EVERY = 10

/** Sends a message in the form of a file, by default from the empty sender, so that no bounce is sent. Never rejects. */
export function sendMail(
  way: SendingWay,
  message: Buffer,
  address: string,
  sender = '',
): Promise<SentMail> {
  return 'program' in way
    ? sendByProgram(way.program, message, address)
    : sendBySmtp(way, message, { from: sender, to: [address] })
}

/** The addresses of a message. */
interface SmtpEnvelope {
  readonly from: string
  readonly to: string[]
}

/** The members that nodemailer adds to an error: its own code, and that of the system's error before it. */
interface SmtpError extends Error {
  readonly code?: string | undefined
  readonly response?: string | undefined
  readonly responseCode?: number | undefined
  readonly command?: string | undefined
  readonly originalCode?: string | undefined
}

/**
 * Sends a message over SMTP to the first address of the host at which a server answers, as mail servers do (RFC 5321 5.1).
 * Resolves to the result at the first address if none does.
 */
async function sendBySmtp(
  way: SmtpWay,
  message: Buffer,
  envelope: SmtpEnvelope,
): Promise<SentMail> {
  const addresses = await addressesOf(way).catch((error: Error) => error)
  if (addresses instanceof Error) return failedBy(addresses, way, 'nothing')
  let first: SentMail | undefined
  for (const at of addresses) {
    const sent = await sendTo(at, way, message, envelope)
    if (sent.command !== 'CONN' || sent.code !== undefined) return sent
    first ??= sent
  }
  return first!
}

async function addressesOf({ host, foreign }: SmtpWay): Promise<readonly string[]> {
  if (host === undefined) return LOOPBACK_ADDRESSES
  if (foreign === undefined) return [host]
  // Resolved like all programs of this host resolve it: nodemailer would query only the DNS.
  const found = await lookup(host, { all: true })
  return found.map(({ address }) => address)
}

/** Sends a message in one session, which ends in time, and after RECEIVED_MAX bytes of answers. */
async function sendTo(
  at: string,
  way: SmtpWay,
  message: Buffer,
  envelope: SmtpEnvelope,
): Promise<SentMail> {
  const { login, greets = TIMEOUT, answers = TIMEOUT } = way.foreign ?? {}
  const shown = (sent: SentMail) => ({ ...sent, text: withoutLogin(sent.text, login) })
  const socket = new Socket()
  let came: Came = 'nothing'
  socket.once('connect', () => {
    came = 'a connection'
  })
  const connection = new SMTPConnection({ ...connectionOptions(way, at), socket })
  const within = greets + ANSWERS_MAX * answers
  let late: NodeJS.Timeout | undefined
  let looks: NodeJS.Timeout | undefined
  try {
    const sent = await new Promise<SentMail>((resolve, reject) => {
      const tooLate = new Error(`the SMTP session did not end within ${formatDuration(within)}`)
      late = setTimeout(() => reject(tooLate), within)
      connection.on('error', reject)
      looks = setInterval(() => {
        if (socket.bytesRead > RECEIVED_MAX) reject(new Error('the server sends too much'))
      }, LOOK_EVERY)
      openSession(connection, way)
        .then(() => sendContent(connection, message, envelope))
        .then(resolve, reject)
    })
    return shown(sent)
  } catch (error) {
    if (socket.bytesRead > 0) came = 'bytes'
    return shown(failedBy(error as SmtpError, way, came, connection.allowsAuth))
  } finally {
    clearTimeout(late)
    clearInterval(looks)
    connection.close()
    socket.destroy() // close() waits for the server, which may continue to send
  }
}

function connectionOptions(way: SmtpWay, address: string): SMTPConnection.Options {
  const { port, security, host = address, foreign } = way
  const { authorities, greets = TIMEOUT, answers = TIMEOUT } = foreign ?? {}
  return {
    host: address,
    port,
    secure: security === 'tls',
    ignoreTLS: security === 'none',
    ...(foreign
      ? {
          requireTLS: security === 'starttls',
          servername: isIP(host) ? undefined : host,
          // By default a variable of the environment could turn it off.
          tls: { rejectUnauthorized: true, ...(authorities && { ca: authorities }) },
        }
      : {
          // Some servers refuse a name without a domain, and any that they do not find (RFC 5321 4.1.4).
          name: isIP(address) === 6 ? `[IPv6:${address}]` : `[${address}]`,
          // Its certificate is for its name, and not for this address.
          tls: { rejectUnauthorized: false },
        }),
    connectionTimeout: greets,
    greetingTimeout: greets,
    socketTimeout: answers,
  }
}
/** Connects, begins TLS, and logs in if TLS protects the login. Rejects with an SmtpError. */
function openSession(connection: SMTPConnection, { security, foreign }: SmtpWay): Promise<void> {
  const login = security === 'none' ? undefined : foreign?.login
  return new Promise((resolve, reject) => {
    const opened = (error?: SmtpError | null) => (error ? reject(error) : resolve())
    connection.connect((error?: SmtpError) => {
      if (error || login === undefined) opened(error)
      else connection.login(login, opened)
    })
  })
}

/** Sends envelope and content. Rejects with an SmtpError. */
function sendContent(
  connection: SMTPConnection,
  message: Buffer,
  envelope: SmtpEnvelope,
): Promise<SentMail> {
  return new Promise((resolve, reject) => {
    connection.send(envelope, message, (error, info) => {
      if (error) return reject(error)
      const text = oneLine(info.response)
      resolve({ kind: 'accepted', text, code: Number.parseInt(text, 10), command: 'DATA' })
    })
  })
}

/** The codes of Node's errors about TLS: its own, those of OpenSSL, and X509_V_ERR_... of a certificate. */
const OF_TLS = /CERT|TLS|SSL|PURPOSE|^(?:UNABLE_TO|CRL|INVALID_CA|PATH_LENGTH|HOSTNAME)_?/

/** What the server sent. */
type Came = 'nothing' | 'a connection' | 'bytes'

/** RFC 8314 3.3: its clients begin with TLS, and its server waits for that. */
const TLS_PORT = 465

function failedBy(
  error: SmtpError,
  way: SmtpWay,
  came: Came,
  allowsAuthentication = false,
): SentMail {
  const { code = '', response, responseCode = 0, originalCode = '' } = error
  const command = OF_TLS.test(originalCode) ? 'STARTTLS' : (error.command ?? '')
  const raw = oneLine(response || error.message).replace(/; if the root CA.*/, '') // advice of Node's
  const text = response ? raw : withoutCode(raw, originalCode || code)
  const sent = { text, command, ...(responseCode && { code: responseCode }) }
  if (came === 'nothing') return { ...sent, kind: 'nothing listens' }
  // 530 has both meanings: RFC 4954 6, RFC 3207 4.
  if (responseCode === 530 && /STARTTLS/i.test(text)) return { ...sent, kind: 'requires TLS' }
  if (came === 'a connection' && way.port === TLS_PORT && way.security !== 'tls')
    return { ...sent, kind: 'requires TLS' }
  // Mail to other domains is refused with 550 or 554 and, by Postfix's default, with 454.
  const isRefused = responseCode >= 500 || (responseCode >= 400 && /\brelay/i.test(text))
  // A port for the users of this host refuses all others with a text of its own; X.1.X is about the address (RFC 3463).
  const isAboutSender = code === 'EENVELOPE' && !/^\d{3}[ -][45]\.1\./.test(text)
  const isClosed = responseCode === 530 || (isAboutSender && allowsAuthentication)
  if (isClosed && isRefused) return { ...sent, kind: 'requires authentication' }
  return { ...sent, kind: isRefused ? 'refused' : 'deferred' }
}

/** A reply without what a server may repeat of the login (RFC 4616). */
function withoutLogin(text: string, login: { user: string; pass: string } | undefined): string {
  if (login === undefined) return text
  const { user, pass } = login
  const secrets = [
    ...[`\0${user}\0${pass}`, pass].map((secret) => Buffer.from(secret).toString('base64')),
    pass,
  ]
  return secrets.reduce((shown, secret) => shown.replaceAll(secret, '***'), text)
}

const oneLine = (text: string) => text.trim().replace(/\s+/g, ' ')

async function sendByProgram(program: string, message: Buffer, address: string): Promise<SentMail> {
  const command = 'DATA'
  try {
    const ended = await runProgram({
      // Sendmail would keep what is refused in dead.letter.
      command: [program, '-oeq', ...sendmailOptions(program, ''), address],
      env: mailProgramEnv,
      input: message,
      within: TIMEOUT,
    })
    const { code, output, complaint, exceeded } = ended
    if (code === 0) return { kind: 'accepted', text: 'exit code 0', command }
    const text = oneLine(`${output} ${complaint}`) || endingText(ended)
    return { kind: exceeded ? 'deferred' : 'refused', text, command }
  } catch (error) {
    return { kind: 'refused', text: errorText(error), command }
  }
}
