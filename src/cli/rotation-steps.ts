import { Fault } from '../lib/errors/fault.ts'
import { shellWord } from '../lib/errors/shell-word.ts'
import { readOwnFile } from '../lib/path/open.ts'
import { isCurrent, isKeyId, KEYRING_MAX, parseKeyring } from '../scan/cluster/keyring.ts'
import { hasSystemd } from './shared/systemd-unit.ts'

/** What `onescan keygen --rotate` prints. */
interface RotationSteps {
  readonly text: string
  /** The same for programs: the ring, the key that signs now, the new one, and each step's commands. */
  readonly facts: {
    readonly file: string
    readonly signs: string
    readonly id: string
    readonly steps: readonly { readonly why: string; readonly commands: readonly string[] }[]
  }
}

/** A host as ssh(1) takes it: no option, and nothing that a shell reads. */
const HOST = /^[A-Za-z0-9][A-Za-z0-9_.@:-]*$/

/**
 * Says what to type, on the host that has the ring and on no other, so that all hosts of a cluster change from
 * the key that signs to a new one without an additional scan: onescan-stamp(7), "To change keys". Nothing
 * is changed. Throws a Fault of kind `config` if the ring has no key that signs.
 */
export async function rotationSteps(
  ring: string,
  hosts: readonly string[],
  fresh: string,
): Promise<RotationSteps> {
  const wrong = hosts.find((host) => !HOST.test(host))
  if (wrong !== undefined) throw new Fault('config', `--host ${wrong}: is no name of a host`)
  const keys = parseKeyring(readOwnFile(ring, KEYRING_MAX).toString('latin1'), ring)
  const old = keys.find((key) => isCurrent(key, Date.now() / 1000))
  if (old === undefined) throw new Fault('config', `${ring}: has no key that signs`)
  if (!isKeyId(old.id)) throw new Fault('config', `${ring}: the key that signs has no id`)
  let id = fresh
  for (let number = 2; keys.some((key) => key.id === id); number++) id = `${fresh}-${number}`

  const file = shellWord(ring)
  const reload = hasSystemd() ? 'systemctl reload onescand' : 'svc -h /service/onescand'
  // In one step there, too: half a ring defers mail.
  const toAll = [
    ...hosts.flatMap((host) => [
      `scp -p ${file} ${host}:${file}.new`,
      `ssh ${host} ${shellWord(`mv ${file}.new ${file} && ${reload}`)}`,
    ]),
    reload,
  ]
  const steps = [
    {
      why: `The new key ${id} verifies on every host, and ${old.id} still signs.`,
      commands: [`onescan keygen --append ${file} --id ${id}`, ...toAll],
    },
    {
      why: `Once all of step 1 is done: ${id} signs.`,
      commands: [`onescan keygen --promote ${file} --id ${id}`, ...toAll],
    },
    {
      why: `An hour after step 2 (CLUSTERMAXAGE), when stamps of ${old.id} are too old: remove it.`,
      commands: [`onescan keygen --retire ${file} --id ${old.id}`, ...toAll],
    },
  ]
  const others = hosts.length === 0 ? ' No other host was named by --host.' : ''
  const text = [
    `# As root on this host. Each other host gets the whole of ${file}.${others}`,
    ...steps.flatMap(({ why, commands }, at) => ['', `# ${at + 1}. ${why}`, ...commands]),
  ]
  return { text: `${text.join('\n')}\n`, facts: { file: ring, signs: old.id, id, steps } }
}
