import type { Argv } from 'yargs'
import { Fault } from '../../../lib/errors/fault.ts'
import { parseEndpoint } from '../../../lib/net/endpoint.ts'
import { readForeignFile, readSecret } from '../../../lib/path/open.ts'
import { STDIN } from '../../shared/message-file.ts'
import { flag, text } from '../../shared/options.ts'
import type { Arguments } from '../../shared/run-command.ts'
import type { NamedServer } from './check-named-server.ts'
import { openMaildir, openMbox, openPipe } from './mailbox.ts'

/** Milliseconds for a connection, its greeting and TLS; for each answer; and for deliveries: onescan(1). */
const GREETS = 30_000
const ANSWERS = 300_000
const DELIVERED = 60_000

/** Adds the options of `check --mail` about a server of another host. */
export function addServerOptions<Options>(yargs: Argv<Options>) {
  return yargs
    .option(
      'smtp',
      text('HOST:PORT: with --mail, send to this server of any host, and to no other'),
    )
    .option('tls', flag('With --smtp: by TLS alone, with a valid certificate'))
    .option('ca', text('File of the authorities of that certificate, in PEM'))
    .option('password-file', text('File with the password of --user at the server; needs --tls'))
    .option('maildir', text('With --smtp: look for the delivered mail in this Maildir'))
    .option('mbox', text('With --smtp: look for it in this mbox; - for standard input'))
    .option('password', { type: 'string', hidden: true }) // to be refused
}

type NamedServerOptions = Arguments<
  (yargs: Argv<object>) => ReturnType<typeof addServerOptions<object>>
> & {
  readonly mail: string | undefined
  readonly user?: string | undefined
}

/** The options of --smtp, with the name of each as it is typed. */
const NEEDS_SMTP = {
  tls: '--tls',
  ca: '--ca',
  passwordFile: '--password-file',
  maildir: '--maildir',
  mbox: '--mbox',
} as const

/**
 * Reads the options; undefined without --smtp. Opens the mailbox. Throws a Fault of kind `config` if they do
 * not fit together, or if a file cannot be read.
 */
export function readServerOptions(args: NamedServerOptions): NamedServer | undefined {
  if (args.password !== undefined)
    throw new Fault(
      'config',
      '--password: all users see it in the list of processes; write it to a file, and name that by --password-file',
    )
  const { smtp, mail } = args
  if (smtp === undefined) {
    for (const [name, option] of Object.entries(NEEDS_SMTP)) {
      if (args[name as keyof typeof NEEDS_SMTP])
        throw new Fault('config', `${option}: needs --smtp HOST:PORT`)
    }
    return undefined
  }
  if (mail === undefined) throw new Fault('config', '--smtp: needs --mail ADDRESS')
  const endpoint = parseEndpoint(smtp, { usualPort: 25 })
  // What was typed may have a password in it.
  if (endpoint === undefined) throw new Fault('config', '--smtp: must be HOST:PORT')
  const login = readLogin(args)
  const security = !args.tls ? 'none' : endpoint.port === 465 ? 'tls' : 'starttls'
  const authorities = args.ca === undefined ? undefined : readForeignFile(args.ca)
  const foreign = {
    greets: GREETS,
    answers: ANSWERS,
    ...(login && { login }),
    ...(authorities && { authorities }),
  }
  const way = { ...endpoint, security, foreign } as const
  return { address: mail, way, mailbox: openMailbox(args), deliveredWithin: DELIVERED }
}

function readLogin({ user, passwordFile, tls }: NamedServerOptions) {
  if (user === undefined && passwordFile === undefined) return undefined
  if (user === undefined || passwordFile === undefined)
    throw new Fault('config', '--user and --password-file: give both with --smtp')
  if (!tls) throw new Fault('config', '--password-file: needs --tls: no password is sent in clear')
  return { user, pass: readSecret(passwordFile) }
}

function openMailbox({ maildir, mbox }: NamedServerOptions) {
  if (maildir !== undefined && mbox !== undefined)
    throw new Fault('config', '--maildir and --mbox: give one of them')
  if (maildir !== undefined) return openMaildir(maildir)
  if (mbox === undefined) return undefined
  return mbox === '-' || mbox === STDIN ? openPipe(process.stdin) : openMbox(mbox)
}
