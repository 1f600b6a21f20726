import { spawn } from 'node:child_process'
import type { Writable } from 'node:stream'
import { ownChild } from '../../runtime/own-children.ts'

export interface LastWill {
  /** From now on these process groups, and no others, end with us. */
  name(groups: readonly number[]): void
}

/** Keeps the last line that it was told. At the end of its input we are gone, however that came. */
const SCRIPT =
  'trap "" HUP INT TERM; while read -r line; do groups=$line; done; for group in $groups; do kill -s KILL -- "-$group"; done'

/**
 * Ends process groups should this process end without having done so, killed for
 * instance. A plugin in a busy loop hears of nothing, so it takes another process: a shell
 * that waits, and is there only while there is something to end.
 */
export function makeLastWill(): LastWill {
  let executor: Writable | undefined

  function appoint(): Writable {
    const shell = spawn('/bin/sh', ['-c', SCRIPT], {
      env: {},
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    })
    ownChild(shell)
    const input = shell.stdin
    shell.on('error', () => {}) // then a plugin ends at its own deadline
    input.on('error', () => {})
    shell.once('exit', () => {
      if (executor === input) executor = undefined
    })
    shell.unref()
    return input
  }

  return {
    name(groups) {
      executor ??= groups.length > 0 ? appoint() : undefined
      executor?.write(`${groups.join(' ')}\n`)
      if (groups.length > 0) return
      executor?.end()
      executor = undefined
    },
  }
}
