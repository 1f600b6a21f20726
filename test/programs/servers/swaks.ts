import { execFile } from 'node:child_process'

export interface Sent {
  /** The exit code: 0 if the message was accepted. */
  readonly code: number
  /** The conversation, `->` and `<-` before each line. */
  readonly transcript: string
}

/** Sends one message by SMTP with swaks(1) and waits for the end of the conversation. */
export function sendBySmtp(mail: {
  readonly port: number
  readonly from: string
  readonly to: string
  /** Header and body, lines ended by LF. */
  readonly message: string
  /** Further arguments of swaks. */
  readonly options?: readonly string[]
}): Promise<Sent> {
  const { port, from, to, message, options = [] } = mail
  const words = ['--server', `127.0.0.1:${port}`, '--from', from, '--to', to, '--data', '-']
  return new Promise((done) => {
    const swaks = execFile(
      'swaks',
      ['--helo', 'client.example.org', ...words, ...options],
      (error, out) => done({ code: Number(error?.code ?? 0), transcript: out }),
    )
    swaks.stdin?.end(message)
  })
}
