import { execFile } from 'node:child_process'
import SMTPConnection from 'nodemailer/lib/smtp-connection'
import { sendmailOptions } from '../../shared/sendmail.ts'

/** A way by which a mail server of this host takes mail. */
export type Way =
  | {
      readonly port: number
      readonly security: 'none' | 'starttls' | 'tls'
      readonly host?: string
    }
  /** A program that takes a message on standard input, as sendmail(8). */
  | { readonly program: string }

/** What a way answered to a message. */
export interface SentMail {
  readonly kind:
    | 'taken'
    | 'refused'
    | 'deferred'
    | 'nobody listens'
    | 'wants authentication'
    | 'wants TLS'
  /** The answer in one line, or why there is none. */
  readonly text: string
  /** Whether the content was refused or deferred, and not the sender or the recipient. */
  readonly isContent: boolean
  /** Whether the server refused the connection, for every recipient: RFC 5321 3.1. */
  readonly isGreeting?: boolean
}

/** Milliseconds for a connection and each answer. Greetings may be delayed, smtp-delay(8). */
const TIMEOUT = 30_000
const HOST = '127.0.0.1'

/**
 * Sends a message in the form of a file from the empty sender, so that nobody gets a bounce. Never
 * rejects.
 */
export function sendMail(way: Way, message: Buffer, address: string): Promise<SentMail> {
  return 'program' in way
    ? sendByProgram(way.program, message, address)
    : sendBySmtp(way, message, address)
}

/** What nodemailer adds to an error. */
interface SmtpError extends Error {
  readonly code?: string | undefined
  readonly response?: string | undefined
  readonly responseCode?: number | undefined
  readonly command?: string | undefined
}

function sendBySmtp(
  { port, security, host = HOST }: Extract<Way, { port: number }>,
  message: Buffer,
  address: string,
): Promise<SentMail> {
  const connection = new SMTPConnection({
    host,
    port,
    name: 'localhost',
    secure: security === 'tls',
    ignoreTLS: security === 'none',
    tls: { rejectUnauthorized: false }, // its certificate is for its name, and not for this address
    connectionTimeout: TIMEOUT,
    greetingTimeout: TIMEOUT,
    socketTimeout: TIMEOUT,
  })
  return new Promise((resolve) => {
    const end = (sent: SentMail) => {
      connection.close()
      resolve(sent)
    }
    const failed = (error: SmtpError) => end(failedBy(error, connection.allowsAuth))
    connection.on('error', failed)
    connection.connect(() => {
      connection.send({ from: '', to: [address] }, message, (error, info) => {
        if (error) failed(error)
        else end({ kind: 'taken', text: oneLine(info.response), isContent: true })
      })
    })
  })
}

function failedBy(error: SmtpError, allowsAuthentication: boolean): SentMail {
  const { code, response, responseCode = 0, command = '' } = error
  const isContent = command === 'DATA'
  const text = oneLine(response || error.message)
  if (/ECONNREFUSED|ENETUNREACH/.test(error.message))
    return { kind: 'nobody listens', text, isContent }
  // 530 stands for both: RFC 4954 6, RFC 3207 4.
  if (responseCode === 530 && /STARTTLS/i.test(text)) return { kind: 'wants TLS', text, isContent }
  // A port for the users of this host refuses all others in words of its own.
  const isClosed = responseCode === 530 || (code === 'EENVELOPE' && allowsAuthentication)
  if (isClosed && responseCode >= 500) return { kind: 'wants authentication', text, isContent }
  const kind = responseCode >= 500 ? 'refused' : 'deferred'
  return { kind, text, isContent, isGreeting: command === 'CONN' }
}

const oneLine = (text: string) => text.trim().replace(/\s+/g, ' ')

function sendByProgram(program: string, message: Buffer, address: string): Promise<SentMail> {
  const args = [...sendmailOptions(program, ''), address]
  return new Promise((resolve) => {
    const options = { timeout: TIMEOUT, env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' } }
    const child = execFile(program, args, options, (error, said, complaint) => {
      const text = oneLine(`${said} ${complaint}`) || (error ? `ends with ${error.code}` : '')
      if (error === null) resolve({ kind: 'taken', text: 'exit code 0', isContent: true })
      else resolve({ kind: error.killed ? 'deferred' : 'refused', text, isContent: true })
    })
    child.stdin!.on('error', () => {}) // it reads no more
    child.stdin!.end(message)
  })
}
