import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { EICAR } from '../../../../src/scanner/scan/scanners/eicar/eicar.ts'
import { readQuarantine } from '../../../cases/kept.ts'
import { openDirectory } from '../../../programs/host/reachable.ts'
import type { Ending } from '../../../programs/host/server.ts'
import { startNext } from './next-server.ts'

/** Where a message is once the SMTP door has answered 250. */
export interface Destination {
  /** Of onescand. */
  readonly settings: Readonly<Record<string, string>>
  readonly nextPort: number
  /** What each message has in it, in lines of CRLF. */
  readonly body: string
  /** Each message there, with what onescand has put on top. */
  contents(): Promise<readonly Buffer[]>
}

const LINES = 'line of text\r\n'.repeat(300)

/** The next server, for clean mail. */
export async function atNextServer(t: Ending): Promise<Destination> {
  const next = await startNext(t)
  return {
    settings: { QHPSI: 'plugin: eicar' },
    nextPort: next.port,
    body: LINES,
    contents: async () => next.got.map(({ content }) => content),
  }
}

/** The quarantine of this host, for infected mail. */
export async function inQuarantine(t: Ending): Promise<Destination> {
  const next = await startNext(t)
  const directory = join(openDirectory(t), 'quarantine')
  mkdirSync(directory, { mode: 0o700 })
  return {
    settings: { QHPSI: 'plugin: eicar', QUARANTINE: directory },
    nextPort: next.port,
    body: `${EICAR}\r\n${LINES}`,
    async contents() {
      const kept = await readQuarantine(directory)
      return [...kept.map(({ message }) => message), ...next.got.map(({ content }) => content)]
    },
  }
}
