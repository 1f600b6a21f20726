import {
  type Accounts,
  findAccount,
  nameOrNumber,
  ownAccount,
} from '../../../doors/readiness/account.ts'
import type { StageHost } from '../../../doors/readiness/stage.ts'
import { attempt, errorText } from '../../../ground/errors/fault.ts'
import { error, type Finding } from '../../../ground/errors/finding.ts'
import { readSetting } from '../../../ground/settings/settings.ts'
import { table } from '../../../ground/settings/table.ts'
import { readControlDirectories } from '../../../scan/judge/policy.ts'
import { DEFAULTS, hasDefaults, readDefaults } from '../../shared/defaults-file.ts'
import { optionValues } from '../../shared/options.ts'
import { ACCOUNT, type RunningDescription, SOCKET } from '../../shared/running-daemon.ts'

/** The command line of onescand. */
interface DaemonWords {
  readonly words: readonly string[]
  /** The addresses on the command line of the running onescand, which it frees at its next start. */
  readonly held: readonly string[]
  /** The file with its settings, for remedies. */
  readonly file: string
}

/** onescand as it is configured on this host, and what is wrong with its file of settings. */
export interface ConfiguredDaemon {
  readonly host: StageHost
  /** Undefined if its file cannot be read. */
  readonly words: DaemonWords | undefined
  readonly findings: readonly Finding[]
}

/** The PATH of a service: systemd.exec(5). */
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/**
 * Returns the host as onescand will see it at its next start: by its file of settings or, without
 * such a file, by the onescand that runs. Undefined if there is neither.
 */
export function configuredDaemon(
  running: RunningDescription | undefined,
  accounts: Accounts,
  now: number,
  file: string = DEFAULTS,
): ConfiguredDaemon | undefined {
  const account = daemonAccount(running, accounts)
  const build = (env: StageHost['env']): StageHost => ({
    env,
    directories: readControlDirectories(env),
    account,
    accounts,
    isDaemon: true,
    asksOnescand: false,
    now,
  })
  if (hasDefaults(file)) {
    try {
      const { env, words, where, findings } = readDefaults(file)
      return { host: build({ PATH, ...env }), words: daemonWords(words, where, running), findings }
    } catch (thrown) {
      const findings = [error(file, errorText(thrown), 'run check as root')]
      return { host: build({ PATH }), words: undefined, findings }
    }
  }
  if (running === undefined) return undefined
  const words = daemonWords(running.words, 'the environment of onescand', running)
  return { host: build(running.settings), words, findings: [] }
}

/** The seconds that onescand gives a scan; by default those of SCANTIMEOUT. */
export function scanTimeOf(env: StageHost['env'] | undefined): number {
  return attempt(() => readSetting(env ?? {}, 'SCANTIMEOUT')) ?? table.SCANTIMEOUT.default
}

/** The command line. The unit or run script adds --socket to the options of the file. */
function daemonWords(
  words: readonly string[],
  file: string,
  running: RunningDescription | undefined,
): DaemonWords {
  const isNamed = words.some((word) => word.startsWith('--socket'))
  const socket = optionValues(running?.words ?? [], '--socket').at(-1) ?? 'none'
  return {
    words: isNamed ? words : [...words, '--socket', socket],
    held: running === undefined ? [] : listeningAddresses(running.words),
    file,
  }
}

/** The account of the onescand that runs, else that of the package, else the caller's. */
function daemonAccount(
  running: RunningDescription | undefined,
  accounts: Accounts,
): StageHost['account'] {
  if (running === undefined) return findAccount(accounts, ACCOUNT, 'all') ?? ownAccount(accounts)
  const { uid } = running
  const name = nameOrNumber(accounts, uid)
  return findAccount(accounts, name, 'all') ?? { name, uid, groups: [uid] }
}

/** All addresses at which an onescand with this command line listens, in the form of `--milter`. */
function listeningAddresses(words: readonly string[]): string[] {
  const socket = optionValues(words, '--socket').at(-1) ?? SOCKET
  const options = ['--milter', '--policy', '--smtp', '--lmtp', '--http']
  return [
    ...(socket === 'none' ? [] : [`unix:${socket}`]),
    ...options.flatMap((option) => optionValues(words, option)),
  ]
}
