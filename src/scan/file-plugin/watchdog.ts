import { spawn } from 'node:child_process'
import type { Writable } from 'node:stream'
import { ownChild } from '../../ground/process/own-children.ts'

export interface Watchdog {
  /** From now on these process groups, and no others, end with us. */
  watch(groups: readonly number[]): void
}

/** Keeps the last line that it was told. Its input ends when we do, however that comes. */
const SCRIPT =
  'trap "" HUP INT TERM; while read -r line; do groups=$line; done; for group in $groups; do kill -s KILL -- "-$group"; done'

/**
 * Ends process groups should this process end without having done so, killed for
 * instance. A plugin in a busy loop hears of nothing, so it takes another process: a shell
 * that waits, and is there only while there is something to end.
 */
export function startWatchdog(): Watchdog {
  let input: Writable | undefined

  function startShell(): Writable {
    const shell = spawn('/bin/sh', ['-c', SCRIPT], {
      env: {},
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    })
    ownChild(shell)
    const { stdin } = shell
    shell.on('error', () => {}) // then a plugin ends at its own deadline
    stdin.on('error', () => {})
    shell.once('exit', () => {
      if (input === stdin) input = undefined
    })
    shell.unref()
    return stdin
  }

  return {
    watch(groups) {
      input ??= groups.length > 0 ? startShell() : undefined
      input?.write(`${groups.join(' ')}\n`)
      if (groups.length > 0) return
      input?.end()
      input = undefined
    },
  }
}
