import { readFileSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { type Ending, startServer } from '../../../test/programs/host/server.ts'
import { compiled } from '../compile.ts'
import type { Passage } from '../drive.ts'

/** Counts what clamd is asked (relay.c). */
export interface Relay {
  /** Where onescand finds clamd. */
  readonly socket: string
  /**
   * The scans that clamd answered while each of these messages was on its way, if they went one after the
   * other. Answers up to now are forgotten.
   */
  take(passages: readonly Passage[]): number[]
}

/** Starts one in front of this clamd; `name` distinguishes it from others in the directory. */
export async function startRelay(
  t: Ending,
  clamd: string,
  name: string,
  directory: string,
): Promise<Relay> {
  const socket = join(directory, `${name}-relay.sock`)
  const file = join(directory, `${name}-answers`)
  const command = ['/bin/sh', '-c', 'exec "$@" >>"$0"', file, compiled('relay'), socket, clamd]
  const { stop } = await startServer(command, { path: socket })
  t.teardown(() => stop())
  return {
    socket,
    take(passages) {
      const times = readFileSync(file, 'latin1').split('\n').slice(0, -1).map(Number)
      truncateSync(file)
      return passages.map(
        ({ started, ms }) => times.filter((time) => time >= started && time <= started + ms).length,
      )
    },
  }
}
