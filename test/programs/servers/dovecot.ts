import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { lacks, programPath } from '../../needs.mjs'
import { freePort } from '../host/free-port.ts'
import { openDirectory } from '../host/reachable.ts'
import { type Ending, startServer } from '../host/server.ts'

/** Why its tests are skipped; false where everything is there. */
export const dovecotMissing: string | false = lacks('dovecot', 'doveadm', 'dovecot lmtp', 'root')

/** A user with a Maildir, and a quota by a rule of Dovecot's; without one the mailbox shows it. */
export interface DovecotUser {
  readonly name: string
  readonly maildir: string
  readonly rule?: string
}

export interface Dovecot {
  /** Where its quota-status service listens, as QUOTAMAILBOX has it. */
  readonly inet: string
  readonly unix: string
  /** Where its LMTP service listens, on 127.0.0.1. */
  readonly lmtp: number
  /** Its log so far. */
  log(): string
  /** What doveadm prints for these words. */
  doveadm(...words: readonly string[]): Buffer
}

/**
 * The configuration of mailboxes, which belong to nobody(7). By Maildir++ the Trash is ignored,
 * which Dovecot must have in its configuration.
 */
const configuration = (directory: string, port: number, lmtp: number) => `
base_dir = ${directory}/run
state_dir = ${directory}/state
log_path = ${directory}/log
protocols = lmtp
postmaster_address = postmaster@example.org
hostname = dovecot.example.org
ssl = no
default_internal_user = dovecot
mail_plugins = quota
passdb {
  driver = passwd-file
  args = ${directory}/users
}
userdb {
  driver = passwd-file
  args = ${directory}/users
}
service quota-status {
  executable = quota-status -p postfix
  client_limit = 100
  inet_listener {
    address = 127.0.0.1
    port = ${port}
  }
  unix_listener ${directory}/quota-status {
    mode = 0666
  }
}
service lmtp {
  inet_listener lmtp {
    address = 127.0.0.1
    port = ${lmtp}
  }
}
protocol lmtp {
  auth_username_format = %n
}
service stats {
  unix_listener stats-writer {
    mode = 0666
  }
}
plugin {
  quota = maildir:User quota
  quota_rule = Trash:ignore
  quota_grace = 0
  quota_status_success = DUNNO
  quota_status_overquota = 552 5.2.2 Mailbox is full
  quota_status_nouser = REJECT Unknown user
}
`

/** A Dovecot of the test that serves nothing but quota-status and LMTP. */
export async function startDovecot(t: Ending, users: readonly DovecotUser[]): Promise<Dovecot> {
  const directory = openDirectory(t)
  const at = (name: string) => join(directory, name)
  const [port, lmtp] = [await freePort(), await freePort()]
  writeFileSync(at('dovecot.conf'), configuration(directory, port, lmtp))
  writeFileSync(at('users'), users.map(entry).join(''))
  writeFileSync(at('log'), '')
  const command = [programPath('dovecot'), '-F', '-c', at('dovecot.conf')]
  const { stop } = await startServer(command, { host: '127.0.0.1', port })
  t.teardown(stop)
  return {
    inet: `quota-status:inet:127.0.0.1:${port}`,
    lmtp,
    unix: `quota-status:unix:${at('quota-status')}`,
    log: () => readFileSync(at('log'), 'latin1'),
    doveadm: (...words) =>
      execFileSync(programPath('doveadm'), ['-c', at('dovecot.conf'), ...words]),
  }
}

function entry({ name, maildir, rule }: DovecotUser): string {
  const quota = rule === undefined ? '' : ` userdb_quota_rule2=${rule}`
  const extra = `userdb_mail=maildir:${maildir}${quota}`
  return `${name}:{PLAIN}x:65534:65534::${maildir}::${extra}\n`
}
