// A program that starts the process of a plugin, which has this program's standard output, and descriptor 3
// for requests; then it is killed at once: it kills itself before it gives the event
// loop another turn.
import { spawn } from 'node:child_process'
import { hostCommand } from '../../../../../src/scanner/scan/scanners/file-plugin/host-process.ts'

const [program, ...words] = hostCommand('a.mjs', 20_000)
spawn(program, words, { detached: true, stdio: ['ignore', 'inherit', 'ignore', 3, 'pipe'] })
process.kill(process.pid, 'SIGKILL')
