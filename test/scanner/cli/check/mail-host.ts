import { writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Test } from 'tap'
import { openDirectory } from '../../../programs/host/reachable.ts'
import { type Postfix, startPostfix } from '../../../programs/servers/postfix.ts'
import { startOnescand } from '../../daemon/process.ts'

/** A Postfix that asks onescand as its milter about all mail, and then discards it. */
interface MailHost {
  readonly postfix: Postfix
  /** The program of this Postfix by which local programs send mail. */
  readonly sendmail: string
  /** The log of onescand. */
  readonly log: string
}

/** Starts both. They have also these settings, and master.cf these services. */
export async function mailHost(
  t: Test,
  settings: Readonly<Record<string, string>>,
  main: Readonly<Record<string, string>> = {},
  services = '',
): Promise<MailHost> {
  const directory = openDirectory(t)
  const [log, sendmail] = [join(directory, 'log'), join(directory, 'sendmail')]
  writeFileSync(log, '')
  const milter = `unix:${directory}/milter`
  const places = { LOGFILE: log, TMPDIR: directory }
  await startOnescand(t, {
    args: ['--milter', milter, '--mode', '0666'],
    settings: { QHPSI: 'plugin: eicar', ...places, ...settings },
  })
  const milters = { smtpd_milters: milter, non_smtpd_milters: milter }
  const postfix = await startPostfix(t, 'nowhere', { ...milters, ...main }, { services })
  const script = `#!/bin/sh\nexec /usr/sbin/sendmail -C ${dirname(postfix.queue)}/etc "$@"\n`
  writeFileSync(sendmail, script, { mode: 0o755 })
  return { postfix, sendmail, log }
}
