import { execFileSync } from 'node:child_process'
import { chmodSync, chownSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { lacks } from '../../needs.mjs'
import { freePort } from '../host/free-port.ts'
import { openDirectory } from '../host/reachable.ts'
import type { Ending } from '../host/server.ts'
import { postfixMissing, startPostfix } from '../servers/postfix.ts'
import { startReceiver } from '../servers/smtp-receiver.ts'
import {
  bySmtp,
  type ClamdClient,
  type ClamdPlace,
  IN_OPENPGP,
  type Judge,
  pathOf,
  startWith,
} from './client.ts'

/** Milters that ask clamd, behind Postfix. */

/** Judges by a Postfix with a milter at this port, without which it takes no mail. */
async function behindPostfix(t: Ending, milter: number): Promise<Judge> {
  const receiver = await startReceiver(t)
  const postfix = await startPostfix(t, receiver.port, {
    smtpd_milters: `inet:127.0.0.1:${milter}`,
    milter_default_action: 'tempfail',
  })
  return bySmtp(postfix.port)
}

function clamavMilter(name: string, asksBy: ClamdClient['asksBy']): ClamdClient {
  return {
    name,
    missing: lacks('clamav-milter') || postfixMissing,
    asksBy,
    evasion: IN_OPENPGP,
    async start(t, place) {
      const port = await freePort()
      await startClamavMilter(t, place, { port, host: '127.0.0.1' })
      return behindPostfix(t, port)
    },
  }
}

/** Where a milter listens. */
type MilterPlace = { readonly path: string } | { readonly port: number; readonly host: '127.0.0.1' }

/** Starts clamav-milter until the test ends. */
export async function startClamavMilter(t: Ending, clamd: ClamdPlace, at: MilterPlace) {
  const config = join(openDirectory(t), 'clamav-milter.conf')
  writeFileSync(config, ofClamavMilter(at, clamd))
  await startWith(t, ['clamav-milter', '--config-file', config], at)
}

const ofClamavMilter = (at: MilterPlace, place: ClamdPlace) => `
MilterSocket ${'path' in at ? `unix:${at.path}` : `inet:${at.port}@${at.host}`}
ClamdSocket ${'path' in place ? `unix:${place.path}` : `tcp:127.0.0.1:${place.port}`}
Foreground yes
OnInfected Reject
OnFail Defer
`

/** MIMEDefang runs as an account of its own, which Debian's package makes. */
const ACCOUNT = 'defang'

const mimedefang: ClamdClient = {
  name: 'MIMEDefang',
  missing: lacks('mimedefang-multiplexor') || postfixMissing,
  asksBy: 'unix',
  evasion: IN_OPENPGP,
  start: async (t, place) => behindPostfix(t, await startMimedefang(t, place)),
}

/** Starts MIMEDefang until the test ends, and resolves to its port. */
export async function startMimedefang(t: Ending, place: ClamdPlace): Promise<number> {
  const directory = openDirectory(t)
  const spool = join(directory, 'spool')
  mkdirSync(spool)
  const id = (flag: string) => Number(execFileSync('id', [flag, ACCOUNT], { encoding: 'utf8' }))
  chownSync(spool, id('-u'), id('-g'))
  chmodSync(spool, 0o750)
  const filter = join(directory, 'mimedefang-filter')
  const clamdscan = join(directory, 'clamd.conf')
  writeFileSync(clamdscan, `LocalSocket ${pathOf(place)}\n`)
  writeFileSync(filter, filterAsking(clamdscan))
  const multiplexor = join(spool, 'multiplexor.sock')
  const common = ['-U', ACCOUNT, '-z', spool, '-D']
  await startWith(
    t,
    ['mimedefang-multiplexor', ...common, '-s', multiplexor, '-F', filter, '-m', '1', '-x', '2'],
    { path: multiplexor },
  )
  const port = await freePort()
  const words = ['mimedefang', ...common, '-m', multiplexor, '-p', `inet:${port}@127.0.0.1`]
  await startWith(t, words, { port, host: '127.0.0.1' })
  return port
}

/** As the filter of the package, which discards a virus: here its sender is informed. */
const filterAsking = (clamdscan: string) => `
$Features{'Virus:CLAMDSCAN'} = '/usr/bin/clamdscan';
$Features{'Path:CLAMDCONF'} = '${clamdscan}';
sub filter_begin {
  my($entity) = @_;
  md_copy_orig_msg_to_work_dir_as_mbox_file();
  my($code, $category, $action) = message_contains_virus();
  return action_bounce("virus $VirusName") if $category eq 'virus';
  action_tempfail('Problem running virus-scanner') if $action eq 'tempfail';
}
sub filter { return action_accept(); }
sub filter_multipart { return action_accept(); }
sub filter_end {}
1;
`

export const milterClients: readonly ClamdClient[] = [
  clamavMilter('clamav-milter by a unix socket', 'unix'),
  clamavMilter('clamav-milter by TCP', 'tcp'),
  mimedefang,
]
