import { readOwnText } from '../../../ground/path/read.ts'
import { DEFAULTS, readDefaults } from '../../shared/defaults-file.ts'
import { type RunningDaemon, runningDaemons } from '../../shared/running-daemons.ts'
import type { MailServer } from '../mail-servers/find.ts'
import { postconf, readParameters, splitMilters } from '../mail-servers/postconf.ts'
import { SENDMAIL_CF } from '../mail-servers/sendmail.ts'
import { filtersIn } from '../mail-servers/sendmail-cf.ts'
import { optionValues } from '../shared/option-values.ts'
import { matchAddress } from '../shared/service-address.ts'
import { listeningAddresses } from './listening-addresses.ts'

/**
 * Returns the running onescand that listens where these mail servers ask, or where its own file of
 * settings says; undefined if none does. `processes` is proc(5).
 */
export async function findAskedDaemon(
  servers: readonly MailServer[],
  processes: string,
  file: string = DEFAULTS,
): Promise<RunningDaemon | undefined> {
  const running = daemonsIn(processes)
  if (running.length === 0) return undefined
  const { milters, queue } = await askedMilters(servers)
  const own = listeningAddresses(wordsOf(file))
  return running.find(({ words }) => {
    const listening = optionValues(words, '--milter')
    return (
      listeningAddresses(words).some((address) => matchAddress(address, own, undefined)) ||
      milters.some((asked) => matchAddress(asked, listening, queue) !== undefined)
    )
  })
}

function daemonsIn(processes: string): RunningDaemon[] {
  try {
    return runningDaemons(processes)
  } catch {
    return [] // there is no proc(5)
  }
}

function wordsOf(file: string): readonly string[] {
  try {
    return readDefaults(file).words
  } catch {
    return []
  }
}

/** Milters that mail servers ask, and the queue directory of Postfix, below which a path may lie. */
interface AskedMilters {
  readonly milters: readonly string[]
  readonly queue: string | undefined
}

/**
 * The milters that main.cf and sendmail.cf name. A server that cannot be asked counts as naming
 * none: its own check reports why.
 */
async function askedMilters(servers: readonly MailServer[]): Promise<AskedMilters> {
  const milters: string[] = []
  let queue: string | undefined
  if (servers.includes('Postfix')) {
    const text = await postconf({ directory: '' }, '-x', 'smtpd_milters', 'queue_directory').catch(
      () => '',
    )
    const parameters = readParameters(text)
    queue = parameters.queue_directory
    milters.push(...splitMilters(parameters.smtpd_milters ?? '').map(({ text }) => text))
  }
  if (servers.includes('Sendmail')) {
    try {
      milters.push(...filtersIn(readOwnText(SENDMAIL_CF)).map(({ socket }) => socket))
    } catch {
      // The check of Sendmail reports it.
    }
  }
  return { milters, queue }
}
