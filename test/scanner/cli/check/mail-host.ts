import { chmodSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Test } from 'tap'
import { openDirectory } from '../../../programs/host/reachable.ts'
import { type Postfix, startPostfix } from '../../../programs/servers/postfix.ts'
import { startOnescand } from '../../daemon/process.ts'

/** A Postfix and an onescand that it may ask. Postfix discards all mail. */
interface MailHost {
  readonly postfix: Postfix
  /** The program of this Postfix by which local programs send mail. */
  readonly sendmail: string
  /** The log of onescand. */
  readonly log: string
  /** The options of onescand. */
  readonly options: readonly string[]
}

interface MailHostSetUp {
  /** The options of onescand. By default it listens as a milter. */
  readonly options?: readonly string[] | undefined
  /** What is in onescan.policy. */
  readonly policy?: string | undefined
  /** Whether onescand does not run. */
  readonly isDown?: boolean | undefined
  /** Parameters of main.cf. By default all mail goes to the milter. */
  readonly main?: Readonly<Record<string, string>>
  /** What -o sets for the service that takes mail. */
  readonly own?: readonly string[] | undefined
  /** More lines of master.cf. */
  readonly services?: string | undefined
}

/** The parameters of main.cf with which all mail goes to a milter. */
export const toMilter = (milter: string): Readonly<Record<string, string>> => ({
  smtpd_milters: milter,
  non_smtpd_milters: milter,
})

/** Starts both, with these settings of onescand, as they are set up for the address of its milter. */
export async function mailHost(
  t: Test,
  settings: Readonly<Record<string, string>>,
  setUp: (milter: string) => MailHostSetUp = () => ({}),
): Promise<MailHost> {
  const directory = openDirectory(t)
  chmodSync(directory, 0o755)
  const [log, sendmail] = [join(directory, 'log'), join(directory, 'sendmail')]
  writeFileSync(log, '')
  const milter = `unix:${directory}/milter`
  const { policy, isDown, services = '', ...more } = setUp(milter)
  const {
    options = ['--milter', milter, '--mode', '0666'],
    main = toMilter(milter),
    own = [],
  } = more
  if (policy !== undefined) writeFileSync(join(directory, 'onescan.policy'), policy)
  const places = { LOGFILE: log, TMPDIR: directory, CONTROLDIR: directory }
  const all = { QHPSI: 'plugin: eicar', ...places, ...settings }
  if (!isDown) await startOnescand(t, { args: options, settings: all })
  const sets = own.map((text) => `\n  -o ${text}`).join('')
  const smtpd = (port: number) => `${port} inet n - n - - smtpd${sets}`
  const postfix = await startPostfix(t, 'nowhere', main, { smtpd, services })
  const script = `#!/bin/sh\nexec /usr/sbin/sendmail -C ${dirname(postfix.queue)}/etc "$@"\n`
  writeFileSync(sendmail, script, { mode: 0o755 })
  return { postfix, sendmail, log, options }
}
