import type { Argv } from 'yargs'
import { errorCode, Fault } from '../../../../base/errors/fault.ts'
import { parseEndpoint } from '../../../../base/net/endpoint.ts'
import { readForeignFile } from '../../../../base/path/open.ts'
import { readSecret } from '../../../../base/path/secret-file.ts'
import { userName } from '../../../../base/process/passwd.ts'
import { shellWord } from '../../../../base/text/shell-word.ts'
import { textOption } from '../../command/cli-options.ts'
import type { Arguments } from '../../command/run-command.ts'
import type { NamedServer } from './check-named-server.ts'
import { isAddress } from './name-mail.ts'
import { openTestMailbox } from './test-mailbox.ts'

/** Milliseconds for a connection, its greeting and TLS; for each answer, and for deliveries: onescan(1). */
const [GREETS, ANSWERS, DELIVERED] = [30_000, 300_000, 60_000] as const

/** Adds the options of `check --mail` about a server of any host. */
export function addServerOptions<Options>(yargs: Argv<Options>) {
  return yargs
    .option('smtp', textOption('HOST:PORT: with --mail, send only to this server, on any host'))
    .option('tls', { type: 'boolean', describe: 'With --smtp: only over TLS, with a valid certificate' })
    .option('ca', textOption('PEM file with the CA of that certificate'))
    .option('password-file', textOption('File with the password of --smtp-user; needs --tls'))
    .option('smtp-user', textOption('With --smtp: the login name at the server'))
    .option('maildir', textOption('With --smtp: look for the delivered mail in this Maildir, or with - on standard input as an mbox')) // biome-ignore format: a line
    .option('password', { type: 'string', hidden: true }) // to be refused
    .implies({ smtp: 'mail', tls: 'smtp', ca: 'tls', 'smtp-user': 'password-file', 'password-file': 'smtp-user', maildir: 'smtp' }) // biome-ignore format: a line
}

type NamedServerOptions = Arguments<
  (yargs: Argv<object>) => ReturnType<typeof addServerOptions<object>>
> & { readonly mail?: string | undefined }

/**
 * Parses the options, and opens the mailbox. Returns undefined without --smtp. Throws a Fault of kind
 * `config` if a value is invalid, or an Error if a file cannot be read.
 */
export function readServerOptions(args: NamedServerOptions): NamedServer | undefined {
  const { smtp, mail = '', tls, ca, smtpUser, passwordFile, maildir } = args
  const mustBe = (isSo: boolean, fault: string) => {
    if (!isSo) throw new Fault('config', fault)
  }
  mustBe(args.password === undefined, '--password: all users see it in the list of processes; write it into a file for --password-file') // biome-ignore format: a line
  if (smtp === undefined) return undefined
  mustBe(isAddress(mail), `--mail ${mail}: is not an address; use the form user@example.org`)
  const endpoint = parseEndpoint(smtp, { defaultPort: 25 })
  // The given text may contain a password.
  if (endpoint === undefined) throw new Fault('config', '--smtp: must be HOST:PORT')
  mustBe(passwordFile === undefined || tls === true, '--password-file: needs --tls: onescan sends no password unencrypted') // biome-ignore format: a line
  const foreign = {
    authorities: ca === undefined ? undefined : readAt('--ca', ca, readForeignFile),
    login:
      passwordFile === undefined
        ? undefined
        : { user: smtpUser!, pass: readAt('--password-file', passwordFile, readSecret) },
    greets: GREETS,
    answers: ANSWERS,
  }
  const security = !tls ? 'none' : endpoint.port === 465 ? 'tls' : 'starttls'
  const way = { ...endpoint, security, foreign } as const
  const mailbox = maildir === undefined ? undefined : openTestMailbox(maildir)
  return { address: mail, way, mailbox, deliveredWithin: DELIVERED }
}

/** Reads a file. The error of one that this account may not read has the remedy: root's check runs as another one. */
function readAt<Read>(option: string, path: string, read: (path: string) => Read): Read {
  try {
    return read(path)
  } catch (error) {
    if (errorCode(error) !== 'EACCES') throw error
    const uid = process.getuid!()
    const account = userName(uid) ?? uid
    const copy = `install -o ${account} -m 400 ${shellWord(path)} /run/onescan-copy`
    throw new Fault(
      'config',
      `${option} ${path}: ${account} may not read it; as root, specify a copy: ${copy}`,
    )
  }
}
