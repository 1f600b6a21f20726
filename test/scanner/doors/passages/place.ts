import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Ending } from '../../../programs/host/server.ts'
import { socketDirectory } from '../../../programs/host/socket-directory.ts'
import { keyring } from '../../scan/stamps/independently-stamped.ts'

interface Place {
  /** A path in its directory. */
  at(name: string): string
  /** Of a host that refuses what is infected. */
  readonly settings: Readonly<Record<'REJECTVIRUS', string> & Record<string, string>>
}

/** A directory with the ring of all hosts and a spool, which is removed with the test. */
export function openPlace(t: Ending, clamd: string): Place {
  const directory = socketDirectory(t)
  const at = (name: string) => join(directory, name)
  writeFileSync(at('ring'), keyring, { mode: 0o600 })
  mkdirSync(at('spool'), { mode: 0o700 })
  const settings = {
    QHPSI: 'plugin: clamd',
    CLAMD: clamd,
    CLUSTERKEYS: at('ring'),
    CLAMDBDIR: '/nonexistent',
    SPOOLDIR: at('spool'),
    REJECTVIRUS: '1',
  }
  return { at, settings }
}
