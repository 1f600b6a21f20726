// A program that starts a process group, which holds standard output open, and a watchdog for it;
// then it is killed at once: it kills itself before it gives the event loop another turn.
import { spawn } from 'node:child_process'
import { startWatchdog } from '../../../src/scan/file-plugin/watchdog.ts'

const { pid } = spawn('sleep', ['3600'], { detached: true, stdio: ['ignore', 'inherit', 'ignore'] })
startWatchdog(pid!)
process.kill(process.pid, 'SIGKILL')
