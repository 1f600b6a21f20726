import type { Environment } from '../../src/base/process/environment.ts'
import { readSetting } from '../../src/base/settings/read-settings.ts'
import { readClamdAddress } from '../../src/scanner/scan/scanners/clamd/clamd-address.ts'
import { askClamd } from '../../src/scanner/scan/scanners/clamd/session-pool.ts'

/** What the hosts scan with. */
export interface ScannerChoice {
  /** Environment of the slot. */
  readonly settings: Readonly<Record<string, string>>
  /** Lines for a person. */
  readonly description: readonly string[]
}

/** Milliseconds that a clamd has for its PONG. */
const TIMEOUT = 2000

/** The first clamd of CLAMD (or Debian's socket) that answers, else the plugin `eicar`. */
export async function chooseScanner(env: Environment): Promise<ScannerChoice> {
  const addresses = readSetting(env, 'CLAMD')
  const servers = addresses.join(' ')
  for (const address of addresses) {
    if (!(await answers(address))) continue
    return {
      settings: { QHPSI: 'plugin: clamd', CLAMD: servers },
      description: [`clamd at ${address}`],
    }
  }
  return {
    settings: { QHPSI: 'plugin: eicar' },
    description: [
      'plugin eicar, which knows the EICAR test string and no virus:',
      `no clamd answers at ${servers}; set CLAMD to yours`,
    ],
  }
}

async function answers(address: string): Promise<boolean> {
  const signal = AbortSignal.timeout(TIMEOUT)
  const outcome = await askClamd(readClamdAddress(address), 'PING', signal)
  return outcome.kind === 'answered' && outcome.reply === 'PONG'
}
