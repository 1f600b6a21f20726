import { hostname } from 'node:os'
import { type CheckLine, ok, warning } from '../../../../base/check/check-line.ts'
import { shellWord } from '../../../../base/text/shell-word.ts'
import { greetedBy } from '../../host/open-ports.ts'
import { remedyOfReply } from './complaints.ts'
import type { SentMail } from './send-mail.ts'
import { type CausedLine, caused, complaintAfter, type TestedWay } from './tested-way.ts'

/** The reply if the recipient's mailbox is full: RFC 3463, X.2.2. */
const FULL = /^\d{3}[ -]4\.2\.2 /
const OTHER_ADDRESS =
  'an address whose mail this server accepts, or exempt this host from its rules for clients'

/** Resolves to a check line if the mail was not sent, so that the way cannot be judged. */
export async function judgeUnsent(
  tested: TestedWay,
  { kind, text, command }: SentMail,
): Promise<CausedLine | undefined> {
  const { name, run } = tested
  switch (kind) {
    case 'accepted':
      return undefined
    case 'nothing listens':
      if (name !== 'port 25') return ok(name, `no server answers there: ${text}`)
      if (run.other === undefined)
        return caused(
          name,
          `no server answers: ${text}`,
          run.log.complaint,
          'start the mail server, and read its log if it stops again; if it runs, make it listen on port 25',
        )
      return warning(
        name,
        `no server answers there, although port ${run.other} answers: ${text}`,
        'if other hosts send mail to this host, make the mail server listen on port 25, too',
      )
    case 'requires authentication':
    case 'requires TLS': {
      const value = `${kind}, so mail through this port was not tested: ${text}`
      return warning(name, value, await howToTest(tested, kind))
    }
    case 'refused': {
      // A refused connection (RFC 5321 3.1) is refused for every recipient.
      if (command === 'DATA' || command === 'CONN') break
      const value = `accepts no mail for ${run.address} from this host: ${text}`
      return warning(name, value, `${whereAddressed(text, run.address)}specify ${OTHER_ADDRESS}`)
    }
    case 'deferred':
      if (FULL.test(text)) return mailboxIsFull(tested, text)
  }
  const value = `is not accepted, and no log has a line from onescan about it: ${text}`
  const otherwise = remedyOfReply(text) ?? "run onescan check, and read the mail server's log"
  return caused(`${name}, clean mail`, value, await complaintAfter(run), otherwise)
}

function mailboxIsFull({ name, run: { address } }: TestedWay, text: string): CheckLine {
  const value = `accepts no mail for ${address}, whose mailbox is full: ${text}`
  const remedy = `free space in that mailbox (onescan quota ${shellWord(address)}), or specify another address`
  return warning(name, value, remedy)
}

/** Resolves to the command that tests this port with TLS, and with a login if it requires one. */
async function howToTest(
  { name, way, run: { address } }: TestedWay,
  requires: 'requires authentication' | 'requires TLS',
): Promise<string> {
  // The certificate is for the name of the mail server, which other ports than those of TLS greet with.
  const { host = '127.0.0.1' } = 'port' in way ? way : {}
  const greeted = await greetedBy({ host, port: 25 })
  const server = `${isHostName(greeted) ? greeted : hostname()}${name.replace('port ', ':')}`
  const login = requires === 'requires TLS' ? '' : ' --smtp-user USER --password-file FILE'
  return `onescan check --mail ${shellWord(address)} --smtp ${server} --tls${login}`
}

const isHostName = (name: string | undefined): name is string =>
  name !== undefined && /^[\w-]+(?:\.[\w-]+)+$/.test(name)

/** Returns what to do about the refusal of an address that is of this host. */
function whereAddressed(text: string, address: string): string {
  const domain = address.slice(address.lastIndexOf('@') + 1)
  if (/\brelay/i.test(text))
    return `if this host should take mail for ${domain}, add that to mydestination or virtual_mailbox_domains (Postfix), /etc/mail/local-host-names (Sendmail), dc_other_hostnames (Exim on Debian) or control/rcpthosts (qmail); if not, `
  return /\b5\.1\.1\b|\bunknown\b|\bunrout/i.test(text)
    ? `if ${address} should exist, create that user or alias on this host; if not, `
    : ''
}
