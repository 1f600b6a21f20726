import { callNextServer } from '../../../doors/smtp/next-server/next-server.ts'
import { replyTexts } from '../../../protocol/smtp/smtp-replies.ts'

/** Milliseconds for a connection, and for each reply. A server may delay its greeting. */
const TIMEOUT = 30_000
const TIMEOUTS = {
  connection: TIMEOUT,
  command: TIMEOUT,
  data: TIMEOUT,
  block: TIMEOUT,
  end: TIMEOUT,
  quit: 1000,
}

/**
 * Asks the SMTP server at the first of these addresses where one answers. Resolves to the reply, in one line, by which it defers
 * mail from a sender: rules for sender addresses do not apply to test mail, whose sender is empty. Resolves to undefined if it
 * accepts or refuses such mail, or does not answer. The session ends before the content. (nodemailer has no such session.)
 */
export async function deferralOfSender(
  { hosts, port }: { readonly hosts: readonly string[]; readonly port: number },
  sender: string,
  recipient: string,
): Promise<string | undefined> {
  const server = await connectTo(hosts, port)
  if (server === undefined) return undefined
  try {
    let reply = await server.ask('EHLO [127.0.0.1]')
    for (const line of [`MAIL FROM:<${sender}>`, `RCPT TO:<${recipient}>`])
      if (reply.code < 300) reply = await server.ask(line)
    await server.quit(Buffer.from('QUIT')).catch(() => {})
    const isDeferred = reply.code >= 400 && reply.code < 500
    return isDeferred ? `${reply.code} ${replyTexts(reply).join(' ').trim()}` : undefined
  } catch {
    return undefined
  } finally {
    server.close()
  }
}

async function connectTo(hosts: readonly string[], port: number) {
  for (const host of hosts) {
    const address = { text: host, options: { host, port } }
    const server = await callNextServer(address, TIMEOUTS).catch(() => {})
    if (server !== undefined) return server
  }
  return undefined
}
